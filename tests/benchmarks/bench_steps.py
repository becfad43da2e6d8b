"""The four costs of training in the paper's setting, beside the rate at which this machine multiplies matrices."""

import paper_setting as paper
import pytest
import tensorflow as tf

from seqgan_tf.core import sampling, steps

SEED = tf.constant([1, 0])


POLICIES = ["float32", "mixed_bfloat16"]


@pytest.fixture(scope="module", params=POLICIES)
def gan(request):
    return paper.make(dtype=request.param)


def named(row, gan):
    """The row's name, with the policy where it is not the usual one."""
    policy = gan.discriminator.dtype_policy.name
    return row if policy == "float32" else f"{row}, {policy}"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_product(timed, dtype):
    matrix = tf.cast(tf.random.stateless_normal([paper.PRODUCT] * 2, SEED), dtype)
    product = paper.compiled(lambda: tf.reduce_sum(matrix @ matrix))
    timed(f"product of 2,048 x 2,048, {dtype}", 2 * paper.PRODUCT**3, product)


def bench_sample(timed, gan):
    sample = paper.compiled(lambda seed: sampling.sample(gan.generator, paper.B, paper.T, seed))
    timed(named("sample 64 sequences", gan), paper.B * paper.T * paper.generator_flop(gan), sample, SEED)


def bench_likelihood_step(timed, gan):
    real = paper.draw(gan)
    step = paper.compiled(lambda: gan.likelihood_step(real)["nll"])
    timed(named("likelihood step", gan), 3 * paper.B * paper.T * paper.generator_flop(gan), step)


@pytest.mark.parametrize("sequences", [64, 128])
def bench_discriminator_step(timed, gan, sequences):
    """64 sequences in all are what the published code takes for a step, 128 what ours takes at a batch size of 64."""
    real = paper.draw(gan, sequences // 2)
    step = paper.compiled(
        lambda: steps.discriminator_step(gan.discriminator, gan.discriminator_optimizer, real, real[::-1])[
            "discriminator_loss"
        ]
    )
    timed(named(f"discriminator step, {sequences} sequences", gan), 3 * sequences * paper.discriminator_flop(gan), step)


@pytest.mark.parametrize("dtype", POLICIES)
@pytest.mark.parametrize("num_rollouts", [4, 16])
def bench_reward_estimate(timed, num_rollouts, dtype):
    gan = paper.make(num_rollouts=num_rollouts, dtype=dtype)
    token_ids = paper.draw(gan)
    estimate = paper.compiled(
        lambda seed: gan.reward_estimator.estimate(token_ids, gan.generator, gan.discriminator, seed)
    )
    timed(named(f"reward estimate, N = {num_rollouts}", gan), paper.estimate_flop(gan), estimate, SEED, rounds=5)


def bench_published_procedure(timed):
    """With 4 roll-outs, since it takes its time."""
    gan = paper.make(num_rollouts=4)
    token_ids, procedure = paper.draw(gan), paper.published_procedure(gan)
    estimate = lambda: tf.constant(procedure(token_ids, SEED))  # noqa: E731
    timed("reward estimate as published, N = 4", paper.estimate_flop(gan), estimate, rounds=2)


def bench_round(timed, gan):
    real = tf.repeat(paper.draw(gan), gan.discriminator_steps, axis=0)
    step = paper.compiled(lambda: gan.adversarial_round(real)["reward"])
    timed(named("a whole round: 1 G step (N = 16), 15 D steps", gan), 0, step, rounds=3)
