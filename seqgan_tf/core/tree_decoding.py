"""Sequences that a tree search decides token by token, each row with a seed of its own.

Axes: B rows, T sequence length, V vocabulary.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import tensorflow as tf

from seqgan_tf.core.sampling import PLAIN, SamplingSettings
from seqgan_tf.core.seeds import fold_in
from seqgan_tf.core.sequences import PADDING, check_generated_length
from seqgan_tf.core.tree_search import Prefixes, check_state, search

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Generator


def decode_by_search(
    generator: "Generator",
    sequence_length: int,
    seed: tf.Tensor,
    value: Callable[[tf.Tensor], tf.Tensor],
    simulations: int,
    exploration: float | tf.Tensor,
    num_actions: int,
    prompt: tf.Tensor | None = None,
    settings: SamplingSettings = PLAIN,
) -> tf.Tensor:
    """Takes at each position the action that a tree search from the prefix visited most often (`core.tree_search`).

    Of actions that were visited equally often, the one that is most probable under the policy is taken. Each position
    gets a new tree.

    Args:
        generator: the policy.
        sequence_length: T, the tokens of a prompt included.
        seed: int32 [B, 2]. A row depends on its seed alone, and position t on the seed, t and the tokens before it.
        value: function of whole sequences int32 [B, T]: float32 [B].
        simulations: completed sequences per tree.
        exploration: c of PUCT.
        num_actions: tokens that are tried after a prefix, the most probable ones.
        prompt: int32 [B, P], as for `sampling.sample`. Defaults to None.
        settings: how the policy draws. Defaults to the unchanged policy.

    Returns:
        int32 [B, T], `PADDING` after the end token.

    Raises:
        InputError: T is above the `sequence_length` of a generator that has one, or its state holds a scalar for all
            rows.
    """
    check_generated_length(generator, sequence_length)
    rows = tf.shape(seed)[0]
    state = tf.nest.map_structure(tf.convert_to_tensor, generator.initial_state(rows))
    check_state(generator, any(not part.shape.rank for part in tf.nest.flatten(state)))
    given = tf.fill([rows, sequence_length], PADDING)
    if prompt is not None:
        given = tf.pad(prompt, [[0, 0], [0, sequence_length - tf.shape(prompt)[1]]], constant_values=PADDING)

    def body(t, fed, token_ids, ended, state):
        logits, state = generator.step(fed, state)
        at_position = given[:, t]
        is_given = tf.not_equal(at_position, PADDING)

        def searched():
            prefixes = Prefixes(token_ids, tf.fill([rows], t), ended, logits, state)
            seeds = tf.map_fn(lambda row: fold_in(row, t), seed)
            # At least one step is left to the completions: TensorFlow cannot stack none of an unknown number of rows.
            shortest, budget = tf.minimum(t, sequence_length - 2), (simulations, exploration, num_actions)
            found = search(generator, prefixes, value, *budget, seeds, shortest, settings)
            most = tf.argmax(found.visits, axis=1, output_type=tf.int32)
            return tf.where(is_given, at_position, tf.gather(found.actions, most, batch_dims=1))

        token = tf.cond(tf.reduce_all(is_given), lambda: at_position, searched)
        token = tf.where(ended, PADDING, token)
        token_ids = tf.where(tf.range(sequence_length) == t, token[:, tf.newaxis], token_ids)
        if generator.end_token_id is not None:
            ended |= tf.equal(token, generator.end_token_id)
        return t + 1, tf.maximum(token, 0), token_ids, ended, state

    nothing = tf.fill([rows, sequence_length], PADDING)
    loop = (tf.constant(0), tf.fill([rows], generator.start_token_id), nothing, tf.fill([rows], False), state)
    _, _, token_ids, *_ = tf.while_loop(
        lambda t, fed, token_ids, ended, state: ~tf.reduce_all(ended),
        body,
        loop,
        maximum_iterations=sequence_length,
        parallel_iterations=1,
    )
    return token_ids
