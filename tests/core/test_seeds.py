"""Named random streams: no two uses share a seed."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from tiny import DATA, make

from seqgan_tf.core import sampling, seeds
from seqgan_tf.core.categorical import draw
from seqgan_tf.core.seeds import Stream, WeightStream
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.oracle_corpus import OracleCorpus
from seqgan_tf.models.conv_discriminator import Discriminator
from seqgan_tf.models.generator import Generator
from seqgan_tf.models.oracle import Oracle
from seqgan_tf.rewards.rollout import MonteCarloRollout
from seqgan_tf.seqgan import SeqGAN

CALLS = 20


def every_seed(seed):
    """The seeds of every use of one seed of the user, int32 [uses, 2]."""
    steps = [seeds.stream_seed(seed, Stream.TRAINING, step) for step in range(1, 51)]
    calls = [seeds.split(seeds.stream_seed(seed, Stream.GENERATION, call), 1)[0] for call in range(1, CALLS + 1)]
    parts = [seeds.stream_seed(seed, Stream.ORACLE_CORPUS, part) for part in range(61)]
    return np.concatenate(
        [
            steps,
            *[seeds.split(step, 16) for step in steps],  # the generator and discriminator steps of a round
            [seeds.stream_seed(seed, Stream.EVALUATION)],
            *[seeds.sample_seeds(call, 10) for call in calls],
            parts,
            seeds.sample_seeds(seed, 5001),
        ]
    )


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
def test_no_two_uses_of_a_seed_share_a_stateless_seed(seed):
    found = every_seed(seed)
    assert len(found) == 50 + 50 * 16 + 1 + CALLS * 10 + 61 + 5001
    assert len(np.unique(found, axis=0)) == len(found)
    assert found.min() >= 0


def test_no_two_positions_of_the_named_streams_share_a_seed():
    numbered = (Stream.TRAINING, Stream.ORACLE_CORPUS)
    uses = [seeds.stream_seed(0, stream, number) for stream, number in itertools.product(numbered, range(1, 11))]
    uses.append(seeds.stream_seed(0, Stream.EVALUATION))
    positions = np.array([seeds.fold_in(use, position) for use, position in itertools.product(uses, range(20))])
    assert len(np.unique(positions, axis=0)) == 21 * 20  # `sampling.decode` draws position t with fold_in(seed, t)


def test_an_oracle_corpus_and_an_evaluation_with_the_same_seed_draw_different_rows(monkeypatch):
    made, stream_seed = [], seeds.stream_seed

    def recorded(*arguments):
        made.append(stream_seed(*arguments).numpy())
        return tf.constant(made[-1])

    monkeypatch.setattr(seeds, "stream_seed", recorded)
    OracleCorpus(Oracle(50, 4, 6, seed=3), sequence_length=4, num_train=1000, num_held_out=1, seed=0)
    parts = list(made)
    make(seed=0).test_step(DATA)
    assert len(parts) == 3
    assert len(made) == 4
    evaluation = made[-1]
    assert all(np.any(part != evaluation) for part in parts)
    generator = Generator(50, 4, 5, seed=1)
    rows = [sampling.sample(generator, 100, 6, tf.constant(seed)).numpy() for seed in (parts[1], evaluation)]
    assert len(np.unique(np.concatenate(rows), axis=0)) == 200


def test_calls_of_generate_without_a_seed_never_repeat_a_sample():
    generator, discriminator = Generator(5000, 4, 4, seed=1), Discriminator(5000, 6, 2, widths=[1], filters=[1])
    model = SeqGAN(generator, discriminator, MonteCarloRollout())
    samples = np.concatenate([model.generate(10) for _ in range(CALLS)])
    assert len(np.unique(samples, axis=0)) == 10 * CALLS


def test_row_seeds_count_up_from_the_seed_and_stay_non_negative():
    np.testing.assert_array_equal(seeds.sample_seeds(tf.constant([5, 7]), 3, first=2), [[5, 9], [5, 10], [5, 11]])
    last = seeds.sample_seeds(tf.constant([5, 2**31 - 1]), 2)
    np.testing.assert_array_equal(last, [[5, 2**31 - 1], [5, 0]])


@pytest.mark.parametrize("words", [(5, 7), (-5, 7), (5, -7), (-(2**31), -1)])
def test_seeds_made_of_a_seed_are_not_negative_and_draw_the_same_under_xla(words, rng):
    logits = rng.normal(size=(40, 230)).astype(np.float32)

    def drawn(seed):
        made = [seeds.fold_in(seed, 3), *tf.unstack(seeds.split(seed, 2))]
        return tf.stack(made), tf.stack([draw(logits, seed) for seed in made])

    # The words of a caller's own seed may be negative: what is folded or split from it is the same only without XLA.
    made, plain = tf.function(drawn)(tf.constant(words))
    assert np.all(made.numpy() >= 0)
    assert len(np.unique(plain.numpy(), axis=0)) == 3
    if min(words) >= 0:
        xla_seeds, xla = tf.function(drawn, jit_compile=True)(tf.constant(words))
        np.testing.assert_array_equal(made, xla_seeds)
        np.testing.assert_array_equal(plain, xla)


def test_the_lowest_31_bits_of_a_seed_count():
    for seed in (5 + 2**31, 5 - 2**31, np.int64(5), np.uint8(5)):
        np.testing.assert_array_equal(seeds.stream_seed(seed, Stream.TRAINING, 1), seeds.stream_seed(5, 0, 1))
        np.testing.assert_array_equal(seeds.sample_seeds(seed, 2), [[5, 0], [5, 1]])


@pytest.mark.parametrize(
    "make_seed", [lambda seed: seeds.stream_seed(seed, Stream.TRAINING), lambda s: seeds.sample_seeds(s, 1)]
)
@pytest.mark.parametrize("seed", [1.5, "1", None])
def test_a_seed_that_is_not_an_int_is_refused(make_seed, seed):
    with pytest.raises(InputError, match=rf"`seed` must be an int. Received: {seed!r}"):
        make_seed(seed)


def test_the_weights_of_two_models_never_share_an_int():
    streams = itertools.product(range(20), WeightStream)
    ints = [i for seed, stream in streams for i in itertools.islice(seeds.integers(seed, stream), 250)]
    assert len(set(ints)) == len(ints) == 20 * len(WeightStream) * 250
    assert list(itertools.islice(seeds.integers(None, WeightStream.ORACLE), 3)) == [None] * 3


def test_the_phases_of_all_runs_shuffle_their_data_differently():
    assert len({seeds.shuffle_seed(seed, phase, 3) for seed in range(50) for phase in range(3)}) == 150
