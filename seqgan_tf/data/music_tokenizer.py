"""What the tokenizers of music have in common: token ids as scores, MIDI files and text, and transposition."""

import abc
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqgan_tf.core.files import make_directory, write_file, write_text
from seqgan_tf.core.padding import PADDING
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.tunes import Tune, melody_of, require_music

if TYPE_CHECKING:
    from symusic import Score

TRACKS = ("all", "melody")
OWN = "seqgan_tf"
"""The key of the JSON file of a tokenizer under which this package has its own rules."""
Rows = np.ndarray | Iterable[Iterable[int]]
"""Token ids, int array [n, T] padded with -1, or lists of token ids."""


class MusicTokenizer(abc.ABC):
    """A tokenizer of music. `RemiTokenizer` and `PitchTokenizer` say what a token is.

    Args:
        tracks: "all", or "melody": of each tune only the track with the highest mean pitch.

    Attributes:
        encoding: its name in settings: "remi" or "pitches".
        vocabulary_size: V, the number of tokens.
        end_token_id: id of the token that ends a tune; None where tunes fill all T positions.
        default_length: T, where no length is set.
        has_bars: whether tokens tell where bars begin.
        pitches: int array [V], the MIDI pitch of each token; -1 for other tokens, and for drums.
        note_tokens: bool array [V], whether each token begins a note.

    Raises:
        InputError: `tracks` is something else.
        MissingExtraError: miditok or symusic is not installed.

    Example:
    ```python
    from seqgan_tf.data.music_tokenizer import MusicTokenizer
    from seqgan_tf.data.remi import RemiTokenizer

    tokenizer: MusicTokenizer = RemiTokenizer()
    print(tokenizer.vocabulary_size, tokenizer.end_token_id, tokenizer.decode([[1]]))
    ```
    """

    encoding: str
    end_token_id: int | None
    default_length: int
    has_bars: bool
    vocabulary_size: int
    pitches: np.ndarray
    note_tokens: np.ndarray

    def __init__(self, tracks: str = "all") -> None:
        require_music()
        if tracks not in TRACKS:
            raise InputError(f"`tracks` must be one of {list(TRACKS)}. Received: {tracks!r}")
        self.tracks = tracks

    def units(self, score: "Score") -> list[list[int]]:
        """The token ids of a score, in units that belong together: bars, or single steps. Empty without notes.

        Args:
            score: a `symusic.Score` in ticks.
        """
        if self.tracks == "melody":
            score = melody_of(score)
        units = self._units(score)
        return units if self.has_notes(units) else []

    def has_notes(self, units: Iterable[list[int]]) -> bool:
        """Whether notes begin in some of the units."""
        return any(self.note_tokens[unit].any() for unit in units)

    @abc.abstractmethod
    def _units(self, score: "Score") -> list[list[int]]:
        """As `units`, of the tracks that are read."""

    @abc.abstractmethod
    def _score(self, token_ids: list[int]) -> "Score":
        """The score of one tune, without end token and padding."""

    @abc.abstractmethod
    def labels(self, token_ids: Iterable[int]) -> list[str]:
        """What each of some tokens stands for, in a word or two."""

    @abc.abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The content of its JSON file."""

    @classmethod
    @abc.abstractmethod
    def from_dict(cls, content: dict[str, Any]) -> "MusicTokenizer":
        """The tokenizer in the content of a JSON file.

        Raises:
            InputError: the file has rules that this class does not set.
        """

    def scores(self, token_ids: Rows) -> "list[Score]":
        """A `symusic.Score` for each row. Tokens that make no sense where they are, are passed over."""
        return [self._score(row) for row in map(self._kept, token_ids)]

    def tunes(self, token_ids: Rows) -> list[Tune]:
        """A `Tune` for each row."""
        return [Tune.of(score) for score in self.scores(token_ids)]

    def decode(self, token_ids: Rows) -> list[str]:
        """A line of text for each row, see `Tune.text`."""
        return [tune.text() for tune in self.tunes(token_ids)]

    def write(self, token_ids: Rows, directory: str | os.PathLike) -> list[Path]:
        """Writes a MIDI file for each row: 0001.mid, 0002.mid and so on. Files of these names are replaced.

        Args:
            token_ids: the tunes.
            directory: where they are written. It is created if it is missing.

        Returns:
            The paths of the files.

        Raises:
            InputError: a file cannot be written.
        """
        paths = []
        for number, score in enumerate(self.scores(token_ids), start=1):
            paths.append(make_directory(directory) / f"{number:04}.mid")
            write_file(paths[-1], score.dump_midi)
        return paths

    def transposed(self, token_ids: np.ndarray, semitones: int) -> np.ndarray:
        """Tunes in another key. Drums stay as they are.

        Args:
            token_ids: int array [n, T].
            semitones: how much higher; below 0, how much lower.

        Returns:
            int32 array [m, T], m <= n: those tunes whose pitches all stay in the vocabulary.
        """
        tokens = np.append(np.arange(self.vocabulary_size), PADDING)  # the last one is that of padding, -1
        is_pitch = np.append(self.pitches >= 0, False)
        moved = np.append(self.pitches, -1) + semitones
        table = np.where(is_pitch, tokens + semitones, tokens)  # tokens of pitches are in the order of the pitches
        is_outside = is_pitch & ((moved < self.pitches[self.pitches >= 0].min()) | (moved > self.pitches.max()))
        stays = ~is_outside[token_ids].any(axis=1)
        return table[token_ids[stays]].astype(np.int32)

    def save(self, path: str | os.PathLike) -> None:
        """Writes the tokenizer to a JSON file.

        Raises:
            InputError: the file cannot be written.
        """
        write_text(path, json.dumps(self.to_dict(), indent=1) + "\n")

    def _kept(self, row: Iterable[int]) -> list[int]:
        """The tokens of a row before the end token and the padding."""
        kept: list[int] = []
        for token in row:
            if token in (PADDING, self.end_token_id):
                break
            kept.append(int(token))
        return kept
