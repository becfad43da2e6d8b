"""The command line: runs from end to end, and one clear line for whatever can not be worked with."""

import contextlib
import csv
import dataclasses
import importlib.util
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import types

import numpy as np
import pytest
import tiny_runs
from exact import sequence_probabilities

import seqgan_tf
from seqgan_tf import cli, commands, config, evaluation, run_directory, terminal
from seqgan_tf.training import ADVERSARIAL

FLAGS = tiny_runs.FLAGS


@pytest.fixture(autouse=True)
def signals():
    """`train` takes over Ctrl-C; the test process wants it back."""
    handlers = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    yield
    for name, handler in handlers.items():
        signal.signal(name, handler)


@pytest.fixture(scope="module")
def oracle_directory(base):
    """A finished run on an oracle; not to be written to."""
    return tiny_runs.oracle_run(base).directory


@pytest.fixture(scope="module")
def text(base):
    """A finished run on text, and what its command printed; not to be written to."""
    return tiny_runs.text_run(base)


def start(arguments, **settings):
    """The command as a process of its own, in the environment of a user."""
    environment = {k: v for k, v in os.environ.items() if k not in ("TF_CPP_MIN_LOG_LEVEL", "COLUMNS")}
    command = [sys.executable, "-m", "seqgan_tf", *map(str, arguments)]
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        **settings,
    )


def phases_and_steps(directory):
    try:
        with open(directory / "metrics.csv", newline="") as file:
            return [(row["phase"], int(row["step"])) for row in csv.DictReader(file)]
    except FileNotFoundError:
        return []


# Training from end to end


def test_training_on_an_oracle_prints_what_it_did_and_nothing_on_stderr(base, tmp_path):
    directory = tmp_path / "run"
    oracle = ["--oracle-weights", tiny_runs.oracle_npz(base), "--corpus.oracle-sequences", "10"]
    out, err = start(["train", "--output-dir", directory, *oracle, *FLAGS]).communicate(timeout=300)
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == f"10 sequences of the oracle, 5 tokens, vocabulary 12; run directory {directory}"
    evaluations = [line.split(":")[0] for line in lines[1:7]]
    assert evaluations == [
        "initial 0",
        "pretrain generator 1",
        "pretrain generator 2",
        "pretrain discriminator 4",
        "adversarial 2",
        "adversarial 4",
    ]
    table = out[out.index("nats per token") : out.index("In the adversarial phase")]
    for name in ("NLL-test", "NLL-oracle", "initial", "pretrain generator", "pretrain discriminator", "adversarial"):
        assert name in table
    assert "NLL-oracle alone proves nothing" in lines[-1]
    assert sorted(path.name for path in directory.iterdir()) == [
        "checkpoints",
        "config.toml",
        "curves.png",
        "metrics.csv",
        "oracle.npz",
        "samples",
    ]
    # The run of the tests that train in this process is this run.
    assert phases_and_steps(directory) == phases_and_steps(tiny_runs.oracle_run(base).directory)


def test_training_on_text_prints_samples_without_unknown_words(text):
    assert (text.code, text.err) == (0, "")
    assert text.out.startswith("36 sequences of words.txt, 5 tokens, vocabulary 10; run directory ")
    assert "NLL-oracle" not in text.out
    samples = [line for line in text.out.splitlines() if line.startswith("  ")]
    assert len(samples) == 5
    assert {word for line in samples for word in line.split()} <= set(tiny_runs.WORDS)


def test_training_on_text_says_how_many_lines_were_cut(base, run, tmp_path):
    data = tmp_path / "long.txt"
    data.write_text("\n".join(["red blue green red blue green"] * 3 + ["cat dog"] * 17))
    flags = ["--pretrain.epochs", "0", "--pretrain.discriminator-steps", "0", "--adversarial.rounds", "0"]
    code, out, _ = run("train", "--data", data, "--output-dir", tmp_path / "run", *FLAGS, *flags)
    assert code == 0
    assert out.splitlines()[1] == "3 lines are longer than 4 tokens and were cut"


