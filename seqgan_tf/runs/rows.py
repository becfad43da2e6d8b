"""metrics.csv: the evaluations of a run, one per row."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqgan_tf.core.files import write_file
from seqgan_tf.core.steps import DISCRIMINATOR_LOGS, GENERATOR_LOGS, LIKELIHOOD_LOGS
from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics.metric import metric_of

FILE = "metrics.csv"
HELD_OUT_COLUMNS = (
    "nll_test",
    "nll_oracle",
    "held_out_real_accuracy",
    "held_out_generated_accuracy",
    "held_out_gain",
)
COLUMNS = ("phase", "step", "seconds", *HELD_OUT_COLUMNS, *LIKELIHOOD_LOGS, *GENERATOR_LOGS, *DISCRIMINATOR_LOGS)
Row = dict[str, Any]


def read_rows(path: Path, count: int) -> list[Row]:
    """Reads the first rows of a metrics.csv. Numbers are converted; empty columns are left out.

    Args:
        path: the file.
        count: number of rows to read; later ones are ignored.

    Raises:
        InputError: the file is missing or damaged, or has fewer rows.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = [_numbers(row) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        rows = []
    if len(rows) < count:
        raise InputError(f"{path}: expected {count} evaluations. Received: a missing or damaged file")
    return rows[:count]


def write_rows(path: Path, rows: list[Row]) -> None:
    """Writes a metrics.csv, whole or not at all."""

    def write(temporary: Path) -> None:
        with open(temporary, "w", newline="", encoding="utf-8") as file:
            more = dict.fromkeys(name for row in rows for name in row if name not in COLUMNS)  # such as objectives
            writer = csv.DictWriter(file, [*COLUMNS, *more])
            writer.writeheader()
            writer.writerows(rows)

    write_file(path, write)


def samples_file(directory: Path, phase: str, step: int) -> Path:
    """The file with the samples of an evaluation of a run."""
    return directory / "samples" / f"{phase.replace(' ', '-')}-{step:05d}.txt"


def last_of_each_phase(rows: Sequence[Row]) -> list[Row]:
    """The final evaluation of each phase, in order."""
    return list({row["phase"]: row for row in rows}.values())


def _numbers(row: dict[str, str]) -> Row:
    for name in set(row) - set(COLUMNS):
        metric_of(name)  # an InputError, which is a ValueError
    numbers = {name: float(value) for name, value in row.items() if value and name not in ("phase", "step")}
    return {"phase": row["phase"], "step": int(row["step"])} | numbers
