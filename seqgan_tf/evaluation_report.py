"""An evaluation, or a comparison, as a directory to read: report.md, report.json and pictures."""

import contextlib
import json
import shutil
from pathlib import Path

from seqgan_tf import __version__, plots
from seqgan_tf.evaluation import plain
from seqgan_tf.report import equal_nll_verdict

LIKELIHOODS = {
    "nll_test": "NLL-test",
    "nll_oracle": "NLL-oracle",
    "generator_entropy": "entropy of G",
    "kl_oracle_generator": r"KL(O\|\|G)",
    "kl_generator_oracle": r"KL(G\|\|O)",
    "jensen_shannon": "JSD",
}
HEALTH = {
    "real_accuracy": "right on real",
    "generated_accuracy": "right on generated",
    "auc": "AUC",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
}


def write_evaluation(directory, figures, sweeps, comparisons, published=None):
    """Writes the report of one run, whole or not at all, in place of an earlier one.

    Args:
        directory: path of the report; made if it is missing.
        figures, sweeps: as `evaluation.evaluate_run` gives them.
        comparisons: dict of `metrics.sweep.EqualNllComparison` by (name, name it is held against).
        published: as `plots.read_published` gives it. Defaults to None.

    Returns:
        str, the text of report.md.
    """
    quality = figures.get("sweep", {}).get("quality")
    real = figures["real"]
    parts = [f"# Evaluation of {figures['run']}", _measured(figures)]
    parts += ["## Likelihood", _likelihood_table(figures)]
    parts += ["## n-grams", _ngram_table(figures)]
    if "reverse_lm" in real or any("reverse_lm" in state for state in figures["states"].values()):
        parts += ["## Reverse language model", _reverse_table(figures)]
    parts += ["## The discriminator", _health_table(figures)]
    if sweeps:
        parts += ["## Temperature sweep", *_sweep_tables(sweeps, quality)]
    for names, comparison in comparisons.items():
        parts += ["## At equal NLL-test", *_equal_nll_parts(*names, quality, comparison)]
    for name, state in figures["states"].items():
        for temperature, texts in state["texts"].items():
            parts += [f"## Samples {name}, temperature {temperature}", "\n".join(f"    {text}" for text in texts)]
    with _whole(directory) as folder:
        with contextlib.suppress(ImportError):
            healths = {
                f"{name}, {kind}": health
                for name, state in figures["states"].items()
                for kind, health in state["discriminator"].items()
                if kind != "training real"
            }
            plots.plot_calibration(healths, folder / "calibration.png")
            parts.append("![calibration](calibration.png)")
            if sweeps:
                entropy = real.get("oracle_against_itself")
                plots.plot_quality_diversity(sweeps, quality, folder / "sweep.png", published, entropy)
                parts.append("![quality against NLL-test](sweep.png)")
        text = "\n\n".join(parts) + "\n"
        comparison = [{"of": names, **plain(figure)} for names, figure in comparisons.items()]
        _write(folder, text, {"version": __version__, **figures, "at_equal_nll_test": comparison})
    return text


def write_comparison(directory, comparison, published=None):
    """Writes the report of a `comparison.Comparison`, as `write_evaluation` does."""
    first = next(iter(comparison.curves))
    counts = next(iter(comparison.curves.values()))
    parts = [
        "# Comparison of runs",
        f"{counts.num_generated} samples at each temperature, against {counts.num_test} held-out sequences. "
        "A row's band is over its seeds (95%).",
        "\n".join(f"- **{name}**: {', '.join(runs)}" for name, runs in comparison.runs.items()),
        "## At temperature 1",
        _at_one_table(comparison),
        "## At equal NLL-test",
    ]
    for name, difference in comparison.differences.items():
        parts += _equal_nll_parts(name, first, comparison.quality, difference)
    parts += ["## Temperature sweep", *_sweep_tables(comparison.curves, comparison.quality)]
    with _whole(directory) as folder:
        with contextlib.suppress(ImportError):
            plots.plot_quality_diversity(comparison.curves, comparison.quality, folder / "sweep.png", published)
            parts.append("![quality against NLL-test](sweep.png)")
        text = "\n\n".join(parts) + "\n"
        _write(folder, text, {"version": __version__, **plain(comparison)})
    return text


