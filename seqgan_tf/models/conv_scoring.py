"""Convolutions over token embeddings as sums of table rows, for many completions of few prefixes.

A window of w tokens under a filter is sum_j E[token_j] . F_j. While embeddings and filters stay the same, the product
of every token with every F_j is computed once and kept in a table. A window is then the sum of w table rows, instead of
w * E multiplications per filter. A window inside a given prefix is the same for all completions of this prefix, so it
is computed once for all of them. The results are exact except for the order of additions.

Axes: B sequences, K prefixes, R completions of each prefix, T sequence length, V vocabulary, E embedding, w width.
"""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from seqgan_tf.core.sequences import PADDING, lengths

MAX_TABLE_BYTES = 2**29

Features = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""Function of completed, int32 [K, R, T], and of rows, int32 [R]: float32 [K * R, filters]."""


def tabled_features(
    embeddings: tf.Tensor,
    convolutions: Sequence[keras.layers.Conv1D],
    token_ids: tf.Tensor,
    prefixes: list[int],
    num_completions: int,
) -> dict[int, Features]:
    """relu of the maximum over the windows on tokens, for the convolutions where a table is cheaper.

    Args:
        embeddings: float [V, E].
        convolutions: built, without padding; each no wider than T.
        token_ids: int32 [B, T], the sequences whose prefixes are completed; B is static.
        prefixes: K prefix lengths.
        num_completions: completions of each prefix of each sequence, in all.

    Returns:
        {index of the convolution: function of completions and of the sequences [R] that they belong to}.
    """
    length = token_ids.shape[1]
    completions = token_ids.shape[0] * num_completions * len(prefixes)
    embeddings = tf.cast(embeddings, tf.float32)
    kernels = [tf.cast(convolution.kernel, tf.float32) for convolution in convolutions]
    num_windows = [completions * (length - kernel.shape[0] + 1) for kernel in kernels]
    chosen = worthwhile(kernels, embeddings.shape[0], num_windows)
    return {
        i: _features(embeddings, kernels[i], convolutions[i].bias, token_ids, prefixes)
        for i, is_chosen in enumerate(chosen)
        if is_chosen
    }


def _features(embeddings, kernel, bias, token_ids, prefixes) -> Features:
    width, _, filters = kernel.shape
    table = make_table(embeddings, kernel)
    inside = prefix_maxima(table, width, token_ids, prefixes)

    def features(completed, rows):
        beyond = completion_maxima(table, width, completed, prefixes)
        maxima = tf.maximum(beyond, tf.gather(inside, rows, axis=1)) + bias
        return tf.nn.relu(tf.reshape(maxima, [-1, filters]))

    return features


def worthwhile(kernels: Sequence[tf.Tensor], vocabulary_size: int, num_windows: Sequence[int]) -> list[bool]:
    """For each convolution, whether a table is cheaper than the convolution and fits into memory.

    Args:
        kernels: tensors [w, E, filters].
        vocabulary_size: V.
        num_windows: for each kernel, how many windows will be computed.

    Returns:
        For each kernel True or False. A table costs as much as V windows and is used where it replaces at least 2 V of
        them. Narrow windows come first, until the tables fill `MAX_TABLE_BYTES`.
    """
    chosen, used = [False] * len(kernels), 0
    for i in sorted(range(len(kernels)), key=lambda i: kernels[i].shape[0]):
        width, _, filters = kernels[i].shape
        size = 4 * (vocabulary_size + 1) * width * filters
        if num_windows[i] >= 2 * vocabulary_size and used + size <= MAX_TABLE_BYTES:
            chosen[i], used = True, used + size
    return chosen


def make_table(embeddings: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """The products of every token with every position of a filter.

    Args:
        embeddings: float [V, E].
        kernel: float [w, E, filters].

    Returns:
        float [w * (V + 1), filters]: row j * (V + 1) + token; token V is padding, its rows are 0.
    """
    padded = tf.pad(embeddings, [[0, 1], [0, 0]])
    return tf.reshape(tf.matmul(padded[tf.newaxis], kernel), [-1, kernel.shape[2]])


def windows(table: tf.Tensor, width: int, token_ids: tf.Tensor, sequence: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
    """The convolution at chosen windows.

    Args:
        table: as `make_table` returns it.
        width: w.
        token_ids: int32 [S, T], padded; S sequences.
        sequence, start: int32 tensors of one shape [...]: which sequence, and the position where the window begins. A
            window that contains padding is replaced by the first window of its sequence, which always counts.

    Returns:
        float [..., filters].
    """
    positions = token_ids.shape[1]
    last = tf.maximum(lengths(token_ids) - width, 0)
    start = tf.where(start <= tf.gather(last, sequence), start, 0)
    rows_a_position = table.shape[0] // width
    flat = tf.reshape(tf.where(token_ids == PADDING, rows_a_position - 1, token_ids), [-1])
    first = sequence * positions + start
    # In a loop: where memory seems short to it, TensorFlow adds many large tensors (`add_n`, or a chain of +) in the
    # order of their arrival, and the last bits then change from run to run.
    rows = tf.stack([tf.gather(flat, first + j) + j * rows_a_position for j in range(width)])
    total = tf.gather(table, rows[0])
    return tf.foldl(lambda total, row: total + tf.gather(table, row), rows[1:], total) if width > 1 else total


def prefix_maxima(table: tf.Tensor, width: int, token_ids: tf.Tensor, prefixes: list[int]) -> tf.Tensor:
    """The maximum over the windows inside each prefix.

    Args:
        table, width: see `windows`.
        token_ids: int32 [B, T].
        prefixes: K prefix lengths.

    Returns:
        float [K, B, filters]; the smallest number of the dtype where a prefix has no window.
    """
    count = token_ids.shape[1] - width + 1
    sequence, start = tf.meshgrid(tf.range(token_ids.shape[0]), tf.range(count))
    found = windows(table, width, token_ids, sequence, start)  # [windows, B, filters]
    so_far = tfp.math.scan_associative(tf.maximum, found, axis=0)
    none = tf.fill(tf.shape(found[:1]), found.dtype.min)
    return tf.gather(tf.concat([none, so_far], axis=0), [max(prefix - width + 1, 0) for prefix in prefixes])


def completion_maxima(table: tf.Tensor, width: int, completed: tf.Tensor, prefixes: list[int]) -> tf.Tensor:
    """The maximum over the windows that reach beyond each prefix.

    Args:
        table, width: see `windows`.
        completed: int32 [K, R, T], R completions of each prefix.
        prefixes: K prefix lengths.

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
