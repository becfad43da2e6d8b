"""The steps of a SeqGAN, its pre-training, and its arguments."""

import re

import conditional
import keras
import numpy as np
import pytest
import tensorflow as tf
from exact import sequence_probabilities
from tiny import DATA, T, V, assert_same, differ, make

from seqgan_tf.core import adversarial, seeds
from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics.likelihood import negative_log_likelihood
from seqgan_tf.models.conv_discriminator import Discriminator
from seqgan_tf.models.generator import Generator
from seqgan_tf.rewards.rollout import MonteCarloRollout
from seqgan_tf.seqgan import SeqGAN

# One step


@pytest.mark.parametrize("baseline", ["none", "batch_mean", "leave_one_out", "moving_average"])
def test_a_generator_step_changes_the_generator_alone(baseline):
    model = make(baseline=baseline)
    generator, discriminator = model.generator.get_weights(), model.discriminator.get_weights()
    logs = model.generator_step(model.next_seed())
    assert differ(generator, model.generator.get_weights())
    assert_same(discriminator, model.discriminator.get_weights())
    assert set(logs) == {"generator_loss", "reward", "entropy", "generator_gradient_norm"}
    assert all(np.isfinite(value) for value in logs.values())


def test_a_discriminator_step_changes_the_discriminator_alone():
    model = make(update_rate=0.5)
    generator, discriminator = model.generator.get_weights(), model.discriminator.get_weights()
    logs = model.discriminator_step(DATA[:3], model.next_seed())
    assert_same(generator, model.generator.get_weights())
    assert_same(generator, model.rollout_policy.get_weights())
    for before, after in zip(discriminator, model.discriminator.get_weights(), strict=True):
        assert np.any(before != after)
    assert set(logs) == {
        "discriminator_loss",
        "real_accuracy",
        "generated_accuracy",
        "discriminator_gradient_norm",
    }


def test_discriminator_steps_train_it_to_call_real_sequences_real():
    model = make(compiling={"discriminator_optimizer": keras.optimizers.Adam(0.05)})
    real = np.full([30, T], 4, np.int32)  # the generator hardly ever writes this
    step = tf.function(model.discriminator_step)
    for _ in range(60):
        logs = step(real, model.next_seed())
    assert float(model.discriminator(real[:1])[0]) > 0.5
    assert float(logs["discriminator_loss"]) < 0.6
    assert float(logs["real_accuracy"]) > 0.7
    assert float(logs["generated_accuracy"]) > 0.7


