"""Pictures: a run over its time, quality against NLL-test, and a discriminator's calibration."""

import csv

import numpy as np

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
        path: CSV file with the columns model, nll_test, nll_oracle. Points that hold nan or inf are left out.

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
                    raise ValueError(f"{path}: expected numbers in line {reader.line_num}. Received: {row}") from None
                if not np.isfinite(point).all():
                    continue
                curves.setdefault(row["model"], []).append(point)
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: expected a CSV file that can be read ({error})") from error
    if not curves:
        raise ValueError(f"{path}: expected at least one curve. Received: none")
    return {model: np.array(points) for model, points in curves.items()}


def plot_quality_diversity(curves, quality, path, published=None, oracle_entropy=None):
    """Draws quality against NLL-test: a curve a method, its seeds as thin lines, a dot with 95% bands at alpha 1.

    Args:
        curves: dict of `metrics.sweep.TemperatureSweep` by name.
        quality: str, what their quality is; under "NLL-oracle", towards the lower left is better.
        path: PNG file to write.
        published: as `read_published` gives it, drawn in grey. Defaults to None.
        oracle_entropy: float, nats a token, where the oracle itself would stand. Defaults to None.

    Raises:
        ImportError: matplotlib is not installed.
    """
    figure = _figure(figsize=(9, 6.5), layout="constrained")
    axes = figure.subplots()
    for number, (name, curve) in enumerate(curves.items()):
        (nll, nll_half), (figures, half) = curve.bands()
        color, several = f"C{number}", len(curve.seeds) > 1
        label = f"{name} ({len(curve.seeds)} seed{'s' * several})"
        axes.plot(nll, figures, color=color, linewidth=2, label=label, zorder=3)
        if several:
            axes.plot(curve.nll_test.T, curve.quality.T, color=color, linewidth=0.7, alpha=0.5, zorder=3)
        one = np.isclose(curve.alphas, 1)
        bars = {"xerr": nll_half[one], "yerr": half[one]} if several else {}
        axes.errorbar(nll[one], figures[one], **bars, fmt="o", color=color, markersize=7, capsize=3, zorder=4)
    # As far as the first curve goes: a generator that is far worse would press all others into a corner.
    first = next(iter(curves.values())).nll_test.mean(axis=0)
    means = [(c.nll_test.mean(axis=0), c.quality.mean(axis=0)) for c in curves.values()]
    left, right = min(nll.min() for nll, _ in means), first.max()
    shown = np.concatenate([figures[nll <= right] for nll, figures in means])
    low, high = shown.min(), shown.max()
    paper = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    for number, (model, points) in enumerate((published or {}).items()):
        style = {"color": "0.45", "linewidth": 1, "linestyle": ["-", "--", "-.", ":"][number % 4], "zorder": 2}
        axes.plot(*points.T, label=f"_{model}", **style)  # the underscore keeps it out of the legend
        inside = points[(points[:, 0] <= right) & (points[:, 1] >= low) & (points[:, 1] <= high)]
        if len(inside):  # beside its line, since grey lines in a legend can not be told apart
            at = inside[len(inside) * (3 + 2 * (number % 3)) // 8]  # not all in one place
            axes.annotate(model, at, fontsize=8, color="0.25", ha="center", va="center", zorder=5, bbox=paper)
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
            annotation_clip=True,
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
