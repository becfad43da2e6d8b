"""Two workers of `tf.distribute.MultiWorkerMirroredStrategy` on this machine: processes with a TF_CONFIG each."""

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import time

import cli_runs

TIMEOUT = 900  # seconds until a run of a few steps must have ended, on a busy machine


def free_ports(count):
    """Ports that nobody listens to, below those that the system gives to clients."""
    found, draw = set(), random.Random()
    while len(found) < count:
        port = draw.randrange(20_000, 32_000)
        with socket.socket() as candidate, contextlib.suppress(OSError):
            candidate.bind(("127.0.0.1", port))
            found.add(port)
    return sorted(found)


def tf_configs(count=2):
    """TF_CONFIG of each of `count` workers at 127.0.0.1, and their addresses."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(count)]
    tasks = [{"type": "worker", "index": index} for index in range(count)]
    return [json.dumps({"cluster": {"worker": addresses}, "task": task}) for task in tasks], addresses


def start(directory, *flags, own_flags=((), ())):
    """Starts `seqgan-tf train` on two workers; what each writes outside of `directory` goes below its own folder.

    Returns:
        The processes, their addresses, and the folders of temporary files of each.
    """
    configs, addresses = tf_configs()
    folders = [directory.with_name(f"{directory.name}-temporary-{index}") for index in range(2)]
    processes = []
    for config, folder, own in zip(configs, folders, own_flags, strict=True):
        folder.mkdir(exist_ok=True)
        arguments = ["train", "--strategy", "multi-worker", "--output-dir", directory, *flags, *own]
        processes.append(cli_runs.start(arguments, {"TF_CONFIG": config, "TMPDIR": str(folder)}))
    return processes, addresses, folders


def finish(processes, timeout=TIMEOUT):
    """(exit code, stdout, stderr) of each, when all have ended. None is left when time is over."""
    ends = time.monotonic() + timeout
    try:
        outputs = [process.communicate(timeout=max(1, ends - time.monotonic())) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, *output) for process, output in zip(processes, outputs, strict=True)]


def train(directory, *flags, **settings):
    """Trains on two workers to the end: what `finish` returns."""
    return finish(start(directory, *flags, **settings)[0])


def run_script(path, *arguments):
    """Runs a Python script on two workers, worker i with arguments[i] too; asserts that it succeeds."""
    support = os.path.dirname(__file__)
    paths = os.pathsep.join([support, os.getcwd()])
    processes = [
        subprocess.Popen(
            [sys.executable, str(path), str(argument)],
            env=os.environ | {"TF_CONFIG": config, "PYTHONPATH": paths},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for config, argument in zip(tf_configs()[0], arguments, strict=True)
    ]
    for code, _, err in finish(processes):
        assert code == 0, err


def wait_for_row(directory, row, processes):
    """Waits until metrics.csv of a run has a row (phase, step)."""
    ends = time.monotonic() + TIMEOUT
    while row not in cli_runs.phases_and_steps(directory):
        assert time.monotonic() < ends
        assert all(process.poll() is None for process in processes)
        time.sleep(0.2)