@pytest.mark.parametrize("number", [1, 4, 5])
@pytest.mark.parametrize("with_condition", [False, True], ids=["", "conditions"])
def test_discriminator_steps_that_draw_at_once_are_those_of_one_after_the_other(with_condition, number, monkeypatch):
    monkeypatch.setattr(adversarial, "DRAWN_AT_ONCE", 9)  # two or three batches, if their number can be divided
    settings = {"generator_steps": 0, "discriminator_steps": number}
    first, second = (conditional.make(**settings) if with_condition else make(**settings) for _ in range(2))
    size = first.batch_size
    data = conditional.data(number * size) if with_condition else np.tile(DATA, [2, 1])[: number * size]
    data = tf.nest.map_structure(lambda rows: tf.constant(rows, tf.int32), data)
    logs = first.adversarial_round(data)
    expected = []
    for k, seed in enumerate(seeds.split(second.next_seed(), number)):
        batch = tf.nest.map_structure(lambda rows, k=k: rows[k * size : (k + 1) * size], data)
        expected.append(second.discriminator_step(batch, seed))
    for one, other in zip(first.discriminator.get_weights(), second.discriminator.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    for name, value in logs.items():
        np.testing.assert_allclose(value, np.mean([step[name] for step in expected]), rtol=1e-4)


@pytest.mark.parametrize(("number", "calls"), [(4, 2), (5, 5)])
def test_steps_of_a_pretraining_that_draw_at_once_are_one_batch_and_the_same_steps(number, calls, monkeypatch):
    class Batches(keras.callbacks.Callback):
        seen = 0

        def on_train_batch_end(self, batch, logs=None):
            self.seen += 1

    weights, counts = [], []
    for most in (3, 9):
        monkeypatch.setattr(adversarial, "DRAWN_AT_ONCE", most)
        model, batches = make(), Batches()
        model.pretrain_discriminator(DATA, steps=number, callbacks=[batches], verbose=0)
        weights.append(model.discriminator.get_weights())
        counts.append(batches.seen)
    assert counts == [number, calls]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_the_rollout_policy_lags_behind_the_generator():
    model = make(update_rate=0.7)
    beta = model.rollout_policy.get_weights()
    assert_same(beta, model.generator.get_weights())
    for _ in range(2):
        model.generator_step(model.next_seed())
        theta = model.generator.get_weights()
        beta = [0.7 * b + 0.3 * t for b, t in zip(beta, theta, strict=True)]
        assert differ(model.rollout_policy.get_weights(), theta)
        for expected, got in zip(beta, model.rollout_policy.get_weights(), strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-7)
    model.synchronize_copies()
    assert_same(model.rollout_policy.get_weights(), theta)


def test_without_a_lag_the_generator_itself_is_the_rollout_policy():
    model = make()
    assert model.rollout_policy is model.generator
    assert len(model.weights) < len(make(update_rate=0.5).weights)


def test_the_moving_average_baseline_moves_with_the_rewards():
    model = make(baseline="moving_average")
    expected = 0.0
    for _ in range(2):
        logs = model.generator_step(model.next_seed())
        expected = 0.9 * expected + 0.1 * float(logs["reward"])
        assert float(model.reward_average) == pytest.approx(expected, rel=1e-5)


def test_an_entropy_weight_raises_the_entropy():
    entropies = []
    for weight in (0.0, 2.0):
        model = make(entropy_weight=weight, end_token_id=None)
        for _ in range(4):
            logs = model.generator_step(model.next_seed())
        entropies.append(float(logs["entropy"]))
    assert entropies[1] > entropies[0] + 0.01


def test_a_kl_weight_keeps_the_generator_close_to_the_pre_trained_one():
    distances = []
    for weight in (0.0, 5.0):
        model = make(kl_weight=weight, generator_batch_size=50, compiling={"generator_optimizer": "sgd"})
        model.pretrain_generator(DATA, epochs=1, verbose=0)
        start = model.generator.get_weights()
        for _ in range(30):
            logs = model.generator_step(model.next_seed())
            assert ("kl" in logs) == (weight > 0)
        if weight:
            assert_same(start, model.reference_generator.get_weights())
        distances.append(sum(np.sum((a - b) ** 2) for a, b in zip(start, model.generator.get_weights(), strict=True)))
    assert distances[1] < 0.5 * distances[0]


def test_the_divergence_from_an_equal_generator_is_nothing():
    model = make(kl_weight=0.3)
    assert float(model.generator_step(model.next_seed())["kl"]) == 0.0
    assert float(model.generator_step(model.next_seed())["kl"]) != 0.0


def test_a_lagging_policy_and_a_reference_are_two_models(tmp_path):
    model = make(update_rate=0.5, kl_weight=0.3)
    model.generator_step(model.next_seed())
    assert differ(model.rollout_policy.get_weights(), model.reference_generator.get_weights())
    model.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert_same(loaded.reference_generator.get_weights(), model.reference_generator.get_weights())
    assert loaded.kl_weight == 0.3
    for each in (model, loaded):
        each.generator_step(each.next_seed())
    assert_same(loaded.generator.get_weights(), model.generator.get_weights())


@pytest.mark.parametrize("reference", ["pretrained", "round"])
def test_the_reference_is_the_generator_before_the_rounds_or_the_last_one(reference, tmp_path):
    model = make(kl_weight=0.3, kl_reference=reference, generator_steps=3)
    starts = []
    for epochs in (1, 2):
        starts.append(model.generator.get_weights())
        model.fit(DATA, initial_epoch=epochs - 1, epochs=epochs, steps_per_epoch=1, verbose=0)
    assert differ(*starts)
    found = model.reference_generator.get_weights()
    assert_same(found, starts[1 if reference == "round" else 0])
    assert differ(found, model.generator.get_weights())
    model.save(tmp_path / "gan.keras")
    assert keras.saving.load_model(tmp_path / "gan.keras").kl_reference == reference


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"kl_weight": 0.1, "kl_reference": "epoch"},
            "`kl_reference` must be one of ['pretrained', 'round']. Received: 'epoch'",
        ),
        ({"kl_reference": "round"}, "`kl_reference` 'round' needs a `kl_weight` above 0. Received: 0.0"),
    ],
)
def test_a_reference_that_cannot_be_used_is_an_error(settings, message):
    with pytest.raises(InputError) as error:
        make(**settings)
    assert str(error.value) == message


def test_a_negative_kl_weight_is_an_error():
    with pytest.raises(InputError) as error:
        make(kl_weight=-0.1)
    assert str(error.value) == "`kl_weight` must be at least 0. Received: -0.1"


# Pre-training


def test_pretraining_the_generator_lowers_its_likelihood_loss_and_synchronizes_the_rollout_policy():
    model = make(update_rate=0.5)
    before = negative_log_likelihood(model.generator, DATA)
    history = model.pretrain_generator(DATA, epochs=4, verbose=0).history
    assert set(history) == {"nll", "gradient_norm"}
    assert negative_log_likelihood(model.generator, DATA) < before - 0.1
    assert_same(model.rollout_policy.get_weights(), model.generator.get_weights())


def test_pretraining_keeps_the_best_epoch_and_stops_after_patience():
    model = make(compiling={"pretrain_optimizer": keras.optimizers.SGD(1.0)})
    other = np.array([[4, 4, 4, 4]] * 2 + [[3, 0, -1, -1]], np.int32)  # batches of unequal length below
    validation = tf.data.Dataset.from_tensor_slices(other).batch(2)
    history = model.pretrain_generator(DATA, 20, validation, patience=2, verbose=0).history
    best = int(np.argmin(history["val_nll"]))
    assert len(history["val_nll"]) == best + 3
    assert negative_log_likelihood(model.generator, other) == pytest.approx(history["val_nll"][best], rel=1e-5)


