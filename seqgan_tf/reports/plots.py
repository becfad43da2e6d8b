"""Plots: evaluations over time, quality against NLL-test, the calibration of a discriminator, and piano rolls."""

import csv
import io
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqgan_tf.core.files import read_text, write_file
from seqgan_tf.core.phases import ADVERSARIAL
from seqgan_tf.core.validation import InputError, require
from seqgan_tf.metrics.metric import METRICS, Metric
from seqgan_tf.runs.rows import Row, last_of_each_phase

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from seqgan_tf.data.tunes import Tune
    from seqgan_tf.metrics.sweep import TemperatureSweep

NLL_TEST, NLL_ORACLE = METRICS["nll_test"], METRICS["nll_oracle"]
PUBLISHED_COLUMNS = ("model", NLL_TEST.key, NLL_ORACLE.key)


def new_figure(**settings: Any) -> "Figure":
    """A figure of matplotlib, which needs no display.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    require("matplotlib", "a plot", "plot")
    from matplotlib.figure import Figure

    return Figure(**settings)


def save_figure(figure: "Figure", path: str | os.PathLike) -> None:
    """Writes a figure to a PNG file, whole or not at all."""
    write_file(path, lambda temporary: figure.savefig(temporary, dpi=110))


def png_of(plot: Callable[[Path], object]) -> bytes:
    """The contents of the PNG file that a function writes to the path that it is given."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        plot(path)
        return path.read_bytes()


def plot_curves(rows: Sequence[Row], path: str | os.PathLike) -> None:
    """Plots the evaluations of a run over its training time.

    Args:
        rows: evaluations, as `runs.rows.read_rows` returns them.
        path: PNG file to write.

    Raises:
        MissingExtraError: matplotlib is not installed.
        InputError: the file cannot be written.
    """
    figure = new_figure(figsize=(9, 6.5), layout="constrained")
    likelihood, accuracy = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    for axes, names in (
        (
            likelihood,
            {
                NLL_TEST.key: f"{NLL_TEST.label} (held-out data)",
                NLL_ORACLE.key: f"{NLL_ORACLE.label} (samples)",
            },
        ),
        (accuracy, {"held_out_real_accuracy": "real sequences", "held_out_generated_accuracy": "generated sequences"}),
    ):
        for name, label in names.items():
            points = [(row["seconds"], row[name]) for row in rows if name in row]
            if points:
                axes.plot(*zip(*points, strict=True), marker="o", markersize=3.5, label=label)
    # The axis leaves out the untrained generator, whose NLL would hide the differences between the later ones.
    trained = [row[name] for row in rows[1:] for name in (NLL_TEST.key, NLL_ORACLE.key) if name in row]
    if trained:
        margin = 0.05 * (max(trained) - min(trained)) + 0.02
        likelihood.set_ylim(min(trained) - margin, max(trained) + margin)
    phases = last_of_each_phase(list(rows))
    ends = [row["seconds"] for row in phases]
    for phase, start, end in zip(phases[1:], ends, ends[1:], strict=False):
        likelihood.axvspan(start, end, alpha=0.08, color="C2" if phase["phase"] == ADVERSARIAL else "0.5")
        accuracy.axvspan(start, end, alpha=0.08, color="C2" if phase["phase"] == ADVERSARIAL else "0.5")
        likelihood.annotate(
            phase["phase"].replace(" ", "\n"),
            ((start + end) / 2, 0.98),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="top",
            fontsize=9,
            color="0.35",
        )
    likelihood.set_ylabel(NLL_TEST.unit)
    accuracy.axhline(0.5, color="0.6", linewidth=0.8)
    accuracy.set_ylim(0, 1)
    accuracy.set_ylabel("accuracy of D, held-out")
    accuracy.set_xlabel("seconds")
    for axes in (likelihood, accuracy):
        axes.grid(alpha=0.25)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="best")
    save_figure(figure, path)


