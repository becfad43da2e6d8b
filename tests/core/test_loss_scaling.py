"""Optimizers that scale the loss train as those that do not."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import DATA, T, V

import seqgan_tf as sg
from seqgan_tf.core import steps

ROWS = np.tile(np.array([[1, 2, 3, 0]], np.int32), (64, 1))


def make(dtype=None, optimizer=lambda: keras.optimizers.SGD(1.0), **compiling):
    generator = sg.Generator(V, 8, 16, end_token_id=0, seed=1, dtype=dtype)
    discriminator = sg.Discriminator(V, T, 8, widths=[1, 2], filters=[4, 4], seed=1, dtype=dtype)
    gan = sg.SeqGAN(generator, discriminator, sg.MonteCarloRollout(2), batch_size=8, discriminator_steps=2)
    gan.compile(optimizer(), optimizer(), **compiling)
    return gan


def scaled():
    return keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1.0))


def factor():
    return keras.optimizers.SGD(1.0, loss_scale_factor=1024.0)


def train(gan):
    history = gan.pretrain_generator(ROWS, epochs=10, verbose=0).history
    logs = gan.pretrain_discriminator(ROWS, steps=20, verbose=0).history
    return history["nll"], history["gradient_norm"], logs["discriminator_loss"][0]


@pytest.fixture(scope="module")
def plain():
    return train(make())


@pytest.mark.parametrize(
    ("gan", "tolerance"),
    [
        (lambda: make("mixed_float16"), 5e-2),
        (lambda: make(optimizer=scaled), 1e-4),
        (lambda: make(optimizer=factor), 1e-4),
    ],
    ids=["mixed_float16", "LossScaleOptimizer", "loss_scale_factor"],
)
def test_training_and_its_logs_are_those_of_float32(gan, tolerance, plain):
    nll, norms, loss = train(gan())
    assert plain[0][-1] < plain[0][0] - 0.7
    np.testing.assert_allclose(nll, plain[0], rtol=tolerance)
    np.testing.assert_allclose(norms, plain[1], rtol=5 * tolerance)
    assert loss == pytest.approx(plain[2], rel=tolerance)


def test_float64_trains():
    gan = make("float64")
    nll, _, loss = train(gan)
    assert nll[-1] < nll[0] - 0.7
    assert np.isfinite(loss)
    assert np.isfinite(list(gan.fit(ROWS, steps_per_epoch=2, verbose=0).history.values())).all()


@pytest.mark.parametrize("through", ["policy of the networks", "global policy"])
def test_all_optimizers_of_mixed_float16_scale(through):
    if through == "global policy":
        keras.config.set_dtype_policy("mixed_float16")
    try:
        gan = make(None if through == "global policy" else "mixed_float16")
    finally:
        keras.config.set_dtype_policy("float32")
    for optimizer in (gan.optimizer, gan.pretrain_optimizer, gan.discriminator_optimizer):
        assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        assert not isinstance(optimizer.inner_optimizer, keras.optimizers.LossScaleOptimizer)
    other = make("mixed_float16", auto_scale_loss=False)
    assert isinstance(other.discriminator_optimizer, keras.optimizers.SGD)


def test_rounds_run_and_the_model_is_saved_and_loaded(tmp_path):
    gan = make("mixed_float16")
    history = gan.fit(ROWS, steps_per_epoch=2, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    assert history["generator_gradient_norm"][0] < 10.0  # not multiplied by 2^15
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert float(loaded.discriminator_optimizer.dynamic_scale) == float(gan.discriminator_optimizer.dynamic_scale)
    for ours, theirs in zip(gan.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_a_step_whose_gradients_overflow_is_left_out_and_lowers_the_scale():
    generator = sg.Generator(V, 3, 4, end_token_id=0, seed=1, dtype="mixed_float16")
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1.0), initial_scale=2.0**30)
    optimizer.build(generator.trainable_variables)
    before, step = generator.get_weights(), tf.function(steps.likelihood_step)
    logs = step(generator, optimizer, DATA)
    assert np.isfinite(logs["nll"])
    assert float(logs["gradient_norm"]) == 0.0
    for old, new in zip(before, generator.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert float(optimizer.dynamic_scale) == 2.0**29
    norms = [float(step(generator, optimizer, DATA)["gradient_norm"]) for _ in range(20)]
    assert norms[-1] > 0
    assert any(np.any(old != new) for old, new in zip(before, generator.get_weights(), strict=True))
