"""`seqgan-tf train` from end to end: its output, its files, interruption and resumption."""

import shutil
import signal
import time

import tiny_runs
from cli_runs import phases_and_steps, rows_without_seconds, start

from seqgan_tf.runs import config
from seqgan_tf.runs.directory import load_run, open_run

FLAGS = tiny_runs.FLAGS


def test_training_on_an_oracle_prints_its_evaluations_and_nothing_on_stderr(base, tmp_path):
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
    # It has the same steps as the tiny run that is trained in this process.
    assert phases_and_steps(directory) == phases_and_steps(tiny_runs.oracle_run(base).directory)


def test_training_on_text_prints_samples_without_unknown_words(text):
    assert (text.code, text.err) == (0, "")
    assert text.out.startswith("36 sequences of words.txt, 5 tokens, vocabulary 10; run directory ")
    assert "NLL-oracle" not in text.out
    samples = [line for line in text.out.splitlines() if line.startswith("  ")]
    assert len(samples) == 5
    assert {word for line in samples for word in line.split()} <= set(tiny_runs.WORDS)


def test_a_run_with_a_recurrent_discriminator_resumes_where_it_stopped(base, run, tmp_path):
    oracle = ["--oracle-weights", tiny_runs.oracle_npz(base), "--corpus.oracle-sequences", "10"]
    kind = ["--discriminator.kind", "recurrent", "--discriminator.hidden-dim", "4", "--discriminator.cell", "lstm"]
    kind += ["--discriminator.widths", "none", "--discriminator.filters", "none"]  # which `FLAGS` sets
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    code, _, err = run("train", "--output-dir", whole, *oracle, *FLAGS, *kind)
    assert (code, err) == (0, "")
    assert "held_out_real_accuracy" in rows_without_seconds(whole)[-1]
    code, _, err = run("train", "--output-dir", stopped, *oracle, *FLAGS, *kind, "--adversarial.rounds", "2")
    assert (code, err) == (0, "")
    code, _, err = run("train", "--resume", "--output-dir", stopped, "--adversarial.rounds", "4")
    assert (code, err) == (0, "")
    assert rows_without_seconds(stopped)[-1] == rows_without_seconds(whole)[-1]
    discriminator = load_run(stopped).gan.discriminator
    assert (type(discriminator).__name__, discriminator.hidden_dim) == ("RecurrentDiscriminator", 4)
    assert tiny_runs.same(discriminator.get_weights(), load_run(whole).gan.discriminator.get_weights())


def test_training_on_text_says_how_many_lines_were_cut(base, run, tmp_path):
    data = tmp_path / "long.txt"
    data.write_text("\n".join(["red blue green red blue green"] * 3 + ["cat dog"] * 17))
    flags = ["--pretrain.epochs", "0", "--pretrain.discriminator-steps", "0", "--adversarial.rounds", "0"]
    code, out, _ = run("train", "--data", data, "--output-dir", tmp_path / "run", *FLAGS, *flags)
    assert code == 0
    assert out.splitlines()[1] == "3 lines are longer than 4 tokens and were cut"


def test_an_interrupted_run_resumes_where_it_stopped(base, run, tmp_path):
    directory = tmp_path / "run"
    oracle = [
        "--oracle-weights",
        tiny_runs.oracle_npz(base),
        "--corpus.oracle-sequences",
        "4000",
    ]  # 1,000 steps per epoch
    process = start(["train", "--output-dir", directory, *oracle, *FLAGS])
    try:
        while len(phases_and_steps(directory)) < 2 and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()
    assert (process.returncode, err) == (130, "")
    assert f"stopped; to continue: seqgan-tf train --resume --output-dir {directory}" in out
    done = phases_and_steps(directory)
    assert done[:2] == [("initial", 0), ("pretrain generator", 1)]
    assert len(done) < 6  # it was stopped before its end
    assert tiny_runs.last_checkpoint(directory, "data")[1].stat().st_size > 0
    lines = (directory / "metrics.csv").read_text().splitlines()

    code, out, err = run("train", "--resume", "--output-dir", directory)
    assert (code, err) == (0, "")
    assert (directory / "metrics.csv").read_text().splitlines()[: len(lines)] == lines
    generator = [("pretrain generator", 1), ("pretrain generator", 2)]
    rounds = [("adversarial", 2), ("adversarial", 4)]
    assert phases_and_steps(directory) == [("initial", 0), *generator, ("pretrain discriminator", 4), *rounds]
    assert "In the adversarial phase" in out


