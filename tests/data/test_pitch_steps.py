"""One pitch per step of time, compared with a slow count over the notes."""

import numpy as np
import pytest
from tiny_music import add_track, drums, notes_of, score

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.music_files import load_music_tokenizer
from seqgan_tf.data.pitch_steps import PitchTokenizer


def tokens_of(tokenizer, found):
    return [token for (token,) in tokenizer.units(found)]


@pytest.mark.parametrize(("qpm", "step"), [(None, 0.4), (90, 0.25), (200, 0.1)])
def test_a_step_has_the_highest_pitch_that_sounds_then(qpm, step, rng):
    notes = [(2.013 + 0.5 * int(rng.integers(0, 60)), 0.3 + rng.random(), int(p)) for p in rng.integers(10, 120, 40)]
    found = score(notes, qpm=qpm)
    seconds = 60 / (qpm or 120)
    times = [(start * seconds, (start + length) * seconds, pitch) for start, length, pitch, _ in notes_of(found)]
    first = min(start for start, *_ in times)
    expected = []
    while (now := first + len(expected) * step) < max(end for _, end, _ in times) - 1e-4:
        pitch = max((p for start, end, p in times if start - 1e-4 <= now < end - 1e-4), default=0)
        expected.append(pitch - 20 if 21 <= pitch <= 108 else 0)
    found_tokens = tokens_of(PitchTokenizer(step), found)
    differing = np.count_nonzero(np.array(found_tokens) != np.array(expected))
    assert len(found_tokens) == len(expected)
    assert differing == 0


def test_equal_pitches_become_one_note_and_rests_none():
    tokenizer = PitchTokenizer(step=0.25)  # half a quarter note at the tempo of what is written
    (back,) = tokenizer.scores([[0, 40, 40, 0, 42, 43, 43, 43]])
    assert notes_of(back) == [(0.5, 1, 60, False), (2, 0.5, 62, False), (2.5, 1.5, 63, False)]
    assert tokens_of(tokenizer, back) == [40, 40, 0, 42, 43, 43, 43]  # from the first note on
    (tune,) = tokenizer.tunes([[40, 40]])
    assert tune.bars is None
    assert tokenizer.decode([[40, 40, 42], [0, 0, 0]]) == ["2 notes, 100% in C major / A minor: C4 D4", "0 notes"]


def test_the_melody_is_read_alone():
    found = add_track(score([(0, 1, 50), (2, 1, 100)]), [(0, 1, 80)])
    assert max(tokens_of(PitchTokenizer(), found)) == 80
    assert set(tokens_of(PitchTokenizer(tracks="melody"), found)) == {60}


def test_drums_have_no_pitch():
    assert PitchTokenizer().units(drums()) == []


def test_transposition_keeps_rests():
    tokenizer = PitchTokenizer()
    rows = np.array([[1, 0, 5], [88, 0, 5], [3, 3, 0]], np.int32)
    assert tokenizer.transposed(rows, 1).tolist() == [[2, 0, 6], [4, 4, 0]]
    assert tokenizer.transposed(rows, -1).tolist() == [[87, 0, 4], [2, 2, 0]]


def test_the_file(tmp_path):
    PitchTokenizer(0.2, "melody").save(tmp_path / "tokenizer.json")
    loaded = load_music_tokenizer(tmp_path / "tokenizer.json")
    assert isinstance(loaded, PitchTokenizer)
    assert (loaded.step, loaded.tracks) == (0.2, "melody")
    (tmp_path / "tokenizer.json").write_text('{"seqgan_tf": {"encoding": "pitches", "tracks": "all", "step": null}}')
    with pytest.raises(
        InputError, match=r"tokenizer.json: `step` must be a number of seconds from 0.01 to 60. Received: None"
    ):
        load_music_tokenizer(tmp_path / "tokenizer.json")


@pytest.mark.parametrize("step", [0, -1, 100, "a", float("nan")])
def test_steps_that_make_no_sense(step):
    with pytest.raises(InputError, match=r"^`step` must be a number of seconds from 0.01 to 60. Received: "):
        PitchTokenizer(step)


def test_labels():
    assert PitchTokenizer().labels([0, 1, 40, 88]) == ["rest", "A0", "C4", "C8"]
