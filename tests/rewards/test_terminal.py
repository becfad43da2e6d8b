"""Terminal rewards, and the checks that they share with roll-outs."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny

from seqgan_tf.core.validation import InputError
from seqgan_tf.models.conv_discriminator import Discriminator
from seqgan_tf.models.generator import Generator
from seqgan_tf.rewards.controls import ConstantReward, ShuffledReward
from seqgan_tf.rewards.rollout import MonteCarloRollout
from seqgan_tf.rewards.terminal import TerminalReward

V, T = 5, 4
TOKEN_IDS = np.array([[1, 2, 3, 4], [2, 0, -1, -1], [3, 3, 0, -1], [0, -1, -1, -1]], np.int32)
SEED = tf.constant([1, 0])
ESTIMATORS = [TerminalReward(), MonteCarloRollout(2)]
CONTROLS = [ConstantReward, ShuffledReward]


@pytest.fixture(scope="module")
def generator():
    return Generator(V, 3, 4, end_token_id=0, seed=1)


@pytest.fixture(scope="module")
def discriminator():
    """Its logits differ by more than the default clip; with dropout, which must be off."""
    made = Discriminator(V, T, 3, widths=[1, 2], filters=[5, 5], dropout=0.9, seed=1)
    rng = np.random.default_rng(5)
    made.set_weights([2 * rng.normal(size=w.shape) for w in made.get_weights()])
    return made


@pytest.mark.parametrize("settings", [{}, {"reward": "probability"}, {"clip": 0.7}, {"clip": 1e6}], ids=str)
def test_rewards_equal_those_of_a_rollout_whose_stride_is_the_sequence_length(settings, generator, discriminator):
    arguments = (TOKEN_IDS, generator, discriminator, SEED)
    rewards = TerminalReward(**settings).estimate(*arguments)
    np.testing.assert_array_equal(rewards, MonteCarloRollout(stride=T, **settings).estimate(*arguments))
    assert rewards.dtype == tf.float32
    assert np.ptp(rewards.numpy()[:, 0]) > 0.1


def test_every_token_gets_the_reward_of_its_sequence_and_padding_gets_0(generator, discriminator):
    rewards = TerminalReward(clip=1e6).estimate(TOKEN_IDS, generator, discriminator, SEED)
    logits = discriminator(TOKEN_IDS).numpy()
    np.testing.assert_array_equal(rewards, np.where(TOKEN_IDS >= 0, logits[:, np.newaxis], 0.0))


def test_rewards_in_a_graph_of_unknown_batch_size(generator, discriminator):
    estimator = TerminalReward()
    signature = [tf.TensorSpec([None, T], tf.int32)]
    compiled = tf.function(lambda token_ids: estimator.estimate(token_ids, generator, discriminator, SEED), signature)
    for token_ids in (TOKEN_IDS, TOKEN_IDS[:1]):
        expected = estimator.estimate(token_ids, generator, discriminator, SEED)
        np.testing.assert_allclose(compiled(token_ids), expected, rtol=1e-5)


def test_the_discriminator_is_called_once(generator):
    calls = []

    def spy(token_ids, training=False):
        calls.append(training)
        return tf.zeros([len(token_ids)])

    TerminalReward().estimate(TOKEN_IDS, generator, spy, SEED)
    assert calls == [False]


def test_config_round_trip():
    estimator = TerminalReward("probability", clip=2.0)
    assert estimator.get_config() == {"reward": "probability", "clip": 2.0}
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(estimator))
    assert type(copy) is TerminalReward
    assert copy.get_config() == estimator.get_config()
    assert TerminalReward().get_config() == {"reward": "log_odds", "clip": 3.0}


def test_a_model_with_terminal_rewards_can_be_trained_and_saved(tmp_path):
    model = tiny.make()
    model = type(model)(model.generator, model.discriminator, TerminalReward(), batch_size=3, discriminator_steps=2)
    model.compile()
    assert not model.lagging
    history = model.fit(tiny.DATA, steps_per_epoch=2, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    model.save(tmp_path / "model.keras")
    assert type(keras.saving.load_model(tmp_path / "model.keras").reward_estimator) is TerminalReward


@pytest.mark.parametrize("estimator", [TerminalReward, MonteCarloRollout])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"reward": "bleu"}, r"`reward` must be one of \['log_odds', 'probability'\]. Received: 'bleu'"),
        ({"clip": 0.0}, "`clip` must be above 0. Received: 0.0"),
        ({"clip": -1.0}, "`clip` must be above 0. Received: -1.0"),
        ({"clip": float("nan")}, "`clip` must be above 0. Received: nan"),
    ],
)
def test_settings_out_of_range_are_refused(estimator, settings, message):
    with pytest.raises(InputError, match=message):
        estimator(**settings)


# What enters, and what a discriminator returns


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
@pytest.mark.parametrize(
    ("token_ids", "message"),
    [
        (np.array([1, 2, 3, 4]), r"`token_ids` must be of shape \[B, T\]. Received: shape \(4,\)"),
        (TOKEN_IDS[np.newaxis], r"`token_ids` must be of shape \[B, T\]. Received: shape \(1, 4, 4\)"),
        (TOKEN_IDS.astype(np.float32), "`token_ids` must hold integers. Received: dtype float32"),
        (np.full([2, T], V), r"`token_ids` must be in \[0, 5\), the vocabulary.* Received: 5"),
    ],
)
def test_wrong_token_ids_are_refused(estimator, token_ids, message, generator, discriminator):
    with pytest.raises(InputError, match=message):
        estimator.estimate(token_ids, generator, discriminator, SEED)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
@pytest.mark.parametrize("shape", [[4, 1], [], [1], [1, 4]], ids=str)
def test_logits_of_another_shape_than_the_batch_are_refused(estimator, shape, generator):
    message = r"`discriminator\(token_ids\)` must be of shape \[B\].* Received: shape "
    with pytest.raises(InputError, match=message):
        estimator.estimate(TOKEN_IDS, generator, lambda token_ids, training=False: tf.zeros(shape), SEED)


def test_logits_of_completions_are_checked_too(generator):
    def discriminator(token_ids, training=False):
        logits = tf.zeros([tf.shape(token_ids)[0]])
        return logits if token_ids.shape[0] == len(TOKEN_IDS) else logits[:, tf.newaxis]

    with pytest.raises(InputError, match=r"`discriminator\(token_ids\)` must be of shape \[B\]. Received: shape \("):
        MonteCarloRollout(2).estimate(TOKEN_IDS, generator, discriminator, SEED)


class Returns:
    """An estimator that returns what it was given."""

    def __init__(self, rewards):
        self.rewards = rewards

    def estimate(self, token_ids, generator, discriminator, seed):
        return tf.constant(self.rewards)


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("shape", [[4, 1], [4], [1, T], [4, T, 1]], ids=str)
def test_a_control_refuses_rewards_of_another_shape_than_the_token_ids(control, shape):
    with pytest.raises(InputError, match=r"`rewards` must be of shape \[B, T\].* Received: shape "):
        control(Returns(np.zeros(shape, np.float32))).estimate(TOKEN_IDS, None, None, SEED)


@pytest.mark.parametrize("control", CONTROLS)
def test_a_control_refuses_token_ids_of_another_rank(control):
    with pytest.raises(InputError, match=r"`token_ids` must be of shape \[B, T\]. Received: shape \(4,\)"):
        control(Returns(np.zeros([4, T], np.float32))).estimate(TOKEN_IDS[:, 0], None, None, SEED)
