"""Tunes: the notes and the bar lines of a piece of music, as arrays; and MIDI files as scores of symusic."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from seqgan_tf.core.validation import require

if TYPE_CHECKING:
    from symusic import Score

EXTRA = "music"
LONGEST = 20_000
"""Quarter notes. A damaged file may claim that its last note comes after hours of silence."""
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
MAJOR = (0, 2, 4, 5, 7, 9, 11)
DENOMINATORS = (1, 2, 4, 8, 16, 32, 64)
"""Those of time signatures; others in a file are damage."""
SHOWN = 24
"""Notes in the line of text about a tune."""


def require_music() -> None:
    """Checks that the libraries for music are installed.

    Raises:
        MissingExtraError: one is not.
    """
    for module in ("symusic", "miditok"):
        require(module, "Music", EXTRA)


@dataclasses.dataclass(frozen=True)
class Tune:
    """The notes of a piece of music. Times are in quarter notes (beats of 4/4), from its beginning.

    Attributes:
        pitches: int array [n], MIDI numbers: 60 is the C in the middle of a piano.
        starts: float array [n], ascending.
        durations: float array [n].
        is_drum: bool array [n]. Pitches of drums are kinds of drums.
        bars: float array [bars + 1], the bar lines, the last one at the end of the last bar. None: there are no bars.

    Example:
    ```python
    import symusic

    from seqgan_tf.data.tunes import Tune

    score = symusic.Score(480)  # ticks per quarter note
    score.tracks.append(symusic.Track(notes=[symusic.Note(480 * i, 480, 60 + 2 * i, 90) for i in range(5)]))
    tune = Tune.of(score)
    print(tune.pitches, tune.starts, tune.num_bars)  # [60 62 64 66 68] [0. 1. 2. 3. 4.] 2
    print(tune.text())
    ```
    """

    pitches: np.ndarray
    starts: np.ndarray
    durations: np.ndarray
    is_drum: np.ndarray
    bars: np.ndarray | None = None

    @classmethod
    def of(cls, score: "Score", num_bars: int = 1) -> "Tune":
        """The tune of a score.

        Args:
            score: a score in ticks, as `symusic.Score` reads it from a file. Its time signatures make its bars; without
                any, bars have four quarter notes.
            num_bars: least number of bars; there are more where notes begin later. Defaults to 1.
        """
        columns = [track.notes.numpy() for track in score.tracks]
        time, duration, pitch = (
            np.concatenate([np.zeros(0, int), *(column[name] for column in columns)])
            for name in ("time", "duration", "pitch")
        )
        drums = [np.full(len(track.notes), track.is_drum) for track in score.tracks]
        order = np.lexsort([pitch, time])
        is_drum = np.concatenate([np.zeros(0, bool), *drums])[order]
        starts = time[order] / score.tpq
        changes = [
            (s.time / score.tpq, 4 * s.numerator / s.denominator) for s in score.time_signatures if s.denominator
        ]
        bars = _bar_lines(changes, starts[-1] if len(starts) else 0.0, num_bars)
        return cls(pitch[order], starts, duration[order] / score.tpq, is_drum, bars)

    @property
    def num_bars(self) -> int:
        """Number of bars; 0 where there are none."""
        return 0 if self.bars is None else len(self.bars) - 1

    @property
    def melodic(self) -> np.ndarray:
        """The pitches of all notes but those of drums."""
        return self.pitches[~self.is_drum]

    @property
    def top(self) -> np.ndarray:
        """The highest pitch at each moment at which notes begin, drums left out."""
        starts, pitches = self.starts[~self.is_drum], self.melodic
        return pitches[np.append(np.diff(starts) > 0, True)[: len(pitches)]]  # ascending by start, then by pitch

    def scale_shares(self) -> np.ndarray:
        """Share of the notes, drums left out, in each major scale: float array [12], by the root of the scale.

        The minor scale of a root (natural minor) has the notes of the major scale three semitones above. Without notes
        the shares are NaN.
        """
        counts = np.bincount(self.melodic % 12, minlength=12)
        in_scale = np.array([counts[(np.array(MAJOR) + root) % 12].sum() for root in range(12)])
        return in_scale / counts.sum() if counts.sum() else np.full(12, np.nan)

    def text(self) -> str:
        """One line about the tune: numbers of bars and notes, the scale that most notes are in, and the first notes.

        Where several begin together, the highest stands for them.
        """
        counts = {"bar": None if self.bars is None else self.num_bars, "note": len(self.pitches)}
        parts = [f"{count} {name}{'s' * (count != 1)}" for name, count in counts.items() if count is not None]
        if not len(self.melodic):
            return ", ".join(parts)
        shares = self.scale_shares()
        root = int(np.argmax(shares))
        parts.append(f"{shares[root]:.0%} in {NAMES[root]} major / {NAMES[(root + 9) % 12]} minor")
        names = [note_name(pitch) for pitch in self.top.tolist()]
        return f"{', '.join(parts)}: {' '.join(names[:SHOWN])}" + " ..." * (len(names) > SHOWN)


def note_name(pitch: int) -> str:
    """The name of a pitch, with its octave: 60 is C4."""
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


def _bar_lines(changes: list[tuple[float, float]], last: float, num_bars: int) -> np.ndarray:
    """The bar lines, from the (time, quarter notes per bar) of the changes of time signature and the last start."""
    waiting = sorted((change for change in changes if change[1] > 0), reverse=True)
    lines, length = [0.0], 4.0
    while len(lines) - 1 < num_bars or lines[-1] <= last + 1e-6:
        while waiting and waiting[-1][0] <= lines[-1] + 1e-6:
            length = waiting.pop()[1]
        lines.append(lines[-1] + length)
    return np.array(lines)


def score_of(content: bytes) -> "Score | str":
    """The score in a MIDI file.

    Args:
        content: the content of the file.

    Returns:
        The score, a `symusic.Score` in ticks; or why there is none, in words.
    """
    from symusic import Score

    if not content:
        return "empty"
    try:
        score = Score.from_midi(content)
    except Exception:  # the library is C++ and raises several kinds
        return "damaged"
    tracks = [track for track in score.tracks if len(track.notes)]
    if not tracks:
        return "no notes"
    if all(track.is_drum for track in tracks):
        return "drums only"
    if score.tpq < 1 or min(int(track.notes.numpy()["time"].min()) for track in tracks) < 0:
        return "damaged"
    if score.end() / score.tpq > LONGEST:
        return f"longer than {LONGEST} quarter notes"
    for i in reversed(range(len(score.time_signatures))):
        signature = score.time_signatures[i]
        if signature.numerator < 1 or signature.denominator not in DENOMINATORS:
            del score.time_signatures[i]
    return score


def melody_of(score: "Score") -> "Score":
    """The score with the melody alone: of its tracks, drums left out, the one with the highest mean pitch."""
    tracks = [track for track in score.tracks if len(track.notes) and not track.is_drum]
    means = [float(track.notes.numpy()["pitch"].mean()) for track in tracks]
    return with_tracks(score, [tracks[int(np.argmax(means))]])


def with_tracks(score: "Score", tracks: list) -> "Score":
    """A score with the times, the time signatures and the tempos of another, and tracks of its own."""
    from symusic import Score

    found = Score(score.tpq)
    found.time_signatures, found.tempos = score.time_signatures.copy(), score.tempos.copy()
    for track in tracks:
        found.tracks.append(track)
    return found
