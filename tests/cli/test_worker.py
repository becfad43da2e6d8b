"""What one worker of several writes, and what it says when another one is gone; without processes."""

import pytest
import tensorflow as tf

from seqgan_tf.cli import console, worker
from seqgan_tf.cli.train import Train
from seqgan_tf.core.validation import InputError
from seqgan_tf.runs import devices
from seqgan_tf.runs.cluster import Cluster, LostWorkerError

PAIR = Cluster(("a:1", "b:2"), 0)
UNHEALTHY = (
    "Collective ops is aborted by: Error reported from /job:worker/task:1: these stopped sending heartbeats:\n/job:"
)
RESET = "Collective ops is aborted by: information from remote target /job:worker/replica:0/task:0 while calling"


def test_worker_0_writes_the_run_directory(tmp_path):
    with worker.one_of(PAIR, tmp_path) as own:
        assert own == tmp_path
        assert not console.console.quiet


@pytest.mark.parametrize("has_begun", [True, False])
def test_another_worker_writes_a_copy_that_is_removed_and_prints_nothing(has_begun, tmp_path):
    if has_begun:
        (tmp_path / "config.toml").write_text("a = 1")
    with worker.one_of(Cluster(PAIR.addresses, 1), tmp_path) as own:
        assert [path.name for path in own.parent.rglob("*")] == (["run", "config.toml"] if has_begun else [])
        own.mkdir(exist_ok=True)
        (own / "metrics.csv").touch()
        assert console.console.quiet
    assert not own.exists()
    assert not (tmp_path / "metrics.csv").exists()
    assert not console.console.quiet


@pytest.mark.parametrize(
    ("kind", "index", "message", "lost"),
    [
        (tf.errors.UnavailableError, 0, UNHEALTHY, "worker 1 (b:2)"),
        (tf.errors.UnavailableError, 1, RESET, "worker 0 (a:1)"),
        (tf.errors.InternalError, 0, UNHEALTHY, "worker 1 (b:2)"),
        (tf.errors.DeadlineExceededError, 0, "too late", "another worker"),
    ],
)
@pytest.mark.parametrize("has_begun", [True, False])
def test_a_lost_worker_is_one_line(kind, index, message, lost, has_begun, tmp_path):
    if has_begun:
        (tmp_path / "config.toml").touch()
    with pytest.raises(LostWorkerError) as error, worker.one_of(Cluster(PAIR.addresses, index), tmp_path):
        raise kind(None, None, message)
    again = f" with --resume --output-dir {tmp_path}" if has_begun else ""
    assert str(error.value) == (
        f"worker {index} of 2: {lost} is gone; its own output may say why. To continue, start all workers again{again}"
    )


def test_the_number_of_a_lost_worker_counts_the_chief(tmp_path):
    with pytest.raises(LostWorkerError) as error, worker.one_of(Cluster(("c:3", "a:1", "b:2"), 0, 1), tmp_path):
        raise tf.errors.UnavailableError(None, None, UNHEALTHY)
    assert "worker 2 (b:2) is gone" in str(error.value)


def test_other_errors_of_tensorflow_stay(tmp_path):
    with pytest.raises(tf.errors.InvalidArgumentError), worker.one_of(PAIR, tmp_path):
        raise tf.errors.InvalidArgumentError(None, None, "wrong shape")


@pytest.mark.parametrize(
    ("raised", "kind", "message"),
    [
        (
            tf.errors.UnknownError(None, None, "Could not start gRPC server"),
            InputError,
            "TF_CONFIG: expected a free port of this machine at a:1. Received: Could not start gRPC server",
        ),
        (
            tf.errors.DeadlineExceededError(None, None, "too late"),
            LostWorkerError,
            "a:1 did not find all other workers (too late). Start all workers again",
        ),
    ],
)
def test_workers_that_do_not_find_each_other_say_so(raised, kind, message, monkeypatch):
    def fail():
        raise raised

    monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", fail)
    monkeypatch.setattr(devices, "read_cluster", lambda: PAIR)
    with pytest.raises(kind) as error:
        devices.strategy_of.__wrapped__("multi-worker")
    assert str(error.value) == message


def test_a_lost_worker_is_exit_code_3(run, monkeypatch):
    def lose(command):
        raise LostWorkerError("worker 0 of 2: worker 1 (b:2) is gone")

    monkeypatch.setattr(Train, "run", lose)
    assert run("train") == (3, "", "seqgan-tf: worker 0 of 2: worker 1 (b:2) is gone\n")
