"""Invalid runs, and invalid files for a report, are refused in one line."""

import shutil

import pytest
import tiny_runs
from cli_runs import FEW

import seqgan_tf

FLAGS = tiny_runs.FLAGS


COMMANDS_ON_A_RUN = [
    ["train", "--resume", "--output-dir"],
    ["generate"],
    ["evaluate", *FEW],
    ["compare", *FEW],
]


@pytest.mark.parametrize("command", COMMANDS_ON_A_RUN, ids=lambda command: command[0])
def test_an_unknown_setting_of_another_version_is_refused(command, refused, oracle_directory, tmp_path):
    directory = shutil.copytree(oracle_directory, tmp_path / "run")
    path = directory / "config.toml"
    path.write_text(path.read_text().replace(f'"{seqgan_tf.__version__}"', '"9.9"').replace("hidden_dim", "units"))
    line = refused(*command, directory)
    assert f"{path}: unknown key 'generator.units'. Expected one of [" in line
    assert f"(the run is of version 9.9, this is {seqgan_tf.__version__})" in line


@pytest.mark.parametrize("command", COMMANDS_ON_A_RUN, ids=lambda command: command[0])
def test_a_damaged_checkpoint_is_refused(command, refused, oracle_directory, tmp_path):
    directory = shutil.copytree(oracle_directory, tmp_path / "run")
    name, path = tiny_runs.only_checkpoint(directory, "index")
    path.write_bytes(path.read_bytes()[:20])
    expected = f"{name}: expected a checkpoint of this run. Received: a damaged or foreign file"
    assert expected in refused(*command, directory)


@pytest.mark.parametrize("command", COMMANDS_ON_A_RUN[1:], ids=lambda command: command[0])
def test_a_run_without_a_checkpoint_is_refused(command, refused, oracle_directory, tmp_path):
    directory = shutil.copytree(oracle_directory, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints"))
    assert f"{directory}: expected a checkpoint to resume from. Received: none" in refused(*command, directory)


@pytest.mark.parametrize("command", COMMANDS_ON_A_RUN, ids=lambda command: command[0])
def test_a_directory_without_a_run_is_refused(command, refused, tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        line = refused(*command, path)
        assert str(path) in line
        assert "config.toml" in line


def test_data_that_changed_since_the_run_began_are_refused(refused, text, tmp_path):
    directory, data = shutil.copytree(text.directory, tmp_path / "run"), tmp_path / "words.txt"
    path = directory / "config.toml"
    path.write_text(path.read_text().replace(str(text.data), str(data)))
    assert f"{data}: expected the text file of the run" in refused("train", "--resume", "--output-dir", directory)
    data.write_text("red cat\n" * 40)
    for command in (["train", "--resume", "--output-dir"], ["evaluate"], ["compare"], ["train", "--pretrained"]):
        assert "Received: a changed file" in refused(*command, directory)


def test_a_prompt_or_a_text_file_for_a_run_on_an_oracle_is_refused(refused, oracle_directory, text):
    line = refused("generate", oracle_directory, "--prompt", "red")
    assert "--prompt needs a run on text. Received: a run on an oracle" in line
    line = refused("evaluate", oracle_directory, "--data", text.data)
    assert "--data needs a run on text. Received: a run on an oracle" in line


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "expected a CSV file that can be read"),
        ("model,nll_test\nMLE,9\n", "expected the columns model, nll_test, nll_oracle. Missing: nll_oracle"),
        ("model,nll_test,nll_oracle\nMLE,9,low\n", "expected numbers in line 2. Received: "),
    ],
)
@pytest.mark.parametrize("command", [["evaluate", "--sweep"], ["compare"]], ids=["evaluate", "compare"])
def test_published_curves_that_cannot_be_read_are_refused(
    command, content, message, refused, oracle_directory, tmp_path
):
    path = tmp_path / "published.csv"
    if content is not None:
        path.write_text(content)
    assert f"{path}: {message}" in refused(*command, oracle_directory, "--published", path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "--samples", "1"], "`samples` must be at least 2. Received: 1"),
        (["evaluate", "--sweep", "--sweep-seeds", "0"], "`sweep_seeds` must be at least 1. Received: 0"),
        (["evaluate", "--sweep-seeds", "2"], "--sweep-seeds needs --sweep. Received: 2 without it"),
        (["evaluate", "--quality", "bleu_2"], "--quality needs --sweep. Received: bleu_2 without it"),
        (["evaluate", "--published", "my.csv"], "--published needs --sweep. Received: my.csv without it"),
        (
            ["evaluate", "--sweep", "--quality", "share_parsed"],
            "have: nll_oracle, or one that all have. Received: share",
        ),
        (["compare", "--quality", "share_parsed"], "have: nll_oracle, or one that all have. Received: share_parsed"),
        (["compare", "--nll-low", "9", "--nll-high", "8"], "the lower one first. Received: (9.0, 8.0)"),
        (["compare", "--samples", "1"], "`samples` must be at least 2. Received: 1"),
        (["compare", "--particles", "0"], "`particles` must be at least 1. Received: 0"),
    ],
)
def test_evaluation_settings_outside_their_range_are_refused(arguments, message, refused, oracle_directory):
    assert message in refused(*arguments, oracle_directory)
    assert sorted(path.name for path in oracle_directory.iterdir()) == [
        "checkpoints",
        "config.toml",
        "metrics.csv",
        "oracle.npz",
        "samples",
    ]


