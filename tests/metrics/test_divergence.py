"""Divergences against enumeration: three tokens at three places, so that every sum over sequences is written out."""

import numpy as np
import pytest
from exact import all_sequences, sequence_probabilities

from seqgan_tf.core.generation import generate
from seqgan_tf.core.sampling import SamplingSettings
from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics.divergence import divergences
from seqgan_tf.models.generator import Generator
from seqgan_tf.models.oracle import Oracle

V, T = 3, 3
NUM_REAL, NUM_GENERATED = 8_000, 12_000
CASES = [(None, 1.0), (None, 1.6), (0, 1.0), (0, 0.6)]  # end token, temperature of the generator


def make_pair(end_token_id=None):
    settings = {"end_token_id": end_token_id, "initializer_stddev": 0.8}
    return Generator(V, 4, 5, seed=3, **settings), Generator(V, 3, 4, seed=8, **settings)


def draw_pair(oracle, generator, temperature=1.0):
    real = generate(oracle, NUM_REAL, T, 1, batch_size=4_000)
    return real, generate(generator, NUM_GENERATED, T, 2, SamplingSettings(temperature), batch_size=4_000)


def exact_values(oracle, generator, temperature):
    """{metric: (mean, its standard error in samples as large as here)}."""
    sequences = all_sequences(V, T, generator.end_token_id)
    o = sequence_probabilities(oracle, sequences)
    g = sequence_probabilities(lambda token_ids: generator(token_ids) / temperature, sequences)
    m = (o + g) / 2
    length = (sequences >= 0).sum(axis=1)

    def ratio(weights, count, values, sizes=1.0):
        """Of two sums: the error is, by the delta method, that of the mean of what the ratio leaves over."""
        size = np.sum(weights * sizes)
        mean = weights @ values / size
        return mean, np.sqrt(weights @ (values - mean * sizes) ** 2 / count) / size

    values = {
        "nll_test": ratio(o, NUM_REAL, -np.log(g), length),
        "nll_oracle": ratio(g, NUM_GENERATED, -np.log(o), length),
        "oracle_entropy": ratio(o, NUM_REAL, -np.log(o), length),
        "generator_entropy": ratio(g, NUM_GENERATED, -np.log(g), length),
        "kl_oracle_generator": ratio(o, NUM_REAL, np.log(o / g)),
        "kl_generator_oracle": ratio(g, NUM_GENERATED, np.log(g / o)),
    }
    (real, real_error), (generated, error) = ratio(o, NUM_REAL, np.log(o / m)), ratio(g, NUM_GENERATED, np.log(g / m))
    return values | {"jensen_shannon": ((real + generated) / 2, np.hypot(real_error, error) / 2)}


@pytest.fixture(scope="module", params=CASES, ids=str)
def measured(request):
    end_token_id, temperature = request.param
    oracle, generator = make_pair(end_token_id)
    found = divergences(oracle, generator, *draw_pair(oracle, generator, temperature), temperature=temperature)
    return found, exact_values(oracle, generator, temperature)


def test_estimates_lie_around_the_exact_values(measured):
    found, exact = measured
    assert min(mean for mean, _ in exact.values()) > 0.01  # the two models differ
    assert (found.num_real, found.num_generated) == (NUM_REAL, NUM_GENERATED)
    for name, (mean, error) in exact.items():
        assert 0 < error < 0.03
        assert abs(getattr(found, name) - mean) < 4.5 * error, name


def test_standard_errors_are_those_of_samples_of_this_size(measured):
    found, exact = measured
    expected = {name: error for name, (_, error) in exact.items()}
    assert found.standard_errors == pytest.approx(expected, rel=0.1)


def test_the_divergences_are_differences_of_the_likelihoods_per_token():
    oracle, generator = Oracle(4, 5, 6, seed=1), Generator(4, 3, 4, initializer_stddev=0.8, seed=2)
    found = divergences(oracle, generator, generate(oracle, 70, 6, 1), generate(generator, 50, 6, 2))
    assert found.kl_oracle_generator == pytest.approx(6 * (found.nll_test - found.oracle_entropy), rel=1e-9)
    assert found.kl_generator_oracle == pytest.approx(6 * (found.nll_oracle - found.generator_entropy), rel=1e-9)


@pytest.mark.parametrize("end_token_id", [None, 0])
def test_a_generator_does_not_diverge_from_itself(end_token_id):
    generator, _ = make_pair(end_token_id)
    found = divergences(generator, generator, generate(generator, 30, T, 1), generate(generator, 20, T, 2))
    for name in ("kl_oracle_generator", "kl_generator_oracle", "jensen_shannon"):
        assert getattr(found, name) == pytest.approx(0, abs=1e-12)
        assert found.standard_errors[name] == pytest.approx(0, abs=1e-12)
    assert (found.nll_test, found.nll_oracle) == (found.oracle_entropy, found.generator_entropy)


def test_models_that_do_not_overlap_have_a_jensen_shannon_divergence_of_log_2():
    pair = make_pair()
    for model, token in zip(pair, (1, 2), strict=True):
        model.projection.bias.assign(1000.0 * np.eye(V, dtype=np.float32)[token])
    found = divergences(*pair, np.full((5, T), 1), np.full((4, T), 2))
    assert found.jensen_shannon == pytest.approx(np.log(2))
    assert min(found.kl_oracle_generator, found.kl_generator_oracle) > 1000


TWO = np.ones((2, T), int)


@pytest.mark.parametrize(
    ("real", "generated", "temperature", "message"),
    [
        (TWO[:1], TWO, 1.0, "`real` must hold at least two sequences. Received: 1"),
        (TWO, TWO[:0], 1.0, "`generated` must hold at least two sequences. Received: 0"),
        (TWO, TWO + 2, 1.0, r"`token_ids` must be in \[0, 3\), the vocabulary.* Received: 3"),
        (TWO, TWO, 0.0, r"`temperature` must be a number above 0. Received: 0\.0"),
        (TWO * -1, TWO, 1.0, "`real` must hold at least one token. Received: only padding"),
    ],
)
def test_invalid_arguments_are_refused(real, generated, temperature, message):
    with pytest.raises(InputError, match=message):
        divergences(*make_pair(), real, generated, temperature)


def test_two_vocabularies_are_refused():
    message = "`oracle` and `generator` must have the same vocabulary. Received: 4 and 3 tokens"
    with pytest.raises(InputError, match=message):
        divergences(Generator(4, 2, 2), Generator(3, 2, 2), TWO, TWO)
