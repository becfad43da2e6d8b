"""One optimizer step of each kind. Pure but for the weights that it is there to change, and debuggable in eager mode.

Axes: B batch, T position. Every step returns its logs, {name: scalar}.
"""

import tensorflow as tf

from seqgan_tf import losses
from seqgan_tf.sequences import mask, masked_mean

LIKELIHOOD_LOGS = ("nll", "gradient_norm")
GENERATOR_LOGS = ("generator_loss", "reward", "entropy", "generator_gradient_norm")
DISCRIMINATOR_LOGS = ("discriminator_loss", "real_accuracy", "generated_accuracy", "discriminator_gradient_norm")


def likelihood_step(generator, optimizer, token_ids):
    """One maximum likelihood step of a generator.

    Args:
        generator: a `Generator`.
        optimizer: Keras optimizer of its trainable variables.
        token_ids: int32 [B, T], real.

    Returns:
        {"nll" (nats a token), "gradient_norm"}.
    """
    with tf.GradientTape() as tape:
        log_probs = losses.token_log_probs(generator(token_ids, training=True), token_ids)
        nll = losses.negative_log_likelihood(log_probs, mask(token_ids))
    return {"nll": nll, "gradient_norm": _apply(tape, nll, generator, optimizer)}


def likelihood_metrics(generator, token_ids):
    """{"nll"} of token ids [B, T], dropout off, nats a token."""
    log_probs = losses.token_log_probs(generator(token_ids, training=False), token_ids)
    return {"nll": losses.negative_log_likelihood(log_probs, mask(token_ids))}


def discriminator_step(discriminator, optimizer, real, generated):
    """One step of a discriminator.

    Args:
        discriminator: a `Discriminator`.
        optimizer: Keras optimizer of its trainable variables.
        real, generated: int32 [B, T], as many of the one as of the other.

    Returns:
        {"discriminator_loss" (nats a sequence), "real_accuracy", "generated_accuracy",
        "discriminator_gradient_norm"}.
    """
    with tf.GradientTape() as tape:
        logits = discriminator(tf.concat([real, generated], axis=0), training=True)
        real_logits, generated_logits = tf.split(logits, 2)
        loss = losses.adversarial_cross_entropy(real_logits, generated_logits)
        objective = tf.add_n([loss, *discriminator.losses])
    norm = _apply(tape, objective, discriminator, optimizer)
    return {
        "discriminator_loss": loss,
        **accuracies(real_logits, generated_logits),
        "discriminator_gradient_norm": norm,
    }


def accuracies(real_logits, generated_logits):
    """{"real_accuracy", "generated_accuracy"}: shares of the logits [B] that are right; 0 counts as generated."""
    return {
        "real_accuracy": tf.reduce_mean(tf.cast(real_logits > 0, tf.float32)),
        "generated_accuracy": tf.reduce_mean(tf.cast(generated_logits <= 0, tf.float32)),
    }


def policy_gradient_step(generator, optimizer, token_ids, rewards, advantages, entropy_weight=0.0):
    """One policy gradient step of a generator on sequences of its own (paper, equation 8).

    Args:
        generator: a `Generator`; dropout is off, as it was when it drew the sequences.
        optimizer: Keras optimizer of its trainable variables.
        token_ids: int32 [B, T].
        rewards: float32 [B, T], for the logs.
        advantages: float32 [B, T], rewards less a baseline.
        entropy_weight: float, of the mean entropy of a token's distribution in the objective.

    Returns:
        {"generator_loss", "reward" (mean over tokens), "entropy" (nats a token), "generator_gradient_norm"}.
    """
    token_mask = mask(token_ids)
    with tf.GradientTape() as tape:
        logits = generator(token_ids, training=False)
        entropy = masked_mean(losses.entropy(logits), token_mask)
        loss = losses.policy_gradient_loss(losses.token_log_probs(logits, token_ids), advantages, token_mask)
        objective = loss - entropy_weight * entropy if entropy_weight else loss
    norm = _apply(tape, objective, generator, optimizer)
    reward = masked_mean(rewards, token_mask)
    return {"generator_loss": loss, "reward": reward, "entropy": entropy, "generator_gradient_norm": norm}


def repeat(step, *inputs):
    """Runs a step once for each slice of the inputs, in order, inside the graph; returns the means of its logs."""
    names = []

    def once(slices):
        logs = step(*slices)
        names[:] = logs
        return tf.stack(list(logs.values()))

    logs = tf.map_fn(once, inputs, fn_output_signature=tf.float32, parallel_iterations=1)
    return dict(zip(names, tf.unstack(tf.reduce_mean(logs, axis=0), num=len(names)), strict=True))


def _apply(tape, objective, network, optimizer):
    """One optimizer step of a network; returns the global norm of the gradient, before any clipping."""
    variables = network.trainable_variables
    gradients = tape.gradient(objective, [v.value for v in variables])
    optimizer.apply(gradients, variables)
    return tf.linalg.global_norm(gradients)
