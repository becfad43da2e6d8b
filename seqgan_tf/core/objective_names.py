"""Names of objectives, and of the logs of their means. This module does not import TensorFlow."""

import re

from seqgan_tf.core.validation import InputError

PREFIX = "objective_"
"""What the log of an objective begins with, so that it cannot have the name of another log."""


def check_name(name: object) -> str:
    """Checks the name of an objective.

    Raises:
        InputError: it is not a str of letters of the Latin alphabet, digits and underscores.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_]+", name):
        raise InputError(f"`name` must consist of letters, digits and underscores. Received: {name!r}")
    return name


def log_name(name: str) -> str:
    """The name of the log of an objective's mean, such as "objective_rhyme" of "rhyme"."""
    return PREFIX + name


def name_of_log(log: str) -> str | None:
    """The name of the objective whose mean a log is; None for another log."""
    return log.removeprefix(PREFIX) if log.startswith(PREFIX) else None
