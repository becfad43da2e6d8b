"""Tied embeddings: compared with a generator whose output layer is its own and has the same values."""

import keras
import keras_harness
import numpy as np
import pytest
import tensorflow as tf
from gradients import numeric_gradient

import seqgan_tf as sg
from seqgan_tf.core import losses, steps
from seqgan_tf.core.sequences import mask
from seqgan_tf.core.validation import InputError
from seqgan_tf.models.generator import Generator
from seqgan_tf.models.transformer_generator import TransformerGenerator

V = 7
TOKEN_IDS = np.array([[2, 0, 4, 1, 5], [6, 6, 3, 5, 0], [1, 2, 0, -1, -1]], np.int32)  # B 3, T 5
KINDS = {
    "recurrent": lambda **settings: Generator(V, 6, 6, num_layers=2, **settings),
    "transformer": lambda **settings: TransformerGenerator(V, 5, 6, 6, num_heads=3, **settings),
}
kinds = pytest.mark.parametrize("kind", KINDS)
starts = pytest.mark.parametrize("start_token_id", [None, 2])


def make(kind, **settings):
    return KINDS[kind](**{"initializer_stddev": 0.5, "seed": 1} | settings)


def untied(tied, kind):
    """A generator with an output layer of its own, whose weights are those of a tied one."""
    settings = tied.get_config()
    other = make(kind, start_token_id=settings["start_token_id"])
    for name in ("embedding", "norm", "recurrent_layers", "blocks"):
        ours, theirs = getattr(tied, name, []), getattr(other, name, [])
        for a, b in zip(*([x] if not isinstance(x, list) else x for x in (ours, theirs)), strict=True):
            b.set_weights(a.get_weights())
    other.projection.set_weights([np.array(tied.embedding.embeddings)[:V].T, np.array(tied.output_bias)])
    return other


def step_by_step(generator, token_ids):
    """Logits [B, T, V] from one step per token."""
    fed, state, logits = tf.fill([len(token_ids)], generator.start_token_id), generator.initial_state(3), []
    for t in range(token_ids.shape[1]):
        now, state = generator.step(fed, state)
        logits.append(now)
        fed = tf.constant(token_ids[:, t])
    return np.stack(logits, axis=1)


def nll(generator):
    log_probs = losses.token_log_probs(generator(TOKEN_IDS), TOKEN_IDS)
    return losses.negative_log_likelihood(log_probs, mask(TOKEN_IDS))


@starts
@kinds
def test_the_logits_are_those_of_an_output_layer_with_the_transposed_embeddings(kind, start_token_id):
    tied = make(kind, tie_embeddings=True, start_token_id=start_token_id)
    assert not hasattr(tied, "projection")
    expected = untied(tied, kind)(TOKEN_IDS).numpy()
    assert expected.std() > 0.1
    np.testing.assert_allclose(tied(TOKEN_IDS), expected, atol=1e-5)
    np.testing.assert_allclose(step_by_step(tied, np.maximum(TOKEN_IDS, 0))[:2], expected[:2], atol=1e-5)


@starts
@kinds
def test_the_gradient_of_the_embeddings_is_the_sum_of_both_uses(kind, start_token_id):
    tied = make(kind, tie_embeddings=True, start_token_id=start_token_id)
    other = untied(tied, kind)
    matrix = tied.embedding.embeddings
    with tf.GradientTape() as tape:
        value = nll(tied)
    found = tf.convert_to_tensor(tape.gradient(value, matrix.value)).numpy()
    with tf.GradientTape() as tape:
        value = nll(other)
    read, written = tape.gradient(value, [other.embedding.embeddings.value, other.projection.kernel.value])
    expected = tf.convert_to_tensor(read).numpy()
    expected[:V] += tf.transpose(written).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    for index, slope in numeric_gradient(lambda: nll(tied), matrix.value).items():
        assert found[index] == pytest.approx(slope, rel=0.05, abs=2e-3)


@kinds
def test_a_step_trains_one_matrix(kind):
    tied = make(kind, tie_embeddings=True)
    before = float(nll(tied))
    optimizer = keras.optimizers.Adam(0.02)
    for _ in range(5):
        steps.likelihood_step(tied, optimizer, tf.constant(TOKEN_IDS))
    assert float(nll(tied)) < before - 0.1
    np.testing.assert_allclose(tied(TOKEN_IDS), untied(tied, kind)(TOKEN_IDS), atol=1e-5)


@kinds
def test_training_can_start_from_frequencies_and_from_embeddings(kind, rng):
    tied, matrix = make(kind, tie_embeddings=True), rng.normal(size=[V, 6])
    tied.start_from_frequencies(TOKEN_IDS)
    counts = 1 + np.bincount(TOKEN_IDS[TOKEN_IDS >= 0], minlength=V)
    np.testing.assert_allclose(tied.output_bias, np.log(counts / counts.sum()), rtol=1e-5)
    tied.start_from_embeddings(matrix)
    np.testing.assert_allclose(tied.embedding.embeddings[:V], matrix, rtol=1e-6)
    np.testing.assert_allclose(tied(TOKEN_IDS), untied(tied, kind)(TOKEN_IDS), atol=1e-5)


@kinds
def test_a_tied_generator_is_saved_loaded_and_copied(kind, tmp_path):
    tied = make(kind, tie_embeddings=True)
    assert keras_harness.check_config_round_trip(tied).tie_embeddings
    keras_harness.check_save_and_load(tied, TOKEN_IDS, tmp_path)
    keras_harness.check_dtype_policies(lambda dtype: make(kind, tie_embeddings=True, dtype=dtype), TOKEN_IDS)


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
def test_a_quantized_tied_generator_gives_logits_close_to_its_own():
    tied = Generator(V, 32, 32, initializer_stddev=1.0, seed=1, tie_embeddings=True)
    exact = tied(TOKEN_IDS).numpy()
    tied.quantize("int8")
    for logits in (tied(TOKEN_IDS).numpy()[:2], step_by_step(tied, np.maximum(TOKEN_IDS, 0))[:2]):
        assert 0 < np.abs(logits - exact[:2]).max() < 0.1 * np.abs(exact).max()


@pytest.mark.parametrize("make_other", [lambda **s: sg.Generator(V, **s), lambda **s: TransformerGenerator(V, 5, **s)])
def test_other_sizes_are_refused(make_other):
    expected = "`tie_embeddings` needs an `embedding_dim` equal to `hidden_dim`. Received: 8 and 12"
    with pytest.raises(InputError, match=expected):
        make_other(embedding_dim=8, hidden_dim=12, tie_embeddings=True)
