"""How bad input ends a command: with one line that says what is wrong."""

import contextlib


class Refused(Exception):
    """The input can not be worked with; the message is the one line that says why."""


@contextlib.contextmanager
def refusing():
    """Around the reading of input, where an error means that the input is at fault."""
    try:
        yield
    except (ValueError, OSError, ImportError) as error:
        raise Refused(" ".join(str(error).split())) from error
