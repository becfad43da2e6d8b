"""`seqgan-tf train --controls`: ablations from the pre-training of a run."""

import contextlib
import io
import shutil
import signal
import types

import numpy as np
import pytest
import tiny_runs
from cli_runs import FEW, rows_without_seconds, written
from exact import sequence_probabilities

from seqgan_tf.cli import console, main
from seqgan_tf.core.phases import ADVERSARIAL
from seqgan_tf.runs import presets
from seqgan_tf.runs.directory import open_run

FLAGS = tiny_runs.FLAGS


@pytest.fixture(scope="module")
def with_controls(base):
    """A copy of the run on an oracle with its controls, the first of them interrupted in its first round.

    Returns:
        directory; outcomes, (code, out) of the two commands; steps, (phase, step) of every step of both.
    """
    directory = shutil.copytree(tiny_runs.oracle_run(base).directory, base / "with-controls")
    watch, steps, outcomes = console.watch, [], []

    def watch_and_interrupt(progress_of_run, is_stopped, rows):
        def recorded_progress():
            for progress in progress_of_run:
                if not steps:
                    signal.raise_signal(signal.SIGINT)
                steps.append((progress.phase, progress.step))
                yield progress

        return watch(recorded_progress(), is_stopped, rows)

    handlers = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "watch", watch_and_interrupt)
        for _ in range(2):
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                code = main.main(["train", "--resume", "--output-dir", str(directory), "--controls"])
            outcomes.append((code, out.getvalue()))
    for name, handler in handlers.items():
        signal.signal(name, handler)
    return types.SimpleNamespace(directory=directory, outcomes=outcomes, steps=steps)


def test_controls_are_trained_from_the_pretraining_of_the_run(with_controls, oracle_directory):
    directory, (code, out) = with_controls.directory, with_controls.outcomes[1]
    assert code == 0
    assert rows_without_seconds(directory) == rows_without_seconds(oracle_directory)
    directories = [directory, *(directory / "controls" / name for name in ("constant", "noise", "likelihood"))]
    ends = set()
    for path in directories:
        rows = rows_without_seconds(path)
        assert rows[:4] == rows_without_seconds(oracle_directory)[:4]
        assert [(row["phase"], row["step"]) for row in rows[4:]] == [("adversarial", "2"), ("adversarial", "4")]
        ends.add(rows[-1]["nll_test"])
    assert len(ends) == 4
    settings = open_run(directory).settings
    for name, path in zip(("constant", "noise", "likelihood"), directories[1:], strict=True):
        assert open_run(path).settings == presets.control(settings, name)
        assert f"\ncontrol: {name}\n" in out
    command = out.splitlines()[-1]
    assert command == f"to compare them: seqgan-tf compare {' '.join(map(str, directories))}"


def test_an_interrupted_control_resumes_where_it_stopped(with_controls):
    code, out = with_controls.outcomes[0]
    assert code == 130
    again = f"seqgan-tf train --resume --output-dir {with_controls.directory} --controls"
    assert out.splitlines()[-1] == f"stopped; to continue: {again}"
    # The run itself has no steps left. Each control does its four rounds, each of them once.
    assert with_controls.steps == [(ADVERSARIAL, step) for step in (1, 2, 3, 4)] * 3


def test_compare_compares_a_run_with_its_controls(with_controls, run, tmp_path):
    directory = with_controls.directory
    directories = [directory, directory / "controls" / "noise", directory / "controls" / "likelihood"]
    code, out, err = run("compare", *directories, *FEW, "--seed", "3", "--output-dir", tmp_path / "report")
    assert (code, err) == (0, "")
    text, report = written(tmp_path / "report")
    assert out == f"{text.rstrip()}\nwritten to {tmp_path / 'report'}\n"
    assert list(report["curves"]) == [
        "pre-trained",
        "after 4 rounds",
        "after 4 rounds, noise control",
        "after 4 rounds, likelihood control",
    ]
    assert report["runs"]["pre-trained"] == [str(directory)]
    assert not (directory / "comparison").exists()
    opened = open_run(directories[1])
    opened.restore()
    held_out = opened.corpus.test_token_ids[:20]
    curve = report["curves"]["after 4 rounds, noise control"]
    nll = -np.log(sequence_probabilities(opened.gan.generator, held_out)).mean() / 5
    assert curve["nll_test"][0][curve["alphas"].index(1)] == pytest.approx(nll, rel=1e-5)
    samples = opened.gan.generate(20, seed=3)
    quality = -np.log(sequence_probabilities(opened.oracle, samples)).mean() / 5
    assert curve["quality"][0][curve["alphas"].index(1)] == pytest.approx(quality, rel=1e-5)


def test_ablations_of_another_run_are_not_taken_for_those_of_this_one(with_controls, run, tmp_path):
    directory = shutil.copytree(with_controls.directory, tmp_path / "run")
    path = directory / "controls" / "constant" / "config.toml"
    path.write_text(path.read_text().replace("learning_rate = 0.02", "learning_rate = 0.01"))
    code, _, err = run("train", "--resume", "--output-dir", directory, "--controls")
    expected = (
        f"{directory}/controls/constant: expected the constant ablation of {directory}. Received: a run with another"
    )
    assert (code, err) == (2, f"seqgan-tf: {expected} adversarial.learning_rate\n")


def test_a_resumed_run_keeps_its_new_number_of_rounds(run, oracle_directory, tmp_path):
    directory = shutil.copytree(oracle_directory, tmp_path / "run")
    assert run("train", "--resume", "--output-dir", directory, "--adversarial.rounds", "5")[0] == 0
    assert open_run(directory).settings.adversarial.rounds == 5
