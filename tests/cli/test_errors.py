"""Errors: wrong input is one line and exit code 2; any other error is a traceback and exit code 1."""

import subprocess
import sys

import pytest

from seqgan_tf.cli import main
from seqgan_tf.core.validation import InputError, MissingExtraError
from seqgan_tf.runs import directory


@pytest.mark.parametrize("error", [ValueError, OSError, ImportError, TypeError])
def test_an_error_that_is_not_an_input_error_is_raised(error, monkeypatch, tmp_path):
    def fail(path):
        raise error("not of the input")

    monkeypatch.setattr(directory, "load_run", fail)
    with pytest.raises(error, match="not of the input"):
        main.main(["generate", str(tmp_path)])


def test_an_error_that_is_not_an_input_error_ends_with_a_traceback_and_exit_code_1(tmp_path):
    code = f"""
import sys
from seqgan_tf.cli import main
from seqgan_tf.runs import directory
def fail(path):
    raise ValueError("not of the input")
directory.load_run = fail
sys.exit(main.main(["generate", {str(tmp_path)!r}]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert done.stderr.rstrip().endswith("ValueError: not of the input")


@pytest.mark.parametrize("error", [InputError, MissingExtraError])
def test_an_input_error_is_one_line_with_exit_code_2(error, monkeypatch, refused, tmp_path):
    def fail(path):
        raise error("x: expected\n  this. Received: that")

    monkeypatch.setattr(directory, "load_run", fail)
    assert refused("generate", tmp_path) == "seqgan-tf: x: expected this. Received: that\n"


def test_a_misspelt_flag_gets_a_suggestion(refused):
    line = refused("train", "--generator.hiden-dim", "5")
    assert line == (
        "seqgan-tf: unknown argument --generator.hiden-dim, did you mean --generator.hidden-dim? (see --help)\n"
    )
    assert "did you mean" not in refused("train", "--nonsense")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "--batch-size", "many"], "--batch-size must be INT. Received: many"),
        (["train", "--batch-size=many"], "--batch-size must be INT. Received: many"),
        (["train", "--batch-size", "3", "--seed", "1", "--batch-size", "x"], "--batch-size must be INT. Received: x"),
        (["train", "--batch-size"], "--batch-size must have a value. Received: none"),
        (
            ["train", "--level", "syllable"],
            "--level must be one of char, word, whitespace, bpe, ids. Received: 'syllable'",
        ),
        (["generate"], "missing directory (Directory of the run.)"),
        (["export", "run"], "missing target (Directory of the served model; its name is the model's name.)"),
        (["evaluate", "run", "another"], "unknown argument another"),
        ([], "expected a command: train, generate, evaluate, compare, explain, report, export. Received: nothing"),
    ],
)
def test_the_line_names_the_argument_what_was_expected_and_what_was_received(arguments, expected, refused):
    assert refused(*arguments) == f"seqgan-tf: {expected} (see --help)\n"


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit, check=lambda exit: not exit.code):
        main.main(["--version"])
    assert capsys.readouterr().out.startswith("seqgan-tf ")


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["compare", "--help"]])
def test_help_imports_neither_tensorflow_nor_matplotlib(arguments):
    code = f"""
import sys
from seqgan_tf.cli import main
try:
    main.main({arguments})
except SystemExit:
    pass
print([name for name in ("tensorflow", "keras", "matplotlib", "rich") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
