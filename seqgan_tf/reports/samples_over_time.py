"""The samples that a run wrote at its evaluations, and their diversity."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seqgan_tf.core.files import read_text
from seqgan_tf.data.records import CELL, CODE
from seqgan_tf.metrics.diversity import distinct
from seqgan_tf.reports.plots import new_figure, save_figure
from seqgan_tf.runs.rows import Row, samples_file

ORDERS = (1, 2, 3)


class Samples(NamedTuple):
    """The samples of an evaluation.

    Attributes:
        phase: name of the phase.
        step: steps of the phase.
        texts: the samples; where there are conditions, each with its condition and a TAB before it.

    Example:
    ```python
    import pathlib

    import seqgan_tf as sg
    from seqgan_tf.reports.samples_over_time import Samples, read_samples

    rows = sg.load_run("runs/poems").restore().rows
    found: list[Samples] = read_samples(pathlib.Path("runs/poems"), rows, "text")
    print(found[-1].phase, found[-1].texts[:2])
    ```
    """

    phase: str
    step: int
    texts: list[str]


def read_samples(directory: Path, rows: Sequence[Row], task: str | None) -> list[Samples]:
    """The samples of the evaluations of a run, in order; evaluations whose file is missing are left out.

    Args:
        directory: the run directory.
        rows: the evaluations.
        task: what the sequences are generated for.

    Raises:
        InputError: a file cannot be read.
    """
    found = []
    for row in rows:
        path = samples_file(directory, row["phase"], row["step"])
        if path.exists():
            text = read_text(path, "samples of a run").removesuffix("\n")
            texts = text.split("\n")
            if task == CODE:
                texts = [part.strip("\n") for part in f"\n{text}\n".split(f"\n{CELL}\n")[1:]]
            found.append(Samples(row["phase"], row["step"], texts))
    return found


def diversity(samples: Sequence[Samples]) -> dict[str, list[float]]:
    """{name: number of different n-grams of words / number of n-grams, for each evaluation; NaN where there is none}.

    What is before a TAB is the condition, and does not count.
    """
    found: dict[str, list[float]] = {f"distinct-{n}": [] for n in ORDERS}
    for each in samples:
        numbers: dict[str, int] = {}
        sequences = [
            [numbers.setdefault(word, len(numbers)) for word in text.rpartition("\t")[2].split()] for text in each.texts
        ]
        sequences = [sequence for sequence in sequences if sequence]
        longest = max(map(len, sequences), default=0)
        for n in ORDERS:
            found[f"distinct-{n}"].append(distinct(sequences, n).share if longest >= n else float("nan"))
    return found


def plot_diversity(samples: Sequence[Samples], path: str | os.PathLike) -> None:
    """Plots `diversity` over the evaluations.

    Args:
        samples: the samples of each evaluation, in order.
        path: PNG file to write.

    Raises:
        MissingExtraError: matplotlib is not installed.
        InputError: the file cannot be written.
    """
    figure = new_figure(figsize=(9, 3.5), layout="constrained")
    axes = figure.subplots()
    for name, values in diversity(samples).items():
        axes.plot(range(len(samples)), values, marker="o", markersize=3.5, label=name)
    every = -(-len(samples) // 12)
    places = [f"{each.phase} {each.step}" for each in samples]
    axes.set_xticks(range(0, len(samples), every), places[::every], rotation=20, ha="right", fontsize=8)
    axes.set_ylim(0, 1.03)
    axes.grid(alpha=0.25)
    axes.legend(loc="best")
    save_figure(figure, path)
