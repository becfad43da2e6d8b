import keras
import keras_harness
import numpy as np
import pytest
import tensorflow as tf
import tiny
from conditional import SOURCES, TARGETS, B, data, encoder, generator, recurrent_discriminator
from gradients import assert_gradients

from seqgan_tf.core import steps
from seqgan_tf.core.conditions import condition_on
from seqgan_tf.core.validation import InputError
from seqgan_tf.models.conv_discriminator import Discriminator
from seqgan_tf.models.generator import Generator
from seqgan_tf.models.recurrent_discriminator import RecurrentDiscriminator
from seqgan_tf.rewards.rollout import MonteCarloRollout
from seqgan_tf.seqgan import SeqGAN

TOKEN_IDS = np.array(  # B 4, T 6, V 7, lengths 6, 4, 1, 0
    [[2, 0, 4, 1, 6, 6], [3, 5, 5, 0, -1, -1], [0, -1, -1, -1, -1, -1], [-1] * 6], np.int32
)
KINDS = [("gru", 1), ("lstm", 1), ("gru", 2), ("lstm", 2)]


def make(**settings):
    defaults = {"vocabulary_size": 7, "sequence_length": 8, "embedding_dim": 3, "hidden_dim": 4, "seed": 1}
    return RecurrentDiscriminator(**defaults | settings)


def spiky(make=make, **settings):
    """With weights, biases included, so large that every part has an effect."""
    discriminator, rng = make(**settings), np.random.default_rng(5)
    discriminator.set_weights([rng.normal(size=w.shape) for w in discriminator.get_weights()])
    return discriminator


# A plain implementation in NumPy


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru_outputs(inputs, kernel, recurrent, bias):
    """The outputs [T, H] of a GRU whose reset gate comes after the product, as in cuDNN."""
    h, outputs = np.zeros(len(recurrent)), []
    for x in inputs:
        x_z, x_r, x_h = np.split(x @ kernel + bias[0], 3)
        h_z, h_r, h_h = np.split(h @ recurrent + bias[1], 3)
        z = sigmoid(x_z + h_z)
        h = z * h + (1 - z) * np.tanh(x_h + sigmoid(x_r + h_r) * h_h)
        outputs.append(h)
    return np.stack(outputs)


def lstm_outputs(inputs, kernel, recurrent, bias):
    h, c, outputs = np.zeros(len(recurrent)), np.zeros(len(recurrent)), []
    for x in inputs:
        i, f, candidate, o = np.split(x @ kernel + h @ recurrent + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(candidate)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs)


def weights_of(layer):
    return [np.float64(w) for w in layer.get_weights()]


def plain_features(discriminator, tokens):
    """The maximum and the mean over the tokens of one sequence without its padding."""
    outputs = {"gru": gru_outputs, "lstm": lstm_outputs}[discriminator.cell]
    x = weights_of(discriminator.embedding)[0][tokens]
    for ahead, back in zip(discriminator.forward_layers, discriminator.backward_layers, strict=True):
        x = np.concatenate([outputs(x, *weights_of(ahead)), outputs(x[::-1], *weights_of(back))[::-1]], axis=1)
    return np.concatenate([x.max(axis=0), x.mean(axis=0)])


def plain_logit(discriminator, tokens):
    w, b = weights_of(discriminator.output_layer)
    features = plain_features(discriminator, tokens) if len(tokens) else np.zeros(len(w))
    return (features @ w + b).item()


@pytest.mark.parametrize("length", [6, 4, 1])
@pytest.mark.parametrize(("cell", "num_layers"), KINDS)
def test_logits_are_those_of_a_plain_numpy_implementation(cell, num_layers, length):
    discriminator, token_ids = spiky(cell=cell, num_layers=num_layers), TOKEN_IDS[:, :length]
    logits = discriminator(token_ids)
    assert logits.shape == (4,)
    assert logits.dtype == tf.float32
    expected = [plain_logit(discriminator, row[row >= 0]) for row in token_ids]
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_condition_adds_its_inner_product_with_the_features(cell):
    discriminator = spiky(recurrent_discriminator, cell=cell)
    token_ids = np.concatenate([TARGETS, TARGETS[::-1]])  # row r belongs to condition r mod B
    memory, mask, summary = (np.float64(part) for part in discriminator.encoder(SOURCES))
    w, b = weights_of(discriminator.matching)
    expected = []
    for r, row in enumerate(token_ids):
        c = r % B
        mean = (memory[c] * mask[c][:, None]).sum(axis=0) / mask[c].sum()
        tokens = row[row >= 0]
        match = plain_features(discriminator, tokens) @ (np.concatenate([summary[c], mean]) @ w + b)
        expected.append(plain_logit(discriminator, tokens) + match)
    found = condition_on(discriminator, SOURCES)(token_ids)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


