"""The metric of samples that temperature sweeps show beside NLL-test."""

from collections.abc import Callable
from typing import Any

import numpy as np

from seqgan_tf import metrics
from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics.metric import METRICS, Metric
from seqgan_tf.metrics.reverse_lm import ReverseLanguageModel
from seqgan_tf.runs.directory import Run

BLEU, MS_JACCARD, REVERSE_LM = "bleu_", "ms_jaccard_", "reverse_lm_nll"


def quality_metric(run: Run, name: str | None) -> Metric:
    """The metric of a name.

    Args:
        run: the run that is measured.
        name: `settings.SampleSettings.quality`; None: that of the run's source.

    Raises:
        InputError: the run has no such metric.
    """
    own = run.source.quality
    if name is None or name == own.key:
        return own
    if name != REVERSE_LM and not name.startswith((BLEU, MS_JACCARD)):
        raise InputError(
            f"{run.directory}: expected a quality that runs on these data have: {own.key}, or one that all have. "
            f"Received: {name}"
        )
    return METRICS[name]


def measure_quality(run: Run, name: str | None, held_out: np.ndarray) -> Callable[[Any], float]:
    """The function of samples, int arrays [n, T], that computes this metric.

    Args:
        run, name: as for `quality_metric`.
        held_out: int array [m, T], real sequences that were not used in training.

    Raises:
        InputError: as `quality_metric`.
    """
    key = quality_metric(run, name).key
    if key == run.source.quality.key:
        return run.source.measure_quality(held_out)
    if key == REVERSE_LM:
        return lambda samples: reverse_language_model(run, samples, held_out).nll
    order = int(key.rpartition("_")[2])
    if key.startswith(BLEU):
        return lambda samples: metrics.bleu(samples, held_out, order).bleu[order]
    return lambda samples: metrics.ms_jaccard(samples, held_out, order).ms_jaccard[order]


def reverse_language_model(run: Run, sequences: np.ndarray, held_out: np.ndarray) -> ReverseLanguageModel:
    """NLL of held-out sequences under an LSTM of the generator's sizes that is trained on sequences."""
    generator = run.gan.generator
    return metrics.reverse_language_model(
        sequences,
        held_out,
        generator.vocabulary_size,
        generator.end_token_id,
        generator.embedding_dim,
        generator.hidden_dim,
        run.settings.pretrain.learning_rate,
        seed=run.settings.seed,
    )
