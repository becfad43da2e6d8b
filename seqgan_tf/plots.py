"""Pictures: a run over its time, quality against NLL-test, and a discriminator's calibration."""

import csv

import numpy as np

from seqgan_tf.metrics.sweep import confidence_band
from seqgan_tf.report import last_of_each_phase
from seqgan_tf.training import ADVERSARIAL

PUBLISHED_COLUMNS = ("model", "nll_test", "nll_oracle")


def _figure(**settings):
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("a picture needs matplotlib: pip install 'seqgan-tf[plot]'") from error
    return Figure(**settings)


def plot_curves(rows, path):
    """Draws the evaluations of a run over its time.

    Args:
        rows: list of dict, as `Training` keeps them.
        path: PNG file to write.

    Raises:
        ImportError: matplotlib is not installed.
    """
    figure = _figure(figsize=(9, 6.5), layout="constrained")
    likelihood, accuracy = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    for axes, names in (
        (likelihood, {"nll_test": "NLL-test (held-out data)", "nll_oracle": "NLL-oracle (samples)"}),
        (accuracy, {"held_out_real_accuracy": "real sequences", "held_out_generated_accuracy": "generated sequences"}),
    ):
        for name, label in names.items():
            points = [(row["seconds"], row[name]) for row in rows if name in row]
            if points:
                axes.plot(*zip(*points, strict=True), marker="o", markersize=3.5, label=label)
    # The untrained start is a point far above all others: it would flatten the rest.
    trained = [row[name] for row in rows[1:] for name in ("nll_test", "nll_oracle") if name in row]
    if trained:
        margin = 0.05 * (max(trained) - min(trained)) + 0.02
        likelihood.set_ylim(min(trained) - margin, max(trained) + margin)
    ends = [row["seconds"] for row in last_of_each_phase(rows)]
    for phase, start, end in zip(last_of_each_phase(rows)[1:], ends, ends[1:], strict=False):
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
    likelihood.set_ylabel("nats per token")
    accuracy.axhline(0.5, color="0.6", linewidth=0.8)
    accuracy.set_ylim(0, 1)
    accuracy.set_ylabel("D is right on held-out")
    accuracy.set_xlabel("seconds")
    for axes in (likelihood, accuracy):
        axes.grid(alpha=0.25)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="best")
    figure.savefig(path, dpi=110)


def read_published(path):
    """Published curves: {model: float array [points, 2] of (NLL-test, NLL-oracle)}, in the order of the file.

    Args:
        path: CSV file with the columns model, nll_test, nll_oracle.

    Raises:
        ValueError: the file can not be read, lacks a column, or holds no number where one belongs.
    """
    curves = {}
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [name for name in PUBLISHED_COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise ValueError(f"{path}: expected the columns {', '.join(PUBLISHED_COLUMNS)}. Missing: {missing[0]}")
            for row in reader:
                try:
                    point = float(row["nll_test"]), float(row["nll_oracle"])
                except (TypeError, ValueError):
                    point = np.nan, np.nan
                if not np.isfinite(point).all():
                    raise ValueError(f"{path}: expected numbers in line {reader.line_num}. Received: {row}")
                curves.setdefault(row["model"], []).append(point)
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: expected a CSV file that can be read ({error})") from error
    if not curves:
        raise ValueError(f"{path}: expected at least one curve. Received: none")
    return {model: np.array(points) for model, points in curves.items()}


def plot_quality_diversity(curves, quality, path, published=None, oracle_entropy=None):
    """Draws quality against NLL-test, a curve a method, with a mark at alpha 1 and the bands of both over seeds.

    Args:
        curves: dict of `metrics.sweep.TemperatureSweep` by name.
        quality: str, what their quality is; under "NLL-oracle", towards the lower left is better.
        path: PNG file to write.
        published: as `read_published` gives it. Defaults to None.
        oracle_entropy: float, nats a token, where the oracle itself would stand. Defaults to None.

    Raises:
        ImportError: matplotlib is not installed.
    """
    figure = _figure(figsize=(9, 6.5), layout="constrained")
    axes = figure.subplots()
    for number, (name, curve) in enumerate(curves.items()):
        (nll, nll_half), (figures, half) = confidence_band(curve.nll_test), confidence_band(curve.quality)
        label = f"{name} ({len(curve.seeds)} seed{'s' * (len(curve.seeds) > 1)})"
        color = f"C{number}"
        axes.plot(nll, figures, color=color, linewidth=2, label=label, zorder=3)
        axes.errorbar(nll, figures, yerr=half, xerr=nll_half, fmt="none", ecolor=color, alpha=0.6, capsize=2, zorder=3)
        at_one = np.isclose(curve.alphas, 1)
        axes.plot(nll[at_one], figures[at_one], "o", color=color, markersize=8, zorder=4)
    shown = np.concatenate(
        [[curve.nll_test.mean(axis=0), curve.quality.mean(axis=0)] for curve in curves.values()], axis=1
    )
    (left, low), (right, high) = shown.min(axis=1), shown.max(axis=1)
    for number, (model, points) in enumerate((published or {}).items()):
        style = {"color": "0.45", "linewidth": 1, "linestyle": ["-", "--", "-.", ":"][number % 4], "zorder": 2}
        axes.plot(*points.T, label=f"{model} (published)", **style)
    if oracle_entropy is not None:
        axes.axhline(oracle_entropy, color="0.7", linewidth=0.8, zorder=1)
        axes.annotate(
            "the oracle's own entropy: below, diversity is lost",
            (0.99, oracle_entropy),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            fontsize=8,
            color="0.4",
        )
    margin_x, margin_y = 0.06 * (right - left) + 0.01, 0.06 * (high - low) + 0.01
    axes.set_xlim(left - margin_x, right + margin_x)
    axes.set_ylim(low - margin_y, high + margin_y)
    better = "lower left" if quality == "NLL-oracle" else "upper left"
    axes.set_title(
        f"Each curve is one way of training, sampled at several temperatures (dot: 1); {better} is better", fontsize=10
    )
    axes.set_xlabel("NLL-test, nats per token (held-out sequences)")
    axes.set_ylabel(f"{quality} of samples" + (", nats per token" if quality == "NLL-oracle" else ""))
    axes.grid(alpha=0.25)
    axes.legend(fontsize=9)
    figure.savefig(path, dpi=110)


def plot_calibration(healths, path):
    """Draws how often a sequence is real against how probable the discriminator holds it.

    Args:
        healths: dict of dict, `metrics.calibration.DiscriminatorHealth` as plain values, by name.
        path: PNG file to write.

    Raises:
        ImportError: matplotlib is not installed.
    """
    figure = _figure(figsize=(5.5, 5), layout="constrained")
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
    axes.set_ylabel("share that is real")
    axes.set_title("On the diagonal its probabilities are true (area: sequences)", fontsize=10)
    axes.grid(alpha=0.25)
    axes.legend(fontsize=9)
    figure.savefig(path, dpi=110)
