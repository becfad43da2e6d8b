"""Early stopping, compiled phases, and maximum likelihood training under Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import DATA, V, assert_same

from seqgan_tf.core import phases
from seqgan_tf.core.phases import BestWeights, MeanLogs, Phase, PhaseModel, fit_likelihood
from seqgan_tf.core.steps import likelihood_metrics
from seqgan_tf.core.validation import InputError
from seqgan_tf.models.generator import Generator


def small_generator():
    return Generator(V, 3, 4, end_token_id=0, initializer_stddev=0.5, seed=1)


# Early stopping


def weights(value):
    return [keras.Variable([value, value]), keras.Variable([[value]])]


def plain_early_stopping(values, patience):
    """(Number of epochs that run, best epoch or 0, its NLL), by a plain loop."""
    best, lowest = 0, np.inf
    for epoch, nll in enumerate(values, start=1):
        if nll < lowest:
            best, lowest = epoch, nll
        elif patience is not None and epoch - best >= patience:
            break
    return epoch, best, lowest


@pytest.mark.parametrize("patience", [0, 1, 2, 3, None])
@pytest.mark.parametrize(
    "values",
    [
        [3.0, 2.0, 1.0],
        [1.0, 2.0, 3.0, 4.0],
        [3.0, 1.0, 2.0, 1.0, 0.5, 0.7, 0.7, 0.7, 0.7],
        [2.0, 2.0, 2.0, 2.0],
        [float("nan"), 1.0, float("nan"), float("nan"), float("nan"), float("nan")],
        [float("nan")] * 5,
        [float("inf"), 5.0, 6.0],
    ],
)
def test_early_stopping_against_a_plain_loop(values, patience):
    variables = weights(0.0)
    best = BestWeights(variables, patience)
    for epoch, nll in enumerate(values, start=1):  # after epoch e all weights are e
        for variable in variables:
            variable.assign(tf.fill(variable.shape, float(epoch)))
        if best.update(epoch, nll):
            break
    last, best_epoch, lowest = plain_early_stopping(values, patience)
    assert (epoch, int(best.epoch), float(best.nll)) == (last, best_epoch, lowest)
    best.restore()
    kept = last if patience is None or not best_epoch else best_epoch
    assert_same([v.numpy() for v in variables], [v.numpy() for v in weights(float(kept))])


def test_the_best_weights_are_copies():
    variables = weights(1.0)
    best = BestWeights(variables, 2)
    best.update(1, 3.0)
    variables[0].assign([7.0, 7.0])
    best.restore()
    best.restore()  # it can be done again
    assert_same([v.numpy() for v in variables], [v.numpy() for v in weights(1.0)])


def test_a_checkpoint_holds_the_state_of_early_stopping(tmp_path):
    def tracked(best):
        return tf.train.Checkpoint(nll=best.nll, epoch=best.epoch, weights=best.weights)

    best = BestWeights(weights(1.0), 2)
    best.update(3, 0.25)
    path = tracked(best).write(str(tmp_path / "best"))
    other_variables = weights(5.0)
    other = BestWeights(other_variables, 2)
    tracked(other).read(path).assert_consumed()
    assert not other.update(4, 0.3)
    assert other.update(5, 0.3)
    other.restore()
    assert_same([v.numpy() for v in other_variables], [v.numpy() for v in weights(1.0)])


# Phases


def counting_phase():
    """A phase whose step counts how often Python runs it."""
    calls = []

    def step(token_ids):
        calls.append(tf.executing_eagerly())
        return {"sum": tf.reduce_sum(token_ids)}

    return Phase("count", step, 2, ("sum",)), calls


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_compiled_phase_is_traced_once(jit_compile):
    phase, calls = counting_phase()
    step = phase.compiled(jit_compile)
    assert [int(step(tf.fill([2, 3], i))["sum"]) for i in range(3)] == [0, 6, 12]
    assert calls == [False]
    assert (
        bool(step.get_concrete_function(tf.zeros([2, 3], tf.int32)).function_def.attr["_XlaMustCompile"].b)
        == jit_compile
    )


@pytest.mark.parametrize("jit_compile", [False, True])
def test_an_eager_phase_is_the_step_itself(jit_compile):
    phase, calls = counting_phase()
    step = phase.compiled(jit_compile, run_eagerly=True)
    assert step is phase.step
    assert [int(step(tf.fill([2, 3], i))["sum"]) for i in range(3)] == [0, 6, 12]
    assert calls == [True] * 3


def test_a_phase_gives_the_same_weights_compiled_and_eager():
    trained = []
    for run_eagerly in (True, False):
        generator = small_generator()
        phase = phases.likelihood_phase(generator, keras.optimizers.Adam(0.05), len(DATA))
        assert (phase.name, phase.sequences) == (phases.PRETRAIN_GENERATOR, 11)
        step = phase.compiled(run_eagerly=run_eagerly)
        logs = [step(tf.constant(DATA)) for _ in range(2)]
        assert all(tuple(log) == phase.log_names for log in logs)
        assert float(logs[1]["nll"]) < float(logs[0]["nll"])
        trained.append(generator.get_weights())
    for compiled, eager in zip(*trained, strict=True):
        np.testing.assert_allclose(compiled, eager, atol=1e-6)


def test_logs_are_weighted_means_over_steps():
    model = MeanLogs(["nll", "other"])
    model.mean_logs({"nll": 1.0}, 3.0)
    assert {name: float(value) for name, value in model.mean_logs({"nll": 5.0}, 1.0).items()} == {"nll": 2.0}
    assert float(model.mean_logs({"other": 4.0})["other"]) == 4.0


def test_a_phase_without_held_out_metrics_refuses_held_out_data():
    generator = small_generator()
    model = PhaseModel(phases.likelihood_phase(generator, keras.optimizers.Adam(), 11), generator)
    model.compile(optimizer=None, loss=None)
    with pytest.raises(InputError, match="`validation_data` must be None: the phase 'pretrain generator' has no held-"):
        model.evaluate(tf.data.Dataset.from_tensors(DATA), verbose=0)


# Maximum likelihood training


class Weights(keras.callbacks.Callback):
    """Keeps the generator's weights after each epoch."""

    def __init__(self):
        super().__init__()
        self.after = []

    def on_epoch_end(self, epoch, logs=None):
        self.after.append(self.model.network.get_weights())


