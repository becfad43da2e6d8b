"""Kills runs at random moments, resumes them, and compares their end with that of runs that were never stopped.

    python tests/reliability/kills.py --kills 200

A worker process trains tiny runs one after another: on an oracle, and on text with early stopping and a lagged roll-out
policy. It is killed (SIGKILL) after a random time, so in steps, in saves, in evaluations and at the start of a run. The
next worker resumes the run. In the end every variable (weights, optimizer slots, random state), every row of
metrics.csv but its seconds, and every file of samples must be equal, byte for byte, to those of an uninterrupted run;
and two uninterrupted runs must be equal too. Prints one line of JSON.
"""

import argparse
import csv
import hashlib
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

SUPPORT = pathlib.Path(__file__).parents[1] / "support"
WORKER = """
import dataclasses, pathlib, sys, time
sys.path.insert(0, {support!r})
import tiny_runs
from seqgan_tf.runs import config, training
from seqgan_tf.runs.directory import create_run, open_run

training.CHECKPOINT_SECONDS = 0.05  # so that many of the kills fall into saves
base, directory, kind = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
settings = tiny_runs.oracle_settings(base)
if kind == "text":
    settings = dataclasses.replace(
        settings, data=tiny_runs.write_lines(base / "words.txt"), oracle_weights=None,
        pretrain=config.PretrainSettings(epochs=6, patience=2, learning_rate=0.05, discriminator_steps=4),
        rollout=dataclasses.replace(settings.rollout, reward="log_odds"),
    )
print("ready", flush=True)  # TensorFlow is imported
if (directory / "config.toml").exists():
    run = open_run(directory)
    state = run.state()
    if state.has_checkpoint:
        state.restore()
    for note in state.notes:
        print("note", note, flush=True)
else:
    run = create_run(directory, settings)
    state = run.state()
with state.locked():
    for progress in run.training(state).run():
        pass
print("done", flush=True)
"""


def start(base: pathlib.Path, directory: pathlib.Path, kind: str) -> subprocess.Popen:
    """A worker, after its imports."""
    code = WORKER.format(support=str(SUPPORT))
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(base), str(directory), kind],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    while (line := process.stdout.readline()) and line.strip() != "ready":
        pass
    return process


def contents(directory: pathlib.Path) -> dict[str, str]:
    """A digest of each variable of the last checkpoint, of each row, and of each file of samples."""
    import numpy as np
    import tensorflow as tf

    from seqgan_tf.runs import checkpoint_files

    folder = directory / "checkpoints"
    found = {}
    for name, path in {
        "last": checkpoint_files.path_of(folder, checkpoint_files.numbered(folder)[0]),
        "pretrained": str(folder / "pretrained"),
    }.items():
        reader = tf.train.load_checkpoint(path)
        for key in reader.get_variable_to_shape_map():
            if "state/0/" in key or "save_counter" in key or key == "_CHECKPOINTABLE_OBJECT_GRAPH":
                continue  # the seconds, and how often a checkpoint was written
            found[f"{name} {key}"] = hashlib.sha256(np.asarray(reader.get_tensor(key)).tobytes()).hexdigest()
    with open(directory / "metrics.csv", newline="") as file:
        for i, row in enumerate(csv.DictReader(file)):
            found[f"row {i}"] = json.dumps({key: value for key, value in row.items() if key != "seconds"})
    for path in sorted((directory / "samples").iterdir()):
        found[f"samples {path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    report = {"kills": 0, "runs": 0, "differences": [], "failures": [], "fallbacks": 0, "equal_uninterrupted": True}
    with tempfile.TemporaryDirectory() as folder:
        base = pathlib.Path(folder)
        whole, seconds = {}, {}
        for kind in ("oracle", "text"):
            for name in ("a", "b"):
                begin = time.monotonic()
                process = start(base, base / f"whole-{kind}-{name}", kind)
                imported = time.monotonic()
                out, err = process.communicate()
                assert process.returncode == 0, err
                seconds[kind] = time.monotonic() - imported
                print(f"{kind}: {imported - begin:.1f} s of imports, {seconds[kind]:.1f} s of run", file=sys.stderr)
            whole[kind] = contents(base / f"whole-{kind}-a")
            report["equal_uninterrupted"] &= whole[kind] == contents(base / f"whole-{kind}-b")
        while report["kills"] < arguments.kills:
            kind = ("oracle", "text")[report["runs"] % 2]
            directory = base / f"run-{report['runs']}"
            report["runs"] += 1
            is_done = False
            while not is_done:
                process = start(base, directory, kind)
                try:
                    if report["kills"] >= arguments.kills:
                        raise AssertionError("enough kills: to its end")
                    process.wait(timeout=draw.uniform(0, 0.8 * seconds[kind]))
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    report["kills"] += 1
                    print(f"{report['kills']} kills, run {report['runs']}", file=sys.stderr, flush=True)
                except AssertionError:
                    pass
                out, err = process.communicate()
                report["fallbacks"] += out.count("note ")
                is_done = process.returncode == 0
                if not is_done and process.returncode != -signal.SIGKILL:
                    report["failures"].append(err[-500:])
                    break
            if is_done:
                found = contents(directory)
                different = [key for key in whole[kind] | found if whole[kind].get(key) != found.get(key)]
                if different:
                    report["differences"].append({"run": directory.name, "kind": kind, "keys": different[:5]})
    print(json.dumps(report))
    return int(bool(report["differences"] or report["failures"]) or not report["equal_uninterrupted"])


if __name__ == "__main__":
    sys.exit(main())
