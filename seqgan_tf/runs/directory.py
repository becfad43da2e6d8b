"""Creates, reads and branches run directories.

config.toml        every setting, the version, and a digest of the data
tokenizer.json     the tokenizer of a run on text or music
conditions.json    how conditions are read, with source_tokenizer.json where they are texts
oracle.npz         the weights of the oracle of a run on an oracle
metrics.csv        the evaluations
samples/           samples at each evaluation
checkpoints/       the last two states, and the end of the pre-training
curves.png         a plot of metrics.csv, if matplotlib is installed
"""

import dataclasses
import functools
import types
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from seqgan_tf.core.files import check_no_pattern, make_directory, write_text
from seqgan_tf.core.protocols import Corpus
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.tokenizer import TextTokenizer
from seqgan_tf.models.oracle import Oracle
from seqgan_tf.runs import checks, config
from seqgan_tf.runs.build import build_gan
from seqgan_tf.runs.checkpoints import FOLDER, RunState
from seqgan_tf.runs.config import RunSettings
from seqgan_tf.runs.embeddings import start_from_word_vectors
from seqgan_tf.runs.source import Source
from seqgan_tf.runs.sources import source_class, with_data
from seqgan_tf.runs.toml import CONFIG, read_run_settings, read_toml, run_toml
from seqgan_tf.runs.training import Training
from seqgan_tf.seqgan import SeqGAN


class Run:
    """A run: its directory, settings, models and data.

    `load_run`, `create_run`, `open_run` and `branch_run` return one.

    Args:
        directory: the run directory.
        settings: settings of the run; `corpus.sequence_length` is set.
        gan: the compiled model. `load_run` gives it the weights of the last checkpoint.
        source: where the sequences come from.
        corpus: the data, if they have been read. Defaults to None: they are read on first use.
        is_trusted: whether the objective of the run, if it has one, was imported. Defaults to True.

    Attributes:
        notes: what a user should know about the networks of a new run: how many words have a vector in a file.

    Example:
    ```python
    import seqgan_tf as sg

    run = sg.load_run("runs/poems")
    print(run.decode(run.gan.generate(5, seed=1, temperature=0.9)))
    print(sg.negative_log_likelihood(run.gan.generator, run.corpus.held_out_token_ids))
    ```
    """

    def __init__(
        self,
        directory: Path,
        settings: RunSettings,
        gan: SeqGAN,
        source: Source,
        corpus: Corpus | None = None,
        is_trusted: bool = True,
    ):
        self.directory, self.settings, self.gan, self.source = directory, settings, gan, source
        self.is_trusted = is_trusted
        self.notes: list[str] = []
        if corpus is not None:
            self.corpus = corpus

    @property
    def tokenizer(self) -> TextTokenizer | None:
        """The tokenizer of a run on text; None in a run on an oracle or on music, whose is `source.music`."""
        return self.source.tokenizer

    @property
    def oracle(self) -> Oracle | None:
        """The oracle that generated the data; None in a run on text."""
        return self.source.oracle

    @functools.cached_property
    def corpus(self) -> Corpus:
        """The data of the run.

        Raises:
            InputError: the file is missing, or has changed since the run began.
        """
        recorded = read_toml(self.directory / CONFIG).get("data_sha256")
        if recorded is not None and self.source.digest(self.settings) != recorded:
            expected = f"{self.source.files} that the run in {self.directory} began with"
            raise InputError(f"{self.settings.data}: expected {expected}. Received: a changed file")
        return self.source.corpus(self.settings)

    @property
    def data_digest(self) -> str:
        """SHA-256 of the data. It is equal for runs on equal data."""
        return read_toml(self.directory / CONFIG).get("data_sha256") or self.source.digest(self.settings)

    def decode(self, token_ids: np.ndarray) -> list[str]:
        """One line per row of token ids [n, T]: text, or the ids themselves in a run on an oracle."""
        return self.source.decode(token_ids)

    def state(self) -> RunState:
        """The initial state of the run. Its method `restore` reads a checkpoint into the model."""
        return RunState(self.gan, self.directory, self.settings.pretrain.patience, self.settings.adversarial.patience)

    def restore(self, pretrained: bool = False) -> RunState:
        """Reads a checkpoint of the run into the model and returns the state, see `RunState.restore`."""
        state = self.state()
        state.restore(pretrained)
        return state

    def training(self, state: RunState | None = None, tensorboard: bool = False) -> Training:
        """The `Training` of the run.

        Args:
            state: the state to start from. Defaults to None: the initial state.
            tensorboard: whether to write the metrics for TensorBoard too. Defaults to False.

        Raises:
            InputError: the run has an objective that was not imported, see `open_run`.
        """
        settings = self.settings
        if settings.reward.objective and not self.is_trusted:
            raise InputError(
                f"{self.directory}: expected --trust-objective, to import {settings.reward.objective}, its objective. "
                "Received: no such flag"
            )
        state = self.state() if state is None else state
        return Training(state, self.corpus, settings.pretrain, settings.adversarial, self.oracle, tensorboard)


def load_run(directory: str | Path) -> Run:
    """Reads a run directory, with the weights of its last checkpoint.

    Args:
        directory: the run directory.

    Returns:
        The run, with `gan`, `tokenizer`, `corpus` and `settings`.

    Raises:
        InputError: it is not a run directory, its settings or its checkpoint do not fit this version, or a file in it
            is missing or damaged.

    Example:
    ```python
    import seqgan_tf as sg

    run = sg.load_run("runs/poems")
    print(run.decode(run.gan.generate(5, seed=1)))
    ```
    """
    run = open_run(directory)
    for note in run.restore().notes:
        warnings.warn(note, stacklevel=2)
    return run


