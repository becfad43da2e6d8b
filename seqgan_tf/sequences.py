"""Sequences of different length in one tensor: padding, masks, and means that padding does not dilute.

A batch of sequences is `token_ids`, int32 [B, T]. A sequence runs up to and including its end token,
or through all T positions where it has none. Every position after it holds `PADDING`, which is no
token: no vocabulary has to reserve an id for it, and it can not be confused with a word.
"""

import numpy as np
import tensorflow as tf

PADDING = -1


def mask(token_ids):
    """1 on every token of a sequence, its end token included, and 0 on padding.

    Args:
        token_ids: int tensor of any shape, padded with `PADDING`.

    Returns:
        float32 tensor of the same shape.
    """
    return tf.cast(tf.not_equal(token_ids, PADDING), tf.float32)


def lengths(token_ids):
    """Number of tokens of each sequence, its end token included: int32 [B] for token_ids [B, T]."""
    return tf.reduce_sum(tf.cast(tf.not_equal(token_ids, PADDING), tf.int32), axis=-1)


def pad_after_end(token_ids, end_token_id):
    """Replaces whatever follows the first end token of a sequence by `PADDING`.

    Args:
        token_ids: int tensor [B, T].
        end_token_id: int, or None where sequences do not end before position T.

    Returns:
        int32 tensor [B, T].
    """
    token_ids = tf.cast(token_ids, tf.int32)
    if end_token_id is None:
        return token_ids
    ends_before = tf.math.cumsum(tf.cast(tf.equal(token_ids, end_token_id), tf.int32), axis=1, exclusive=True)
    return tf.where(ends_before > 0, PADDING, token_ids)


def masked_sum(values, mask, axis=None):
    """Sum over the positions where the mask is 1; what stands elsewhere, NaN included, does not count."""
    return tf.reduce_sum(tf.where(mask > 0, values, 0.0), axis=axis)


def masked_mean(values, mask, axis=None):
    """Mean over the positions where the mask is 1 (divisor: the mask's sum), 0 where there is none.

    Args:
        values: float32 tensor.
        mask: float32 tensor of the same shape, 0 or 1.
        axis: axis or axes to reduce; all by default.
    """
    return tf.math.divide_no_nan(masked_sum(values, mask, axis), tf.reduce_sum(mask, axis=axis))


def check_token_ids(token_ids, vocabulary_size, name="token_ids"):
    """Refuses token ids that are neither in the vocabulary nor `PADDING`.

    Only concrete values can be looked at: for a tensor of a graph under construction this does nothing,
    so what enters a compiled function is checked before (`data.pipeline` does it for datasets).

    Raises:
        ValueError: an id is outside, or the ids are not integers.
    """
    if tf.is_tensor(token_ids) and not hasattr(token_ids, "numpy"):
        return
    values = np.asarray(token_ids)
    if not values.size:
        return
    if not np.issubdtype(values.dtype, np.integer):
        raise ValueError(f"`{name}` must hold integers. Received: dtype {values.dtype}")
    outside = values[(values < PADDING) | (values >= vocabulary_size)]
    if outside.size:
        raise ValueError(
            f"`{name}` must be in [0, {vocabulary_size}), the vocabulary, or {PADDING} for padding. "
            f"Received: {outside.flat[0]}"
        )
