"""Tunes: notes, bars and scales of scores, compared with the library's own and with slow loops."""

import numpy as np
import pytest
import tiny_music
from tiny_music import add_track, score, symusic

from seqgan_tf.core.validation import MissingExtraError
from seqgan_tf.data import tunes
from seqgan_tf.data.tunes import Tune, melody_of, require_music, score_of

SCALE = [(i, 1, 60 + step) for i, step in enumerate((0, 2, 4, 5, 7, 9, 11))]


def test_the_notes_of_all_tracks_are_in_the_order_of_their_starts():
    found = add_track(score([(0, 1, 60), (2, 0.5, 64)], ticks=96), [(1, 3, 40), (0, 1, 35)], is_drum=True)
    tune = Tune.of(found)
    assert tune.starts.tolist() == [0, 0, 1, 2]
    assert tune.pitches.tolist() == [35, 60, 40, 64]
    assert tune.durations.tolist() == [1, 1, 3, 0.5]
    assert tune.is_drum.tolist() == [True, False, True, False]
    assert tune.melodic.tolist() == [60, 64]


@pytest.mark.parametrize("signature", [(4, 4), (6, 8), (2, 2), (7, 8)])
def test_the_bars_are_those_of_the_library(signature):
    found = score([(time / 2, 1.7, 60 + time) for time in range(31)], signature=signature)
    expected = found.get_downbeats() / found.tpq
    tune = Tune.of(found)
    np.testing.assert_allclose(tune.bars[:-1], expected[expected <= 15])
    assert tune.bars[-1] == pytest.approx(tune.bars[-2] + 4 * signature[0] / signature[1])


def test_a_change_of_the_time_signature_changes_the_bars():
    found = score([(0, 1, 60), (9, 1, 62)], signature=(3, 4))
    found.time_signatures.append(symusic.TimeSignature(6 * found.tpq, 2, 4))
    assert Tune.of(found).bars.tolist() == [0, 3, 6, 8, 10]
    assert Tune.of(found, num_bars=6).bars.tolist() == [0, 3, 6, 8, 10, 12, 14]
    assert Tune.of(symusic.Score(96)).bars.tolist() == [0, 4]


def test_the_shares_of_scales_are_those_of_a_slow_count(rng):
    found = score([(i, 1, int(pitch)) for i, pitch in enumerate(rng.integers(0, 128, 40))])
    pitches = [note.pitch for note in found.tracks[0].notes]
    expected = []
    for root in range(12):
        scale = {(root + step) % 12 for step in (0, 2, 4, 5, 7, 9, 11)}
        expected.append(sum(pitch % 12 in scale for pitch in pitches) / 40)
    np.testing.assert_allclose(Tune.of(found).scale_shares(), expected)
    assert np.isnan(Tune.of(tiny_music.drums()).scale_shares()).all()


def test_the_text_names_the_scale_and_the_highest_notes():
    found = add_track(score([(start, length, pitch + 2) for start, length, pitch in SCALE]), [(0, 4, 50), (1, 1, 45)])
    assert Tune.of(found).text() == "2 bars, 9 notes, 100% in D major / B minor: D4 E4 F#4 G4 A4 B4 C#5"
    many = Tune.of(score([(i, 1, 60) for i in range(30)])).text()
    assert many.endswith(" C4 ...")
    assert many.count("C4") == tunes.SHOWN
    assert Tune.of(tiny_music.drums()).text() == "2 bars, 8 notes"
    assert Tune.of(symusic.Score(96)).text() == "1 bar, 0 notes"


def test_the_melody_is_the_track_with_the_highest_mean_pitch():
    found = score([(0, 1, 40), (1, 1, 90)])
    add_track(add_track(found, [(0, 1, 70)], program=40), [(0, 1, 100)], is_drum=True)
    melody = melody_of(found)
    assert [(track.program, [note.pitch for note in track.notes]) for track in melody.tracks] == [(40, [70])]
    assert [len(track.notes) for track in found.tracks] == [2, 1, 1]


def late():
    return score([(tunes.LONGEST + 1, 1, 60)]).dumps_midi()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda: b"", "empty"),
        (lambda: b"no music", "damaged"),
        (lambda: tiny_music.tune(1).dumps_midi()[:-20], "damaged"),
        (lambda: np.random.default_rng(0).bytes(500), "damaged"),
        (lambda: score([]).dumps_midi(), "no notes"),
        (lambda: tiny_music.drums().dumps_midi(), "drums only"),
        (late, "longer than 20000 quarter notes"),
    ],
    ids=["empty", "text", "cut", "random", "no notes", "drums", "late"],
)
def test_why_a_file_has_no_tune(content, reason):
    assert score_of(content()) == reason


def test_damaged_files_never_end_the_reading(rng):
    whole = tiny_music.tune(3).dumps_midi()
    kinds = set()
    for _ in range(300):
        content = bytearray(whole)
        for place in rng.integers(0, len(content), rng.integers(1, 6)):
            content[place] = rng.integers(256)
        found = score_of(bytes(content))
        kinds.add(found if isinstance(found, str) else "a score")
        if not isinstance(found, str):
            assert len(Tune.of(found).pitches)
    assert {"a score", "damaged"} <= kinds


def test_the_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"^Music needs symusic: pip install 'seqgan-tf\[music\]'$"):
        require_music()
