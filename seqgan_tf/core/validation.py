"""Checks of the user's input, and the error that they raise: one line that says what is wrong."""

import importlib.util
import numbers
import operator
import re
from collections.abc import Iterable, Sequence
from typing import Any


class InputError(ValueError):
    """The user's input cannot be used: an argument, a setting or a file.

    The message is one line that names the argument or the file, what was expected and what was received. The command
    line prints it and exits with 2. Any other exception is a fault of this package and shows its traceback.

    Example:
    ```python
    import seqgan_tf as sg

    try:
        sg.Generator(vocabulary_size=1)
    except ValueError as error:  # an InputError
        print(error)  # `vocabulary_size` must be at least 2. Received: 1
    ```
    """

    # TensorFlow's AutoGraph replaces errors that are raised inside a `tf.function` by its own, without this attribute.
    ag_pass_through = True
    # Keras adds lines about the arguments of the layer to errors that lack this attribute.
    _keras_call_info_injected = True


class MissingExtraError(InputError, ImportError):
    """A feature needs a package that is not installed. The message names the extra that installs it.

    Example:
    ```python
    from seqgan_tf.core.validation import MissingExtraError, require

    try:
        require("not_installed", "A warm-up", extra="serving")
    except MissingExtraError as error:
        print(error)  # A warm-up needs not_installed: pip install 'seqgan-tf[serving]'
    ```
    """


def require(module: str, feature: str, extra: str) -> None:
    """Checks that an optional package is installed.

    Args:
        module: name of the package as it is imported.
        feature: what needs it, for the message.
        extra: name of the extra of `seqgan-tf` that installs it.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        is_missing = importlib.util.find_spec(module) is None
    except ModuleNotFoundError:  # the package that should hold the module
        is_missing = True
    if is_missing:
        raise MissingExtraError(f"{feature} needs {module}: pip install 'seqgan-tf[{extra}]'")


def check_at_least(least: float, **values: float) -> None:
    """Checks that numbers are not too small.

    Args:
        least: the smallest allowed number.
        **values: numbers by the name that the caller gave them; checked in order.

    Raises:
        InputError: one is below `least`.
    """
    for name, value in values.items():
        if not isinstance(value, (numbers.Real, bool)) or not value >= least:
            raise InputError(f"`{name}` must be at least {least}. Received: {value!r}")


def whole_number(name: str, value: Any) -> int:
    """The value as an int, whatever library its type is of.

    Args:
        name: what the caller calls it, for the message.
        value: an int, a NumPy integer, or another object with `__index__`.

    Raises:
        InputError: it is something else, such as a float.
    """
    try:
        return operator.index(value)
    except TypeError as error:
        raise InputError(f"`{name}` must be an int. Received: {value!r}") from error


def real_number(name: str, value: Any) -> float:
    """The value as a float, whatever library its type is of.

    Args:
        name: what the caller calls it, for the message.
        value: an int, a float, a NumPy number or a scalar tensor.

    Raises:
        InputError: it is something else, such as a str.
    """
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        return float(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"`{name}` must be a number. Received: {value!r}") from error


def image_size_of(size: int | Sequence[int]) -> tuple[int, int]:
    """Height and width in pixels of a setting `image_size`, which is both, or one number for both.

    Args:
        size: the setting.

    Raises:
        InputError: it is neither, or a number is below 1.
    """
    numbers = list(size) if isinstance(size, Sequence) else [size, size]
    if len(numbers) != 2:
        raise InputError(f"`image_size` must be a number of pixels, or height and width. Received: {size!r}")
    height, width = (whole_number("image_size", number) for number in numbers)
    check_at_least(1, image_size=min(height, width))
    return height, width


def check_tensors(
    axes: dict[str, int | None] | None = None, integers: Iterable[str] = ("token_ids",), **tensors: tuple[Any, str]
) -> None:
    """Checks ranks, equal axes and dtypes of tensors, so that broadcasting cannot hide a wrong shape.

    Inside a `tf.function` the check runs when the function is traced. A rank or an axis that is unknown then passes.

    Args:
        axes: sizes of axes that are fixed, by letter. Defaults to None: each axis takes its size from the first tensor
            that has it.
        integers: names of the tensors that must hold integers; all others must hold floats. Defaults to `token_ids`.
        **tensors: (tensor, its axes as a str of letters), by the name that the caller gave them. Axes with the same
            letter must have the same size, such as `logits=(logits, "BTV"), token_ids=(token_ids, "BT")`.

    Raises:
        InputError: a rank, an axis or a dtype differs from the expected one.
    """
    sizes = {letter: size for letter, size in (axes or {}).items() if size is not None}
    for name, (tensor, letters) in tensors.items():
        shape, dtype = getattr(tensor, "shape", None), getattr(tensor, "dtype", None)
        if shape is None or dtype is None:
            raise InputError(f"`{name}` must be a tensor or an array. Received: {type(tensor).__name__}")
        if getattr(shape, "rank", len(letters)) is not None:  # a rank of None is unknown
            _check_shape(name, tuple(shape), letters, sizes)
        dtype = str(getattr(dtype, "name", dtype))
        kind, pattern = ("integers", "u?int") if name in integers else ("floats", "b?float")
        if not re.match(pattern, dtype):
            raise InputError(f"`{name}` must hold {kind}. Received: dtype {dtype}")


def _check_shape(name: str, shape: tuple[int | None, ...], letters: str, sizes: dict[str, int]) -> None:
    """Compares a shape with the sizes of its axes, and adds the sizes that are new."""
    expected = f"`{name}` must be of shape [{', '.join(letters)}]"
    if len(shape) != len(letters):
        raise InputError(f"{expected}. Received: shape {shape}")
    for letter, size in zip(letters, shape, strict=True):
        if size is not None and sizes.setdefault(letter, size) != size:
            raise InputError(f"{expected} with {letter} = {sizes[letter]}. Received: shape {shape}")
