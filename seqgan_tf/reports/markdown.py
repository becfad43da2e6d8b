"""Writes the report of an evaluation or of a comparison: a directory with report.md, report.json and plots."""

import contextlib
import json
import os
import types
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqgan_tf import __version__
from seqgan_tf.core.files import whole_directory
from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics.metric import METRICS, Metric
from seqgan_tf.reports import plots
from seqgan_tf.reports.conclusions import equal_nll_conclusion
from seqgan_tf.reports.conditional_page import conditional_parts
from seqgan_tf.reports.evaluate import plain
from seqgan_tf.reports.tables import number, table

if TYPE_CHECKING:
    import numpy as np

    from seqgan_tf.metrics.sweep import EqualNllComparison, TemperatureSweep
    from seqgan_tf.reports.compare import Comparison

REPORT = "report.json"
LIKELIHOODS = (
    "nll_test",
    "nll_oracle",
    "generator_entropy",
    "kl_oracle_generator",
    "kl_generator_oracle",
    "jensen_shannon",
)
"""Keys of the metrics in the likelihood table, in order."""
OF_ORACLE_ENTROPY = LIKELIHOODS[:3]
"""Those that equal the entropy of the oracle if the generator is the oracle itself; the others are then 0."""
HEALTH = ("real_accuracy", "generated_accuracy", "mismatched_accuracy", "auc", "log_loss", "calibration_error", "gain")
"""Keys of the metrics in the discriminator table, in order."""
NGRAM_NOTE = "BLEU is the mean sentence BLEU, smoothing method 1; the end token counts as a token."
NLL_TEST = METRICS["nll_test"].label
AT_EQUAL_NLL = f"## At equal {NLL_TEST}"


def write_evaluation(
    directory: str | os.PathLike,
    report: Mapping[str, Any],
    sweeps: "Mapping[str, TemperatureSweep]",
    comparisons: "Mapping[tuple[str, str], EqualNllComparison]",
    published: "Mapping[str, np.ndarray] | None" = None,
    *,
    quality: Metric | None = None,
    pages: Mapping[str, str] = types.MappingProxyType({}),
) -> str:
    """Writes the report of one run, whole or not at all. It replaces an earlier report.

    Args:
        directory: directory of the report; it is created if it is missing.
        report: the contents of report.json, as `evaluate.evaluate_run` returns them.
        sweeps: the temperature sweeps of the run, as `evaluate.evaluate_run` returns them.
        comparisons: {(name of a curve, name of the curve that it is compared with): comparison}.
        published: curves for the plot of the sweep, as `plots.read_published` returns them. Defaults to None.
        quality: the metric of samples that the sweeps show; required if there are sweeps. Defaults to None.
        pages: {name of a further file: its text}. Defaults to {}.

    Returns:
        The text of report.md.

    Raises:
        InputError: there are sweeps or comparisons and `quality` is None, or the report cannot be written.
    """
    if quality is None and (sweeps or comparisons):
        raise InputError("`quality` must be the metric that the sweeps show. Received: None")
    real = report["real"]
    parts = [f"# Evaluation of {report['run']}", _measured(report)]
    parts += ["## Likelihood", _likelihood_table(report)]
    if any("conditional" in state for state in report["states"].values()):
        parts += conditional_parts(report)
    parts += ["## n-grams", f"{NGRAM_NOTE}\n\n{_sample_table(report, 'samples')}"]
    if any("task_metrics" in state for state in report["states"].values()):
        parts += ["## Task metrics", _sample_table(report, "task_metrics")]
    if "reverse_lm" in real or any("reverse_lm" in state for state in report["states"].values()):
        parts += ["## Reverse language model", _reverse_table(report)]
    parts += ["## The discriminator", _health_table(report)]
    if quality is not None:
        parts += ["## Temperature sweep", *_sweep_tables(sweeps, quality)] if sweeps else []
        for names, comparison in comparisons.items():
            parts += [AT_EQUAL_NLL, *_equal_nll_parts(*names, quality, comparison)]
    for name, state in report["states"].items():
        for temperature, texts in state["texts"].items():
            between = "\n\n" if any("\n" in text for text in texts) else "\n"
            shown = between.join("    " + text.replace("\n", "\n    ") for text in texts)
            parts += [f"## Samples {name}, temperature {temperature}", shown]
    with whole_directory(directory, REPORT) as folder:
        with contextlib.suppress(ImportError):
            healths = {
                f"{name}, {kind}": health
                for name, state in report["states"].items()
                for kind, health in state["discriminator"].items()
                if kind != "training real"
            }
            plots.plot_calibration(healths, folder / "calibration.png")
            parts.append("![calibration](calibration.png)")
            if quality is not None and sweeps:
                entropy = real.get("oracle_against_itself")
                plots.plot_quality_diversity(sweeps, quality, folder / "sweep.png", published, entropy)
                parts.append(f"![quality against {NLL_TEST}](sweep.png)")
        text = "\n\n".join(parts) + "\n"
        for name, page in pages.items():
            (folder / name).write_text(page, encoding="utf-8")
        compared = [{"of": names, **plain(comparison)} for names, comparison in comparisons.items()]
        _write(folder, text, {"version": __version__, **report, "at_equal_nll_test": compared})
    return text


