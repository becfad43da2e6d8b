"""The discriminator of pairs of tokens, against plain loops."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import seqgan_tf as sg
from seqgan_tf.core.validation import InputError

V, T, E, K = 7, 5, 3, 2
TOKEN_IDS = np.array([[4, 1, 6, 2, 0], [3, 5, 0, -1, -1], [2, -1, -1, -1, -1], [-1] * 5])


def make(**settings):
    return sg.NgramDiscriminator(V, T, E, distances=K, seed=1, **settings)


def with_weights(rng, **settings):
    """A discriminator whose weights are all drawn, also those that begin as 0."""
    network = make(**settings)
    network.set_weights([rng.normal(size=weight.shape) for weight in network.get_weights()])
    return network


def plain(network, row, context=None):
    """The logit of one row, by the formula."""
    embeddings = network.embedding.embeddings.numpy()
    u, b = (weight.numpy() for weight in (network.output_layer.kernel, network.output_layer.bias))
    tokens = [embeddings[token] for token in row if token >= 0]
    features = [sum(tokens, np.zeros(E)) / np.sqrt(E)]
    for k in range(1, K + 1):
        matrix = network.pair_layers[k - 1].kernel.numpy()
        features.append(sum(((a @ matrix) * c for a, c in zip(tokens, tokens[k:], strict=False)), np.zeros(E)) / E)
    logit = b[0] + features[0] @ u[:, 0] + sum(feature.sum() for feature in features[1:])
    return logit if context is None else logit + np.concatenate(features) @ context


def test_logits_are_sums_over_tokens_and_pairs(rng):
    network = with_weights(rng)
    expected = [plain(network, row) for row in TOKEN_IDS]
    np.testing.assert_allclose(network(TOKEN_IDS), expected, rtol=1e-5, atol=1e-6)


def test_fewer_positions_and_padding_change_nothing(rng):
    network = with_weights(rng)
    short = TOKEN_IDS[1:2, :3]
    np.testing.assert_allclose(network(short), network(TOKEN_IDS[1:2]), rtol=1e-6)
    np.testing.assert_allclose(network(short[:, :1]), [plain(network, short[0, :1])], rtol=1e-5)


def test_a_distance_that_no_pair_has_is_left_out(rng):
    network = sg.NgramDiscriminator(V, 3, E, distances=9)
    assert len(network.pair_layers) == 2
    assert network.encode(None) is None
    assert network(TOKEN_IDS[:, :3]).shape == (4,)


def test_at_first_every_logit_is_0():
    np.testing.assert_array_equal(make()(TOKEN_IDS), np.zeros(4))


def test_a_condition_multiplies_the_sums(rng):
    network = with_weights(rng, encoder=sg.LabelEncoder(3, 4, seed=1))
    contexts = network.encode(np.array([2, 0]))
    found = network(TOKEN_IDS, context=contexts)  # row r belongs to condition r mod 2
    expected = [plain(network, row, contexts[i % 2].numpy()) for i, row in enumerate(TOKEN_IDS)]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_dropout_is_on_in_training_alone(rng):
    network = with_weights(rng, dropout=0.5)
    np.testing.assert_array_equal(network(TOKEN_IDS), network(TOKEN_IDS, training=False))
    assert np.any(network(TOKEN_IDS, training=True) != network(TOKEN_IDS))


def test_it_is_saved_with_all_settings(rng, tmp_path):
    network = with_weights(rng, dropout=0.1, embedding_range=0.7)
    network.save(tmp_path / "d.keras")
    loaded = keras.saving.load_model(tmp_path / "d.keras")
    np.testing.assert_array_equal(loaded(TOKEN_IDS), network(TOKEN_IDS))
    assert loaded.get_config() == network.get_config()


def test_half_precision_keeps_the_sums_in_float32(rng):
    exact = with_weights(rng)
    half = make(dtype="mixed_bfloat16")
    half.set_weights(exact.get_weights())
    assert half(TOKEN_IDS).dtype == tf.float32
    np.testing.assert_allclose(half(TOKEN_IDS), exact(TOKEN_IDS), rtol=0.05, atol=0.1)


def test_it_learns_pairs_that_no_token_alone_shows():
    """Real: a token is followed by the next one. Generated: by the one before it. Every token is equally frequent."""
    first = np.arange(6)
    real, generated = (np.stack([(first + step * t) % 6 for t in range(T)], axis=1) for step in (1, -1))
    network = make()
    optimizer = keras.optimizers.Adam(0.05)
    for _ in range(60):
        with tf.GradientTape() as tape:
            loss = sg.losses.adversarial_cross_entropy(network(real), network(generated))
        optimizer.apply(
            tape.gradient(loss, [v.value for v in network.trainable_variables]), network.trainable_variables
        )
    assert np.all(network(real) > 0)
    assert np.all(network(generated) < 0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"distances": 0}, "`distances` must be at least 1. Received: 0"),
        ({"dropout": 1.0}, "`dropout` must be in [0, 1). Received: 1.0"),
        ({"embedding_dim": 0}, "`embedding_dim` must be at least 1. Received: 0"),
        ({"embedding_range": 0}, "`embedding_range` must be a finite number above 0. Received: 0.0"),
    ],
)
def test_errors(settings, message):
    with pytest.raises(InputError) as error:
        sg.NgramDiscriminator(**{"vocabulary_size": V, "sequence_length": T} | settings)
    assert str(error.value) == message