def test_a_run_that_is_interrupted_goes_on_where_it_was(base, run, tmp_path):
    directory = tmp_path / "run"
    oracle = [
        "--oracle-weights",
        tiny_runs.oracle_npz(base),
        "--corpus.oracle-sequences",
        "4000",
    ]  # 1,000 steps an epoch
    process = start(["train", "--output-dir", directory, *oracle, *FLAGS])
    try:
        while len(phases_and_steps(directory)) < 2 and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()
    assert (process.returncode, err) == (130, "")
    assert f"stopped; to go on: seqgan-tf train --resume --output-dir {directory}" in out
    done = phases_and_steps(directory)
    assert done[:2] == [("initial", 0), ("pretrain generator", 1)]
    assert len(done) < 6  # it was not at its end
    assert tiny_runs.last_checkpoint(directory, "data")[1].stat().st_size > 0
    lines = (directory / "metrics.csv").read_text().splitlines()

    code, out, err = run("train", "--resume", "--output-dir", directory)
    assert (code, err) == (0, "")
    assert (directory / "metrics.csv").read_text().splitlines()[: len(lines)] == lines
    generator = [("pretrain generator", 1), ("pretrain generator", 2)]
    rounds = [("adversarial", 2), ("adversarial", 4)]
    assert phases_and_steps(directory) == [("initial", 0), *generator, ("pretrain discriminator", 4), *rounds]
    assert "In the adversarial phase" in out


def test_a_finished_run_can_be_resumed_and_stays_as_it_is(run, base, oracle_directory, tmp_path):
    directory = shutil.copytree(oracle_directory, tmp_path / "run")
    code, out, err = run("train", "--resume", "--output-dir", directory)
    assert (code, err) == (0, "")
    assert (directory / "metrics.csv").read_bytes() == (oracle_directory / "metrics.csv").read_bytes()
    assert "In the adversarial phase" in out


# generate and evaluate


def test_generate_prints_as_many_lines_as_asked_for(run, text, oracle_directory):
    code, out, err = run("generate", text.directory, "--num-samples", "7")
    assert (code, err) == (0, "")
    assert out.count("\n") == 7
    code, out, err = run("generate", oracle_directory)
    assert (code, err) == (0, "")
    assert [len(line.split()) for line in out.splitlines()] == [5] * 5
    assert {int(token) for token in out.split()} <= set(range(12))


def test_generate_prints_the_same_lines_for_the_same_seed(run, oracle_directory):
    outputs = [run("generate", oracle_directory, "--seed", seed)[1] for seed in (3, 3, 4)]
    assert outputs[0] == outputs[1] != outputs[2]


def test_generate_never_prints_the_unknown_word(run, text):
    _, out, _ = run("generate", text.directory, "--num-samples", "300")
    assert "<unk>" not in out
    assert set(out.split()) == set(tiny_runs.WORDS)


def test_generate_begins_every_line_with_the_prompt(run, text):
    _, out, _ = run("generate", text.directory, "--prompt", "red cat", "--num-samples", "20")
    assert all(line.startswith("red cat") for line in out.splitlines())
    assert len(set(out.splitlines())) > 1


def test_generate_draws_from_what_top_k_and_top_p_and_temperature_leave(run, text):
    free = run("generate", text.directory, "--num-samples", "200")[1].splitlines()
    assert len(set(free)) > 20
    for flags in (["--top-k", "1"], ["--top-p", "0.0001"], ["--temperature", "0.0001"]):
        _, out, _ = run("generate", text.directory, "--num-samples", "200", *flags)
        assert len(set(out.splitlines())) == 1


@pytest.fixture
def copies(base, text, tmp_path):
    """Copies of the finished runs, to be written to: (on an oracle, on text)."""
    return tuple(
        shutil.copytree(directory, tmp_path / name)
        for name, directory in (("on-oracle", tiny_runs.oracle_run(base).directory), ("on-text", text.directory))
    )


def written(directory):
    """The report in a directory: (text, figures)."""
    figures = json.loads((directory / "report.json").read_text(encoding="utf-8"))
    return (directory / "report.md").read_text(encoding="utf-8"), figures


def test_evaluate_prints_the_report_that_it_writes(run, base, copies, monkeypatch):
    monkeypatch.setattr(evaluation, "ORACLE_SAMPLES", 500)
    whole = tiny_runs.oracle_run(base)
    code, out, err = run("evaluate", copies[0])
    assert (code, err) == (0, "")
    report, figures = written(copies[0] / "evaluation")
    assert out == f"{report.rstrip()}\nwritten to {copies[0] / 'evaluation'}\n"
    # Its 5,000 samples and held-out sequences are those of the run's own evaluations.
    for state, row in (("pre-trained", whole.rows[3]), ("after 4 rounds", whole.rows[-1])):
        likelihood = figures["states"][state]["likelihood"]
        assert likelihood["nll_test"] == pytest.approx(row["nll_test"], rel=1e-5)
        assert likelihood["nll_oracle"] == pytest.approx(row["nll_oracle"], rel=1e-5)
        assert f"| {state} | {row['nll_test']:.3f} +- " in report
    assert "sweep" not in figures


