"""Convolutions over token embeddings as sums of table rows, for many completions of few prefixes.

A window of w tokens under a filter is sum_j E[token_j] . F_j. While embeddings and filters stay as they are, the
products of every token with every F_j can be made once: a window is then w rows of a table added up, in place of w * E
multiplications a filter. And a window that lies inside a given prefix is the same for all its completions, so it is
looked at once. Both are exact but for the order of additions.
"""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from seqgan_tf.sequences import PADDING, lengths

MAX_TABLE_BYTES = 2**29


def worthwhile(kernels, vocabulary_size, num_windows):
    """For each convolution, whether a table is cheaper than the convolution, and whether there is room for it.

    Args:
        kernels: list of tensors [w, E, filters].
        vocabulary_size: int, V.
        num_windows: list of int, windows that will be looked at, one number a kernel.

    Returns:
        list of bool. A table costs V products of a token and is taken where at least twice as many windows make use of
        it; narrow windows come first, until the tables fill `MAX_TABLE_BYTES`.
    """
    chosen, used = [False] * len(kernels), 0
    for i in sorted(range(len(kernels)), key=lambda i: kernels[i].shape[0]):
        width, _, filters = kernels[i].shape
        size = 4 * (vocabulary_size + 1) * width * filters
        if num_windows[i] >= 2 * vocabulary_size and used + size <= MAX_TABLE_BYTES:
            chosen[i], used = True, used + size
    return chosen


def make_table(embeddings, kernel):
    """The products of every token with every position of a filter.

    Args:
        embeddings: float [V, E].
        kernel: float [w, E, filters].

    Returns:
        float [w * (V + 1), filters]: row j * (V + 1) + token, where token V stands for padding and has zeros.
    """
    padded = tf.pad(embeddings, [[0, 1], [0, 0]])
    return tf.reshape(tf.matmul(padded[tf.newaxis], kernel), [-1, kernel.shape[2]])


def windows(table, width, token_ids, sequence, start):
    """The convolution at chosen windows.

    Args:
        table: as `make_table` gives it.
        width: int, w.
        token_ids: int32 [S, T], padded; S sequences.
        sequence, start: int32 tensors of one shape [...]: which sequence, and where in it the window begins. A window
            that lies on padding is replaced by the first one of its sequence, which always counts.

    Returns:
        float [..., filters].
    """
    positions = token_ids.shape[1]
    last = tf.maximum(lengths(token_ids) - width, 0)
    start = tf.where(start <= tf.gather(last, sequence), start, 0)
    rows_a_position = table.shape[0] // width
    flat = tf.reshape(tf.where(token_ids == PADDING, rows_a_position - 1, token_ids), [-1])
    first = sequence * positions + start
    return tf.add_n([tf.gather(table, tf.gather(flat, first + j) + j * rows_a_position) for j in range(width)])


def prefix_maxima(table, width, token_ids, prefixes):
    """The maximum over the windows that lie inside a prefix.

    Args:
        table, width: see `windows`.
        token_ids: int32 [B, T].
        prefixes: list of K ints, prefix lengths.

    Returns:
        float [K, B, filters]; the lowest number where a prefix has no window.
    """
    count = token_ids.shape[1] - width + 1
    sequence, start = tf.meshgrid(tf.range(token_ids.shape[0]), tf.range(count))
    found = windows(table, width, token_ids, sequence, start)  # [windows, B, filters]
    so_far = tfp.math.scan_associative(tf.maximum, found, axis=0)
    none = tf.fill(tf.shape(found[:1]), found.dtype.min)
    return tf.gather(tf.concat([none, so_far], axis=0), [max(prefix - width + 1, 0) for prefix in prefixes])


def completion_maxima(table, width, completed, prefixes):
    """The maximum over the windows that reach beyond a prefix.

    Args:
        table, width: see `windows`.
        completed: int32 [K, R, T], R completions of each prefix.
        prefixes: list of K ints, prefix lengths.

    Returns:
        float [K, R, filters].
    """
    num_prefixes, rows, positions = completed.shape
    pairs = [
        (k, start)
        for k, prefix in enumerate(prefixes)
        for start in range(max(prefix - width + 1, 0), positions - width + 1)
    ]
    k, start = np.array(pairs, np.int32).T
    sequence = k[:, np.newaxis] * rows + np.arange(rows, dtype=np.int32)
    start = np.broadcast_to(start[:, np.newaxis], sequence.shape)
    found = windows(table, width, tf.reshape(completed, [-1, positions]), tf.constant(sequence), tf.constant(start))
    return tf.math.unsorted_segment_max(found, k, num_prefixes)
