"""Where the sequences of a run come from: an oracle, or files of text.

A source reads and writes its files in the run directory, makes the corpus, and decodes token ids.
"""

import abc
import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from seqgan_tf.core.files import read_bytes, write_file
from seqgan_tf.core.protocols import Corpus
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.captions import captions_digest
from seqgan_tf.data.condition_files import load_conditions
from seqgan_tf.data.conditions import Sources, TextConditions
from seqgan_tf.data.corpora import CORPORA
from seqgan_tf.data.images import Images
from seqgan_tf.data.oracle_corpus import OracleCorpus, write_token_ids
from seqgan_tf.data.records import CAPTIONS, DIALOGUE, PAIRS, TEXT, Records, combined_digest, read_records
from seqgan_tf.data.text import TextCorpus
from seqgan_tf.data.tokenizer import TextTokenizer
from seqgan_tf.metrics.likelihood import negative_log_likelihood
from seqgan_tf.metrics.metric import METRICS, Metric
from seqgan_tf.metrics.sentence_bleu import bleu
from seqgan_tf.models.oracle import Oracle
from seqgan_tf.runs.config import RunSettings
from seqgan_tf.runs.presets import ORACLE

ORACLE_LENGTH = 20


class Source(abc.ABC):
    """Where the sequences of a run come from.

    Attributes:
        vocabulary_size: argument of the generator and of the discriminator.
        end_token_id: argument of the generator.
        start_token_id: argument of the generator. None: its start token is not in the vocabulary.
        tokenizer: the tokenizer of text; None if the sequences are not text.
        oracle: the generator that generated the data; None if it is not known.
        suppressed_tokens: tokens that printed samples never contain, such as the unknown token.
        conditions: how the conditions of text are read; None if there are none.
        quality: the metric of samples that a temperature sweep reports beside NLL-test.

    Example:
    ```python
    import seqgan_tf as sg

    source = sg.load_run("runs/poems").source
    print(source.vocabulary_size, source.quality.label)
    ```
    """

    vocabulary_size: int
    end_token_id: int | None
    start_token_id: int | None
    tokenizer: TextTokenizer | None
    oracle: Oracle | None
    suppressed_tokens: tuple[int, ...]
    conditions: TextConditions | None
    quality: Metric

    @classmethod
    @abc.abstractmethod
    def begin(cls, settings: RunSettings) -> tuple["Source", Corpus]:
        """Reads or generates the data of a new run. Returns the source and the corpus."""

    @classmethod
    @abc.abstractmethod
    def load(cls, directory: Path, settings: RunSettings) -> "Source":
        """Reads the files that `save` wrote."""

    @abc.abstractmethod
    def save(self, directory: Path) -> None:
        """Writes the files that the run needs beside its settings."""

    @abc.abstractmethod
    def corpus(self, settings: RunSettings, data: Path | None = None) -> Corpus:
        """The corpus of a run, or of another file."""

    @abc.abstractmethod
    def digest(self, settings: RunSettings) -> str:
        """SHA-256 of the data. It is equal for runs on equal data."""

    def digest_of(self, corpus: Corpus, settings: RunSettings) -> str:
        """The digest of data that have just been read; a pipe cannot be read twice."""
        return self.digest(settings)

    @abc.abstractmethod
    def name(self, settings: RunSettings) -> str:
        """The name of the data in messages."""

    @abc.abstractmethod
    def decode(self, token_ids: np.ndarray) -> list[str]:
        """One line per row of token ids [n, T]."""

    @abc.abstractmethod
    def measure_quality(self, held_out: np.ndarray) -> Callable[[np.ndarray], float]:
        """The function of samples that computes `quality`."""


