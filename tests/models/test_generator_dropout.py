"""The kinds of dropout of the recurrent generator, against masks that are drawn apart and applied in NumPy."""

import keras
import keras_harness
import numpy as np
import pytest
import tensorflow as tf

from seqgan_tf.core.validation import InputError
from seqgan_tf.models.generator import Generator

TOKEN_IDS = np.array([[2, 0, 4, 1], [6, 6, 3, 5], [1, 2, 0, 0]], np.int32)  # B 3, T 4, V 7
V, H = 7, 5


def make(**settings):
    return Generator(
        **{"vocabulary_size": V, "embedding_dim": 4, "hidden_dim": H, "initializer_stddev": 1.0, "seed": 1} | settings
    )


def next_mask(seed_generator, shape, rate):
    """What a layer with this seed will draw next: 0, or 1 / (1 - rate)."""
    copy = keras.random.SeedGenerator(0)
    copy.state.assign(seed_generator.state)
    return np.asarray(keras.random.dropout(np.ones(shape, "float32"), rate, seed=copy))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def plain_lstm(layer, inputs, recurrent_mask=1.0):
    """Outputs [B, T, H]; every step multiplies the recurrent matrix by the mask [H, 4 H]."""
    kernel, recurrent, bias = layer.get_weights()
    h = c = np.zeros([len(inputs), H])
    outputs = []
    for t in range(inputs.shape[1]):
        i, f, g, o = np.split(inputs[:, t] @ kernel + h @ (recurrent_mask * recurrent) + bias, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs, axis=1)


def embedded(generator):
    """The embeddings of what is fed, [B, T, E]."""
    fed = np.concatenate([np.full([3, 1], V), TOKEN_IDS[:, :-1]], axis=1)
    return np.asarray(generator.embedding.embeddings)[fed]


def test_the_recurrent_matrix_has_one_mask_for_all_positions():
    generator = make(num_layers=2, recurrent_dropout=0.4)
    masks = [next_mask(layer.seed_generator, [H, 4 * H], 0.4) for layer in generator.recurrent_dropout_layers]
    assert all(0 < (mask == 0).mean() < 1 for mask in masks)
    assert np.any(masks[0] != masks[1])
    x = embedded(generator)
    for layer, mask in zip(generator.recurrent_layers, masks, strict=True):
        x = plain_lstm(layer, x, mask)
    kernel, bias = generator.projection.get_weights()
    before = generator.get_weights()
    np.testing.assert_allclose(generator(TOKEN_IDS, training=True), x @ kernel + bias, atol=1e-4)
    for ours, theirs in zip(before, generator.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_only_the_weights_that_are_kept_get_a_gradient():
    generator = make(recurrent_dropout=0.4)
    mask = next_mask(generator.recurrent_dropout_layers[0].seed_generator, [H, 4 * H], 0.4)
    recurrent = generator.recurrent_layers[0].cell.recurrent_kernel

    @tf.function
    def gradient():
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(tf.square(generator(TOKEN_IDS, training=True)))
        return tape.gradient(value, recurrent.value)

    np.testing.assert_array_equal(gradient().numpy() == 0, mask == 0)


def test_a_dropped_token_has_no_embedding_in_the_whole_batch():
    generator, plain = make(embedding_dropout=0.5), make()
    mask = next_mask(generator.embedding_dropout_layer.seed_generator, [V + 1, 1], 0.5)
    assert 0 < (mask[np.unique(TOKEN_IDS)] == 0).mean() < 1
    plain.embedding.embeddings.assign(mask * np.asarray(plain.embedding.embeddings))
    np.testing.assert_allclose(generator(TOKEN_IDS, training=True), plain(TOKEN_IDS), atol=1e-5)


def test_the_output_layer_has_a_rate_of_its_own():
    rates = {
        name: [layer.rate for layer in make(num_layers=2, **settings).dropout_layers]
        for name, settings in {
            "one": {"dropout": 0.3},
            "two": {"dropout": 0.3, "output_dropout": 0.6},
            "none": {"dropout": 0.3, "output_dropout": 0.0},
        }.items()
    }
    assert rates == {"one": [0.3, 0.3, 0.3], "two": [0.3, 0.3, 0.6], "none": [0.3, 0.3, 0.0]}
    generator = make(output_dropout=0.5)
    mask = next_mask(generator.dropout_layers[-1].seed_generator, [3, 4, H], 0.5)
    outputs = plain_lstm(generator.recurrent_layers[0], embedded(generator))
    kernel, bias = generator.projection.get_weights()
    np.testing.assert_allclose(generator(TOKEN_IDS, training=True), (outputs * mask) @ kernel + bias, atol=1e-4)


KINDS = [{"embedding_dropout": 0.4}, {"recurrent_dropout": 0.4}, {"output_dropout": 0.4}]
kinds = pytest.mark.parametrize("settings", KINDS, ids=[next(iter(kind)) for kind in KINDS])


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@kinds
def test_dropout_is_on_in_training_only_and_is_seeded(settings, cell):
    generator, same, plain = make(cell=cell, **settings), make(cell=cell, **settings), make(cell=cell)
    np.testing.assert_array_equal(generator(TOKEN_IDS), plain(TOKEN_IDS))
    state = plain.initial_state(3)
    np.testing.assert_array_equal(generator.step(TOKEN_IDS[:, 0], state)[0], plain.step(TOKEN_IDS[:, 0], state)[0])
    first, second = generator(TOKEN_IDS, training=True), generator(TOKEN_IDS, training=True)
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_array_equal(same(TOKEN_IDS, training=True), first)
    np.testing.assert_array_equal(same(TOKEN_IDS, training=True), second)


@kinds
def test_a_generator_with_dropout_is_saved_with_its_random_state(settings, tmp_path):
    generator = make(**settings)
    keras_harness.check_config_round_trip(generator)
    generator(TOKEN_IDS, training=True)
    loaded = keras_harness.check_save_and_load(generator, TOKEN_IDS, tmp_path)
    np.testing.assert_array_equal(loaded(TOKEN_IDS, training=True), generator(TOKEN_IDS, training=True))
    keras_harness.check_dtype_policies(lambda dtype: make(dtype=dtype, **settings), TOKEN_IDS)
    for dtype in keras_harness.POLICIES:
        low = make(dtype=dtype, **settings)
        outputs = low(TOKEN_IDS, training=True)
        assert outputs.dtype == "float32"
        assert np.abs(outputs - low(TOKEN_IDS)).max() > 0.05


def test_without_these_settings_there_are_no_variables_for_them():
    assert len(make(dropout=0.3).variables) == len(make(dropout=0.3, output_dropout=0.3).variables)
    assert len(make(embedding_dropout=0.3).variables) == len(make().variables) + 1


@pytest.mark.parametrize("name", ["embedding_dropout", "recurrent_dropout", "output_dropout"])
@pytest.mark.parametrize("rate", [1.0, -0.1])
def test_rates_out_of_range_are_refused(name, rate):
    with pytest.raises(InputError, match=rf"`{name}` must be in \[0, 1\). Received: {rate}"):
        make(**{name: rate})
    with pytest.raises(InputError, match=f"`{name}` must be a number. Received: 'a'"):
        make(**{name: "a"})
