"""Weight decay: against AdamW in NumPy. The checks of optimizers are tested where `compile` is."""

import keras
import numpy as np
import tiny
from tiny import DATA, assert_same

from seqgan_tf.core.optimizers import MatrixDecayAdamW

RATE, DECAY, B1, B2, EPSILON = 0.1, 0.3, 0.9, 0.999, 1e-7


def plain_adamw(weight, gradients, decay):
    """The weight after one step per gradient (Loshchilov and Hutter, 2019, algorithm 2)."""
    m = v = np.zeros_like(weight)
    for t, gradient in enumerate(gradients, start=1):
        m, v = B1 * m + (1 - B1) * gradient, B2 * v + (1 - B2) * gradient**2
        step = m / (1 - B1**t) / (np.sqrt(v / (1 - B2**t)) + EPSILON)
        weight = weight - RATE * decay * weight - RATE * step
    return weight


def test_matrices_decay_and_biases_do_not(rng):
    starts = [rng.normal(size=shape).astype("float32") for shape in ([3, 2], [2], [4, 1, 2])]
    gradients = [[rng.normal(size=start.shape).astype("float32") for start in starts] for _ in range(3)]
    variables = [keras.Variable(start) for start in starts]
    optimizer = MatrixDecayAdamW(RATE, weight_decay=DECAY)
    for step in gradients:
        optimizer.apply(step, variables)
    for i, (variable, start) in enumerate(zip(variables, starts, strict=True)):
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
