"""REMI: what is encoded comes back, token ids are those of miditok, and its file is read by miditok too."""

import json

import miditok
import numpy as np
import pytest
import tiny_music
from tiny_music import add_track, notes_of, score, symusic

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.music_files import load_music_tokenizer
from seqgan_tf.data.remi import DRUMS, RemiTokenizer
from seqgan_tf.data.tunes import Tune, score_of

PIANO_ONLY = RemiTokenizer()


def flat(units):
    return [token for unit in units for token in unit]


def random_notes(draw, step, count=30, bars=6):
    """Notes on a grid of `step` quarter notes; of one pitch none overlaps another."""
    notes = {}
    for _ in range(count):
        start = draw.integers(0, int(4 * bars / step)) * step
        notes[start, int(draw.integers(0, 128))] = step * draw.integers(1, 1 + int(1 / step))
    found, ends = [], {}
    for (start, pitch), length in sorted(notes.items()):
        if start >= ends.get(pitch, 0):
            found.append((start, length, pitch))
            ends[pitch] = start + length
    return found


@pytest.mark.parametrize("step", [1 / 4, 1 / 3])
@pytest.mark.parametrize("signature", [(4, 4), (3, 4), (6, 8), (2, 2), (12, 16)])
def test_a_score_on_the_grid_comes_back(step, signature, rng):
    found = score(random_notes(rng, step), signature=signature)
    units = PIANO_ONLY.units(found)
    (back,) = PIANO_ONLY.scores([flat(units)])
    np.testing.assert_allclose(notes_of(back), notes_of(found), atol=2e-3)
    assert [len(track.notes) for track in found.tracks] == [len(notes_of(found))]  # the score itself is not changed
    assert (found.time_signatures[0].numerator, found.time_signatures[0].denominator) == signature
    # A bar token per bar, as the library counts bars.
    starts = found.get_downbeats() / found.tpq
    assert len(units) == np.count_nonzero(starts <= max(start for start, *_ in notes_of(found)))
    assert PIANO_ONLY.tunes([flat(units)])[0].num_bars == len(units) == Tune.of(found).num_bars


def test_the_tokens_of_a_bar():
    (bar,) = PIANO_ONLY.units(score([(0, 1, 60), (0, 2, 64), (2, 0.5, 127)]))
    assert PIANO_ONLY.tokens(bar) == [
        *("Bar_None", "TimeSig_4/4", "Position_0", "Pitch_60", "Duration_1.0.12", "Pitch_64", "Duration_2.0.12"),
        *("Position_24", "Pitch_127", "Duration_0.6.12"),
    ]
    assert PIANO_ONLY.labels(bar) == [
        *("Bar", "TimeSig 4/4", "Position 0", "Pitch C4", "Duration 1", "Pitch E4", "Duration 2"),
        *("Position 24", "Pitch G9", "Duration 0.5"),
    ]


def test_every_id_is_a_token_and_the_first_one_is_the_end():
    for tokenizer in (PIANO_ONLY, RemiTokenizer([DRUMS, 3, 40], velocities=True)):
        names = tokenizer.tokens(range(tokenizer.vocabulary_size))
        assert len(set(names)) == tokenizer.vocabulary_size
        assert names[tokenizer.end_token_id] == "PAD_None"
        assert [pitch for pitch in tokenizer.pitches if pitch >= 0] == list(range(128))


def test_what_follows_the_end_token_does_not_count():
    row = flat(PIANO_ONLY.units(tiny_music.tune(1)))
    (expected, *others) = PIANO_ONLY.decode([row, [*row, 0, -1, -1], [*row, 0, *row], np.array([*row, -1])])
    assert others == [expected] * 3


