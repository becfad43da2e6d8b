"""Adam in one operation, and weight decay: against Keras and NumPy. The checks of optimizers are tested where `compile`
is."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny
from tiny import DATA, assert_same

from seqgan_tf.core import steps
from seqgan_tf.core.optimizers import FusedAdam, MatrixDecayAdamW
from seqgan_tf.core.validation import InputError

RATE, DECAY, B1, B2, EPSILON = 0.1, 0.3, 0.9, 0.999, 1e-7


def plain_adamw(weight, gradients, decay):
    """The weight after one step per gradient (Loshchilov and Hutter, 2019, algorithm 2)."""
    m = v = np.zeros_like(weight)
    for t, gradient in enumerate(gradients, start=1):
        m, v = B1 * m + (1 - B1) * gradient, B2 * v + (1 - B2) * gradient**2
        step = m / (1 - B1**t) / (np.sqrt(v / (1 - B2**t)) + EPSILON)
        weight = weight - RATE * decay * weight - RATE * step
    return weight


def drawn(rng, steps=3):
    """Values of three variables, and gradients of each for some steps."""
    starts = [rng.normal(size=shape).astype("float32") for shape in ([3, 2], [2], [4, 1, 2])]
    gradients = [[rng.normal(size=start.shape).astype("float32") for start in starts] for _ in range(steps)]
    return starts, gradients


def applied(optimizer, starts, gradients):
    """The values of variables after the steps of an optimizer."""
    variables = [keras.Variable(start) for start in starts]
    for step in gradients:
        optimizer.apply([tf.constant(gradient) for gradient in step], variables)
    return [variable.numpy() for variable in variables]


SETTINGS = [
    {},
    {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
    {"global_clipnorm": 0.7},
    {"clipvalue": 0.2},
    {"weight_decay": 0.1},
    {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2},
    {"gradient_accumulation_steps": 2},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: next(iter(settings), "defaults"))
@pytest.mark.parametrize("rate", [RATE, keras.optimizers.schedules.CosineDecay(RATE, 3)], ids=["constant", "cosine"])
def test_fused_adam_is_adam(rng, settings, rate):
    starts, gradients = drawn(rng, steps=4)
    ours = applied(FusedAdam(rate, **settings), starts, gradients)
    theirs = applied(keras.optimizers.Adam(rate, **settings), starts, gradients)
    for one, other, start in zip(ours, theirs, starts, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
        assert np.abs(one - start).max() > RATE / 2


@pytest.mark.parametrize("name", ["adam", "Adam"])
def test_adam_by_its_name_is_fused(name):
    gan = tiny.make(compiling={"generator_optimizer": name, "discriminator_optimizer": name})
    for optimizer in (gan.optimizer, gan.pretrain_optimizer, gan.discriminator_optimizer):
        assert type(optimizer) is FusedAdam
        assert float(optimizer.learning_rate) == pytest.approx(1e-3)


def test_amsgrad_is_refused():
    with pytest.raises(InputError, match=r"`amsgrad` must be False. Received: True"):
        FusedAdam(amsgrad=True)


def test_the_gradient_of_a_token_that_occurs_twice_is_the_sum(rng):
    """Gradient clipping and the squares of Adam see one row for each token, as in any other matrix."""
    table = keras.layers.Embedding(4, 3)
    model = keras.Sequential([table])
    model.build([None, None])
    start = table.embeddings.numpy()
    token_ids, weights = tf.constant([[1, 2, 1, 1]]), tf.constant(rng.normal(size=[1, 4, 3]).astype("float32"))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(token_ids) * weights)
    norm = steps._apply(tape, loss, model, FusedAdam(RATE, epsilon=EPSILON))
    gradient = np.zeros_like(start)
    np.add.at(gradient, token_ids.numpy()[0], weights.numpy()[0])
    np.testing.assert_allclose(norm, np.sqrt(np.sum(gradient**2)), rtol=1e-5)
    np.testing.assert_allclose(table.embeddings, plain_adamw(start, [gradient], 0.0), rtol=1e-4, atol=1e-5)


def test_matrices_decay_and_biases_do_not(rng):
    starts, gradients = drawn(rng)
    after = applied(MatrixDecayAdamW(RATE, weight_decay=DECAY), starts, gradients)
    for i, (variable, start) in enumerate(zip(after, starts, strict=True)):
        decay = DECAY if start.ndim > 1 else 0.0
        expected = plain_adamw(start, [step[i] for step in gradients], decay)
        np.testing.assert_allclose(variable, expected, rtol=1e-4, atol=1e-5)


def test_a_loaded_model_decays_the_same_weights(tmp_path):
    optimizer = MatrixDecayAdamW(RATE, weight_decay=DECAY)
    gan = tiny.make(compiling={"pretrain_optimizer": optimizer, "run_eagerly": True})
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    for each in (gan, loaded):
        each.pretrain_generator(DATA, epochs=1, verbose=0)
    assert_same(gan.generator.get_weights(), loaded.generator.get_weights())
