"""The base class of the sources of a run: where its sequences come from.

A source reads and writes its files in the run directory, makes the corpus, and decodes token ids.
"""

import abc
from collections.abc import Callable
from pathlib import Path

import numpy as np

from seqgan_tf.core.protocols import Corpus
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.conditions import TextConditions
from seqgan_tf.data.tokenizer import TextTokenizer
from seqgan_tf.metrics.metric import Metric
from seqgan_tf.models.oracle import Oracle
from seqgan_tf.runs.config import RunSettings


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
        items: what a sequence is called, in the plural.
        files: what the data are called where they are missing or have changed.

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
    items: str
    files: str

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

    def labels(self, token_ids: np.ndarray) -> list[str]:
        """What each of some tokens [n] stands for; without text or music the ids themselves."""
        return [str(token) for token in token_ids]

    def prompt(self, prompt: str, bars: int | None, length: int) -> list[int]:
        """Token ids of what all samples begin with.

        Args:
            prompt: a text, or the path of a tune.
            bars: number of bars of a tune. None: a part that fits.
            length: T, the length of the samples.

        Raises:
            InputError: the source has no prompts, or this one cannot be read.
        """
        raise InputError("--prompt needs a run on text. Received: a run on an oracle")

    def read_other(self, data: Path, settings: RunSettings) -> tuple[np.ndarray, int]:
        """Sequences of other data without conditions, by the rules of this run.

        Args:
            data: the data.
            settings: settings of the run; `corpus.sequence_length` is set.

        Returns:
            (int32 array [n, T], number of sequences that were too long and were cut).

        Raises:
            InputError: the source reads no data, or these cannot be read.
        """
        raise InputError("--data needs a run on text. Received: a run on an oracle")

    def sample_metrics(self, samples: np.ndarray, held_out: np.ndarray) -> dict[str, float]:
        """Metrics of samples that only this kind of data has, by the keys of `METRICS`.

        Args:
            samples: token ids [n, T].
            held_out: the same, of real sequences that were not used in training.
        """
        return {}

    @abc.abstractmethod
    def measure_quality(self, held_out: np.ndarray) -> Callable[[np.ndarray], float]:
        """The function of samples that computes `quality`."""
