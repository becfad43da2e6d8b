"""Sequences of different lengths in one tensor: padding, masks, and means over tokens only.

A batch of sequences is `token_ids`, int32 [B, T]. A sequence consists of the tokens up to and including its end token,
or of all T tokens where it has none. Every position after that holds `PADDING`.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from seqgan_tf.core.padding import PADDING
from seqgan_tf.core.validation import InputError, check_tensors

AXES = "BTVKLMN"  # letters of the axes of any tensor, for messages


def mask(token_ids: tf.Tensor | np.ndarray) -> tf.Tensor:
    """1 on every token of a sequence, its end token included, and 0 on padding.

    Args:
        token_ids: int tensor of any shape, padded with `PADDING`.

    Returns:
        float32 tensor of the same shape.
    """
    return tf.cast(tf.not_equal(token_ids, PADDING), tf.float32)


def lengths(token_ids: tf.Tensor | np.ndarray) -> tf.Tensor:
    """Number of tokens of each sequence, its end token included: int32 [B] for token_ids [B, T]."""
    return tf.reduce_sum(tf.cast(tf.not_equal(token_ids, PADDING), tf.int32), axis=-1)


def pad_after_end(token_ids: tf.Tensor | np.ndarray, end_token_id: int | None) -> tf.Tensor:
    """Replaces everything after the first end token of a sequence by `PADDING`.

    Args:
        token_ids: int tensor [B, T].
        end_token_id: the token that ends a sequence, or None where sequences fill all T positions.

    Returns:
        int32 tensor [B, T].
    """
    token_ids = tf.cast(token_ids, tf.int32)
    if end_token_id is None:
        return token_ids
    ends_before = tf.math.cumsum(tf.cast(tf.equal(token_ids, end_token_id), tf.int32), axis=1, exclusive=True)
    return tf.where(ends_before > 0, PADDING, token_ids)


def masked_sum(
    values: tf.Tensor | np.ndarray, mask: tf.Tensor | np.ndarray, axis: int | Sequence[int] | None = None
) -> tf.Tensor:
    """Sum of the values where the mask is 1. Values elsewhere, NaN included, have no effect.

    Args:
        values: float tensor of any shape.
        mask: float tensor of the same shape, 0 or 1.
        axis: axis or axes to reduce. Defaults to None: all.

    Raises:
        InputError: values and mask have different shapes, or do not hold floats.
    """
    values, mask = tf.convert_to_tensor(values), tf.convert_to_tensor(mask)
    if values.shape.rank is not None:
        axes = AXES[: values.shape.rank]
        check_tensors(values=(values, axes), mask=(mask, axes))
    return tf.reduce_sum(tf.where(mask > 0, values, 0.0), axis=axis)


def masked_mean(
    values: tf.Tensor | np.ndarray, mask: tf.Tensor | np.ndarray, axis: int | Sequence[int] | None = None
) -> tf.Tensor:
    """Mean of the values where the mask is 1 (divisor: the sum of the mask); 0 where the mask is 0 everywhere.

    Args and errors: as for `masked_sum`.
    """
    return tf.math.divide_no_nan(masked_sum(values, mask, axis), tf.reduce_sum(mask, axis=axis))


def misplaced_padding(token_ids: np.ndarray) -> np.ndarray:
    """Whether each row has padding before a token: bool [n] for an int array [n, T]."""
    is_padding = token_ids == PADDING
    return np.any(is_padding[:, :-1] & ~is_padding[:, 1:], axis=1)


def check_token_ids(token_ids: object, vocabulary_size: int, name: str = "token_ids") -> None:
    """Checks that token ids are in the vocabulary or `PADDING`, and that padding is at the end of each row.

    Only values that exist can be checked: for a tensor of a graph under construction this does nothing, so data are
    checked before they enter a compiled function (`data.pipeline` does it for datasets).

    Args:
        token_ids: int tensor, array or list of any shape.
        vocabulary_size: V.
        name: what the caller calls them, for the message. Defaults to "token_ids".

    Raises:
        InputError: an id is outside, the ids are not integers, or a row of a matrix has padding before a token.
    """
    if tf.is_tensor(token_ids) and not hasattr(token_ids, "numpy"):
        return
    values = np.asarray(token_ids)
    if not values.size:
        return
    if not np.issubdtype(values.dtype, np.integer):
        raise InputError(f"`{name}` must hold integers. Received: dtype {values.dtype}")
    outside = values[(values < PADDING) | (values >= vocabulary_size)]
    if outside.size:
        raise InputError(
            f"`{name}` must be in [0, {vocabulary_size}), the vocabulary, or {PADDING} for padding. "
            f"Received: {outside.flat[0]}"
        )
    # No assignment expressions: AutoGraph, which reads this inside a `tf.function`, does not know them.
    wrong = misplaced_padding(values) if values.ndim == 2 else np.zeros(0, bool)
    if np.any(wrong):
        row = int(np.argmax(wrong))
        raise InputError(
            f"`{name}` must be padded with {PADDING} at the end of a row alone. "
            f"Received: row {row}, {short(values[row].tolist())}"
        )


def check_length(token_ids: tf.Tensor, sequence_length: int, network: str = "discriminator") -> None:
    """Checks that sequences are not longer than those that a network takes.

    Args:
        token_ids: int [B, T].
        sequence_length: of the network.
        network: what it is, for the message. Defaults to "discriminator".

    Raises:
        InputError: T > sequence_length.
    """
    if token_ids.shape[1] is not None and token_ids.shape[1] > sequence_length:
        raise InputError(
            f"`token_ids` must be at most {sequence_length} long, the {network}'s sequence_length. "
            f"Received: shape {tuple(token_ids.shape)}"
        )


def check_generated_length(generator: object, sequence_length: int) -> None:
    """Checks that a generator can draw sequences of T tokens: some have a maximum, their `sequence_length`.

    Raises:
        InputError: T is above it.
    """
    longest = getattr(generator, "sequence_length", None)
    if longest is not None and sequence_length > longest:
        raise InputError(
            f"`sequence_length` must be at most {longest}, the generator's sequence_length. Received: {sequence_length}"
        )


def short(values: list, most: int = 20) -> str:
    """A list as a str, cut after `most` values, for a message of one line."""
    return str(values) if len(values) <= most else f"[{', '.join(map(str, values[:most]))}, ...]"
