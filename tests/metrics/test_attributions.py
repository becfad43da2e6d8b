"""The shares of tokens and windows in a discriminator's logit: they add up, and a marker lights up."""

import conditional
import keras
import numpy as np
import pytest
import tensorflow as tf

import seqgan_tf as sg
from seqgan_tf.core.conditions import condition_on
from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics import logit_attributions
from seqgan_tf.metrics.attributions import GRADIENTS, WINDOWS
from seqgan_tf.models.network_discriminator import NetworkDiscriminator

V, T, MARKER = 9, 6, 7
IDS = np.array([[4, 7, 1, 2, 3, 8], [3, 0, -1, -1, -1, -1], [5, 5, 5, 0, -1, -1], [0, -1, -1, -1, -1, -1]], np.int32)


def convolutional(**settings):
    return sg.Discriminator(V, T, 3, 1.0, **{"widths": [1, 2, 5], "filters": [4, 3, 6], "seed": 1} | settings)


def recurrent(**settings):
    return sg.RecurrentDiscriminator(V, T, 3, 1.0, hidden_dim=4, seed=1, **settings)


def ngram(members=1):
    discriminator = sg.NgramDiscriminator(V, T, 3, distances=2, seed=1, members=members)
    draw = np.random.default_rng(1)
    discriminator.set_weights([draw.normal(size=weight.shape) for weight in discriminator.get_weights()])
    return discriminator


def ensemble():
    return ngram(members=3)


def network():
    drawn = [keras.initializers.RandomNormal(stddev=1.0, seed=seed) for seed in (1, 2)]
    layers = [keras.layers.Embedding(V, 3, embeddings_initializer=drawn[0])]
    layers += [keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1, kernel_initializer=drawn[1])]
    return NetworkDiscriminator(keras.Sequential(layers), V, T)


@pytest.mark.parametrize(
    ("make", "method"),
    [(convolutional, WINDOWS), (recurrent, GRADIENTS), (ngram, GRADIENTS), (ensemble, GRADIENTS), (network, GRADIENTS)],
)
def test_the_shares_add_up_to_the_logit(make, method):
    discriminator = make()
    expected = discriminator(IDS).numpy()
    assert np.ptp(expected) > 0.01
    found = logit_attributions(discriminator, IDS)
    assert found.method == method
    np.testing.assert_allclose(found.logits, expected, atol=1e-6)
    np.testing.assert_allclose(found.tokens.sum(axis=1) + found.rest, expected, atol=1e-4)
    np.testing.assert_array_equal(found.tokens[IDS < 0], 0.0)
    assert np.abs(found.tokens).max() > 0.01
    np.testing.assert_allclose(discriminator(IDS), expected, atol=1e-7)  # the network is as it was


@pytest.mark.parametrize("width", [4, 6])
def test_the_weights_of_the_windows_add_up_to_the_logit(width):
    discriminator = convolutional()
    ids = IDS[:, :width]  # 4: shorter than the widest window
    found = logit_attributions(discriminator, ids)
    assert found.windows is not None
    sums = [sum(window.weight for window in windows) for windows in found.windows]
    np.testing.assert_allclose(found.base + sums, discriminator(ids), atol=1e-4)
    lengths = (ids >= 0).sum(axis=1)
    for windows, length in zip(found.windows, lengths, strict=True):
        assert all(window.start <= max(length - window.width, 0) for window in windows)
        assert [abs(w.weight) for w in windows] == sorted((abs(w.weight) for w in windows), reverse=True)


def test_a_linear_classifier_is_split_exactly():
    discriminator = convolutional()
    gate = discriminator.highway.gate
    gate.bias.assign(tf.fill(gate.bias.shape, -1e9))  # the highway returns its input
    output = np.array(discriminator.output_layer.kernel)[:, 0]
    bias = float(discriminator.output_layer.bias[0])
    table = np.array(discriminator.embedding.embeddings, np.float64)
    for row, windows in zip(IDS, logit_attributions(discriminator, IDS, steps=1).windows, strict=True):
        length, expected, number = int((row >= 0).sum()), {}, 0
        for layer, width in zip(discriminator.convolutions, discriminator.widths, strict=True):
            vectors = np.where(row[:, None] >= 0, table[row], 0.0)
            for k in range(layer.filters):
                values = [
                    float(layer.bias[k]) + sum(vectors[s + j] @ np.array(layer.kernel)[j, :, k] for j in range(width))
                    for s in range(max(length - width, 0) + 1)
                ]
                best = max(values)
                if best > 0:
                    key = (values.index(best), width)
                    weight, count = expected.get(key, (0.0, 0))
                    expected[key] = (weight + best * output[number], count + 1)
                number += 1
        assert {(w.start, w.width): w.filters for w in windows} == {key: count for key, (_, count) in expected.items()}
        for window in windows:
            assert window.weight == pytest.approx(expected[window.start, window.width][0], abs=1e-6)
    assert logit_attributions(discriminator, IDS, steps=1).base == pytest.approx(bias, abs=1e-6)