def test_resuming_a_finished_run_changes_nothing(run, base, oracle_directory, tmp_path):
    directory = shutil.copytree(oracle_directory, tmp_path / "run")
    code, out, err = run("train", "--resume", "--output-dir", directory)
    assert (code, err) == (0, "")
    assert (directory / "metrics.csv").read_bytes() == (oracle_directory / "metrics.csv").read_bytes()
    assert "In the adversarial phase" in out


def test_names_of_files_are_printed_as_they_are(run, base, tmp_path):
    data = tiny_runs.write_lines(tmp_path / "poems[old].txt")
    flags = ["--pretrain.epochs", "0", "--pretrain.discriminator-steps", "0", "--adversarial.rounds", "0"]
    code, out, _ = run("train", "--data", data, "--output-dir", tmp_path / "(bold) run", *FLAGS, *flags)
    assert code == 0
    assert out.startswith("36 sequences of poems[old].txt, ")
    assert str(tmp_path / "(bold) run") in out.splitlines()[0]


def test_a_run_with_the_rewards_of_all_next_tokens_and_its_ablations(run, base, tmp_path):
    flags = ["--discriminator.kind", "ngram", "--estimator.kind", "next_token", "--adversarial.kl-weight", "0.5"]
    flags += ["--oracle-weights", tiny_runs.oracle_npz(base), "--corpus.sequence-length", "5", "--batch-size", "4"]
    flags += ["--corpus.oracle-sequences", "10", "--pretrain.epochs", "1", "--pretrain.discriminator-steps", "1"]
    flags += ["--adversarial.rounds", "2", "--adversarial.evaluate-every", "1"]
    code, _, err = run("train", *flags, "--controls", "--output-dir", tmp_path / "run")
    assert (code, err) == (0, "")
    last = {}
    for name in (".", "controls/constant", "controls/noise"):
        *_, pretrained, first, last[name] = rows_without_seconds(tmp_path / "run" / name)
        assert (pretrained["phase"], first["phase"], first["step"]) == ("pretrain discriminator", "adversarial", "1")
        assert float(first["kl"]) >= 0
    assert float(last["controls/constant"]["kl"]) == 0
    assert last["controls/constant"]["nll_test"] == pretrained["nll_test"]
    assert len({row["nll_test"] for row in last.values()}) == 3


def test_a_run_can_start_from_the_pretraining_of_another(run, oracle_directory, tmp_path):
    flags = ["--adversarial.rounds", "1", "--adversarial.control", "noise", "--rollout.num-rollouts", "1"]
    code, out, err = run("train", "--pretrained", oracle_directory, "--output-dir", tmp_path / "run", *flags)
    assert (code, err) == (0, "")
    rows = rows_without_seconds(tmp_path / "run")
    assert rows[:4] == rows_without_seconds(oracle_directory)[:4]
    assert [(row["phase"], row["step"]) for row in rows[4:]] == [("adversarial", "1")]
    assert [line.split(":")[0] for line in out.splitlines()[1:2]] == ["adversarial 1"]
    settings = open_run(tmp_path / "run").settings
    assert config.difference(open_run(oracle_directory).settings, settings) == {
        "adversarial.rounds": (4, 1),
        "adversarial.control": ("none", "noise"),
        "rollout.num_rollouts": (2, 1),
    }
