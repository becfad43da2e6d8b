"""What a completed sequence is worth, as a function of the discriminator's logit. Real is 1, so more is better."""

import tensorflow as tf


def probability(logits, clip=None):
    """D(Y) = sigmoid(logit), the paper's reward, in [0, 1]. `clip` has no effect: it is bounded."""
    return tf.sigmoid(logits)


def log_odds(logits, clip=3.0):
    """log D / (1 - D) = the logit itself, clipped to [-clip, clip].

    At the optimal discriminator it is log p_real(Y) / G(Y), so that its policy gradient descends the reverse
    Kullback-Leibler divergence, where D alone is maximised by a single likeliest sequence.
    """
    return tf.clip_by_value(logits, -clip, clip)


TRANSFORMS = {"probability": probability, "log_odds": log_odds}
