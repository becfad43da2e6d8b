"""The state of a run, in memory and in its checkpoints.

checkpoints/ckpt-<n>       the last states: weights, optimizers, random state, counters, best weights
checkpoints/pretrained     the state at the end of the pre-training, kept for ever
metrics.csv                the evaluations; a state knows how many of them belong to it
"""

import time
from pathlib import Path
from typing import Any

import tensorflow as tf

from seqgan_tf.core.phases import PHASES, BestWeights
from seqgan_tf.core.validation import InputError
from seqgan_tf.runs import rows as rows_file
from seqgan_tf.seqgan import SeqGAN

FOLDER, PRETRAINED = "checkpoints", "pretrained"
VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"


class RunState:
    """All of a run that changes, with the methods that write it to a directory and read it back.

    Args:
        gan: the compiled model of the run.
        directory: the run directory.
        patience: of the early stopping, see `BestWeights`.

    Attributes:
        steps: {phase: steps done}, int64 variables.
        seconds: float64 variable, time spent in training.
        best: `BestWeights` of the generator's pre-training.
        rows: the evaluations so far, as in metrics.csv.
        saved_at: when the last checkpoint was written, by `time.monotonic`.
    """

    def __init__(self, gan: SeqGAN, directory: str | Path, patience: int | None = None):
        self.gan, self.directory = gan, Path(directory)
        self.rows: list[rows_file.Row] = []
        self.steps = {phase: tf.Variable(0, dtype=tf.int64) for phase in PHASES}
        self.seconds = tf.Variable(0.0, dtype=tf.float64)
        self.best = BestWeights(gan.generator.trainable_variables, patience)
        self.saved_at = time.monotonic()
        self._num_rows = tf.Variable(0, dtype=tf.int64)
        lagged = {id(v): v for v in gan.rollout_generator.variables} if gan.lagging else {}
        optimizers = (gan.optimizer, gan.pretrain_optimizer, gan.discriminator_optimizer)
        # Learning rates are settings: a run that uses the pre-training of another may have others.
        trained = {id(v): v for part in (gan, *optimizers) for v in part.variables if v.name != "learning_rate"}
        trained = {key: variable for key, variable in trained.items() if key not in lagged}
        self._names = {f"learnt/{i}": variable.path for i, variable in enumerate(trained.values())}
        self._names |= {f"lagged/{i}": variable.path for i, variable in enumerate(lagged.values())}
        # The names of these parts are those of version 0.1.0, whose checkpoints can so be read.
        self._parts = {
            "learnt": [variable.value for variable in trained.values()],
            "steps": list(self.steps.values()),
            "state": [self.seconds, self._num_rows, self.best.nll, self.best.epoch],
            "best_weights": self.best.weights,
        }
        self._checkpoint = tf.train.Checkpoint(**self._parts, lagged=[variable.value for variable in lagged.values()])
        self._manager = tf.train.CheckpointManager(self._checkpoint, str(self.directory / FOLDER), max_to_keep=2)

    @property
    def pretrained(self) -> str | None:
        """The checkpoint of the end of the pre-training; None where the run has not reached it."""
        return _pretrained(self.directory)

    def save(self) -> None:
        """Writes a checkpoint, and then removes the oldest."""
        self._num_rows.assign(len(self.rows))
        self._manager.save()
        self.saved_at = time.monotonic()

    def save_pretrained(self) -> None:
        """Writes the state as the end of the pre-training, which `restore` and `restore(pretrained=True)` then find."""
        rows_file.write_rows(self.directory / rows_file.FILE, self.rows)
        self.save()  # first, since it makes the counter of checkpoints, which every checkpoint of the run must hold
        self._checkpoint.write(str(self.directory / FOLDER / PRETRAINED))

    def restore(self, pretrained: bool = False) -> None:
        """Reads a checkpoint of the run; later evaluations are left out. Writes nothing.

        Args:
            pretrained: whether to read the end of the pre-training instead of the last state.

        Raises:
            InputError: there is none, or it is damaged or does not fit the models.
        """
        path = self.pretrained if pretrained else self._manager.latest_checkpoint
        if path is None:
            raise InputError(f"{self.directory}: expected a checkpoint to resume from. Received: none")
        self._restore(path, self.directory)

    def restore_pretrained_of(self, directory: str | Path) -> None:
        """Reads what another run of the same models has pre-trained, its evaluations too. Writes nothing.

        Raises:
            InputError: the other run has not finished its pre-training, is damaged or does not fit the models.
        """
        directory = Path(directory)
        path = _pretrained(directory)
        if path is None:
            expected = "a run that has finished its pre-training"
            raise InputError(f"{directory}: expected {expected}. Received: one that has not")
        # One of the two runs may have a lagged policy where the other has none.
        self._restore(path, directory, tf.train.Checkpoint(**self._parts))
        self.gan.synchronize_rollout_policy()

    def _restore(self, path: str, directory: Path, some_parts: tf.train.Checkpoint | None = None) -> None:
        try:
            if misfit := self._misfit(path, whole=some_parts is None):
                raise InputError(f"{path}: {misfit}")
            if some_parts is None:
                self._checkpoint.restore(path).assert_consumed()
            else:
                some_parts.restore(path).assert_existing_objects_matched()
        except InputError:
            raise
        # TensorFlow raises all of these for damaged files.
        except (tf.errors.OpError, ValueError, AssertionError, IndexError, RuntimeError) as error:
            raise InputError(
                f"{path}: expected a checkpoint of this run. Received: a damaged or foreign file"
            ) from error
        self.rows = rows_file.read_rows(directory / rows_file.FILE, int(self._num_rows))

    def _misfit(self, path: str, whole: bool) -> str | None:
        """What of a checkpoint does not fit the models, in words; None where all fits."""
        stored: dict[str, list[int]] = tf.train.load_checkpoint(path).get_variable_to_shape_map()
        parts: dict[str, Any] = dict(self._parts)
        if whole:
            parts["lagged"] = self._checkpoint.lagged
        for part, variables in parts.items():
            count = sum(name.startswith(f"{part}/") for name in stored)
            if count != len(variables):
                return f"expected {len(variables)} variables of {part!r}, as the settings say. Received: {count}"
            for i, variable in enumerate(variables):
                shape = stored.get(f"{part}/{i}{VALUE}")
                if shape is not None and list(variable.shape) != shape:
                    name = self._names.get(f"{part}/{i}", f"{part}/{i}")
                    return f"expected {name} of shape {list(variable.shape)}, as the settings say. Received: {shape}"
        return None


def _pretrained(directory: Path) -> str | None:
    path = directory / FOLDER / PRETRAINED
    return str(path) if path.with_suffix(".index").exists() else None
