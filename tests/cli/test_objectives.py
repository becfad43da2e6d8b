"""Objectives of the user's own on the command line: who may name them, and what becomes of their values."""

import csv
import sys

import pytest
import tiny_runs

import seqgan_tf as sg
from seqgan_tf.runs.directory import open_run

CODE = """
from pathlib import Path

Path("imported").write_text("")


def cats(completions, prompts=None, **columns):
    Path("prompts").write_text(str(prompts))
    return [text.split().count("cat") for text in completions]


def fails(completions, **columns):
    raise KeyError("no such animal")


number = 3
"""
FLAGS = [*tiny_runs.FLAGS, "--pretrain.epochs", "1", "--pretrain.discriminator-steps", "1", "--adversarial.rounds", "2"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The current directory, with a module of objectives and a text."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "animals.py").write_text(CODE)
    tiny_runs.write_lines(tmp_path / "words.txt")
    yield tmp_path
    sys.modules.pop("animals", None)


@pytest.fixture
def trained(here, run):
    """A finished run with an objective; the module has been forgotten."""
    objective = ["--reward.objective", "animals:cats", "--reward.objective-weight", "0.5"]
    code, out, err = run("train", "--data", "words.txt", "--output-dir", "run", *objective, *FLAGS)
    assert (code, err) == (0, "")
    assert "objective cats" in out
    forget(here)
    return here / "run"


def forget(here):
    sys.modules.pop("animals", None)
    (here / "imported").unlink(missing_ok=True)


def rows_of(directory):
    with open(directory / "metrics.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_the_mean_of_an_objective_is_a_column(trained):
    last = rows_of(trained)[-1]
    assert 0 <= float(last["objective_cats"]) <= 4
    assert 0 <= float(last["log_odds" if "log_odds" in last else "probability"]) <= 3
    assert (trained.parent / "prompts").read_text() == "None"


def test_nothing_but_training_imports_the_objective(trained, run):
    assert run("generate", trained)[0] == 0
    assert run("evaluate", trained, "--samples", "20")[0] == 0
    assert sg.load_run(trained).gan.generate(2, seed=1).shape == (2, 5)
    assert not (trained.parent / "imported").exists()


def test_a_run_directory_must_be_trusted_to_be_resumed(trained, run):
    arguments = ["train", "--resume", "--output-dir", trained, "--adversarial.rounds", "3"]
    code, _, err = run(*arguments)
    expected = f"{trained}: expected --trust-objective, to import animals:cats, its objective. Received: no such flag"
    assert (code, err) == (2, f"seqgan-tf: {expected}\n")
    assert not (trained.parent / "imported").exists()
    code, _, err = run(*arguments, "--trust-objective")
    assert (code, err, rows_of(trained)[-1]["step"]) == (0, "", "3")


def test_a_file_of_settings_must_be_trusted(here, run):
    (here / "settings.toml").write_text('data = "words.txt"\n[reward]\nobjective = "animals:cats"\n')
    arguments = ["train", "--config", "settings.toml", "--output-dir", "run", *FLAGS]
    code, _, err = run(*arguments)
    expected = "--trust-objective must be given to import animals:cats, which a file names. Received: no such flag"
    assert (code, err) == (2, f"seqgan-tf: {expected}\n")
    assert not (here / "imported").exists()
    assert run(*arguments, "--trust-objective")[0] == 0


def test_a_branch_of_a_run_with_an_objective_must_be_trusted(trained, run):
    arguments = ["train", "--pretrained", trained, "--output-dir", "branch"]
    assert "--trust-objective must be given" in run(*arguments)[2]
    assert run(*arguments, "--trust-objective")[0] == 0
    assert run(*arguments[:3], "--output-dir", "other", "--reward.objective", "none")[0] == 0
    assert "objective_cats" not in rows_of(trained.parent / "other")[-1]


def test_an_objective_of_a_run_with_conditions_gets_their_prompts(here, run):
    sources, targets = tiny_runs.write_pairs(here)
    flags = [*FLAGS, *tiny_runs.CONDITIONAL_FLAGS, "--reward.objective", "animals:cats"]
    code, _, err = run("train", "--data", sources, "--target", targets, "--output-dir", "run", *flags)
    assert (code, err) == (0, "")
    prompts = (here / "prompts").read_text()
    assert any(colour in prompts for colour in tiny_runs.COLOURS)


def test_the_ablations_keep_the_objective(here, run):
    flags = [*FLAGS, "--reward.objective", "animals:cats", "--controls", "--adversarial.rounds", "1"]
    code, _, err = run("train", "--data", "words.txt", "--output-dir", "run", *flags)
    assert (code, err) == (0, "")
    settings = open_run(here / "run" / "controls" / "noise").settings
    assert (settings.reward.objective, settings.adversarial.control) == ("animals:cats", "noise")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("animals", "--reward.objective must be package.module:function. Received: animals"),
        (
            "no_such_module:f",
            "--reward.objective no_such_module:f: expected a module that can be imported. "
            "Received: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        ("animals:dogs", "--reward.objective animals:dogs: expected a function 'dogs' in animals. Received: none"),
        (
            "animals:number",
            "--reward.objective animals:number: expected a function 'number' in animals. Received: none",
        ),
    ],
)
def test_an_objective_that_cannot_be_imported(name, message, here, run):
    code, _, err = run("train", "--data", "words.txt", "--output-dir", "run", "--reward.objective", name, *FLAGS)
    assert code == 2
    assert err.startswith(f"seqgan-tf: {message}")
    assert not (here / "run").exists()


def test_an_objective_that_fails_names_itself_before_the_training(here, run):
    flags = ["--reward.objective", "animals:fails", *FLAGS]
    code, _, err = run("train", "--data", "words.txt", "--output-dir", "run", *flags)
    assert code == 2
    assert "fails" in err.splitlines()[-1]
    assert "no such animal" in err.splitlines()[-1]


def test_a_weight_below_0(here, run):
    flags = ["--reward.objective", "animals:cats", "--reward.objective-weight", "-1", *FLAGS]
    code, _, err = run("train", "--data", "words.txt", "--output-dir", "run", *flags)
    assert code == 2
    assert "Received: -1" in err
