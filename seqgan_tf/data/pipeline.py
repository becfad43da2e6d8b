"""Token ids as tf.data: batches for likelihood training, and the endless stream for the discriminator."""

import numpy as np
import tensorflow as tf

from seqgan_tf.core.sequences import PADDING, check_token_ids, pad_after_end
from seqgan_tf.core.validation import InputError, check_at_least


def batches(token_ids: np.ndarray, batch_size: int, shuffle_seed: int | None = None) -> tf.data.Dataset:
    """Batches of an array in memory; the last one may be smaller.

    Args:
        token_ids: int array [n, T].
        batch_size: sequences per batch.
        shuffle_seed: seed of the order; each pass has another order, the same in every run. Defaults to None: the
            order of the array.

    Returns:
        `tf.data.Dataset` of int32 [B, T].

    Raises:
        InputError: `batch_size` is below 1.
    """
    check_at_least(1, batch_size=batch_size)
    dataset = tf.data.Dataset.from_tensor_slices(np.asarray(token_ids, np.int32))
    if shuffle_seed is not None:
        dataset = dataset.shuffle(len(token_ids), seed=shuffle_seed)
    # TensorFlow's tuner of pipelines sleeps for up to a minute at a time, and the end of an iteration may wait for it.
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.batch(batch_size).prefetch(2).with_options(options)


def as_dataset(
    data: tf.data.Dataset | np.ndarray,
    name: str,
    batch_size: int,
    vocabulary_size: int,
    sequence_length: int,
    end_token_id: int | None,
) -> tf.data.Dataset:
    """Any input of the training methods as batches of checked, padded sequences.

    Args:
        data: `tf.data.Dataset` of int [B, T], or an int array [n, T].
        name: what the caller calls it, for messages.
        batch_size: sequences per batch, for an array.
        vocabulary_size: V. Ids outside are an error: at once for an array, when the batch is read for a dataset.
        sequence_length: the expected T.
        end_token_id: the token that ends a sequence, or None; everything after it becomes padding.

    Returns:
        `tf.data.Dataset` of int32 [B, T].

    Raises:
        InputError: another type, another shape, no sequence, or ids outside the vocabulary.
    """
    if not isinstance(data, tf.data.Dataset):
        try:
            array = np.asarray(data)
        except ValueError as error:
            expected = f"`{name}` must be of shape [batch, {sequence_length}]"
            raise InputError(f"{expected}. Received: rows of different lengths") from error
        check_token_ids(array, vocabulary_size, name)
        _check_shape(tf.TensorShape(array.shape), name, sequence_length)
        if not len(array):
            raise InputError(f"`{name}` must hold at least one sequence. Received: shape {array.shape}")
        data = batches(array, batch_size)
    elif not isinstance(data.element_spec, tf.TensorSpec) or not data.element_spec.dtype.is_integer:
        raise InputError(f"`{name}` must be a dataset of int token ids [B, T]. Received: {data.element_spec}")
    _check_shape(data.element_spec.shape, name, sequence_length)

    def check(token_ids):
        token_ids = tf.cast(token_ids, tf.int64)  # so that unsigned ids can be compared with the padding
        inside = tf.logical_and(token_ids >= PADDING, token_ids < vocabulary_size)
        message = f"`{name}` must hold token ids in [0, {vocabulary_size}), the vocabulary, or {PADDING} for padding"
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(inside), [message])]):
            return tf.ensure_shape(pad_after_end(token_ids, end_token_id), [None, sequence_length])

    return data.map(check)


def rounds(dataset: tf.data.Dataset, size: int) -> tf.data.Dataset:
    """An endless dataset that repeats the sequences in elements of exactly `size`: int32 [size, T].

    Passes over the data follow each other without a gap and nothing is dropped. So at any time the numbers of times
    that two sequences were read differ by at most one.

    Args:
        dataset: `tf.data.Dataset` of int32 [B, T].
        size: sequences per element.
    """
    return dataset.repeat().rebatch(size, drop_remainder=True)


def count_sequences(dataset: tf.data.Dataset) -> int:
    """Number of sequences in a dataset of batches. It reads the whole dataset once.

    Raises:
        InputError: the dataset is infinite.
    """
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise InputError("`steps_per_epoch` must be given for a dataset without end")
    return int(dataset.reduce(np.int64(0), lambda total, batch: total + tf.shape(batch, tf.int64)[0]))


def _check_shape(shape: tf.TensorShape, name: str, sequence_length: int) -> None:
    if shape.rank != 2 or shape[1] not in (None, sequence_length):
        raise InputError(f"`{name}` must be of shape [batch, {sequence_length}]. Received: {shape}")