def write_comparison(
    directory: str | os.PathLike, comparison: "Comparison", published: "Mapping[str, np.ndarray] | None" = None
) -> str:
    """Writes the report of a comparison of runs, whole or not at all. It replaces an earlier report.

    Args:
        directory: directory of the report; it is created if it is missing.
        comparison: as `compare.compare_runs` returns it.
        published: curves for the plot, as `plots.read_published` returns them. Defaults to None.

    Returns:
        The text of report.md.

    Raises:
        InputError: the report cannot be written.
    """
    quality = comparison.quality
    first, counts = next(iter(comparison.curves.items()))
    parts = [
        "# Comparison of runs",
        f"{counts.num_generated} samples at each temperature, against {counts.num_test} held-out sequences. "
        "The band of a row (95%) is over its seeds.",
        "\n".join(f"- **{name}**: {', '.join(runs)}" for name, runs in comparison.runs.items()),
        "## At temperature 1",
        _at_one_table(comparison),
        AT_EQUAL_NLL,
    ]
    for name, difference in comparison.differences.items():
        parts += _equal_nll_parts(name, first, quality, difference)
    parts += ["## Temperature sweep", *_sweep_tables(comparison.curves, quality)]
    with whole_directory(directory, REPORT) as folder:
        with contextlib.suppress(ImportError):
            plots.plot_quality_diversity(comparison.curves, quality, folder / "sweep.png", published)
            parts.append(f"![quality against {NLL_TEST}](sweep.png)")
        text = "\n\n".join(parts) + "\n"
        _write(folder, text, {"version": __version__, **plain(comparison), "quality": quality.label})
    return text


def _sweep_tables(curves: "Mapping[str, TemperatureSweep]", quality: Metric) -> list[str]:
    """A table for each curve, with one row per alpha."""
    parts = []
    for name, curve in curves.items():
        (nll, nll_half), (values, half) = curve.bands()
        rows = [
            [f"{alpha:.2g}", _with_band(nll[i], nll_half[i]), _with_band(values[i], half[i])]
            for i, alpha in enumerate(curve.alphas)
        ]
        parts += [f"### {name}", table(["alpha", NLL_TEST, quality.label], rows)]
    return parts


def _equal_nll_parts(name: str, other: str, quality: Metric, comparison: "EqualNllComparison") -> list[str]:
    """The result of a comparison: a sentence, and a table of its points."""
    parts = [equal_nll_conclusion(name, other, quality, comparison)]
    points = zip(comparison.nll_test, comparison.difference, comparison.half_width, strict=True)
    rows = [[f"{nll:.2f}", _with_band(difference, half)] for nll, difference, half in points]
    return parts + [table([NLL_TEST, f"difference in {quality.label}"], rows)] * bool(rows)


