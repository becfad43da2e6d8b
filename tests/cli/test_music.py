"""The command line on music: tunes that are trained on, written, continued and measured."""

import importlib.util
import json
import shutil

import matplotlib.image
import numpy as np
import pytest
import tiny_music
import tiny_runs
from tiny_music import notes_of, symusic

import seqgan_tf as sg


@pytest.fixture(scope="module")
def music(base):
    """A finished run on a folder of tunes; not to be written to."""
    return tiny_music.music_run(base)


def test_generate_prints_a_line_per_tune(run, music):
    code, out, err = run("generate", music.directory, "-n", "3")
    assert (code, err) == (0, "")
    opened = sg.load_run(music.directory)
    assert out.splitlines() == opened.decode(opened.gan.generate(3, seed=1))


def test_generate_writes_tunes_and_piano_rolls(run, music, tmp_path):
    folder = tmp_path / "deep" / "tunes"
    code, out, err = run("generate", music.directory, "--output", folder, "-n", "3", "--seed", "4")
    assert (code, err) == (0, "")
    names = [f"{number:04}.{suffix}" for number in (1, 2, 3) for suffix in ("mid", "png")]
    assert sorted(path.name for path in folder.iterdir()) == names
    opened = sg.load_run(music.directory)
    token_ids = opened.gan.generate(3, seed=4)
    expected = opened.source.music.scores(token_ids)
    for number, score in enumerate(expected, start=1):
        assert notes_of(symusic.Score(folder / f"{number:04}.mid")) == notes_of(score)
        picture = matplotlib.image.imread(folder / f"{number:04}.png")
        assert min(picture.shape[:2]) > 300
    assert out.splitlines() == [
        f"{folder / f'{number:04}.mid'}: {line}" for number, line in enumerate(opened.decode(token_ids), start=1)
    ]


def test_without_matplotlib_there_are_no_piano_rolls_and_a_line_says_so(run, music, tmp_path, monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find_spec(name))
    code, out, _ = run("generate", music.directory, "--output", tmp_path / "tunes", "-n", "2")
    assert code == 0
    assert sorted(path.name for path in (tmp_path / "tunes").iterdir()) == ["0001.mid", "0002.mid"]
    assert out.splitlines()[2:] == ["a plot needs matplotlib: pip install 'seqgan-tf[plot]'"]


def test_a_directory_with_files_is_never_replaced(refused, music, tmp_path):
    (tmp_path / "mine.mid").write_bytes(b"mine")
    line = refused("generate", music.directory, "--output", tmp_path)
    expected = f"{tmp_path}: expected a new directory, or an empty one. Received: one with other files"
    assert line == f"seqgan-tf: {expected}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.mid"]
    line = refused("generate", music.directory, "--output", tmp_path / "mine.mid")
    assert line == f"seqgan-tf: {tmp_path / 'mine.mid'}: expected a directory. Received: a file\n"


def test_a_tune_is_continued(run, music, tmp_path):
    corpus = sg.load_run(music.directory).corpus
    score = tiny_music.score([(0, 4, 64)])
    score.dump_midi(tmp_path / "prompt.mid")
    arguments = ["--prompt", tmp_path / "prompt.mid", "--prompt-bars", "1", "-n", "4"]
    code, out, err = run("generate", music.directory, "--output", tmp_path / "tunes", *arguments)
    assert (code, err, out.count("\n")) == (0, "", 4)
    for path in sorted((tmp_path / "tunes").glob("*.mid")):
        assert (0, 4, 64, False) in notes_of(symusic.Score(path))
    (prompt,) = corpus.tokenizer.units(score)
    opened = sg.load_run(music.directory)
    expected = opened.gan.generate(4, seed=1, prompt=prompt)
    assert [line.split(": ", 1)[1] for line in out.splitlines()] == opened.decode(expected)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--prompt", "no.mid"], "no.mid: expected a MIDI file that can be read (No such file or directory)"),
        (["--prompt-bars", "2"], "--prompt-bars needs --prompt, a MIDI file. Received: none"),
        (["--condition", "sad"], "--condition needs a run with conditions. Received: a run without"),
    ],
)
def test_what_generate_refuses(flags, message, refused, music):
    assert refused("generate", music.directory, *flags) == f"seqgan-tf: {message}\n"


def test_flags_of_music_need_a_run_on_music(refused, text, oracle_directory, tmp_path):
    message = "seqgan-tf: --output needs a run on music. Received: a run on other data\n"
    assert refused("generate", text.directory, "--output", tmp_path / "new") == message
    assert refused("generate", oracle_directory, "--output", tmp_path / "new") == message
    line = refused("generate", text.directory, "--prompt", "red", "--prompt-bars", "2")
    assert line == "seqgan-tf: --prompt-bars needs a run on music. Received: a run on text\n"
    assert not (tmp_path / "new").exists()