def test_instruments_and_drums_have_tokens_where_there_are_several():
    found = add_track(score([(0, 1, 60), (1, 1, 62)], program=40), [(0, 1, 36)], is_drum=True)
    add_track(found, [(0, 4, 30)], program=33)
    tokenizer = RemiTokenizer.of([found])
    assert tokenizer.programs == (DRUMS, 33, 40)
    (back,) = tokenizer.scores([flat(tokenizer.units(found))])
    assert notes_of(back) == notes_of(found)
    assert sorted((track.program, track.is_drum) for track in back.tracks) == [(0, True), (33, False), (40, False)]
    # An instrument that is not in the vocabulary is left out.
    other = add_track(score([(0, 1, 50)], program=7), [(0, 1, 70)], program=33)
    assert [pitch for *_, pitch, _ in notes_of(tokenizer.scores([flat(tokenizer.units(other))])[0])] == [70]
    assert tokenizer.units(score([(0, 1, 50)], program=7)) == []


def test_one_instrument_has_no_tokens_and_plays_everything():
    tokenizer = RemiTokenizer.of([score([(0, 1, 60)], program=40)])
    both = add_track(score([(0, 1, 60)], program=3), [(0, 1, 36)], is_drum=True)
    assert tokenizer.vocabulary_size == PIANO_ONLY.vocabulary_size
    (back,) = tokenizer.scores([flat(tokenizer.units(both))])
    assert [(track.program, len(track.notes)) for track in back.tracks] == [(40, 1)]


def test_the_melody_is_read_alone():
    found = add_track(score([(0, 1, 60)], program=40), [(0, 1, 40)])
    tokenizer = RemiTokenizer.of(
        [found, found, add_track(score([(0, 1, 50)], program=40), [(0, 1, 70)])], tracks="melody"
    )
    assert tokenizer.programs == (40,)
    assert [pitch for *_, pitch, _ in notes_of(tokenizer.scores([flat(tokenizer.units(found))])[0])] == [60]


def test_the_tempo_of_what_is_written_is_the_median():
    tokenizer = RemiTokenizer.of([score([(0, 1, 60)], qpm=qpm) for qpm in (90, 200, 100)])
    assert [tempo.qpm for tempo in tokenizer.scores([[1]])[0].tempos] == [pytest.approx(100, rel=1e-3)]


def test_velocities_are_tokens_if_wanted():
    quiet = score([(0, 1, 60)])
    quiet.tracks[0].notes[0].velocity = 20
    tokenizer = RemiTokenizer.of([quiet], velocities=True)
    (back,) = tokenizer.scores([flat(tokenizer.units(quiet))])
    assert abs(back.tracks[0].notes[0].velocity - 20) <= 4
    assert PIANO_ONLY.scores([flat(PIANO_ONLY.units(quiet))])[0].tracks[0].notes[0].velocity == 100


@pytest.mark.parametrize("semitones", [-5, 3])
def test_a_transposed_tune_is_that_of_the_library(semitones):
    found = add_track(score([(0, 1, 60), (1, 1, 100)], program=40), [(0, 1, 36)], is_drum=True)
    tokenizer = RemiTokenizer.of([found])
    row = np.array([[*flat(tokenizer.units(found)), 0, -1, -1]], np.int32)
    (moved,) = tokenizer.transposed(row, semitones)
    melodic = [track.copy() for track in found.tracks if not track.is_drum]
    expected = [(note.time / found.tpq, note.pitch + semitones) for track in melodic for note in track.notes]
    back = notes_of(tokenizer.scores([moved])[0])
    assert [(start, pitch) for start, _, pitch, is_drum in back if not is_drum] == expected
    assert [pitch for *_, pitch, is_drum in back if is_drum] == [36]
    assert moved[-3:].tolist() == [0, -1, -1]


def test_a_tune_that_would_leave_the_range_has_no_copy():
    rows = [flat(PIANO_ONLY.units(score([(0, 1, pitch)]))) for pitch in (125, 60, 2)]
    rows = np.array(rows, np.int32)
    assert [len(PIANO_ONLY.transposed(rows, shift)) for shift in (3, 2, -2, -3)] == [2, 3, 3, 2]


