"""REMI: music as tokens of bars, positions, pitches and durations, by the library miditok."""

import json
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.music_tokenizer import OWN, MusicTokenizer, Rows
from seqgan_tf.data.tunes import Tune, note_name, with_tracks

if TYPE_CHECKING:
    from symusic import Score, TimeSignature

DRUMS = -1
"""The number that miditok gives to drums, among the programs, which are instruments."""
BEAT_STEPS = {(0, 4): 12, (4, 12): 4}
"""Steps per beat, of durations up to 4 beats and up to 12: sixteenth notes and triplets are exact."""
TIME_SIGNATURES = {4: [1, 2, 3, 4, 5, 6, 7, 8], 8: [3, 5, 6, 7, 9, 12]}
"""Numerators by denominator. Others are written as one of these of the same length, such as 2/2 as 4/4; where there is
none, the signature before it holds on."""
PIANO, QPM = 0, 120.0


class RemiTokenizer(MusicTokenizer):
    """REMI (Huang and Yang, 2020, "Pop Music Transformer"), by the library miditok.

    A bar is the tokens Bar and TimeSig, and for each moment at which notes begin Position, then for each note Pitch and
    Duration. Where there are several instruments, a token Program precedes each note (REMI+, von Rütte et al., 2023).
    The token ids are those of miditok; its padding token, id 0, ends a tune. Times are rounded to 12 steps per beat;
    changes of tempo, pedals and pitch bends are left out.

    Args:
        programs: the instruments, as numbers of General MIDI, 0 to 127; -1 stands for drums. With one of them, it plays
            all notes and has no tokens. Defaults to (0,), a piano.
        velocities: whether a token of loudness follows each pitch. Defaults to False.
        tracks: see `MusicTokenizer`. Defaults to "all".
        qpm: tempo of what is written, in quarter notes per minute. Defaults to 120.

    Raises:
        InputError: an argument is out of its range.
        MissingExtraError: miditok or symusic is not installed.

    Example:
    ```python
    import symusic

    import seqgan_tf as sg

    score = symusic.Score(480)  # ticks per quarter note
    score.tracks.append(symusic.Track(notes=[symusic.Note(480 * i, 480, 60 + 2 * i, 90) for i in range(5)]))
    tokenizer = sg.RemiTokenizer.of([score])
    first, second = tokenizer.units(score)  # token ids of two bars
    print(tokenizer.tokens(first)[:5])  # ['Bar_None', 'TimeSig_4/4', 'Position_0', 'Pitch_60', 'Duration_1.0.12']
    print(tokenizer.decode([first + second]))
    tokenizer.write([first + second], "tunes")  # tunes/0001.mid
    ```
    """

    encoding = "remi"
    end_token_id = 0
    default_length = 128
    has_bars = True

    def __init__(
        self,
        programs: Sequence[int] = (PIANO,),
        velocities: bool = False,
        tracks: str = "all",
        qpm: float = QPM,
    ) -> None:
        super().__init__(tracks)
        programs = tuple(sorted(set(programs)))
        if not programs or not all(isinstance(p, int) and DRUMS <= p <= 127 for p in programs) or programs == (DRUMS,):
            raise InputError(
                f"`programs` must be ints from -1 (drums) to 127, one of them at least 0. Received: {list(programs)}"
            )
        if not 1 <= qpm <= 10_000:
            raise InputError(f"`qpm` must be a number from 1 to 10000. Received: {qpm!r}")
        self.programs, self.velocities, self.qpm = programs, velocities, float(qpm)
        from miditok import REMI, TokenizerConfig

        several = len(programs) > 1
        self._miditok = REMI(
            TokenizerConfig(
                pitch_range=(0, 127),
                beat_res=BEAT_STEPS,
                special_tokens=["PAD"],
                use_velocities=velocities,
                use_time_signatures=True,
                time_signature_range=TIME_SIGNATURES,
                use_programs=several,
                use_pitchdrum_tokens=DRUMS in programs,
                programs=list(programs),
                remove_duplicated_notes=True,
            )
        )
        vocabulary: dict[str, int] = self._miditok.vocab
        self.vocabulary_size = len(vocabulary)
        self.bar_token_id = vocabulary["Bar_None"]
        self.pitches = np.full(self.vocabulary_size, -1)
        self.note_tokens = np.zeros(self.vocabulary_size, bool)
        for token, i in vocabulary.items():
            kind, value = token.split("_")
            if kind == "Pitch":
                self.pitches[i] = int(value)
            self.note_tokens[i] = kind in ("Pitch", "PitchDrum")

    @classmethod
    def of(cls, scores: "Iterable[Score]", velocities: bool = False, tracks: str = "all") -> Self:
        """The tokenizer for scores: with their instruments and their median tempo.

        Args:
            scores: `symusic.Score`s in ticks; those of the training part.
            velocities, tracks: see the class. Melodies are all played by their most frequent instrument.
        """
        programs: Counter[int] = Counter()
        tempos = []
        for score in scores:
            tempos.append(score.tempos[0].qpm if len(score.tempos) else QPM)
            programs.update(DRUMS if track.is_drum else track.program for track in score.tracks if len(track.notes))
        if tracks == "melody":
            del programs[DRUMS]
            programs = Counter(dict(programs.most_common(1)))
        qpm = min(max(statistics.median(tempos), 20.0), 400.0) if tempos else QPM
        return cls(sorted(programs) or (PIANO,), velocities, tracks, round(qpm, 3))

    def tokens(self, token_ids: Iterable[int]) -> list[str]:
        """The names that miditok gives to tokens."""
        return [self._miditok[int(token)] for token in token_ids]

    def labels(self, token_ids: Iterable[int]) -> list[str]:
        """Names of tokens: "Bar", "Position 24" in steps of the bar, "Pitch C4", "Duration 1.5" in beats."""
        return [_label(*token.split("_")) for token in self.tokens(token_ids)]

    def tunes(self, token_ids: Rows) -> list[Tune]:
        """A `Tune` for each row. Bars without notes at its end are a part of it."""
        rows = list(map(self._kept, token_ids))
        return [Tune.of(self._score(row), max(1, row.count(self.bar_token_id))) for row in rows]

    def _units(self, score: "Score") -> list[list[int]]:
        score = self._merged(score) if len(self.programs) == 1 else with_tracks(score, list(score.tracks))
        score.time_signatures = _simplified(score)
        found = self._miditok.encode(score)
        sequences = found if isinstance(found, list) else [found]
        bars: list[list[int]] = []
        for token in sequences[0].ids if sequences else []:
            if token == self.bar_token_id:
                bars.append([])
            bars[-1].append(token)
        return bars

    def _merged(self, score: "Score") -> "Score":
        """The score with all notes but those of drums in one track."""
        from symusic import Track

        track = Track(program=self.programs[0])
        for other in score.tracks:
            if not other.is_drum:
                track.notes.extend(other.notes)
        track.notes.sort()
        return with_tracks(score, [track])

    def _score(self, token_ids: list[int]) -> "Score":
        from symusic import Tempo

        token_ids = token_ids or [self.bar_token_id]  # miditok decodes no empty list
        if len(self.programs) == 1:
            score = self._miditok.decode([token_ids], programs=[(self.programs[0], False)])
        else:
            score = self._miditok.decode(token_ids)
        score.tempos.clear()
        score.tempos.append(Tempo(0, self.qpm))
        return score

    def to_dict(self) -> dict[str, Any]:
        """The content of a file that `miditok.REMI(params=...)` reads too."""
        own = {"encoding": self.encoding, "tracks": self.tracks, "qpm": self.qpm}
        return self._miditok.to_dict() | {OWN: own}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Self:
        config, own = content.get("config"), content.get(OWN)
        if not isinstance(config, dict) or not isinstance(own, dict):
            raise InputError("expected the config of miditok. Received: none")
        try:
            found = cls(
                config.get("programs", ()),
                velocities=config.get("use_velocities") is True,
                tracks=own.get("tracks", ""),
                qpm=own.get("qpm", 0),
            )
        except TypeError as error:
            raise InputError(f"expected the rules that `RemiTokenizer` sets ({error})") from error
        # Only rules of this class reach miditok: its config is made anew, and compared with that of the file.
        for name, value in json.loads(json.dumps(found.to_dict()))["config"].items():
            if name in config and config[name] != value:
                raise InputError(f"expected {name} = {value}. Received: {str(config[name])[:80]}")
        return found


def _simplified(score: "Score") -> "list[TimeSignature]":
    """The time signatures of a score with denominators of 4 and 8, where bars of the same length have them."""
    from symusic import TimeSignature

    found = []
    for signature in score.time_signatures:
        numerator, denominator = signature.numerator, signature.denominator
        while 0 < denominator < 4:
            numerator, denominator = 2 * numerator, 2 * denominator
        while denominator > 8 and numerator % 2 == 0:
            numerator, denominator = numerator // 2, denominator // 2
        found.append(TimeSignature(signature.time, numerator, denominator))
    return found


def _label(kind: str, value: str) -> str:
    """A token of miditok, with the name of its pitch, and its duration as a number of beats."""
    if kind == "Pitch":
        value = note_name(int(value))
    elif kind == "Duration":
        beats, steps, per_beat = map(int, value.split("."))
        value = f"{beats + steps / per_beat:.3g}"
    return kind if value == "None" else f"{kind} {value}"
