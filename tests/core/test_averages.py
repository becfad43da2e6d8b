"""Averaged weights: against averages that are computed by hand from the weights after every step."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny
from tiny import DATA, V, assert_same, differ

from seqgan_tf.core.averages import AveragedWeights, averages_weights
from seqgan_tf.core.phases import fit_likelihood
from seqgan_tf.core.steps import likelihood_metrics, likelihood_step
from seqgan_tf.core.validation import InputError
from seqgan_tf.models.generator import Generator

M = 0.7
OTHER = np.array([[4, 4, 4, 4]] * 2 + [[3, 0, -1, -1]], np.int32)  # its NLL soon rises while DATA are trained on


def small_generator(**settings):
    return Generator(V, 3, 4, end_token_id=0, initializer_stddev=0.5, seed=1, **settings)


def averaging(rate=0.1):
    return keras.optimizers.AdamW(rate, use_ema=True, ema_momentum=M)


def by_hand(weights_after):
    """The average after each step: the first weights, then M times the average before and 1 - M times the weights."""
    averages = [weights_after[0]]
    for weights in weights_after[1:]:
        pairs = zip(averages[-1], weights, strict=True)
        averages.append([M * average + (1 - M) * weight for average, weight in pairs])
    return averages


def assert_close(weights, others):
    for a, b in zip(weights, others, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


class Recorder(keras.callbacks.Callback):
    """Keeps the weights after each step, and those that a callback finds at the end of each epoch."""

    def __init__(self):
        super().__init__()
        self.steps, self.epochs = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append(self.model.network.get_weights())

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(self.model.network.get_weights())


def test_the_averages_are_those_by_hand_and_the_trained_weights_come_back():
    generator, optimizer = small_generator(), averaging()
    optimizer.build(generator.trainable_variables)
    averaged, after = AveragedWeights(generator, optimizer), []
    averaged.begin()
    for step in range(1, 5):
        likelihood_step(generator, optimizer, tf.constant(DATA))
        after.append(generator.get_weights())
        averaged.use()
        averaged.use()  # again changes nothing
        assert_close(generator.get_weights(), by_hand(after)[-1])
        assert differ(generator.get_weights(), after[-1]) == (step > 1)
        averaged.leave()
        assert_same(generator.get_weights(), after[-1])


def test_without_averages_nothing_changes():
    generator, optimizer = small_generator(), keras.optimizers.Adam()
    optimizer.build(generator.trainable_variables)
    averaged, before = AveragedWeights(generator, optimizer), generator.get_weights()
    averaged.begin()
    averaged.use()
    assert_same(generator.get_weights(), before)
    averaged.leave()
    assert_same(generator.get_weights(), before)
    assert not averages_weights(optimizer)


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_validation_and_what_remains_take_the_averages(dtype):
    """Under mixed_float16 the optimizer is inside a `LossScaleOptimizer`."""
    generator, recorder = small_generator(dtype=dtype), Recorder()
    optimizer = averaging() if dtype == "float32" else keras.optimizers.LossScaleOptimizer(averaging())
    data, other = tf.data.Dataset.from_tensor_slices(DATA).batch(4), tf.data.Dataset.from_tensors(OTHER)
    history = fit_likelihood(
        generator, optimizer, data, 3, other, None, [recorder], verbose=0, run_eagerly=True
    ).history
    averages = by_hand(recorder.steps)[2::3]
    for found, expected, nll in zip(recorder.epochs, averages, history["val_nll"], strict=True):
        assert_close(found, expected)
        generator.set_weights(expected)
        assert float(likelihood_metrics(generator, OTHER)["nll"]) == pytest.approx(nll, abs=1e-4)


def test_early_stopping_keeps_the_averages_of_the_best_epoch():
    generator, recorder = small_generator(), Recorder()
    data, other = tf.data.Dataset.from_tensor_slices(DATA).batch(4), tf.data.Dataset.from_tensors(OTHER)
    history = fit_likelihood(
        generator, averaging(), data, 40, other, 1, [recorder], verbose=0, run_eagerly=True
    ).history
    best = int(np.argmin(history["val_nll"]))
    assert best == len(history["val_nll"]) - 2 < 38
    assert_close(generator.get_weights(), by_hand(recorder.steps)[3 * best + 2])


def test_without_held_out_data_the_last_averages_remain():
    generator, recorder = small_generator(), Recorder()
    data = tf.data.Dataset.from_tensor_slices(DATA).batch(4)
    fit_likelihood(generator, averaging(), data, 2, callbacks=[recorder], verbose=0)
    assert len(recorder.steps) == 6
    assert_close(generator.get_weights(), by_hand(recorder.steps)[-1])


def test_a_second_call_averages_anew():
    gan, recorder = tiny.make(compiling={"pretrain_optimizer": averaging(), "run_eagerly": True}), Recorder()
    gan.pretrain_generator(DATA, epochs=1, verbose=0)
    changed = [weight + 1.0 for weight in gan.generator.get_weights()]
    gan.generator.set_weights(changed)
    gan.pretrain_generator(DATA, epochs=1, callbacks=[recorder], verbose=0)
    assert_close(gan.generator.get_weights(), by_hand([changed, *recorder.steps])[-1])


def test_a_model_with_averages_a_schedule_and_weight_decay_is_saved_and_continues(tmp_path):
    schedule = keras.optimizers.schedules.CosineDecay(1e-3, decay_steps=20, warmup_target=0.1, warmup_steps=3)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.1, use_ema=True, ema_momentum=M)
    gan = tiny.make(compiling={"pretrain_optimizer": optimizer, "run_eagerly": True})
    gan.pretrain_generator(DATA, epochs=2, validation_data=OTHER, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.pretrain_optimizer.get_config() == optimizer.get_config()
    before = gan.generator.get_weights()
    for each in (gan, loaded):
        each.pretrain_generator(DATA, epochs=1, validation_data=OTHER, verbose=0)
        each.fit(DATA, steps_per_epoch=1, verbose=0)
    assert differ(gan.generator.get_weights(), before)
    for ours, theirs in ((gan, loaded), (gan.pretrain_optimizer, loaded.pretrain_optimizer)):
        assert_same([np.array(v) for v in ours.variables], [np.array(v) for v in theirs.variables])


def test_callbacks_change_the_learning_rate_of_the_pretraining():
    gan = tiny.make(compiling={"pretrain_optimizer": keras.optimizers.SGD(1.0), "run_eagerly": True})
    halve = keras.callbacks.ReduceLROnPlateau("val_nll", mode="min", factor=0.5, patience=1, min_delta=0.0)
    rates = gan.pretrain_generator(DATA, 12, OTHER, None, [halve], verbose=0).history
    expected, lowest, rate = [], np.inf, 1.0
    for nll in rates["val_nll"]:
        expected.append(rate)
        rate, lowest = (rate, nll) if nll < lowest else (rate / 2, lowest)
    assert rates["learning_rate"] == expected
    assert expected[-1] < 1.0
    assert float(gan.optimizer.learning_rate) == pytest.approx(0.05)  # that of the rounds stays


@pytest.mark.parametrize("name", ["generator_optimizer", "discriminator_optimizer"])
def test_averages_in_the_adversarial_phase_are_refused(name):
    expected = rf"`{name}` must not average weights, as `pretrain_optimizer` may. Received: use_ema=True"
    with pytest.raises(InputError, match=expected):
        tiny.make(compiling={name: averaging()})