@pytest.mark.parametrize("tokenizer", [PIANO_ONLY, RemiTokenizer([DRUMS, 0, 3], velocities=True)], ids=["one", "three"])
def test_any_tokens_make_a_file_that_can_be_read(tokenizer, rng, tmp_path):
    rows = [rng.integers(0, tokenizer.vocabulary_size, rng.integers(0, 60)).tolist() for _ in range(60)]
    paths = tokenizer.write(rows, tmp_path / "tunes")
    assert [path.name for path in paths[:2]] == ["0001.mid", "0002.mid"]
    scores = tokenizer.scores(rows)
    for path, expected in zip(paths, scores, strict=True):
        assert symusic.Score(path).note_num() == expected.note_num()
    assert sum(score.note_num() for score in scores) > 0
    assert all(isinstance(line, str) for line in tokenizer.decode(rows))


def test_damaged_files_that_are_read_can_be_encoded(rng):
    whole, count = tiny_music.tune(3).dumps_midi(), 0
    for _ in range(150):
        content = bytearray(whole)
        for place in rng.integers(0, len(content), 3):
            content[place] = rng.integers(256)
        if not isinstance(found := score_of(bytes(content)), str):
            count += 1
            assert isinstance(PIANO_ONLY.units(found), list)
    assert count > 10


# The file


@pytest.mark.parametrize(
    "tokenizer",
    [RemiTokenizer([40], tracks="melody", qpm=93.5), RemiTokenizer([DRUMS, 0, 3], velocities=True)],
    ids=["one", "three"],
)
def test_the_file_is_read_by_this_package_and_by_miditok(tokenizer, tmp_path):
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    loaded = load_music_tokenizer(path)
    assert loaded.to_dict() == tokenizer.to_dict()
    assert (loaded.programs, loaded.tracks, loaded.qpm) == (tokenizer.programs, tokenizer.tracks, tokenizer.qpm)
    theirs = miditok.REMI(params=path)
    assert [theirs[i] for i in range(len(theirs))] == tokenizer.tokens(range(tokenizer.vocabulary_size))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: [], "expected a tokenizer of music. Received: encoding 'None'"),
        (
            lambda content: content | {"seqgan_tf": {"encoding": "abc"}},
            "expected a tokenizer of music. Received: encoding 'abc'",
        ),
        (lambda content: content | {"config": 3}, "expected the config of miditok. Received: none"),
        (
            lambda content: content | {"config": content["config"] | {"pitch_range": [0, 50]}},
            "expected pitch_range = [0, 127]. Received: [0, 50]",
        ),
        (
            lambda content: content | {"config": content["config"] | {"programs": []}},
            "`programs` must be ints from -1 (drums) to 127, one of them at least 0. Received: []",
        ),
        (
            lambda content: content | {"seqgan_tf": content["seqgan_tf"] | {"tracks": "some"}},
            "`tracks` must be one of ['all', 'melody']. Received: 'some'",
        ),
        (
            lambda content: content | {"seqgan_tf": content["seqgan_tf"] | {"qpm": 0}},
            "`qpm` must be a number from 1 to 10000. Received: 0",
        ),
    ],
)
def test_a_file_with_other_rules_is_refused(change, message, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(change(json.loads(json.dumps(PIANO_ONLY.to_dict())))))
    with pytest.raises(InputError) as error:
        load_music_tokenizer(path)
    assert str(error.value) == f"{path}: {message}"


def test_a_file_that_is_no_json(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text("{")
    with pytest.raises(InputError, match=r"tokenizer.json: expected a tokenizer file. Received: no JSON$"):
        load_music_tokenizer(path)
    with pytest.raises(InputError, match=r"no.json: expected a tokenizer file that can be read \(No such file"):
        load_music_tokenizer(tmp_path / "no.json")
