"""Randomness: every use of a seed is a named stream, so that no two uses draw the same numbers.

The user gives a seed as an int. TensorFlow's random operations take a stateless seed, an int32 [2] tensor without
negative words: the same seed gives the same numbers. Its second word names the stream. The streams of this package
begin at `FIRST_STREAM`; the words below it number the samples of `generate`, where sample i has the seed [seed, i].
Other libraries (NumPy, tf.data, the initializers and the dropout of Keras) take an int, see `integers`.
"""

import enum
import itertools
import operator
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from seqgan_tf.core.validation import InputError

NON_NEGATIVE = 0x7FFFFFFF
FIRST_STREAM = 2**30


class Stream(enum.IntEnum):
    """The uses of a stateless seed.

    Example:
    ```python
    from seqgan_tf.core.seeds import Stream, stream_seed

    seed = stream_seed(1, Stream.TRAINING, number=3)  # the third step of a training with the seed 1
    ```
    """

    TRAINING = 0
    """Samples and roll-outs of the training steps: one seed per step."""
    EVALUATION = 1
    """Samples that `SeqGAN.evaluate` scores: one seed per batch."""
    GENERATION = 2
    """Samples of `SeqGAN.generate` without a seed: one seed per call."""
    ORACLE_CORPUS = 3
    """Sequences of an `OracleCorpus`: one seed per part."""
    ENVIRONMENT = 4
    """Roll-outs that reward the actions of the Gymnasium environment: one seed per roll-out of an episode."""
    EXPLANATION = 5
    """Roll-outs of the action values of an explanation: one seed per chunk."""


def stream_seed(seed: int, stream: Stream, number: int | tf.Tensor | None = None) -> tf.Tensor:
    """The stateless seed of a stream, or of one of its uses.

    Args:
        seed: the user's seed; its lowest 31 bits count.
        stream: the use.
        number: number of the step, part or call. Defaults to None: the stream has one use only.

    Returns:
        int32 [2].

    Raises:
        InputError: `seed` is not an int.
    """
    named = tf.constant([_word(seed), FIRST_STREAM + stream], tf.int32)
    return named if number is None else fold_in(named, number)


def sample_seeds(seed: int | tf.Tensor, rows: int | tf.Tensor, first: int | tf.Tensor = 0) -> tf.Tensor:
    """The seeds of samples: int32 [rows, 2], row i is [seed, first + i].

    Args:
        seed: int, or an int32 [2] tensor; `first` is added to the last word of the tensor.
        rows: number of samples.
        first: number of the first sample. Defaults to 0.

    Raises:
        InputError: `seed` is neither.
    """
    words: Any = seed if tf.is_tensor(seed) else tf.constant([_word(seed), 0], tf.int32)
    last = tf.bitwise.bitwise_and(words[1] + first + tf.range(rows), NON_NEGATIVE)
    return tf.stack([tf.broadcast_to(words[0], [rows]), last], axis=1)


def fold_in(seed: tf.Tensor, number: int | tf.Tensor) -> tf.Tensor:
    """A seed made of a seed and a number (a step, a chunk): int32 [2].

    The result is [word(seed), number]: seeds of neighbouring numbers differ by 1 in the last word. Where that word is
    counted on, as in `sample_seeds`, use `split` on the result.

    TensorFlow reads a negative word as another number inside XLA than outside of it, so words are not negative.
    """
    return tf.bitwise.bitwise_and(tf.random.experimental.stateless_fold_in(seed, number), NON_NEGATIVE)


def split(seed: tf.Tensor, number: int) -> tf.Tensor:
    """Independent seeds made of one: int32 [number, 2]."""
    return tf.bitwise.bitwise_and(tf.random.experimental.stateless_split(seed, number), NON_NEGATIVE)


class WeightStream(enum.IntEnum):
    """The uses of ints for initializers and dropout: each has at least 250 ints of its own for each seed.

    Example:
    ```python
    from seqgan_tf.core.seeds import WeightStream, integers

    ints = integers(2, WeightStream.DISCRIMINATOR)
    print(next(ints), next(ints))  # 2500 2501
    ```
    """

    GENERATOR = 0
    ENCODER = 250
    DISCRIMINATOR = 500
    WORD_VECTORS = 750
    """Vectors of the words that a file of word vectors does not have: one int per vocabulary."""
    ORACLE = 1_000_000_000
    """Far from the others: a generator with the oracle's seed must not start as a scaled copy of the oracle."""
    GENERATOR_DROPOUT = 2_000_000_000
    """Dropout of the embeddings and of the recurrent matrices of a generator."""


def integers(seed: int | None, stream: WeightStream) -> Iterator[int | None]:
    """Endless ints for the initializers and the dropout of a model; endless None where `seed` is None."""
    return itertools.repeat(None) if seed is None else itertools.count(seed * 1000 + stream)


def shuffle_seed(seed: int, phase: int, num_phases: int) -> int:
    """The int that shuffles the data of a phase of a run; the phases of all runs have different ones."""
    return seed * num_phases + phase


def _word(seed: Any) -> int:
    try:
        return operator.index(seed) & NON_NEGATIVE
    except TypeError as error:
        raise InputError(f"`seed` must be an int. Received: {seed!r}") from error
