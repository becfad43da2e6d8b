"""The command line: runs from end to end, and one clear line for whatever can not be worked with."""

import contextlib
import csv
import dataclasses
import importlib.util
import io
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tiny_runs

import seqgan_tf
from seqgan_tf import cli, config, run_directory

FLAGS = tiny_runs.FLAGS


@pytest.fixture(autouse=True)
def signals():
    """`train` takes over Ctrl-C; the test process wants it back."""
    handlers = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    yield
    for name, handler in handlers.items():
        signal.signal(name, handler)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tmp_path_factory.getbasetemp()


@pytest.fixture(scope="module")
def oracle_directory(base):
    """A finished run on an oracle; not to be written to."""
    return tiny_runs.oracle_run(base).directory


@pytest.fixture(scope="module")
def text(base):
    """A finished run on text, and what its command printed; not to be written to."""
    return tiny_runs.text_run(base)


@pytest.fixture
def run(capfd):
    """Runs a command in this process: (exit code, stdout, stderr), the writes of TensorFlow's C++ part included."""

    def run(*arguments):
        capfd.readouterr()
        code = cli.main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return run


@pytest.fixture
def refused(run):
    """Runs a command that must be refused in one line; returns the line."""

    def refused(*arguments):
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith("seqgan-tf: ")
        assert err.count("\n") == 1
        assert err.endswith("\n")
        assert "Traceback" not in err
        return err

    return refused


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


def test_evaluate_prints_the_figures_of_the_last_row(run, base, oracle_directory, text):
    last = tiny_runs.oracle_run(base).rows[-1]
    _, out, err = run("evaluate", oracle_directory)
    assert err == ""
    assert out.splitlines() == [
        f"NLL-test {last['nll_test']:.4f} nats a token, on 5000 held-out sequences",
        f"NLL-oracle {last['nll_oracle']:.4f} nats a token, on 5000 samples",
    ]
    with open(text.directory / "metrics.csv", newline="") as file:
        nll = float(list(csv.DictReader(file))[-1]["nll_test"])
    code, out, _ = run("evaluate", text.directory)
    assert (code, out) == (0, f"NLL-test {nll:.4f} nats a token, on 4 held-out sequences\n")


def test_evaluate_measures_another_file(run, text, tmp_path):
    data = tmp_path / "other.txt"
    data.write_text("red cat\nred red red red red red\nblue\n")
    code, out, _ = run("evaluate", text.directory, "--data", data)
    assert code == 0
    assert out.endswith(f" nats a token, on 3 lines of {data}, 1 of them cut\n")
    opened = run_directory.open_run(text.directory)
    opened.training().restore()
    red, cat, blue = (opened.tokenizer.encode([word])[0][0] for word in ("red", "cat", "blue"))
    token_ids = np.array([[red, cat, 0, -1, -1], [red] * 5, [blue, 0, -1, -1, -1]])
    nats = -opened.gan.generator.log_probs(token_ids).numpy()
    assert float(out.split()[1]) == pytest.approx(
        (nats[0, :3].sum() + nats[1].sum() + nats[2, :2].sum()) / 10, abs=1e-4
    )


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
    assert str(cli._new_directory(settings, "quick")) == "runs/oracle-quick-1"
    (tmp_path / "runs" / "oracle-quick-1").mkdir(parents=True)
    assert str(cli._new_directory(settings, "quick")) == "runs/oracle-quick-2"
    poems = dataclasses.replace(settings, data=tmp_path / "poems.txt")
    assert str(cli._new_directory(poems, "paper")) == "runs/poems-paper-1"


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["generate", "-h"], ["evaluate", "--help"]])
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
        (["--adversarial.generator-steps", "0"], "`generator_steps` must be at least 1. Received: 0"),
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


COMMANDS_ON_A_RUN = [["train", "--resume", "--output-dir"], ["generate"], ["evaluate"]]


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
    for command in (["train", "--resume", "--output-dir"], ["evaluate"]):
        assert "Received: a changed file" in refused(*command, directory)


def test_resume_without_a_directory(refused):
    assert "--resume needs --output-dir, the directory of the run" in refused("train", "--resume")


@pytest.mark.parametrize(
    "flags", [["--seed", "3"], ["--adversarial.generator-steps", "2"], ["--data", "a.txt"], ["--preset", "paper"]]
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
        ([], ["train", "generate", "evaluate"]),
        (["trian"], ["trian"]),
        (["train", "--nonsense", "1"], ["--nonsense"]),
        (["train", "--corpus.nonsense", "1"], ["--corpus.nonsense"]),
        (["train", "--batch-size", "many"], ["--batch-size", "many"]),
        (["train", "--batch-size"], ["--batch-size"]),
        (["train", "--level", "syllable"], ["--level", "syllable", "char"]),
        (["train", "--preset", "slow"], ["--preset", "slow", "quick"]),
        (["train", "--discriminator.widths", "1", "x"], ["--discriminator.widths", "x"]),
        (["generate"], ["Directory of the run"]),
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


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        (["--batch-size", "0"], "batch_size"),
        (["--batch-size", "-4"], "batch_size"),
        (["--adversarial.evaluate-every", "0"], "evaluate_every"),
        (["--corpus.sequence-length", "0"], "sequence_length"),
    ],
)
def test_more_settings_that_make_no_sense(flags, name, refused, base, tmp_path):
    oracle = ["--oracle-weights", tiny_runs.oracle_npz(base), "--corpus.oracle-sequences", "10"]
    assert name in refused("train", "--output-dir", tmp_path / "run", *oracle, *FLAGS, *flags)
    assert not (tmp_path / "run").exists()


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
