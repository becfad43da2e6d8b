"""Data that an oracle writes."""

import tensorflow as tf

from seqgan_tf import sampling
from seqgan_tf.checks import check_at_least
from seqgan_tf.data import pipeline
from seqgan_tf.sequences import PADDING

BATCH_SIZE = 500


class OracleCorpus:
    """Independent samples of an oracle for training, validation and test.

    Args:
        oracle: a generator that counts as the truth, such as `Oracle`.
        sequence_length: int, T. Defaults to 20, the paper's.
        num_train: int. Defaults to 10,000, the paper's.
        num_held_out: int, of validation and of test sequences each. Defaults to 5,000.
        batch_size: int, of the datasets. Defaults to 64.
        seed: int, of the samples and of the order in training. Defaults to 0.

    Attributes:
        train, validation: `tf.data.Dataset` of int32 [B, T].
        train_token_ids, validation_token_ids, test_token_ids: the same as numpy arrays [n, T].
        vocabulary_size, sequence_length, end_token_id.
    """

    def __init__(self, oracle, sequence_length=20, num_train=10_000, num_held_out=5_000, batch_size=64, seed=0):
        check_at_least(2, sequence_length=sequence_length)
        if num_train < batch_size:
            raise ValueError(f"`num_train` must be at least {batch_size}, one batch. Received: {num_train}")
        self.sequence_length = sequence_length
        self.vocabulary_size = oracle.vocabulary_size
        self.end_token_id = oracle.end_token_id
        draw = tf.function(lambda part: sampling.sample(oracle, BATCH_SIZE, sequence_length, part))
        total = num_train + 2 * num_held_out
        parts = [draw(sampling.make_seed(seed, stream)) for stream in range(-(-total // BATCH_SIZE))]
        token_ids = tf.concat(parts, axis=0).numpy()
        self.train_token_ids = token_ids[:num_train]
        self.validation_token_ids = token_ids[num_train : num_train + num_held_out]
        self.test_token_ids = token_ids[num_train + num_held_out : total]
        self.train = pipeline.batches(self.train_token_ids, batch_size, shuffle_seed=seed)
        self.validation = pipeline.batches(self.validation_token_ids, batch_size)

    def decode(self, token_ids):
        """Token ids as text, separated by blanks, without padding: a list of str for int [n, T]."""
        return write_token_ids(token_ids)


def write_token_ids(token_ids):
    """Sequences that stand for no text, as lines of ids."""
    return [" ".join(str(token) for token in row if token != PADDING) for row in token_ids]
