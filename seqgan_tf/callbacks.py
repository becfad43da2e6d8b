"""Keras callbacks for `fit` of a `SeqGAN`."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from seqgan_tf.core.adversarial import AdversarialModel
from seqgan_tf.core.conditions import first_rows
from seqgan_tf.core.files import make_directory, write_file
from seqgan_tf.core.validation import InputError, check_at_least, whole_number

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Corpus
    from seqgan_tf.data.tokenizer import TextTokenizer


class SampleLogger(keras.callbacks.Callback):
    """Prints samples at the end of each epoch.

    Args:
        corpus: decodes the samples: a corpus, or another object with `decode(token_ids) -> list of str`.
        num_samples: number of samples. Defaults to 5.
        seed: seed of the samples, the same in each epoch, so that only the training changes them. Defaults to 1.
        temperature: divides the logits. Defaults to 1.0.
        condition: what the samples are for, a nest of arrays with at least `num_samples` rows, of which the first ones
            are used. Defaults to None: there are no conditions.

    Raises:
        InputError: `num_samples` is below 1.

    Example:
    ```python
    import seqgan_tf as sg

    corpus = sg.TextCorpus(["the cat sees the dog", "a dog sees a cat"] * 50, batch_size=8)
    V, T = corpus.vocabulary_size, corpus.sequence_length
    generator = sg.Generator(V, end_token_id=corpus.end_token_id)
    gan = sg.SeqGAN(generator, sg.Discriminator(V, T), sg.MonteCarloRollout(2), batch_size=8)
    gan.compile()
    gan.fit(corpus.train, steps_per_epoch=1, callbacks=[sg.callbacks.SampleLogger(corpus, num_samples=3)], verbose=0)
    ```
    """

    def __init__(
        self,
        corpus: "Corpus | TextTokenizer",
        num_samples: int = 5,
        seed: int = 1,
        temperature: float = 1.0,
        condition: Any = None,
    ):
        super().__init__()
        num_samples = whole_number("num_samples", num_samples)
        check_at_least(1, num_samples=num_samples)
        self.corpus = corpus
        self.num_samples = num_samples
        self.seed = seed
        self.temperature = temperature
        self.condition = first_rows(condition, num_samples)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Prints the samples."""
        samples = self.model.generate(
            self.num_samples, seed=self.seed, temperature=self.temperature, condition=self.condition
        )
        lines = "".join(f"\n  {line}" for line in self.corpus.decode(samples))
        print(f"\nsamples after epoch {epoch + 1}:{lines}")


class SampleMetrics(keras.callbacks.Callback):
    """Computes metrics of fresh samples at the end of an epoch and adds them to the logs of the epoch.

    `History` keeps them, and callbacks that follow this one (`CSVLogger`, `EarlyStopping`, `ModelCheckpoint`) can use
    them.

    Args:
        metrics: functions by name. Each takes samples, an int32 array [num_samples, T], and returns a float, which is
            logged as "name", or a dict of floats, which are logged as "name_key".
        num_samples: number of samples. Defaults to 1,000.
        seed: seed of the samples, the same in each epoch, so that only the training changes them. Defaults to 1.
        temperature: divides the logits. Defaults to 1.0.
        every: number of epochs between two computations, starting with the first epoch. In between, the last values
            are logged again, so that no column is ever missing. Defaults to 1.
        condition: as for `SampleLogger`.

    Raises:
        InputError: `every` or `num_samples` is below 1.

    Example:
    ```python
    import seqgan_tf as sg

    oracle = sg.Oracle(50)
    corpus = sg.OracleCorpus(oracle, sequence_length=8, num_train=64, num_held_out=20, batch_size=8)
    gan = sg.SeqGAN(sg.Generator(50), sg.Discriminator(50, 8), sg.MonteCarloRollout(2), batch_size=8)
    gan.compile()
    measure = sg.callbacks.SampleMetrics(
        {"nll_oracle": lambda samples: sg.negative_log_likelihood(oracle, samples)}, num_samples=100
    )
    history = gan.fit(corpus.train, steps_per_epoch=1, callbacks=[measure], verbose=0)
    print(history.history["nll_oracle"])
    ```
    """

    def __init__(
        self,
        metrics: Mapping[str, Callable[[np.ndarray], float | Mapping[Any, float]]],
        num_samples: int = 1_000,
        seed: int = 1,
        temperature: float = 1.0,
        every: int = 1,
        condition: Any = None,
    ):
        super().__init__()
        num_samples, every = whole_number("num_samples", num_samples), whole_number("every", every)
        check_at_least(1, num_samples=num_samples, every=every)
        self.metrics = metrics
        self.num_samples = num_samples
        self.seed = seed
        self.temperature = temperature
        self.every = every
        self.condition = first_rows(condition, num_samples)
        self.epochs = 0
        self.values: dict[str, float] = {}

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Starts counting epochs anew."""
        self.epochs, self.values = 0, {}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Computes the metrics where they are due, and adds the last values to the logs."""
        if self.epochs % self.every == 0:
            samples = self.model.generate(
                self.num_samples, seed=self.seed, temperature=self.temperature, condition=self.condition
            )
            for name, function in self.metrics.items():
                result = function(samples)
                if isinstance(result, Mapping):
                    self.values |= {f"{name}_{key}": float(value) for key, value in result.items()}
                else:
                    self.values[name] = float(result)
        self.epochs += 1
        if logs is not None:
            logs.update(self.values)


