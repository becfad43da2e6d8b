"""A run directory: what is written at the start of a run, and how a run is found again.

config.toml        every setting, the version, and a digest of the data
tokenizer.json     of text, or oracle.npz: the oracle's weights
metrics.csv        the evaluations
samples/           samples at each evaluation
checkpoints/       the last states of everything, and the end of the pre-training
curves.png         a picture of metrics.csv, where matplotlib is installed
"""

import dataclasses
import functools
from pathlib import Path

import numpy as np

from seqgan_tf import __version__
from seqgan_tf.core.files import make_directory, write_text
from seqgan_tf.core.protocols import Corpus
from seqgan_tf.core.validation import InputError, check_at_least
from seqgan_tf.data.tokenizer import TextTokenizer
from seqgan_tf.models.oracle import Oracle
from seqgan_tf.runs import config
from seqgan_tf.runs.build import build_gan
from seqgan_tf.runs.checkpoints import RunState
from seqgan_tf.runs.config import RunSettings
from seqgan_tf.runs.sources import Source, source_class, with_length
from seqgan_tf.runs.toml import read_run_settings, read_toml, to_toml
from seqgan_tf.runs.training import Training
from seqgan_tf.seqgan import SeqGAN

CONFIG = "config.toml"


class Run:
    """A run directory, read. Make one with `load_run`, or with `create_run`, `open_run` and `branch_run`.

    Args:
        directory: the run directory.
        settings: with the sequence length in use.
        gan: compiled. From `load_run` it has the weights of the run's last checkpoint.
        source: where the sequences come from.
        corpus: the data, where they are read already. Defaults to None: they are read when they are asked for.

    Example:
    ```python
    run = sg.load_run("runs/poems")
    print(run.decode(run.gan.generate(5, seed=1, temperature=0.9)))
    print(sg.negative_log_likelihood(run.gan.generator, run.corpus.held_out_token_ids))
    ```
    """

    def __init__(
        self, directory: Path, settings: RunSettings, gan: SeqGAN, source: Source, corpus: Corpus | None = None
    ):
        self.directory, self.settings, self.gan, self.source = directory, settings, gan, source
        if corpus is not None:
            self.corpus = corpus

    @property
    def tokenizer(self) -> TextTokenizer | None:
        """Of text; None in a run on an oracle."""
        return self.source.tokenizer

    @property
    def oracle(self) -> Oracle | None:
        """The generator that wrote the data; None in a run on text."""
        return self.source.oracle

    @functools.cached_property
    def corpus(self) -> Corpus:
        """The data of the run.

        Raises:
            InputError: the file is missing, or is not the one that the run began with.
        """
        recorded = read_toml(self.directory / CONFIG).get("data_sha256")
        if recorded is not None and self.source.digest(self.settings) != recorded:
            expected = f"the text file that the run in {self.directory} began with"
            raise InputError(f"{self.settings.data}: expected {expected}. Received: a changed file")
        return self.source.corpus(self.settings)

    @property
    def data_digest(self) -> str:
        """SHA-256 of the data: equal for runs on equal data."""
        return read_toml(self.directory / CONFIG).get("data_sha256") or self.source.digest(self.settings)

    def decode(self, token_ids: np.ndarray) -> list[str]:
        """A line of text for each row of token ids [n, T]; of ids in a run on an oracle."""
        return self.source.decode(token_ids)

    def state(self) -> RunState:
        """The state of the run, not read yet; `restore` reads a checkpoint into the model."""
        return RunState(self.gan, self.directory, self.settings.pretrain.patience)

    def restore(self, pretrained: bool = False) -> RunState:
        """Reads a checkpoint of the run into the model, see `RunState.restore`."""
        state = self.state()
        state.restore(pretrained)
        return state

    def training(self, state: RunState | None = None, tensorboard: bool = False) -> Training:
        """What trains the run from a state on. Defaults to its beginning."""
        settings = self.settings
        state = self.state() if state is None else state
        return Training(state, self.corpus, settings.pretrain, settings.adversarial, self.oracle, tensorboard)