def test_evaluate_prints_json_and_nothing_else(run, copies, tmp_path):
    published = tmp_path / "published.csv"
    published.write_text("model,nll_test,nll_oracle\nMLE,2.5,2.6\n")
    code, out, err = run("evaluate", copies[1], *FEW, "--seed", "7", "--sweep", "--json", "--published", published)
    assert (code, err) == (0, "")
    report, figures = written(copies[1] / "evaluation")
    assert json.loads(out) == figures
    assert out.count("\n") == 1
    assert (figures["num_samples"], figures["num_held_out"], figures["seed"]) == (20, 4, 7)
    assert figures["sweep"]["after 4 rounds"]["seeds"] == [7, 8, 9]
    (equal,) = figures["at_equal_nll_test"]
    assert equal["of"] == ["after 4 rounds", "pre-trained"]
    assert "after 4 rounds against pre-trained at equal NLL-test" in report
    assert (copies[1] / "evaluation" / "sweep.png").stat().st_size > 0


def test_evaluate_measures_another_file(run, copies, tmp_path):
    data = tmp_path / "other.txt"
    data.write_text("red cat\nred red red red red red\nblue\n")
    code, out, _ = run("evaluate", copies[1], "--data", data, *FEW)
    assert code == 0
    assert "20 samples at temperature 1, seed 1, against 3 lines of other.txt. 1 of them were cut." in out
    opened = run_directory.open_run(copies[1])
    opened.training().restore()
    red, cat, blue = (opened.tokenizer.encode([word])[0][0] for word in ("red", "cat", "blue"))
    token_ids = np.array([[red, cat, 0, -1, -1], [red] * 5, [blue, 0, -1, -1, -1]])
    nll = -np.log(sequence_probabilities(opened.gan.generator, token_ids)).sum() / (3 + 5 + 2)
    found = written(copies[1] / "evaluation")[1]["states"]["after 4 rounds"]["likelihood"]["nll_test"]
    assert found == pytest.approx(nll, rel=1e-5)


def test_the_sweep_of_a_run_in_its_pretraining_has_one_state(run, base, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "ORACLE_SAMPLES", 500)
    directory = shutil.copytree(tiny_runs.early_run(base), tmp_path / "run")
    code, _, err = run("evaluate", directory, *FEW, "--sweep", "--sweep-seeds", "2")
    assert (code, err) == (0, "")
    report, figures = written(directory / "evaluation")
    assert list(figures["states"]) == ["in pre-training"]
    assert (len(figures["sweep"]["in pre-training"]["quality"]), figures["at_equal_nll_test"]) == (2, [])
    assert "## Temperature sweep" in report
    assert "At equal NLL-test" not in report


# Controls


@pytest.fixture(scope="module")
def with_controls(base):
    """A copy of the run on an oracle with its controls, the first of them interrupted in its first round.

    Returns:
        directory; outcomes, (code, out) of the two commands; steps, those of each that were watched.
    """
    directory = shutil.copytree(tiny_runs.oracle_run(base).directory, base / "with-controls")
    watch, steps, outcomes = terminal.watch, [], []

    def watch_and_interrupt(progress_of_run, is_stopped):
        def progress_that_is_noted():
            for progress in progress_of_run:
                if not steps:
                    signal.raise_signal(signal.SIGINT)
                steps.append((progress.phase, progress.step))
                yield progress

        return watch(progress_that_is_noted(), is_stopped)

    handlers = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(terminal, "watch", watch_and_interrupt)
        for _ in range(2):
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                code = cli.main(["train", "--resume", "--output-dir", str(directory), "--controls"])
            outcomes.append((code, out.getvalue()))
    for name, handler in handlers.items():
        signal.signal(name, handler)
    return types.SimpleNamespace(directory=directory, outcomes=outcomes, steps=steps)


