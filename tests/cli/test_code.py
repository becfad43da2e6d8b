"""The command line on Python source files."""

import ast
import shutil

import pytest
import tiny_runs
from cli_runs import written

import seqgan_tf as sg

FLAGS = tiny_runs.FLAGS


@pytest.fixture(scope="module")
def code(base):
    """A finished run on functions; not to be written to."""
    made = tiny_runs.code_run(base)
    assert (made.code, made.err) == (0, "")
    return made


def cells(text):
    """What is after each line # %%."""
    first, *found = ("\n" + text).split("\n# %%\n")
    assert first == ""
    return found


def test_the_functions_of_files_are_read_as_byte_pairs(code):
    run = sg.load_run(code.directory)
    assert (run.settings.task, run.settings.level, run.tokenizer.level) == ("code", "bpe", "bpe")
    assert "36 sequences of sources, 30 tokens, vocabulary 280" in code.out
    texts = run.decode(run.corpus.train_token_ids) + run.decode(run.corpus.held_out_token_ids)
    assert len(texts) == 40
    assert all(ast.parse(text).body[0].name == text[4 : text.index("(")] for text in texts)


def test_samples_are_printed_after_a_line_each(code, run):
    opened = sg.load_run(code.directory)
    prompt = "def red0(x):\n    return"
    _, out, err = run("generate", code.directory, "--num-samples", "7", "--seed", "3", "--prompt", prompt)
    expected = opened.decode(opened.gan.generate(7, seed=3, prompt=opened.tokenizer.encode([prompt])[0]))
    assert err == ""
    assert cells(out.removesuffix("\n")) == expected
    assert all(text.startswith(prompt) for text in expected)
    samples = (code.directory / "samples" / "adversarial-00004.txt").read_text()
    assert len(cells(samples)) == 10
    assert code.out.count("\n  # %%\n") == 5


def test_the_report_has_the_share_that_parses_beside_that_of_real_functions(code, run, tmp_path):
    directory = shutil.copytree(code.directory, tmp_path / "run")
    code_, _, err = run("evaluate", directory, "--samples", "20", "--sweep", "--sweep-seeds", "1")
    assert (code_, err) == (0, "")
    text, report = written(directory / "evaluation")
    opened = sg.load_run(directory)
    for name, state in report["states"].items():
        if name != "pre-trained":
            generated = opened.decode(opened.gan.generate(20, seed=1))[: report["num_held_out"]]
            assert state["task_metrics"]["share_parsed"] == sg.metrics.parse_share(generated).share
    assert report["real"]["task_metrics"]["share_parsed"] == 1
    assert "| share_parsed |" in text
    assert report["sweep"]["quality"] == "share parsed"
    assert "4 held-out functions of sources" in text


def test_it_can_be_measured_on_other_files(code, run, refused, tmp_path):
    directory = shutil.copytree(code.directory, tmp_path / "run")
    other = tiny_runs.write_sources(tmp_path / "other", count=8)
    (other / "long.py").write_text("def f():\n" + "    x = 1\n" * 40)
    code_, _, err = run("evaluate", directory, "--samples", "20", "--data", other / "*.py")
    assert (code_, err) == (0, "")
    text, report = written(directory / "evaluation")
    assert "8 functions of *.py" in text
    assert (report["num_held_out"], report["num_cut"], report["real"]["task_metrics"]["share_parsed"]) == (8, 0, 1)
    (other / "m0.py").unlink()
    (other / "m1.py").unlink()
    line = refused("evaluate", directory, "--samples", "20", "--data", other)
    assert line == f"seqgan-tf: {other}: expected at least 2 functions to measure on. Received: 0\n"


def test_a_run_is_resumed_on_the_same_files_alone(code, run, refused, tmp_path):
    directory, sources = shutil.copytree(code.directory, tmp_path / "run"), tmp_path / "sources"
    shutil.copytree(code.data, sources)
    resume = ["train", "--resume", "--output-dir", directory, "--data", sources, "--adversarial.rounds"]
    assert run(*resume, "5")[0] == 0
    with (sources / "m3.py").open("a") as file:
        file.write("# more\n")
    assert f"{sources}: expected the source files that the run in {directory} began with" in refused(*resume, "6")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--level", "word"], "`level` must be one of ['bpe', 'char'] for code. Received: 'word'"),
        (["--target", "x.py"], "x.py: expected no second file for the task 'code'. Received: one"),
        (
            ["--corpus.sequence-length", "5"],
            "expected at least 4 functions of at most 4 tokens for training, one batch",
        ),
    ],
)
def test_what_is_no_code_is_refused(flags, message, code, refused, tmp_path):
    directory = tmp_path / "run"
    assert message in refused("train", "--data", code.data, "--task", "code", "--output-dir", directory, *FLAGS, *flags)
    assert not directory.exists()


def test_a_folder_without_files_is_refused(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "**" / "*.py"):
        line = refused("train", "--data", path, "--task", "code", "--output-dir", tmp_path / "run", *FLAGS)
        assert line.startswith(
            f"seqgan-tf: {path}: expected a folder with .py files, or a pattern such as 'src/**/*.py'"
        )
