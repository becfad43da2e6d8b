"""What Keras does with the networks and optimizers of adversarial training: compile, save, load and continue."""

import os
import warnings
from typing import TYPE_CHECKING, Any, Self

import keras
import numpy as np

from seqgan_tf.core import contracts, optimizers, replicas
from seqgan_tf.core.keras_arguments import COMPILE, check_names
from seqgan_tf.core.phases import MeanLogs
from seqgan_tf.core.random_state import read_random_state, write_random_state
from seqgan_tf.core.validation import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from seqgan_tf.core.protocols import RewardEstimator
    from seqgan_tf.core.steps import Logs

MEANS = "means"  # of the logs, in files of weights; those of version 0.1.0 have none
PARTS = ("generator", "discriminator", "reward_estimator")
SETTINGS = (
    "batch_size",
    "generator_batch_size",
    "generator_steps",
    "discriminator_steps",
    "likelihood_steps",
    "baseline",
    "entropy_weight",
    "seed",
    "mismatched",
    "kl_weight",
    "kl_reference",
)


class TrainedModel(MeanLogs):
    """A generator, a discriminator and a reward estimator that Keras compiles, saves and loads.

    `AdversarialModel` adds the steps that train them.

    Args:
        names: names of the logs.
        **kwargs: as for `keras.Model`.

    Example:
    ```python
    import keras

    import seqgan_tf as sg
    from seqgan_tf.core.trained_model import TrainedModel

    gan = sg.SeqGAN(sg.Generator(50), sg.Discriminator(50, 8), sg.TerminalReward())
    assert isinstance(gan, TrainedModel)
    gan.compile(generator_optimizer=keras.optimizers.Adam(1e-3))
    gan.save("gan.keras")
    ```
    """

    generator: keras.Model
    discriminator: keras.Model
    reward_estimator: "RewardEstimator"
    train_function: "Callable[[Iterator], Logs]"
    _initial_epoch: Any  # of Keras, where `fit` begins

    def __init__(self, names: "Sequence[str]", **kwargs: Any):
        super().__init__(names, **kwargs)
        self.is_passing_over = False
        self._continued: Callable[[Iterator], Logs] | None = None

    def pass_over(self, epochs: int, steps_per_epoch: int, steps: int) -> None:
        """Lets the `fit` that has begun continue an earlier one whose state was loaded.

        Args:
            epochs: epochs that the earlier `fit` had done; their data are read and left out.
            steps_per_epoch: rounds per epoch.
            steps: steps of the next epoch that it had done; they are counted, but nothing is trained in them.
        """
        train, means = self.train_function, [metric.variables for metric in self.means]
        # Keras sets the means to 0 when the epoch begins.
        values = [[variable.numpy() for variable in variables] for variables in means]
        begins, left = True, steps
        self._initial_epoch = epochs

        def continue_mean_logs():
            for variables, arrays in zip(means, values, strict=True):
                for variable, array in zip(variables, arrays, strict=True):
                    variable.assign(array)
            return {mean.name: mean.result() for mean in self.means if mean.count.numpy()}

        def function(iterator):
            nonlocal begins, left
            if begins:
                begins = False
                for _ in range(epochs * steps_per_epoch + steps):
                    next(iterator)
            self.is_passing_over = left > 0
            if self.is_passing_over:
                left -= self.steps_per_execution
                return continue_mean_logs()
            self.train_function = train
            return train(iterator)

        self.train_function = function
        self._continued = train

    def begin_anew(self) -> None:
        """Forgets what `pass_over` did for an earlier `fit`, which may have ended with an error."""
        if self._continued is not None:
            self.train_function, self._continued = self._continued, None
        self.is_passing_over, self._initial_epoch = False, None

    def compile(
        self,
        generator_optimizer: str | keras.optimizers.Optimizer = "adam",
        discriminator_optimizer: str | keras.optimizers.Optimizer = "adam",
        pretrain_optimizer: str | keras.optimizers.Optimizer | None = None,
        jit_compile: bool | str = False,
        **kwargs: Any,
    ) -> None:
        """Configures the training.

        Args:
            generator_optimizer: Keras optimizer of the policy gradient steps; learning rate callbacks change this one.
                Defaults to "adam", which is `core.optimizers.FusedAdam` here: the values of Keras' Adam, faster.
            discriminator_optimizer: Keras optimizer of the discriminator, in both of its phases. Defaults to "adam".
            pretrain_optimizer: Keras optimizer of the likelihood steps. It may have a schedule of the learning rate,
                and average weights (`use_ema=True`). Defaults to None: a new one with the settings of
                `generator_optimizer`, so that no momentum is carried over.
            jit_compile: whether XLA compiles the round; it cannot with an `Objective`. Defaults to False, which is
                faster on a CPU.
            **kwargs: `run_eagerly`, `steps_per_execution` and `auto_scale_loss`, as in `keras.Model.compile`. Unless
                `auto_scale_loss` is False, the optimizers of a network that computes in float16 scale its loss.

        Raises:
            InputError: another argument, an optimizer that is none or that two networks share, one of the adversarial
                phase that averages weights, a network whose weights are not float32, or `jit_compile` with an
                `Objective` or on several replicas.
        """
        check_names("compile", kwargs, COMPILE)
        jit_compile = contracts.checked_jit_compile(self.reward_estimator, jit_compile)
        if jit_compile and self.strategy.num_replicas_in_sync > 1:
            raise InputError(
                f"`jit_compile` must be False on {self.strategy.num_replicas_in_sync} replicas. Received: {jit_compile}"
            )
        self._continued = None
        optimizers.check_precision(generator=self.generator, discriminator=self.discriminator)
        scale = kwargs.pop("auto_scale_loss", True)

        def optimizer_of(name, given, network):
            found = optimizers.get_optimizer(name, given)
            is_scaled = not scale or not optimizers.computes_in_float16(network)
            if not is_scaled and not isinstance(found, keras.optimizers.LossScaleOptimizer):
                found = keras.optimizers.LossScaleOptimizer(found)
            replicas.check_optimizer(self.strategy, name, found)
            return found

        optimizer = optimizer_of("generator_optimizer", generator_optimizer, self.generator)
        if pretrain_optimizer is None:
            pretrain_optimizer = keras.optimizers.serialize(optimizer)
        chosen = {
            "generator_optimizer": optimizer,
            "pretrain_optimizer": optimizer_of("pretrain_optimizer", pretrain_optimizer, self.generator),
            "discriminator_optimizer": optimizer_of(
                "discriminator_optimizer", discriminator_optimizer, self.discriminator
            ),
        }
        networks = dict.fromkeys(chosen, self.generator) | {"discriminator_optimizer": self.discriminator}
        optimizers.check_optimizers(chosen, networks)
        super().compile(optimizer=optimizer, loss=None, jit_compile=jit_compile, auto_scale_loss=False, **kwargs)
        self.discriminator_optimizer = chosen["discriminator_optimizer"]
        self.pretrain_optimizer = chosen["pretrain_optimizer"]
        self.optimizer.build(self.generator.trainable_variables)
        self.pretrain_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)
        if names := contracts.unregistered(**{name: getattr(self, name) for name in PARTS}):
            warnings.warn(
                f"The class of {' and '.join(f'`{name}`' for name in names)} is not registered: to load the saved "
                "model, decorate it with `keras.saving.register_keras_serializable`, or give it as `custom_objects`",
                stacklevel=2,
            )
        if problem := contracts.saving_problem(self.reward_estimator):
            warnings.warn(f"The model cannot be saved. {problem}", stacklevel=2)

    def save(
        self, filepath: str | os.PathLike, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
    ) -> None:
        """Writes the model to a file that `keras.saving.load_model` reads, see `keras.Model.save`.

        The file holds all weights and optimizers, the counters of the seeds and the random state of dropout, so that
        training continues exactly.

        Args:
            filepath: the file; its name ends with ".keras".
            overwrite, zipped, **kwargs: as in `keras.Model.save`.

        Raises:
            InputError: a part has no `get_config`, or an `Objective` has a function that is not registered.
        """
        contracts.check_can_be_saved(**{name: getattr(self, name) for name in PARTS})
        super().save(filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the class, for Keras."""
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in PARTS}
        return super().get_config() | parts | {name: getattr(self, name) for name in SETTINGS}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        """A model of the arguments that `get_config` returned."""
        parts = {name: keras.saving.deserialize_keras_object(config[name], custom_objects) for name in PARTS}
        return cls(**(config | parts))

    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments of `compile`, for Keras; None for a model that is not compiled."""
        if not self.compiled:
            return None
        return {
            "generator_optimizer": keras.saving.serialize_keras_object(self.optimizer),
            "discriminator_optimizer": keras.saving.serialize_keras_object(self.discriminator_optimizer),
            "pretrain_optimizer": keras.saving.serialize_keras_object(self.pretrain_optimizer),
            "jit_compile": self.jit_compile,
            "run_eagerly": self.run_eagerly,
            "steps_per_execution": self.steps_per_execution,
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles with the arguments that `get_compile_config` returned."""
        self.compile(**{name: keras.saving.deserialize_keras_object(value) for name, value in config.items()})

    def save_own_variables(self, store: Any) -> None:
        """Writes the counters, the means of the logs and the random state of dropout in all networks, for Keras."""
        super().save_own_variables(store)
        store[MEANS] = np.array([[variable.numpy() for variable in mean.variables] for mean in self.means], np.float32)
        write_random_state(self, store)

    def load_own_variables(self, store: Any) -> None:
        """Reads what `save_own_variables` wrote."""
        rest = read_random_state(self, store)
        for mean, values in zip(self.means, rest.pop(MEANS, ()), strict=False):
            for variable, value in zip(mean.variables, values, strict=True):
                variable.assign(value)
        super().load_own_variables(rest)
