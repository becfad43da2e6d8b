"""Rewards of all next tokens: against differences of logits, and their gradient against an enumeration."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny

import seqgan_tf as sg
from seqgan_tf.core import losses, steps
from seqgan_tf.core.protocols import NextTokenEstimator
from seqgan_tf.core.validation import InputError

V, T, B = 7, 5, 3
TOKEN_IDS = np.array([[4, 1, 6, 2, 3], [3, 5, 0, -1, -1], [2, 0, -1, -1, -1]], np.int32)
SEED = tf.constant([1, 0])


@pytest.fixture(scope="module", params=[1, 3], ids="members={}".format)
def discriminator(request):
    made = sg.NgramDiscriminator(V, T, 2, distances=2, dropout=0.9, members=request.param, seed=1)
    draw = np.random.default_rng(5)
    made.set_weights([draw.normal(size=weight.shape) for weight in made.get_weights()])
    return made


def generator(seed=1, **settings):
    return sg.Generator(V, 3, 4, end_token_id=0, initializer_stddev=0.7, seed=seed, **settings)


def test_the_reward_of_a_next_token_is_what_it_adds_to_the_logit_of_the_prefix(discriminator):
    rewards = sg.NextTokenReward().next_token_rewards(TOKEN_IDS, generator(), discriminator, SEED)
    assert rewards.shape == (B, T, V)
    assert rewards.dtype == tf.float32
    for b, t in np.argwhere(TOKEN_IDS >= 0):
        prefix = np.full([1, T], -1)
        prefix[0, :t] = TOKEN_IDS[b, :t]
        longer = np.repeat(prefix, V, axis=0)
        longer[:, t] = np.arange(V)
        expected = discriminator(longer) - discriminator(prefix)
        np.testing.assert_allclose(rewards[b, t], expected, rtol=1e-4, atol=1e-5)


def test_the_rewards_of_a_sequence_are_those_of_its_tokens_and_padding_gets_0(discriminator):
    rewards = sg.NextTokenReward().estimate(TOKEN_IDS, generator(), discriminator, SEED).numpy()
    np.testing.assert_array_equal(rewards[TOKEN_IDS < 0], 0)
    bias = np.mean([layer.bias.numpy() for layer in discriminator.token_layers])
    np.testing.assert_allclose(rewards.sum(axis=1) + bias, discriminator(TOKEN_IDS), rtol=1e-4, atol=1e-5)


def test_the_rewards_of_a_part_of_the_positions_are_the_same(discriminator):
    policy, estimator = generator(), sg.NextTokenReward()
    whole = estimator.next_token_rewards(TOKEN_IDS, policy, discriminator, SEED)
    for length in (1, 2, 4):  # 1: shorter than all distances
        part = estimator.next_token_rewards(TOKEN_IDS[:, :length], policy, discriminator, SEED)
        np.testing.assert_allclose(part, whole[:, :length], rtol=1e-5, atol=1e-6)


def test_rewards_in_a_graph_of_unknown_shape(discriminator):
    policy, estimator = generator(), sg.NextTokenReward()
    signature = [tf.TensorSpec([None, None], tf.int32)]
    compiled = tf.function(lambda ids: estimator.estimate(ids, policy, discriminator, SEED), signature)
    for token_ids in (TOKEN_IDS, TOKEN_IDS[:1, :1]):
        expected = estimator.estimate(token_ids, policy, discriminator, SEED)
        np.testing.assert_allclose(compiled(token_ids), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kl_weight", [0.0, 0.4])
def test_the_gradient_is_the_sum_over_all_tokens_that_the_policy_could_draw(kl_weight, discriminator):
    """A plain loop over prefixes and tokens, with log G(v) weighted by G(v) and by its reward."""
    policy, reference, entropy_weight = generator(), generator(seed=2), 0.3
    estimator = sg.NextTokenReward()
    rewards = estimator.next_token_rewards(TOKEN_IDS, policy, discriminator, SEED).numpy()
    with tf.GradientTape() as tape:
        objective, divergence, entropies = 0.0, 0.0, []
        for b, t in np.argwhere(TOKEN_IDS >= 0):
            before = TOKEN_IDS[b : b + 1, : t + 1].copy()
            for v in range(V):
                before[0, t] = v
                log_prob = losses.token_log_probs(policy(before), before)[0, t]
                other = losses.token_log_probs(reference(before), before)[0, t]
                weight, ratio = float(tf.exp(log_prob)), float(log_prob - other)
                objective += weight * log_prob * (rewards[b, t, v] - kl_weight * ratio) / B
                divergence += weight * ratio / B
            entropies.append(losses.entropy(policy(TOKEN_IDS[b : b + 1]))[0, t])
        total = objective + entropy_weight * tf.add_n(entropies) / len(entropies)
    expected = tape.gradient(total, policy.trainable_variables)
    before = policy.get_weights()
    logs = steps.next_token_gradient_step(
        policy,
        keras.optimizers.SGD(1.0),
        TOKEN_IDS,
        lambda ids: estimator.next_token_rewards(ids, policy, discriminator, SEED),
        reference if kl_weight else None,
        kl_weight,
        entropy_weight,
    )
    for weight, old, gradient in zip(policy.get_weights(), before, expected, strict=True):
        np.testing.assert_allclose(weight - old, tf.convert_to_tensor(gradient), rtol=1e-3, atol=1e-5)
    assert float(logs["entropy"]) == pytest.approx(float(np.mean(entropies)), rel=1e-5)
    assert logs.keys() == set(steps.GENERATOR_LOGS) | ({"kl"} if kl_weight else set())
    if kl_weight:
        assert float(logs["kl"]) == pytest.approx(divergence, rel=1e-4)


def test_the_logs_are_the_mean_reward_of_the_next_token_and_the_loss(discriminator):
    policy = generator()
    rewards = sg.NextTokenReward().next_token_rewards(TOKEN_IDS, policy, discriminator, SEED).numpy()
    expected = (tf.nn.softmax(policy(TOKEN_IDS)).numpy() * rewards).sum(axis=2)[TOKEN_IDS >= 0]
    logs = steps.next_token_gradient_step(policy, keras.optimizers.SGD(0.0), TOKEN_IDS, lambda ids: rewards)
    assert float(logs["reward"]) == pytest.approx(expected.mean(), rel=1e-5)
    assert float(logs["generator_loss"]) == pytest.approx(-expected.sum() / B, rel=1e-5)


def make(estimator=None, **settings):
    discriminator = sg.NgramDiscriminator(tiny.V, tiny.T, 3, seed=1)
    policy = sg.Generator(tiny.V, 3, 4, end_token_id=0, seed=1)
    parts = policy, discriminator, estimator or sg.NextTokenReward()
    model = sg.SeqGAN(*parts, **{"batch_size": 3, "discriminator_steps": 2} | settings)
    model.compile()
    return model


def test_a_generator_learns_the_tokens_that_the_discriminator_prefers():
    model = make(generator_batch_size=16)
    model.compile(generator_optimizer=keras.optimizers.SGD(1.0))
    kernel = np.zeros([3, 1], np.float32)
    kernel[0] = 5.0
    model.discriminator.token_layers[0].kernel.assign(kernel)
    best = int(np.argmax(model.discriminator.embedding.embeddings[:, 0]))
    before = np.mean(model.generate(200, seed=1) == best)
    for _ in range(40):
        model.generator_step(model.next_seed())
    assert np.mean(model.generate(200, seed=1)[:, 0] == best) > 0.9 > before


def test_it_can_be_trained_and_saved(tmp_path):
    model = make(kl_weight=0.5)
    history = model.fit(tiny.DATA, steps_per_epoch=2, verbose=0).history
    assert {"kl", "reward", "entropy"} <= set(history)
    assert all(np.isfinite(values).all() for values in history.values())
    model.save(tmp_path / "model.keras")
    assert type(keras.saving.load_model(tmp_path / "model.keras").reward_estimator) is sg.NextTokenReward


def test_the_same_seed_is_the_same_run_whatever_the_baseline():
    runs = []
    for baseline in ("none", "leave_one_out", "leave_one_out"):
        model = make(baseline=baseline)
        model.fit(tiny.DATA, steps_per_epoch=2, verbose=0)
        runs.append(model.generator.get_weights())
    for other in runs[1:]:
        tiny.assert_same(runs[0], other)


# Ablations


def test_the_shuffled_reward_of_a_token_is_that_of_another_token_after_the_same_prefix(discriminator):
    own = sg.NextTokenReward().next_token_rewards(TOKEN_IDS, generator(), discriminator, SEED).numpy()
    shifts = set()
    for number in range(20):
        seed = tf.constant([number, 0])
        found = sg.ShuffledReward(sg.NextTokenReward()).next_token_rewards(TOKEN_IDS, generator(), discriminator, seed)
        (shift,) = (k for k in range(V) if np.array_equal(found, np.take(own, (np.arange(V) + k) % V, axis=2)))
        shifts.add(shift)
    assert shifts == set(range(1, V))


def test_with_a_constant_reward_of_next_tokens_the_generator_stays_as_it_is():
    model = make(sg.ConstantReward(sg.NextTokenReward()), kl_weight=1.0, kl_reference="round")
    before = model.generator.get_weights()
    model.fit(tiny.DATA, steps_per_epoch=2, verbose=0)
    tiny.assert_same(before, model.generator.get_weights())


def test_with_a_shuffled_reward_of_next_tokens_the_generator_learns_something_else():
    weights = []
    for estimator in (sg.NextTokenReward(), sg.ShuffledReward(sg.NextTokenReward())):
        model = make(estimator)
        model.fit(tiny.DATA, steps_per_epoch=2, verbose=0)
        weights.append(model.generator.get_weights())
    assert tiny.differ(*weights)


@pytest.mark.parametrize("control", [sg.ConstantReward, sg.ShuffledReward])
def test_a_control_rewards_all_next_tokens_where_its_estimator_does(control):
    assert isinstance(control(sg.NextTokenReward()), NextTokenEstimator)
    assert not isinstance(control(sg.TerminalReward()), NextTokenEstimator)


# What cannot be used


def refused(message):
    return pytest.raises(InputError, match=f"^{re.escape(message)}$")


def test_a_discriminator_without_the_method_is_refused():
    message = (
        "`discriminator` must have a method `next_token_logits` and no encoder for `NextTokenReward`, as "
        "`NgramDiscriminator` has. Received: an object of the class Discriminator"
    )
    with refused(message):
        sg.SeqGAN(generator(), sg.Discriminator(V, T, widths=[1], filters=[2]), sg.NextTokenReward())


def test_conditions_are_refused():
    policy = generator(encoder=sg.LabelEncoder(3))
    message = "`generator` must have no encoder with a `reward_estimator` of all next tokens. Received: one with it"
    with refused(message):
        sg.SeqGAN(policy, sg.NgramDiscriminator(V, T), sg.NextTokenReward())
    judge = sg.NgramDiscriminator(V, T, encoder=sg.LabelEncoder(3))
    with refused("`next_token_logits` needs a discriminator without an encoder. Received: one with it"):
        judge.next_token_logits(TOKEN_IDS)


def test_an_estimator_of_the_user_must_reward_every_token_of_the_vocabulary():
    class Short(sg.NextTokenReward):
        def next_token_rewards(self, token_ids, generator, discriminator, seed):
            return super().next_token_rewards(token_ids, generator, discriminator, seed)[..., 1:]

    message = "`reward_estimator.next_token_rewards(...)` must be of shape [B, T, V] with V = 5. Received: shape "
    with refused(f"{message}(2, 4, 4)"):
        make(Short())


@pytest.mark.parametrize(
    ("token_ids", "message"),
    [
        (np.array([1, 2, 3, 4]), "`token_ids` must be of shape [B, T]. Received: shape (4,)"),
        (TOKEN_IDS.astype(np.float32), "`token_ids` must hold integers. Received: dtype float32"),
    ],
)
def test_wrong_token_ids_are_refused(token_ids, message, discriminator):
    with refused(message):
        sg.NextTokenReward().estimate(token_ids, generator(), discriminator, SEED)


def test_a_step_refuses_rewards_of_another_shape():
    policy = generator()
    with refused(f"`rewards` must be of shape [B, T, V] with V = {V}. Received: shape (3, 5, 1)"):
        steps.next_token_gradient_step(policy, keras.optimizers.SGD(), TOKEN_IDS, lambda ids: tf.zeros([B, T, 1]))