def rows_without_seconds(directory):
    with open(directory / "metrics.csv", newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


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
    settings = run_directory.open_run(directory).settings
    for name, path in zip(("constant", "noise", "likelihood"), directories[1:], strict=True):
        assert run_directory.open_run(path).settings == config.control(settings, name)
        assert f"\ncontrol: {name}\n" in out
    command = out.splitlines()[-1]
    assert command == f"to see them side by side: seqgan-tf compare {' '.join(map(str, directories))}"


def test_a_control_that_is_interrupted_goes_on_where_it_was(with_controls):
    code, out = with_controls.outcomes[0]
    assert code == 130
    again = f"seqgan-tf train --resume --output-dir {with_controls.directory} --controls"
    assert out.splitlines()[-1] == f"stopped; to go on: {again}"
    # The run itself has nothing left to do; each control has its four rounds, and none is done twice.
    assert with_controls.steps == [(ADVERSARIAL, step) for step in (1, 2, 3, 4)] * 3


def test_a_run_begins_with_what_another_has_pretrained(run, oracle_directory, tmp_path):
    flags = ["--adversarial.rounds", "1", "--adversarial.control", "noise", "--rollout.num-rollouts", "1"]
    code, out, err = run("train", "--pretrained", oracle_directory, "--output-dir", tmp_path / "run", *flags)
    assert (code, err) == (0, "")
    rows = rows_without_seconds(tmp_path / "run")
    assert rows[:4] == rows_without_seconds(oracle_directory)[:4]
    assert [(row["phase"], row["step"]) for row in rows[4:]] == [("adversarial", "1")]
    assert [line.split(":")[0] for line in out.splitlines()[1:2]] == ["adversarial 1"]
    settings = run_directory.open_run(tmp_path / "run").settings
    assert config.difference(run_directory.open_run(oracle_directory).settings, settings) == {
        "adversarial.rounds": (4, 1),
        "adversarial.control": ("none", "noise"),
        "rollout.num_rollouts": (2, 1),
    }


def test_compare_puts_a_run_beside_its_controls(with_controls, run, tmp_path):
    directory = with_controls.directory
    directories = [directory, directory / "controls" / "noise", directory / "controls" / "likelihood"]
    code, out, err = run("compare", *directories, *FEW, "--seed", "3", "--output-dir", tmp_path / "report")
    assert (code, err) == (0, "")
    report, figures = written(tmp_path / "report")
    assert out == f"{report.rstrip()}\nwritten to {tmp_path / 'report'}\n"
    assert list(figures["curves"]) == [
        "pre-trained",
        "after 4 rounds",
        "after 4 rounds, noise control",
        "after 4 rounds, likelihood control",
    ]
    assert figures["runs"]["pre-trained"] == [str(directory)]
    assert not (directory / "comparison").exists()
    opened = run_directory.open_run(directories[1])
    opened.training().restore()
    held_out = opened.corpus().test_token_ids[:20]
    curve = figures["curves"]["after 4 rounds, noise control"]
    nll = -np.log(sequence_probabilities(opened.gan.generator, held_out)).mean() / 5
    assert curve["nll_test"][0][curve["alphas"].index(1)] == pytest.approx(nll, rel=1e-5)
    samples = opened.gan.generate(20, seed=3)
    quality = -np.log(sequence_probabilities(opened.oracle, samples)).mean() / 5
    assert curve["quality"][0][curve["alphas"].index(1)] == pytest.approx(quality, rel=1e-5)


@pytest.mark.parametrize("is_terminal", [False, True], ids=["file", "terminal"])
def test_compare_prints_json_and_nothing_else(is_terminal, copies, run, monkeypatch):
    monkeypatch.setattr(terminal, "console", terminal.Console(force_terminal=is_terminal, soft_wrap=True))
    code, out, err = run("compare", copies[1], *FEW, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == written(copies[1] / "comparison")[1]


# Where settings come from


def parsed(*arguments):
    return cli._parse(["train", *map(str, arguments)])


def test_flags_stand_over_the_toml_file_and_the_file_over_the_preset(tmp_path):
    toml = tmp_path / "my.toml"
    toml.write_text("seed = 7\nbatch_size = 5\n[rollout]\nnum_rollouts = 3\nstride = 2\n")
    command = parsed("--preset", "paper", "--config", toml, "--seed", "8", "--rollout.stride", "4")
    assert (command.seed, command.batch_size) == (8, 5)
    assert (command.rollout.num_rollouts, command.rollout.stride) == (3, 4)
    assert command.rollout.update_rate == config.preset("paper", False).rollout.update_rate
    assert command.adversarial == config.preset("paper", False).adversarial


def test_without_flags_the_settings_are_those_of_the_quick_preset(tmp_path):
    def settings(command):
        return config.RunSettings(**{f.name: getattr(command, f.name) for f in dataclasses.fields(config.RunSettings)})

    assert settings(parsed()) == config.preset("quick", text=False)
    assert settings(parsed("--preset", "paper")) == config.preset("paper", text=False)
    on_text = dataclasses.replace(config.preset("quick", text=True), data=tmp_path / "a.txt")
    assert settings(parsed("--data", tmp_path / "a.txt")) == on_text
    assert settings(parsed(f"--data={tmp_path / 'a.txt'}")) == on_text
    toml = tmp_path / "my.toml"
    toml.write_text(config.to_toml(config.RunSettings(data=tmp_path / "a.txt")).splitlines()[0])
    assert settings(parsed("--config", toml)) == on_text


def test_the_file_of_a_run_can_be_the_settings_of_another(oracle_directory, base):
    command = parsed("--config", oracle_directory / "config.toml")
    made = tiny_runs.oracle_run(base).settings
    for field in dataclasses.fields(made):
        assert getattr(command, field.name) == getattr(made, field.name)


def test_a_resumed_run_takes_its_settings_from_its_directory(oracle_directory, base):
    made = tiny_runs.oracle_run(base).settings
    command = parsed("--resume", "--output-dir", oracle_directory, "--adversarial.rounds", "50")
    assert command.adversarial == dataclasses.replace(made.adversarial, rounds=50)
    assert command.generator == made.generator


def test_a_run_without_a_directory_gets_the_next_one_under_runs(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    settings = config.RunSettings()
    assert str(commands._new_directory(settings, "quick")) == "runs/oracle-quick-1"
    (tmp_path / "runs" / "oracle-quick-1").mkdir(parents=True)
    assert str(commands._new_directory(settings, "quick")) == "runs/oracle-quick-2"
    poems = dataclasses.replace(settings, data=tmp_path / "poems.txt")
    assert str(commands._new_directory(poems, "paper")) == "runs/poems-paper-1"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["train", "--help"], ["generate", "-h"], ["evaluate", "--help"], ["compare", "-h"]]
)
def test_help_is_printed_and_is_no_error(arguments, capsys):
    with pytest.raises(SystemExit) as exit:
        cli.main(arguments)
    out, err = capsys.readouterr()
    assert (exit.value.code or 0, err) == (0, "")
    assert "usage: seqgan-tf" in out


# One clear line


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "bad.txt: expected a text file that can be read (No such file or directory)"),
        (b"", "bad.txt: expected one sequence a line. Received: no line of text"),
        (b"\x89PNG\r\n\x1a\n\0\0", "bad.txt: expected UTF-8 text. Received: byte 0x89 at 0"),
        (b"GIF89a\0\0\0", "bad.txt: expected UTF-8 text. Received: a binary file"),
        (b"red cat\nblue cat\n", "bad.txt: expected at least 4 lines for training, one batch. Received: 2 lines"),
        (b"spam spam\n" * 20, "bad.txt: expected at least 2 different tokens"),
    ],
    ids=["missing", "empty", "binary", "NUL", "few", "one word"],
)
def test_data_that_can_not_be_learnt(content, message, refused, tmp_path):
    data = tmp_path / "bad.txt"
    if content is not None:
        data.write_bytes(content)
    assert message in refused("train", "--data", data, "--output-dir", tmp_path / "run", *FLAGS)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--rollout.num-rollouts", "0"], "`num_rollouts` must be at least 1. Received: 0"),
        (["--rollout.update-rate", "1"], "`update_rate` must be in [0, 1). Received: 1.0"),
        (["--corpus.sequence-length", "1"], "`sequence_length` must be at least 2. Received: 1"),
        (["--corpus.oracle-sequences", "3"], "`num_train` must be at least 4, one batch. Received: 3"),
        (["--generator.hidden-dim", "0"], "`hidden_dim` must be at least 1. Received: 0"),
        (["--discriminator.widths", "1", "9"], "`widths` must be in [1, 5], the sequence length. Received: [1, 9]"),
        (["--discriminator.filters", "3"], "`filters` must be 2 positive numbers, one a width. Received: [3]"),
        (["--adversarial.generator-steps", "-1"], "`generator_steps` must be at least 0. Received: -1"),
        (["--adversarial.likelihood-steps", "-1"], "`likelihood_steps` must be at least 0. Received: -1"),
        (["--batch-size", "0"], "batch_size"),
        (["--batch-size", "-4"], "batch_size"),
        (["--adversarial.evaluate-every", "0"], "evaluate_every"),
        (["--corpus.sequence-length", "0"], "sequence_length"),
    ],
)
def test_settings_that_make_no_sense(flags, message, refused, base, tmp_path):
    oracle = ["--oracle-weights", tiny_runs.oracle_npz(base), "--corpus.oracle-sequences", "10"]
    assert message in refused("train", "--output-dir", tmp_path / "run", *oracle, *FLAGS, *flags)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("split", ["0", "1", "1.5"])
