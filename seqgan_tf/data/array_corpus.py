"""A corpus whose sequences are arrays: its datasets, and the part that metrics are reported on."""

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from seqgan_tf.core.elements import join_condition

if TYPE_CHECKING:
    import tensorflow as tf


class ArrayCorpus:
    """The datasets of a corpus that has its sequences as arrays.

    A subclass sets the attributes. Those of conditions are None here: there are none.

    Attributes:
        train_token_ids: int32 array [n, T].
        validation_token_ids: int32 array [m, T].
        test_token_ids: int32 array [k, T], or None where there is no test part.
        train_condition, validation_condition, held_out_condition: conditions of these sequences, or None.
        batch_size: sequences per batch of the datasets.
        seed: seed of the order in training.

    Example:
    ```python
    import numpy as np

    from seqgan_tf.data.array_corpus import ArrayCorpus

    class Digits(ArrayCorpus):
        def __init__(self):
            self.train_token_ids = np.arange(12).reshape(4, 3)
            self.validation_token_ids, self.test_token_ids = self.train_token_ids[:1], None
            self.batch_size, self.seed = 2, 0

    print([batch.shape for batch in Digits().train])
    ```
    """

    conditions: Any = None
    train_condition: Any = None
    validation_condition: Any = None
    held_out_condition: Any = None

    train_token_ids: np.ndarray
    validation_token_ids: np.ndarray
    test_token_ids: np.ndarray | None
    batch_size: int
    seed: int

    @functools.cached_property
    def train(self) -> "tf.data.Dataset":
        """Batches of the training part."""
        from seqgan_tf.data import pipeline  # imports TensorFlow: files are read and checked without it

        return pipeline.batches(self.train_data, self.batch_size, shuffle_seed=self.seed)

    @functools.cached_property
    def train_by_length(self) -> "tf.data.Dataset":
        """The same in batches of sequences of similar length, each as wide as its longest: for `pretrain_generator`."""
        from seqgan_tf.data import pipeline

        return pipeline.batches_by_length(self.train_data, self.batch_size, self.seed)

    @functools.cached_property
    def validation(self) -> "tf.data.Dataset":
        """Batches of the validation part."""
        from seqgan_tf.data import pipeline

        return pipeline.batches(join_condition(self.validation_condition, self.validation_token_ids), self.batch_size)

    @property
    def train_data(self) -> Any:
        """The training part: `train_token_ids`, or with conditions (`train_condition`, `train_token_ids`)."""
        return join_condition(self.train_condition, self.train_token_ids)

    @property
    def held_out_token_ids(self) -> np.ndarray:
        """The test part where there is one, else the validation part: int32 array [m, T]."""
        return self.validation_token_ids if self.test_token_ids is None else self.test_token_ids
