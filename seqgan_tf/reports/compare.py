"""Compares runs: one curve for each way of training, over its seeds, compared with the first at equal NLL-test."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from seqgan_tf import metrics
from seqgan_tf.core.conditions import takes_condition
from seqgan_tf.core.validation import InputError, check_at_least
from seqgan_tf.metrics.metric import Metric
from seqgan_tf.metrics.sweep import EVERYWHERE, EqualNllComparison, TemperatureSweep, check_range
from seqgan_tf.reports.data import read_evaluation_data
from seqgan_tf.reports.evaluate import PRETRAINED, UNFINISHED, restored_states, sweep_run
from seqgan_tf.reports.quality import quality_metric
from seqgan_tf.reports.settings import EvaluationSettings
from seqgan_tf.runs import config, presets
from seqgan_tf.runs.directory import Run

# Prefixes of the settings that do not change a pre-trained generator
NOT_OF_THE_GENERATOR = (*config.BRANCHING, "discriminator.", "pretrain.discriminator_")


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The result of `compare_runs`.

    Attributes:
        quality: the metric of samples that the curves show beside NLL-test.
        curves: {name: temperature sweep over training seeds}; the pre-trained generators come first.
        runs: {name of the curve: directories of its runs}.
        differences: {name: the curve compared with the first one at equal NLL-test}.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.reports.compare import compare_runs
    from seqgan_tf.reports.settings import EvaluationSettings

    comparison = compare_runs([sg.load_run("runs/poems")], EvaluationSettings(samples=20))
    for name, difference in comparison.differences.items():
        print(name, comparison.quality.label, difference.difference)
    ```
    """

    quality: Metric
    curves: dict[str, TemperatureSweep]
    runs: dict[str, list[str]]
    differences: dict[str, EqualNllComparison]