def _sweep_tables(curves, quality):
    """A table a curve, a row an alpha."""
    parts = []
    for name, curve in curves.items():
        (nll, nll_half), (figures, half) = curve.bands()
        rows = [
            [f"{alpha:.2g}", _with_band(nll[i], nll_half[i]), _with_band(figures[i], half[i])]
            for i, alpha in enumerate(curve.alphas)
        ]
        parts += [f"### {name}", _table(["alpha", "NLL-test", quality], rows)]
    return parts


def _equal_nll_parts(name, other, quality, comparison):
    """What a comparison says, and its points."""
    parts = [equal_nll_verdict(name, other, quality, comparison)]
    points = zip(comparison.nll_test, comparison.difference, comparison.half_width, strict=True)
    rows = [[f"{nll:.2f}", _with_band(difference, half)] for nll, difference, half in points]
    return parts + [_table(["NLL-test", f"difference in {quality}"], rows)] * bool(rows)


def _measured(figures):
    cut = f" {figures['num_cut']} of them were cut." if figures["num_cut"] else ""
    samples = f"{figures['num_samples']} samples at temperature 1, seed {figures['seed']}"
    return (
        f"{samples}, against {figures['held_out']}.{cut} Likelihoods are in nats a token, divergences in nats a "
        "sequence; +- is one standard error, in the sweep the 95% band over sets of samples."
    )


def _likelihood_table(figures):
    states = figures["states"]
    names = [name for name in LIKELIHOODS if any(name in state["likelihood"] for state in states.values())]
    rows = []
    for state, values in states.items():
        errors = values["likelihood"].get("standard_errors", {})
        rows.append([state, *(_with_band(values["likelihood"][name], errors.get(name)) for name in names)])
    if "oracle_against_itself" in figures["real"]:
        own = f"{figures['real']['oracle_against_itself']:.3f}"
        rows.append(["the oracle against itself", own, own, own, "0", "0", "0"])
    return _table(["", *(LIKELIHOODS[name] for name in names)], rows)


def _ngram_table(figures):
    rows = {name: state["samples"] for name, state in figures["states"].items()}
    if "samples" in figures["real"]:
        rows["real against real"] = figures["real"]["samples"]
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    note = "BLEU is the mean sentence BLEU, smoothing method 1; the end token counts as a token."
    return note + "\n\n" + _table(["", *rows], [[n, *(_number(row.get(n)) for row in rows.values())] for n in names])


def _reverse_table(figures):
    found = {name: state.get("reverse_lm") for name, state in figures["states"].items()}
    found["real training sequences"] = figures["real"].get("reverse_lm")
    rows = [
        [name, _number(value["nll"]), str(value["num_generated"]), str(value["num_real"])]
        for name, value in found.items()
        if value
    ]
    return _table(["a model that has read", "NLL of held-out", "sequences read", "measured on"], rows)


def _health_table(figures):
    rows = [
        [f"{name}, {kind}", *(_number(health[key]) for key in HEALTH)]
        for name, state in figures["states"].items()
        for kind, health in state["discriminator"].items()
    ]
    note = (
        "Fresh samples against held-out real sequences, and against those it was trained on: where the second row is "
        "much the better one, it memorises. Chance: 0.5, AUC 0.5, log loss 0.693."
    )
    return note + "\n\n" + _table(["", *HEALTH.values()], rows)


def _at_one_table(comparison):
    rows = []
    for name, curve in comparison.curves.items():
        (nll, nll_half), (quality, half) = curve.bands()
        at = int(abs(curve.alphas - 1).argmin())
        rows.append([name, str(len(curve.seeds)), _with_band(nll[at], nll_half[at]), _with_band(quality[at], half[at])])
    return _table(["", "seeds", "NLL-test", comparison.quality], rows)


def _with_band(value, half_width):
    return _number(value) if half_width is None or half_width != half_width else f"{value:.3f} +- {half_width:.3f}"


def _number(value):
    return "-" if value is None else str(value) if isinstance(value, int) else f"{value:.3f}"


def _table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _write(folder, text, figures):
    (folder / "report.md").write_text(text, encoding="utf-8")
    content = json.dumps(plain(figures), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "report.json").write_text(content + "\n", encoding="utf-8")


@contextlib.contextmanager
def _whole(directory):
    """A new folder beside `directory` that takes its place when everything in it has been written."""
    directory = Path(directory)
    new, old = (directory.with_name(f"{directory.name}.{suffix}") for suffix in ("new", "old"))
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        yield new
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    if directory.exists():
        shutil.rmtree(old, ignore_errors=True)
        directory.rename(old)
    new.rename(directory)
    shutil.rmtree(old, ignore_errors=True)
