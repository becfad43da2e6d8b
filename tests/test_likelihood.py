import numpy as np
import pytest
from exact import log_softmax

from seqgan_tf.metrics import likelihood
from seqgan_tf.models.generator import Generator
from seqgan_tf.sequences import pad_after_end


def plain(generator, token_ids):
    """Total over all tokens, then divided by their number."""
    log_probs = log_softmax(generator(token_ids))
    total = [log_probs[b, t, token] for (b, t), token in np.ndenumerate(token_ids) if token >= 0]
    return -np.mean(total)


def make_generator():
    return Generator(5, 4, 6, end_token_id=0, dropout=0.5, initializer_stddev=1.0, seed=2)


def test_it_is_divided_by_the_number_of_tokens():
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
    with pytest.raises(ValueError, match=r"`token_ids` must hold at least one token\. Received: only padding"):
        likelihood.negative_log_likelihood(make_generator(), np.full((2, 4), -1))
    with pytest.raises(ValueError, match="`token_ids` must hold at least one token"):
        likelihood.negative_log_likelihood(make_generator(), np.zeros((0, 4), np.int32))


@pytest.mark.parametrize(
    ("token_ids", "message"),
    [
        ([[0.5, 1.5]], "`token_ids` must hold integers"),
        ([[0, 9]], r"`token_ids` must be in \[0, 4\), the vocabulary"),
        ([0, 1], r"`token_ids` must be of shape \[n, T\]. Received: shape \(2,\)"),
    ],
)
def test_what_is_no_batch_of_token_ids_is_refused(token_ids, message):
    with pytest.raises(ValueError, match=message):
        likelihood.negative_log_likelihood(Generator(4, 2, 3), np.array(token_ids))