class OracleSource(Source):
    """Sequences that an oracle generates. Its weights are saved as oracle.npz.

    Args:
        oracle: the oracle.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.core.generation import generate
    from seqgan_tf.runs.sources import OracleSource

    source = OracleSource(sg.Oracle(vocabulary_size=50, seed=1))
    print(source.decode(generate(source.oracle, 2, 10, seed=3)))
    ```
    """

    FILE = "oracle.npz"
    tokenizer = None
    conditions = None
    start_token_id = 0  # as in the authors' code
    suppressed_tokens: tuple[int, ...] = ()
    quality = METRICS["nll_oracle"]

    oracle: Oracle

    def __init__(self, oracle: Oracle):
        self.oracle = oracle
        self.vocabulary_size, self.end_token_id = oracle.vocabulary_size, oracle.end_token_id

    @classmethod
    def begin(cls, settings: RunSettings) -> tuple["OracleSource", Corpus]:
        if settings.data:
            raise InputError(f"--task oracle takes no file. Received: --data {settings.data}")
        weights, seed = settings.oracle_weights, settings.corpus.oracle_seed
        source = cls(Oracle.from_npz(weights) if weights else Oracle(seed=seed))
        return source, source.corpus(settings)

    @classmethod
    def load(cls, directory: Path, settings: RunSettings) -> "OracleSource":
        return cls(Oracle.from_npz(directory / cls.FILE))

    def save(self, directory: Path) -> None:
        write_file(directory / self.FILE, self.oracle.save_npz)

    def corpus(self, settings: RunSettings, data: Path | None = None) -> Corpus:
        if data is not None:
            raise InputError("--data needs a run on text. Received: a run on an oracle")
        length = settings.corpus.sequence_length
        return OracleCorpus(
            self.oracle,
            ORACLE_LENGTH if length is None else length,
            settings.corpus.oracle_sequences,
            batch_size=settings.batch_size,
            seed=settings.seed,
        )

    def digest(self, settings: RunSettings) -> str:
        return hashlib.sha256(b"".join(weight.tobytes() for weight in self.oracle.get_weights())).hexdigest()

    def name(self, settings: RunSettings) -> str:
        return "the oracle"

    def decode(self, token_ids: np.ndarray) -> list[str]:
        return write_token_ids(token_ids)

    def measure_quality(self, held_out: np.ndarray) -> Callable[[np.ndarray], float]:
        return lambda samples: negative_log_likelihood(self.oracle, samples)


class TextSource(Source):
    """Text of files. Its tokenizer is saved as tokenizer.json; for `conditions` see `data.conditions`.

    Args:
        tokenizer: the tokenizer of the text.
        conditions: how the conditions are read. Defaults to None: there are none.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.runs.sources import TextSource

    source = TextSource(sg.TextTokenizer.train(["red cat", "red dog"], min_frequency=1))
    print(source.decode(source.tokenizer.encode_padded(["red dog"], 4)[0]))
    ```
    """

    FILE = "tokenizer.json"
    oracle = None
    start_token_id = None
    quality = METRICS["bleu_4"]

    tokenizer: TextTokenizer

    def __init__(self, tokenizer: TextTokenizer, conditions: TextConditions | None = None):
        self.tokenizer, self.conditions = tokenizer, conditions
        self.vocabulary_size, self.end_token_id = tokenizer.vocabulary_size, tokenizer.end_token_id
        unknown = tokenizer.unknown_token_id
        self.suppressed_tokens = () if unknown is None else (unknown,)

    @classmethod
    def begin(cls, settings: RunSettings) -> tuple["TextSource", Corpus]:
        if settings.oracle_weights:
            raise InputError("--oracle-weights is for runs on an oracle. Received: --data too")
        corpus = _read_corpus(settings)
        return cls(corpus.tokenizer, corpus.conditions), corpus

    @classmethod
    def load(cls, directory: Path, settings: RunSettings) -> "TextSource":
        conditions = load_conditions(directory) if settings.task in CORPORA else None
        return cls(TextTokenizer.load(directory / cls.FILE), conditions)

    def save(self, directory: Path) -> None:
        write_file(directory / self.FILE, self.tokenizer.save)
        if self.conditions is not None:
            self.conditions.save(directory)

    def corpus(self, settings: RunSettings, data: Path | None = None) -> Corpus:
        if data is not None:
            settings = dataclasses.replace(settings, data=data)
        return _read_corpus(settings, self.tokenizer, self.conditions)

    def digest(self, settings: RunSettings) -> str:
        digests = []
        for files in _files(settings):
            if settings.task == CAPTIONS:
                records = read_records(files[0], task=CAPTIONS, images=settings.images)
                digests.append(captions_digest(records, Images()))
                continue
            contents = (read_bytes(path, "the text file of the run") for path in files)
            digests.append(combined_digest([hashlib.sha256(content).hexdigest() for content in contents]))
        return combined_digest(digests)

    def digest_of(self, corpus: Corpus, settings: RunSettings) -> str:
        read = corpus.digest if isinstance(corpus, TextCorpus) else None
        return read or self.digest(settings)

    def name(self, settings: RunSettings) -> str:
        return _data(settings).name

    def decode(self, token_ids: np.ndarray) -> list[str]:
        return self.tokenizer.decode(token_ids)

    def measure_quality(self, held_out: np.ndarray) -> Callable[[np.ndarray], float]:
        return lambda samples: bleu(samples, held_out, 4).bleu[4]


