"""`seqgan-tf evaluate` and `compare`: reports from end to end."""

import json
import shutil

import numpy as np
import pytest
import tiny_runs
from cli_runs import FEW, written
from exact import sequence_probabilities

from seqgan_tf.cli import console
from seqgan_tf.reports import evaluate
from seqgan_tf.runs.directory import open_run

FLAGS = tiny_runs.FLAGS


def test_evaluate_prints_the_report_that_it_writes(run, base, copies, monkeypatch):
    monkeypatch.setattr(evaluate, "ORACLE_SAMPLES", 500)
    whole = tiny_runs.oracle_run(base)
    code, out, err = run("evaluate", copies[0])
    assert (code, err) == (0, "")
    text, report = written(copies[0] / "evaluation")
    assert out == f"{text.rstrip()}\nwritten to {copies[0] / 'evaluation'}\n"
    # It uses the same 5,000 samples and held-out sequences as the evaluations of the run.
    for state, row in (("pre-trained", whole.rows[3]), ("after 4 rounds", whole.rows[-1])):
        likelihood = report["states"][state]["likelihood"]
        assert likelihood["nll_test"] == pytest.approx(row["nll_test"], rel=1e-5)
        assert likelihood["nll_oracle"] == pytest.approx(row["nll_oracle"], rel=1e-5)
        assert f"| {state} | {row['nll_test']:.3f} +- " in text
    assert "sweep" not in report


def test_evaluate_prints_json_and_nothing_else(run, copies, tmp_path):
    published = tmp_path / "published.csv"
    published.write_text("model,nll_test,nll_oracle\nMLE,2.5,2.6\n")
    code, out, err = run("evaluate", copies[1], *FEW, "--seed", "7", "--sweep", "--json", "--published", published)
    assert (code, err) == (0, "")
    text, report = written(copies[1] / "evaluation")
    assert json.loads(out) == report
    assert out.count("\n") == 1
    assert (report["num_samples"], report["num_held_out"], report["seed"]) == (20, 4, 7)
    assert report["sweep"]["after 4 rounds"]["seeds"] == [7, 8, 9]
    (equal,) = report["at_equal_nll_test"]
    assert equal["of"] == ["after 4 rounds", "pre-trained"]
    assert "after 4 rounds against pre-trained at equal NLL-test" in text
    assert (copies[1] / "evaluation" / "sweep.png").stat().st_size > 0


def test_evaluate_keeps_a_directory_with_other_files(refused, copies, monkeypatch):
    monkeypatch.setattr("seqgan_tf.reports.evaluate.evaluate_run", None)
    directory = copies[0] / "evaluation"
    directory.mkdir()
    (directory / "mine.txt").write_text("mine")
    wanted = "expected a new directory, or one with a report.json. Received: one with other files"
    assert refused("evaluate", copies[0]) == f"seqgan-tf: {directory}: {wanted}\n"


def test_evaluate_measures_another_file(run, copies, tmp_path):
    data = tmp_path / "other.txt"
    data.write_text("red cat\nred red red red red red\nblue\n")
    code, out, _ = run("evaluate", copies[1], "--data", data, *FEW)
    assert code == 0
    assert "20 samples at temperature 1, seed 1, against 3 lines of other.txt. 1 of them were cut." in out
    opened = open_run(copies[1])
    opened.restore()
    red, cat, blue = (opened.tokenizer.encode([word])[0][0] for word in ("red", "cat", "blue"))
    token_ids = np.array([[red, cat, 0, -1, -1], [red] * 5, [blue, 0, -1, -1, -1]])
    nll = -np.log(sequence_probabilities(opened.gan.generator, token_ids)).sum() / (3 + 5 + 2)
    found = written(copies[1] / "evaluation")[1]["states"]["after 4 rounds"]["likelihood"]["nll_test"]
    assert found == pytest.approx(nll, rel=1e-5)


def test_the_sweep_of_a_run_in_its_pretraining_has_one_state(run, base, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate, "ORACLE_SAMPLES", 500)
    directory = shutil.copytree(tiny_runs.early_run(base), tmp_path / "run")
    code, _, err = run("evaluate", directory, *FEW, "--sweep", "--sweep-seeds", "2")
    assert (code, err) == (0, "")
    text, report = written(directory / "evaluation")
    assert list(report["states"]) == ["in pre-training"]
    assert (len(report["sweep"]["in pre-training"]["quality"]), report["at_equal_nll_test"]) == (2, [])
    assert "## Temperature sweep" in text
    assert "At equal NLL-test" not in text


@pytest.mark.parametrize("is_terminal", [False, True], ids=["file", "terminal"])
def test_compare_prints_json_and_nothing_else(is_terminal, copies, run, monkeypatch):
    monkeypatch.setattr(console, "console", console.Console(force_terminal=is_terminal, soft_wrap=True))
    code, out, err = run("compare", copies[1], *FEW, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == written(copies[1] / "comparison")[1]


def test_compare_takes_a_quality_and_a_range(copies, run):
    flags = ("--quality", "ms_jaccard_2", "--nll-low", "1.5")
    assert run("compare", copies[1], *FEW, *flags)[0] == 0
    text, report = written(copies[1] / "comparison")
    assert report["quality"] == "MS-Jaccard-2"
    assert "| NLL-test | difference in MS-Jaccard-2 |" in text
    points = report["differences"]["after 4 rounds"]["nll_test"]
    nll_test = [np.min(curve["nll_test"]) for curve in report["curves"].values()]
    assert points[0] == pytest.approx(max(1.5, *nll_test))