def test_a_validation_split_that_makes_no_sense(split, refused, text, tmp_path):
    flags = ["--data", text.data, "--output-dir", tmp_path / "run", *FLAGS, "--corpus.validation-split", split]
    assert f"`validation_split` must be between 0 and 1. Received: {float(split)}" in refused("train", *flags)


def test_oracle_weights_of_the_wrong_shape(refused, base, tmp_path):
    path = tmp_path / "bad.npz"
    np.savez(path, **(dict(np.load(tiny_runs.oracle_npz(base))) | {"Ui": np.zeros([4, 5])}))
    line = refused("train", "--oracle-weights", path, "--output-dir", tmp_path / "run", *FLAGS)
    assert f"{path}: expected array 'Ui' of shape (4, 4). Received: (4, 5)" in line
    assert not (tmp_path / "run").exists()


def test_oracle_weights_that_are_missing_or_beside_text(refused, base, text, tmp_path):
    flags = ["--output-dir", tmp_path / "run", *FLAGS]
    assert "no.npz: expected a readable .npz file" in refused("train", "--oracle-weights", tmp_path / "no.npz", *flags)
    both = ["--oracle-weights", tiny_runs.oracle_npz(base), "--data", text.data]
    assert "--oracle-weights is for runs on an oracle" in refused("train", *both, *flags)


