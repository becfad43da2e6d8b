"""The gain of a discriminator against distributions whose divergence is known."""

import numpy as np
import pytest

from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics.gain import LARGEST_SCALE, held_out_gain


def plain(real, generated, clip):
    """The same by a grid of scales and plain sums."""
    real, generated = (np.clip(x, -clip, clip) for x in (real, generated))
    scales = np.linspace(0, LARGEST_SCALE, 8_001)

    def gains(x, y):
        return np.array([np.mean(scale * x) - np.log(np.mean(np.exp(scale * y))) for scale in scales])

    halves = [(real[i::2], generated[i::2]) for i in (0, 1)]
    return np.mean([gains(*halves[1 - i])[np.argmax(gains(*halves[i]))] for i in (0, 1)])


@pytest.mark.parametrize(("n", "m", "clip"), [(7, 12, 3.0), (40, 25, 1.0), (101, 100, 5.0)])
def test_against_a_grid_of_scales(rng, n, m, clip):
    real, generated = rng.normal(0.7, 2, n), rng.normal(-0.2, 2, m)
    assert held_out_gain(real, generated, clip) == pytest.approx(plain(real, generated, clip), abs=2e-3)


@pytest.mark.parametrize("factor", [0.25, 1.0, 3.0])
def test_the_best_logits_of_any_scale_gain_the_whole_divergence(rng, factor):
    """A vocabulary of three sequences: exact KL(data || G)."""
    data, policy = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    logits = factor * np.log(data / policy)
    kl = data @ np.log(data / policy)
    real, generated = (logits[rng.choice(3, 200_000, p=p)] for p in (data, policy))
    assert held_out_gain(real, generated, clip=4.0) == pytest.approx(kl, abs=0.01)


def test_a_discriminator_that_knows_nothing_gains_nothing(rng):
    assert held_out_gain(rng.normal(size=4_000), rng.normal(size=5_000)) == pytest.approx(0, abs=5e-3)
    assert held_out_gain([0.5, 0.5], [0.5, 0.5, 0.5]) == 0
    # One that is wrong gets the scale 0.
    assert held_out_gain(rng.normal(-1, 1, 400), rng.normal(1, 1, 400)) == 0


def test_a_discriminator_that_memorised_half_of_the_sequences_gains_less(rng):
    """Logits of the real sequences with even index are high by chance, those of the others are not."""
    real, generated = rng.normal(0, 1, 2_000), rng.normal(0, 1, 2_000)
    real[::2] += 2
    assert held_out_gain(real, generated) < 0 < held_out_gain(real[::2], generated)


@pytest.mark.parametrize(
    ("real", "generated", "clip", "message"),
    [
        ([1.0], [1.0, 2.0], 3.0, "`real_logits` must hold at least two numbers. Received: 1"),
        ([1.0, 2.0], [1.0, float("nan")], 3.0, "`generated_logits` must hold at least two numbers. Received: NaN"),
        ([1.0, 2.0], [1.0, 2.0], 0.0, "`clip` must be above 0. Received: 0.0"),
    ],
)
def test_errors(real, generated, clip, message):
    with pytest.raises(InputError) as error:
        held_out_gain(real, generated, clip)
    assert str(error.value) == message
