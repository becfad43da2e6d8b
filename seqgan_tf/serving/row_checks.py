"""Checks of the rows of a request: an error message for each row that is wrong, the other rows stay as they are.

Axes: B batch, T sequence length.
"""

from typing import TYPE_CHECKING

import tensorflow as tf

from seqgan_tf.core.sequences import PADDING

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Generator


def token_errors(token_ids: tf.Tensor, generator: "Generator") -> list[tuple[tf.Tensor, str]]:
    """What can be wrong with token ids [B, T]: (bool [B], message) of each kind of error."""
    outside = tf.reduce_any((token_ids < PADDING) | (token_ids >= generator.vocabulary_size), axis=1)
    is_end = _is_end(token_ids, generator)
    after = tf.cumsum(tf.cast(is_end, tf.int32), axis=1, exclusive=True) > 0
    continues = tf.reduce_any(after & (token_ids != PADDING), axis=1)
    return [
        (outside, f"token_ids must be in [0, {generator.vocabulary_size}), or -1 after the end token"),
        (continues, "token_ids must be -1 after the end token"),
    ]


def is_whole(token_ids: tf.Tensor, generator: "Generator") -> tf.Tensor:
    """Whether no token can follow token ids [B, T]: bool [B]."""
    has_ended = tf.reduce_any(_is_end(token_ids, generator) & (token_ids != PADDING), axis=1)
    return has_ended | (token_ids[:, -1] != PADDING)


def _is_end(token_ids, generator):
    is_end = token_ids == PADDING
    return is_end if generator.end_token_id is None else is_end | (token_ids == generator.end_token_id)


def is_temperature(temperature: tf.Tensor) -> tf.Tensor:
    """Whether each value can be a temperature: bool [B] for float32 [B]."""
    return (temperature > 0) & tf.math.is_finite(temperature)


def first_error(*errors: tuple[tf.Tensor, tf.Tensor | str]) -> tf.Tensor:
    """string [B]: for each row the message of the first (bool [B], message) pair that is true, else ""."""
    found = tf.fill(tf.shape(errors[0][0]), "")
    for is_wrong, message in reversed(errors):
        found = tf.where(is_wrong, message, found)
    return found


def or_nan(values: tf.Tensor, is_wrong: tf.Tensor) -> tf.Tensor:
    """float32 [B, ...]: NaN in the rows where `is_wrong`, bool [B]."""
    return tf.where(tf.reshape(is_wrong, [-1] + [1] * (values.shape.rank - 1)), float("nan"), values)


def batch(**inputs: tuple[tf.Tensor, list[int]]) -> list[tf.Tensor]:
    """The tensors of the inputs, {name: (tensor, shape of a row)}; with other shapes the whole call fails."""
    (first, (reference, _)), *_ = inputs.items()
    checks = []
    for name, (tensor, row) in inputs.items():
        message = f"`{name}` must have the shape [B{''.join(f', {n}' for n in row)}]"
        message += "" if name == first else f" with the B of `{first}`"
        expected = tf.concat([tf.shape(reference)[:1], row], axis=0)
        checks.append(tf.debugging.assert_equal(tf.shape(tensor), expected, message))
    with tf.control_dependencies([check for check in checks if check is not None]):  # in eager mode they are None
        return [tf.identity(tensor) for tensor, _ in inputs.values()]
