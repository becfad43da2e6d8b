"""`seqgan-tf generate`."""

import re

import pytest
import tiny_runs

FLAGS = tiny_runs.FLAGS


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


def test_generate_never_prints_the_unknown_token(run, text):
    _, out, _ = run("generate", text.directory, "--num-samples", "300")
    assert "<unk>" not in out
    assert set(out.split()) == set(tiny_runs.WORDS)


def test_generate_begins_every_line_with_the_prompt(run, text):
    _, out, _ = run("generate", text.directory, "--prompt", "red cat", "--num-samples", "20")
    assert all(line.startswith("red cat") for line in out.splitlines())
    assert len(set(out.splitlines())) > 1


def test_top_k_top_p_and_temperature_restrict_the_samples(run, text):
    free = run("generate", text.directory, "--num-samples", "200")[1].splitlines()
    assert len(set(free)) > 20
    for flags in (["--top-k", "1"], ["--top-p", "0.0001"], ["--temperature", "0.0001"]):
        _, out, _ = run("generate", text.directory, "--num-samples", "200", *flags)
        assert len(set(out.splitlines())) == 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--temperature", "-1"], "`temperature` must be a finite number of at least 0. Received: -1.0"),
        (["--temperature", "nan"], "`temperature` must be a finite number of at least 0. Received: nan"),
        (["--top-k", "0"], "`top_k` must be at least 1. Received: 0"),
        (["--top-p", "1.5"], "`top_p` must be in (0, 1]. Received: 1.5"),
        (["--num-samples", "0"], "`num_samples` must be at least 1. Received: 0"),
        (["--prompt", "red red red red red red"], "`prompt` must hold at most 5 tokens. Received: 6"),
    ],
)
def test_sampling_settings_outside_their_range_are_refused(flags, message, refused, text):
    assert message in refused("generate", text.directory, *flags)


def test_an_infinite_temperature_is_refused(refused, text):
    assert "`temperature`" in refused("generate", text.directory, "--temperature", "inf")


def test_a_sign_that_the_characters_lack_is_refused_and_named(base, run, refused, tmp_path):
    data = tmp_path / "names.txt"
    data.write_text("ANNA\nBOB\nABBA\nNOB\n" * 10)
    flags = ["--pretrain.epochs", "0", "--pretrain.discriminator-steps", "0", "--adversarial.rounds", "0"]
    directory = tmp_path / "run"
    code = run("train", "--data", data, "--level", "char", "--output-dir", directory, *FLAGS, *flags)[0]
    assert code == 0
    line = refused("generate", directory, "--prompt", "A B")
    assert line == "seqgan-tf: --prompt must hold tokens of the vocabulary only. Received: ' '\n"


def test_a_prompt_with_unknown_words_is_refused(refused, text):
    assert "zebra" in refused("generate", text.directory, "--prompt", "red zebra")


def test_strategies_print_lines_and_the_effective_sample_size(run, text):
    code, out, err = run("generate", text.directory, "--strategy", "mcts", "--simulations", "6", "--num-actions", "3")
    assert (code, err, out.count("\n")) == (0, "", 5)
    assert set(out.split()) <= set(tiny_runs.WORDS)
    code, out, err = run("generate", text.directory, "--strategy", "resample", "--particles", "4")
    assert (code, out.count("\n")) == (0, 5)
    shown = r"effective sample size: [1-4]\.\d on average, at least [1-4]\.\d, of 4 particles\n"
    assert re.fullmatch(shown, err)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--strategy", "mcts", "--simulations", "6"],
            "`simulations` must be at least `num_actions`, 8. Received: 6",
        ),
        (["--strategy", "mcts", "--num-beams", "4"], "`num_beams` must be 1 for `strategy` 'mcts'. Received: 4"),
        (["--strategy", "resample", "--particles", "0"], "`particles` must be at least 1. Received: 0"),
        (["--simulations", "9"], "--simulations needs --strategy mcts. Received: --strategy sample"),
        (
            ["--strategy", "mcts", "--particles", "9"],
            "--particles needs --strategy resample. Received: --strategy mcts",
        ),
    ],
)
def test_settings_of_a_strategy_that_do_not_fit_are_refused(flags, message, refused, text):
    assert refused("generate", text.directory, *flags) == f"seqgan-tf: {message}\n"


def test_a_strategy_needs_a_trained_discriminator(run, refused, tmp_path):
    data = tiny_runs.write_lines(tmp_path / "lines.txt")
    flags = ["--pretrain.epochs", "0", "--pretrain.discriminator-steps", "0", "--adversarial.rounds", "0"]
    assert run("train", "--data", data, "--output-dir", tmp_path / "run", *FLAGS, *flags)[0] == 0
    line = refused("generate", tmp_path / "run", "--strategy", "resample")
    needed = "--strategy resample needs a run whose discriminator is trained"
    assert line == f"seqgan-tf: {needed}. Received: {tmp_path / 'run'}, whose is not\n"
