"""Token ids as tf.data: batches for likelihood training, and the stream that the discriminator learns from."""

import numpy as np
import tensorflow as tf

from seqgan_tf.checks import check_at_least
from seqgan_tf.sequences import PADDING, check_token_ids, pad_after_end


def batches(token_ids, batch_size, shuffle_seed=None):
    """Batches of an array in memory; the last one may be smaller.

    Args:
        token_ids: int array [n, T].
        batch_size: int.
        shuffle_seed: int; each pass is then shuffled anew, the same way in every run. Defaults to None: in order.

    Returns:
        `tf.data.Dataset` of int32 [B, T].
    """
    check_at_least(1, batch_size=batch_size)
    dataset = tf.data.Dataset.from_tensor_slices(np.asarray(token_ids, np.int32))
    if shuffle_seed is not None:
        dataset = dataset.shuffle(len(token_ids), seed=shuffle_seed)
    # TensorFlow's tuner of pipelines sleeps for up to a minute at a time, and the end of an iteration may wait for it.
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.batch(batch_size).prefetch(2).with_options(options)


def as_dataset(data, name, batch_size, vocabulary_size, sequence_length, end_token_id):
    """Any input of the training methods as batches of checked, padded sequences.

    Args:
        data: `tf.data.Dataset` of int [B, T], or an int array [n, T].
        name: what the caller calls it, for messages.
        batch_size: int, for an array.
        vocabulary_size: int; ids outside are refused, at once for an array, otherwise when the batch is read.
        sequence_length: int, the T that is expected.
        end_token_id: int or None; what follows it becomes padding.

    Returns:
        `tf.data.Dataset` of int32 [B, T].

    Raises:
        ValueError: another type, another shape, or ids outside the vocabulary.
    """
    if not isinstance(data, tf.data.Dataset):
        array = np.asarray(data)
        check_token_ids(array, vocabulary_size, name)
        _check_shape(tf.TensorShape(array.shape), name, sequence_length)
        if not len(array):
            raise ValueError(f"`{name}` must hold at least one sequence. Received: shape {array.shape}")
        data = batches(array, batch_size)
    elif not isinstance(data.element_spec, tf.TensorSpec) or not data.element_spec.dtype.is_integer:
        raise ValueError(f"`{name}` must be a dataset of int token ids [B, T]. Received: {data.element_spec}")
    _check_shape(data.element_spec.shape, name, sequence_length)

    def check(token_ids):
        token_ids = tf.cast(token_ids, tf.int64)  # in which unsigned ids can be compared with the padding
        inside = tf.logical_and(token_ids >= PADDING, token_ids < vocabulary_size)
        message = f"`{name}` must hold token ids in [0, {vocabulary_size}), the vocabulary, or {PADDING} for padding"
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(inside), [message])]):
            return tf.ensure_shape(pad_after_end(token_ids, end_token_id), [None, sequence_length])

    return data.map(check)


def rounds(dataset, size):
    """The dataset again and again in elements of exactly `size` sequences: int32 [size, T], without end.

    Passes follow each other without a gap and nothing is dropped, so at any time each sequence has been met equally
    often, give or take one.
    """
    return dataset.repeat().rebatch(size, drop_remainder=True)


def count_sequences(dataset):
    """Number of sequences in a dataset of batches: one pass over it.

    Raises:
        ValueError: the dataset has no end.
    """
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError("`steps_per_epoch` must be given for a dataset without end")
    return int(dataset.reduce(np.int64(0), lambda total, batch: total + tf.shape(batch, tf.int64)[0]))


def _check_shape(shape, name, sequence_length):
    if shape.rank != 2 or shape[1] not in (None, sequence_length):
        raise ValueError(f"`{name}` must be of shape [batch, {sequence_length}]. Received: {shape}")
