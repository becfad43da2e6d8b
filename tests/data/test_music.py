"""A corpus of MIDI files: which tunes are in which part, how they are cut, and what is reported."""

import shutil

import numpy as np
import pytest
import tiny_music
from tiny_music import notes_of, score, symusic

import seqgan_tf as sg
from seqgan_tf.core.protocols import Corpus
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.midi_files import read_midi_files
from seqgan_tf.data.tune_files import TuneFiles

SMALL = {"bars": 1, "sequence_length": 20, "batch_size": 4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sixteen tunes of four bars; not to be written to."""
    return tiny_music.write_tunes(tmp_path_factory.mktemp("music") / "tunes")


def rows(token_ids):
    return [[int(token) for token in row if token >= 0] for row in token_ids]


def tokens_of_files(folder, tokenizer):
    """{name: the token ids of the tune, bar after bar}."""
    found = {}
    for path in sorted(folder.rglob("*.mid")):
        found[path.name] = [token for unit in tokenizer.units(symusic.Score(path)) for token in unit]
    return found


def holds(tune, piece):
    return any(tune[i : i + len(piece)] == piece for i in range(len(tune)))


def test_a_corpus_keeps_the_contract(folder):
    corpus = sg.MusicCorpus(folder, **SMALL)
    assert isinstance(corpus, Corpus)
    assert corpus.task == "music"
    assert (corpus.vocabulary_size, corpus.end_token_id) == (corpus.tokenizer.vocabulary_size, 0)
    for dataset in (corpus.train, corpus.train_by_length):
        batches = [batch.numpy() for batch in dataset]
        assert sum(map(len, batches)) == len(corpus.train_token_ids)
        assert all(len(batch) <= 4 for batch in batches)
    assert next(iter(corpus.validation)).shape == (4, 20)
    assert corpus.held_out_token_ids is corpus.validation_token_ids


def test_every_tune_is_in_one_part_as_a_whole_and_nothing_is_lost(folder):
    corpus = sg.MusicCorpus(folder, validation_split=0.3, sequence_length=40, batch_size=4)
    assert corpus.num_tunes == {"training": 11, "validation": 5}
    tunes = tokens_of_files(folder, corpus.tokenizer)
    parts = {"training": rows(corpus.train_token_ids), "validation": rows(corpus.validation_token_ids)}
    for pieces in parts.values():
        assert all(piece[0] == corpus.tokenizer.bar_token_id and piece[-1] == 0 for piece in pieces)
    owners = {name: set() for name in parts}
    for name, pieces in parts.items():
        for file, tune in tunes.items():
            if any(holds(tune, piece[:-1]) for piece in pieces):
                owners[name].add(file)
        assert sum(len(piece) - 1 for piece in pieces) == sum(len(tunes[file]) for file in owners[name])
    assert owners["training"] | owners["validation"] == tunes.keys()
    assert not owners["training"] & owners["validation"]


def test_the_split_depends_on_the_contents_alone(folder, tmp_path):
    contents = {f"deep/{i}-{name}": content for i, (name, content) in enumerate(read_midi_files(folder))}
    zipped = tiny_music.zipped(tmp_path / "all.zip", dict(reversed(contents.items())))
    first, second = (sg.MusicCorpus(place, **SMALL) for place in (folder, zipped))
    assert first.digest == second.digest
    np.testing.assert_array_equal(first.train_token_ids, second.train_token_ids)
    np.testing.assert_array_equal(first.validation_token_ids, second.validation_token_ids)
    other = sg.MusicCorpus(folder, **SMALL, seed=1)
    assert sorted(rows(first.validation_token_ids)) != sorted(rows(other.validation_token_ids))
    assert other.digest == first.digest
    more = shutil.copytree(folder, tmp_path / "more")
    tiny_music.tune(99).dump_midi(more / "another.mid")
    held_out, with_one_more = (TuneFiles.read(place).held_out(0.25, 0) for place in (folder, more))
    assert len(held_out & with_one_more) >= 3
    assert sg.MusicCorpus(more, **SMALL).digest != first.digest


def test_the_first_pieces_are_of_many_tunes(folder):
    corpus = sg.MusicCorpus(folder, **SMALL)
    tunes = tokens_of_files(folder, corpus.tokenizer)
    first = rows(corpus.train_token_ids)[:14]
    assert len({name for piece in first for name, tune in tunes.items() if holds(tune, piece[:-1])}) > 7


def test_pieces_of_some_bars_have_these_bars(folder):
    corpus = sg.MusicCorpus(folder, bars=3, batch_size=4)
    lengths = [len(row) for row in rows(corpus.train_token_ids)]
    assert sorted(tune.num_bars for tune in corpus.tokenizer.tunes(corpus.train_token_ids)) == [1] * 14 + [3] * 14
    assert max(lengths) <= corpus.sequence_length == int(np.quantile(lengths, 0.99, method="higher"))


def test_pieces_of_some_tokens_have_as_many_whole_bars_as_fit(folder):
    corpus = sg.MusicCorpus(folder, sequence_length=35, batch_size=4)
    expected = []
    for path in folder.iterdir():
        pieces = [[]]
        for bar in corpus.tokenizer.units(symusic.Score(path)):
            if len(pieces[-1]) + len(bar) + 1 > 35:
                pieces.append([])
            pieces[-1] += bar
        expected += [[*piece, 0] for piece in pieces]
    found = rows(corpus.train_token_ids) + rows(corpus.validation_token_ids)
    assert sorted(found) == sorted(expected)
    assert len({len(piece) for piece in found}) > 3


def test_pieces_that_are_too_long_are_cut_and_counted(folder):
    corpus = sg.MusicCorpus(folder, bars=2, sequence_length=16, batch_size=4)
    ended = [row[-1] == 0 for row in rows(np.concatenate([corpus.train_token_ids, corpus.validation_token_ids]))]
    assert all(ended)  # one bar of at most 14 tokens and the end token always fit
    assert f"{corpus.num_cut} pieces are longer than 16 tokens and were cut" in corpus.notes
    assert corpus.num_cut == 16 * 2
    short = sg.MusicCorpus(folder, bars=2, sequence_length=8, batch_size=4)
    assert not any(row[-1] == 0 for row in rows(short.train_token_ids))


def test_copies_in_other_keys_are_of_the_training_part_alone(folder):
    plain, more = (sg.MusicCorpus(folder, **SMALL, transpose=shift) for shift in (0, 2))
    count = len(plain.train_token_ids)
    assert len(more.train_token_ids) == 5 * count
    np.testing.assert_array_equal(more.validation_token_ids, plain.validation_token_ids)
    expected = []
    for found in plain.tokenizer.scores(plain.train_token_ids):
        expected += [notes_of(found.shift_pitch(shift)) for shift in range(-2, 3)]
    assert sorted(expected) == sorted(notes_of(found) for found in more.tokenizer.scores(more.train_token_ids))
    note = f"{4 * count} copies of training pieces, at most 2 semitones higher or lower, were added"
    assert note in more.notes
    assert not any("copies" in note for note in plain.notes)


def test_copies_that_would_leave_the_range_are_counted(tmp_path):
    for number in range(6):
        score([(0, 1, 127), (1, 1, 60 + number)]).dump_midi(tmp_path / f"{number}.mid")
    corpus = sg.MusicCorpus(tmp_path, bars=1, batch_size=2, transpose=1)
    assert len(corpus.train_token_ids) == 5 + 5  # and one semitone lower
    assert corpus.notes[-1] == (
        "5 copies of training pieces, at most 1 semitone higher or lower, were added; 5 would leave the range of "
        "pitches and were left out"
    )


def test_one_pitch_per_step_fills_all_steps(folder):
    corpus = sg.MusicCorpus(folder, encoding="pitches", sequence_length=7, batch_size=4, step_seconds=0.5)
    assert corpus.end_token_id is None
    assert corpus.train_token_ids.shape == (14 * 2, 7)  # 16 steps each, the last two of which are left out
    assert (corpus.train_token_ids >= 0).all()
    assert "16 ends of tunes are shorter than 7 tokens: left out" in corpus.notes
    first = symusic.Score(sorted(folder.iterdir())[0])
    expected = [token for (token,) in corpus.tokenizer.units(first)]
    everything = np.concatenate([corpus.train_token_ids, corpus.validation_token_ids]).tolist()
    assert expected[:7] in everything
    assert expected[7:14] in everything


def test_files_that_cannot_be_used_are_named_skipped_and_counted(folder, tmp_path):
    mixed = shutil.copytree(folder, tmp_path / "mixed")
    (mixed / "empty.mid").write_bytes(b"")
    (mixed / "cut.mid").write_bytes((folder / "tune00.mid").read_bytes()[:60])
    (mixed / "noise.mid").write_bytes(b"noise" * 50)
    tiny_music.drums().dump_midi(mixed / "drums.mid")
    score([]).dump_midi(mixed / "silent.mid")
    shutil.copy(folder / "tune00.mid", mixed / "twice.mid")
    corpus = sg.MusicCorpus(mixed, **SMALL)
    assert corpus.notes[1:] == [
        "2 files skipped (damaged): cut.mid, noise.mid",
        "1 file skipped (drums only): drums.mid",
        "1 file skipped (empty): empty.mid",
        "1 file skipped (no notes): silent.mid",
        "1 file skipped (equal to another file): twice.mid",
    ]
    assert sum(corpus.num_tunes.values()) == 16
    assert corpus.skipped["cut.mid"] == "damaged"


def test_of_many_skipped_files_some_are_named(folder, tmp_path):
    mixed = shutil.copytree(folder, tmp_path / "mixed")
    for number in range(13):
        (mixed / f"x{number:02}.mid").write_bytes(b"")
    names = ", ".join(f"x{number:02}.mid" for number in range(10))
    assert f"13 files skipped (empty): {names} and 3 more" in sg.MusicCorpus(mixed, **SMALL).notes


def test_own_validation_and_test_tunes(folder, tmp_path):
    others = [tiny_music.write_tunes(tmp_path / str(bars), count=2, bars=bars) for bars in (5, 6)]
    corpus = sg.MusicCorpus(folder, **SMALL, validation=others[0], test=others[1])
    assert corpus.num_tunes == {"training": 16, "validation": 2, "test": 2}
    assert (len(corpus.train_token_ids), len(corpus.validation_token_ids)) == (64, 10)
    assert corpus.held_out_token_ids is corpus.test_token_ids
    assert len(corpus.test_token_ids) == 12


def test_held_out_tunes_of_other_instruments_are_named(folder, tmp_path):
    other = score([(0, 1, 60), (1, 1, 62)], program=5)
    tiny_music.add_track(tiny_music.add_track(tiny_music.tune(50), [(0, 4, 40)], program=32), []).dump_midi(
        shutil.copytree(folder, tmp_path / "two") / "bass.mid"
    )
    (tmp_path / "test").mkdir()
    other.dump_midi(tmp_path / "test" / "organ.mid")
    tiny_music.tune(51).dump_midi(tmp_path / "test" / "piano.mid")
    corpus = sg.MusicCorpus(tmp_path / "two", **SMALL, validation=folder, test=tmp_path / "test")
    assert "1 file skipped (no note in the vocabulary): organ.mid" in corpus.notes


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"encoding": "abc"}, "`encoding` must be one of ['remi', 'pitches']. Received: 'abc'"),
        ({"tracks": "some"}, "`tracks` must be one of ['all', 'melody']. Received: 'some'"),
        ({"bars": 0}, "`bars` must be at least 1. Received: 0"),
        (
            {"encoding": "pitches", "bars": 2},
            "`bars` must be None for the encoding 'pitches', which has none. Received: 2",
        ),
        ({"transpose": 12}, "`transpose` must be from 0 to 11 semitones. Received: 12"),
        ({"transpose": 1.5}, "`transpose` must be an int. Received: 1.5"),
        ({"sequence_length": 1}, "`sequence_length` must be at least 2. Received: 1"),
        ({"validation_split": 1.0}, "`validation_split` must be between 0 and 1. Received: 1.0"),
        (
            {"batch_size": 999},
            "{folder}: expected at least 999 pieces of 20 tokens in the training part, one batch. "
            "Received: 56, of 14 tunes",
        ),
    ],
)
def test_settings_that_make_no_sense(settings, message, folder):
    with pytest.raises(InputError) as error:
        sg.MusicCorpus(folder, **(SMALL | ({"bars": None} if "encoding" in settings else {}) | settings))
    assert str(error.value) == message.format(folder=folder)


def test_one_tune_cannot_be_split(tmp_path):
    tiny_music.tune(1).dump_midi(tmp_path / "a.mid")
    with pytest.raises(InputError) as error:
        sg.MusicCorpus(tmp_path, **SMALL)
    expected = "expected at least 2 tunes, one of them to be held out. Received: 1"
    assert str(error.value) == f"{tmp_path}: {expected}"


def test_a_folder_of_which_nothing_can_be_used(tmp_path):
    (tmp_path / "a.mid").write_bytes(b"")
    tiny_music.drums().dump_midi(tmp_path / "b.mid")
    with pytest.raises(InputError) as error:
        sg.MusicCorpus(tmp_path)
    expected = "expected a MIDI file with notes. Received: 2 files, all skipped, the first a.mid (empty)"
    assert str(error.value) == f"{tmp_path}: {expected}"