def test_runs_that_cannot_be_compared_are_refused(refused, base, oracle_directory, text):
    line = refused("compare", oracle_directory, text.directory, *FEW)
    assert f"{text.directory}: expected a run on the data of {oracle_directory}. Received: other data" in line
    line = refused("compare", text.directory, text.directory, *FEW)
    assert "Received: an equal one" in line
    assert not (text.directory / "comparison").exists()
    early = tiny_runs.early_run(base)
    assert f"{early}: expected a run that has finished its pre-training" in refused("compare", early, *FEW)


def test_a_data_file_that_cannot_be_read_is_refused(refused, text, tmp_path):
    path = tmp_path / "no.txt"
    assert f"{path}: expected a text file that can be read" in refused("evaluate", text.directory, "--data", path)


def test_a_file_of_one_line_cannot_be_measured_on(refused, text, tmp_path):
    path = tmp_path / "one.txt"
    path.write_text("red cat\n")
    assert f"{path}: expected at least 2 lines to measure on. Received: 1" in refused(
        "evaluate", text.directory, "--data", path
    )


def test_a_report_does_not_replace_files_of_another_kind(refused, run, oracle_directory, tmp_path):
    other = tmp_path / "mine"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    line = refused("compare", oracle_directory, *FEW, "--output-dir", other)
    assert f"{other}: expected a new directory, or one with a report.json. Received: one with other files" in line
    assert [path.name for path in other.iterdir()] == ["notes.txt"]
    copy = shutil.copytree(oracle_directory, tmp_path / "run")
    assert "Received: one with other files" in refused("compare", oracle_directory, *FEW, "--output-dir", copy)
    assert (copy / "config.toml").exists()


def test_a_run_does_not_begin_among_the_checkpoints_of_another(refused, base, oracle_directory, tmp_path):
    directory = shutil.copytree(oracle_directory, tmp_path / "run")
    (directory / "config.toml").unlink()
    oracle = ["--oracle-weights", tiny_runs.oracle_npz(base), "--corpus.oracle-sequences", "10", *tiny_runs.FLAGS]
    line = refused("train", "--output-dir", directory, *oracle, "--seed", "7")
    assert f"{directory}: expected a directory without checkpoints/. Received: one of another run" in line


def test_a_negative_number_of_rounds_is_refused_on_resume(refused, oracle_directory):
    line = refused("train", "--resume", "--output-dir", oracle_directory, "--adversarial.rounds", "-3")
    assert "`adversarial.rounds` must be at least 0. Received: -3" in line
