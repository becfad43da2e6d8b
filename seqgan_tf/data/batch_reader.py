"""Batches that are read from Python objects: a `keras.utils.PyDataset`, a generator or another iterable."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.inputs import as_rows, is_read_once, unwrapped


class BatchReader:
    """Reads batches from Python: a `PyDataset`, a generator or another iterable.

    Args:
        source: what yields the batches, each as `as_rows` takes them, or `(x,)`.
        name, vocabulary_size, sequence_length, end_token_id: see `as_rows`.
        with_condition: whether a batch is (conditions, token ids). Defaults to False.

    Example:
    ```python
    import numpy as np

    from seqgan_tf.data.batch_reader import BatchReader

    batches = BatchReader(iter([np.array([[3, 1, 2]])]), "data", vocabulary_size=5, sequence_length=4, end_token_id=0)
    print(next(batches()))  # [[ 3  1  2 -1]]
    ```
    """

    def __init__(
        self,
        source: Iterable[Any],
        name: str,
        vocabulary_size: int,
        sequence_length: int,
        end_token_id: int | None,
        with_condition: bool = False,
    ) -> None:
        self.source, self.name, self.with_condition = source, name, with_condition
        self.arguments = (vocabulary_size, sequence_length, end_token_id)
        self.read = 0
        self.has_ended = False

    def __call__(self) -> Iterator[Any]:
        """One pass: int32 [B, T], or (conditions, int32 [B, T]).

        Raises:
            InputError: the source can be read only once, and it has been read; or as `as_rows`.
        """
        if self.has_ended and is_read_once(self.source):
            raise InputError(
                f"`{self.name}` must be data that can be read more than once, such as a `tf.data.Dataset`, or a "
                f"generator with more batches. Received: a generator that ended after {self.read} batches"
            )
        for batch in self._batches():
            checked = self._checked(batch)
            self.read += 1
            yield checked
        self.has_ended = True

    def _checked(self, batch: Any) -> Any:
        if self.with_condition:
            if not isinstance(batch, tuple) or len(batch) != 2:
                raise InputError(
                    f"`{self.name}` must hold batches (condition, token_ids). Received: a {type(batch).__name__}"
                )
            rows = as_rows(batch[1], self.name, *self.arguments).astype(np.int32)
            condition = tf.nest.map_structure(np.asarray, batch[0])
            check_count(condition, len(rows), self.name)
            return condition, rows
        batch = unwrapped(batch)
        if isinstance(batch, (tuple, dict)):
            raise InputError(
                f"`{self.name}` must hold batches of int token ids [B, T]. Received: a {type(batch).__name__}"
            )
        return as_rows(batch, self.name, *self.arguments).astype(np.int32)

    def _batches(self) -> Iterator[Any]:
        if not isinstance(self.source, keras.utils.PyDataset):
            yield from self.source
            return
        self.source.on_epoch_begin()
        index, count = 0, self.source.num_batches
        while count is None or index < count:
            yield self.source[index]
            index += 1
        self.source.on_epoch_end()

    def dataset(self) -> tf.data.Dataset:
        """The batches as a `tf.data.Dataset` of int32 [B, T], or of (conditions, int32 [B, T])."""
        spec: Any = tf.TensorSpec([None, self.arguments[1]], tf.int32)
        if self.with_condition:
            spec = (tf.nest.map_structure(_any_size, self._first_condition()), spec)
        dataset = tf.data.Dataset.from_generator(self, output_signature=spec)
        if isinstance(self.source, keras.utils.PyDataset):
            count = self.source.num_batches
            size = tf.data.INFINITE_CARDINALITY if count is None else count
            dataset = dataset.apply(tf.data.experimental.assert_cardinality(size))
        return dataset

    def _first_condition(self) -> Any:
        """The conditions of the first batch, which is read again later; they say what conditions are like."""
        if isinstance(self.source, keras.utils.PyDataset):
            return self._checked(self.source[0])[0]
        batches = iter(self.source)
        first = next(batches, None)
        if first is None:
            raise InputError(f"`{self.name}` must hold at least one sequence. Received: a dataset without an element")
        if is_read_once(self.source):
            self.source = itertools.chain([first], batches)
        return self._checked(first)[0]


def _any_size(array: np.ndarray) -> tf.TensorSpec:
    return tf.TensorSpec([None] * array.ndim, array.dtype)


def check_count(condition: Any, count: int, name: str) -> None:
    """Checks that there are as many conditions as sequences.

    Args:
        condition: a nest of arrays or tensors.
        count: number of sequences.
        name: what the caller calls the data, for the message.

    Raises:
        InputError: another number.
    """
    for array in tf.nest.flatten(condition):
        if not len(array.shape) or array.shape[0] != count:
            raise InputError(f"`{name}` must hold {count} conditions, one per sequence. Received: {array.shape}")
