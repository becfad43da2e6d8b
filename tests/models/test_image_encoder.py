"""Encoders of images: against plain loops, finite differences, and networks with a backbone of another kind."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from gradients import assert_gradients

from seqgan_tf.core.conditions import condition_on
from seqgan_tf.core.validation import InputError
from seqgan_tf.models.generator import Generator
from seqgan_tf.models.image_encoder import ImageEncoder
from seqgan_tf.rewards.rollout import MonteCarloRollout

B, H, W, C, T, V = 3, 6, 9, 5, 4, 7
TOKENS = np.array([[1, 4, 0, -1], [2, 2, 3, 1], [0, -1, -1, -1]], np.int32)


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (B, H, W, 3)).astype(np.uint8)


def encoder(**settings):
    return ImageEncoder(**{"image_size": (H, W), "filters": (4, 2), "width": C, "seed": 1} | settings)


def backbone(**settings):
    """A small network with batch normalization and dropout, whose statistics differ from those of a batch."""
    x = inputs = keras.layers.Input((H, W, 3))
    x = keras.layers.Conv2D(4, 3, strides=3, kernel_initializer=keras.initializers.GlorotUniform(seed=2))(x)
    x = keras.layers.BatchNormalization(moving_mean_initializer=keras.initializers.Constant(0.3))(x)
    x = keras.layers.Dropout(0.5, seed=3)(x)
    return keras.Model(inputs, x, **settings)


def convolution(x, layer, stride):
    """A convolution with "same" padding by plain loops, and relu."""
    kernel, bias = layer.get_weights()
    height, width = (-(-size // stride) for size in x.shape[:2])
    padding = [max((n - 1) * stride + 3 - size, 0) for n, size in zip((height, width), x.shape[:2], strict=True)]
    padded = np.pad(x, [(p // 2, p - p // 2) for p in padding] + [(0, 0)])
    found = np.zeros((height, width, kernel.shape[3]))
    for i, j in np.ndindex(height, width):
        window = padded[i * stride : i * stride + 3, j * stride : j * stride + 3]
        found[i, j] = np.maximum(np.tensordot(window, kernel, 3) + bias, 0)
    return found


def test_the_context_is_that_of_plain_loops(images):
    network = encoder()
    network.positions.assign(np.random.default_rng(1).normal(size=network.positions.shape))
    memory, mask, summary = network(images)
    assert network.grid == (2, 3)
    assert (memory.shape, mask.shape, summary.shape) == ((B, 6, C), (B, 6), (B, 2 * C))
    assert (network.memory_dim, network.summary_dim) == (C, 2 * C)
    np.testing.assert_array_equal(mask, 1)
    kernel, bias = network.projection.get_weights()
    for b in range(B):
        x = images[b] / 127.5 - 1
        for layer, stride in zip(network.convolutions, (2, 2, 1), strict=True):
            x = convolution(x, layer, stride)
        rows = np.maximum(x.reshape(6, -1) @ kernel + bias + network.positions.numpy(), 0)
        rows = (rows - rows.mean(1, keepdims=True)) / np.sqrt(rows.var(1, keepdims=True) + 1e-3)
        np.testing.assert_allclose(memory[b], rows / np.sqrt(C), atol=1e-4)
        np.testing.assert_allclose(summary[b], np.concatenate([rows.mean(0), rows.max(0)]), atol=1e-4)


def test_gradients_reach_all_weights_and_are_finite_differences(images):
    network = Generator(V, 3, 6, encoder=encoder(), attention="luong", initializer_stddev=0.5, seed=1)
    weights = tf.constant(np.random.default_rng(2).normal(size=(B, T, V)), tf.float32)
    assert_gradients(lambda: tf.reduce_mean(weights * condition_on(network, images)(TOKENS)), network)


@pytest.mark.parametrize("settings", [{}, {"backbone": True}, {"backbone": True, "trainable_backbone": True}])
def test_the_context_of_an_image_does_not_depend_on_the_other_rows(settings, images):
    network = encoder(**settings | ({"backbone": backbone()} if settings else {}))
    for training in (False, True):
        whole = network(images, training=training)
        for b in range(B):
            for part, alone in zip(whole, network(images[b : b + 1], training=training), strict=True):
                np.testing.assert_allclose(part[b], alone[0], atol=1e-5)


def test_a_backbone_is_frozen_or_trained(images):
    for is_trained in (False, True):
        model = backbone()
        network = encoder(backbone=model, trainable_backbone=is_trained)
        paths = {variable.path for variable in network.trainable_variables}
        kernel, moving = model.layers[1].kernel, model.layers[2].moving_mean
        assert (kernel.path in paths) is is_trained
        before = moving.numpy()
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(network(images, training=True).memory ** 3)
        if is_trained:
            assert float(tf.norm(tape.gradient(value, kernel.value))) > 0
        np.testing.assert_array_equal(moving, before)  # its statistics stay


def test_features_take_the_place_of_images(images):
    for network in (encoder(), encoder(backbone=backbone())):
        features = network.features(images)
        assert features.shape[1:] == network.features_shape
        for part, other in zip(network(images), network(features), strict=True):
            np.testing.assert_allclose(part, other, atol=1e-6)


def test_the_digest_of_features_changes_with_all_that_they_depend_on(images):
    model = backbone(name="a")
    found = {encoder(backbone=model).features_digest}
    assert encoder(backbone=model, width=7, seed=4).features_digest in found  # the features are the same
    found.add(encoder(backbone=model, preprocessing="tf").features_digest)
    kernel = model.layers[1].kernel
    kernel.assign(1.001 * kernel)
    found.add(encoder(backbone=model).features_digest)
    assert len(found) == 3
    for network in (encoder(), encoder(backbone=backbone(), trainable_backbone=True)):
        with pytest.raises(InputError, match="`features` must be an `ImageEncoder` with a frozen backbone"):
            _ = network.features_digest


@pytest.mark.parametrize("mode", ["tf", "torch", "caffe"])
def test_the_preprocessing_is_that_of_keras(mode, images):
    model = keras.Sequential([keras.layers.Input((H, W, 3)), keras.layers.AveragePooling2D(3)])
    found = encoder(backbone=model, preprocessing=mode).features(images)
    values = images.astype(np.float64)
    if mode == "tf":
        values = values / 127.5 - 1
    elif mode == "torch":
        values = (values / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    else:
        values = values[..., ::-1] - [103.939, 116.779, 123.68]
    np.testing.assert_allclose(found, values.reshape(B, 2, 3, 3, 3, 3).mean(axis=(2, 4)), rtol=1e-4, atol=1e-3)


def test_a_model_of_keras_applications_is_a_backbone(images):
    model = keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, include_top=False, weights=None)
    network = ImageEncoder(32, width=C, backbone=model, preprocessing="tf", seed=1)
    resized = tf.cast(tf.image.resize(images, (32, 32)), tf.uint8)
    assert network(resized).memory.shape == (B, 1, C)
    assert network.features_shape == (1, 1, 1280)


@pytest.mark.parametrize("has_backbone", [False, True])
def test_a_generator_is_saved_and_loaded(has_backbone, images, tmp_path):
    part = encoder(dropout=0.2, **{"backbone": backbone(), "preprocessing": "torch"} if has_backbone else {})
    network = Generator(V, 3, 6, encoder=part, attention="luong", initializer_stddev=0.5, seed=1)
    network.save(tmp_path / "g.keras")
    loaded = keras.saving.load_model(tmp_path / "g.keras")
    configs = [network.get_config() | {"backbone": None} for network in (part, loaded.encoder)]
    assert configs[0] == configs[1]
    np.testing.assert_array_equal(condition_on(loaded, images)(TOKENS), condition_on(network, images)(TOKENS))
    masked = [network.encode(images, training=True).summary for network in (network, loaded)]
    np.testing.assert_array_equal(*masked)  # the random state of dropout too
    assert np.any(masked[0] != network.encode(images).summary)


def test_step_and_call_give_the_same_logits(images):
    network = Generator(V, 3, 6, encoder=encoder(), attention="luong", initializer_stddev=0.5, seed=1)
    policy, rows = condition_on(network, images), 2 * B
    whole, state, fed = policy(TOKENS).numpy(), policy.initial_state(rows), tf.fill([rows], network.start_token_id)
    for t in range(T):
        logits, state = policy.step(fed, state)
        np.testing.assert_allclose(logits, np.tile(whole[:, t], [2, 1]), rtol=1e-5, atol=1e-5)
        fed = tf.tile(TOKENS[:, t], [2])


def test_the_rewards_of_a_row_depend_on_its_own_image_alone(images):
    from seqgan_tf.models.conv_discriminator import Discriminator

    generator = Generator(V, 3, 6, encoder=encoder(), attention="luong", initializer_stddev=0.5, end_token_id=0, seed=1)
    discriminator = Discriminator(V, T, 3, widths=[1, 2], filters=[3, 2], encoder=encoder(seed=2), seed=1)
    discriminator.matching.kernel.assign(100.0 * discriminator.matching.kernel)

    def rewards(given):
        networks = condition_on(generator, given), condition_on(discriminator, given)
        return MonteCarloRollout(1).estimate(tf.constant(TOKENS), *networks, tf.constant([1, 2])).numpy()

    changed = images.copy()
    changed[1] = 255 - changed[1]
    before, after = rewards(images), rewards(changed)
    np.testing.assert_allclose(before[[0, 2]], after[[0, 2]], atol=1e-6)
    assert np.all(before[1] != after[1])


def test_attention_weights_are_those_of_the_logits(images):
    network = Generator(V, 3, 6, encoder=encoder(), attention="luong", initializer_stddev=0.5, seed=1)
    context = network.encode(images)
    weights = network.attention_weights(TOKENS, context).numpy()
    assert weights.shape == (B, T, 6)
    np.testing.assert_allclose(weights.sum(axis=2), 1, atol=1e-6)
    # A memory with one position left is all that is read.
    mask = np.zeros([B, 6], np.float32)
    mask[:, 2] = 1
    only = network.attention_weights(TOKENS, context._replace(mask=mask))
    np.testing.assert_allclose(only, np.tile(mask[:, np.newaxis], [1, T, 1]), atol=1e-6)
    read = np.einsum("bts,bsc->btc", weights, context.memory)
    outputs = network._outputs(TOKENS, context)
    logits = network.project(network.combination(tf.concat([outputs, read], axis=-1)))
    np.testing.assert_allclose(network(TOKENS, context=context), logits, atol=1e-5)
    with pytest.raises(InputError, match="`attention_weights` must be called of a generator with attention"):
        Generator(V, encoder=encoder()).attention_weights(TOKENS, context)


def test_mixed_precision(images):
    network = encoder(dtype="mixed_bfloat16", backbone=backbone())
    memory, mask, summary = network(images)
    assert (memory.dtype, mask.dtype, summary.dtype) == (tf.bfloat16, tf.float32, tf.bfloat16)
    assert {variable.dtype for variable in network.trainable_variables} == {"float32"}
    np.testing.assert_allclose(tf.cast(memory, tf.float32), encoder(backbone=network.backbone)(images).memory, atol=0.1)


def test_equal_seeds_give_equal_weights(images):
    for part, other in zip(encoder()(images), encoder()(images), strict=True):
        np.testing.assert_array_equal(part, other)
    assert np.any(encoder(seed=2)(images).memory != encoder()(images).memory)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"image_size": 0}, "`image_size` must be at least 1. Received: 0"),
        (
            {"image_size": (4, 4, 3)},
            r"`image_size` must be a number of pixels, or height and width. Received: \(4, 4, 3\)",
        ),
        ({"image_size": 4.0}, "`image_size` must be an int. Received: 4.0"),
        ({"filters": (4, 0)}, "`filters` must be at least 1. Received: 0"),
        ({"filters": ()}, "`filters` must be at least 1. Received: 0"),
        ({"width": 0}, "`width` must be at least 1. Received: 0"),
        ({"dropout": 1.0}, r"`dropout` must be in \[0, 1\). Received: 1.0"),
        ({"preprocessing": "tf"}, "`preprocessing` needs a `backbone`. Received: 'tf' without one"),
        ({"preprocessing": "keras"}, r"`preprocessing` must be one of \[None, 'tf', .*\]. Received: 'keras'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        encoder(**settings)


def test_a_backbone_without_a_grid_is_refused():
    model = keras.Sequential([keras.layers.Input((H, W, 3)), keras.layers.GlobalAveragePooling2D()])
    expected = r"^`backbone` must return a grid of features \[B, h, w, F\], .* Received: shape \(B, 3\)$"
    with pytest.raises(InputError, match=expected):
        encoder(backbone=model)


def test_images_of_another_size_are_refused(images):
    expected = (
        r"^`condition` must be images \[B, 6, 9, 3\], or their features \[B, 2, 3, 2\]. Received: shape \(3, 5, 9, 3\)$"
    )
    with pytest.raises(InputError, match=expected):
        encoder()(images[:, :5])
