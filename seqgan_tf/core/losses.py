"""The losses and baselines of the training, as pure functions.

Axes: B batch, T position, V vocabulary. `mask` is float32 [B, T], 1 on tokens and 0 on padding. Every function checks
the shapes and dtypes of its arguments and raises `InputError` where they are wrong, so that nothing is broadcast
unnoticed.
"""

import tensorflow as tf

from seqgan_tf.core.sequences import masked_mean, masked_sum
from seqgan_tf.core.validation import check_tensors


def token_log_probs(logits: tf.Tensor, token_ids: tf.Tensor) -> tf.Tensor:
    """log G(y_t | Y_1:t-1) of the given tokens.

    Args:
        logits: float32 [B, T, V].
        token_ids: int32 [B, T], padded with `sequences.PADDING`.

    Returns:
        float32 [B, T], in nats. The value on padding has no meaning and must be masked.

    Raises:
        InputError: a shape or a dtype is wrong.
    """
    check_tensors(logits=(logits, "BTV"), token_ids=(token_ids, "BT"))
    return log_softmax_at(logits, tf.cast(tf.maximum(token_ids, 0), tf.int32))


@tf.custom_gradient
def log_softmax_at(logits: tf.Tensor, token_ids: tf.Tensor) -> tf.Tensor:
    """log_softmax(logits)[..., token_id], float32 [...], for logits [..., V] and int32 token_ids [...] in [0, V).

    The gradient reuses the exponentials of the forward pass. TensorFlow's own cross-entropy operation reads and
    writes the tensor of logits more often. On a CPU these passes, not the matrix products, take most of the time of a
    likelihood step.
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


def negative_log_likelihood(log_probs: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Negative log-likelihood: -sum(log_probs) / (number of tokens), over the whole batch.

    Args:
        log_probs: float32 [B, T], in nats.
        mask: float32 [B, T].

    Returns:
        Scalar, in nats per token.

    Raises:
        InputError: a shape or a dtype is wrong.
    """
    check_tensors(log_probs=(log_probs, "BT"), mask=(mask, "BT"))
    return -masked_mean(log_probs, mask)


def adversarial_cross_entropy(
    real_logits: tf.Tensor,
    generated_logits: tf.Tensor,
    mismatched_logits: tf.Tensor | None = None,
    mismatched_mask: tf.Tensor | None = None,
) -> tf.Tensor:
    """-(mean log D(real) + mean log(1 - D(generated))) / 2, the discriminator's loss (paper, equation 5).

    With mismatched sequences, real ones with the condition of another, the second term is the mean of that of generated
    and that of mismatched sequences (Reed et al., 2016, algorithm 1).

    Args:
        real_logits: float32 [B], the discriminator's log-odds of "real" for real sequences.
        generated_logits: float32 [B], the same for generated sequences; their number may differ.
        mismatched_logits: float32 [B], the same for mismatched sequences. Defaults to None: there are none.
        mismatched_mask: float32 [B], 1 for those that count. Defaults to None, without mismatched sequences.

    Returns:
        Scalar, in nats per sequence.

    Raises:
        InputError: a shape or a dtype is wrong.
    """
    check_tensors(real_logits=(real_logits, "B"))
    check_tensors(generated_logits=(generated_logits, "B"))
    generated = tf.reduce_mean(tf.nn.softplus(generated_logits))
    if mismatched_logits is not None:
        generated = 0.5 * (generated + masked_mean(tf.nn.softplus(mismatched_logits), mismatched_mask))
    return 0.5 * (tf.reduce_mean(tf.nn.softplus(-real_logits)) + generated)