def compare_runs(
    runs: Sequence[Run],
    settings: EvaluationSettings,
    data: Path | None = None,
    labels: Sequence[str] | None = None,
    report: Callable[[str], object] = lambda text: None,
    target: Path | None = None,
    images: Path | None = None,
    particles: int | None = None,
    nll_range: tuple[float, float] = EVERYWHERE,
) -> Comparison:
    """Sweeps the temperatures of the pre-trained and the last state of every run.

    Runs that differ only in their seed, or have the same label, are one way of training. Each run is measured on its
    own held-out sequences, with one set of samples at each temperature.

    Args:
        runs: runs on the same data, each with a finished pre-training.
        settings: settings of the evaluation; `sweep_seeds` is not used.
        data: a file to measure on. Defaults to None: each run's held-out part.
        labels: one name per run. Defaults to None: the settings that differ from those of the first run.
        report: function that is called with the name of each state before it is measured. Defaults to doing nothing.
        target: a text file with the targets of the lines of `data`. Defaults to None.
        images: of captions, the folder of the images that `data` names. Defaults to None: that of `data`.
        particles: also sweep, for each state, the samples that its discriminator chooses, each of so many, see
            `metrics.resampled_sweep`. Defaults to None: it is not swept.
        nll_range: lowest and highest NLL-test to compare at, see `metrics.compare_at_equal_nll`. Defaults to
            (-inf, inf): wherever two curves have it in common.

    Raises:
        InputError: the runs are on different data, two are equal, or the number of labels is not that of the runs;
            `particles` for runs with conditions, or below 1; the runs do not have the metric `settings.quality`;
            `nll_range` does not increase; also as in `read_evaluation_data`.
    """
    first = runs[0]
    quality = quality_metric(first, settings.quality)
    check_range(nll_range)
    if labels and len(labels) != len(runs):
        raise InputError(f"`labels` must be one per run. Received: {len(labels)} labels, {len(runs)} runs")
    if particles is not None:
        check_at_least(1, particles=particles)
        for run in runs:
            if takes_condition(run.gan.generator):
                raise InputError(f"`particles` must be None for runs with conditions. Received: {run.directory}")
    names: dict[tuple[str, int], Path] = {}  # (name of the last state, seed) -> directory
    compared = _on_equal_data(runs)
    for run, own, label in zip(runs, compared, labels or [""] * len(runs), strict=True):
        if run.data_digest != first.data_digest:
            raise InputError(f"{run.directory}: expected a run on the data of {first.directory}. Received: other data")
        equal = names.setdefault((label or _name(own, first.settings), run.settings.seed), run.directory)
        if equal is not run.directory:
            raise InputError(f"{run.directory}: expected a run that differs from {equal}. Received: an equal one")
    settings = dataclasses.replace(settings, sweep_seeds=1)
    found: dict[str, dict[int, tuple[TemperatureSweep, str]]] = {}  # by name and seed: the sweep and the directory
    for run, own, (name, seed) in zip(runs, compared, names, strict=True):
        evaluation_data = read_evaluation_data(run, settings, data, target, images)
        for state in restored_states(run):
            if state == UNFINISHED:
                raise InputError(f"{run.directory}: expected a run that has finished its pre-training")
            for count in (None,) if particles is None else (None, particles):
                resampled = "" if count is None else f", resampled, {count} particles"
                trained = name if labels else state + name
                curve = _pretrained_name(own, first.settings, count) if state == PRETRAINED else trained
                curve += resampled
                if seed in found.get(curve, {}):
                    continue  # an ablation shares the pre-training of its run
                report(f"{run.directory}: {state}{resampled}")
                sweep = sweep_run(run, evaluation_data, settings, count)
                found.setdefault(curve, {})[seed] = (sweep, str(run.directory))
    order = sorted(found, key=lambda name: not name.startswith(PRETRAINED))
    curves = {}
    for name in order:
        seeds = sorted(found[name])
        curves[name] = metrics.sweep_over_runs([found[name][seed][0] for seed in seeds], seeds)
    return Comparison(
        quality,
        curves,
        {name: [found[name][seed][1] for seed in sorted(found[name])] for name in order},
        {name: metrics.compare_at_equal_nll(curves[name], curves[order[0]], nll_range=nll_range) for name in order[1:]},
    )


def _on_equal_data(runs: Sequence[Run]) -> list[config.RunSettings]:
    """The settings of runs, with those of the first where runs on equal data may differ.

    These are the seed, paths, and lengths, which follow from the lines that the seed leaves for training. Where two
    runs differ in a length alone, it was given, and all lengths stay.
    """
    first = runs[0].settings
    same = {name: getattr(first, name) for name in ("seed", "data", "oracle_weights")}
    lengths = {name: getattr(first.corpus, name) for name in ("sequence_length", "source_length")}
    whole = [dataclasses.replace(run.settings, **same) for run in runs]
    found = [dataclasses.replace(own, corpus=dataclasses.replace(own.corpus, **lengths)) for own in whole]
    seeds = [run.settings.seed for run in runs]
    are_given = len({*zip(found, seeds, strict=True)}) < len({*zip(whole, seeds, strict=True)})
    return whole if are_given else found


def _name(settings: config.RunSettings, first: config.RunSettings) -> str:
    """The settings that differ from those of the first run, in words, each with a comma before it."""
    for name in presets.CONTROLS:
        if settings != first and settings == presets.control(first, name):
            return f", {name} control"
    return _words(config.difference(first, settings))


def _pretrained_name(settings: config.RunSettings, first: config.RunSettings, particles: int | None) -> str:
    """The settings that change the pre-trained generator; where it is resampled, also those of its discriminator."""
    without = NOT_OF_THE_GENERATOR if particles is None else config.BRANCHING
    changes = config.difference(first, settings)
    return PRETRAINED + _words({k: v for k, v in changes.items() if not k.startswith(without)})


def _words(changes: dict[str, tuple[Any, Any]]) -> str:
    return "".join(f", {key} {value}" for key, (_, value) in sorted(changes.items()))