def test_evaluate_reports_the_metrics_of_music(run, music, tmp_path):
    directory = shutil.copytree(music.directory, tmp_path / "run")
    code, _, err = run("evaluate", directory, "--samples", "20")
    assert (code, err) == (0, "")
    folder = directory / "evaluation"
    report = json.loads((folder / "report.json").read_text())
    assert report["held_out"] == "8 held-out pieces of tunes"
    opened = sg.load_run(directory)
    tunes, held_out = opened.source.music.tunes, opened.corpus.held_out_token_ids
    samples = opened.gan.generate(20, seed=1)[:8]
    measured = report["states"]["after 4 rounds"]["task_metrics"]
    expected = sg.metrics.music_metrics(tunes(samples), tunes(held_out))
    assert {k: np.nan if v is None else v for k, v in measured.items()} == pytest.approx(expected, nan_ok=True)
    real = sg.metrics.music_metrics(tunes(opened.corpus.train_token_ids[:8]), tunes(held_out))
    assert report["real"]["task_metrics"] == pytest.approx(real)
    text = (folder / "report.md").read_text()
    assert "## Task metrics" in text
    assert f"| scale_consistency | {report['states']['pre-trained']['task_metrics']['scale_consistency']:.3f} |" in text


def test_evaluate_measures_on_other_tunes(run, music, tmp_path):
    directory = shutil.copytree(music.directory, tmp_path / "run")
    others = tiny_music.write_tunes(tmp_path / "others", count=3, bars=2)
    code, out, _ = run("evaluate", directory, "--samples", "5", "--data", others)
    assert code == 0
    assert "against 5 pieces of others" in out
    (tmp_path / "one").mkdir()
    tiny_music.tune(5, bars=1).dump_midi(tmp_path / "one" / "a.mid")
    code, _, err = run("evaluate", directory, "--data", tmp_path / "one")
    expected = f"{tmp_path / 'one'}: expected at least 2 pieces to measure on. Received: 1"
    assert (code, err) == (2, f"seqgan-tf: {expected}\n")


def test_runs_on_music_are_compared_by_bleu_4(run, music, tmp_path):
    code, out, err = run("compare", music.directory, "--samples", "8", "--output-dir", tmp_path / "comparison")
    assert (code, err) == (0, "")
    assert "BLEU-4" in out


@pytest.mark.parametrize(
    ("prepare", "flags", "message"),
    [
        (
            lambda folder: None,
            [],
            "expected a file, or a folder with metadata.jsonl or metadata.csv or metadata.parquet or .mid files. "
            "Received: neither",
        ),
        (
            lambda folder: None,
            ["--task", "music"],
            "expected a folder with .mid or .midi files. Received: a folder without",
        ),
        (
            lambda folder: (folder / "a.mid").write_bytes(b"MThd"),
            [],
            "expected a MIDI file with notes. Received: 1 files, all skipped, the first a.mid (damaged)",
        ),
        (
            lambda folder: tiny_music.write_tunes(folder, count=2, bars=3),
            [],
            "expected at least 4 pieces of 5 tokens in the training part, one batch. Received: 3, of 1 tunes",
        ),
    ],
    ids=["none", "none, by its task", "damaged", "few"],
)
def test_folders_that_cannot_be_trained_on(prepare, flags, message, refused, tmp_path):
    folder = tmp_path / "tunes"
    folder.mkdir()
    prepare(folder)
    flags = ["--data", folder, "--output-dir", tmp_path / "run", *tiny_runs.FLAGS, *tiny_music.FLAGS[:2], *flags]
    assert refused("train", *flags) == f"seqgan-tf: {folder}: {message}\n"
    assert not (tmp_path / "run").exists()


def test_music_takes_neither_targets_nor_oracles_and_needs_data(refused, music, base, tmp_path):
    flags = ["--output-dir", tmp_path / "run", *tiny_runs.FLAGS]
    line = refused("train", "--task", "music", *flags, *tiny_music.FLAGS[:2])
    assert line == "seqgan-tf: --task music needs --data, a folder or zip of MIDI files. Received: none\n"
    words = tiny_runs.write_lines(tmp_path / "words.txt")
    flags += ["--data", music.data, "--task", "music", *tiny_music.FLAGS[:2]]
    line = refused("train", *flags, "--target", words)
    assert line == f"seqgan-tf: --target is for text. Received: {words}, with MIDI files\n"
    line = refused("train", *flags, "--oracle-weights", tiny_runs.oracle_npz(base))
    assert line == "seqgan-tf: --oracle-weights is for runs on an oracle. Received: --data too\n"


def test_a_missing_extra_is_named(refused, music, monkeypatch, tmp_path):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "symusic" else find_spec(name))
    line = refused("train", "--data", music.data, "--output-dir", tmp_path / "run")
    assert line == "seqgan-tf: Music needs symusic: pip install 'seqgan-tf[music]'\n"
