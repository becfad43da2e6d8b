"""The mathematics of the training, as pure functions: likelihood, discriminator, policy gradient, baselines.

Axes: B batch, T position, V vocabulary. `mask` is float32 [B, T], 1 on tokens and 0 on padding.
"""

import tensorflow as tf

from seqgan_tf.sequences import masked_mean, masked_sum


def token_log_probs(logits, token_ids):
    """log G(y_t | Y_1:t-1) of the given tokens.

    Args:
        logits: float32 [B, T, V].
        token_ids: int32 [B, T], padded with `sequences.PADDING`.

    Returns:
        float32 [B, T], in nats; the value on padding has no meaning and is to be masked.
    """
    return _log_softmax_at(logits, tf.cast(tf.maximum(token_ids, 0), tf.int32))


@tf.custom_gradient
def _log_softmax_at(logits, token_ids):
    """log_softmax(logits)[..., token_id]; the exponentials of the forward pass serve the gradient too.

    The cross-entropy operation of TensorFlow reads and writes the [B, T, V] tensor more often, and these passes, not
    the matrix products, are what a likelihood step on a CPU costs.
    """
    largest = tf.reduce_max(logits, axis=-1)
    weights = tf.exp(logits - largest[..., tf.newaxis])
    total = tf.reduce_sum(weights, axis=-1)
    chosen = tf.gather(logits, token_ids, batch_dims=token_ids.shape.rank)

    def gradient(upstream):
        flat_weights = tf.reshape(weights, [-1, tf.shape(weights)[-1]])
        flat = tf.reshape(upstream, [-1])
        down = flat_weights * (-flat / tf.reshape(total, [-1]))[:, tf.newaxis]
        places = tf.stack([tf.range(tf.size(flat)), tf.reshape(token_ids, [-1])], axis=1)
        return tf.reshape(tf.tensor_scatter_nd_add(down, places, flat), tf.shape(logits)), None

    return chosen - largest - tf.math.log(total), gradient


def negative_log_likelihood(log_probs, mask):
    """Nats per token: -sum(log_probs) / (number of tokens), over the whole batch. A scalar."""
    return -masked_mean(log_probs, mask)


def adversarial_cross_entropy(real_logits, generated_logits):
    """-(mean log D(real) + mean log(1 - D(generated))) / 2, the discriminator's loss (paper, equation 5).

    Args:
        real_logits: float32 [B], log-odds that real sequences are real.
        generated_logits: float32 [B], the same of generated sequences.

    Returns:
        Scalar, in nats per sequence.
    """
    return 0.5 * (tf.reduce_mean(tf.nn.softplus(-real_logits)) + tf.reduce_mean(tf.nn.softplus(generated_logits)))


def policy_gradient_loss(log_probs, advantages, mask):
    """-(1/B) sum_b sum_t A_bt log G(y_bt | Y_b,1:t-1): its gradient is the policy gradient (paper, equation 8).

    Summed over positions and averaged over sequences, so that with action values as advantages the gradient
    is an unbiased estimate of that of the expected reward of a sequence. No gradient flows into `advantages`.

    Args:
        log_probs: float32 [B, T].
        advantages: float32 [B, T], action values less a baseline.
        mask: float32 [B, T].

    Returns:
        Scalar.
    """
    return -tf.reduce_mean(masked_sum(log_probs * tf.stop_gradient(advantages), mask, axis=1))


def entropy(logits):
    """Entropy of each next-token distribution, -sum_v p log p, in nats: float32 [B, T] of logits [B, T, V]."""
    log_probs = tf.nn.log_softmax(logits)
    return -tf.reduce_sum(tf.exp(log_probs) * log_probs, axis=-1)


def batch_mean_baseline(rewards, mask):
    """At each position the mean reward of the sequences that reach it: [1, T], to be broadcast over the batch.

    A sequence's own reward is part of its baseline, which scales the gradient by (B - 1) / B.
    """
    return masked_mean(rewards, mask, axis=0)[tf.newaxis]


def leave_one_out_baseline(rewards, mask):
    """At each position the mean reward of the other sequences that reach it: float32 [B, T].

    It does not depend on a sequence's own tokens, so the gradient stays unbiased (Kool et al., 2019). Where no
    other sequence reaches a position, the mean over all tokens of the other sequences stands in.

    Args:
        rewards: float32 [B, T], B >= 2.
        mask: float32 [B, T].
    """
    rewards = tf.where(mask > 0, rewards, 0.0)
    others_sum = tf.reduce_sum(rewards, axis=0) - rewards
    others_count = tf.reduce_sum(mask, axis=0) - mask
    row_sum, row_count = tf.reduce_sum(rewards, axis=1, keepdims=True), tf.reduce_sum(mask, axis=1, keepdims=True)
    overall = tf.math.divide_no_nan(tf.reduce_sum(row_sum) - row_sum, tf.reduce_sum(row_count) - row_count)
    return tf.where(others_count > 0.5, tf.math.divide_no_nan(others_sum, others_count), overall)


def moving_average(average, rewards, mask, decay=0.9):
    """decay * average + (1 - decay) * (mean reward of this batch): the next value of a scalar moving average."""
    return decay * average + (1.0 - decay) * masked_mean(rewards, mask)
