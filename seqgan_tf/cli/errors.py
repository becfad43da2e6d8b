"""Turns errors in the arguments of a command into one line."""

import contextlib
import difflib
from collections.abc import Iterator, Sequence
from typing import Any

import tyro._errors as events

from seqgan_tf.core.validation import InputError


class ArgumentError(InputError):
    """The arguments of the command line cannot be read.

    Example:
    ```python
    from seqgan_tf.cli.errors import ArgumentError
    from seqgan_tf.cli.main import parse

    try:
        parse(["train", "--nonsense", "1"])
    except ArgumentError as error:
        print(error)  # unknown argument --nonsense (see --help)
    ```
    """

    def __str__(self) -> str:
        return f"{super().__str__()} (see --help)"


@contextlib.contextmanager
def one_line(arguments: Sequence[str], flags: Sequence[str] = ()) -> Iterator[None]:
    """Context for parsing arguments: raises errors that tyro would print in a box.

    Args:
        arguments: the arguments that are parsed.
        flags: all flags of the command, to suggest one for an unknown flag. Defaults to ().

    Raises:
        ArgumentError: the arguments cannot be read.
    """

    def refuse(event: events.ParseErrorEvent) -> None:
        raise ArgumentError(" ".join(describe(event, arguments, flags).split()))

    with events.on_parse_error(refuse):
        yield


def describe(event: events.ParseErrorEvent, arguments: Sequence[str] = (), flags: Sequence[str] = ()) -> str:
    """The error in the arguments, in words."""
    if isinstance(event, events.MissingArgs):
        return "missing " + ", ".join(_with_help(missing.arg) for missing in event.missing_arguments)
    if isinstance(event, events.UnrecognizedArgs):
        unknown = [token for token in event.tokens if token.startswith("--")] or event.tokens
        return "; ".join(_unknown(token, flags) for token in unknown)
    if isinstance(event, events.InvalidChoice):
        name, choices = event.argument.display_name(), ", ".join(event.choices)
        return f"{name} must be one of {choices}. Received: {event.value!r}"
    if isinstance(event, events.BadValue):
        received = "none" if event.offending_value is None else repr(event.offending_value)
        return f"{event.argument.display_name()} must have a value. Received: {received}"
    if isinstance(event, events.InstantiationFailure) and event.argument is not None:
        name = event.argument.display_name()
        return f"{name} must be {event.argument.lowered.metavar}. Received: {_given(name, arguments) or event.message}"
    return str(getattr(event, "message", type(event).__name__))


def _with_help(argument: Any) -> str:
    text = argument.field.helptext
    return f"{argument.display_name()} ({text() if callable(text) else text})"


def _given(flag: str, arguments: Sequence[str]) -> str:
    """The values of a flag in the arguments, as they were typed, where it stands last; "" if it is not there."""
    found: list[str] = []
    is_inside = False
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name.replace("_", "-") == flag:
            found, is_inside = [value] if value else [], True
        elif argument.startswith("--"):
            is_inside = False
        elif is_inside:
            found.append(argument)
    return " ".join(found)


def _unknown(token: str, flags: Sequence[str]) -> str:
    close = difflib.get_close_matches(token.split("=")[0].replace("_", "-"), flags, 1, cutoff=0.8)
    return f"unknown argument {token}" + (f", did you mean {close[0]}?" if close else "")