def test_a_mean_of_embeddings_is_split_exactly():
    discriminator = network()
    embedding, _, dense = discriminator.network.layers
    shares = (np.array(embedding.embeddings) @ np.array(dense.kernel))[:, 0] / T
    found = logit_attributions(discriminator, IDS, steps=3)
    np.testing.assert_allclose(found.tokens, np.where(IDS >= 0, shares[IDS], 0.0), atol=1e-6)
    padding = (IDS < 0).sum(axis=1) * shares[discriminator.padding_id]  # to it, padding is a token
    np.testing.assert_allclose(found.rest, float(dense.bias[0]) + padding, atol=1e-6)


@pytest.mark.parametrize("make", [conditional.discriminator, conditional.recurrent_discriminator])
def test_with_conditions(make):
    discriminator = make()
    found = logit_attributions(discriminator, conditional.TARGETS, conditional.SOURCES)
    expected = condition_on(discriminator, conditional.SOURCES)(conditional.TARGETS)
    np.testing.assert_allclose(found.logits, expected, atol=1e-6)
    np.testing.assert_allclose(found.tokens.sum(axis=1) + found.rest, expected, atol=1e-4)


@pytest.mark.parametrize("make", [convolutional, recurrent])
def test_a_planted_marker_lights_up(make):
    """The discriminator is trained on sequences that are equal but for a token, which generated ones alone have."""
    discriminator = make(dropout=0.0)
    draw = np.random.default_rng(1)
    ids = draw.integers(1, MARKER, [64, T]).astype(np.int32)
    places = draw.integers(0, T, 32)
    ids[np.arange(32), places] = MARKER
    labels = np.repeat([0.0, 1.0], 32)
    optimizer = keras.optimizers.Adam(0.03)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            logits = discriminator(ids, training=True)
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, tf.cast(logits, labels.dtype)))
        weights = discriminator.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))

    for _ in range(60):
        step()
    found, rows = logit_attributions(discriminator, ids[:8], steps=32), np.arange(8)
    assert found.logits.max() < 0
    np.testing.assert_array_equal(found.tokens.argmin(axis=1), places[:8])
    others = np.delete(found.tokens.ravel(), rows * T + places[:8])
    assert found.tokens[rows, places[:8]].mean() < 3 * min(others.mean(), -0.1)


def test_a_subclass_with_a_call_of_its_own_is_split_at_its_embeddings():
    @keras.saving.register_keras_serializable(package="test_attributions")
    class Halved(sg.Discriminator):
        def call(self, token_ids, training=False, context=None):
            return 0.5 * super().call(token_ids, training=training, context=context)

    discriminator = Halved(V, T, 3, 1.0, widths=[1, 2], filters=[4, 3], seed=1)
    found = logit_attributions(discriminator, IDS)
    assert (found.method, found.windows) == (GRADIENTS, None)
    np.testing.assert_allclose(found.tokens.sum(axis=1) + found.rest, discriminator(IDS), atol=1e-3)


def test_mixed_precision():
    discriminator = convolutional(dtype="mixed_bfloat16")
    found = logit_attributions(discriminator, IDS)
    np.testing.assert_allclose(found.gap, 0.0, atol=0.05)


class Bare(keras.Model):
    vocabulary_size, sequence_length = V, T

    def call(self, token_ids, training=False):
        return tf.reduce_sum(tf.cast(token_ids, tf.float32), axis=1)


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (convolutional, (IDS, None, 0), r"`steps` must be at least 1. Received: 0"),
        (convolutional, (IDS[0],), r"`token_ids` must be of shape \[B, T\], B >= 1. Received: shape \(6,\)"),
        (convolutional, (IDS + 1,), r"`token_ids` must be in \[0, 9\), the vocabulary, or -1 for padding. Received: 9"),
        (
            convolutional,
            (np.ones([1, 7], int),),
            r"`token_ids` must be at most 6 long, the discriminator's sequence_length. Received: shape \(1, 7\)",
        ),
        (
            convolutional,
            (IDS, np.zeros([4, 2])),
            r"`condition` must be None for a network without an encoder. Received: a condition",
        ),
        (
            Bare,
            (IDS,),
            r"`discriminator` must have a Keras `Embedding` of its 9 tokens. "
            r"Received: an object of the class Bare without one",
        ),
    ],
)
def test_errors(make, arguments, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        logit_attributions(make(), *arguments)
