"""Invalid data, settings and directories of `train` are refused in one line."""

import contextlib
import importlib.util

import numpy as np
import pytest
import tiny_runs

FLAGS = tiny_runs.FLAGS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "bad.txt: expected a text file that can be read (No such file or directory)"),
        (b"", "bad.txt: expected one sequence per line. Received: no line of text"),
        (b"caf\xe9 bar\n" * 20, "bad.txt: expected UTF-8 text. Received: byte 0xe9 at 3"),
        (b"GIF89a\0\0\0", "bad.txt: expected UTF-8 text. Received: a binary file"),
        (b"red cat\nblue cat\n", "bad.txt: expected at least 4 lines for training, one batch. Received: 2 lines"),
        (b"spam spam\n" * 20, "bad.txt: expected at least 2 different tokens"),
    ],
    ids=["missing", "empty", "latin 1", "NUL", "few", "one word"],
)
def test_data_that_cannot_be_trained_on_are_refused(content, message, refused, tmp_path):
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
        (["--discriminator.filters", "3"], "`filters` must be 2 positive numbers, one per width. Received: [3]"),
        (["--discriminator.kind", "recurrent"], "recurrent takes no --discriminator.widths. Received: [1, 2]"),
        (["--discriminator.cell", "lstm"], "--discriminator.kind cnn takes no --discriminator.cell. Received: lstm"),
        (["--adversarial.generator-steps", "-1"], "`generator_steps` must be at least 0. Received: -1"),
        (["--adversarial.likelihood-steps", "-1"], "`likelihood_steps` must be at least 0. Received: -1"),
        (["--batch-size", "0"], "batch_size"),
        (["--batch-size", "-4"], "batch_size"),
        (["--adversarial.evaluate-every", "0"], "evaluate_every"),
        (["--corpus.sequence-length", "0"], "sequence_length"),
    ],
)
def test_settings_outside_their_range_are_refused(flags, message, refused, base, tmp_path):
    oracle = ["--oracle-weights", tiny_runs.oracle_npz(base), "--corpus.oracle-sequences", "10"]
    assert message in refused("train", "--output-dir", tmp_path / "run", *oracle, *FLAGS, *flags)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("split", ["0", "1", "1.5"])
def test_a_validation_split_outside_its_range_is_refused(split, refused, text, tmp_path):
    flags = ["--data", text.data, "--output-dir", tmp_path / "run", *FLAGS, "--corpus.validation-split", split]
    assert f"`validation_split` must be between 0 and 1. Received: {float(split)}" in refused("train", *flags)


def test_oracle_weights_of_the_wrong_shape_are_refused(refused, base, tmp_path):
    path = tmp_path / "bad.npz"
    np.savez(path, **(dict(np.load(tiny_runs.oracle_npz(base))) | {"Ui": np.zeros([4, 5])}))
    line = refused("train", "--oracle-weights", path, "--output-dir", tmp_path / "run", *FLAGS)
    assert f"{path}: expected array 'Ui' of shape (4, 4). Received: (4, 5)" in line
    assert not (tmp_path / "run").exists()


def test_oracle_weights_that_are_missing_or_given_with_text_are_refused(refused, base, text, tmp_path):
    flags = ["--output-dir", tmp_path / "run", *FLAGS]
    assert "no.npz: expected a readable .npz file" in refused("train", "--oracle-weights", tmp_path / "no.npz", *flags)
    both = ["--oracle-weights", tiny_runs.oracle_npz(base), "--data", text.data]
    assert "--oracle-weights is for runs on an oracle" in refused("train", *both, *flags)


def test_a_directory_that_already_holds_a_run_is_refused(refused, oracle_directory):
    line = refused("train", "--output-dir", oracle_directory, *FLAGS)
    assert f"{oracle_directory}: already holds a run. Give another --output-dir, or --resume to continue it" in line


def test_a_file_as_output_directory_is_refused(refused, base, text):
    oracle = ["--oracle-weights", tiny_runs.oracle_npz(base), "--corpus.oracle-sequences", "10"]
    line = refused("train", "--output-dir", text.data, *oracle, *FLAGS)
    assert f"{text.data}: expected a directory. Received: a file" in line
    assert str(text.data) in refused("train", "--output-dir", text.data / "inside", *oracle, *FLAGS)


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
def test_an_invalid_toml_file_is_refused(content, message, refused, tmp_path):
    path = tmp_path / "my.toml"
    if content is not None:
        path.write_text(content)
    assert message in refused("train", "--config", path, "--output-dir", tmp_path / "run")


def test_tensorboard_is_refused_if_it_is_not_installed(refused, monkeypatch, tmp_path):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tensorboard" else find_spec(name))
    line = refused("train", "--tensorboard", "--output-dir", tmp_path / "run", *FLAGS)
    assert "--tensorboard needs tensorboard: pip install 'seqgan-tf[plot]'" in line
    with contextlib.suppress(FileNotFoundError):
        assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize("name", ["--corpus.vocabulary-size", "--corpus.min-frequency"])
def test_a_negative_limit_of_the_vocabulary_is_refused(name, refused, text, tmp_path):
    line = refused("train", "--data", text.data, "--output-dir", tmp_path / "run", *FLAGS, name, "-1")
    assert name.split(".")[1].replace("-", "_") in line


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--seed", "3"], "`seed` must be 0, as in "),
        (["--generator.hidden-dim", "5"], "`generator.hidden_dim` must be 4, as in "),
        (["--rollout.num-rollouts", "0"], "`num_rollouts` must be at least 1. Received: 0"),
    ],
)
def test_a_branch_with_other_models_or_invalid_settings_is_refused(flags, message, refused, oracle_directory, tmp_path):
    line = refused("train", "--pretrained", oracle_directory, "--output-dir", tmp_path / "run", *flags)
    assert message in line
    assert not (tmp_path / "run").exists()


def test_a_branch_needs_a_run_that_has_finished_its_pretraining(refused, base, tmp_path):
    line = refused("train", "--pretrained", tmp_path / "no", "--output-dir", tmp_path / "run")
    assert str(tmp_path / "no") in line
    early = tiny_runs.early_run(base)
    line = refused("train", "--pretrained", early, "--output-dir", tmp_path / "run")
    assert f"{early}: expected a run that has finished its pre-training. Received: one that has not" in line
    assert not (tmp_path / "run" / "config.toml").exists()
