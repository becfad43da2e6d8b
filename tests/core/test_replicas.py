"""Training on two logical devices, against the same training on one."""

import conditional
import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny
import two_devices

import seqgan_tf as sg
from seqgan_tf.core import replicas
from seqgan_tf.core.validation import InputError

SETTINGS = {"likelihood_steps": 1, "generator_steps": 1, "generator_batch_size": 5, "entropy_weight": 0.1}
SETTINGS |= {"kl_weight": 0.2}


@pytest.fixture(scope="module")
def strategy():
    return two_devices.mirrored()


def both(strategy, data, held_out, **settings):
    """Asserts that the logs of all phases and the weights are equal on one device and on two."""
    logs, weights = two_devices.train(None, data, held_out, **settings)
    found, others = two_devices.train(strategy, data, held_out, **settings)
    two_devices.assert_close(found, logs, 1e-5)
    for weight, other in zip(weights, others, strict=True):
        np.testing.assert_allclose(other, weight, rtol=1e-5, atol=1e-5)


def test_all_phases_on_two_devices_equal_those_on_one(strategy):
    both(strategy, tiny.DATA, tiny.DATA[:5], **SETTINGS)


def test_all_phases_with_conditions_on_two_devices_equal_those_on_one(strategy):
    data = conditional.data(11)
    both(strategy, data, tuple(part[:5] for part in data), with_condition=True, **SETTINGS)


def test_all_phases_with_an_ensemble_on_two_devices_equal_those_on_one(strategy):
    both(strategy, tiny.DATA, tiny.DATA[:5], members=3, compiling={"discriminator_optimizer": "sgd"}, **SETTINGS)


def test_the_rewards_of_all_next_tokens_on_two_devices_are_those_of_one(strategy):
    settings = SETTINGS | {"estimator": sg.NextTokenReward(), "kl_reference": "round", "generator_steps": 2}
    compiling = {"discriminator_optimizer": "sgd"}
    both(strategy, tiny.DATA, tiny.DATA[:5], members=2, compiling=compiling, **settings)


def step_on(strategy, **settings):
    """The logs of one generator step, compiled."""
    gan = two_devices.make(strategy, **settings)
    step = tf.function(lambda seed: replicas.run(gan.strategy, gan.generator_step, seed))
    return {name: float(value) for name, value in step(gan.next_seed()).items()}


@pytest.mark.parametrize("baseline", ["batch_mean", "moving_average"])
def test_a_baseline_is_that_of_the_whole_batch(strategy, baseline):
    settings = {"baseline": baseline, "estimator": sg.TerminalReward()}
    two_devices.assert_close(step_on(strategy, **settings), step_on(None, **settings), 1e-5)


def test_trees_of_a_search_are_those_of_one_device(strategy):
    settings = {"estimator": sg.MonteCarloTreeSearch(3, num_actions=2, stride=2, chunk_size=2)}
    two_devices.assert_close(step_on(strategy, **settings), step_on(None, **settings), 1e-5)


def test_a_function_of_the_user_is_called_once_for_all_replicas(strategy):
    calls = []

    def count_twos(completions, **columns):
        calls.append(sorted(completions))
        return [text.count("2") for text in completions]

    def texts(token_ids):
        return [" ".join(map(str, row)) for row in token_ids]

    def logs_on(strategy):
        estimator = sg.MonteCarloRollout(2, reward=sg.Objective(count_twos, texts), chunk_size=2)
        gan = two_devices.make(strategy, estimator=estimator)
        step = tf.function(lambda seed: replicas.run(gan.strategy, gan.generator_step, seed))
        calls.clear()
        logs = {name: float(value) for name, value in step(gan.next_seed()).items()}
        return logs, list(calls)

    one, texts_of_one = logs_on(None)
    two, texts_of_two = logs_on(strategy)
    assert texts_of_two == texts_of_one
    assert len(texts_of_one) == 1
    two_devices.assert_close(two, one, 1e-5)