def read_published(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads published curves of NLL-test and NLL-oracle.

    Args:
        path: CSV file with the columns model, nll_test, nll_oracle. Points with nan or inf are left out.

    Returns:
        {model: float array [points, 2] of (NLL-test, NLL-oracle)}, in the order of the file.

    Raises:
        InputError: the file cannot be read, lacks a column, or has a value that is not a number.
    """
    reader = csv.DictReader(io.StringIO(read_text(path, "a CSV file"), newline=""))
    try:
        columns, rows = reader.fieldnames or (), [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise InputError(f"{path}: expected a CSV file ({error})") from error
    missing = [name for name in PUBLISHED_COLUMNS if name not in columns]
    if missing:
        raise InputError(f"{path}: expected the columns {', '.join(PUBLISHED_COLUMNS)}. Missing: {missing[0]}")
    curves: dict[str, list[tuple[float, float]]] = {}
    for line, row in rows:
        try:
            point = float(row[NLL_TEST.key]), float(row[NLL_ORACLE.key])
        except (TypeError, ValueError):
            raise InputError(f"{path}: expected numbers in line {line}. Received: {row}") from None
        if np.isfinite(point).all():
            curves.setdefault(row["model"], []).append(point)
    if not curves:
        raise InputError(f"{path}: expected at least one curve. Received: none")
    return {model: np.array(points) for model, points in curves.items()}


def plot_quality_diversity(
    curves: "Mapping[str, TemperatureSweep]",
    quality: Metric,
    path: str | os.PathLike,
    published: Mapping[str, np.ndarray] | None = None,
    oracle_entropy: float | None = None,
) -> None:
    """Plots quality against NLL-test: a curve per method, a thin line per seed, a dot with 95% bands at alpha 1.

    Args:
        curves: {name: temperature sweep}.
        quality: the metric of samples that the curves show. Its direction tells which corner is better.
        path: PNG file to write.
        published: curves to draw in grey, as `read_published` returns them. Defaults to None.
        oracle_entropy: entropy of the oracle, nats per token, drawn as a line. Defaults to None.

    Raises:
        MissingExtraError: matplotlib is not installed.
        InputError: the file cannot be written.
    """
    figure = new_figure(figsize=(9, 6.5), layout="constrained")
    axes = figure.subplots()
    for number, (name, curve) in enumerate(curves.items()):
        (nll, nll_half), (values, half) = curve.bands()
        color, several = f"C{number}", len(curve.seeds) > 1
        label = f"{name} ({len(curve.seeds)} seed{'s' * several})"
        axes.plot(nll, values, color=color, linewidth=2, label=label, zorder=3)
        if several:
            axes.plot(curve.nll_test.T, curve.quality.T, color=color, linewidth=0.7, alpha=0.5, zorder=3)
        one = np.isclose(curve.alphas, 1)
        bars = {"xerr": nll_half[one], "yerr": half[one]} if several else {}
        axes.errorbar(nll[one], values[one], **bars, fmt="o", color=color, markersize=7, capsize=3, zorder=4)
    # The axes have the range of the first curve: that of a far worse generator would hide the others' differences.
    first = next(iter(curves.values())).nll_test.mean(axis=0)
    means = [(c.nll_test.mean(axis=0), c.quality.mean(axis=0)) for c in curves.values()]
    left, right = min(nll.min() for nll, _ in means), first.max()
    shown = np.concatenate([values[nll <= right] for nll, values in means])
    low, high = shown.min(), shown.max()
    white_box = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    for number, (model, points) in enumerate((published or {}).items()):
        linestyle = ["-", "--", "-.", ":"][number % 4]
        # The underscore keeps the label out of the legend
        axes.plot(*points.T, label=f"_{model}", color="0.45", linewidth=1, linestyle=linestyle, zorder=2)
        inside = points[(points[:, 0] <= right) & (points[:, 1] >= low) & (points[:, 1] <= high)]
        if len(inside):  # the name is on the line: the grey lines would look alike in a legend
            # at one of three places, so that names do not overlap
            at = inside[len(inside) * (3 + 2 * (number % 3)) // 8]
            axes.annotate(model, at, fontsize=8, color="0.25", ha="center", va="center", zorder=5, bbox=white_box)
    if oracle_entropy is not None:
        axes.axhline(oracle_entropy, color="0.7", linewidth=0.8, zorder=1)
        axes.annotate(
            "entropy of the oracle: below it, diversity is lost",
            (0.99, oracle_entropy),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            fontsize=8,
            color="0.4",
            annotation_clip=True,
        )
    margin_x, margin_y = 0.06 * (right - left) + 0.01, 0.06 * (high - low) + 0.01
    axes.set_xlim(left - margin_x, right + margin_x)
    axes.set_ylim(low - margin_y, high + margin_y)
    better = {"lower": "; lower left is better", "higher": "; upper left is better", "none": ""}[quality.direction]
    axes.set_title(f"Each curve is one way of training, sampled at several temperatures (dot: 1){better}", fontsize=10)
    axes.set_xlabel(f"{NLL_TEST.label}, {NLL_TEST.unit} (held-out sequences)")
    axes.set_ylabel(f"{quality.label} of samples" + (f", {quality.unit}" if quality.unit else ""))
    axes.grid(alpha=0.25)
    axes.legend(fontsize=9)
    save_figure(figure, path)


def plot_calibration(healths: Mapping[str, Mapping[str, Any]], path: str | os.PathLike) -> None:
    """Plots the share of real sequences against the discriminator's probability of real, one point per bin.

    Args:
        healths: {name: fields of a `metrics.calibration.DiscriminatorHealth`}.
        path: PNG file to write.

    Raises:
        MissingExtraError: matplotlib is not installed.
        InputError: the file cannot be written.
    """
    figure = new_figure(figsize=(5.5, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
    for number, (name, health) in enumerate(healths.items()):
        predicted, share, weight = np.array(health["bins"]).T
        label = f"{name}: accuracy {(health['real_accuracy'] + health['generated_accuracy']) / 2:.0%}"
        axes.plot(predicted, share, color=f"C{number}", linewidth=1, label=label)
        axes.scatter(predicted, share, s=10 + 300 * weight, color=f"C{number}", alpha=0.6)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("the discriminator's probability of real")
    axes.set_ylabel("share of real sequences")
    axes.set_title("On the diagonal its probabilities are calibrated (area: sequences)", fontsize=10)
    axes.grid(alpha=0.25)
    axes.legend(fontsize=9)
    save_figure(figure, path)


def plot_piano_roll(tune: "Tune", path: str | os.PathLike) -> None:
    """Draws the notes of a tune: time in quarter notes to the right, pitch upwards, a line at each bar.

    Args:
        tune: the tune, such as one of `corpus.tokenizer.tunes(token_ids)`. Drums are drawn in grey.
        path: PNG file to write.

    Raises:
        MissingExtraError: matplotlib is not installed.
        InputError: the file cannot be written.
    """
    ends = tune.starts + tune.durations
    last = max([1.0, *ends.tolist(), *([] if tune.bars is None else tune.bars[-1:].tolist())])
    figure = new_figure(figsize=(min(max(6.0, last / 4), 40.0), 4.5), layout="constrained")
    axes = figure.subplots()
    for is_drum, color in ((True, "0.7"), (False, "C0")):
        shown = tune.is_drum == is_drum
        axes.barh(
            tune.pitches[shown],
            tune.durations[shown],
            0.9,
            tune.starts[shown],
            color=color,
            edgecolor="white",
            linewidth=0.6,
        )
    for bar in [] if tune.bars is None else tune.bars:
        axes.axvline(bar, color="0.75", linewidth=0.8, zorder=0)
    low, high = (60, 72) if not len(tune.pitches) else (int(tune.pitches.min()), int(tune.pitches.max()))
    axes.set_ylim(low - 2, high + 2)
    octaves = [pitch for pitch in range(128) if pitch % 12 == 0 and low - 2 <= pitch <= high + 2]
    axes.set_yticks(octaves, [f"C{pitch // 12 - 1}" for pitch in octaves])
    axes.set_xlim(0, last)
    axes.set_xlabel("quarter notes")
    axes.set_ylabel("pitch")
    axes.set_title(tune.text().split(":")[0], fontsize=10)
    axes.set_axisbelow(True)
    axes.grid(axis="y", alpha=0.25)
    save_figure(figure, path)
