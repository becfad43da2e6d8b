"""A melody as one pitch per step of time, as in the music experiment of the SeqGAN paper (section 5)."""

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.music_tokenizer import OWN, MusicTokenizer, Rows
from seqgan_tf.data.tunes import Tune, note_name, with_tracks

if TYPE_CHECKING:
    from symusic import Score

KEYS = 88
LOWEST = 21
"""The lowest pitch of a piano with 88 keys."""
REST = 0
QPM, TICKS = 120, 480
"""The tempo of what is written, in quarter notes per minute, and its ticks per quarter note."""
VELOCITY = 100


class PitchTokenizer(MusicTokenizer):
    """One token per step of time: the highest pitch that sounds then, or a rest.

    The paper's music experiment: "we use 88 numbers to represent 88 pitches", sampled "for every 0.4s", in sequences of
    32. Tokens 1 to 88 are the keys of a piano (MIDI pitches 21 to 108), and token 0 is a rest; pitches beyond the keys
    count as rests. There is no end token: a tune fills all T steps. Steps are counted from the first note on. Equal
    pitches that follow each other become one note, so repeated notes are lost.

    Args:
        step: seconds per token. Defaults to 0.4, the paper's.
        tracks: see `MusicTokenizer`; the paper studies "the solo track of each music", which is "melody". Defaults to
            "all".

    Raises:
        InputError: an argument is out of its range.
        MissingExtraError: miditok or symusic is not installed.

    Example:
    ```python
    import symusic

    import seqgan_tf as sg

    score = symusic.Score(480)  # ticks per quarter note; a quarter note lasts 0.5 seconds
    score.tracks.append(symusic.Track(notes=[symusic.Note(480 * i, 480, 60 + 2 * i, 90) for i in range(5)]))
    tokenizer = sg.PitchTokenizer(step=0.25)
    print([token for (token,) in tokenizer.units(score)])  # [40, 40, 42, 42, 44, 44, 46, 46, 48, 48]
    ```
    """

    encoding = "pitches"
    end_token_id = None
    default_length = 32
    has_bars = False
    vocabulary_size = 1 + KEYS
    pitches = np.array([-1, *range(LOWEST, LOWEST + KEYS)])
    note_tokens = np.array([False] + [True] * KEYS)

    def __init__(self, step: float = 0.4, tracks: str = "all") -> None:
        super().__init__(tracks)
        if isinstance(step, bool) or not isinstance(step, (int, float)) or not 0.01 <= step <= 60:
            raise InputError(f"`step` must be a number of seconds from 0.01 to 60. Received: {step!r}")
        self.step = float(step)

    def _units(self, score: "Score") -> list[list[int]]:
        tracks = [track for track in score.tracks if not track.is_drum and len(track.notes)]
        if not tracks:
            return []
        columns = [track.notes.numpy() for track in with_tracks(score, tracks).to("second").tracks]
        starts, durations, pitches = (
            np.concatenate([column[name] for column in columns]) for name in ("time", "duration", "pitch")
        )
        starts = starts.astype(float) - starts.min()

        def first_step(seconds: np.ndarray) -> np.ndarray:
            """The first step at these times or after them."""
            return np.ceil(seconds / self.step - 1e-4).astype(int)

        begin, end = first_step(starts), first_step(starts + durations)
        highest = np.zeros(end.max(), int)
        for i, pitch in enumerate(pitches.tolist()):
            np.maximum(highest[begin[i] : end[i]], pitch, out=highest[begin[i] : end[i]])
        tokens = highest - LOWEST + 1
        return [[token] if 1 <= token <= KEYS else [REST] for token in tokens.tolist()]

    def _score(self, token_ids: list[int]) -> "Score":
        from symusic import Note, Score, Tempo, TimeSignature, Track

        score, track = Score(TICKS), Track()
        score.tempos.append(Tempo(0, QPM))
        score.time_signatures.append(TimeSignature(0, 4, 4))
        ticks = self.step * TICKS * QPM / 60
        changes = [i for i, token in enumerate(token_ids) if i == 0 or token != token_ids[i - 1]]
        for begin, end in zip(changes, [*changes[1:], len(token_ids)], strict=False):
            if token_ids[begin] != REST:
                first, last = round(begin * ticks), round(end * ticks)
                track.notes.append(Note(first, last - first, token_ids[begin] + LOWEST - 1, VELOCITY))
        score.tracks.append(track)
        return score

    def tunes(self, token_ids: Rows) -> list[Tune]:
        """A `Tune` for each row, without bars, which steps of seconds do not have."""
        return [dataclasses.replace(tune, bars=None) for tune in super().tunes(token_ids)]

    def labels(self, token_ids: Iterable[int]) -> list[str]:
        """The names of pitches, and "rest"."""
        return ["rest" if token == REST else note_name(self.pitches[token]) for token in token_ids]

    def to_dict(self) -> dict[str, Any]:
        return {OWN: {"encoding": self.encoding, "tracks": self.tracks, "step": self.step}}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Self:
        own = content.get(OWN, {})
        return cls(own.get("step"), own.get("tracks", ""))
