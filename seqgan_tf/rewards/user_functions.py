"""Calls of functions that the user gave: checks of what they take and return, and how their errors leave a graph."""

import contextlib
import inspect
import math
import numbers
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from seqgan_tf.core.validation import InputError

LARGEST = float(np.finfo(np.float32).max)
SHOWN = 60  # characters of a text in a message
_raised: list[tuple[InputError, BaseException | None]] = []
"""The last error of an objective, and its cause. TensorFlow keeps the message alone, and Keras removes the cause."""


def name_of(function: Any) -> str:
    """The name of a function, for messages; of another callable object that of its class."""
    return getattr(function, "__name__", type(function).__name__)


def takes_prompts(function: Any) -> bool:
    """Whether a function takes `prompts` by name.

    Raises:
        InputError: it does not take `completions` by name.
    """
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # a function of a C library
        return True
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())

    def takes(name: str) -> bool:
        kind = parameters[name].kind if name in parameters else None
        return takes_any or kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)

    if not takes("completions"):
        raise InputError(
            "`function` must take `completions`, a list of str, by this name. "
            f"Received: {name_of(function)}({', '.join(parameters)})"
        )
    return takes("prompts")


def decoder_of(name: str, decoder: Any) -> Callable[[Any], Any]:
    """The function that decodes.

    Raises:
        InputError: there is none.
    """
    method = getattr(decoder, "decode", None)
    found = method if callable(method) else decoder
    if not callable(found) or isinstance(decoder, (str, bytes)):
        raise InputError(
            f"`{name}` must be a tokenizer or a function that returns a list of str. Received: {decoder!r}"
        )
    return found


def decoded(name: str, decoder: Any, data: Any, count: int) -> list[str]:
    """The texts of rows.

    Raises:
        InputError: the decoder raises an error, or does not return one str per row.
    """
    try:
        found = decoder_of(name, decoder)(data)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"`{name}` must run on {count} rows. Received: {reason_of(error)}") from error
    if not isinstance(found, (list, tuple, np.ndarray)) or len(found) != count:
        received = f"{len(found)}" if isinstance(found, (list, tuple, np.ndarray)) else type(found).__name__
        raise InputError(f"`{name}` must return a list of {count} str, one per row. Received: {received}")
    wrong = next((text for text in found if not isinstance(text, str)), None)
    if wrong is not None:
        raise InputError(f"`{name}` must return a list of str. Received: {type(wrong).__name__} in it")
    return [str(text) for text in found]


def finite(called: str, value: Any, text: str) -> float:
    """A value that a function returned, as a float.

    Args:
        called: the call, for the message.
        value: the value.
        text: the text that got it, for the message.

    Raises:
        InputError: it is no number, or not finite in float32.
    """
    if hasattr(value, "dtype") and np.ndim(value) == 0:  # a scalar of NumPy, TensorFlow or another library
        value = np.asarray(value).item()
    if not isinstance(value, numbers.Real):
        raise InputError(f"{called} must return numbers. Received: {type(value).__name__} for {text[:SHOWN]!r}")
    try:
        found = float(value)
    except OverflowError:  # an int of hundreds of digits
        found = math.inf
    if not abs(found) <= LARGEST:
        raise InputError(f"{called} must return finite numbers. Received: {found} for {text[:SHOWN]!r}")
    return found


def reason_of(error: Exception) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def keep_error(error: InputError) -> None:
    """Keeps an error with its cause, for `errors_of_objectives`."""
    _raised[:] = [(error, error.__cause__)]


@contextlib.contextmanager
def errors_of_objectives() -> Iterator[None]:
    """Turns the error of TensorFlow, where an objective failed while a model was trained, into the objective's own.

    Raises:
        InputError: what is wrong; an error that the user's function raised is its `__cause__`, with its traceback.
    """
    try:
        yield
    except (tf.errors.OpError, InputError) as error:
        found = [(own, cause) for own, cause in _raised if str(own) in str(error)]
        _raised.clear()
        if not found:
            raise
        own, cause = found[0]
        raise own from cause
