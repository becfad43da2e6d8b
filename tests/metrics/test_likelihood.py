import numpy as np
import pytest
from exact import all_sequences, log_softmax, sequence_probabilities

from seqgan_tf.core.sequences import pad_after_end
from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics import likelihood
from seqgan_tf.models.generator import Generator


def plain(generator, token_ids):
    """Total over all tokens, then divided by their number."""
    log_probs = log_softmax(generator(token_ids))
    total = [log_probs[b, t, token] for (b, t), token in np.ndenumerate(token_ids) if token >= 0]
    return -np.mean(total)


def make_generator():
    return Generator(5, 4, 6, end_token_id=0, dropout=0.5, initializer_stddev=1.0, seed=2)


def test_the_nll_is_divided_by_the_number_of_tokens():
    token_ids = np.array([[2, 1, 3, 4], [3, 0, -1, -1], [0, -1, -1, -1], [4, 4, 0, -1]])
    generator = make_generator()
    assert likelihood.negative_log_likelihood(generator, token_ids) == pytest.approx(plain(generator, token_ids))
    assert likelihood.negative_log_likelihood(generator, token_ids[2:3]) == pytest.approx(
        plain(generator, token_ids[2:3])
    )


def test_more_sequences_than_one_batch_holds_give_the_mean_over_all(monkeypatch):
    token_ids = pad_after_end(np.random.default_rng(0).integers(0, 5, size=(11, 4)), 0).numpy()
    generator = make_generator()
    expected = plain(generator, token_ids)
    assert likelihood.negative_log_likelihood(generator, token_ids) == pytest.approx(expected, rel=1e-5)
    monkeypatch.setattr(likelihood, "BATCH_SIZE", 4)
    assert likelihood.negative_log_likelihood(generator, token_ids) == pytest.approx(expected, rel=1e-5)


def test_padding_alone_is_refused():
    with pytest.raises(InputError, match=r"`token_ids` must hold at least one token\. Received: only padding"):
        likelihood.negative_log_likelihood(make_generator(), np.full((2, 4), -1))


@pytest.mark.parametrize(
    ("token_ids", "message"),
    [
        ([[0.5, 1.5]], "`token_ids` must hold integers"),
        ([[0, 9]], r"`token_ids` must be in \[0, 4\), the vocabulary"),
        ([0, 1], r"`token_ids` must be of shape \[n, T\], n >= 1. Received: shape \(2,\)"),
        (np.zeros((0, 4), int), r"`token_ids` must be of shape \[n, T\], n >= 1. Received: shape \(0, 4\)"),
    ],
)
@pytest.mark.parametrize("measure", [likelihood.negative_log_likelihood, likelihood.sequence_log_likelihoods])
def test_invalid_token_ids_are_refused(measure, token_ids, message):
    with pytest.raises(InputError, match=message):
        measure(Generator(4, 2, 3), np.array(token_ids))


@pytest.mark.parametrize("temperature", [1.0, 0.4, 3.0])
@pytest.mark.parametrize("end_token_id", [None, 0])
def test_likelihoods_of_all_sequences_are_those_of_a_distribution(end_token_id, temperature):
    generator = Generator(4, 3, 5, end_token_id=end_token_id, initializer_stddev=1.0, seed=2)
    sequences = all_sequences(4, 3, end_token_id)
    found = likelihood.sequence_log_likelihoods(generator, sequences, temperature)
    assert found.dtype == np.float64
    expected = sequence_probabilities(lambda token_ids: generator(token_ids) / temperature, sequences)
    np.testing.assert_allclose(found, np.log(expected), rtol=1e-5, atol=1e-5)
    assert np.exp(found).sum() == pytest.approx(1, rel=1e-5)
    total = -found.sum() / np.sum(sequences >= 0)
    assert likelihood.negative_log_likelihood(generator, sequences, temperature) == pytest.approx(total, rel=1e-9)


def test_each_sequence_keeps_its_place_in_any_batch(monkeypatch):
    token_ids = pad_after_end(np.random.default_rng(1).integers(0, 5, size=(11, 4)), 0).numpy()
    generator = make_generator()
    expected = [np.log(sequence_probabilities(generator, row[np.newaxis])[0]) for row in token_ids]
    monkeypatch.setattr(likelihood, "BATCH_SIZE", 4)
    np.testing.assert_allclose(likelihood.sequence_log_likelihoods(generator, token_ids), expected, rtol=1e-5)


def test_a_sequence_of_no_token_has_log_likelihood_0():
    found = likelihood.sequence_log_likelihoods(make_generator(), np.array([[-1, -1, -1], [2, 0, -1]]))
    assert found[0] == 0
    assert found[1] < -0.1


def test_a_generator_with_nan_is_refused():
    generator = make_generator()
    table = generator.embedding.get_weights()[0]
    table[3] = np.nan  # whatever follows token 3 has no likelihood
    generator.embedding.set_weights([table])
    with pytest.raises(InputError, match=r"`generator` must give finite.* Received: nan for sequence 2 of"):
        likelihood.sequence_log_likelihoods(generator, np.array([[1, 2], [2, 3], [3, 1], [3, 3]]))


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("inf"), float("nan")])
def test_an_invalid_temperature_is_refused(temperature):
    with pytest.raises(InputError, match=f"`temperature` must be a number above 0. Received: {temperature}"):
        likelihood.negative_log_likelihood(make_generator(), np.array([[1, 2]]), temperature)
