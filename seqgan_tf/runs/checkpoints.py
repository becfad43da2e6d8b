"""The state of a run, in memory and in its checkpoints.

checkpoints/ckpt-<n>       the last two states: weights, optimizers, random state, counters, best weights
checkpoints/pretrained     the state at the end of the pre-training, never deleted
metrics.csv                the evaluations; each checkpoint holds how many of them precede it
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock
import tensorflow as tf

from seqgan_tf.core.files import check_no_pattern, make_directory
from seqgan_tf.core.phases import ADVERSARIAL, PHASES, PRETRAIN_DISCRIMINATOR, BestWeights
from seqgan_tf.core.validation import InputError
from seqgan_tf.runs import checkpoint_files
from seqgan_tf.runs import rows as rows_file
from seqgan_tf.seqgan import SeqGAN

FOLDER, PRETRAINED, LOCK = "checkpoints", "pretrained", "lock"
VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
PARTS = {
    "learnt": "the networks and optimizers",
    "lagged": "the copies of the generator",
    "best_weights": "the best weights",
    "best_round": "the best round",
}
"""The parts of a checkpoint whose number of variables depends on the settings, as messages call them."""


class DivergedError(InputError):
    """Training led to weights that are not finite. No checkpoint holds them: those on disk are older.

    Example:
    ```python
    from seqgan_tf.runs.checkpoints import DivergedError
    from seqgan_tf.runs.directory import open_run

    run = open_run("runs/poems", rounds=5)
    try:
        list(run.training(run.restore()).run())
    except DivergedError:
        run.restore()  # the weights of the last checkpoint
    ```
    """


class RunState:
    """The state of a run: weights, optimizers, counters and evaluations. It is saved to and restored from checkpoints.

    Args:
        gan: the compiled model of the run.
        directory: the run directory.
        patience: patience of the early stopping of the pre-training, see `BestWeights`. Defaults to None: no early
            stopping.
        adversarial_patience: the same of the adversarial phase, in rounds. Defaults to None.

    Attributes:
        steps: {phase: steps done}, int64 variables.
        seconds: float64 variable, training time so far, in seconds.
        best: `BestWeights` of the generator's pre-training.
        best_round: `BestWeights` of the generator's adversarial phase, whose epochs are rounds, counted from 1 for the
            end of the pre-training. None without `adversarial_patience`.
        rows: the evaluations so far, as in metrics.csv.
        saved_at: when the last checkpoint was written, by `time.monotonic`.
        notes: what `restore` passed over, a line each.

    Raises:
        InputError: TensorFlow would read the path of the directory as a pattern.

    Example:
    ```python
    import seqgan_tf as sg

    state = sg.load_run("runs/poems").state()
    state.restore(pretrained=True)  # the model gets its weights at the end of the pre-training
    print({phase: int(steps) for phase, steps in state.steps.items()})
    ```
    """

    def __init__(
        self,
        gan: SeqGAN,
        directory: str | Path,
        patience: int | None = None,
        adversarial_patience: int | None = None,
    ):
        check_no_pattern(directory)
        self.gan, self.directory = gan, Path(directory)
        self.folder = self.directory / FOLDER
        self.notes: list[str] = []
        self.rows: list[rows_file.Row] = []
        self.steps = {phase: tf.Variable(0, dtype=tf.int64) for phase in PHASES}
        self.seconds = tf.Variable(0.0, dtype=tf.float64)
        self.best = BestWeights(gan.generator.weights, patience)
        is_given = adversarial_patience is not None
        self.best_round = BestWeights(gan.generator.weights, adversarial_patience) if is_given else None
        self.saved_at = time.monotonic()
        self._num_rows = tf.Variable(0, dtype=tf.int64)
        lagged = {id(v): v for copy in gan.copies for v in copy.variables}
        optimizers = (gan.optimizer, gan.pretrain_optimizer, gan.discriminator_optimizer)
        # Learning rates are settings, not state: a run that starts from another one's pre-training may change them.
        trained = {id(v): v for part in (gan, *optimizers) for v in part.variables if v.name != "learning_rate"}
        trained = {key: variable for key, variable in trained.items() if key not in lagged}
        self._names = {f"learnt/{i}": variable.path for i, variable in enumerate(trained.values())}
        self._names |= {f"lagged/{i}": variable.path for i, variable in enumerate(lagged.values())}
        # These names are those of version 0.1.0, so that its checkpoints can still be read.
        self._parts: dict[str, list[tf.Variable]] = {
            "learnt": [variable.value for variable in trained.values()],
            "steps": list(self.steps.values()),
            "state": [self.seconds, self._num_rows, self.best.nll, self.best.epoch],
            "best_weights": self.best.weights,
        }
        # Another run with the same pre-training may have neither.
        self._own_parts: dict[str, list[tf.Variable]] = {"lagged": [variable.value for variable in lagged.values()]}
        if self.best_round:
            self._own_parts["best_round"] = [self.best_round.nll, self.best_round.epoch, *self.best_round.weights]
        self._checkpoint = tf.train.Checkpoint(**self._parts, **self._own_parts)

    @property
    def pretrained(self) -> str | None:
        """Path of the checkpoint of the end of the pre-training; None if the run has not reached it."""
        return _pretrained(self.directory)

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is any checkpoint to resume from; a run that was killed at its start has none."""
        return bool(checkpoint_files.numbered(self.folder))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Around the training of a run: no other process trains it. The lock of a process that died does not count.

        Raises:
            InputError: another process trains it, or the directory cannot be written to.
        """
        lock = filelock.FileLock(make_directory(self.folder) / LOCK, blocking=False)
        try:
            with lock:
                yield
        except filelock.Timeout as error:
            raise InputError(f"{self.directory}: expected a run that no other process trains") from error

    @property
    def has_trained_discriminator(self) -> bool:
        """Whether the discriminator has taken a step."""
        return any(self.steps[name] for name in (PRETRAIN_DISCRIMINATOR, ADVERSARIAL))

    def check_discriminator(self, use: str) -> None:
        """Checks that the discriminator has been trained.

        Args:
            use: what it is needed for, for the message.

        Raises:
            InputError: it has not.
        """
        if not self.has_trained_discriminator:
            raise InputError(
                f"{self.directory}: expected a run with a trained discriminator for {use}. "
                "Received: a run that has not trained one"
            )

    def not_finite(self) -> str | None:
        """The name of the first weight that holds NaN or infinity; None where all are finite."""
        for name, variable in zip(self._names.values(), self._weights(), strict=True):
            if variable.dtype.is_floating and not bool(tf.reduce_all(tf.math.is_finite(variable))):
                return name
        return None

    def save(self) -> None:
        """Writes a checkpoint, and then removes the oldest.

        Raises:
            DivergedError: a weight is not finite; nothing is written.
            InputError: the checkpoint cannot be written; the last one stays.
        """
        if name := self.not_finite():
            raise DivergedError(f"{self.folder}: expected finite weights. Received: NaN or infinity in {name}")
        self._num_rows.assign(len(self.rows))
        self._write(lambda: self._checkpoint.save(str(make_directory(self.folder) / checkpoint_files.NAME)))
        checkpoint_files.remove_old(self.folder, int(self._checkpoint.save_counter))
        self.saved_at = time.monotonic()

    def save_pretrained(self) -> None:
        """Writes the state as the end of the pre-training, which `restore` and `restore(pretrained=True)` then find."""
        rows_file.write_rows(self.directory / rows_file.FILE, self.rows)
        self.save()  # first, since it creates the save counter, which every checkpoint must contain
        self._write(lambda: self._checkpoint.write(str(self.folder / PRETRAINED)))

    def _write(self, write: Any) -> None:
        try:
            write()
        except (tf.errors.OpError, OSError) as error:
            numbers = checkpoint_files.numbered(self.folder)
            last = f"the last checkpoint is {checkpoint_files.path_of(self.folder, numbers[0])}" if numbers else "none"
            reason = str(error).splitlines()[0][:200]
            raise InputError(f"{self.folder}: expected a place to write a checkpoint to ({reason}); {last}") from error

    def restore(self, pretrained: bool = False) -> None:
        """Reads a checkpoint of the run. Evaluations made after it are dropped from `rows`. Writes nothing to disk.

        Where the newest checkpoint is damaged, the one before it is read, and `notes` says so.

        Args:
            pretrained: whether to read the end of the pre-training instead of the last state.

        Raises:
            InputError: there is none, or all are damaged or do not fit the models.
        """
        numbers = checkpoint_files.numbered(self.folder)
        paths = [self.pretrained] if pretrained else [checkpoint_files.path_of(self.folder, n) for n in numbers]
        first: InputError | None = None
        for path in paths:
            if path is None:
                continue
            try:
                self._restore(path, self.directory)
            except InputError as error:
                first = first or error
                continue
            if first is not None:
                self.notes.append(f"{first}. The checkpoint before it was read: {path}")
            return
        raise first or InputError(f"{self.directory}: expected a checkpoint to resume from. Received: none")

    def restore_pretrained_of(self, directory: str | Path) -> None:
        """Reads the end of the pre-training, with its evaluations, of another run of the same models.

        It writes nothing to disk.

        Args:
            directory: directory of the other run.

        Raises:
            InputError: the other run has not finished its pre-training, is damaged or does not fit the models.
        """
        directory = Path(directory)
        path = _pretrained(directory)
        if path is None:
            expected = "a run that has finished its pre-training"
            raise InputError(f"{directory}: expected {expected}. Received: one that has not")
        self._restore(path, directory, tf.train.Checkpoint(**self._parts))
        self.gan.synchronize_copies()

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
        # TensorFlow raises any of these for a damaged file.
        except (tf.errors.OpError, ValueError, AssertionError, IndexError, RuntimeError) as error:
            raise InputError(
                f"{path}: expected a checkpoint of this run. Received: a damaged or foreign file"
            ) from error
        if name := self.not_finite():
            raise InputError(f"{path}: expected finite weights. Received: NaN or infinity in {name}")
        self.rows = rows_file.read_rows(directory / rows_file.FILE, int(self._num_rows))

    def _weights(self) -> list[tf.Variable]:
        return [*self._parts["learnt"], *self._own_parts["lagged"]]

    def _misfit(self, path: str, whole: bool) -> str | None:
        """The first difference between a checkpoint and the models, in words; None if it fits."""
        stored: dict[str, list[int]] = tf.train.load_checkpoint(path).get_variable_to_shape_map()
        parts = self._parts | (self._own_parts if whole else {})
        for part, variables in parts.items():
            count = sum(name.startswith(f"{part}/") for name in stored)
            if count != len(variables):
                expected = f"{len(variables)} variables of {PARTS.get(part, part)}"
                return f"expected {expected}, as the settings say. Received: {count}"
            for i, variable in enumerate(variables):
                shape = stored.get(f"{part}/{i}{VALUE}")
                if shape is not None and list(variable.shape) != shape:
                    name = self._names.get(f"{part}/{i}", f"{part}/{i}")
                    return f"expected {name} of shape {list(variable.shape)}, as the settings say. Received: {shape}"
        return None


def _pretrained(directory: Path) -> str | None:
    path = directory / FOLDER / PRETRAINED
    return str(path) if path.with_suffix(".index").exists() else None
