"""The discriminator of pairs of tokens, against plain loops."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import seqgan_tf as sg
from seqgan_tf.core import steps
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


def plain(network, row, context=None, member=0):
    """The logit of one row, by the formula."""
    embeddings = network.embedding.embeddings.numpy()[:, member * E : (member + 1) * E]
    u, b = (weight.numpy() for weight in (network.token_layers[member].kernel, network.token_layers[member].bias))
    tokens = [embeddings[token] for token in row if token >= 0]
    features = [sum(tokens, np.zeros(E)) / np.sqrt(E)]
    for k in range(1, K + 1):
        matrix = network.pair_layers[member][k - 1].kernel.numpy()
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
    assert len(network.pair_layers[0]) == 2
    assert network.encode(None) is None
    assert network(TOKEN_IDS[:, :3]).shape == (4,)


def test_at_first_every_logit_is_0():
    np.testing.assert_array_equal(make()(TOKEN_IDS), np.zeros(4))


def test_the_logit_of_an_ensemble_is_the_mean_of_its_members(rng):
    network = with_weights(rng, members=3)
    expected = np.array([[plain(network, row, member=member) for member in range(3)] for row in TOKEN_IDS])
    np.testing.assert_allclose(network(TOKEN_IDS), expected.mean(axis=1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(network(TOKEN_IDS, training=True), expected, rtol=1e-5, atol=1e-6)


def test_a_step_of_an_ensemble_is_a_step_of_each_member_by_a_loss_of_its_own(rng):
    members, rate = 3, 0.5
    network = with_weights(rng, members=members)
    real, generated = rng.integers(0, V, [4, T]), rng.integers(0, V, [4, T])
    alone = [make() for _ in range(members)]
    for i, one in enumerate(alone):
        one.embedding.embeddings.assign(network.embedding.embeddings[:, i * E : (i + 1) * E])
        for layers in (network, one):
            assert len(layers.pair_layers[0]) == K
        for layer, same in zip(
            [*one.pair_layers[0], one.token_layers[0]], [*network.pair_layers[i], network.token_layers[i]], strict=True
        ):
            layer.set_weights(same.get_weights())
    found = steps.discriminator_step(network, keras.optimizers.SGD(rate), real, generated)
    # The loss is the mean over the members, so each gets a part of its own gradient.
    expected = [steps.discriminator_step(one, keras.optimizers.SGD(rate / members), real, generated) for one in alone]
    for key in ("discriminator_loss", "real_accuracy", "generated_accuracy"):
        np.testing.assert_allclose(found[key], np.mean([logs[key] for logs in expected]), rtol=1e-5)
    for i, one in enumerate(alone):
        own = network.embedding.embeddings[:, i * E : (i + 1) * E]
        np.testing.assert_allclose(own, one.embedding.embeddings, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(network.pair_layers[i][1].kernel, one.pair_layers[0][1].kernel, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(network.token_layers[i].bias, one.token_layers[0].bias, rtol=1e-4, atol=1e-5)


def test_members_begin_with_other_embeddings():
    first, second = np.split(make(members=2).embedding.embeddings.numpy(), 2, axis=1)
    assert np.abs(first - second).min() > 0


def test_an_ensemble_trains_in_all_phases():
    generator, real = sg.Generator(V, 3, 4, seed=1), np.random.default_rng(0).integers(0, V, [12, T])
    gan = sg.SeqGAN(generator, make(members=2), sg.MonteCarloRollout(2), batch_size=3, discriminator_steps=2)
    gan.compile()
    before = gan.discriminator(real).numpy()
    gan.pretrain_discriminator(real, steps=2, verbose=0)
    gan.fit(real, epochs=1, verbose=0)
    assert np.all(gan.discriminator(real) != before)
    assert set(gan.evaluate(real, verbose=0, return_dict=True)) == {"nll", "real_accuracy", "generated_accuracy"}


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


@pytest.mark.parametrize("members", [1, 3])
def test_it_is_saved_with_all_settings(members, rng, tmp_path):
    network = with_weights(rng, dropout=0.1, embedding_range=0.7, members=members)
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
        ({"members": 0}, "`members` must be at least 1. Received: 0"),
        ({"members": 2, "encoder": sg.LabelEncoder(3, 4)}, "`members` must be 1 with an encoder. Received: 2"),
        ({"embedding_range": 0}, "`embedding_range` must be a finite number above 0. Received: 0.0"),
    ],
)
def test_errors(settings, message):
    with pytest.raises(InputError) as error:
        sg.NgramDiscriminator(**{"vocabulary_size": V, "sequence_length": T} | settings)
    assert str(error.value) == message


def test_an_ensemble_does_not_start_from_given_embeddings():
    generator = sg.Generator(V, E)
    with pytest.raises(InputError, match=r"`members` must be 1 to start from given embeddings\. Received: 2"):
        make(members=2).copy_embedding(generator)