def _measured(report: Mapping[str, Any]) -> str:
    """The samples, the held-out sequences and the units, in words."""
    cut = f" {report['num_cut']} of them were cut." if report["num_cut"] else ""
    if report.get("unknown_share"):
        cut += f" {report['unknown_share']:.1%} of their tokens are unknown."
    samples = f"{report['num_samples']} samples at temperature 1, seed {report['seed']}"
    return (
        f"{samples}, against {report['held_out']}.{cut} Likelihoods are in nats per token, divergences in nats per "
        "sequence; +- is one standard error, in the sweep the 95% band over sets of samples."
    )


def _likelihood_table(report: Mapping[str, Any]) -> str:
    states = report["states"]
    keys = [key for key in LIKELIHOODS if any(key in state["likelihood"] for state in states.values())]
    rows = []
    for state, values in states.items():
        errors = values["likelihood"].get("standard_errors", {})
        rows.append([state, *(_with_band(values["likelihood"][key], errors.get(key)) for key in keys)])
    if "oracle_against_itself" in report["real"]:
        entropy = f"{report['real']['oracle_against_itself']:.3f}"
        rows.append(["the oracle against itself", *(entropy if key in OF_ORACLE_ENTROPY else "0" for key in keys)])
    return table(["", *(METRICS[key].label for key in keys)], rows)


def _sample_table(report: Mapping[str, Any], key: str) -> str:
    """Metrics of samples under a key of the states, beside those of real sequences."""
    rows = {name: state[key] for name, state in report["states"].items()}
    if key in report["real"]:
        rows["real against real"] = report["real"][key]
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    return table(["", *rows], [[n, *(number(row.get(n)) for row in rows.values())] for n in names])


def _reverse_table(report: Mapping[str, Any]) -> str:
    found = {name: state.get("reverse_lm") for name, state in report["states"].items()}
    found["real training sequences"] = report["real"].get("reverse_lm")
    rows = [
        [name, number(value["nll"]), str(value["num_generated"]), str(value["num_real"])]
        for name, value in found.items()
        if value
    ]
    header = ["training data", METRICS["reverse_lm_nll"].label, "training sequences", "held-out sequences"]
    return table(header, rows)


def _health_table(report: Mapping[str, Any]) -> str:
    healths = {
        f"{name}, {kind}": health
        for name, state in report["states"].items()
        for kind, health in state["discriminator"].items()
    }
    keys = [key for key in HEALTH if any(health.get(key) is not None for health in healths.values())]
    rows = [[name, *(number(health.get(key)) for key in keys)] for name, health in healths.items()]
    note = (
        "New samples against held-out real sequences, and against real sequences that the discriminator was trained "
        "on: if the second row is much better, the discriminator memorises. Chance: 0.5, AUC 0.5, log loss 0.693."
    )
    return note + "\n\n" + table(["", *(METRICS[key].label for key in keys)], rows)


def _at_one_table(comparison: "Comparison") -> str:
    rows = []
    for name, curve in comparison.curves.items():
        (nll, nll_half), (values, half) = curve.bands()
        at = int(abs(curve.alphas - 1).argmin())
        rows.append([name, str(len(curve.seeds)), _with_band(nll[at], nll_half[at]), _with_band(values[at], half[at])])
    return table(["", "seeds", NLL_TEST, comparison.quality.label], rows)


def _with_band(value: float | None, half_width: float | None) -> str:
    return number(value) if half_width is None or half_width != half_width else f"{value:.3f} +- {half_width:.3f}"


def _write(folder: Path, text: str, report: Mapping[str, Any]) -> None:
    (folder / "report.md").write_text(text, encoding="utf-8")
    content = json.dumps(plain(report), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / REPORT).write_text(content + "\n", encoding="utf-8")
