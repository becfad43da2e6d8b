"""Runs on music: what they write, and that they resume and branch as others do."""

import dataclasses
import shutil

import numpy as np
import pytest
import tiny_music
import tiny_runs
from tiny_music import symusic

import seqgan_tf as sg
from seqgan_tf.core.validation import InputError
from seqgan_tf.runs.directory import branch_run, create_run, open_run

CLOSED_AT = {"pretrain generator": 7, "adversarial": 3}


@pytest.fixture(scope="module")
def made(base):
    """A finished run; not to be written to."""
    run = tiny_music.music_run(base)
    assert (run.code, run.err) == (0, "")
    return run


def test_a_folder_of_midi_files_is_music_by_itself(made):
    run = sg.load_run(made.directory)
    settings = run.settings
    assert (settings.task, settings.corpus.bars, settings.corpus.sequence_length) == ("music", 1, 20)
    assert settings.generator.cell == "gru"  # of the preset for music
    assert "56 sequences of tunes, 20 tokens" in made.out
    assert "14 training tunes, 2 validation tunes; 56 training pieces" in made.out
    assert isinstance(run.source.music, sg.RemiTokenizer)
    assert run.tokenizer is None
    lines = run.decode(run.gan.generate(5, seed=1))
    assert [f"  {line}" for line in lines] == [line for line in made.out.splitlines() if line.startswith("  ")][-5:]
    (samples,) = (made.directory / "samples").glob("adversarial-00004.txt")
    assert samples.read_text().splitlines()[:5] == lines


def test_the_tokenizer_of_the_run_decodes(made):
    tokenizer = sg.load_music_tokenizer(made.directory / "tokenizer.json")
    run = sg.load_run(made.directory)
    token_ids = run.corpus.held_out_token_ids
    assert tokenizer.decode(token_ids) == run.decode(token_ids)


def test_a_run_that_is_closed_in_each_phase_ends_as_an_uninterrupted_one(made, tmp_path):
    run = create_run(tmp_path / "run", open_run(made.directory).settings)
    closed = []
    for phase, step in [*CLOSED_AT.items(), (None, None)]:
        steps = run.training(run.restore() if closed else None).run()
        for progress in steps:
            if (progress.phase, progress.step) == (phase, step):
                closed.append(phase)
                break
        steps.close()
        last, run = run, open_run(tmp_path / "run")
    assert closed == list(CLOSED_AT)
    assert tiny_runs.same(tiny_runs.weights(last.gan), tiny_runs.weights(sg.load_run(made.directory).gan))


def test_tunes_that_have_moved_or_changed(made, tmp_path):
    folder = shutil.copytree(made.data, tmp_path / "elsewhere")
    moved = open_run(made.directory, files={"data": folder})
    assert np.array_equal(moved.corpus.train_token_ids, open_run(made.directory).corpus.train_token_ids)
    tiny_music.tune(77).dump_midi(folder / "tune00.mid")
    with pytest.raises(InputError) as error:
        _ = open_run(made.directory, files={"data": folder}).corpus
    expected = f"expected the MIDI files that the run in {made.directory} began with. Received: a changed file"
    assert str(error.value) == f"{folder}: {expected}"


def test_a_run_continues_on_other_tunes_with_its_own_tokenizer(made, tmp_path):
    other = open_run(made.directory)
    folder = tiny_music.write_tunes(tmp_path / "others", count=6, bars=3)
    branch = branch_run(tmp_path / "branch", other.directory, dataclasses.replace(other.settings, data=folder))
    assert len(branch.corpus.train_token_ids) == 5 * 3
    assert branch.source.music.to_dict() == other.source.music.to_dict()
    assert branch.data_digest != other.data_digest


def test_one_pitch_per_step_trains_too(made, tmp_path):
    settings = open_run(made.directory).settings
    corpus = dataclasses.replace(settings.corpus, encoding="pitches", bars=None, sequence_length=6, transpose=1)
    settings = dataclasses.replace(
        settings,
        corpus=corpus,
        pretrain=dataclasses.replace(settings.pretrain, epochs=1),
        adversarial=dataclasses.replace(settings.adversarial, rounds=1),
        rollout=dataclasses.replace(settings.rollout, stride=2),
    )
    run = create_run(tmp_path / "run", settings)
    for _ in run.training().run():
        pass
    token_ids = sg.load_run(tmp_path / "run").gan.generate(4, seed=1)
    assert token_ids.shape == (4, 6)
    assert (token_ids >= 0).all()
    (path, *_) = run.source.music.write(token_ids, tmp_path / "tunes")
    assert symusic.Score(path).end() > 0


def test_a_run_without_or_with_a_damaged_tokenizer(made, tmp_path):
    directory = shutil.copytree(made.directory, tmp_path / "run")
    (directory / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match=r"tokenizer.json: expected a tokenizer of music. Received: encoding 'None'$"):
        open_run(directory)
    (directory / "tokenizer.json").unlink()
    with pytest.raises(InputError, match=r"tokenizer.json: expected a tokenizer file that can be read"):
        open_run(directory)


def test_an_export_has_token_ids(made, tmp_path):
    import tensorflow as tf

    run = sg.load_run(made.directory)
    version = run.gan.export(tmp_path / "served")
    served = tf.saved_model.load(str(version)).signatures
    assert "complete" not in served
    answer = served["generate"](
        seed=tf.constant([[1, 0], [1, 1]]), temperature=tf.constant([1.0, 1.0]), top_p=tf.constant([1.0, 1.0])
    )
    tokenizer = sg.load_music_tokenizer(made.directory / "tokenizer.json")
    assert tokenizer.decode(answer["token_ids"].numpy()) == run.decode(run.gan.generate(2, seed=1))
