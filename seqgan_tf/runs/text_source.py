"""Files of text, with or without conditions, as the source of a run."""

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
from seqgan_tf.data.code_corpus import PLAIN_CORPORA
from seqgan_tf.data.condition_files import load_conditions
from seqgan_tf.data.conditions import TextConditions
from seqgan_tf.data.corpora import CORPORA
from seqgan_tf.data.images import Images
from seqgan_tf.data.records import CAPTIONS, DIALOGUE, PAIRS, Records, combined_digest, read_records
from seqgan_tf.data.text import TextCorpus
from seqgan_tf.data.tokenizer import TextTokenizer
from seqgan_tf.metrics.metric import METRICS
from seqgan_tf.metrics.sentence_bleu import bleu
from seqgan_tf.runs.config import RunSettings
from seqgan_tf.runs.source import Source


class TextSource(Source):
    """Text of files. Its tokenizer is saved as tokenizer.json; for `conditions` see `data.conditions`.

    Args:
        tokenizer: the tokenizer of the text.
        conditions: how the conditions are read. Defaults to None: there are none.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.runs.text_source import TextSource

    source = TextSource(sg.TextTokenizer.train(["red cat", "red dog"], min_frequency=1))
    print(source.decode(source.tokenizer.encode_padded(["red dog"], 4)[0]))
    ```
    """

    FILE = "tokenizer.json"
    oracle = None
    start_token_id = None
    quality = METRICS["bleu_4"]
    items, files = "lines", "the text file"

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
            digests.append(combined_digest([self.digest_of_file(path) for path in files]))
        return combined_digest(digests)

    @staticmethod
    def digest_of_file(path: Path) -> str:
        """SHA-256 of a file of the data."""
        return hashlib.sha256(read_bytes(path, "the text file of the run")).hexdigest()

    def digest_of(self, corpus: Corpus, settings: RunSettings) -> str:
        read = corpus.digest if isinstance(corpus, TextCorpus) else None
        return read or self.digest(settings)

    def name(self, settings: RunSettings) -> str:
        return _data(settings).name

    def decode(self, token_ids: np.ndarray) -> list[str]:
        return self.tokenizer.decode(token_ids)

    def prompt(self, prompt: str, bars: int | None, length: int) -> list[int]:
        if bars is not None:
            raise InputError("--prompt-bars needs a run on music. Received: a run on text")
        if unknown := self.tokenizer.unknown_parts(prompt):
            received = ", ".join(map(repr, unknown))
            raise InputError(f"--prompt must hold tokens of the vocabulary only. Received: {received}")
        return self.tokenizer.encode([prompt])[0]

    def measure_quality(self, held_out: np.ndarray) -> Callable[[np.ndarray], float]:
        return lambda samples: bleu(samples, held_out, 4).bleu[4]


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
    if records.task in PLAIN_CORPORA:
        corpus = PLAIN_CORPORA[records.task].from_records(records, validation, test, **rules)
    else:
        corpus = CORPORA[records.task].from_records(records, validation, test, conditions=conditions, **rules)
    return corpus
