"""Data that are sampled from an oracle."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from seqgan_tf.core import sampling, seeds
from seqgan_tf.core.graphs import graph_function
from seqgan_tf.core.sequences import PADDING
from seqgan_tf.core.validation import InputError, check_at_least
from seqgan_tf.data import pipeline

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Generator

BATCH_SIZE = 500


class OracleCorpus:
    """Independent samples of an oracle for training, validation and test (paper, section 4).

    Args:
        oracle: a generator whose distribution is the true one, such as `Oracle`.
        sequence_length: T. Defaults to 20, the paper's.
        num_train: number of training sequences. Defaults to 10,000, the paper's.
        num_held_out: number of validation sequences, and of test sequences. Defaults to 5,000.
        batch_size: sequences per batch of the datasets. Defaults to 64.
        seed: seed of the samples and of the order in training. Defaults to 0.

    Attributes:
        train: `tf.data.Dataset` of int32 [B, T].
        validation: the same for the validation part.
        train_token_ids: int32 array [num_train, T], the sequences of `train`.
        validation_token_ids: int32 array [num_held_out, T], the sequences of `validation`.
        test_token_ids: int32 array [num_held_out, T].
        task: "oracle".
        conditions, train_condition, validation_condition, held_out_condition: None.
        vocabulary_size: V, the oracle's.
        sequence_length: T.
        end_token_id: the oracle's, None where sequences fill all T positions.

    Raises:
        InputError: a sequence length below 2, or fewer training sequences than one batch.

    Example:
    ```python
    import seqgan_tf as sg

    corpus = sg.OracleCorpus(sg.Oracle(50, seed=1), num_train=1000, num_held_out=200, seed=1)
    print(corpus.train_token_ids.shape)  # (1000, 20)
    ```
    """

    task = "oracle"
    conditions = train_condition = validation_condition = held_out_condition = None

    def __init__(
        self,
        oracle: "Generator",
        sequence_length: int = 20,
        num_train: int = 10_000,
        num_held_out: int = 5_000,
        batch_size: int = 64,
        seed: int = 0,
    ):
        check_at_least(2, sequence_length=sequence_length)
        check_at_least(0, num_held_out=num_held_out)
        if num_train < batch_size:
            raise InputError(f"`num_train` must be at least {batch_size}, one batch. Received: {num_train}")
        self.sequence_length = sequence_length
        self.vocabulary_size = oracle.vocabulary_size
        self.end_token_id = oracle.end_token_id
        draw = graph_function(lambda part: sampling.sample(oracle, BATCH_SIZE, sequence_length, part))
        total = num_train + 2 * num_held_out
        count = -(-total // BATCH_SIZE)
        parts = [draw(seeds.stream_seed(seed, seeds.Stream.ORACLE_CORPUS, part)) for part in range(count)]
        token_ids = tf.concat(parts, axis=0).numpy()
        self.train_token_ids = token_ids[:num_train]
        self.validation_token_ids = token_ids[num_train : num_train + num_held_out]
        self.test_token_ids = token_ids[num_train + num_held_out : total]
        self.train = pipeline.batches(self.train_token_ids, batch_size, shuffle_seed=seed)
        self.validation = pipeline.batches(self.validation_token_ids, batch_size)

    @property
    def held_out_token_ids(self) -> np.ndarray:
        """The test part, int32 array [num_held_out, T]."""
        return self.test_token_ids

    @property
    def notes(self) -> list[str]:
        """Always empty: there is nothing to report about samples of an oracle."""
        return []

    def decode(self, token_ids: np.ndarray | Iterable[Iterable[int]]) -> list[str]:
        """The ids of each row of token_ids [n, T] as text, separated by blanks, without padding."""
        return write_token_ids(token_ids)


def write_token_ids(token_ids: np.ndarray | Iterable[Iterable[int]]) -> list[str]:
    """Sequences without a tokenizer as lines of ids, see `OracleCorpus.decode`."""
    return [" ".join(str(token) for token in row if token != PADDING) for row in token_ids]
