import numpy as np
import pytest

from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics.reverse_lm import least_samples, reverse_language_model

V, T = 6, 5
QUICK = {"vocabulary_size": V, "embedding_dim": 4, "hidden_dim": 8, "learning_rate": 0.05, "batch_size": 16}


def cycles(rng, count):
    """Each token but the first is the one before it plus 1: only the first is random, so the best NLL is log(V) / T."""
    return (rng.integers(0, V, (count, 1)) + np.arange(T)) % V


def test_samples_like_real_sequences_give_a_lower_nll_than_noise(rng):
    real = cycles(rng, 40)
    good = reverse_language_model(cycles(rng, 100), real, max_epochs=15, **QUICK)
    noise = reverse_language_model(rng.integers(0, V, (100, T)), real, max_epochs=15, **QUICK)
    assert np.log(V) / T - 0.1 < good.nll < 0.8
    assert noise.nll > np.log(V) - 0.1
    assert (good.num_generated, good.num_real) == (100, 40)
    assert 1 <= noise.epochs < good.epochs <= 15  # on noise the NLL of the held-out tenth soon stops falling


def test_the_nll_depends_on_the_seed_and_not_on_padding(rng):
    generated, real = cycles(rng, 60), cycles(rng, 9)
    for token_ids in (generated, real):
        token_ids[np.cumsum(np.cumsum(token_ids == 0, axis=1), axis=1) > 1] = -1
    settings = QUICK | {"end_token_id": 0, "max_epochs": 2}
    first, again = (reverse_language_model(generated, real, seed=3, **settings) for _ in range(2))
    assert first == again
    wider = [np.pad(token_ids, [[0, 0], [0, 3]], constant_values=-1) for token_ids in (generated, real)]
    assert reverse_language_model(*wider, seed=3, **settings).nll == pytest.approx(first.nll, rel=1e-3)
    assert reverse_language_model(generated, real, seed=4, **settings).nll != first.nll


GOOD = np.zeros((20, T), int)


@pytest.mark.parametrize(
    ("generated", "real", "message"),
    [
        (GOOD[:17], GOOD, "`generated` must hold at least 18 sequences: a batch, beside .* Received: 17"),
        (GOOD + V, GOOD, r"`generated` must be in \[0, 6\), the vocabulary.* Received: 6"),
        (GOOD, GOOD + V, r"`real` must be in \[0, 6\), the vocabulary.* Received: 6"),
        (GOOD + 0.5, GOOD, "`generated` must hold integers. Received: dtype float64"),
        (GOOD[0], GOOD, r"`generated` must be of shape \[n, T\], n >= 1. Received: shape \(5,\)"),
        (GOOD, GOOD[:0], r"`real` must be of shape \[n, T\], n >= 1. Received: shape \(0, 5\)"),
    ],
)
def test_invalid_arguments_are_refused(generated, real, message):
    with pytest.raises(InputError, match=message):
        reverse_language_model(generated, real, **QUICK | {"batch_size": 17})


def test_zero_epochs_are_refused():
    with pytest.raises(InputError, match=r"`max_epochs` must be at least 1. Received: 0"):
        reverse_language_model(GOOD, GOOD, **QUICK | {"max_epochs": 0})


def test_the_least_number_of_samples_leaves_a_batch_beside_the_tenth():
    for batch_size in range(1, 200):
        enough = [n for n in range(1, 400) if n - max(1, n // 10) >= batch_size]
        assert least_samples(batch_size) == enough[0]
