"""A run directory: what is written at the start of a run, and how a run is found again.

config.toml        every setting, the version, and a digest of the data
tokenizer.json     of text, or oracle.npz: the oracle's weights
metrics.csv        the evaluations (`training`)
samples/           samples at each evaluation
checkpoints/       the last states of everything, and the end of the pre-training
curves.png         a picture of metrics.csv, where matplotlib is installed
"""

import dataclasses
import hashlib
import os
from pathlib import Path

import keras

from seqgan_tf import __version__, config
from seqgan_tf.checks import check_at_least
from seqgan_tf.data.synthetic import OracleCorpus, write_token_ids
from seqgan_tf.data.text import TextCorpus
from seqgan_tf.data.tokenizer import TextTokenizer
from seqgan_tf.models.discriminator import Discriminator
from seqgan_tf.models.generator import Generator
from seqgan_tf.models.oracle import Oracle
from seqgan_tf.rewards.controls import ConstantReward, ShuffledReward
from seqgan_tf.rewards.rollout import MonteCarloRollout
from seqgan_tf.seqgan import SeqGAN
from seqgan_tf.training import Training

CONFIG, TOKENIZER, ORACLE = "config.toml", "tokenizer.json", "oracle.npz"
CONTROLS = {"none": lambda estimator: estimator, "constant": ConstantReward, "noise": ShuffledReward}


@dataclasses.dataclass(frozen=True)
class Run:
    """A run directory, read.

    Attributes:
        directory: path.
        settings: `RunSettings`; its sequence length is the one in use.
        gan: `SeqGAN`, compiled.
        tokenizer: `TextTokenizer`; None for an oracle run.
        oracle: `Oracle`; None for a text run.
    """

    directory: Path
    settings: config.RunSettings
    gan: SeqGAN
    tokenizer: TextTokenizer | None
    oracle: Oracle | None

    def corpus(self, data=None):
        """The data of the run, or of another text file with its tokenizer, split as the settings say.

        Raises:
            ValueError: the file is missing, or is not the one that the run began with.
        """
        if self.oracle:
            return _oracle_corpus(self.settings, self.oracle)
        if data is None:
            _check_digest(self.directory, self.settings.data)
        return _text_corpus(self.settings, data or self.settings.data, self.tokenizer)

    @property
    def data_digest(self):
        """What stands for the data: the digest of the text, or of the oracle's weights."""
        if self.oracle:
            weights = b"".join(w.tobytes() for w in self.oracle.get_weights())
            return hashlib.sha256(weights).hexdigest()
        return config.read_toml(self.directory / CONFIG).get("data_sha256")

    def decode(self, token_ids):
        """Lines of text, or of token ids in an oracle run: a list of str for int [n, T]."""
        return self.tokenizer.decode(token_ids) if self.tokenizer else write_token_ids(token_ids)

    @property
    def suppressed_tokens(self):
        """What samples for a reader leave out: the token that stands for unknown words."""
        unknown = self.tokenizer and self.tokenizer.unknown_token_id
        return () if unknown is None else (unknown,)

    def training(self, corpus=None, tensorboard=False):
        """The `Training` of this run on its corpus; without a corpus it can only `restore`."""
        settings = self.settings
        return Training(
            self.gan, corpus, settings.pretrain, settings.adversarial, self.directory, self.oracle, tensorboard
        )


def create_run(directory, settings):
    """Reads the data, builds the models, and writes the directory's first files.

    Args:
        directory: path; made if it is missing.
        settings: `RunSettings`.

    Returns:
        (`Run`, corpus).

    Raises:
        ValueError: the directory holds a run already, or the settings or the data do not fit.
    """
    directory = _new_directory(directory)
    _check_schedule(settings)
    if settings.data is None:
        seed, length = settings.corpus.oracle_seed, settings.corpus.sequence_length
        oracle = Oracle.from_npz(settings.oracle_weights) if settings.oracle_weights else Oracle(seed=seed)
        settings = _with_length(settings, 20 if length is None else length)
        corpus, tokenizer = _oracle_corpus(settings, oracle), None
    else:
        if settings.oracle_weights:
            raise ValueError("--oracle-weights is for runs on an oracle. Received: --data too")
        oracle, corpus = None, _text_corpus(settings, settings.data)
        tokenizer, settings = corpus.tokenizer, _with_length(settings, corpus.sequence_length)
    gan = _build(settings, corpus.vocabulary_size, corpus.end_token_id)
    run = Run(directory, settings, gan, tokenizer, oracle)
    directory.mkdir(parents=True, exist_ok=True)
    _write(run)
    return run, corpus


def branch_run(directory, source, settings):
    """Begins a run with what another one has pre-trained: the same data and models, another adversarial phase.

    Args:
        directory: path of the new run; made if it is missing.
        source: path of the other run, which has finished its pre-training.
        settings: `RunSettings`, those of the other run but for [adversarial] and [rollout].

    Returns:
        (`Run`, corpus); the weights come with `run.training().restore()`.

    Raises:
        ValueError: the directory holds a run already, other settings differ, or the other run is not there, damaged,
            or still in its pre-training.
    """
    directory, source = _new_directory(directory), open_run(source)
    _check_schedule(settings)
    for key in config.difference(source.settings, settings):
        if not key.startswith(config.BRANCHING):
            raise ValueError(f"`{key}` must be that of {source.directory}, whose pre-training is used")
    corpus = source.corpus()
    gan = _build(settings, corpus.vocabulary_size, corpus.end_token_id)
    run = Run(directory, settings, gan, source.tokenizer, source.oracle)
    training = run.training(corpus)
    training.branch_from(source.directory)
    directory.mkdir(parents=True, exist_ok=True)
    training.begin_adversarial()
    _write(run)
    return run, corpus


