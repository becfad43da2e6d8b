"""Held-out metrics against one sequence at a time in NumPy, and against the calls that they consist of."""

import numpy as np
import pytest
import tiny
from exact import log_softmax

from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics import held_out_gain, held_out_metrics, negative_log_likelihood
from seqgan_tf.metrics.held_out import discriminator_logits
from seqgan_tf.models.generator import Generator


@pytest.fixture(scope="module")
def model():
    """A SeqGAN whose discriminator takes some sequences for real and some for generated."""
    model = tiny.make()
    bias = model.discriminator.output_layer.bias
    bias.assign(bias - 0.1375)  # without it, the logits are between 0.13 and 0.15
    return model


@pytest.fixture(scope="module")
def oracle():
    return Generator(tiny.V, 4, 5, end_token_id=0, initializer_stddev=1.0, seed=9)


@pytest.fixture(scope="module")
def generated(model):
    return model.generate(300, seed=1)


def plain_nll(generator, token_ids):
    """Sum over the tokens of all sequences, divided by their number."""
    total = count = 0
    for row in token_ids:
        log_probs = log_softmax(generator(row[np.newaxis]))[0]
        for t, token in enumerate(row):
            if token >= 0:
                total, count = total - log_probs[t, token], count + 1
    return total / count


def plain_logits(discriminator, token_ids):
    return np.array([float(discriminator(row[np.newaxis], training=False)[0]) for row in token_ids])


def test_the_metrics_equal_those_of_one_sequence_at_a_time(model, oracle, generated):
    found = held_out_metrics(model.generator, model.discriminator, tiny.DATA, generated, oracle)
    logits = [plain_logits(model.discriminator, part) for part in (tiny.DATA, generated)]
    assert np.abs(np.concatenate(logits)).min() > 1e-6  # rounding cannot change an accuracy
    assert 0 < np.mean(logits[0] > 0) < 1
    assert 0 < np.mean(logits[1] > 0) < 1
    assert found == {
        "nll_test": pytest.approx(plain_nll(model.generator, tiny.DATA), rel=1e-5),
        "nll_oracle": pytest.approx(plain_nll(oracle, generated), rel=1e-5),
        "held_out_real_accuracy": np.mean(logits[0] > 0),
        "held_out_generated_accuracy": np.mean(logits[1] <= 0),
        "held_out_gain": pytest.approx(held_out_gain(*logits), abs=1e-5),
    }
    assert all(type(value) is float for value in found.values())


def test_the_metrics_equal_the_calls_that_they_consist_of(model, oracle, generated):
    found = held_out_metrics(model.generator, model.discriminator, tiny.DATA, generated, oracle, max_scored=7)
    predict = model.discriminator.predict
    assert found == {
        "nll_test": negative_log_likelihood(model.generator, tiny.DATA),
        "nll_oracle": negative_log_likelihood(oracle, generated),
        "held_out_real_accuracy": np.mean(predict(tiny.DATA[:7], batch_size=250, verbose=0) > 0),
        "held_out_generated_accuracy": np.mean(predict(generated[:7], batch_size=250, verbose=0) <= 0),
        "held_out_gain": held_out_gain(
            *(predict(part[:7], batch_size=250, verbose=0) for part in (tiny.DATA, generated))
        ),
    }


def test_without_an_oracle_or_a_discriminator_their_metrics_are_left_out(model, oracle, generated):
    both = held_out_metrics(model.generator, model.discriminator, tiny.DATA, generated, oracle)
    accuracies = ["held_out_real_accuracy", "held_out_generated_accuracy", "held_out_gain"]
    for discriminator, of_oracle, keys in (
        (None, None, ["nll_test"]),
        (None, oracle, ["nll_test", "nll_oracle"]),
        (model.discriminator, None, ["nll_test", *accuracies]),
    ):
        found = held_out_metrics(model.generator, discriminator, tiny.DATA, generated, of_oracle)
        assert list(found) == keys  # the order of the columns
        assert found == {key: both[key] for key in keys}


@pytest.mark.parametrize("logit", [0.0, 0.5, -0.5])
def test_a_logit_of_0_counts_as_generated(logit, generated):
    class Constant:
        vocabulary_size = tiny.V

        def predict(self, token_ids, batch_size, verbose):
            return np.full(len(token_ids), logit)

    found = held_out_metrics(tiny.make().generator, Constant(), tiny.DATA, generated)
    assert found["held_out_real_accuracy"] == (logit > 0)
    assert found["held_out_generated_accuracy"] == (logit <= 0)


def test_dropout_is_off(model):
    np.testing.assert_allclose(
        discriminator_logits(model.discriminator, tiny.DATA), plain_logits(model.discriminator, tiny.DATA), rtol=1e-4
    )


@pytest.mark.parametrize("token_ids", [tiny.DATA[0], tiny.DATA[:0]], ids=["one sequence", "none"])
def test_another_shape_is_refused(token_ids, model):
    with pytest.raises(InputError, match=r"`token_ids` must be of shape \[n, T\], n >= 1. Received: shape"):
        discriminator_logits(model.discriminator, token_ids)


def test_no_sequence_to_score_is_refused(model, generated):
    with pytest.raises(InputError, match=r"`max_scored` must be at least 1. Received: 0"):
        held_out_metrics(model.generator, model.discriminator, tiny.DATA, generated, max_scored=0)
