"""Measures the states of a run: the contents of report.json."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from seqgan_tf import metrics
from seqgan_tf.core.conditions import first_rows, takes_condition
from seqgan_tf.core.elements import join_condition
from seqgan_tf.core.generation import generate
from seqgan_tf.core.phases import ADVERSARIAL
from seqgan_tf.metrics.held_out import discriminator_logits, mismatched_accuracy
from seqgan_tf.metrics.reverse_lm import least_samples
from seqgan_tf.metrics.sweep import TemperatureSweep
from seqgan_tf.reports.conditional import evaluate_conditions
from seqgan_tf.reports.data import EvaluationData
from seqgan_tf.reports.quality import measure_quality, quality_metric, reverse_language_model
from seqgan_tf.reports.settings import EvaluationSettings
from seqgan_tf.runs.directory import Run
from seqgan_tf.seqgan import SeqGAN

ORACLE_SAMPLES = 40_000  # for the oracle against itself: correct to three decimals
TEMPERATURES, TEXTS, TEXT_SEED = (0.7, 1.0, 1.3), 5, 1
PRETRAINED, UNFINISHED = "pre-trained", "in pre-training"


def restored_states(run: Run) -> Iterator[str]:
    """Restores, one after the other, the states of a run that can be measured; yields the name of each."""
    state = run.state()
    if state.pretrained:
        state.restore(pretrained=True)
        yield PRETRAINED
    state.restore()
    rounds = int(state.steps[ADVERSARIAL])
    if rounds or not state.pretrained:
        yield f"after {rounds} round{'s' * (rounds != 1)}" if rounds else UNFINISHED


def evaluate_run(
    run: Run, data: EvaluationData, settings: EvaluationSettings
) -> tuple[dict[str, Any], dict[str, TemperatureSweep]]:
    """All metrics of a run.

    Args:
        run: the run. Afterwards its models have the weights of its last checkpoint.
        data: the sequences to measure on.
        settings: settings of the evaluation.

    Returns:
        (the report, a dict of plain values as in report.json; {state: temperature sweep}, empty without
        `settings.sweep`).
    """
    states, sweeps = {}, {}
    for name in restored_states(run):
        states[name] = _evaluate_state(run, data, settings)
        if settings.sweep:
            sweeps[name] = sweep_run(run, data, settings)
    report = {
        "run": str(run.directory),
        "held_out": data.description,
        "num_held_out": len(data.held_out),
        "num_cut": data.num_cut,
        "unknown_share": data.unknown_share,
        "num_samples": settings.samples if data.condition is None else len(data.held_out),
        "seed": settings.seed,
        "states": states,
        "real": _evaluate_real(run, data, settings),
    }
    if sweeps:
        quality = quality_metric(run, settings.quality).label
        report["sweep"] = {"quality": quality, **{name: plain(sweep) for name, sweep in sweeps.items()}}
    return report, sweeps


def sweep_run(
    run: Run, data: EvaluationData, settings: EvaluationSettings, particles: int | None = None
) -> TemperatureSweep:
    """The temperature sweep of the run's generator with its present weights; its quality is `settings.quality`.

    With particles, the sweep of the samples that its discriminator chooses, see `metrics.resampled_sweep`.
    """
    quality = measure_quality(run, settings.quality, data.held_out)
    seeds = tuple(range(settings.seed, settings.seed + settings.sweep_seeds))
    if particles is None:
        return metrics.temperature_sweep(
            run.gan.generator, data.real, quality, num_samples=settings.samples, seeds=seeds
        )
    return metrics.resampled_sweep(
        run.gan, data.real, quality, num_samples=settings.samples, seeds=seeds, particles=particles
    )


def plain(value: Any) -> Any:
    """Converts to JSON types: dataclasses become dicts, arrays become lists, NaN and infinities become None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def _evaluate_state(run: Run, data: EvaluationData, settings: EvaluationSettings) -> dict[str, Any]:
    gan = run.gan
    condition = data.condition
    generated = gan.generate(None if condition is not None else settings.samples, settings.seed, condition=condition)
    if run.oracle:
        likelihood = plain(metrics.divergences(run.oracle, gan.generator, data.held_out, generated))
    else:
        likelihood = {
            "nll_test": metrics.negative_log_likelihood(gan.generator, data.real),
            "generator_entropy": metrics.negative_log_likelihood(gan.generator, join_condition(condition, generated)),
            "num_real": len(data.held_out),
            "num_generated": len(generated),
        }
    found = {
        "likelihood": likelihood,
        "samples": plain(_ngrams(generated, data)),
        "discriminator": healths(gan, data, generated),
        "texts": {} if condition is not None else _texts(run),
    }
    if own := _task_metrics(run, generated, data):
        found["task_metrics"] = own
    if condition is not None:
        found["conditional"] = evaluate_conditions(run, data, settings.seed)
    if settings.reverse_lm:
        found["reverse_lm"] = plain(reverse_language_model(run, generated, data.held_out))
    return found


def _texts(run: Run) -> dict[str, list[str]]:
    """Samples at each temperature."""
    suppressed = run.source.suppressed_tokens
    return {
        str(temperature): run.decode(
            run.gan.generate(TEXTS, TEXT_SEED, temperature=temperature, suppress_tokens=suppressed)
        )
        for temperature in TEMPERATURES
    }


def _evaluate_real(run: Run, data: EvaluationData, settings: EvaluationSettings) -> dict[str, Any]:
    """The same metrics of real sequences, for comparison: a generator is not expected to reach better values."""
    found: dict[str, Any] = {}
    if run.oracle:
        own = generate(run.oracle, ORACLE_SAMPLES, data.held_out.shape[1], settings.seed)
        found["oracle_against_itself"] = metrics.negative_log_likelihood(run.oracle, own)
        found["num_oracle_samples"] = ORACLE_SAMPLES
    if data.training is not None:
        count = min(len(data.training), len(data.held_out))
        found["samples"] = plain(_ngrams(data.training[:count], data))
        if own := _task_metrics(run, data.training[:count], data):
            found["task_metrics"] = own
        # The share of held-out sequences that are also in the training part; of the training part itself it is 1.
        found["samples"]["share_copied"] = metrics.share_copied(data.held_out, data.training).share
        if settings.reverse_lm and len(data.training) >= least_samples():
            found["reverse_lm"] = plain(reverse_language_model(run, data.training[: settings.samples], data.held_out))
    return found


def _ngrams(sequences, data):
    return metrics.sample_metrics(sequences[: len(data.held_out)], data.held_out, data.training)


def _task_metrics(run, sequences, data):
    """The metrics that only the task of the run has."""
    return plain(run.source.sample_metrics(sequences[: len(data.held_out)], data.held_out))


def healths(gan: SeqGAN, data: EvaluationData, generated: np.ndarray) -> dict[str, Any]:
    """Metrics of the discriminator: new samples against held-out sequences, and against its training data."""

    def score(condition: Any, token_ids: np.ndarray) -> np.ndarray:
        condition = condition if takes_condition(gan.discriminator) else None
        return discriminator_logits(gan.discriminator, join_condition(condition, token_ids))

    count = len(data.held_out)
    real = {"held-out real": score(data.condition, data.held_out)}
    if data.training is not None:
        real["training real"] = score(first_rows(data.training_condition, count), data.training[:count])
    logits = score(data.condition, generated)
    found = {name: plain(metrics.discriminator_health(part, logits)) for name, part in real.items()}
    if data.condition is not None:
        found["held-out real"]["mismatched_accuracy"] = mismatched_accuracy(gan.discriminator, data.real)
    return found