def test_pretraining_the_discriminator_changes_it_alone():
    model = make()
    generator, discriminator = model.generator.get_weights(), model.discriminator.get_weights()
    history = model.pretrain_discriminator(DATA, steps=3, verbose=0).history
    assert len(history["discriminator_loss"]) == 1
    assert int(model.discriminator_optimizer.iterations) == 3
    assert_same(generator, model.generator.get_weights())
    assert differ(discriminator, model.discriminator.get_weights())


# The whole


def test_adversarial_training_moves_the_generator_to_the_data():
    real = np.array([[(first + t) % 4 for t in range(5)] for first in range(4)], np.int32)  # 4 of 1024 sequences
    generator = Generator(4, 6, 12, seed=0)
    discriminator = Discriminator(4, 5, 6, widths=[1, 2, 3], filters=[8, 16, 16], l2=0.01, seed=0)
    model = SeqGAN(generator, discriminator, MonteCarloRollout(4), batch_size=32, discriminator_steps=3)
    model.compile(keras.optimizers.Adam(0.02), keras.optimizers.Adam(0.02))
    data = np.tile(real, (32, 1))
    model.pretrain_generator(data, epochs=3, verbose=0)
    before = sequence_probabilities(generator, real).sum()
    model.pretrain_discriminator(data, steps=20, verbose=0)
    model.fit(data, steps_per_epoch=30, verbose=0)
    after = sequence_probabilities(generator, real)
    assert before < 0.4
    assert after.sum() > 0.7
    assert after.min() > 0.01  # all four of them


# The constructor


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"baseline": "mean"}, r"`baseline` must be one of \['none', .*\]. Received: 'mean'"),
        ({"batch_size": 1}, "`batch_size` must be at least 2 for a leave-one-out baseline. Received: 1"),
        ({"generator_steps": -1}, "`generator_steps` must be at least 0. Received: -1"),
        ({"likelihood_steps": -1}, "`likelihood_steps` must be at least 0. Received: -1"),
        ({"discriminator_steps": 0}, "`discriminator_steps` must be at least 1. Received: 0"),
    ],
)
def test_settings_outside_their_range_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        make(**settings)
    make(baseline="none", batch_size=1)


def test_two_vocabularies_are_refused():
    with pytest.raises(InputError, match=r"must have the same `vocabulary_size`\. Received: 5 and 6"):
        SeqGAN(Generator(5), Discriminator(6, T, widths=[1], filters=[1]), MonteCarloRollout())


# Networks and estimators of the user


@keras.saving.register_keras_serializable("tests")
class ColumnDiscriminator(Discriminator):
    """Returns logits [B, 1], as a Dense layer does."""

    def call(self, token_ids, training=False):
        return super().call(token_ids, training=training)[:, tf.newaxis]


class FixedRewards:
    """Rewards that do not depend on the sequences: a function of their number."""

    def __init__(self, rewards):
        self.rewards = rewards

    def estimate(self, token_ids, generator, discriminator, seed):
        return self.rewards(tf.shape(token_ids)[0])


def with_parts(discriminator=None, estimator=None, baseline="none"):
    generator = Generator(V, 3, 4, end_token_id=0, seed=1)
    discriminator = discriminator or Discriminator(V, T, 3, widths=[1], filters=[2], seed=1)
    estimator = estimator or FixedRewards(lambda rows: tf.ones([rows, T]))
    model = SeqGAN(generator, discriminator, estimator, 3, discriminator_steps=2, baseline=baseline)
    model.compile()
    return model


def test_a_discriminator_with_a_column_of_logits_is_refused():
    message = r"^`discriminator\(token_ids\)` must be of shape \[B\]. Received: shape \(2, 1\)$"
    with pytest.raises(InputError, match=message):
        with_parts(ColumnDiscriminator(V, T, 3, widths=[1], filters=[2], seed=1))


@pytest.mark.parametrize("baseline", ["none", "batch_mean", "leave_one_out", "moving_average"])
@pytest.mark.parametrize(
    ("rewards", "problem"),
    [
        (lambda rows: tf.ones([rows]), "be of shape [B, T]. Received: shape (2,)"),
        (lambda rows: tf.ones([rows, 1]), f"be of shape [B, T] with T = {T}. Received: shape (2, 1)"),
        (lambda rows: tf.ones([1, T]), f"be of shape [B, T] with B = 2. Received: shape (1, {T})"),
        (lambda rows: tf.ones([rows, T], tf.int32), "hold floats. Received: dtype int32"),
    ],
)
def test_an_estimator_must_return_a_float_per_token(baseline, rewards, problem):
    message = f"`reward_estimator.estimate(...)` must {problem}"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        with_parts(estimator=FixedRewards(rewards), baseline=baseline)
    model = with_parts(baseline=baseline)
    model.reward_estimator = FixedRewards(rewards)  # a part that was replaced is checked in the step
    problem = problem.replace("(2,", "(3,").replace("B = 2", "B = 3")
    with pytest.raises(InputError, match=f"^{re.escape(f'`rewards` must {problem}')}$"):
        model.generator_step(model.next_seed())