def create_run(
    directory: str | Path,
    settings: RunSettings,
    run_eagerly: bool = False,
    strategy: tf.distribute.Strategy | None = None,
) -> Run:
    """Creates a run: reads the data, builds the models, and writes the settings and the tokenizer or oracle.

    Args:
        directory: the run directory; it is created if it is missing.
        settings: settings of the run.
        run_eagerly: as in `keras.Model.compile`. Defaults to False.
        strategy: the devices that train it. Defaults to None: one.

    Raises:
        InputError: the directory already holds a run, a setting is out of its range, or the data cannot be used.
    """
    directory = _free_directory(directory)
    checks.check(settings)
    kind = source_class(settings)
    source, corpus = kind.begin(settings)
    settings = with_data(settings, corpus)
    run = Run(directory, settings, build_gan(settings, source, run_eagerly, strategy), source, corpus)
    run.notes = start_from_word_vectors(settings, run.gan, source, corpus)
    make_directory(directory)
    if run.notes:
        run.state().save()  # from now on nothing needs the files of word vectors
    _write(run)
    return run


def branch_run(
    directory: str | Path,
    source: str | Path,
    settings: RunSettings,
    run_eagerly: bool = False,
    strategy: tf.distribute.Strategy | None = None,
) -> Run:
    """Creates a run that starts at the end of another run's pre-training: same data and models, new adversarial phase.

    Args:
        directory: directory of the new run; it is created if it is missing.
        source: directory of the other run, which has finished its pre-training.
        settings: settings of the new run. Only those of `config.BRANCHING` may differ from the other run's, and `data`
            of a run on files: the new ones are read with the tokenizer of the other run.
        run_eagerly: as in `keras.Model.compile`. Defaults to False.
        strategy: the devices that train it. Defaults to None: one.

    Returns:
        The run. Its first checkpoint has been written.

    Raises:
        InputError: the directory already holds a run, other settings differ, or the other run is missing, damaged, or
            still in its pre-training.
    """
    directory, other = _free_directory(directory), open_run(source)
    checks.check(settings)
    changes = config.difference(other.settings, settings)
    for key in changes:
        if not key.startswith(config.BRANCHING) and not (key in config.FILES and other.settings.data):
            old, new = changes[key]
            raise InputError(
                f"`{key}` must be {old}, as in {other.directory}, whose pre-training is used. Received: {new}"
            )
    corpus = other.source.corpus(settings) if set(changes) & set(config.FILES) else other.corpus
    run = Run(directory, settings, build_gan(settings, other.source, run_eagerly, strategy), other.source, corpus)
    state = run.state()
    state.restore_pretrained_of(other.directory)
    make_directory(directory)
    state.save_pretrained()
    _write(run)
    return run


def open_run(
    directory: str | Path,
    rounds: int | None = None,
    run_eagerly: bool = False,
    files: Mapping[str, Path | None] = types.MappingProxyType({}),
    trust_objective: bool = False,
    strategy: tf.distribute.Strategy | None = None,
) -> Run:
    """Reads a run directory without its weights; `Run.restore` reads those.

    Args:
        directory: the run directory.
        rounds: a new number of adversarial rounds. Defaults to None: the number in the settings of the run.
        run_eagerly: as in `keras.Model.compile`. Defaults to False.
        strategy: the devices that train it. Defaults to None: one.
        files: where files of the run are now, by their names in `config.FILES`; None: where it was. Defaults to {}.
        trust_objective: whether the objective of the run is imported. That runs code which the directory names; only
            training needs it. Defaults to False.

    Raises:
        InputError: it is not a run directory, it has no such file, or a file in it is missing, damaged or does not fit
            this version.
    """
    directory = Path(directory)
    if not (directory / CONFIG).exists():
        raise InputError(f"{directory}: expected a run directory, with a {CONFIG}. Received: none")
    settings = read_run_settings(directory / CONFIG)
    if rounds is not None:
        settings = dataclasses.replace(settings, adversarial=dataclasses.replace(settings.adversarial, rounds=rounds))
        checks.check(settings)
    for name, path in files.items():
        if path is not None:
            if getattr(settings, name) is None:
                raise InputError(f"--{name.replace('_', '-')} needs a run with such a file. Received: a run without")
            moved: dict[str, Any] = {name: path.resolve()}
            settings = dataclasses.replace(settings, **moved)
    source = source_class(settings).load(directory, settings)
    is_trusted = trust_objective or settings.reward.objective is None
    built = settings if is_trusted else dataclasses.replace(settings, reward=config.RewardSettings())
    return Run(directory, settings, build_gan(built, source, run_eagerly, strategy), source, is_trusted=is_trusted)


def update_settings(run: Run) -> None:
    """Writes the settings of a resumed run, where they differ: its number of rounds, and where its text is now.

    Raises:
        InputError: it is another text, or the file cannot be written.
    """
    path = run.directory / CONFIG
    if read_run_settings(path) != run.settings:
        _ = run.corpus  # compares the digests
        write_text(path, run_toml(run.settings, run.data_digest))


def _free_directory(directory: str | Path) -> Path:
    directory = Path(directory)
    if (directory / CONFIG).exists():
        raise InputError(f"{directory}: already holds a run. Give another --output-dir, or --resume to continue it")
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory}: expected a directory. Received: a file")
    if (directory / FOLDER).exists():
        raise InputError(f"{directory}: expected a directory without {FOLDER}/. Received: one of another run")
    check_no_pattern(directory)
    return directory


def _write(run: Run) -> None:
    """Writes the first files of a run, config.toml last: a directory that contains it counts as a run."""
    run.source.save(run.directory)
    write_text(run.directory / CONFIG, run_toml(run.settings, run.source.digest_of(run.corpus, run.settings)))