def load_run(directory: str | Path) -> Run:
    """A run of the command line, with the weights of its last checkpoint.

    Args:
        directory: the run directory.

    Returns:
        The run, with `gan`, `tokenizer`, `corpus` and `settings`.

    Raises:
        InputError: it is not a run, its settings or its checkpoint do not fit this version, or a file in it is missing
            or damaged.

    Example:
    ```python
    run = sg.load_run("runs/poems")
    print(run.decode(run.gan.generate(5, seed=1)))
    ```
    """
    run = open_run(directory)
    run.restore()
    return run


def create_run(directory: str | Path, settings: RunSettings, run_eagerly: bool = False) -> Run:
    """Reads the data, builds the models, and writes the first files of the directory.

    Args:
        directory: made if it is missing.
        settings: all of them.
        run_eagerly: as in `keras.Model.compile`.

    Raises:
        InputError: the directory already holds a run, or the settings or the data do not fit.
    """
    directory = _free_directory(directory)
    _check_schedule(settings)
    kind = source_class(settings)
    source, corpus = kind.begin(settings)
    settings = with_length(settings, corpus.sequence_length)
    run = Run(directory, settings, build_gan(settings, source, run_eagerly), source, corpus)
    make_directory(directory)
    _write(run)
    return run


def branch_run(directory: str | Path, source: str | Path, settings: RunSettings, run_eagerly: bool = False) -> Run:
    """Begins a run with what another one has pre-trained: the same data and models, another adversarial phase.

    Args:
        directory: of the new run; made if it is missing.
        source: directory of the other run, which has finished its pre-training.
        settings: those of the other run but for `config.BRANCHING`.
        run_eagerly: as in `keras.Model.compile`.

    Returns:
        The run; its first checkpoint is written.

    Raises:
        InputError: the directory already holds a run, other settings differ, or the other run is missing, damaged, or
            still in its pre-training.
    """
    directory, other = _free_directory(directory), open_run(source)
    _check_schedule(settings)
    for key in config.difference(other.settings, settings):
        if not key.startswith(config.BRANCHING):
            raise InputError(f"`{key}` must be that of {other.directory}, whose pre-training is used")
    run = Run(directory, settings, build_gan(settings, other.source, run_eagerly), other.source, other.corpus)
    state = run.state()
    state.restore_pretrained_of(other.directory)
    make_directory(directory)
    state.save_pretrained()
    _write(run)
    return run


def open_run(directory: str | Path, rounds: int | None = None, run_eagerly: bool = False) -> Run:
    """Reads a run directory but for its weights, see `Run.restore`.

    Args:
        directory: the run directory.
        rounds: another number of adversarial rounds than the run began with. Defaults to None: the same.
        run_eagerly: as in `keras.Model.compile`.

    Raises:
        InputError: it is not a run, or a file in it is missing, damaged or does not fit this version.
    """
    directory = Path(directory)
    if not (directory / CONFIG).exists():
        raise InputError(f"{directory}: expected a run directory, with a {CONFIG}. Received: none")
    settings = read_run_settings(directory / CONFIG)
    if rounds is not None:
        settings = dataclasses.replace(settings, adversarial=dataclasses.replace(settings.adversarial, rounds=rounds))
    source = source_class(settings).load(directory)
    return Run(directory, settings, build_gan(settings, source, run_eagerly), source)


def _free_directory(directory: str | Path) -> Path:
    directory = Path(directory)
    if (directory / CONFIG).exists():
        raise InputError(f"{directory}: already holds a run. Give another --output-dir, or --resume to continue it")
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory}: expected a directory. Received: a file")
    return directory


def _check_schedule(settings: RunSettings) -> None:
    pretrain, adversarial = settings.pretrain, settings.adversarial
    at_least_0 = {
        "pretrain.epochs": pretrain.epochs,
        "pretrain.discriminator_steps": pretrain.discriminator_steps,
        "adversarial.rounds": adversarial.rounds,
    }
    check_at_least(0, **at_least_0)
    check_at_least(1, **{"adversarial.evaluate_every": adversarial.evaluate_every})


def _write(run: Run) -> None:
    """Writes the first files of a run: config.toml last, as a directory with it is a run."""
    run.source.save(run.directory)
    header = {"version": __version__, "data_sha256": run.source.digest(run.settings)}
    write_text(run.directory / CONFIG, to_toml(run.settings, **header))