def source_class(settings: RunSettings) -> type[Source]:
    """The class of a run's source, by its task; without a task, text if there is a file."""
    return OracleSource if (settings.task or (TEXT if settings.data else ORACLE)) == ORACLE else TextSource


def with_data(settings: RunSettings, corpus: Corpus) -> RunSettings:
    """The settings of a run whose data have been read: with their task and their lengths."""
    conditions = corpus.conditions
    lengths = dataclasses.replace(
        settings.corpus,
        sequence_length=corpus.sequence_length,
        source_length=conditions.source_length if isinstance(conditions, Sources) else settings.corpus.source_length,
    )
    found: dict[str, Any] = {"task": corpus.task}
    return dataclasses.replace(settings, corpus=lengths, **found)


def _data(settings: RunSettings) -> Path:
    if settings.data is None:
        raise InputError(f"--task {settings.task} needs --data, a file. Received: none")
    return settings.data


def _files(settings: RunSettings) -> list[list[Path]]:
    """The files of each part of the data: a file, or a file and that of its targets."""
    parts = (
        (_data(settings), settings.target),
        (settings.validation, settings.validation_target),
        (settings.test, settings.test_target),
    )
    return [[path for path in files if path is not None] for files in parts if files[0] is not None]


def _read_corpus(
    settings: RunSettings, tokenizer: TextTokenizer | None = None, conditions: TextConditions | None = None
) -> TextCorpus:
    """Reads the files of a run; a tokenizer and conditions that are given keep their rules."""

    def read(path: Path | None, target: Path | None, task: str | None) -> Records | None:
        return None if path is None else read_records(path, target, task, settings.corpus.turns, settings.images)

    path = _data(settings)
    records = read_records(path, settings.target, settings.task, settings.corpus.turns, settings.images)
    validation = read(settings.validation, settings.validation_target, records.task)
    test = read(settings.test, settings.test_target, records.task)
    names = ["sequence_length", "vocabulary_size", "min_frequency", "blanks", "validation_split"]
    if records.task in (PAIRS, DIALOGUE):
        names += ["source_length", "shared_tokenizer"]
    rules: dict[str, Any] = {name: getattr(settings.corpus, name) for name in names}
    rules |= {"level": settings.level, "batch_size": settings.batch_size, "seed": settings.seed}
    rules |= {"tokenizer": tokenizer, "name": str(path)}
    if records.task == CAPTIONS:
        rules |= {"image_size": settings.corpus.image_size, "cache": settings.image_cache}
    elif settings.images or settings.image_cache:
        raise InputError(f"--images and --image-cache are for captions. Received: the task {records.task!r}")
    if records.task == TEXT:
        corpus = TextCorpus.from_records(records, validation, test, **rules)
    else:
        corpus = CORPORA[records.task].from_records(records, validation, test, conditions=conditions, **rules)
    return corpus