def policy_gradient_loss(log_probs: tf.Tensor, advantages: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """-(1/B) sum_b sum_t A_bt log G(y_bt | Y_b,1:t-1): its gradient is the policy gradient (paper, equation 8).

    The loss is summed over positions and averaged over sequences. With action values as advantages, its gradient is an
    unbiased estimate of minus the gradient of the expected reward of a sequence. No gradient flows into `advantages`.

    Args:
        log_probs: float32 [B, T].
        advantages: float32 [B, T], action values minus a baseline.
        mask: float32 [B, T].

    Returns:
        Scalar.

    Raises:
        InputError: a shape or a dtype is wrong.
    """
    check_tensors(log_probs=(log_probs, "BT"), advantages=(advantages, "BT"), mask=(mask, "BT"))
    return -tf.reduce_mean(masked_sum(log_probs * tf.stop_gradient(advantages), mask, axis=1))


def expected_rewards(logits: tf.Tensor, rewards: tf.Tensor) -> tf.Tensor:
    """sum_v G(v | Y_1:t-1) R_t(v): the mean reward of the next token, over all tokens of the vocabulary.

    No gradient flows into `rewards`. The gradient is that of the policy at one prefix, without the noise of the token
    that was drawn there (Asadi et al., 2017; Ciosek and Whiteson, 2018).

    Args:
        logits: float32 [B, T, V], of the generator.
        rewards: float32 [B, T, V], of each possible next token.

    Returns:
        float32 [B, T].

    Raises:
        InputError: a shape or a dtype is wrong.
    """
    check_tensors(logits=(logits, "BTV"), rewards=(rewards, "BTV"))
    return tf.reduce_sum(tf.nn.softmax(logits) * tf.stop_gradient(rewards), axis=-1)


def divergence_to_go(log_probs: tf.Tensor, reference_log_probs: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """sum_(s >= t) log G(y_s | Y_1:s-1) / G_0(y_s | Y_1:s-1): what token t and those after it add to KL(G || G_0).

    As a negative reward of sequences that G has drawn, its policy gradient descends the Kullback-Leibler divergence
    KL(G || G_0), of which the sum over a whole sequence is an unbiased estimate.

    Args:
        log_probs: float32 [B, T], of the tokens under the generator G.
        reference_log_probs: float32 [B, T], of the same tokens under another generator G_0.
        mask: float32 [B, T].

    Returns:
        float32 [B, T], in nats; 0 on padding.

    Raises:
        InputError: a shape or a dtype is wrong.
    """
    check_tensors(log_probs=(log_probs, "BT"), reference_log_probs=(reference_log_probs, "BT"), mask=(mask, "BT"))
    ratios = tf.where(mask > 0, log_probs - reference_log_probs, 0.0)
    return tf.cumsum(ratios, axis=1, reverse=True)


def entropy(logits: tf.Tensor) -> tf.Tensor:
    """Entropy of each next-token distribution, -sum_v p log p.

    Args:
        logits: float32 [B, T, V].

    Returns:
        float32 [B, T], in nats.

    Raises:
        InputError: the shape or the dtype is wrong.
    """
    check_tensors(logits=(logits, "BTV"))
    log_probs = tf.nn.log_softmax(logits)
    return -tf.reduce_sum(tf.exp(log_probs) * log_probs, axis=-1)


def batch_mean_baseline(rewards: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """The mean reward at each position, over the sequences that have a token there.

    The mean includes a sequence's own reward, which scales the expected gradient by (B - 1) / B.

    Args:
        rewards: float32 [B, T].
        mask: float32 [B, T].

    Returns:
        float32 [1, T], to be broadcast over the batch.

    Raises:
        InputError: a shape or a dtype is wrong.
    """
    check_tensors(rewards=(rewards, "BT"), mask=(mask, "BT"))
    return masked_mean(rewards, mask, axis=0)[tf.newaxis]


def leave_one_out_baseline(rewards: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """The mean reward at each position, over the other sequences that have a token there.

    It does not depend on a sequence's own tokens, so the gradient stays unbiased (Kool et al., 2019). Where no other
    sequence has a token at the position, it is the mean over all tokens of the other sequences.

    Args:
        rewards: float32 [B, T], B >= 2.
        mask: float32 [B, T].

    Returns:
        float32 [B, T].

    Raises:
        InputError: a shape or a dtype is wrong.
    """
    check_tensors(rewards=(rewards, "BT"), mask=(mask, "BT"))
    rewards = tf.where(mask > 0, rewards, 0.0)
    others_sum = tf.reduce_sum(rewards, axis=0) - rewards
    others_count = tf.reduce_sum(mask, axis=0) - mask
    row_sum, row_count = tf.reduce_sum(rewards, axis=1, keepdims=True), tf.reduce_sum(mask, axis=1, keepdims=True)
    overall = tf.math.divide_no_nan(tf.reduce_sum(row_sum) - row_sum, tf.reduce_sum(row_count) - row_count)
    return tf.where(others_count > 0.5, tf.math.divide_no_nan(others_sum, others_count), overall)


def moving_average(average: float | tf.Tensor, rewards: tf.Tensor, mask: tf.Tensor, decay: float = 0.9) -> tf.Tensor:
    """The next value of a moving average: decay * average + (1 - decay) * (mean reward over the tokens of this batch).

    Args:
        average: the current value, a scalar.
        rewards: float32 [B, T].
        mask: float32 [B, T].
        decay: weight of the current value, in [0, 1]. Defaults to 0.9.

    Returns:
        Scalar.

    Raises:
        InputError: a shape or a dtype is wrong.
    """
    if not isinstance(average, (int, float)):
        check_tensors(average=(average, ""))
    check_tensors(rewards=(rewards, "BT"), mask=(mask, "BT"))
    return decay * average + (1.0 - decay) * masked_mean(rewards, mask)
