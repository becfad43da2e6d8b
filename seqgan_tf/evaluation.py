"""Measures the states of a run: what is read from its directory and its data, and what comes out as plain numbers."""

import dataclasses

import numpy as np

from seqgan_tf import metrics
from seqgan_tf.checks import check_at_least
from seqgan_tf.data.text import read_lines
from seqgan_tf.generation import generate
from seqgan_tf.training import ADVERSARIAL

ORACLE_SAMPLES = 40_000  # for the oracle against itself: the third decimal is then right
TEMPERATURES, TEXTS, TEXT_SEED = (0.7, 1.0, 1.3), 5, 1
PRETRAINED, UNFINISHED = "pre-trained", "in pre-training"


@dataclasses.dataclass(frozen=True)
class EvaluationData:
    """The sequences that a run is measured on.

    Attributes:
        held_out: int32 array [n, T].
        training: int32 array [m, T], what the run learnt from; None where its data are not at hand.
        description: str, where the held-out sequences come from.
        num_cut: int, held-out lines that were too long and were cut.
    """

    held_out: np.ndarray
    training: np.ndarray | None
    description: str
    num_cut: int = 0


def read_evaluation_data(run, settings, data=None):
    """The held-out sequences of a run, at most `settings.samples` of them.

    Args:
        run: `run_directory.Run`.
        settings: `config.EvaluationSettings`.
        data: path of a text file to measure on. Defaults to None: the held-out part of the run's own data.

    Raises:
        ValueError: a setting makes no sense, a file can not be read, or the run is on an oracle and `data` is given.
    """
    check_at_least(2, samples=settings.samples)
    check_at_least(1, sweep_seeds=settings.sweep_seeds)
    if data is None:
        corpus = run.corpus()
        held_out = getattr(corpus, "test_token_ids", corpus.validation_token_ids)[: settings.samples]
        kind = "fresh sequences of the oracle" if run.oracle else f"held-out lines of {run.settings.data.name}"
        return EvaluationData(held_out, corpus.train_token_ids, f"{len(held_out)} {kind}")
    if run.oracle:
        raise ValueError("--data needs a run on text. Received: a run on an oracle")
    lines = read_lines(data)[: settings.samples]
    held_out, num_cut = run.tokenizer.encode_padded(lines, run.settings.corpus.sequence_length)
    try:
        training = run.corpus().train_token_ids
    except ValueError:  # measuring on another file does not need the first one
        training = None
    return EvaluationData(held_out, training, f"{len(held_out)} lines of {data.name}", num_cut)


def restored_states(run):
    """Brings the run's models to the states that can be measured, one after the other; yields the name of each."""
    training = run.training()
    if training.pretrained:
        training.restore(pretrained=True)
        yield PRETRAINED
    training.restore()
    rounds = int(training.steps[ADVERSARIAL])
    if rounds or not training.pretrained:
        yield f"after {rounds} round{'s' * (rounds != 1)}" if rounds else UNFINISHED


def evaluate_run(run, data, settings):
    """Every figure of a run.

    Args:
        run: `run_directory.Run`; its models are left in their last state.
        data: `EvaluationData`.
        settings: `config.EvaluationSettings`.

    Returns:
        (dict of plain values, as in report.json; dict of `metrics.sweep.TemperatureSweep` by state, empty without
        `settings.sweep`).
    """
    states, sweeps = {}, {}
    for name in restored_states(run):
        states[name] = _evaluate_state(run, data, settings)
        if settings.sweep:
            sweeps[name] = sweep_run(run, data, settings)
    figures = {
        "run": str(run.directory),
        "held_out": data.description,
        "num_held_out": len(data.held_out),
        "num_cut": data.num_cut,
        "num_samples": settings.samples,
        "seed": settings.seed,
        "states": states,
        "real": _evaluate_real(run, data, settings),
    }
    if sweeps:
        figures["sweep"] = {"quality": quality_name(run), **{name: plain(sweep) for name, sweep in sweeps.items()}}
    return figures, sweeps


def sweep_run(run, data, settings):
    """The temperature sweep of the run's generator as it is: quality is NLL-oracle, or BLEU-4 on text."""
    if run.oracle:

        def quality(samples):
            return metrics.negative_log_likelihood(run.oracle, samples)

    else:

        def quality(samples):
            return metrics.bleu(samples, data.held_out, 4).bleu[4]

    seeds = range(settings.seed, settings.seed + settings.sweep_seeds)
    return metrics.temperature_sweep(
        run.gan.generator, data.held_out, quality, num_samples=settings.samples, seeds=tuple(seeds)
    )


def quality_name(run):
    """What the sweep of a run measures beside NLL-test."""
    return "NLL-oracle" if run.oracle else "BLEU-4"


def plain(value):
    """Dataclasses, arrays and NaN as what JSON has: dicts, lists and None."""
    if dataclasses.is_dataclass(value):
        return plain({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def _evaluate_state(run, data, settings):
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
    figures = {
        "likelihood": likelihood,
        "samples": plain(_ngrams(generated, data)),
        "discriminator": _healths(gan, data, generated),
        "texts": {
            str(temperature): run.decode(
                gan.generate(TEXTS, TEXT_SEED, temperature=temperature, suppress_tokens=run.suppressed_tokens)
            )
            for temperature in TEMPERATURES
        },
    }
    if settings.reverse_lm:
        figures["reverse_lm"] = plain(_reverse_lm(run, generated, data))
    return figures


def _evaluate_real(run, data, settings):
    """The same figures of real sequences, which no generator should be expected to beat."""
    figures = {}
    if run.oracle:
        own = generate(run.oracle, ORACLE_SAMPLES, data.held_out.shape[1], settings.seed)
        figures["oracle_against_itself"] = metrics.negative_log_likelihood(run.oracle, own)
        figures["num_oracle_samples"] = ORACLE_SAMPLES
    if data.training is not None:
        count = min(len(data.training), len(data.held_out))
        figures["samples"] = plain(_ngrams(data.training[:count], data))
        # Real lines that stand in the training part too; of the training part itself all would.
        figures["samples"]["share_copied"] = metrics.share_copied(data.held_out, data.training).share
        if settings.reverse_lm:
            figures["reverse_lm"] = plain(_reverse_lm(run, data.training[: settings.samples], data))
    return figures


def _ngrams(sequences, data):
    return metrics.sample_metrics(sequences[: len(data.held_out)], data.held_out, data.training)


def _healths(gan, data, generated):
    """The discriminator on fresh samples, against held-out sequences and against those it was trained on."""

    def score(token_ids):
        return gan.discriminator.predict(token_ids, batch_size=250, verbose=0)

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
