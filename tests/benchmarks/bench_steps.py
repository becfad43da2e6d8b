"""The four costs of training in the paper's setting, beside the rate at which this machine multiplies matrices."""

import paper_setting as paper
import pytest
import tensorflow as tf

from seqgan_tf import sampling, steps

SEED = sampling.make_seed(1)


@pytest.fixture(scope="module")
def gan():
    return paper.make()


@pytest.fixture
def timed(benchmark):
    """Times a function that returns a tensor, after two calls that compile it; `flop` goes with the figures."""

    def time(name, flop, function, *arguments, rounds=15):
        benchmark.extra_info |= {"row": name, "flop": flop, "device": _device()}
        benchmark.pedantic(lambda: function(*arguments).numpy(), rounds=rounds, warmup_rounds=2)

    return time


def _device():
    gpus = tf.config.list_physical_devices("GPU")
    return tf.config.experimental.get_device_details(gpus[0])["device_name"] if gpus else "CPU"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_product(timed, dtype):
    matrix = tf.cast(tf.random.stateless_normal([paper.PRODUCT] * 2, SEED), dtype)
    product = tf.function(lambda: tf.reduce_sum(matrix @ matrix))
    timed(f"product of 2,048 x 2,048, {dtype}", 2 * paper.PRODUCT**3, product)


def bench_sample(timed, gan):
    sample = tf.function(lambda seed: sampling.sample(gan.generator, paper.B, paper.T, seed))
    timed("sample 64 sequences", paper.B * paper.T * paper.generator_flop(gan), sample, SEED)


def bench_likelihood_step(timed, gan):
    real = paper.draw(gan)
    step = tf.function(lambda: gan.likelihood_step(real)["nll"])
    timed("likelihood step", 3 * paper.B * paper.T * paper.generator_flop(gan), step)


@pytest.mark.parametrize("sequences", [64, 128])
def bench_discriminator_step(timed, gan, sequences):
    """64 sequences in all are what the published code takes for a step, 128 what ours takes at a batch size of 64."""
    real = paper.draw(gan, sequences // 2)
    step = tf.function(
        lambda: steps.discriminator_step(gan.discriminator, gan.discriminator_optimizer, real, real[::-1])[
            "discriminator_loss"
        ]
    )
    timed(f"discriminator step, {sequences} sequences", 3 * sequences * paper.discriminator_flop(gan), step)


@pytest.mark.parametrize("num_rollouts", [4, 16])
def bench_reward_estimate(timed, num_rollouts):
    gan = paper.make(num_rollouts=num_rollouts)
    token_ids = paper.draw(gan)
    estimate = tf.function(
        lambda seed: gan.reward_estimator.estimate(token_ids, gan.generator, gan.discriminator, seed)
    )
    timed(f"reward estimate, N = {num_rollouts}", paper.estimate_flop(gan), estimate, SEED, rounds=5)


def bench_published_procedure(timed):
    """With 4 roll-outs, since it takes its time."""
    gan = paper.make(num_rollouts=4)
    token_ids, procedure = paper.draw(gan), paper.published_procedure(gan)
    estimate = lambda: tf.constant(procedure(token_ids, SEED))  # noqa: E731
    timed("reward estimate as published, N = 4", paper.estimate_flop(gan), estimate, rounds=2)


def bench_round(timed, gan):
    real = tf.repeat(paper.draw(gan), gan.discriminator_steps, axis=0)
    step = tf.function(lambda: gan.adversarial_round(real)["reward"])
    timed("a whole round: 1 G step (N = 16), 15 D steps", 0, step, rounds=3)
