"""Two logical CPU devices, and the same training on one of them and on both."""

import contextlib

import conditional
import keras
import numpy as np
import tensorflow as tf
import tiny

from seqgan_tf.models.conv_discriminator import Discriminator
from seqgan_tf.models.generator import Generator
from seqgan_tf.models.ngram_discriminator import NgramDiscriminator
from seqgan_tf.rewards.rollout import MonteCarloRollout
from seqgan_tf.runs.devices import strategy_of
from seqgan_tf.seqgan import SeqGAN


def configure():
    """Divides the CPU. It must come before TensorFlow's first operation."""
    half = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [half, half])


def mirrored():
    """The strategy of both, which a process may make only once."""
    return strategy_of("mirrored")


def scope_of(strategy):
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def make(strategy, with_condition=False, members=1, estimator=None, compiling=None, **settings):
    """A compiled model without dropout, made under a strategy. Its batch of 3 sequences does not divide by 2."""
    with scope_of(strategy):
        if with_condition:
            networks = conditional.generator(), conditional.discriminator(dropout=0.0)
        else:
            networks = (
                Generator(tiny.V, 3, 4, end_token_id=0, initializer_stddev=0.5, seed=1),
                Discriminator(tiny.V, tiny.T, 3, widths=[1, 2], filters=[3, 2], dropout=0.0, seed=1)
                if members == 1
                else NgramDiscriminator(tiny.V, tiny.T, 3, 0.3, members=members, seed=1),
            )
        estimator = MonteCarloRollout(3, update_rate=0.5, chunk_size=2) if estimator is None else estimator
        gan = SeqGAN(*networks, estimator, **{"batch_size": 3, "discriminator_steps": 2} | settings)
        optimizers = {
            "generator_optimizer": keras.optimizers.Adam(0.01, global_clipnorm=0.01),
            "discriminator_optimizer": keras.optimizers.Adam(0.01, clipnorm=0.01),
            "pretrain_optimizer": keras.optimizers.Adam(0.01, global_clipnorm=0.1, use_ema=True, ema_momentum=0.5),
        }
        gan.compile(**optimizers | (compiling or {}))
    return gan


def train(strategy, data, held_out, **settings):
    """The logs of all three phases, {phase log: values}, and the weights after them."""
    gan = make(strategy, **settings)
    with scope_of(strategy):
        histories = {
            "likelihood": gan.pretrain_generator(data, epochs=1, validation_data=held_out, verbose=0),
            "discriminator": gan.pretrain_discriminator(data, steps=2, verbose=0),
            "adversarial": gan.fit(data, epochs=2, steps_per_epoch=1, validation_data=held_out, verbose=0),
        }
    logs = {f"{phase} {name}": v for phase, found in histories.items() for name, v in found.history.items()}
    return logs, [np.array(weight.numpy()) for weight in gan.weights]


def assert_close(found, expected, tolerance):
    """Equal names, and values that differ by at most `tolerance`, absolute and relative."""
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=tolerance, atol=tolerance, err_msg=name)