OTHER = np.array([[4, 4, 4, 4]] * 2 + [[3, 0, -1, -1]], np.int32)  # its NLL soon rises while DATA are trained on


@pytest.mark.parametrize(("patience", "epochs"), [(1, 20), (2, 20), (None, 4)])
def test_likelihood_training_keeps_the_weights_of_the_best_epoch(patience, epochs):
    generator, kept = small_generator(), Weights()
    data, other = (tf.data.Dataset.from_tensors(rows) for rows in (DATA, OTHER))
    history = fit_likelihood(
        generator, keras.optimizers.SGD(1.0), data, epochs, other, patience, [kept], verbose=0, run_eagerly=True
    ).history
    last, best, lowest = plain_early_stopping(history["val_nll"], patience)
    assert last == len(history["val_nll"]) == len(kept.after)
    assert (last < epochs) == (patience is not None)
    assert best < last  # or the case shows nothing
    expected = last if patience is None else best
    assert_same(generator.get_weights(), kept.after[expected - 1])
    if patience is not None:
        assert float(likelihood_metrics(generator, OTHER)["nll"]) == pytest.approx(lowest, rel=1e-5)


def test_without_held_out_data_all_epochs_run():
    generator, kept = small_generator(), Weights()
    data = tf.data.Dataset.from_tensors(DATA)
    history = fit_likelihood(generator, keras.optimizers.SGD(1.0), data, 3, callbacks=[kept], verbose=0).history
    assert set(history) == {"nll", "gradient_norm"}
    assert len(history["nll"]) == 3
    assert_same(generator.get_weights(), kept.after[-1])
