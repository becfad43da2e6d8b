"""Token ids as tf.data: batches for likelihood training, and the endless stream for the discriminator."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqgan_tf.core.conditions import take_rows
from seqgan_tf.core.graphs import mapped
from seqgan_tf.core.sequences import PADDING
from seqgan_tf.core.validation import InputError, check_at_least
from seqgan_tf.data import inputs
from seqgan_tf.data.batch_reader import BatchReader, check_count
from seqgan_tf.data.memory import is_in_file, release
from seqgan_tf.data.shuffle_order import ShuffleOrder

LENGTH_WINDOW = 50
"""Batches that are sorted by length together."""
ROWS_IN_MEMORY = 256
"""Rows of a memory-mapped array that are read before its memory is given back."""


def batches(data: Any, batch_size: int, shuffle_seed: int | None = None) -> tf.data.Dataset:
    """Batches of an array; the last one may be smaller.

    The rows of an array in memory are copied once. Those of an array in a file (`numpy.memmap`, `memory.IndexedRows`)
    are read when they are needed. The order is that of
    `tf.data.Dataset.from_tensor_slices(token_ids).shuffle(n, shuffle_seed)`.

    Args:
        data: token ids, an int array [n, T]; or (conditions, token ids), the conditions a nest of arrays [n, ...].
        batch_size: sequences per batch.
        shuffle_seed: seed of the order; each pass has another order, the same in every run. Defaults to None: the
            order of the array.

    Returns:
        `tf.data.Dataset` of int32 [B, T], or of (conditions, int32 [B, T]).

    Raises:
        InputError: `batch_size` is below 1.
    """
    check_at_least(1, batch_size=batch_size)
    arrays, size = tf.nest.flatten(data), len(tf.nest.flatten(data)[-1])
    if any(map(is_in_file, arrays)):
        return _prefetched(_read_batches(data, _parts_in_order(size, batch_size, shuffle_seed), -(-size // batch_size)))
    rows = tf.nest.map_structure(lambda array: tf.convert_to_tensor(_small(array)), data)
    indices = tf.data.Dataset.range(size)
    if shuffle_seed is not None and size:
        indices = indices.shuffle(size, seed=shuffle_seed)
    # Indices are shuffled, not rows: the shuffle's buffer then holds one number per row.
    return _prefetched(mapped(indices.batch(batch_size), lambda index: take_rows(rows, index)))


def batches_by_length(data: Any, batch_size: int, seed: int) -> tf.data.Dataset:
    """Batches of sequences of similar length, each only as wide as its longest sequence; the last may be smaller.

    A likelihood step takes as long as the longest sequence of its batch. So where lengths differ, an epoch of these
    batches is faster than one of `batches`. Each pass draws another order: `LENGTH_WINDOW` batches at a time are sorted
    by the number of tokens, cut into batches, and the batches of the pass are shuffled.

    Args:
        data: token ids, an int array [n, T]; or (conditions, token ids), the conditions a nest of arrays [n, ...].
            Conditions that are sequences, int arrays [n, S], are cut to the longest of the batch too.
        batch_size: sequences per batch.
        seed: seed of the order.

    Returns:
        `tf.data.Dataset` of int32 [B, T' <= T], or of (conditions, int32 [B, T']).

    Raises:
        InputError: `batch_size` is below 1.
    """
    check_at_least(1, batch_size=batch_size)
    sequences = [array for array in tf.nest.flatten(data) if _is_sequences(array)]
    lengths = [np.count_nonzero(array != PADDING, axis=1) for array in sequences]
    size = len(sequences[-1])
    count = -(-size // batch_size)
    passes = iter(np.random.default_rng([seed, number]) for number in itertools.count())

    def parts() -> Iterator[np.ndarray]:
        draw = next(passes)
        order = draw.permutation(size)
        found = []
        for start in range(0, size, batch_size * LENGTH_WINDOW):
            window = order[start : start + batch_size * LENGTH_WINDOW]
            window = window[np.lexsort([length[window] for length in lengths])]
            found += [window[i : i + batch_size] for i in range(0, len(window), batch_size)]
        yield from (found[i] for i in draw.permutation(len(found)))

    return _prefetched(_read_batches(data, parts, count, is_cut=True))


def _is_sequences(array: np.ndarray) -> bool:
    return array.ndim == 2 and array.dtype.kind == "i"


def _small(array: np.ndarray) -> np.ndarray:
    """An array as it is fed: token ids and labels as int32; an image keeps its dtype."""
    array = np.asarray(array)
    return array.astype(np.int32, copy=False) if array.dtype.kind in "iu" and array.ndim < 3 else array


def _prefetched(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Two batches ahead, without TensorFlow's tuner of pipelines.

    It sleeps for up to a minute at a time, and the end of an iteration may wait for it.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    # Every replica takes its rows of a whole batch, see `core.replicas`.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.prefetch(2).with_options(options)


def _parts_in_order(size: int, batch_size: int, shuffle_seed: int | None) -> Callable[[], Iterator[Any]]:
    """Function that returns the slices or indices of the batches of the next pass; the order needs 4 bytes per row."""
    order = None if shuffle_seed is None else ShuffleOrder(size, *tf.compat.v1.get_seed(shuffle_seed))

    def parts() -> Iterator[Any]:
        if order is not None:
            return order.next_pass(batch_size)
        return (slice(start, start + batch_size) for start in range(0, size, batch_size))

    return parts


def _read_batches(data: Any, parts: Callable[[], Iterator[Any]], count: int, is_cut: bool = False) -> tf.data.Dataset:
    """Batches that are read from arrays when they are needed; `parts` returns the rows of each batch of a pass."""
    arrays = tf.nest.flatten(data)

    def take(array: np.ndarray, part: Any) -> np.ndarray:
        rows = np.array(_small(array[part]))
        if is_cut and _is_sequences(array):
            rows = rows[:, : max(1, int(np.count_nonzero(rows != PADDING, axis=1).max()))]
        return rows

    def spec(array: np.ndarray) -> tf.TensorSpec:
        width = [None] if is_cut and _is_sequences(array) else list(array.shape[1:])
        return tf.TensorSpec([None, *width], _small(array[:0]).dtype)

    def read() -> Iterator[Any]:
        since_release = 0
        for part in parts():
            rows = [take(array, part) for array in arrays]
            yield tf.nest.pack_sequence_as(data, rows)
            # A row that is read brings pages of the file around it into memory, up to 0.5 MiB.
            since_release += len(rows[-1])
            if since_release > ROWS_IN_MEMORY:
                for array in arrays:
                    release(array)
                since_release = 0

    dataset = tf.data.Dataset.from_generator(read, output_signature=tf.nest.map_structure(spec, data))
    return dataset.apply(tf.data.experimental.assert_cardinality(count))


def as_dataset(
    data: Any,
    name: str,
    batch_size: int,
    vocabulary_size: int,
    sequence_length: int,
    end_token_id: int | None,
    with_condition: bool = False,
    pad: bool = True,
) -> tf.data.Dataset:
    """Any input of the training methods as batches of checked, padded sequences.

    Args:
        data: an int array or tensor [n, T], a ragged tensor, or lists of different lengths; or batches [B, T], dense or
            ragged: a `tf.data.Dataset`, a `keras.utils.PyDataset`, a generator or another iterable. `(x,)` is x. Rows
            shorter than T are padded; rows that are padded in front are moved to the front.
        name: what the caller calls it, for messages.
        batch_size: sequences per batch, for data that are no batches.
        vocabulary_size: V. Ids outside are an error: at once for an array, when the batch is read for the others (see
            `inputs.errors_of_input`) and for an array that is mapped from a file.
        sequence_length: the expected T.
        end_token_id: the token that ends a sequence, or None; everything after it becomes padding.
        with_condition: whether data are (conditions, token ids): a pair of a nest of arrays [n, ...] and token ids
            [n, T], or a `tf.data.Dataset` of batches of such pairs. Defaults to False.
        pad: whether dense batches of a `tf.data.Dataset` that are narrower than T are padded. Defaults to True.

    Returns:
        `tf.data.Dataset` of int32 [B, T], or of (conditions, int32 [B, T]).

    Raises:
        InputError: another type, another shape, no sequence, ids outside the vocabulary, a sequence without a token, or
            one with padding between its tokens; or a number of conditions that differs from that of the sequences.
    """
    if with_condition:
        return _with_condition(data, name, batch_size, (name, vocabulary_size, sequence_length, end_token_id), pad)
    data = inputs.unwrapped(data)
    arguments = (name, vocabulary_size, sequence_length, end_token_id)
    if isinstance(data, np.memmap):
        data = batches(data, batch_size)
    elif isinstance(data, (str, bytes, dict)) or data is None:
        raise InputError(f"`{name}` must be {inputs.KINDS}. Received: an object of the class {type(data).__name__}")
    elif not isinstance(data, (tf.data.Dataset, keras.utils.PyDataset)) and (
        inputs.is_rows(data) or not isinstance(data, Iterable)
    ):
        data = batches(inputs.as_rows(data, *arguments), batch_size)
    elif not isinstance(data, tf.data.Dataset):
        data = BatchReader(data, *arguments).dataset()
    spec = data.element_spec
    if isinstance(spec, tuple) and len(spec) == 1:
        data, spec = mapped(data, lambda token_ids: token_ids), spec[0]
    is_ragged = isinstance(spec, tf.RaggedTensorSpec)
    if not (is_ragged or isinstance(spec, tf.TensorSpec)) or not spec.dtype.is_integer:
        raise InputError(f"`{name}` must be a dataset of int token ids [B, T]. Received: {spec}")
    if spec.shape.rank != 2 or (spec.shape[1] or 0) > sequence_length:
        raise InputError(f"`{name}` must be of shape [batch, {sequence_length}]. Received: {spec.shape}")
    if data.cardinality() == 0:
        raise InputError(f"`{name}` must hold at least one sequence. Received: a dataset without an element")

    def check(token_ids):
        return inputs.aligned(
            token_ids.to_tensor(PADDING) if is_ragged else token_ids, *arguments, pad=pad or is_ragged
        )

    return mapped(data, check)


def _with_condition(
    data: Any, name: str, batch_size: int, arguments: tuple[str, int, int, int | None], pad: bool
) -> tf.data.Dataset:
    """`as_dataset` for (conditions, token ids)."""
    expected = f"`{name}` must be (condition, token_ids), or a `tf.data.Dataset`, `PyDataset` or generator of them"
    if isinstance(data, tf.data.Dataset):
        spec = data.element_spec
        if not isinstance(spec, tuple) or len(spec) != 2 or not isinstance(spec[1], tf.TensorSpec):
            raise InputError(f"{expected}, for a generator with an encoder. Received: {spec}")
        if spec[1].shape.rank != 2 or not spec[1].dtype.is_integer:
            raise InputError(f"`{name}` must hold token ids, integers of shape [B, T]. Received: {spec[1]}")
        return mapped(data, lambda condition, token_ids: (condition, inputs.aligned(token_ids, *arguments, pad=pad)))
    if isinstance(data, keras.utils.PyDataset) or (isinstance(data, Iterable) and not inputs.is_rows(data)):
        return BatchReader(data, *arguments, with_condition=True).dataset()
    if not isinstance(data, tuple) or len(data) != 2:
        raise InputError(f"{expected}, for a generator with an encoder. Received: {type(data).__name__}")
    condition, token_ids = data
    rows = inputs.as_rows(token_ids, *arguments).astype(np.int32)
    condition = tf.nest.map_structure(tf.convert_to_tensor, condition)
    check_count(condition, len(rows), name)
    return _prefetched(tf.data.Dataset.from_tensor_slices((condition, rows)).batch(batch_size))


def rounds(dataset: tf.data.Dataset, size: int) -> tf.data.Dataset:
    """An endless dataset that repeats the sequences in elements of exactly `size`, with their conditions if any.

    Passes over the data follow each other without a gap and nothing is dropped. So at any time the numbers of times
    that two sequences were read differ by at most one.

    Args:
        dataset: `tf.data.Dataset` of int32 [B, T].
        size: sequences per element.
    """
    return dataset.repeat().rebatch(size, drop_remainder=True)


def check_has_end(data: Any, dataset: tf.data.Dataset, name: str, steps_name: str) -> None:
    """Checks that data without end come with a number of steps.

    Args:
        data: what the user gave.
        dataset: `as_dataset` of it.
        name: what the user calls it, for the message.
        steps_name: the argument that is missing.

    Raises:
        InputError: the data have no end, or are a generator, of which that cannot be known.
    """
    kind = "a generator" if inputs.is_read_once(data) else "a dataset without end"
    if inputs.is_read_once(data) or dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise InputError(f"`{steps_name}` must be given for a dataset without end. Received: {kind} as `{name}`")


def count_sequences(dataset: tf.data.Dataset) -> int:
    """Number of sequences in a dataset of batches. It reads the whole dataset once.

    Raises:
        InputError: the dataset is infinite.
    """
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise InputError("`steps_per_epoch` must be given for a dataset without end")

    def add(total, *batch):
        return total + tf.shape(tf.nest.flatten(batch)[-1], tf.int64)[0]

    return int(dataset.reduce(np.int64(0), add))
