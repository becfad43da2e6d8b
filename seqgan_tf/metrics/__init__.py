"""Metrics of generators, of their samples, and of discriminators. The functions take lists or arrays of token ids."""

from seqgan_tf.metrics.attributions import logit_attributions
from seqgan_tf.metrics.calibration import discriminator_health
from seqgan_tf.metrics.divergence import divergences
from seqgan_tf.metrics.diversity import distinct, distinct_shares, ms_jaccard, share_copied
from seqgan_tf.metrics.frechet import frechet_distance
from seqgan_tf.metrics.gain import held_out_gain
from seqgan_tf.metrics.held_out import held_out_metrics
from seqgan_tf.metrics.likelihood import negative_log_likelihood, sequence_log_likelihoods
from seqgan_tf.metrics.metric import METRICS, Metric, metric_of
from seqgan_tf.metrics.music import (
    duration_distance,
    empty_bar_rate,
    music_metrics,
    pitch_class_distance,
    scale_consistency,
)
from seqgan_tf.metrics.references import chrf, corpus_bleu, exact_match
from seqgan_tf.metrics.resampled import resampled_sweep, resampling_log_ratios
from seqgan_tf.metrics.reverse_lm import reverse_language_model
from seqgan_tf.metrics.samples import sample_metrics
from seqgan_tf.metrics.sentence_bleu import bleu, self_bleu
from seqgan_tf.metrics.source_code import parse_share
from seqgan_tf.metrics.sweep import compare_at_equal_nll, confidence_band, sweep_over_runs, temperature_sweep

__all__ = [
    "METRICS",
    "Metric",
    "bleu",
    "chrf",
    "compare_at_equal_nll",
    "confidence_band",
    "corpus_bleu",
    "discriminator_health",
    "distinct",
    "distinct_shares",
    "divergences",
    "duration_distance",
    "empty_bar_rate",
    "exact_match",
    "frechet_distance",
    "held_out_gain",
    "held_out_metrics",
    "logit_attributions",
    "metric_of",
    "ms_jaccard",
    "music_metrics",
    "negative_log_likelihood",
    "parse_share",
    "pitch_class_distance",
    "resampled_sweep",
    "resampling_log_ratios",
    "reverse_language_model",
    "sample_metrics",
    "scale_consistency",
    "self_bleu",
    "sequence_log_likelihoods",
    "share_copied",
    "sweep_over_runs",
    "temperature_sweep",
]
