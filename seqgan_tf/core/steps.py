"""One optimizer step of each kind. A step changes nothing but the weights that it trains, and runs in eager mode too.

On several devices every replica gets the whole batch and computes its rows of it, see `core.replicas`.

Axes: B batch, T position. Every step returns its logs, {name: scalar}.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from seqgan_tf.core import losses, replicas
from seqgan_tf.core.conditions import condition_on, differs_from_previous, rows_of, takes_condition
from seqgan_tf.core.sequences import mask, masked_mean, masked_sum
from seqgan_tf.core.validation import check_tensors

LIKELIHOOD_LOGS = ("nll", "gradient_norm")
GENERATOR_LOGS = ("generator_loss", "reward", "entropy", "generator_gradient_norm")
DISCRIMINATOR_LOGS = ("discriminator_loss", "real_accuracy", "generated_accuracy", "discriminator_gradient_norm")
MISMATCHED = "mismatched_accuracy"
"""The log of a discriminator that takes conditions."""
DIVERGENCE = "kl"
"""The log of a generator that is kept close to a reference, nats per sequence."""
Logs = dict[str, tf.Tensor]


def likelihood_step(
    generator: keras.Model, optimizer: keras.optimizers.Optimizer, token_ids: tf.Tensor, condition: Any = None
) -> Logs:
    """One maximum likelihood step of a generator and of its encoder.

    Args:
        generator: a `Generator`.
        optimizer: Keras optimizer of its trainable variables.
        token_ids: int32 [B, T], real sequences.
        condition: the condition of each sequence. Defaults to None, for a generator without an encoder.

    Returns:
        {"nll" (nats per token), "gradient_norm"}.

    Raises:
        InputError: the generator's logits have a wrong shape or dtype.
    """
    rows = replicas.rows(token_ids)
    own, own_condition = rows.take(token_ids), rows.take(condition)
    with tf.GradientTape() as tape:
        policy = condition_on(generator, own_condition, training=True)
        log_probs = rows.gather(losses.token_log_probs(policy(own, training=True), own))
        nll = losses.negative_log_likelihood(log_probs, mask(token_ids))
    return {"nll": nll, "gradient_norm": _apply(tape, nll, generator, optimizer)}


def likelihood_metrics(policy: Any, token_ids: tf.Tensor) -> Logs:
    """{"nll"} of token ids [B, T] under a generator (bound to their conditions), in nats per token; dropout is off."""
    rows = replicas.rows(token_ids)
    own = rows.take(token_ids)
    log_probs = rows.gather(losses.token_log_probs(rows_of(policy, rows.indices)(own, training=False), own))
    return {"nll": losses.negative_log_likelihood(log_probs, mask(token_ids))}


def discriminator_step(
    discriminator: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    real: tf.Tensor,
    generated: tf.Tensor,
    condition: Any = None,
    mismatched: bool = True,
) -> Logs:
    """One step of a discriminator and of its encoder.

    Args:
        discriminator: a `Discriminator`. The loss of an ensemble is the mean of those of its members, and so are the
            accuracies.
        optimizer: Keras optimizer of its trainable variables.
        real: int32 [B, T], real sequences.
        generated: int32 [B, T], as many generated sequences, for the same conditions; of several replicas those of the
            rows of this one.
        condition: the condition of each sequence. Defaults to None, for a discriminator without an encoder.
        mismatched: whether it also learns that a real sequence with the condition of another row, where that differs,
            is not real. Defaults to True; without an encoder it has no effect.

    Returns:
        {"discriminator_loss" (nats per sequence), "real_accuracy", "generated_accuracy",
        "discriminator_gradient_norm"}, and with conditions and `mismatched` also "mismatched_accuracy".

    Raises:
        InputError: real and generated sequences differ in number or length, or the discriminator's logits are not one
            float per sequence.
    """
    rows = replicas.rows(real)
    own, own_condition = rows.take(real), rows.take(condition)
    check_tensors(integers=("real", "generated"), real=(own, "BT"), generated=(generated, "BT"))
    parts = [own, generated]
    mismatched, members = learns_mismatched(discriminator, mismatched), getattr(discriminator, "members", 1)
    if mismatched:
        parts.append(rows.take(tf.roll(real, 1, axis=0)))
        is_mismatched = tf.repeat(tf.cast(differs_from_previous(condition), tf.float32), members)
    number = own.shape[0] and len(parts) * own.shape[0]
    with tf.GradientTape() as tape:
        logits = condition_on(discriminator, own_condition, training=True)(tf.concat(parts, axis=0), training=True)
        sizes = {"B": number, "M": members}
        check_tensors(sizes, **{"discriminator(token_ids)": (logits, "BM" if members > 1 else "B")})
        scored = [tf.reshape(rows.gather(part), [-1]) for part in tf.split(logits, len(parts))]  # [B * M]
        loss = losses.adversarial_cross_entropy(*scored, *([is_mismatched] if mismatched else []))
        objective = tf.add_n([loss, *(tf.cast(added, loss.dtype) for added in discriminator.losses)])
    norm = _apply(tape, objective, discriminator, optimizer)
    logs = {"discriminator_loss": loss, **accuracies(*scored[:2]), "discriminator_gradient_norm": norm}
    if mismatched:
        logs[MISMATCHED] = masked_mean(tf.cast(scored[2] <= 0, tf.float32), is_mismatched)
    return logs


def accuracies(real_logits: tf.Tensor, generated_logits: tf.Tensor) -> Logs:
    """Shares of sequences that the discriminator classifies correctly; a logit of 0 counts as "generated".

    Args:
        real_logits: float32 [B], the discriminator's logits of real sequences.
        generated_logits: float32 [B], the same of generated sequences; their number may differ.

    Returns:
        {"real_accuracy", "generated_accuracy"}.

    Raises:
        InputError: a shape or a dtype is wrong.
    """
    check_tensors(real_logits=(real_logits, "B"))
    check_tensors(generated_logits=(generated_logits, "B"))
    return {
        "real_accuracy": tf.reduce_mean(tf.cast(real_logits > 0, tf.float32)),
        "generated_accuracy": tf.reduce_mean(tf.cast(generated_logits <= 0, tf.float32)),
    }


def learns_mismatched(discriminator: keras.Model, mismatched: bool) -> bool:
    """Whether a discriminator learns from mismatched sequences: it takes conditions, and `mismatched` is set."""
    return mismatched and takes_condition(discriminator)


def discriminator_logs(discriminator: keras.Model, mismatched: bool) -> tuple[str, ...]:
    """The names of the logs of `discriminator_step`."""
    return (*DISCRIMINATOR_LOGS, MISMATCHED) if learns_mismatched(discriminator, mismatched) else DISCRIMINATOR_LOGS


def generator_logs(estimator: Any) -> tuple[str, ...]:
    """The names of the logs of a generator step: those of `policy_gradient_step`, and those that an estimator reports.

    Args:
        estimator: a reward estimator; it names what it reports in `log_names`, see `core.logs`.
    """
    return (*GENERATOR_LOGS, *getattr(estimator, "log_names", ()))


def held_out_accuracies(
    discriminator: keras.Model, real: tf.Tensor, generated: tf.Tensor, condition: Any = None, mismatched: bool = True
) -> Logs:
    """Accuracies of a discriminator, dropout off.

    Args:
        discriminator, real, generated, condition, mismatched: see `discriminator_step`.

    Returns:
        {"real_accuracy", "generated_accuracy"}, and with conditions and `mismatched` also "mismatched_accuracy".
    """
    rows = replicas.rows(real)
    judge = condition_on(discriminator, rows.take(condition))
    scored = [rows.gather(judge(own, training=False)) for own in (rows.take(real), generated)]
    found = accuracies(*scored)
    if learns_mismatched(discriminator, mismatched):
        wrong = rows.gather(judge(rows.take(tf.roll(real, 1, axis=0)), training=False))
        differs = tf.cast(differs_from_previous(condition), tf.float32)
        found[MISMATCHED] = masked_mean(tf.cast(wrong <= 0, tf.float32), differs)
    return found


def policy_gradient_step(
    generator: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    token_ids: tf.Tensor,
    rewards: tf.Tensor,
    advantages: tf.Tensor,
    entropy_weight: float = 0.0,
    condition: Any = None,
) -> Logs:
    """One policy gradient step of a generator on sequences that it has drawn (paper, equation 8).

    Args:
        generator: a `Generator`; dropout is off, as it was when the sequences were drawn.
        optimizer: Keras optimizer of its trainable variables.
        token_ids: int32 [B, T].
        rewards: float32 [B, T], for the logs.
        advantages: float32 [B, T], rewards minus a baseline.
        entropy_weight: weight of the mean entropy per token in the objective. Defaults to 0.
        condition: the condition of each sequence. Defaults to None, for a generator without an encoder.

    Returns:
        {"generator_loss", "reward" (mean over tokens), "entropy" (nats per token), "generator_gradient_norm"}.

    Raises:
        InputError: a shape or a dtype is wrong.
    """
    check_tensors(token_ids=(token_ids, "BT"), rewards=(rewards, "BT"), advantages=(advantages, "BT"))
    token_mask, rows = mask(token_ids), replicas.rows(token_ids)
    own, own_condition = rows.take(token_ids), rows.take(condition)
    with tf.GradientTape() as tape:
        logits = condition_on(generator, own_condition)(own, training=False)
        entropy = masked_mean(rows.gather(losses.entropy(logits)), token_mask)
        log_probs = rows.gather(losses.token_log_probs(logits, own))
        loss = losses.policy_gradient_loss(log_probs, advantages, token_mask)
        objective = loss - entropy_weight * entropy if entropy_weight else loss
    norm = _apply(tape, objective, generator, optimizer)
    reward = masked_mean(rewards, token_mask)
    return {"generator_loss": loss, "reward": reward, "entropy": entropy, "generator_gradient_norm": norm}


def next_token_gradient_step(
    generator: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    token_ids: tf.Tensor,
    rewards: Callable[[tf.Tensor], tf.Tensor],
    reference: keras.Model | None = None,
    kl_weight: float = 0.0,
    entropy_weight: float = 0.0,
) -> Logs:
    """One policy gradient step, with the rewards of all next tokens, on sequences that the generator has drawn.

    The objective is the mean over sequences of

        sum_t sum_v G(v | Y_1:t-1) R_t(v) - kl_weight * KL(G(. | Y_1:t-1) || G_0(. | Y_1:t-1)).

    The sequences decide only which prefixes count; at each of them the gradient is exact, so there is nothing that a
    baseline could improve. What a token changes in the rewards of later tokens is left out.

    Args:
        generator: a `Generator` without an encoder; dropout is off, as it was when the sequences were drawn.
        optimizer: Keras optimizer of its trainable variables.
        token_ids: int32 [B, T].
        rewards: function of token ids int32 [B, T] that returns the rewards R_t(v), float32 [B, T, V].
        reference: G_0. Defaults to None: there is no divergence.
        kl_weight: weight of the divergence from it. Defaults to 0.
        entropy_weight: weight of the mean entropy per token in the objective. Defaults to 0.

    Returns:
        {"generator_loss", "reward" (mean over tokens), "entropy" (nats per token), "generator_gradient_norm"}, and with
        a reference "kl" (nats per sequence).

    Raises:
        InputError: a shape or a dtype is wrong.
    """
    check_tensors(token_ids=(token_ids, "BT"))
    token_mask, rows = mask(token_ids), replicas.rows(token_ids)
    own = rows.take(token_ids)
    values = rewards(own)
    before = None if reference is None else tf.nn.log_softmax(reference(own, training=False))
    with tf.GradientTape() as tape:
        logits = generator(own, training=False)
        entropy = masked_mean(rows.gather(losses.entropy(logits)), token_mask)
        if before is not None:
            # The mean of the gradient of log G is 0, so the ratios need none of their own, and one sum serves for both.
            ratios = tf.nn.log_softmax(logits) - before
            divergence = rows.gather(losses.expected_rewards(logits, ratios))
            values -= kl_weight * ratios
        expected = rows.gather(losses.expected_rewards(logits, values))
        loss = -tf.reduce_mean(masked_sum(expected, token_mask, axis=1))
        objective = loss - entropy_weight * entropy if entropy_weight else loss
    norm = _apply(tape, objective, generator, optimizer)
    logs = {"generator_loss": loss, "reward": masked_mean(expected, token_mask)}
    logs |= {"entropy": entropy, "generator_gradient_norm": norm}
    if before is not None:
        logs["reward"] += kl_weight * masked_mean(divergence, token_mask)
        logs[DIVERGENCE] = tf.reduce_mean(masked_sum(divergence, token_mask, axis=1))
    return logs


def repeat(step: Callable[..., Logs], *inputs: Any) -> Logs:
    """Runs a step once for each slice of the inputs, in order, inside the graph.

    Args:
        step: function of one slice of each input; returns its logs.
        *inputs: nests of tensors with equal first axes, which are sliced along that axis.

    Returns:
        The means of the logs.
    """
    names: list[str] = []

    def once(slices):
        logs = step(*slices)
        names[:] = logs
        return tf.stack([tf.cast(value, tf.float32) for value in logs.values()])

    logs = tf.map_fn(once, inputs, fn_output_signature=tf.float32, parallel_iterations=1)
    return dict(zip(names, tf.unstack(tf.reduce_mean(logs, axis=0), num=len(names)), strict=True))


def follow(lagging: keras.Model, leading: keras.Model, rate: float) -> None:
    """Moves the weights beta of a model towards the weights theta of another: beta <- rate * beta + (1 - rate) * theta.

    Args:
        lagging: the model that is changed.
        leading: a model with weights of the same shapes.
        rate: the lag, in [0, 1). At 0, beta becomes an exact copy of theta.
    """

    def move() -> None:
        for beta, theta in zip(lagging.weights, leading.weights, strict=True):
            beta.assign(rate * beta + (1.0 - rate) * theta if rate else theta)

    replicas.update(move)


def _apply(
    tape: tf.GradientTape, objective: tf.Tensor, network: keras.Model, optimizer: keras.optimizers.Optimizer
) -> tf.Tensor:
    """One optimizer step of a network; returns the global norm of the gradient, before any clipping.

    The gradient of an embedding is a slice for each time that a token occurs; here the slices of a token are summed.
    Keras would clip and square each slice by itself.

    An optimizer that scales the loss (`LossScaleOptimizer`, `loss_scale_factor`) divides its gradients by the scale. So
    the backward pass begins with the scale instead of 1, and small gradients do not become 0 in float16. Where the
    scaled gradients overflow, the optimizer leaves the step out and lowers the scale; the norm is then 0.
    """
    variables = network.trainable_variables
    scale = optimizer.scale_loss(tf.ones_like(objective))
    gradients = tape.gradient(
        objective,
        [v.value for v in variables],
        output_gradients=scale,
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    gradients = replicas.mean([tf.convert_to_tensor(gradient) for gradient in gradients])
    replicas.apply(optimizer, gradients, variables)
    norm = tf.linalg.global_norm([gradient / tf.cast(scale, gradient.dtype) for gradient in gradients])
    is_left_out = isinstance(optimizer, keras.optimizers.LossScaleOptimizer) & ~tf.math.is_finite(norm)
    return tf.where(is_left_out, tf.zeros_like(norm), norm)
