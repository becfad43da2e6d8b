"""Helpers of the tests of the command line: the command as a process, and the files that it writes."""

import csv
import json
import os
import subprocess
import sys

FEW = ["--samples", "20"]


def start(arguments, variables=None, **settings):
    """Starts the command as a process, in the environment of a user, with more variables."""
    environment = {k: v for k, v in os.environ.items() if k not in ("TF_CPP_MIN_LOG_LEVEL", "COLUMNS")}
    command = [sys.executable, "-m", "seqgan_tf", *map(str, arguments)]
    return subprocess.Popen(
        command,
        env=environment | (variables or {}),
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


def written(directory):
    """The contents of report.md and report.json in a directory: (text, report)."""
    report = json.loads((directory / "report.json").read_text(encoding="utf-8"))
    return (directory / "report.md").read_text(encoding="utf-8"), report


def rows_without_seconds(directory):
    with open(directory / "metrics.csv", newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]
