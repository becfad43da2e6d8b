"""Runs side by side: a curve for each way of training, over its seeds, against the first one at equal NLL-test."""

import dataclasses

from seqgan_tf import config, metrics
from seqgan_tf.evaluation import PRETRAINED, UNFINISHED, quality_name, read_evaluation_data, restored_states, sweep_run

# Settings that do not touch a pre-trained generator
NOT_OF_THE_GENERATOR = (*config.BRANCHING, "discriminator.", "pretrain.discriminator_")


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What was compared.

    Attributes:
        quality: str, "NLL-oracle" or "BLEU-4".
        curves: dict of `TemperatureSweep` over training seeds, by name; the pre-trained generators come first.
        runs: dict of lists of directories, by the name of the curve.
        differences: dict of `EqualNllComparison`, each curve less the first, by name.
    """

    quality: str
    curves: dict
    runs: dict
    differences: dict


def compare_runs(runs, settings, data=None, labels=None, report=lambda text: None):
    """Sweeps the pre-trained and the last state of every run.

    Runs that differ in their seed alone, or have one label, are one way of training. Each run is measured on its own
    held-out sequences, with one set of samples at each temperature.

    Args:
        runs: list of `run_directory.Run` on the same data, each with a finished pre-training.
        settings: `config.EvaluationSettings`.
        data: path of a text file to measure on. Defaults to None: each run's held-out part.
        labels: list of str, what each run is called. Defaults to None: what its settings have otherwise than those of
            the first run.
        report: function that is told, in words, what is being measured. Defaults to nothing.

    Returns:
        `Comparison`.

    Raises:
        ValueError: the runs are on different data, one is given twice, not every run has a label, or as
            `read_evaluation_data`.
    """
    first = runs[0]
    if labels and len(labels) != len(runs):
        raise ValueError(f"`labels` must be one a run. Received: {len(labels)} labels, {len(runs)} runs")
    names = {}  # (name of the last state, seed) -> directory
    for run, label in zip(runs, labels or [None] * len(runs), strict=True):
        if run.data_digest != first.data_digest:
            raise ValueError(f"{run.directory}: expected a run on the data of {first.directory}. Received: other data")
        equal = names.setdefault((label or _name(run, first), run.settings.seed), run.directory)
        if equal is not run.directory:
            raise ValueError(f"{run.directory}: expected a run that differs from {equal}. Received: an equal one")
    settings = dataclasses.replace(settings, sweep_seeds=1)
    found = {}  # name -> {seed: (sweep, directory)}
    for run, (name, seed) in zip(runs, names, strict=True):
        evaluation_data = read_evaluation_data(run, settings, data)
        for state in restored_states(run):
            if state == UNFINISHED:
                raise ValueError(f"{run.directory}: expected a run that has finished its pre-training")
            curve = _pretrained_name(run, first) if state == PRETRAINED else name if labels else state + name
            if seed in found.get(curve, {}):
                continue  # a control has the pre-training of the run that it branched from
            report(f"{run.directory}: {state}")
            sweep = sweep_run(run, evaluation_data, settings)
            found.setdefault(curve, {})[seed] = (sweep, str(run.directory))
    order = sorted(found, key=lambda name: not name.startswith(PRETRAINED))
    curves = {}
    for name in order:
        seeds = sorted(found[name])
        curves[name] = metrics.sweep_over_runs([found[name][seed][0] for seed in seeds], seeds)
    return Comparison(
        quality_name(first),
        curves,
        {name: [found[name][seed][1] for seed in sorted(found[name])] for name in order},
        {name: metrics.compare_at_equal_nll(curves[name], curves[order[0]]) for name in order[1:]},
    )


def _name(run, first):
    """What the settings of a run have otherwise than those of the first, in words; with a comma before them."""
    settings = _on_data_of(run, first)
    for name in config.CONTROLS:
        if settings != first.settings and settings == config.control(first.settings, name):
            return f", {name} control"
    return _words(config.difference(first.settings, settings))


def _pretrained_name(run, first):
    changes = config.difference(first.settings, _on_data_of(run, first))
    return PRETRAINED + _words({k: v for k, v in changes.items() if not k.startswith(NOT_OF_THE_GENERATOR)})


def _on_data_of(run, first):
    """The settings of a run without what may differ between runs on equal data: paths and the seed."""
    same = {name: getattr(first.settings, name) for name in ("seed", "data", "oracle_weights")}
    return dataclasses.replace(run.settings, **same)


def _words(changes):
    return "".join(f", {key} {value}" for key, (_, value) in sorted(changes.items()))
