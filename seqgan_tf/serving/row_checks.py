"""Checks of the rows of a request: an error message for each row that is wrong, the other rows stay as they are.

Axes: B batch, T sequence length.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from seqgan_tf.core.sequences import PADDING

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Generator


def token_errors(token_ids: tf.Tensor, generator: "Generator") -> list[tuple[tf.Tensor, str]]:
    """What can be wrong with token ids [B, T]: (bool [B], message) of each kind of error."""
    outside, continues = is_outside(token_ids, generator.vocabulary_size), goes_on(token_ids, generator.end_token_id)
    return [
        (outside, f"token_ids must be in [0, {generator.vocabulary_size}), or -1 after the end token"),
        (continues, "token_ids must be -1 after the end token"),
    ]


def is_outside(token_ids: tf.Tensor, vocabulary_size: int) -> tf.Tensor:
    """Whether a row of [B, T] holds an id that is neither in the vocabulary nor padding: bool [B]."""
    return tf.reduce_any((token_ids < PADDING) | (token_ids >= vocabulary_size), axis=1)


def goes_on(token_ids: tf.Tensor, end_token_id: int | None) -> tf.Tensor:
    """Whether a token follows the end token or padding in a row of [B, T]: bool [B]."""
    after = tf.cumsum(tf.cast(_is_end(token_ids, end_token_id), tf.int32), axis=1, exclusive=True) > 0
    return tf.reduce_any(after & (token_ids != PADDING), axis=1)


def is_whole(token_ids: tf.Tensor, generator: "Generator") -> tf.Tensor:
    """Whether no token can follow token ids [B, T]: bool [B]."""
    has_ended = tf.reduce_any(_is_end(token_ids, generator.end_token_id) & (token_ids != PADDING), axis=1)
    return has_ended | (token_ids[:, -1] != PADDING)


def _is_end(token_ids, end_token_id):
    is_end = token_ids == PADDING
    return is_end if end_token_id is None else is_end | (token_ids == end_token_id)


def temperature_error(temperature: tf.Tensor, can_be_zero: bool) -> tuple[tf.Tensor, str]:
    """(whether each value, float32 [B], is no temperature: bool [B]; the message)."""
    is_right = (temperature >= 0 if can_be_zero else temperature > 0) & tf.math.is_finite(temperature)
    return ~is_right, f"temperature must be a number {'of at least' if can_be_zero else 'above'} 0"


def utf8_error(text: tf.Tensor, name: str) -> tuple[tf.Tensor, str]:
    """(whether each text, string [B], is not UTF-8: bool [B]; the message)."""
    return tf.strings.unicode_transcode(text, "UTF-8", "UTF-8") != text, f"{name} must be UTF-8"


def first_error(*errors: tuple[tf.Tensor, tf.Tensor | str]) -> tf.Tensor:
    """string [B]: for each row the message of the first (bool [B], message) pair that is true, else ""."""
    found = tf.fill(tf.shape(errors[0][0]), "")
    for is_wrong, message in reversed(errors):
        found = tf.where(is_wrong, message, found)
    return found


def or_nan(values: tf.Tensor, is_wrong: tf.Tensor) -> tf.Tensor:
    """float32 [B, ...]: NaN in the rows where `is_wrong`, bool [B]."""
    return tf.where(tf.reshape(is_wrong, [-1] + [1] * (values.shape.rank - 1)), float("nan"), values)


def batch(**inputs: tuple[tf.Tensor, list[int | None]]) -> list[tf.Tensor]:
    """The tensors of the inputs, {name: (tensor, shape of a row)}; with other shapes the whole call fails.

    An axis of None has any size.
    """
    (first, (reference, _)), *_ = inputs.items()
    checks = []
    for name, (tensor, row) in inputs.items():
        message = f"`{name}` must have the shape [{', '.join(['B', *('*' if n is None else str(n) for n in row)])}]"
        message += "" if name == first else f" with the B of `{first}`"
        shape = tf.shape(tensor)
        sizes = [shape[axis] if n is None else n for axis, n in enumerate(row, 1)]
        expected = tf.stack([tf.shape(reference)[0], *sizes])
        checks.append(tf.debugging.assert_equal(shape, expected, message))
    with tf.control_dependencies([check for check in checks if check is not None]):  # in eager mode they are None
        return [tf.identity(tensor) for tensor, _ in inputs.values()]


def any_number_of_rows(function: Callable[..., dict[str, tf.Tensor]]) -> Callable[..., dict[str, tf.Tensor]]:
    """A method that answers a batch, for batches without a row too.

    TensorFlow's matrix products, and reshapes of conditions, fail on no rows. So such a batch gets one row of zeros.
    """

    @functools.wraps(function)
    def answer(self: Any, *inputs: Any, **named: Any) -> dict[str, tf.Tensor]:
        rows = tf.shape(tf.nest.flatten((inputs, named))[0])[0]
        missing = tf.cast(rows == 0, tf.int32)

        def add_row(values):
            if values is None:
                return None
            values = tf.convert_to_tensor(values)
            added = tf.pad(values, [[0, missing]] + [[0, 0]] * (values.shape.rank - 1))
            added.set_shape([None, *values.shape[1:]])
            return added

        inputs, named = tf.nest.map_structure(add_row, (inputs, named))
        return {name: values[:rows] for name, values in function(self, *inputs, **named).items()}

    return answer
