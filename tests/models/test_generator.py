import itertools

import keras_harness
import numpy as np
import pytest
import tensorflow as tf
from exact import log_softmax

from seqgan_tf.core.losses import token_log_probs
from seqgan_tf.core.validation import InputError
from seqgan_tf.models.generator import Generator

TOKEN_IDS = np.array([[2, 0, 4, 1], [6, 6, 3, 5], [1, 2, 0, 0]], np.int32)  # B 3, T 4


def make(**settings):
    return Generator(**{"vocabulary_size": 7, "embedding_dim": 4, "hidden_dim": 5, "seed": 1} | settings)


def spiky(**settings):
    return make(initializer_stddev=1.0, **settings)


def steps(generator, token_ids):
    """Logits [B, T, V] from one step per token."""
    token, state = np.full(len(token_ids), generator.start_token_id), generator.initial_state(len(token_ids))
    logits = []
    for t in range(token_ids.shape[1]):
        now, state = generator.step(token, state)
        logits.append(now)
        token = token_ids[:, t]
    return np.stack(logits, axis=1)


@pytest.mark.parametrize("start_token_id", [None, 2])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_step_and_call_give_the_same_logits(cell, num_layers, start_token_id):
    generator = spiky(cell=cell, num_layers=num_layers, start_token_id=start_token_id)
    logits = generator(TOKEN_IDS)
    assert logits.shape == (3, 4, 7)
    assert logits.dtype == tf.float32
    np.testing.assert_allclose(steps(generator, TOKEN_IDS), logits, atol=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_token_changes_only_the_logits_after_it(cell):
    generator = spiky(cell=cell)
    before = generator(TOKEN_IDS).numpy()
    for t in range(4):
        changed = TOKEN_IDS.copy()
        changed[:, t] = (changed[:, t] + 1) % 7
        after = generator(changed).numpy()
        np.testing.assert_array_equal(after[:, : t + 1], before[:, : t + 1])
        assert np.all(np.abs(after - before)[:, t + 1 :].max(axis=2) > 1e-4)


def test_padding_does_not_change_the_logits_before_it():
    generator = spiky(end_token_id=0)
    padded = TOKEN_IDS.copy()
    padded[0, 2:] = -1
    np.testing.assert_array_equal(generator(padded)[0, :3], generator(TOKEN_IDS)[0, :3])
    np.testing.assert_array_equal(generator(padded)[1:], generator(TOKEN_IDS)[1:])


def test_log_probs_of_tokens_are_right_in_a_batch_with_padding():
    generator = spiky()
    padded = TOKEN_IDS.copy()
    padded[0, 2:] = -1
    expected = np.take_along_axis(log_softmax(generator(padded)), np.maximum(padded, 0)[..., None], axis=-1)[..., 0]
    found = token_log_probs(generator(padded), padded).numpy()
    np.testing.assert_allclose(found[padded >= 0], expected[padded >= 0], rtol=1e-5)


def test_the_start_token_has_an_embedding_of_its_own_by_default():
    generator = spiky()
    assert generator.start_token_id == 7
    assert generator.embedding.embeddings.shape == (8, 4)
    shared = spiky(start_token_id=0)
    assert shared.embedding.embeddings.shape == (7, 4)
    # The embedding of token 0 has an effect on the first position only if token 0 is the start token.
    for model, has_effect in ((generator, False), (shared, True)):
        before = model(TOKEN_IDS)[:, 0].numpy()
        embeddings = model.embedding.get_weights()[0]
        embeddings[0] += 1.0
        model.embedding.set_weights([embeddings])
        assert (np.abs(model(TOKEN_IDS)[:, 0] - before).max() > 1e-3) == has_effect


def test_dropout_is_on_in_training_only():
    generator = spiky(dropout=0.5)
    np.testing.assert_array_equal(generator(TOKEN_IDS), generator(TOKEN_IDS))
    np.testing.assert_array_equal(generator(TOKEN_IDS, training=False), spiky()(TOKEN_IDS))
    first, second = generator(TOKEN_IDS, training=True), generator(TOKEN_IDS, training=True)
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_array_equal(spiky()(TOKEN_IDS, training=True), spiky()(TOKEN_IDS))


@pytest.mark.parametrize("settings", [{}, {"initializer_stddev": 0.1}, {"cell": "gru", "num_layers": 2}])
def test_a_seed_reproduces_the_weights(settings):
    first, again, other = (make(seed=seed, **settings).get_weights() for seed in (4, 4, 5))
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.any(a != c) or np.isin(a, [0, 1]).all()  # biases start at constants


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_seed_reproduces_every_variable(cell):
    """The states of random number generators too, of which each recurrent layer has one."""
    first, again = (make(cell=cell, num_layers=2, dropout=0.1, seed=4).variables for _ in range(2))
    assert len([v for v in first if "seed_generator" in v.path]) == 5
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_of_the_same_shape_differ():
    generator = make(embedding_dim=5, hidden_dim=5, num_layers=2, initializer_stddev=0.1)
    for a, b in itertools.combinations(generator.get_weights(), 2):
        assert a.shape != b.shape or np.any(a != b)


def test_initializer_stddev_is_that_of_every_weight():
    weights = make(vocabulary_size=300, embedding_dim=50, hidden_dim=50, initializer_stddev=0.1).get_weights()
    assert len(weights) == 6
    for array in weights:
        assert array.std() == pytest.approx(0.1, rel=0.2)
        assert abs(array.mean()) < 0.02


@pytest.mark.parametrize(
    "settings", [{}, {"cell": "gru", "num_layers": 2, "dropout": 0.3, "start_token_id": 2, "end_token_id": 0}]
)
def test_config_and_file_round_trips(settings, tmp_path):
    generator = spiky(**settings)
    keras_harness.check_config_round_trip(generator)
    config = generator.get_config()
    assert {name: config[name] for name in settings} == settings
    keras_harness.check_save_and_load(generator, TOKEN_IDS, tmp_path)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_mixed_precision_gives_float32_logits_close_to_those_of_float32(cell):
    keras_harness.check_dtype_policies(lambda dtype: spiky(cell=cell, dtype=dtype), TOKEN_IDS)
    exact = spiky(cell=cell)(TOKEN_IDS)
    for policy in keras_harness.POLICIES:
        np.testing.assert_allclose(steps(spiky(cell=cell, dtype=policy), TOKEN_IDS), exact, atol=0.15)


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
def test_a_quantized_generator_gives_logits_close_to_its_own():
    generator = spiky(embedding_dim=32, hidden_dim=32)
    exact = generator(TOKEN_IDS).numpy()
    generator.quantize("int8")
    for logits in (generator(TOKEN_IDS), steps(generator, TOKEN_IDS)):
        assert 0 < np.abs(logits - exact).max() < 0.1 * np.abs(exact).max()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vocabulary_size": 1}, "`vocabulary_size` must be at least 2. Received: 1"),
        ({"cell": "rnn"}, r"`cell` must be one of \['gru', 'lstm'\]. Received: 'rnn'"),
        ({"embedding_dim": 0}, "`embedding_dim` must be at least 1. Received: 0"),
        ({"hidden_dim": -3}, "`hidden_dim` must be at least 1. Received: -3"),
        ({"num_layers": 0}, "`num_layers` must be at least 1. Received: 0"),
        ({"dropout": 1.0}, r"`dropout` must be in \[0, 1\). Received: 1.0"),
        ({"dropout": -0.1}, r"`dropout` must be in \[0, 1\). Received: -0.1"),
        ({"start_token_id": 9}, r"`start_token_id` must be in \[0, 7\), the vocabulary. Received: 9"),
        ({"end_token_id": 7}, r"`end_token_id` must be in \[0, 7\), the vocabulary. Received: 7"),
        ({"end_token_id": -1}, r"`end_token_id` must be in \[0, 7\), the vocabulary. Received: -1"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        make(**settings)


def test_ids_outside_the_vocabulary_are_refused():
    generator = make()
    with pytest.raises(InputError, match=r"must be in \[0, 7\), the vocabulary.* Received: 7"):
        generator(np.array([[0, 7]]))
    with pytest.raises(InputError, match=r"must be in \[0, 7\), the vocabulary.* Received: -2"):
        generator(np.array([[0, -2]]))
    with pytest.raises(InputError, match="must hold integers"):
        generator(np.array([[0.0, 1.0]]))
    with pytest.raises(InputError, match=r"must be in .* Received: 8"):
        generator.step(np.array([8]), generator.initial_state(1))
    with pytest.raises(InputError, match=r"must be in .* Received: 7"):
        make(start_token_id=0).step(np.array([7]), generator.initial_state(1))


def test_training_can_start_from_the_token_frequencies():
    token_ids = np.array([[3, 3, 1, -1], [2, 0, -1, -1], [3, 1, 3, 0]])
    generator = Generator(5, 3, 4, end_token_id=0, seed=1)
    generator.start_from_frequencies(token_ids)
    counts = 1 + np.array([2, 2, 1, 4, 0])
    assert np.allclose(generator.projection.bias, np.log(counts / counts.sum()))
    with pytest.raises(InputError, match=r"must hold token ids in \[0, 5\)|must be in \[0, 5\)"):
        generator.start_from_frequencies(np.array([[5]]))


def test_the_range_of_the_initial_embeddings():
    weights = {r: np.asarray(Generator(50, embedding_range=r, seed=1).embedding.embeddings) for r in (0.05, 0.3)}
    for bound, values in weights.items():
        assert 0.9 * bound < np.abs(values).max() <= bound
    assert np.allclose(weights[0.3], 6 * weights[0.05], atol=1e-6)
    assert Generator(50, embedding_range=0.3).get_config()["embedding_range"] == 0.3
    for wrong in (0, -1.0, float("inf"), float("nan")):
        with pytest.raises(InputError, match=r"`embedding_range` must be a finite number above 0. Received: "):
            Generator(50, embedding_range=wrong)