def test_a_directory_that_holds_a_run_already(refused, oracle_directory):
    line = refused("train", "--output-dir", oracle_directory, *FLAGS)
    assert f"{oracle_directory}: already holds a run. Give another --output-dir, or --resume to go on with it" in line


def test_a_file_in_the_place_of_the_directory(refused, base, text):
    oracle = ["--oracle-weights", tiny_runs.oracle_npz(base), "--corpus.oracle-sequences", "10"]
    line = refused("train", "--output-dir", text.data, *oracle, *FLAGS)
    assert f"{text.data}: expected a directory. Received: a file" in line
    assert str(text.data) in refused("train", "--output-dir", text.data / "inside", *oracle, *FLAGS)


FEW = ["--samples", "20"]
COMMANDS_ON_A_RUN = [
    ["train", "--resume", "--output-dir"],
    ["generate"],
    ["evaluate", *FEW],
    ["compare", *FEW],
]


@pytest.mark.parametrize("command", COMMANDS_ON_A_RUN, ids=lambda command: command[0])
def test_a_run_of_another_version(command, refused, oracle_directory, tmp_path):
    directory = shutil.copytree(oracle_directory, tmp_path / "run")
    path = directory / "config.toml"
    path.write_text(path.read_text().replace(f'"{seqgan_tf.__version__}"', '"0.0.9"'))
    expected = f"{path}: expected a run of version {seqgan_tf.__version__}. Received: 0.0.9"
    assert expected in refused(*command, directory)


@pytest.mark.parametrize("command", COMMANDS_ON_A_RUN, ids=lambda command: command[0])
def test_a_damaged_checkpoint(command, refused, oracle_directory, tmp_path):
    directory = shutil.copytree(oracle_directory, tmp_path / "run")
    name, path = tiny_runs.last_checkpoint(directory, "index")
    path.write_bytes(path.read_bytes()[:20])
    expected = f"{name}: expected a checkpoint of this run. Received: a damaged or foreign file"
    assert expected in refused(*command, directory)


