"""Whether a discriminator knows real from generated, and how far its probabilities can be believed."""

import dataclasses

import numpy as np

from seqgan_tf.checks import check_at_least


@dataclasses.dataclass(frozen=True)
class DiscriminatorHealth:
    """Accuracy and calibration. Both classes weigh one half, whatever their counts.

    Attributes:
        real_accuracy, generated_accuracy: float, shares with P(real) > 1/2, and with P(real) <= 1/2.
        auc: float, probability that a real sequence scores above a generated one, ties half; chance: 0.5.
        log_loss: float, nats a sequence; always saying 1/2: log 2 = 0.693.
        calibration_error: float, mean over sequences of |share that is real - mean P(real)| of their bin (expected
            calibration error, Naeini et al., 2015).
        bins: list of (mean P(real), share that is real, weight), of the bins of P(real) that hold anything.
        num_real, num_generated: int.
    """

    real_accuracy: float
    generated_accuracy: float
    auc: float
    log_loss: float
    calibration_error: float
    bins: list
    num_real: int
    num_generated: int


def discriminator_health(real_logits, generated_logits, num_bins=10):
    """Accuracy and calibration of a discriminator's verdicts.

    Args:
        real_logits, generated_logits: float arrays [n], [m]: log-odds that each is real.
        num_bins: int, bins of equal width of P(real). Defaults to 10.

    Returns:
        `DiscriminatorHealth`.

    Raises:
        ValueError: no logit, NaN, or no bin.
    """
    check_at_least(1, num_bins=num_bins)
    real, generated = (np.asarray(logits, np.float64).ravel() for logits in (real_logits, generated_logits))
    for name, logits in (("real_logits", real), ("generated_logits", generated)):
        if not len(logits) or np.isnan(logits).any():
            raise ValueError(f"`{name}` must hold numbers. Received: {'NaN' if len(logits) else 'none'}")
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
        calibration_error=float(held[kept] @ np.abs(share_real - mean_probability)),
        bins=list(zip(mean_probability.tolist(), share_real.tolist(), held[kept].tolist(), strict=True)),
        num_real=len(real),
        num_generated=len(generated),
    )
