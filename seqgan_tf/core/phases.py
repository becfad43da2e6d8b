"""The phases of training. Each phase is described once and run by one of two drivers.

`PhaseModel` runs a phase under Keras' `fit`; `runs.training` runs all of them as one run that can be resumed. Both use
the same early stopping (`BestWeights`).
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from seqgan_tf.core import replicas
from seqgan_tf.core.averages import AveragedWeights
from seqgan_tf.core.conditions import condition_on
from seqgan_tf.core.elements import split_condition
from seqgan_tf.core.graphs import graph_function
from seqgan_tf.core.sequences import mask
from seqgan_tf.core.steps import LIKELIHOOD_LOGS, Logs, likelihood_metrics, likelihood_step
from seqgan_tf.core.validation import InputError

PRETRAIN_GENERATOR, PRETRAIN_DISCRIMINATOR, ADVERSARIAL = "pretrain generator", "pretrain discriminator", "adversarial"
PHASES = (PRETRAIN_GENERATOR, PRETRAIN_DISCRIMINATOR, ADVERSARIAL)


@dataclasses.dataclass(frozen=True)
class Phase:
    """The description of a phase.

    Attributes:
        name: one of `PHASES`.
        step: function of real data that trains and returns its logs, {name: scalar}: of token ids, int32
            [sequences, T], or of (conditions, token ids). It is not compiled.
        sequences: number of real sequences per call of `step`.
        log_names: names of the logs.
        steps: how many training steps one call makes; the logs are their means. Defaults to 1.

    Example:
    ```python
    import keras
    import numpy as np
    import seqgan_tf as sg
    from seqgan_tf.core.phases import likelihood_phase

    phase = likelihood_phase(sg.Generator(50), keras.optimizers.Adam(), sequences=2)
    logs = phase.compiled()(np.zeros([2, 20], np.int32))  # {"nll": ..., "gradient_norm": ...}
    ```
    """

    name: str
    step: Callable[[Any], Logs]
    sequences: int
    log_names: tuple[str, ...]
    steps: int = 1

    def compiled(self, jit_compile: bool = False, run_eagerly: bool = False) -> Callable[[tf.Tensor], Logs]:
        """The step as one compiled function.

        Args:
            jit_compile: whether XLA compiles it. Defaults to False.
            run_eagerly: whether it stays a Python function, for debugging. Defaults to False.
        """
        if run_eagerly:
            return self.step
        # Batches by length have hundreds of shapes: after the second one, one function is compiled for all of them.
        return graph_function(self.step, jit_compile=jit_compile or None, reduce_retracing=True)


def likelihood_phase(generator: keras.Model, optimizer: keras.optimizers.Optimizer, sequences: int) -> Phase:
    """Maximum likelihood training of a generator.

    Args:
        generator: a `Generator`.
        optimizer: Keras optimizer of its trainable variables.
        sequences: number of real sequences per step.
    """
    strategy = generator.distribute_strategy

    def step(data: Any) -> Logs:
        condition, token_ids = split_condition(data)
        return replicas.run(strategy, lambda: likelihood_step(generator, optimizer, token_ids, condition))

    return Phase(PRETRAIN_GENERATOR, step, sequences, LIKELIHOOD_LOGS)


class BestWeights:
    """Early stopping on the held-out NLL: keeps the best weights and says when to stop.

    The state is held in TensorFlow variables, so that it can be part of a checkpoint.

    Args:
        variables: Keras variables of the model that is trained.
        patience: number of epochs without a lower NLL after which training stops. None: training never stops early,
            and `restore` does nothing.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.core.phases import BestWeights

    best = BestWeights(sg.Generator(50).weights, patience=1)
    for epoch, nll in enumerate([3.1, 2.9, 3.0], start=1):
        if best.update(epoch, nll):
            break
    best.restore()  # the weights of epoch 2
    ```
    """

    def __init__(self, variables: Sequence[keras.Variable], patience: int | None):
        self.variables, self.patience = list(variables), patience
        self.nll = tf.Variable(math.inf, dtype=tf.float64)
        self.epoch = tf.Variable(0, dtype=tf.int64)
        self.weights = [tf.Variable(variable.value) for variable in self.variables]

    def update(self, epoch: int, nll: float) -> bool:
        """Keeps the weights if the NLL is the lowest so far.

        Args:
            epoch: number of the epoch that has ended, counted from 1.
            nll: held-out NLL after it, in nats per token.

        Returns:
            Whether to stop: `patience` epochs have brought no lower NLL.
        """
        if nll < self.nll.numpy():
            self.nll.assign(nll)
            self.epoch.assign(epoch)
            for best, variable in zip(self.weights, self.variables, strict=True):
                best.assign(variable.value)
            return False
        return self.patience is not None and epoch - int(self.epoch.numpy()) >= self.patience

    def restore(self) -> None:
        """Sets the model to the best weights, if there are any."""
        if self.patience is not None and self.epoch.numpy():
            for variable, best in zip(self.variables, self.weights, strict=True):
                variable.assign(best)


class MeanLogs(keras.Model):
    """A model whose logs are means over the steps of an epoch. Keras alone would report the last step only.

    Args:
        names: names of the logs.
        **kwargs: as for `keras.Model`.

    Example:
    ```python
    from seqgan_tf.core.phases import MeanLogs

    model = MeanLogs(["nll"])
    model.mean_logs({"nll": 3.0})
    print(float(model.mean_logs({"nll": 2.0})["nll"]))  # 2.5
    ```
    """

    def __init__(self, names: Sequence[str], **kwargs: Any):
        super().__init__(**kwargs)
        self.strategy = super().distribute_strategy
        self._distribute_strategy = None  # Keras would divide the data itself, and build the model with a part of them
        self.means = [keras.metrics.Mean(name=name) for name in names]

    @property
    def distribute_strategy(self) -> Any:
        """What Keras runs `train_step` under: the step itself runs its parts on the replicas of `strategy`."""
        return replicas.WholeBatches()

    def mean_logs(self, logs: Logs, weight: float | tf.Tensor = 1.0) -> Logs:
        """Adds the logs of one step to the running means.

        Args:
            logs: {name: scalar}.
            weight: weight of this step in the means. Defaults to 1.0.

        Returns:
            The means so far, {name: scalar}.
        """
        means = {mean.name: mean for mean in self.means}
        for name, value in logs.items():
            means[name].update_state(value, sample_weight=weight)
        return {name: means[name].result() for name in logs}

    def total_weight(self, name: str) -> tf.Tensor:
        """The weights of the steps that a running mean is made of so far, summed: a float32 scalar."""
        (mean,) = (mean for mean in self.means if mean.name == name)
        return tf.convert_to_tensor(mean.count)


class PhaseModel(MeanLogs):
    """A phase that trains one network, as a model with `fit`: Keras runs the loop and the callbacks.

    Args:
        phase: the phase.
        network: the model that is trained; its weights are those of this model.
        held_out: function of token ids [B, T] and of their conditions that returns metrics of held-out data,
            {name: scalar}, each a mean over tokens. Defaults to None: there are none.

    Example:
    ```python
    import keras
    import numpy as np
    import tensorflow as tf
    import seqgan_tf as sg
    from seqgan_tf.core.phases import PhaseModel, likelihood_phase

    generator = sg.Generator(50)
    model = PhaseModel(likelihood_phase(generator, keras.optimizers.Adam(), sequences=2), generator)
    model.compile(optimizer=None, loss=None)
    model.fit(tf.data.Dataset.from_tensors(np.zeros([2, 20], np.int32)), shuffle=False, verbose=0)
    ```
    """

    def __init__(self, phase: Phase, network: keras.Model, held_out: Callable[[tf.Tensor, Any], Logs] | None = None):
        super().__init__(phase.log_names)
        self.phase, self.network, self.held_out = phase, network, held_out
        self.built = True

    def train_step(self, data: Any) -> Logs:
        """One step of the phase on real token ids [sequences, T], or (conditions, token ids)."""
        return self.mean_logs(self.phase.step(data))

    def test_step(self, data: Any) -> Logs:
        """The metrics of held-out token ids [B, T], or (conditions, token ids), weighted by their number of tokens.

        Raises:
            InputError: there are none.
        """
        if self.held_out is None:
            raise InputError(f"`validation_data` must be None: the phase {self.phase.name!r} has no held-out metrics")
        condition, token_ids = split_condition(data)
        return self.mean_logs(self.held_out(token_ids, condition), tf.reduce_sum(mask(token_ids)))


class StepsSeen(keras.callbacks.Callback):
    """Notes whether an epoch had any step: Keras says nothing about data without an element.

    Example:
    ```python
    import keras
    import numpy as np
    import seqgan_tf as sg
    from seqgan_tf.core.phases import StepsSeen, fit_likelihood
    from seqgan_tf.data.pipeline import batches

    seen = StepsSeen()
    data = batches(np.zeros([2, 20], np.int32), batch_size=2)
    fit_likelihood(sg.Generator(50), keras.optimizers.Adam(), data, epochs=1, callbacks=[seen], verbose=0)
    seen.check("data")
    ```
    """

    def __init__(self) -> None:
        super().__init__()
        self.epochs = self.steps = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Counts the epochs."""
        self.epochs += 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Counts the steps."""
        self.steps += 1

    def check(self, name: str) -> None:
        """Checks that the data had an element.

        Args:
            name: what the user calls the data, for the message.

        Raises:
            InputError: an epoch had no step.
        """
        if self.epochs and not self.steps:
            raise InputError(f"`{name}` must hold at least one sequence. Received: a dataset without an element")


class _Averaged(keras.callbacks.Callback):
    """The network has its averaged weights from the validation after an epoch to the end of that epoch's callbacks."""

    def __init__(self, averaged: AveragedWeights):
        super().__init__()
        self.averaged = averaged

    def on_train_begin(self, logs: Any = None) -> None:
        self.averaged.begin()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.averaged.leave()

    def on_test_begin(self, logs: Any = None) -> None:
        self.averaged.use()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.averaged.use()


class _StopEarly(keras.callbacks.Callback):
    """Passes the held-out NLL of each epoch to `BestWeights`."""

    def __init__(self, best: BestWeights):
        super().__init__()
        self.best = best

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.best.update(epoch + 1, logs["val_nll"]):
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        self.best.restore()


def fit_likelihood(
    generator: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    dataset: tf.data.Dataset,
    epochs: int,
    validation: tf.data.Dataset | None = None,
    patience: int | None = 2,
    callbacks: Sequence[keras.callbacks.Callback] | None = None,
    verbose: str | int = "auto",
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    **compiling: Any,
) -> keras.callbacks.History:
    """Maximum likelihood training of a generator with Keras' `fit`.

    Where the optimizer averages weights (`use_ema=True`), validation and the callbacks at the end of an epoch find the
    averaged weights, and these are what remains.

    Args:
        generator: the `Generator` to train.
        optimizer: Keras optimizer; callbacks may change its learning rate.
        dataset: token ids [B, T].
        epochs: largest number of passes over the dataset.
        validation: held-out token ids [B, T]; with them, training stops after `patience` epochs without a lower
            held-out NLL, and the weights of the best epoch are kept. Defaults to None: all epochs.
        patience: number of epochs; None: all epochs, and the last weights are kept. Defaults to 2.
        callbacks: Keras callbacks; the logs are "nll", "gradient_norm" and "val_nll". Defaults to None.
        verbose: as in `keras.Model.fit`. Defaults to "auto".
        steps_per_epoch, validation_steps: as in `keras.Model.fit`. Default to None: all of the data.
        **compiling: `jit_compile`, `run_eagerly`, as in `keras.Model.compile`.

    Returns:
        The history of the epochs.
    """
    if not optimizer.built:
        optimizer.build(generator.trainable_variables)
    own: list[keras.callbacks.Callback] = [_Averaged(AveragedWeights(generator, optimizer))]
    if validation is not None:
        own.append(_StopEarly(BestWeights(generator.weights, patience)))

    def held_out(token_ids: tf.Tensor, condition: Any) -> Logs:
        policy = condition_on(generator, condition)
        return replicas.run(generator.distribute_strategy, lambda: likelihood_metrics(policy, token_ids))

    model = PhaseModel(likelihood_phase(generator, optimizer, 0), generator, held_out)
    # At the end of `fit` Keras sets the weights to the averages of this optimizer, where it keeps any.
    model.compile(optimizer=optimizer, loss=None, auto_scale_loss=False, **compiling)
    return model.fit(
        dataset,
        epochs=epochs,
        steps_per_epoch=steps_per_epoch,
        validation_data=validation,
        validation_steps=validation_steps,
        callbacks=[*own, *(callbacks or [])],
        verbose=verbose,
        shuffle=False,
    )
