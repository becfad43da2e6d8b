"""Controls: rewards without information about the sequences, and likelihood steps instead of policy gradient steps."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import DATA, T, V, assert_same, make

from seqgan_tf.core import seeds
from seqgan_tf.models.conv_discriminator import Discriminator
from seqgan_tf.models.generator import Generator
from seqgan_tf.rewards.controls import ConstantReward, ShuffledReward
from seqgan_tf.rewards.rollout import MonteCarloRollout
from seqgan_tf.seqgan import SeqGAN

CONTROLS = [ConstantReward, ShuffledReward]
TOKENS = np.array([[1, 2, 3, 4], [2, 0, -1, -1], [3, 3, 0, -1], [0, -1, -1, -1], [4, 1, 2, 0]], np.int32)
REWARDS = np.where(TOKENS >= 0, 10.0 * np.arange(1, 6)[:, None] + np.arange(4) + 0.25, 0.0).astype(np.float32)


class Known:
    """An estimator whose rewards are known, and which keeps its arguments."""

    def __init__(self, rewards=REWARDS):
        self.rewards, self.arguments = rewards, None

    def estimate(self, *arguments):
        self.arguments = arguments
        return tf.constant(self.rewards)


def with_estimator(estimator, optimizer=None, **settings):
    generator = Generator(V, 3, 4, end_token_id=0, initializer_stddev=0.5, seed=1)
    discriminator = Discriminator(V, T, 3, widths=[1, 2], filters=[3, 2], seed=1)
    model = SeqGAN(generator, discriminator, estimator, **{"batch_size": 3, "discriminator_steps": 2} | settings)
    model.compile(generator_optimizer=optimizer or keras.optimizers.Adam(0.05), run_eagerly=True)
    return model


# Rewards


def test_a_constant_reward_is_the_mean_over_tokens():
    found = ConstantReward(Known()).estimate(TOKENS, None, None, None).numpy()
    np.testing.assert_allclose(found, np.where(TOKENS >= 0, REWARDS[TOKENS >= 0].mean(), 0), rtol=1e-6)


def test_a_shuffled_reward_is_that_of_the_row_before():
    found = ShuffledReward(Known()).estimate(TOKENS, None, None, None).numpy()
    expected = np.zeros_like(REWARDS)
    for i, row in enumerate(TOKENS):
        theirs = REWARDS[i - 1][TOKENS[i - 1] >= 0]  # row 0 has those of the last
        for t in range(np.sum(row >= 0)):
            expected[i, t] = theirs[min(t, len(theirs) - 1)]
    np.testing.assert_array_equal(found, expected)
    assert expected[2].tolist() == [20.25, 21.25, 21.25, 0]


@pytest.mark.parametrize("control", CONTROLS)
def test_the_estimator_gets_the_arguments_of_the_control(control):
    known = Known()
    control(known).estimate(TOKENS, "generator", "discriminator", "seed")
    assert known.arguments == (TOKENS, "generator", "discriminator", "seed")


@pytest.mark.parametrize("control", CONTROLS)
def test_it_works_in_a_graph_of_unknown_batch_size(control):
    estimator = control(Known())
    signature = [tf.TensorSpec([None, 4], tf.int32)]
    compiled = tf.function(lambda token_ids: estimator.estimate(token_ids, None, None, None), signature)
    np.testing.assert_allclose(compiled(TOKENS), estimator.estimate(TOKENS, None, None, None), rtol=1e-6)


@pytest.mark.parametrize("control", CONTROLS)
def test_a_control_keeps_the_lag_and_can_be_serialized(control):
    before = control(MonteCarloRollout(3, update_rate=0.7, stride=2))
    after = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(before))
    assert type(after) is control
    assert type(after.estimator) is MonteCarloRollout
    assert after.estimator.get_config() == before.estimator.get_config()
    assert before.update_rate == after.update_rate == 0.7
    assert control(Known()).update_rate == 0.0  # an estimator need not have one


@pytest.mark.parametrize("control", CONTROLS)
def test_a_model_with_a_control_can_be_saved(control, tmp_path):
    model = with_estimator(control(MonteCarloRollout(2, update_rate=0.5)))
    assert model.lagging
    history = model.fit(DATA, steps_per_epoch=2, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.reward_estimator) is control
    assert loaded.get_config() == model.get_config()
    assert_same(loaded.get_weights(), model.get_weights())


@pytest.mark.parametrize("reward", [0.1, -2.7, 1 / 3])
@pytest.mark.parametrize("batch_size", [3, 7])
@pytest.mark.parametrize(("baseline", "changes"), [("leave_one_out", False), ("batch_mean", False), ("none", True)])
def test_a_baseline_across_the_batch_cancels_a_constant_reward(baseline, changes, batch_size, reward):
    estimator = ConstantReward(Known(np.full((batch_size, T), reward, np.float32)))
    optimizer = keras.optimizers.SGD(1.0)
    model = with_estimator(estimator, optimizer, baseline=baseline, batch_size=batch_size)
    before = model.generator.get_weights()
    model.generator_step(model.next_seed())
    change = max(np.abs(a - b).max() for a, b in zip(before, model.generator.get_weights(), strict=True))
    assert change > 1e-3 if changes else change < 1e-6


# Likelihood steps in a round


@pytest.mark.parametrize("likelihood_steps", [1, 2, 3])
def test_likelihood_steps_of_a_round_use_its_batches_in_order(likelihood_steps):
    compiling = {"pretrain_optimizer": keras.optimizers.Adam(0.02), "run_eagerly": True}
    model = make(generator_steps=0, likelihood_steps=likelihood_steps, compiling=compiling)
    logs = model.adversarial_round(DATA[:6])
    plain = make(compiling={"pretrain_optimizer": keras.optimizers.Adam(0.02)})
    batches = [DATA[:3], DATA[3:6], DATA[:3]][:likelihood_steps]  # the first batch follows the last
    steps = [plain.likelihood_step(batch) for batch in batches]
    assert int(model.pretrain_optimizer.iterations) == likelihood_steps
    assert int(model.optimizer.iterations) == 0
    for ours, theirs in zip(model.generator.get_weights(), plain.generator.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    for name in ("nll", "gradient_norm"):
        assert float(logs[name]) == pytest.approx(np.mean([step[name] for step in steps]), rel=1e-5)
    assert "reward" not in logs
    # Then the discriminator is trained, against samples of the generator after these steps.
    for real, seed in zip((DATA[:3], DATA[3:6]), tf.unstack(seeds.split(plain.next_seed(), 2)), strict=True):
        plain.discriminator_step(real, seed)
    for ours, theirs in zip(model.discriminator.get_weights(), plain.discriminator.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_a_round_can_have_likelihood_steps_and_policy_gradient_steps():
    model = make(likelihood_steps=2)
    history = model.fit(DATA, epochs=2, steps_per_epoch=1, validation_data=DATA, verbose=0).history
    assert {"nll", "gradient_norm", "reward", "generator_gradient_norm", "val_nll"} <= set(history)
    assert all(np.isfinite(values).all() for values in history.values())
    counts = [int(optimizer.iterations) for optimizer in (model.pretrain_optimizer, model.optimizer)]
    assert counts == [4, 2]


def test_the_number_of_likelihood_steps_is_part_of_the_config():
    config = make(generator_steps=0, likelihood_steps=2).get_config()
    assert (config["generator_steps"], config["likelihood_steps"]) == (0, 2)
    assert SeqGAN.from_config(config).likelihood_steps == 2
    assert make().get_config()["likelihood_steps"] == 0


@pytest.mark.parametrize("name", ["likelihood_steps", "generator_steps"])
def test_a_negative_number_of_steps_is_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` must be at least 0. Received: -1"):
        make(**{name: -1})
