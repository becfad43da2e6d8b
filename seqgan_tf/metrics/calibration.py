"""Accuracy and calibration of a discriminator: can it tell real from generated, and are its probabilities right."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from seqgan_tf.core.validation import InputError, check_at_least
from seqgan_tf.metrics.gain import held_out_gain


@dataclasses.dataclass(frozen=True)
class DiscriminatorHealth:
    """Accuracy and calibration of a discriminator. Each class has weight 1/2 in every metric, whatever its count.

    Attributes:
        real_accuracy: share of the real sequences with P(real) > 1/2.
        generated_accuracy: share of the generated sequences with P(real) <= 1/2.
        auc: probability that a real sequence has a higher logit than a generated one; ties count half; chance: 0.5.
        log_loss: cross-entropy of P(real), nats per sequence; for a constant P(real) = 1/2 it is log 2 = 0.693.
        calibration_error: expected calibration error (Naeini et al., 2015): weighted mean over the bins of
            |share of real sequences - mean P(real)|.
        gain: nats per sequence that the generator would gain if it followed the discriminator, see `held_out_gain`.
            None for fewer than two sequences of a class.
        bins: (mean P(real), share of real sequences, weight) of each bin of P(real) that is not empty.
        num_real: number of real sequences.
        num_generated: number of generated sequences.

    Example:
    ```python
    from seqgan_tf.metrics import discriminator_health

    health = discriminator_health(real_logits=[2.0, 0.5, -0.1], generated_logits=[-1.0, 0.3])
    print(health.real_accuracy, health.generated_accuracy, health.auc)  # 0.667, 0.5, 0.833
    ```
    """

    real_accuracy: float
    generated_accuracy: float
    auc: float
    log_loss: float
    calibration_error: float
    gain: float | None
    bins: list[tuple[float, float, float]]
    num_real: int
    num_generated: int


def discriminator_health(
    real_logits: Sequence[float] | np.ndarray, generated_logits: Sequence[float] | np.ndarray, num_bins: int = 10
) -> DiscriminatorHealth:
    """Accuracy and calibration of a discriminator, from its logits of real and of generated sequences.

    Args:
        real_logits: floats [n], log-odds that each real sequence is real.
        generated_logits: floats [m], the same of generated sequences.
        num_bins: number of bins of equal width of P(real), for the calibration. Defaults to 10.

    Returns:
        The metrics and the numbers of sequences.

    Raises:
        InputError: there is no logit, a logit is NaN, or `num_bins` < 1.
    """
    check_at_least(1, num_bins=num_bins)
    real, generated = (np.asarray(logits, np.float64).ravel() for logits in (real_logits, generated_logits))
    for name, logits in (("real_logits", real), ("generated_logits", generated)):
        if not len(logits) or np.isnan(logits).any():
            raise InputError(f"`{name}` must hold numbers. Received: {'NaN' if len(logits) else 'none'}")
    logits = np.concatenate([real, generated])
    is_real = np.repeat([1.0, 0.0], [len(real), len(generated)])
    weight = np.where(is_real, 0.5 / len(real), 0.5 / len(generated))
    probability = np.exp(-np.logaddexp(0, -logits))
    place = np.minimum((probability * num_bins).astype(int), num_bins - 1)
    held = np.bincount(place, weight, num_bins)
    kept = held > 0
    mean_probability = np.bincount(place, weight * probability, num_bins)[kept] / held[kept]
    share_real = np.bincount(place, weight * is_real, num_bins)[kept] / held[kept]
    ordered = np.sort(generated)
    below, up_to = np.searchsorted(ordered, real, "left"), np.searchsorted(ordered, real, "right")
    return DiscriminatorHealth(
        real_accuracy=float(np.mean(real > 0)),
        generated_accuracy=float(np.mean(generated <= 0)),
        auc=float(np.mean(below + up_to) / (2 * len(generated))),
        log_loss=float(weight @ np.logaddexp(0, np.where(is_real, -logits, logits))),
        gain=held_out_gain(real, generated) if min(len(real), len(generated)) > 1 else None,
        calibration_error=float(held[kept] @ np.abs(share_real - mean_probability)),
        bins=list(zip(mean_probability.tolist(), share_real.tolist(), held[kept].tolist(), strict=True)),
        num_real=len(real),
        num_generated=len(generated),
    )