@pytest.mark.parametrize("command", COMMANDS_ON_A_RUN, ids=lambda command: command[0])
def test_a_run_without_a_checkpoint(command, refused, oracle_directory, tmp_path):
    directory = shutil.copytree(oracle_directory, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints"))
    assert f"{directory}: expected a checkpoint to go on from. Received: none" in refused(*command, directory)


@pytest.mark.parametrize("command", COMMANDS_ON_A_RUN, ids=lambda command: command[0])
def test_a_directory_that_is_no_run(command, refused, tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        line = refused(*command, path)
        assert str(path) in line
        assert "config.toml" in line


def test_data_that_changed_since_the_run_began(refused, text, tmp_path):
    directory, data = shutil.copytree(text.directory, tmp_path / "run"), tmp_path / "words.txt"
    path = directory / "config.toml"
    path.write_text(path.read_text().replace(str(text.data), str(data)))
    assert f"{data}: expected the text file of the run" in refused("train", "--resume", "--output-dir", directory)
    data.write_text("red cat\n" * 40)
    for command in (["train", "--resume", "--output-dir"], ["evaluate"], ["compare"], ["train", "--pretrained"]):
        assert "Received: a changed file" in refused(*command, directory)


def test_resume_without_a_directory(refused):
    assert "--resume needs --output-dir, the directory of the run" in refused("train", "--resume")


@pytest.mark.parametrize(
    "flags",
    [
        ["--seed", "3"],
        ["--adversarial.generator-steps", "2"],
        ["--adversarial.control", "noise"],
        ["--data", "a.txt"],
        ["--preset", "paper"],
        ["--pretrained", "a"],
    ],
)
def test_resume_with_other_settings(flags, refused, oracle_directory):
    line = refused("train", "--resume", "--output-dir", oracle_directory, *flags)
    assert "--resume takes the settings of the run: only --adversarial.rounds can be given with it" in line


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[corpus]\nvocab = 3\n", "my.toml: unknown key 'corpus.vocab'. Expected one of ["),
        ("sead = 3\n", "my.toml: unknown key 'sead'. Expected one of ["),
        ("seed = '3'\n", "my.toml: seed: expected int. Received: '3'"),
        ("seed = \n", "my.toml: expected TOML"),
        (None, "my.toml: expected a TOML file that can be read (No such file or directory)"),
    ],
)
def test_a_toml_file_that_can_not_be_used(content, message, refused, tmp_path):
    path = tmp_path / "my.toml"
    if content is not None:
        path.write_text(content)
    assert message in refused("train", "--config", path, "--output-dir", tmp_path / "run")


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ([], ["train", "generate", "evaluate", "compare"]),
        (["trian"], ["trian"]),
        (["train", "--nonsense", "1"], ["--nonsense"]),
        (["train", "--corpus.nonsense", "1"], ["--corpus.nonsense"]),
        (["train", "--batch-size", "many"], ["--batch-size", "many"]),
        (["train", "--batch-size"], ["--batch-size"]),
        (["train", "--level", "syllable"], ["--level", "syllable", "char"]),
        (["train", "--preset", "slow"], ["--preset", "slow", "quick"]),
        (["train", "--discriminator.widths", "1", "x"], ["--discriminator.widths", "x"]),
        (["generate"], ["Directory of the run"]),
        (["evaluate"], ["Directory of the run"]),
        (["compare"], ["Directories of the runs"]),
        (["evaluate", "run", "--sweep-seeds", "few"], ["--sweep-seeds", "few"]),
        (["compare", "run", "--sweep"], ["--sweep"]),
        (["train", "--adversarial.control", "likelihood"], ["--adversarial.control", "likelihood", "noise"]),
        (["generate", "run", "--temperature", "hot"], ["--temperature", "hot"]),
        (["generate", "run", "--num-sample", "3"], ["--num-sample"]),
        (["evaluate", "run", "another"], ["another"]),
    ],
    ids=" ".join,
)
def test_arguments_that_can_not_be_read(arguments, names, refused):
    line = refused(*arguments)
    for name in names:
        assert name in line
    assert "(see --help)" in line


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--temperature", "0"], "`temperature` must be a number above 0. Received: 0.0"),
        (["--temperature", "nan"], "`temperature` must be a number above 0. Received: nan"),
        (["--top-k", "0"], "`top_k` must be at least 1. Received: 0"),
        (["--top-p", "1.5"], "`top_p` must be in (0, 1]. Received: 1.5"),
        (["--num-samples", "0"], "`n` must be at least 1. Received: 0"),
        (["--prompt", "red red red red red red"], "`prompt` must hold at most 5 tokens. Received: 6"),
    ],
)
def test_samples_that_can_not_be_drawn(flags, message, refused, text):
    assert message in refused("generate", text.directory, *flags)


def test_a_prompt_or_a_text_file_for_a_run_on_an_oracle(refused, oracle_directory, text):
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
@pytest.mark.parametrize("command", ["evaluate", "compare"])
def test_published_curves_that_can_not_be_read(command, content, message, refused, oracle_directory, tmp_path):
    path = tmp_path / "published.csv"
    if content is not None:
        path.write_text(content)
    assert f"{path}: {message}" in refused(command, oracle_directory, "--published", path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "--samples", "1"], "`samples` must be at least 2. Received: 1"),
        (["evaluate", "--sweep", "--sweep-seeds", "0"], "`sweep_seeds` must be at least 1. Received: 0"),
        (["compare", "--samples", "1"], "`samples` must be at least 2. Received: 1"),
    ],
)
def test_figures_that_can_not_be_had(arguments, message, refused, oracle_directory):
    assert message in refused(*arguments, oracle_directory)
    assert sorted(path.name for path in oracle_directory.iterdir()) == [
        "checkpoints",
        "config.toml",
        "metrics.csv",
        "oracle.npz",
        "samples",
    ]


