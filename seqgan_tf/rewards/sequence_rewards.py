"""The reward of a whole sequence, as a function of the discriminator's logit. Real is 1, so more is better.

Axes: B batch, T sequence length.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import tensorflow as tf

from seqgan_tf.core.sequences import check_token_ids
from seqgan_tf.core.validation import InputError, check_tensors

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Discriminator


def probability(logits: tf.Tensor, clip: float | None = None) -> tf.Tensor:
    """D(Y) = sigmoid(logit), the paper's reward, in [0, 1]. `clip` has no effect: it is bounded."""
    return tf.sigmoid(logits)


def log_odds(logits: tf.Tensor, clip: float = 3.0) -> tf.Tensor:
    """log D / (1 - D) = the logit itself, clipped to [-clip, clip].

    At the optimal discriminator it is log p_real(Y) / G(Y), so that its policy gradient descends the reverse
    Kullback-Leibler divergence. D alone, in contrast, is maximised by a single most likely sequence.
    """
    return tf.clip_by_value(logits, -clip, clip)


TRANSFORMS: dict[str, Callable[[tf.Tensor, float], tf.Tensor]] = {"probability": probability, "log_odds": log_odds}


def check_reward(reward: str, clip: float) -> None:
    """Checks the arguments that choose a sequence reward.

    Args:
        reward: a name in `TRANSFORMS`.
        clip: bound of the log-odds.

    Raises:
        InputError: an unknown name, or `clip` is not above 0.
    """
    if reward not in TRANSFORMS:
        raise InputError(f"`reward` must be one of {sorted(TRANSFORMS)}. Received: {reward!r}")
    if not clip > 0:
        raise InputError(f"`clip` must be above 0. Received: {clip}")


def checked_token_ids(token_ids: tf.Tensor, vocabulary_size: int) -> tf.Tensor:
    """The sequences to reward, int32 [B, T].

    Raises:
        InputError: another rank, no integers, or (where values are at hand) an id outside the vocabulary.
    """
    check_token_ids(token_ids, vocabulary_size)
    token_ids = tf.convert_to_tensor(token_ids)
    check_tensors(token_ids=(token_ids, "BT"))
    return tf.cast(token_ids, tf.int32)


def sequence_logits(discriminator: "Discriminator", token_ids: tf.Tensor) -> tf.Tensor:
    """Logits float32 [B] of token_ids [B, T], dropout off.

    Raises:
        InputError: the discriminator returns another shape, such as [B, 1], which would be broadcast.
    """
    logits = discriminator(token_ids, training=False)
    check_tensors({"B": token_ids.shape[0]}, **{"discriminator(token_ids)": (logits, "B")})
    return logits


def sequence_rewards(discriminator: "Discriminator", token_ids: tf.Tensor, reward: str, clip: float) -> tf.Tensor:
    """Rewards float32 [B] of whole sequences.

    Args:
        discriminator: D.
        token_ids: int32 [B, T].
        reward, clip: see `check_reward`.
    """
    return TRANSFORMS[reward](sequence_logits(discriminator, token_ids), clip)
