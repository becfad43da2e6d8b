"""Sentences that state the result of a run, and of a comparison at equal NLL-test."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from seqgan_tf.core.phases import ADVERSARIAL, PRETRAIN_DISCRIMINATOR, PRETRAIN_GENERATOR
from seqgan_tf.metrics.metric import METRICS, Metric
from seqgan_tf.runs.rows import Row, last_of_each_phase

if TYPE_CHECKING:
    from seqgan_tf.metrics.sweep import EqualNllComparison

NOISE = 0.01  # nats per token; evaluations of one model on two sets of 5,000 sequences differ by less
NLL_TEST, NLL_ORACLE = METRICS["nll_test"], METRICS["nll_oracle"]
CAVEAT = (
    f"{NLL_ORACLE.label} alone proves nothing: every loss of diversity lowers it, for instance sampling at a "
    f"temperature below 1. Read it together with {NLL_TEST.label}."
)


def conclusion(rows: Sequence[Row]) -> str:
    """What the adversarial phase changed, in sentences.

    Args:
        rows: evaluations of a run, as `runs.rows.read_rows` returns them.

    Returns:
        The sentences; an empty string if the adversarial phase, or the phase before it, has not been evaluated.
    """
    phases = {row["phase"]: row for row in last_of_each_phase(list(rows))}
    before, after = phases.get(PRETRAIN_DISCRIMINATOR, phases.get(PRETRAIN_GENERATOR)), phases.get(ADVERSARIAL)
    if before is None or after is None:
        return ""
    changes = [_change(metric, before, after) for metric in (NLL_TEST, NLL_ORACLE) if metric.key in after]
    sentences = [f"In the adversarial phase {', and '.join(changes)}."]
    gain = _gain(NLL_TEST, before, after)
    is_test_worse, is_test_better = gain < -NOISE, gain > NOISE
    if NLL_ORACLE.key in after:
        is_oracle_better = _gain(NLL_ORACLE, before, after) > NOISE
        if is_oracle_better and is_test_worse:
            sentences.append(
                "The samples became more likely under the oracle, and held-out data less likely under the generator: "
                "the generator lost diversity."
            )
        elif is_oracle_better and is_test_better:
            sentences.append(
                "The samples became more likely under the oracle, and held-out data more likely under the generator: "
                "it became better by both."
            )
        elif is_oracle_better:
            sentences.append(
                "The samples became more likely under the oracle, and held-out data no less likely under the generator."
            )
        else:
            sentences.append(
                "The samples did not become more likely under the oracle: adversarial training did not help here."
            )
        sentences.append(CAVEAT)
    elif is_test_worse:
        sentences.append(
            "Held-out data became less likely under the generator: any gain against the discriminator cost likelihood."
        )
    elif is_test_better:
        sentences.append("Held-out data became more likely under the generator.")
    else:
        sentences.append("Held-out data did not become less likely under the generator.")
    if "held_out_real_accuracy" in after:
        accuracy = (after["held_out_real_accuracy"] + after["held_out_generated_accuracy"]) / 2
        sentences.append(
            f"On sequences that it was not trained on, the discriminator is right {accuracy:.0%} of the time (chance: "
            "50%)."
        )
    return " ".join(sentences)


def _gain(metric: Metric, before: Row, after: Row) -> float:
    return metric.gain(after[metric.key] - before[metric.key])


def _change(metric: Metric, before: Row, after: Row) -> str:
    """A clause such as "NLL-test rose by 0.300, from 9.000 to 9.300"."""
    old, new = before[metric.key], after[metric.key]
    if abs(new - old) <= NOISE:
        return f"{metric.label} stayed at {new:.3f} (before: {old:.3f})"
    return f"{metric.label} {'rose' if new > old else 'fell'} by {abs(new - old):.3f}, from {old:.3f} to {new:.3f}"


def equal_nll_conclusion(name: str, other: str, quality: Metric, comparison: "EqualNllComparison") -> str:
    """The result of a comparison at equal NLL-test, in a sentence.

    Args:
        name: the first curve.
        other: the curve that it is compared with.
        quality: the metric of samples that the curves show; its direction is "lower" or "higher".
        comparison: the comparison of `name` with `other`.

    Raises:
        InputError: `quality` has the direction "none", and the curves have an NLL-test in common.
    """
    if not len(comparison.nll_test):
        return f"{name} and {other} have no {NLL_TEST.label} in common, so they cannot be compared."
    low, high = comparison.nll_test[[0, -1]]
    start = f"{name} against {other} at equal {NLL_TEST.label}, {low:.2f} to {high:.2f}: {quality.label} differs by "
    start += f"{comparison.difference.min():+.3f} to {comparison.difference.max():+.3f}"
    if not np.isfinite(comparison.half_width).all():
        return f"{start}. With one seed there is no confidence band, so this may be chance."
    gain = quality.gain(comparison.difference)
    better, worse = (int(np.sum(sign * gain > comparison.half_width)) for sign in (1, -1))
    result = {
        (False, False): "no difference that is larger than its band",
        (True, False): f"better at {better} of {len(gain)} points",
        (False, True): f"worse at {worse} of {len(gain)} points: sampling {other} at a lower temperature does better",
        (True, True): f"better at {better} and worse at {worse} of {len(gain)} points",
    }[better > 0, worse > 0]
    return f"{start}; {result} ({comparison.confidence:.0%} bands over seeds)."