def test_runs_that_can_not_be_compared(refused, base, oracle_directory, text):
    line = refused("compare", oracle_directory, text.directory, *FEW)
    assert f"{text.directory}: expected a run on the data of {oracle_directory}. Received: other data" in line
    line = refused("compare", text.directory, text.directory, *FEW)
    assert "Received: an equal one" in line
    assert not (text.directory / "comparison").exists()
    early = tiny_runs.early_run(base)
    assert f"{early}: expected a run that has finished its pre-training" in refused("compare", early, *FEW)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--seed", "3"], "`seed` must be that of "),
        (["--generator.hidden-dim", "5"], "`generator.hidden_dim` must be that of "),
        (["--rollout.num-rollouts", "0"], "`num_rollouts` must be at least 1. Received: 0"),
    ],
)
def test_a_branch_that_can_not_be_made(flags, message, refused, oracle_directory, tmp_path):
    line = refused("train", "--pretrained", oracle_directory, "--output-dir", tmp_path / "run", *flags)
    assert message in line
    assert not (tmp_path / "run").exists()


def test_a_branch_of_what_is_no_run_or_has_not_finished_its_pretraining(refused, base, tmp_path):
    line = refused("train", "--pretrained", tmp_path / "no", "--output-dir", tmp_path / "run")
    assert str(tmp_path / "no") in line
    early = tiny_runs.early_run(base)
    line = refused("train", "--pretrained", early, "--output-dir", tmp_path / "run")
    assert f"{early}: expected a run that has finished its pre-training. Received: one that has not" in line
    assert not (tmp_path / "run" / "config.toml").exists()


def test_a_file_to_evaluate_that_can_not_be_read(refused, text, tmp_path):
    path = tmp_path / "no.txt"
    assert f"{path}: expected a text file that can be read" in refused("evaluate", text.directory, "--data", path)


def test_tensorboard_where_it_is_not_installed(refused, monkeypatch, tmp_path):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tensorboard" else find_spec(name))
    line = refused("train", "--tensorboard", "--output-dir", tmp_path / "run", *FLAGS)
    assert "--tensorboard needs tensorboard: pip install 'seqgan-tf[plot]'" in line
    with contextlib.suppress(FileNotFoundError):
        assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize("name", ["--corpus.vocabulary-size", "--corpus.min-frequency"])
def test_a_negative_limit_of_the_vocabulary(name, refused, text, tmp_path):
    line = refused("train", "--data", text.data, "--output-dir", tmp_path / "run", *FLAGS, name, "-1")
    assert name.split(".")[1].replace("-", "_") in line


def test_arguments_that_can_not_be_read_where_the_terminal_knows_no_boxes():
    err = io.StringIO()
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding="ascii")), contextlib.redirect_stderr(err):
        assert cli.main(["train", "--batch-size", "many"]) == 2
    assert "--batch-size" in err.getvalue()
    assert err.getvalue().count("\n") == 1


def test_a_run_of_another_version_with_other_settings(refused, oracle_directory, tmp_path):
    directory = shutil.copytree(oracle_directory, tmp_path / "run")
    path = directory / "config.toml"
    path.write_text(path.read_text().replace('version = "', 'version = "9').replace("hidden_dim", "units"))
    assert "expected a run of version" in refused("train", "--resume", "--output-dir", directory)


def test_names_of_files_are_printed_as_they_are(run, base, tmp_path):
    data = tiny_runs.write_lines(tmp_path / "poems[old].txt")
    flags = ["--pretrain.epochs", "0", "--pretrain.discriminator-steps", "0", "--adversarial.rounds", "0"]
    code, out, _ = run("train", "--data", data, "--output-dir", tmp_path / "[/run]", *FLAGS, *flags)
    assert code == 0
    assert out.startswith("36 sequences of poems[old].txt, ")
    assert str(tmp_path / "[/run]") in out.splitlines()[0]


def test_an_infinite_temperature(refused, text):
    assert "`temperature`" in refused("generate", text.directory, "--temperature", "inf")


def test_a_prompt_with_words_that_the_run_does_not_know(refused, text):
    assert "zebra" in refused("generate", text.directory, "--prompt", "red zebra")
