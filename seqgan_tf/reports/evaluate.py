"""Measures the states of a run: the contents of report.json."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from seqgan_tf import metrics
from seqgan_tf.core.generation import generate
from seqgan_tf.core.phases import ADVERSARIAL
from seqgan_tf.core.validation import InputError, check_at_least
from seqgan_tf.data.text import read_lines
from seqgan_tf.metrics.held_out import discriminator_logits
from seqgan_tf.metrics.reverse_lm import least_samples
from seqgan_tf.metrics.sweep import TemperatureSweep
from seqgan_tf.reports.settings import EvaluationSettings
from seqgan_tf.runs.directory import Run
from seqgan_tf.seqgan import SeqGAN

ORACLE_SAMPLES = 40_000  # for the oracle against itself: correct to three decimals
TEMPERATURES, TEXTS, TEXT_SEED = (0.7, 1.0, 1.3), 5, 1
PRETRAINED, UNFINISHED = "pre-trained", "in pre-training"


@dataclasses.dataclass(frozen=True)
class EvaluationData:
    """The sequences that a run is measured on.

    Attributes:
        held_out: int32 array [n, T].
        training: int32 array [m, T], the training data of the run; None if they cannot be read.
        description: number and origin of the held-out sequences, in words.
        num_cut: number of held-out lines that were too long and were cut. Defaults to 0.
        unknown_share: share of unknown tokens among the tokens of the held-out lines, in [0, 1]. Defaults to 0.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.reports.evaluate import evaluate_run, read_evaluation_data
    from seqgan_tf.reports.settings import EvaluationSettings

    run, settings = sg.load_run("runs/poems"), EvaluationSettings(samples=20)
    data = read_evaluation_data(run, settings)
    print(data.description)
    report, sweeps = evaluate_run(run, data, settings)
    ```
    """

    held_out: np.ndarray
    training: np.ndarray | None
    description: str
    num_cut: int = 0
    unknown_share: float = 0.0


def read_evaluation_data(run: Run, settings: EvaluationSettings, data: Path | None = None) -> EvaluationData:
    """Reads the data for an evaluation, with at most `settings.samples` held-out sequences.

    Args:
        run: the run.
        settings: settings of the evaluation.
        data: a text file to measure on. Defaults to None: the held-out part of the run's own data.

    Raises:
        InputError: a setting is out of its range, a file cannot be read, or `data` is given for a run on an oracle.
    """
    check_at_least(2, samples=settings.samples)
    check_at_least(1, sweep_seeds=settings.sweep_seeds)
    if settings.reverse_lm and settings.samples < least_samples():
        raise InputError(
            f"`samples` must be at least {least_samples()} with `reverse_lm`, to train a language model on them. "
            f"Received: {settings.samples}"
        )
    if data is None:
        corpus = run.corpus
        held_out = corpus.held_out_token_ids[: settings.samples]
        kind = "fresh sequences of the oracle" if run.oracle else f"held-out lines of {run.source.name(run.settings)}"
        unknown_share = run.tokenizer.unknown_share(held_out) if run.tokenizer else 0.0
        description = f"{len(held_out)} {kind}"
        return EvaluationData(held_out, corpus.train_token_ids, description, unknown_share=unknown_share)
    if run.tokenizer is None:
        raise InputError("--data needs a run on text. Received: a run on an oracle")
    lines = read_lines(data)[: settings.samples]
    if len(lines) < 2:
        raise InputError(f"{data}: expected at least 2 lines to measure on. Received: {len(lines)}")
    held_out, num_cut = run.tokenizer.encode_padded(lines, run.settings.sequence_length)
    try:
        training = run.corpus.train_token_ids
    except InputError:  # measuring on another file does not need the run's own
        training = None
    unknown_share = run.tokenizer.unknown_share(held_out)
    return EvaluationData(held_out, training, f"{len(held_out)} lines of {data.name}", num_cut, unknown_share)


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
        "num_samples": settings.samples,
        "seed": settings.seed,
        "states": states,
        "real": _evaluate_real(run, data, settings),
    }
    if sweeps:
        quality = run.source.quality.label
        report["sweep"] = {"quality": quality, **{name: plain(sweep) for name, sweep in sweeps.items()}}
    return report, sweeps


def sweep_run(run: Run, data: EvaluationData, settings: EvaluationSettings) -> TemperatureSweep:
    """The temperature sweep of the run's generator with its present weights; its quality is `run.source.quality`."""
    return metrics.temperature_sweep(
        run.gan.generator,
        data.held_out,
        run.source.measure_quality(data.held_out),
        num_samples=settings.samples,
        seeds=tuple(range(settings.seed, settings.seed + settings.sweep_seeds)),
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
    generated = gan.generate(settings.samples, seed=settings.seed)
    if run.oracle:
        likelihood = plain(metrics.divergences(run.oracle, gan.generator, data.held_out, generated))
    else:
        likelihood = {
            "nll_test": metrics.negative_log_likelihood(gan.generator, data.held_out),
            "generator_entropy": metrics.negative_log_likelihood(gan.generator, generated),
            "num_real": len(data.held_out),
            "num_generated": len(generated),
        }
    found = {
        "likelihood": likelihood,
        "samples": plain(_ngrams(generated, data)),
        "discriminator": _healths(gan, data, generated),
        "texts": {
            str(temperature): run.decode(
                gan.generate(TEXTS, TEXT_SEED, temperature=temperature, suppress_tokens=run.source.suppressed_tokens)
            )
            for temperature in TEMPERATURES
        },
    }
    if settings.reverse_lm:
        found["reverse_lm"] = plain(_reverse_lm(run, generated, data))
    return found


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
        # The share of held-out sequences that are also in the training part; of the training part itself it is 1.
        found["samples"]["share_copied"] = metrics.share_copied(data.held_out, data.training).share
        if settings.reverse_lm and len(data.training) >= least_samples():
            found["reverse_lm"] = plain(_reverse_lm(run, data.training[: settings.samples], data))
    return found


def _ngrams(sequences, data):
    return metrics.sample_metrics(sequences[: len(data.held_out)], data.held_out, data.training)


def _healths(gan: SeqGAN, data: EvaluationData, generated: np.ndarray) -> dict[str, Any]:
    """Metrics of the discriminator: new samples against held-out sequences, and against its training data."""

    def score(token_ids: np.ndarray) -> np.ndarray:
        return discriminator_logits(gan.discriminator, token_ids)

    real = {"held-out real": data.held_out}
    if data.training is not None:
        real["training real"] = data.training[: len(data.held_out)]
    generated_logits = score(generated)
    return {name: plain(metrics.discriminator_health(score(part), generated_logits)) for name, part in real.items()}


def _reverse_lm(run, sequences, data):
    generator = run.gan.generator
    return metrics.reverse_language_model(
        sequences,
        data.held_out,
        generator.vocabulary_size,
        generator.end_token_id,
        generator.embedding_dim,
        generator.hidden_dim,
        run.settings.pretrain.learning_rate,
        seed=run.settings.seed,
    )
