"""The costs of training with conditions: sources of S tokens, with attention over them and without."""

import conditional_setting as conditional
import pytest
import tensorflow as tf

from seqgan_tf.core import steps

SEED = tf.constant([1, 0])


@pytest.fixture(scope="module", params=["luong", None], ids=["attention", "no attention"])
def gan(request):
    return conditional.make(attention=request.param)


def named(row, gan):
    """The row's name, with or without attention."""
    return f"{row}, {'attention' if gan.generator.attention else 'no attention'}"


def bench_conditional_likelihood_step(timed, gan):
    condition, token_ids = conditional.draw(gan)
    optimizer = gan.pretrain_optimizer
    step = tf.function(lambda: steps.likelihood_step(gan.generator, optimizer, token_ids, condition)["nll"])
    timed(named("conditional likelihood step", gan), 0, step)


def bench_conditional_discriminator_step(timed):
    """64 real sequences, as many generated and as many mismatched ones. It does not depend on the generator."""
    gan = conditional.make()
    condition, token_ids = conditional.draw(gan)
    step = tf.function(
        lambda: steps.discriminator_step(
            gan.discriminator, gan.discriminator_optimizer, token_ids, token_ids[::-1], condition
        )["discriminator_loss"]
    )
    timed("conditional discriminator step, 192 sequences", 0, step)


def bench_conditional_reward_estimate(timed, gan):
    estimate = conditional.estimate(gan, *conditional.draw(gan))
    timed(named(f"conditional reward estimate, N = {conditional.N}", gan), 0, estimate, SEED, rounds=5)