class BackupAndRestore(keras.callbacks.Callback):
    """Continues a `fit` of a `SeqGAN` that was interrupted, exactly, at the end of an epoch or inside one.

    Run the same script again, with the same data: `fit` then begins where the last backup was written. Weights,
    optimizers, counters of seeds, the random state of dropout, the means of the logs and the position in the data are
    those of an uninterrupted `fit`, bit for bit. (`keras.callbacks.BackupAndRestore` keeps neither the random state nor
    the position in the data.) The steps of the epoch that were done before are passed over: other callbacks see them,
    but nothing is trained. What other callbacks have counted is not restored.

    Args:
        backup_dir: directory of the backups; made if it is missing.
        save_freq: "epoch", or a number of rounds between two backups; the end of each epoch has one too. Defaults to
            "epoch".
        delete_checkpoint: whether to delete the backup when `fit` has come to its end. Defaults to True.

    Raises:
        InputError: `save_freq` is something else.

    Example:
    ```python
    import seqgan_tf as sg

    corpus = sg.OracleCorpus(sg.Oracle(50), sequence_length=8, num_train=64, num_held_out=20, batch_size=8)
    gan = sg.SeqGAN(sg.Generator(50), sg.Discriminator(50, 8), sg.MonteCarloRollout(2), batch_size=8)
    gan.compile()
    backup = sg.callbacks.BackupAndRestore("backup", save_freq=10)
    gan.fit(corpus.train, epochs=2, steps_per_epoch=1, callbacks=[backup], verbose=0)
    ```
    """

    def __init__(self, backup_dir: str | os.PathLike, save_freq: str | int = "epoch", delete_checkpoint: bool = True):
        super().__init__()
        if save_freq != "epoch":
            if isinstance(save_freq, str):
                raise InputError(f"`save_freq` must be 'epoch' or a number of rounds. Received: {save_freq!r}")
            save_freq = whole_number("save_freq", save_freq)
            check_at_least(1, save_freq=save_freq)
        self.directory = Path(backup_dir)
        self.rounds = None if save_freq == "epoch" else int(save_freq)
        self.delete_checkpoint = delete_checkpoint
        self.epoch = 0
        self._since_backup = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Restores the last backup, if there is one.

        Raises:
            InputError: the model is no `SeqGAN`, or the backup is damaged or of another model.
        """
        if not isinstance(self.model, AdversarialModel):
            raise InputError(
                "`BackupAndRestore` must be a callback of `fit` of a `SeqGAN`. "
                f"Received: a model of the class {type(self.model).__name__}"
            )
        make_directory(self.directory)
        self._since_backup = 0
        backups = self._backups()
        if not backups:
            return
        (epoch, step, steps), path = backups[-1]
        self.epoch = epoch
        if steps != self.params["steps"]:
            raise InputError(
                f"{path}: expected a backup of epochs of {self.params['steps']} rounds. Received: epochs of {steps}"
            )
        try:
            self.model.load_weights(path)
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"{path}: expected a backup of this model. Received: a damaged file, or one of another model"
            ) from error
        self.model.pass_over(epoch, steps, step)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Notes the epoch."""
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes a backup where one is due."""
        if self.model.is_passing_over or self.rounds is None:
            return
        self._since_backup += getattr(self.model, "steps_per_execution", 1)
        if self._since_backup >= self.rounds:
            self._write(self.epoch, batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes a backup."""
        self._write(epoch + 1, 0)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Deletes the backup."""
        self.model._initial_epoch = None  # Keras would begin the next `fit` there too
        if self.delete_checkpoint:
            for _, path in self._backups():
                path.unlink()

    def _write(self, epoch: int, step: int) -> None:
        older = [path for _, path in self._backups()]
        # The name holds the position, so that the weights and the position cannot come from different moments.
        path = self.directory / f"epoch-{epoch}-round-{step}-of-{self.params['steps']}.weights.h5"
        write_file(path, self._save_weights)
        for other in older:
            if other != path:
                other.unlink(missing_ok=True)
        self._since_backup = 0

    def _save_weights(self, path: Path) -> None:
        named = path.with_name(".partial.weights.h5")  # Keras writes to no other ending
        self.model.save_weights(named, overwrite=True)
        named.replace(path)

    def _backups(self) -> list[tuple[tuple[int, int, int], Path]]:
        """((epochs done, rounds done in the next, rounds per epoch), path) of each backup, the last one at the end."""
        name = re.compile(r"epoch-(\d+)-round-(\d+)-of-(\d+)\.weights\.h5")
        found = [(match, path) for path in self.directory.iterdir() if (match := name.fullmatch(path.name))]
        return sorted(((int(m[1]), int(m[2]), int(m[3])), path) for m, path in found)
