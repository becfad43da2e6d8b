"""How much a generator would gain if it followed a discriminator exactly."""

from collections.abc import Sequence

import numpy as np

from seqgan_tf.core.log_odds import CLIP
from seqgan_tf.core.validation import InputError

LARGEST_SCALE = 8.0
"""The scale of the logits is in [0, 8]."""


def held_out_gain(
    real_logits: Sequence[float] | np.ndarray, generated_logits: Sequence[float] | np.ndarray, clip: float = CLIP
) -> float:
    """The fall of KL(data || G) if G were replaced by G exp(s) / Z, in nats per sequence.

    s is the logit of the discriminator, clipped to [-clip, clip], times a scale; Z makes all probabilities sum to 1.
    The gain is the mean of s over real sequences less the logarithm of the mean of exp(s) over samples of G (the bound
    of Donsker and Varadhan): it equals KL(data || G) - KL(data || G exp(s) / Z), and bounds KL(data || G) from below.

    The scale is the best one on half of the sequences, and the gain that of the other half; both halves are used in
    turn, and the result is the mean. So a discriminator that separates nothing new has a gain of about 0, or a little
    below, and one that is certain of wrong sequences does not get a negative one of its full size: its scale is small.

    Args:
        real_logits: floats [n], log-odds that each real sequence is real, n >= 2. Of sequences that the discriminator
            was not trained on; those of its training data give the gain that it seems to have there.
        generated_logits: floats [m], the same of fresh samples of the generator, m >= 2.
        clip: bound of the log-odds, above 0. Defaults to 3.0, that of the reward.

    Raises:
        InputError: fewer than two logits, a logit that is NaN, or `clip` is not above 0.

    Example:
    ```python
    import numpy as np

    from seqgan_tf.metrics import held_out_gain

    draw = np.random.default_rng(1)
    # Logits of the best discriminator of N(0.5, 1) and N(0, 1): the gain is KL = 0.5^2 / 2 = 0.125.
    real, generated = (mean + draw.normal(size=50_000) for mean in (0.5, 0.0))
    print(held_out_gain(0.5 * real - 0.125, 0.5 * generated - 0.125))  # 0.125, to two digits
    ```
    """
    if not clip > 0:
        raise InputError(f"`clip` must be above 0. Received: {clip}")
    parts = []
    for name, logits in (("real_logits", real_logits), ("generated_logits", generated_logits)):
        logits = np.clip(np.asarray(logits, np.float64).ravel(), -clip, clip)
        if len(logits) < 2 or np.isnan(logits).any():
            received = "NaN" if len(logits) >= 2 else str(len(logits))
            raise InputError(f"`{name}` must hold at least two numbers. Received: {received}")
        parts.append((logits[::2], logits[1::2]))
    real, generated = parts
    folds = [_gain(_best_scale(real[i], generated[i]), real[1 - i], generated[1 - i]) for i in (0, 1)]
    return float(np.mean(folds))


def _gain(scale: float, real: np.ndarray, generated: np.ndarray) -> float:
    scaled = scale * generated
    largest = scaled.max()
    return float(scale * real.mean() - largest - np.log(np.mean(np.exp(scaled - largest))))


def _best_scale(real: np.ndarray, generated: np.ndarray) -> float:
    """The scale with the largest gain, by halving: the gain is concave, and its slope falls."""
    low, high = 0.0, LARGEST_SCALE
    for _ in range(60):
        middle = (low + high) / 2
        weights = np.exp(middle * (generated - generated.max()))
        slope = real.mean() - weights @ generated / weights.sum()
        low, high = (middle, high) if slope > 0 else (low, middle)
    return low
