"""Settings from flags, a TOML file, a preset or a run; and invalid arguments."""

import contextlib
import dataclasses
import io

import pytest
import tiny_runs

from seqgan_tf.cli import main, train
from seqgan_tf.runs import config, presets, toml

FLAGS = tiny_runs.FLAGS


def parsed(*arguments):
    return main.parse(["train", *map(str, arguments)])


def test_flags_override_the_toml_file_which_overrides_the_preset(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text("seed = 7\nbatch_size = 5\n[rollout]\nnum_rollouts = 3\nstride = 2\n")
    command = parsed("--preset", "paper", "--config", path, "--seed", "8", "--rollout.stride", "4")
    assert (command.seed, command.batch_size) == (8, 5)
    assert (command.rollout.num_rollouts, command.rollout.stride) == (3, 4)
    assert command.rollout.update_rate == presets.preset("paper", "oracle").rollout.update_rate
    assert command.adversarial == presets.preset("paper", "oracle").adversarial


def text_of(tmp_path, name="a.txt", text="a b\n"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_setting_that_the_estimator_does_not_take_is_refused(refused, tmp_path):
    data = text_of(tmp_path)
    line = refused("train", "--data", data, "--rollout.num-rollouts", "8")
    assert "`rollout.num_rollouts` needs estimator.kind rollout. Received: terminal" in line
    for flag in (["--rollout.num-rollouts", "4"], ["--rollout.num-rollouts=4"]):  # 4 is the default
        line = refused("train", *flag)
        assert "`rollout.num_rollouts` needs estimator.kind rollout. Received: next_token" in line
    line = refused("train", "--data", data, "--rollout.stride", "8")
    assert "`rollout.stride` needs estimator.kind rollout or tree. Received: terminal" in line
    line = refused("train", "--estimator.kind", "rollout", "--estimator.simulations", "8")
    assert "`estimator.simulations` needs estimator.kind tree. Received: rollout" in line
    line = refused("train", "--estimator.kind", "next_token", "--rollout.reward", "log_odds")
    assert "`rollout.reward` needs estimator.kind rollout or tree or terminal. Received: next_token" in line
    table = text_of(tmp_path, "my.toml", "[rollout]\nnum_rollouts = 8\n")
    line = refused("train", "--data", data, "--config", table)
    assert f"{table}: `rollout.num_rollouts` needs estimator.kind rollout. Received: terminal" in line


def test_a_setting_that_the_task_does_not_take_is_refused(refused, tmp_path):
    data = text_of(tmp_path)
    words = "text or pairs or labels or dialogue or captions or code"
    line = refused("train", "--corpus.vocabulary-size", "50")
    assert f"`corpus.vocabulary_size` needs the task {words}. Received: oracle" in line
    line = refused("train", "--level", "char")
    assert f"`level` needs the task {words}. Received: oracle" in line
    line = refused("train", "--data", data, "--corpus.oracle-sequences", "50")
    assert "`corpus.oracle_sequences` needs the task oracle. Received: text" in line
    line = refused("train", "--data", data, "--target", data, "--corpus.turns", "2")
    assert "`corpus.turns` needs the task dialogue. Received: pairs" in line
    line = refused("train", "--data", data, "--task", "music", "--corpus.source-length", "2")
    assert "`corpus.source_length` needs the task pairs or dialogue. Received: music" in line
    table = text_of(tmp_path, "my.toml", "[corpus]\nbars = 8\n")
    line = refused("train", "--data", data, "--config", table)
    assert f"{table}: `corpus.bars` needs the task music. Received: text" in line


def test_settings_of_the_estimator_that_is_chosen_are_taken(tmp_path):
    data, kind = text_of(tmp_path), ("--estimator.kind", "rollout")
    assert parsed("--data", data, *kind, "--rollout.num-rollouts", 8).rollout.num_rollouts == 8
    table = text_of(tmp_path, "my.toml", "[rollout]\nnum_rollouts = 8\n")
    assert parsed("--data", data, *kind, "--config", table).rollout.num_rollouts == 8
    # A file that names its estimator may hold the settings of others, as the config.toml of every run does.
    whole = text_of(tmp_path, "whole.toml", "[estimator]\nkind = 'terminal'\n[rollout]\nnum_rollouts = 8\n")
    assert parsed("--data", data, "--config", whole).estimator.kind == "terminal"


def test_without_flags_the_settings_are_those_of_the_quick_preset(tmp_path):
    def settings(command):
        return config.RunSettings(**{f.name: getattr(command, f.name) for f in dataclasses.fields(config.RunSettings)})

    assert settings(parsed()) == presets.preset("quick", "oracle")
    assert settings(parsed("--preset", "paper")) == presets.preset("paper", "oracle")
    on_text = dataclasses.replace(presets.preset("quick", "text"), data=tmp_path / "a.txt")
    assert settings(parsed("--data", tmp_path / "a.txt")) == on_text
    assert settings(parsed(f"--data={tmp_path / 'a.txt'}")) == on_text
    path = tmp_path / "my.toml"
    path.write_text(toml.to_toml(config.RunSettings(data=tmp_path / "a.txt")).splitlines()[0])
    assert settings(parsed("--config", path)) == on_text


def test_the_quick_preset_on_the_oracle_follows_the_estimator_and_the_discriminator(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text('[discriminator]\nkind = "recurrent"\n')
    found = [parsed(*flags) for flags in ((), ("--estimator.kind", "tree"), ("--config", str(path)))]
    assert [(one.estimator.kind, one.discriminator.kind) for one in found] == [
        ("next_token", "ngram"),
        ("tree", "cnn"),
        ("rollout", "recurrent"),
    ]
    assert [one.adversarial.kl_weight for one in found] == [1, 0, 0]


def test_the_config_file_of_a_run_can_be_passed_to_another(oracle_directory, base):
    command = parsed("--config", oracle_directory / "config.toml")
    made = tiny_runs.oracle_run(base).settings
    for field in dataclasses.fields(made):
        assert getattr(command, field.name) == getattr(made, field.name)


def test_a_resumed_run_takes_its_settings_from_its_directory(oracle_directory, base):
    made = tiny_runs.oracle_run(base).settings
    command = parsed("--resume", "--output-dir", oracle_directory, "--adversarial.rounds", "50")
    assert command.adversarial == dataclasses.replace(made.adversarial, rounds=50)
    assert command.generator == made.generator


def test_the_default_directory_is_the_next_free_one_under_runs(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    settings = config.RunSettings()
    assert str(train._new_directory(settings, "quick")) == "runs/oracle-quick-1"
    (tmp_path / "runs" / "oracle-quick-1").mkdir(parents=True)
    assert str(train._new_directory(settings, "quick")) == "runs/oracle-quick-2"
    poems = dataclasses.replace(settings, data=tmp_path / "poems.txt")
    assert str(train._new_directory(poems, "paper")) == "runs/poems-paper-1"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["train", "--help"], ["generate", "-h"], ["evaluate", "--help"], ["compare", "-h"]]
)
def test_help_is_printed_with_exit_code_0(arguments, capsys):
    with pytest.raises(SystemExit) as exit:
        main.main(arguments)
    out, err = capsys.readouterr()
    assert (exit.value.code or 0, err) == (0, "")
    assert "usage: seqgan-tf" in out


def test_the_help_of_train_shows_the_settings_of_a_command_without_flags(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "500")
    with pytest.raises(SystemExit):
        main.main(["train", "--data", "no such file", "--help"])
    out = " ".join(capsys.readouterr().out.replace("│", " ").split())
    preset = presets.preset("quick", "oracle")
    assert f"the number of completions of every prefix. (default: {preset.rollout.num_rollouts})" in out
    assert f"Maximum number of epochs of the generator. (default: {preset.pretrain.epochs})" in out


def test_resume_without_a_directory_is_refused(refused):
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
def test_resume_with_other_settings_is_refused(flags, refused, oracle_directory):
    line = refused("train", "--resume", "--output-dir", oracle_directory, *flags)
    assert "--resume takes the settings of the run: only --adversarial.rounds can be given with it" in line
    assert f"Received: {flags[0]} {flags[1]}, instead of " in line


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
def test_invalid_arguments_are_refused(arguments, names, refused):
    line = refused(*arguments)
    for name in names:
        assert name in line
    assert "(see --help)" in line


def test_invalid_arguments_are_refused_on_an_ascii_terminal():
    err = io.StringIO()
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding="ascii")), contextlib.redirect_stderr(err):
        assert main.main(["train", "--batch-size", "many"]) == 2
    assert "--batch-size" in err.getvalue()
    assert err.getvalue().count("\n") == 1
