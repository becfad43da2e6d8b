"""What a command reads and prints in odd surroundings: encodings, closed pipes, full disks, none, moved files."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys

import pytest
import tiny_runs
from cli_runs import rows_without_seconds, start

from seqgan_tf.cli import main
from seqgan_tf.runs import config, toml
from seqgan_tf.runs.directory import open_run


def command(arguments, **settings):
    return subprocess.run([sys.executable, "-m", "seqgan_tf", *map(str, arguments)], timeout=300, **settings)


@pytest.fixture(scope="module")
def chinese(base):
    """A run on Chinese characters that has only its first checkpoint."""
    directory, data = base / "chinese-run", base / "诗.txt"
    data.write_text("春眠不觉\n晓处处闻\n" * 20, encoding="utf-8")
    flags = ["--pretrain.epochs", "0", "--pretrain.discriminator-steps", "0", "--adversarial.rounds", "0"]
    done = command(
        ["train", "--data", data, "--level", "char", "--output-dir", directory, *tiny_runs.FLAGS, *flags],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "cp1252"},
    )
    assert done.returncode == 0, done.stderr
    assert "诗.txt" in done.stdout.decode("utf-8")
    return directory


def test_text_in_a_pipe_is_utf_8_whatever_the_encoding_of_the_terminal(chinese):
    done = command(["generate", chinese], capture_output=True, env=os.environ | {"PYTHONIOENCODING": "cp1252"})
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.decode("utf-8")) - {"\n"} <= set("春眠不觉晓处处闻")


def test_a_reader_that_leaves_ends_the_command_without_a_word(chinese):
    shell = f"{sys.executable} -m seqgan_tf generate {chinese} --num-samples 20000 | head -1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {shell}"], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (141, 1, "")


def test_a_full_disk_under_stdout_is_one_line(chinese):
    with open("/dev/full", "w") as full:
        done = command(["generate", chinese], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr == "seqgan-tf: stdout: expected a place to write to (No space left on device)\n"


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "1>&- 2>&-"])
def test_closed_streams_do_no_harm(closed, chinese):
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m seqgan_tf generate {chinese} {closed}"], capture_output=True, timeout=300
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_none_is_a_value_of_flags_that_can_be_none_only():
    parsed = main.parse(["train", "--pretrain.patience", "none", "--corpus.sequence-length=none", "--seed", "1"])
    assert (parsed.pretrain.patience, parsed.corpus.sequence_length) == (None, None)
    assert main.parse(["generate", "run", "--prompt", "none", "--top-k", "none"]).prompt == "none"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--pretrain.learning-rate", "nan"],
            "`pretrain.learning_rate` must be a finite number above 0. Received: nan",
        ),
        (["--pretrain.learning-rate", "0"], "`pretrain.learning_rate` must be a finite number above 0. Received: 0.0"),
        (["--adversarial.learning-rate", "-1e-2"], "must be a finite number above 0. Received: -0.01"),
        (["--pretrain.discriminator-learning-rate", "inf"], "must be a finite number above 0. Received: inf"),
        (
            ["--adversarial.entropy-weight", "inf"],
            "`adversarial.entropy_weight` must be a finite number. Received: inf",
        ),
        (["--discriminator.l2", "-1"], "`discriminator.l2` must be at least 0. Received: -1.0"),
        (["--seed", "-1"], "`seed` must be in [0, 2^31). Received: -1"),
        (["--pretrain.patience", "0"], "`pretrain.patience` must be at least 1. Received: 0"),
    ],
    ids=" ".join,
)
def test_numbers_out_of_range_are_refused_before_anything_is_written(flags, message, refused, tmp_path):
    assert message in refused("train", "--output-dir", tmp_path / "run", *flags)
    assert not (tmp_path / "run").exists()


def test_an_infinite_clip_is_a_setting(base, run, tmp_path):
    oracle = ["--oracle-weights", tiny_runs.oracle_npz(base), "--corpus.oracle-sequences", "10", *tiny_runs.FLAGS]
    flags = ["--rollout.clip", "inf", "--rollout.reward", "log_odds", "--adversarial.rounds", "1"]
    code, _, err = run("train", "--output-dir", tmp_path / "run", *oracle, *flags)
    assert (code, err) == (0, "")
    assert open_run(tmp_path / "run").settings.rollout.clip == float("inf")


def test_a_run_that_diverges_says_so_and_keeps_its_last_finite_checkpoint(base, run, tmp_path):
    oracle = ["--oracle-weights", tiny_runs.oracle_npz(base), "--corpus.oracle-sequences", "10", *tiny_runs.FLAGS]
    directory = tmp_path / "run"
    code, _, err = run("train", "--output-dir", directory, *oracle, "--pretrain.learning-rate", "1e38")
    assert code == 2
    assert err.count("\n") == 1
    assert "expected finite" in err
    assert "--pretrain.learning-rate" in err
    assert "the last checkpoint is finite" in err
    assert run("generate", directory)[0] == 0


@pytest.mark.parametrize("name", ["r[1]", "a\\b"])
def test_a_directory_whose_name_tensorflow_cannot_read_is_refused_before_the_first_step(name, base, refused, tmp_path):
    oracle = ["--oracle-weights", tiny_runs.oracle_npz(base), "--corpus.oracle-sequences", "10", *tiny_runs.FLAGS]
    line = refused("train", "--output-dir", tmp_path / name, *oracle)
    assert f"{tmp_path / name}: expected a path without [, ] and \\, which TensorFlow reads as a pattern" in line
    assert not (tmp_path / name).exists()


def test_the_name_of_a_data_file_makes_a_directory_that_can_be_read(tmp_path, monkeypatch):
    from seqgan_tf.cli import train

    monkeypatch.chdir(tmp_path)
    settings = config.RunSettings(data=tmp_path / "poems [final].txt")
    assert str(train._new_directory(settings, "quick")) == "runs/poems _final_-quick-1"


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_at_its_beginning(base, run, whole, tmp_path):
    directory = shutil.copytree(whole.directory, tmp_path / "run")
    shutil.rmtree(directory / "checkpoints")
    code, _, err = run("train", "--resume", "--output-dir", directory)
    assert (code, err) == (0, "")
    assert rows_without_seconds(directory) == rows_without_seconds(whole.directory)


def test_a_config_that_was_cut_is_refused_and_not_filled_with_defaults(refused, whole, tmp_path):
    directory = shutil.copytree(whole.directory, tmp_path / "run")
    path = directory / "config.toml"
    text = path.read_text()
    for table in ("[rollout]", "[adversarial]", "[generator]"):
        path.write_text(text[: text.index(table)])
        assert f"{path}: expected " in refused("train", "--resume", "--output-dir", directory)
    # A file of version 0.1.0 has no number of settings in it.
    path.write_text(text[: text.index("[adversarial]")].replace("num_settings", "#"))
    assert "it was cut" in refused("train", "--resume", "--output-dir", directory)


def test_a_text_that_was_moved_is_found_where_data_says_it_is(base, run, refused, tmp_path):
    text = tiny_runs.text_run(base)
    directory, data = shutil.copytree(text.directory, tmp_path / "run"), tmp_path / "moved.txt"
    shutil.copy(text.data, data)
    toml_path = directory / "config.toml"
    toml_path.write_text(toml_path.read_text().replace(str(text.data), str(tmp_path / "gone.txt")))
    code, _, err = run("train", "--resume", "--output-dir", directory, "--data", data)
    assert (code, err) == (0, "")
    assert toml.read_run_settings(toml_path).data == data
    assert run("train", "--resume", "--output-dir", directory)[0] == 0
    (tmp_path / "other.txt").write_text("red cat\n" * 40)
    line = refused("train", "--resume", "--output-dir", directory, "--data", tmp_path / "other.txt")
    assert "Received: a changed file" in line
    assert toml.read_run_settings(toml_path).data == data


def test_a_pretrained_run_continues_on_more_text_with_its_tokenizer(base, run, tmp_path):
    text = tiny_runs.text_run(base)
    more = tiny_runs.write_lines(tmp_path / "more.txt", count=60, words=("red", "blue", "zebra"))
    code, out, err = run("train", "--pretrained", text.directory, "--data", more, "--output-dir", tmp_path / "run")
    assert (code, err) == (0, "")
    assert out.startswith("54 sequences of more.txt, ")
    found = open_run(tmp_path / "run")
    assert found.tokenizer.tokens == open_run(text.directory).tokenizer.tokens
    assert found.data_digest != open_run(text.directory).data_digest
    assert len(found.corpus.train_token_ids) == 54


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_that_ends_processes_leaves_a_checkpoint(name, base, tmp_path):
    oracle = ["--oracle-weights", tiny_runs.oracle_npz(base), "--corpus.oracle-sequences", "4000", *tiny_runs.FLAGS]
    process = start(["train", "--output-dir", tmp_path / "run", *oracle])
    try:
        for line in process.stdout:
            if line.startswith("pretrain generator 1"):
                process.send_signal(getattr(signal, name))
                break
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()
    assert (process.returncode, err) == (130, "")
    assert "stopped; to continue: seqgan-tf train --resume" in out


def test_settings_from_a_device_or_a_pipe_are_refused_at_once(refused, tmp_path):
    os.mkfifo(tmp_path / "pipe.toml")
    for path in (tmp_path / "pipe.toml", "/dev/zero"):
        line = refused("train", "--config", path, "--output-dir", tmp_path / "run")
        assert f"{path}: expected a TOML file. Received: a device or a pipe" in line


def test_a_pipe_can_be_the_data_of_a_run(tmp_path):
    data = tiny_runs.write_lines(tmp_path / "words.txt")
    flags = ["--pretrain.epochs", "1", "--pretrain.discriminator-steps", "1", "--adversarial.rounds", "1"]
    arguments = " ".join([*tiny_runs.FLAGS, *flags])
    shell = f"{sys.executable} -m seqgan_tf train --data <(cat {data}) --output-dir {tmp_path / 'run'} {arguments}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    digest = hashlib.sha256(data.read_bytes()).hexdigest()
    assert toml.read_toml(tmp_path / "run" / "config.toml")["data_sha256"] == digest
    resumed = command(["train", "--resume", "--output-dir", tmp_path / "run", "--data", data], capture_output=True)
    assert resumed.returncode == 0, resumed.stderr