def test_gathered_rows_give_the_mean_of_the_gradients(strategy):
    values = np.array([[1.0, 2.0], [3.0, 5.0], [7.0, 11.0]], np.float32)  # 3 rows on 2 replicas
    with strategy.scope():
        weight = tf.Variable([0.5, -1.0], aggregation=tf.VariableAggregation.MEAN)

    def gradient():
        rows = replicas.rows(tf.constant(values))
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(rows.gather(tf.square(rows.take(values) * weight))) + tf.reduce_sum(weight**3)
        return replicas.mean([tape.gradient(total, weight)])[0]

    found = tf.function(lambda: replicas.run(strategy, gradient))()
    by_hand = 2 * (values**2).sum(axis=0) * np.array([0.5, -1.0]) + 3 * np.array([0.5, -1.0]) ** 2
    np.testing.assert_allclose(found, by_hand, rtol=1e-6)


def test_a_strategy_of_one_device_trains_too():
    gan = two_devices.make(tf.distribute.MirroredStrategy(["CPU:0"]), estimator=sg.MonteCarloRollout(2, 0.5))
    history = gan.pretrain_generator(tiny.DATA, epochs=2, verbose=0).history
    assert history["nll"][1] < history["nll"][0]
    step = tf.function(lambda seed: replicas.run(gan.strategy, gan.generator_step, seed))
    found = {name: float(value) for name, value in step(gan.next_seed()).items()}
    assert np.isfinite(list(found.values())).all()


def test_samples_and_saved_weights_inside_the_scope_are_those_of_one_device(strategy, tmp_path):
    one = two_devices.make(None)
    with strategy.scope():
        gan = two_devices.make(strategy)
        np.testing.assert_array_equal(gan.generate(4, seed=1), one.generate(4, seed=1))
        gan.save_weights(tmp_path / "two.weights.h5")
    one.generator.weights[0].assign_add(tf.ones_like(one.generator.weights[0]))
    one.load_weights(tmp_path / "two.weights.h5")
    for weight, other in zip(one.weights, gan.weights, strict=True):
        np.testing.assert_array_equal(weight.numpy(), other.numpy())


def test_an_error_names_the_network_of_another_strategy(strategy):
    generator = sg.Generator(tiny.V, 3, 4)
    with strategy.scope(), pytest.raises(InputError) as error:
        sg.SeqGAN(generator, sg.Discriminator(tiny.V, tiny.T, 3), sg.TerminalReward())
    assert str(error.value) == (
        "`generator` must be made in the same `strategy.scope()` as the model, which has 2 replicas. "
        "Received: a network of 1"
    )


def test_an_error_says_that_a_model_was_made_outside_of_the_scope(strategy):
    gan = two_devices.make(None)
    with strategy.scope(), pytest.raises(InputError) as error:
        gan.fit(tiny.DATA, steps_per_epoch=1)
    assert str(error.value) == (
        "The model must be made and compiled in the `strategy.scope()` that it is trained in. "
        "Received: a model of 1 replicas, in a scope of 2"
    )


def test_xla_is_refused(strategy):
    with pytest.raises(InputError) as error:
        two_devices.make(strategy, compiling={"jit_compile": True})
    assert str(error.value) == "`jit_compile` must be False on 2 replicas. Received: True"


def test_scaling_of_the_loss_is_refused(strategy):
    with strategy.scope():
        scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())
    with pytest.raises(InputError) as error:
        two_devices.make(strategy, compiling={"discriminator_optimizer": scaled})
    assert str(error.value) == (
        "`discriminator_optimizer` must not scale the loss on 2 replicas; the dtype policy 'mixed_bfloat16' needs no "
        "scale. Received: LossScaleOptimizer"
    )


def test_a_second_strategy_on_the_same_devices_is_refused(strategy):
    """Without this, TensorFlow aborts a step whose exchanges have other shapes than those of the first strategy."""
    two_devices.make(strategy)
    with pytest.raises(InputError) as error:
        two_devices.make(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
    devices = ", ".join(f"/job:localhost/replica:0/task:0/device:CPU:{i}" for i in range(2))
    assert str(error.value) == (
        "A process must make its strategy once and use it for all models on the same devices. "
        f"Received: a second MirroredStrategy of {devices}"
    )