def _new_directory(directory):
    directory = Path(directory)
    if (directory / CONFIG).exists():
        raise ValueError(f"{directory}: already holds a run. Give another --output-dir, or --resume to go on with it")
    if directory.exists() and not directory.is_dir():
        raise ValueError(f"{directory}: expected a directory. Received: a file")
    return directory


def _check_schedule(settings):
    pretrain, adversarial = settings.pretrain, settings.adversarial
    check_at_least(
        0,
        **{
            "pretrain.epochs": pretrain.epochs,
            "pretrain.discriminator_steps": pretrain.discriminator_steps,
            "adversarial.rounds": adversarial.rounds,
        },
    )
    check_at_least(1, **{"adversarial.evaluate_every": adversarial.evaluate_every})


def _write(run):
    """Writes the first files of a run: config.toml last, and whole or not at all, as a directory with it is a run."""
    header = {}
    if run.oracle:
        run.oracle.save_npz(run.directory / ORACLE)
    else:
        run.tokenizer.save(run.directory / TOKENIZER)
        header = {"data_sha256": _digest(run.settings.data)}
    temporary = run.directory / (CONFIG + ".tmp")
    temporary.write_text(config.to_toml(run.settings, version=__version__, **header), encoding="utf-8")
    os.replace(temporary, run.directory / CONFIG)


def open_run(directory, rounds=None):
    """Reads a run directory; the weights come with `run.training().restore()`.

    Args:
        directory: path.
        rounds: int, another number of adversarial rounds than the run began with. Defaults to None: the same.

    Raises:
        ValueError: it is no run, one of another version, or a file in it is missing or damaged.
    """
    directory = Path(directory)
    if not (directory / CONFIG).exists():
        raise ValueError(f"{directory}: expected a run directory, with a {CONFIG}. Received: none")
    settings = config.read_run(directory / CONFIG)
    if settings.corpus.sequence_length is None:
        raise ValueError(f"{directory / CONFIG}: expected corpus.sequence_length. Received: no such key")
    if rounds is not None:
        settings = dataclasses.replace(settings, adversarial=dataclasses.replace(settings.adversarial, rounds=rounds))
    if settings.data is None:
        oracle, tokenizer = Oracle.from_npz(directory / ORACLE), None
        gan = _build(settings, oracle.vocabulary_size, oracle.end_token_id)
    else:
        oracle, tokenizer = None, TextTokenizer.load(directory / TOKENIZER)
        gan = _build(settings, tokenizer.vocabulary_size, tokenizer.end_token_id)
    return Run(directory, settings, gan, tokenizer, oracle)


def _with_length(settings, sequence_length):
    corpus = dataclasses.replace(settings.corpus, sequence_length=sequence_length)
    return dataclasses.replace(settings, corpus=corpus)


def _oracle_corpus(settings, oracle):
    return OracleCorpus(
        oracle,
        settings.corpus.sequence_length,
        settings.corpus.oracle_sequences,
        batch_size=settings.batch_size,
        seed=settings.seed,
    )


def _text_corpus(settings, path, tokenizer=None):
    return TextCorpus.from_file(
        path,
        level=settings.level,
        sequence_length=settings.corpus.sequence_length,
        vocabulary_size=settings.corpus.vocabulary_size,
        min_frequency=settings.corpus.min_frequency,
        validation_split=settings.corpus.validation_split,
        batch_size=settings.batch_size,
        seed=settings.seed,
        tokenizer=tokenizer,
    )


def _build(settings, vocabulary_size, end_token_id):
    """The compiled SeqGAN of the settings."""
    generator = Generator(
        vocabulary_size,
        end_token_id=end_token_id,
        start_token_id=0 if end_token_id is None else None,  # the oracle's data begin, like the authors', with token 0
        seed=settings.seed,
        dtype=settings.dtype_policy,
        **dataclasses.asdict(settings.generator),
    )
    discriminator = Discriminator(
        vocabulary_size,
        settings.corpus.sequence_length,
        seed=settings.seed,
        dtype=settings.dtype_policy,
        **dataclasses.asdict(settings.discriminator),
    )
    adversarial, pretrain = settings.adversarial, settings.pretrain
    gan = SeqGAN(
        generator,
        discriminator,
        CONTROLS[adversarial.control](MonteCarloRollout(**dataclasses.asdict(settings.rollout))),
        batch_size=settings.batch_size,
        generator_batch_size=adversarial.generator_batch_size,
        generator_steps=adversarial.generator_steps,
        discriminator_steps=adversarial.discriminator_steps,
        likelihood_steps=adversarial.likelihood_steps,
        baseline=adversarial.baseline,
        entropy_weight=adversarial.entropy_weight,
        seed=settings.seed,
    )
    gan.compile(
        generator_optimizer=keras.optimizers.Adam(adversarial.learning_rate, global_clipnorm=pretrain.clip_norm),
        discriminator_optimizer=keras.optimizers.Adam(pretrain.discriminator_learning_rate),
        pretrain_optimizer=keras.optimizers.Adam(pretrain.learning_rate, global_clipnorm=pretrain.clip_norm),
    )
    return gan


def _digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _check_digest(directory, path):
    recorded = config.read_toml(directory / CONFIG).get("data_sha256")
    try:
        digest = _digest(path)
    except OSError as error:
        raise ValueError(f"{path}: expected the text file of the run, to be read ({error.strerror})") from error
    if digest != recorded:
        raise ValueError(
            f"{path}: expected the text file that the run in {directory} began with. Received: a changed file"
        )
