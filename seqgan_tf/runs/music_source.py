"""MIDI files as the source of a run."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from seqgan_tf.core.files import write_file
from seqgan_tf.core.protocols import Corpus
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.music import MusicCorpus
from seqgan_tf.data.music_files import load_music_tokenizer, read_prompt
from seqgan_tf.data.music_tokenizer import MusicTokenizer
from seqgan_tf.data.pieces import Pieces, shuffled
from seqgan_tf.data.records import combined_digest
from seqgan_tf.data.tune_files import TuneFiles
from seqgan_tf.metrics.metric import METRICS
from seqgan_tf.metrics.music import music_metrics
from seqgan_tf.metrics.sentence_bleu import bleu
from seqgan_tf.runs.config import RunSettings
from seqgan_tf.runs.source import Source


class MusicSource(Source):
    """MIDI files. Their tokenizer is saved as tokenizer.json.

    Args:
        music: the tokenizer of the tunes.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.runs.music_source import MusicSource

    source = MusicSource(sg.RemiTokenizer())
    print(source.vocabulary_size, source.decode([[1, 0]]))
    ```
    """

    FILE = "tokenizer.json"
    tokenizer = None
    oracle = None
    conditions = None
    start_token_id = None
    suppressed_tokens: tuple[int, ...] = ()
    quality = METRICS["bleu_4"]
    items, files = "pieces", "the MIDI files"

    def __init__(self, music: MusicTokenizer):
        self.music = music
        self.vocabulary_size, self.end_token_id = music.vocabulary_size, music.end_token_id

    @classmethod
    def begin(cls, settings: RunSettings) -> tuple["MusicSource", Corpus]:
        if settings.oracle_weights:
            raise InputError("--oracle-weights is for runs on an oracle. Received: --data too")
        corpus = _read_corpus(settings)
        return cls(corpus.tokenizer), corpus

    @classmethod
    def load(cls, directory: Path, settings: RunSettings) -> "MusicSource":
        return cls(load_music_tokenizer(directory / cls.FILE))

    def save(self, directory: Path) -> None:
        write_file(directory / self.FILE, self.music.save)

    def corpus(self, settings: RunSettings, data: Path | None = None) -> Corpus:
        return _read_corpus(settings if data is None else dataclasses.replace(settings, data=data), self.music)

    def digest(self, settings: RunSettings) -> str:
        parts = (_data(settings), settings.validation, settings.test)
        return combined_digest([TuneFiles.read(part).digest for part in parts if part is not None])

    def digest_of(self, corpus: Corpus, settings: RunSettings) -> str:
        return corpus.digest if isinstance(corpus, MusicCorpus) else self.digest(settings)

    def name(self, settings: RunSettings) -> str:
        return _data(settings).name

    def decode(self, token_ids: np.ndarray) -> list[str]:
        return self.music.decode(token_ids)

    def labels(self, token_ids: np.ndarray) -> list[str]:
        return self.music.labels(token_ids)

    def prompt(self, prompt: str, bars: int | None, length: int) -> list[int]:
        return read_prompt(prompt, self.music, length, bars)

    def read_other(self, data: Path, settings: RunSettings) -> tuple[np.ndarray, int]:
        length = settings.sequence_length
        pieces = Pieces.of(TuneFiles.read(data), None, self.music, settings.corpus.bars, length)
        return shuffled(pieces.token_ids, settings.seed), pieces.num_cut

    def sample_metrics(self, samples: np.ndarray, held_out: np.ndarray) -> dict[str, float]:
        return music_metrics(self.music.tunes(samples), self.music.tunes(held_out))

    def measure_quality(self, held_out: np.ndarray) -> Callable[[np.ndarray], float]:
        return lambda samples: bleu(samples, held_out, 4).bleu[4]


def _data(settings: RunSettings) -> Path:
    if settings.data is None:
        raise InputError("--task music needs --data, a folder or zip of MIDI files. Received: none")
    return settings.data


def _read_corpus(settings: RunSettings, tokenizer: MusicTokenizer | None = None) -> MusicCorpus:
    """Reads the tunes of a run; a tokenizer that is given keeps its rules."""
    if settings.target is not None:
        raise InputError(f"--target is for text. Received: {settings.target}, with MIDI files")
    corpus = settings.corpus
    return MusicCorpus(
        _data(settings),
        encoding=corpus.encoding,
        tracks=corpus.tracks,
        bars=corpus.bars,
        sequence_length=corpus.sequence_length,
        transpose=corpus.transpose,
        velocities=corpus.velocities,
        step_seconds=corpus.step_seconds,
        validation_split=corpus.validation_split,
        batch_size=settings.batch_size,
        seed=settings.seed,
        tokenizer=tokenizer,
        validation=settings.validation,
        test=settings.test,
    )