# Padding, positions, dropout


@pytest.mark.parametrize(("cell", "num_layers"), KINDS)
def test_padding_does_not_change_the_logits(cell, num_layers):
    discriminator = spiky(cell=cell, num_layers=num_layers)
    expected = discriminator(TOKEN_IDS)
    longer = np.pad(TOKEN_IDS, [[0, 0], [0, 2]], constant_values=-1)
    np.testing.assert_allclose(discriminator(longer), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(discriminator(TOKEN_IDS[1:3, :4]), expected[1:3], rtol=1e-5, atol=1e-6)


def test_every_position_has_an_effect_on_the_logit():
    discriminator = spiky()
    before = discriminator(TOKEN_IDS[:1]).numpy()
    for t in range(6):
        logits = [discriminator(np.where(np.arange(6) == t, token, TOKEN_IDS[:1])) for token in range(7)]
        assert np.abs(np.array(logits) - before).max() > 1e-3


def test_dropout_is_on_in_training_only_before_every_layer_and_before_the_logit():
    discriminator = spiky(dropout=0.5, num_layers=2)
    np.testing.assert_array_equal(discriminator(TOKEN_IDS), spiky(dropout=0.0, num_layers=2)(TOKEN_IDS))
    layers = [*discriminator.dropout_layers, discriminator.dropout_layer]
    assert [layer.rate for layer in layers] == [0.5] * 3
    for used in layers:
        for layer in layers:
            layer.rate = 0.5 if layer is used else 0.0
        first, second = discriminator(TOKEN_IDS, training=True), discriminator(TOKEN_IDS, training=True)
        assert np.abs(first - second).max() > 1e-3


# Weights


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_the_gradient_reaches_all_weights_those_of_the_encoder_included(cell):
    discriminator = recurrent_discriminator(cell=cell, dropout=0.0)
    for variable in (discriminator.output_layer.kernel, discriminator.matching.kernel):
        variable.assign(np.random.default_rng(0).normal(size=variable.shape))
    weights = tf.constant([1.0, -2.0, 0.5])
    assert_gradients(lambda: tf.reduce_sum(weights * condition_on(discriminator, SOURCES)(TARGETS)), discriminator)


def test_a_seed_reproduces_weights_and_dropout():
    settings = {"num_layers": 2, "cell": "lstm", "dropout": 0.5}
    first, again, other = (make(seed=seed, **settings) for seed in (4, 4, 5))
    for a, b, c in zip(first.get_weights(), again.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.any(a != c) or a.ndim == 1  # biases start at constants
    for _ in range(2):
        dropped = [network(TOKEN_IDS, training=True).numpy() for network in (first, again, other)]
        np.testing.assert_array_equal(dropped[0], dropped[1])
        assert np.any(dropped[0] != dropped[2])
    matrices = [w for w in first.get_weights() if w.ndim == 2]
    for i, a in enumerate(matrices):
        assert not any(a.shape == b.shape and np.array_equal(a, b) for b in matrices[:i])


def test_equal_seeds_do_not_make_equal_weights_of_discriminator_and_encoder():
    discriminator = make(encoder=encoder(), seed=1)
    ours = discriminator.forward_layers[0].get_weights()[0]
    assert ours.shape == discriminator.encoder.forward_layers[0].get_weights()[0].shape
    assert np.all(ours != discriminator.encoder.forward_layers[0].get_weights()[0])


def test_initial_embeddings_are_in_their_range():
    for settings, expected in (({}, 0.2), ({"embedding_range": 3.0}, 3.0)):
        embeddings = make(vocabulary_size=500, **settings).embedding.get_weights()[0]
        assert 0.97 * expected < np.abs(embeddings).max() <= expected


# Configuration, files, precision


@pytest.mark.parametrize(
    "settings",
    [{}, {"embedding_range": 0.7, "cell": "lstm", "num_layers": 2, "dropout": 0.5, "hidden_dim": np.int64(2)}],
)
def test_config_and_file_round_trips(settings, tmp_path):
    discriminator = spiky(**settings)
    keras_harness.check_config_round_trip(discriminator)
    keras_harness.check_save_and_load(discriminator, TOKEN_IDS, tmp_path)


def test_a_conditional_discriminator_is_saved_with_its_encoder(tmp_path):
    discriminator = spiky(recurrent_discriminator)
    keras_harness.check_config_round_trip(discriminator)
    discriminator.save(tmp_path / "saved.keras")
    loaded = keras.saving.load_model(tmp_path / "saved.keras")
    expected = condition_on(discriminator, SOURCES)(TARGETS)
    np.testing.assert_array_equal(condition_on(loaded, SOURCES)(TARGETS), expected)
    dropped = [condition_on(network, SOURCES)(TARGETS, training=True) for network in (discriminator, loaded)]
    np.testing.assert_array_equal(*dropped)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_mixed_precision_gives_float32_logits_close_to_those_of_float32(cell):
    keras_harness.check_dtype_policies(lambda dtype: spiky(dtype=dtype, cell=cell), TOKEN_IDS)


def test_everything_after_the_recurrent_layers_is_float32_under_mixed_precision():
    dtype = "mixed_bfloat16"
    discriminator = recurrent_discriminator(dtype=dtype, encoder=encoder(dtype=dtype))
    outputs, _ = discriminator.read(TARGETS)
    assert outputs.dtype == tf.bfloat16
    assert discriminator.encode(SOURCES).dtype == tf.float32
    assert {layer.compute_dtype for layer in (discriminator.output_layer, discriminator.matching)} == {"float32"}
    assert condition_on(discriminator, SOURCES)(TARGETS).dtype == tf.float32
    # The mean of two neighbouring numbers of bfloat16 lies between them.
    neighbours = tf.constant([[[1.0], [1.0078125]]], tf.bfloat16)
    np.testing.assert_array_equal(discriminator._pool(neighbours, tf.ones([1, 2])), [[1.0078125, 1.00390625]])


# Errors


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vocabulary_size": 1}, "`vocabulary_size` must be at least 2. Received: 1"),
        ({"vocabulary_size": 7.0}, "`vocabulary_size` must be an int. Received: 7.0"),
        ({"sequence_length": 1}, "`sequence_length` must be at least 2. Received: 1"),
        ({"sequence_length": None}, "`sequence_length` must be an int. Received: None"),
        ({"embedding_dim": 0}, "`embedding_dim` must be at least 1. Received: 0"),
        ({"embedding_range": 0.0}, "`embedding_range` must be a finite number above 0. Received: 0.0"),
        ({"embedding_range": "1"}, "`embedding_range` must be a number. Received: '1'"),
        ({"hidden_dim": 0}, "`hidden_dim` must be at least 1. Received: 0"),
        ({"cell": "rnn"}, r"`cell` must be one of \['gru', 'lstm'\]. Received: 'rnn'"),
        ({"num_layers": 0}, "`num_layers` must be at least 1. Received: 0"),
        ({"dropout": 1.0}, r"`dropout` must be in \[0, 1\). Received: 1.0"),
        ({"seed": 0.5}, "`seed` must be an int. Received: 0.5"),
        ({"encoder": "gru"}, "`encoder` must be a Keras model or layer. Received: str"),
        ({"dtype": "bfloat16"}, "`dtype` must be 'float32', 'mixed_bfloat16', .* Received: 'bfloat16'"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        make(**settings)


def test_wrong_token_ids_and_contexts_are_refused():
    discriminator = make()
    with pytest.raises(InputError, match=r"must be at most 8 long.* Received: shape \(2, 9\)"):
        discriminator(np.zeros((2, 9), np.int32))
    with pytest.raises(InputError, match=r"must be in \[0, 7\), the vocabulary.* Received: 7"):
        discriminator(np.array([[0, 7]]))
    with pytest.raises(InputError, match="must hold integers"):
        discriminator(np.array([[0.0, 1.0]]))
    with pytest.raises(InputError, match=r"`context` must be None for this discriminator. Received: EagerTensor"):
        discriminator(TOKEN_IDS, context=tf.zeros([4, 16]))
    with pytest.raises(InputError, match=r"`context` must be what `encode\(condition\)` returns .* Received: NoneType"):
        recurrent_discriminator()(TARGETS)
    assert discriminator.encode(None) is None


# Training


def test_it_trains_in_adversarial_rounds_and_goes_on_after_it_was_loaded(tmp_path):
    discriminator = RecurrentDiscriminator(tiny.V, tiny.T, 3, hidden_dim=4, seed=1)
    policy = Generator(tiny.V, 3, 4, end_token_id=0, initializer_stddev=0.5, seed=1)
    gan = SeqGAN(policy, discriminator, MonteCarloRollout(2), batch_size=3, discriminator_steps=2)
    gan.compile(keras.optimizers.Adam(0.05), keras.optimizers.Adam(0.05))
    before = discriminator.get_weights()
    history = gan.fit(tiny.DATA, epochs=2, steps_per_epoch=1, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    assert all(np.any(a != b) for a, b in zip(before, discriminator.get_weights(), strict=True))
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    for model in (gan, loaded):
        model.fit(tiny.DATA, steps_per_epoch=1, verbose=0)
    tiny.assert_same(gan.get_weights(), loaded.get_weights())


def test_it_trains_in_adversarial_rounds_given_conditions_under_mixed_precision():
    dtype = "mixed_bfloat16"
    theirs = encoder(seed=3, dropout=0.2, dtype=dtype)
    discriminator = recurrent_discriminator(cell="lstm", dropout=0.2, encoder=theirs, dtype=dtype)
    gan = SeqGAN(generator(), discriminator, MonteCarloRollout(2), batch_size=4, discriminator_steps=2)
    gan.compile(keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.01))
    before = discriminator.get_weights()
    history = gan.fit(data(11), steps_per_epoch=1, verbose=0).history
    assert "mismatched_accuracy" in history
    assert all(np.isfinite(values).all() for values in history.values())
    assert all(np.any(a != b) for a, b in zip(before, discriminator.get_weights(), strict=True))


def test_a_step_is_the_same_under_xla():
    weights = []
    for jit_compile in (None, True):
        discriminator = recurrent_discriminator(dropout=0.0)
        optimizer = keras.optimizers.SGD(0.5)
        step = tf.function(steps.discriminator_step, jit_compile=jit_compile)
        step(discriminator, optimizer, tf.constant(TARGETS), tf.constant(TARGETS[::-1]), tf.constant(SOURCES))
        weights.append(discriminator.get_weights())
    assert tiny.differ(weights[0], recurrent_discriminator().get_weights())
    for ours, compiled in zip(*weights, strict=True):
        np.testing.assert_allclose(compiled, ours, rtol=1e-4, atol=1e-6)


def test_it_learns_the_order_of_tokens_beyond_the_windows_of_convolutions(rng):
    """Real sequences end with the token that they begin with."""
    real = rng.integers(0, 4, [600, 8])
    generated = real.copy()
    real[:, -1], generated[:, -1] = real[:, 0], (real[:, 0] + rng.integers(1, 4, 600)) % 4
    token_ids, labels = np.concatenate([real, generated]), np.repeat([1.0, 0.0], 600)
    accuracies = {}
    for name, network in (
        ("recurrent", RecurrentDiscriminator(4, 8, 8, hidden_dim=32, dropout=0.0, seed=1)),
        ("windows", Discriminator(4, 8, 8, widths=[2], filters=[32], dropout=0.0, seed=1)),
    ):
        network.compile(
            keras.optimizers.Adam(0.01),
            keras.losses.BinaryCrossentropy(from_logits=True),
            metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],
        )
        order = rng.permutation(1200)
        history = network.fit(token_ids[order], labels[order], batch_size=64, epochs=20, verbose=0).history
        accuracies[name] = history["binary_accuracy"][-1]
    assert accuracies["recurrent"] > 0.9
    assert accuracies["windows"] < 0.8
