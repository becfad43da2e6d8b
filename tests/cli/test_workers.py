"""Two workers: the run is that of one device, worker 0 alone writes it, and none waits for one that ended."""

import csv
import re
import signal
import time

import numpy as np
import pytest
import tiny_runs
import two_workers

NO_DROPOUT = ("--generator.dropout", "0", "--discriminator.dropout", "0")  # each replica draws masks of its own
ENDLESS = ("--adversarial.rounds", "100000")


def data_of(kind, base):
    """Flags of a run on text, or on pairs."""
    if kind == "text":
        return ["--data", tiny_runs.write_lines(base / "words.txt")]
    sources, targets = tiny_runs.write_pairs(base)
    return ["--data", sources, "--target", targets, *tiny_runs.CONDITIONAL_FLAGS, "--encoder.dropout", "0"]


@pytest.fixture(scope="module")
def one(base):
    """{kind of data: its flags and the directory of a finished run on one device}."""
    found = {}
    for kind in ("text", "pairs"):
        folder = base / f"workers-{kind}"
        folder.mkdir()
        flags = data_of(kind, folder)
        assert tiny_runs.train(folder / "run", *flags, more=NO_DROPOUT).code == 0
        found[kind] = [*flags, *tiny_runs.FLAGS, *NO_DROPOUT], folder / "run"
    return found


def rows_of(directory):
    with open(directory / "metrics.csv", newline="") as file:
        return {(row["phase"], int(row["step"])): row for row in csv.DictReader(file)}


def assert_same(directory, expected):
    """Asserts that the evaluations and the samples of a run are those of another, as far as both go."""
    found, others = rows_of(directory), rows_of(expected)
    assert set(others) <= set(found)
    for row, other in others.items():
        for name, value in other.items():
            if name not in ("phase", "step", "seconds") and value:
                np.testing.assert_allclose(float(found[row][name]), float(value), rtol=1e-5, atol=1e-5, err_msg=name)
    for path in (expected / "samples").iterdir():
        assert (directory / "samples" / path.name).read_text() == path.read_text()


def names_in(directory):
    """The files of a run; how many checkpoints there were depends on the time that it took."""
    return {re.sub(r"ckpt-\d+", "ckpt", str(path.relative_to(directory))) for path in directory.rglob("*")}


@pytest.mark.long
@pytest.mark.parametrize("kind", ["text", "pairs"])
def test_two_workers_make_the_run_of_one_device(kind, one, tmp_path):
    flags, expected = one[kind]
    processes, addresses, folders = two_workers.start(tmp_path / "run", *flags)
    (code, out, err), others = two_workers.finish(processes)
    assert (code, err) == (0, "")
    assert out.startswith(f"worker 0 of 2, {addresses[0]}: waits for the others\n")
    assert others == (0, f"worker 1 of 2, {addresses[1]}: waits for the others\n", "")
    assert_same(tmp_path / "run", expected)
    assert names_in(tmp_path / "run") == names_in(expected)
    assert not [*folders[1].rglob("*")]


@pytest.mark.long
@pytest.mark.parametrize("killed", [0, 1])
def test_a_killed_worker_ends_the_other_and_the_run_resumes_on_two_workers_and_on_one(killed, one, run, tmp_path):
    flags, expected = one["text"]
    directory = tmp_path / "run"
    processes, addresses, _ = two_workers.start(directory, *flags, *ENDLESS)
    two_workers.wait_for_row(directory, ("adversarial", 2), processes)
    processes[killed].kill()
    began = time.monotonic()
    code, _, err = two_workers.finish(processes)[1 - killed]
    assert time.monotonic() - began < 60
    assert (code, err) == (
        3,
        f"seqgan-tf: worker {1 - killed} of 2: worker {killed} ({addresses[killed]}) is gone; its own output may say "
        f"why. To continue, start all workers again with --resume --output-dir {directory}\n",
    )
    if killed:
        outputs = two_workers.train(directory, "--resume", "--adversarial.rounds", "4")
        assert [code for code, _, _ in outputs] == [0, 0], outputs
    else:
        assert run("train", "--resume", "--output-dir", directory, "--adversarial.rounds", "4")[0] == 0
    assert_same(directory, expected)


@pytest.mark.long
@pytest.mark.parametrize(("stopped", "number"), [(0, signal.SIGINT), (1, signal.SIGTERM)])
def test_a_signal_to_one_worker_stops_both_at_the_same_step(stopped, number, one, tmp_path):
    directory = tmp_path / "run"
    processes, _, folders = two_workers.start(directory, *one["text"][0], *ENDLESS)
    two_workers.wait_for_row(directory, ("adversarial", 2), processes)
    processes[stopped].send_signal(number)
    (code, out, err), (other_code, _, other_err) = two_workers.finish(processes)
    assert (code, err, other_code, other_err) == (130, "", 130, "")
    again = f"--resume --output-dir {directory} --strategy multi-worker"
    assert out.endswith(f"stopped; to continue: seqgan-tf train {again}\n")
    assert not [*folders[1].rglob("*")]
    outputs = two_workers.train(directory, "--resume", "--adversarial.rounds", "4")
    assert [code for code, _, _ in outputs] == [0, 0], outputs
    assert_same(directory, one["text"][1])


@pytest.mark.long
def test_workers_with_other_settings_are_refused_on_all(one, tmp_path):
    own_flags = [], ["--adversarial.discriminator-steps", "2"]
    outputs = two_workers.train(tmp_path / "run", *one["text"][0], own_flags=own_flags)
    line = (
        "seqgan-tf: --strategy multi-worker needs equal flags and settings on all workers. Received: others on some\n"
    )
    assert [(code, err) for code, _, err in outputs] == [(2, line)] * 2
    assert not (tmp_path / "run").exists()


@pytest.mark.long
def test_workers_with_other_data_are_refused_on_all(one, tmp_path):
    flags = [*tiny_runs.FLAGS, *NO_DROPOUT]
    paths = [tiny_runs.write_lines(tmp_path / f"{count}.txt", count) for count in (40, 39)]
    outputs = two_workers.train(tmp_path / "run", *flags, own_flags=[["--data", path] for path in paths])
    line = "seqgan-tf: --strategy multi-worker needs equal data on all workers. Received: others on some\n"
    assert [(code, err) for code, _, err in outputs] == [(2, line)] * 2


def test_a_wrong_tf_config_is_one_line(refused, monkeypatch, tmp_path):
    monkeypatch.setenv("TF_CONFIG", "{}")
    line = refused("train", "--strategy", "multi-worker", "--output-dir", tmp_path / "run")
    assert line.startswith("seqgan-tf: TF_CONFIG must name two or more workers and which one this is, such as {")
    assert line.endswith("Received: no addresses host:port in `cluster`\n")


def test_an_output_directory_is_needed(refused, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", two_workers.tf_configs()[0][0])
    assert refused("train", "--strategy", "multi-worker") == (
        "seqgan-tf: --strategy multi-worker needs --output-dir, which worker 0 writes. Received: none\n"
    )
