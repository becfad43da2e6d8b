"""Beam search: the most likely sequences of a policy, one per row, found in one compiled loop.

Axes: B rows, W beams, T position, V vocabulary. Row w * B + b of the policy's state is beam w of row b, so that it
belongs to condition b (see `core.conditions`).
"""

from typing import TYPE_CHECKING

import tensorflow as tf

from seqgan_tf.core.sampling import SamplingSettings, warp
from seqgan_tf.core.sequences import PADDING, check_generated_length

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Generator


def beam_search(
    generator: "Generator",
    batch_size: int | tf.Tensor,
    sequence_length: int,
    num_beams: int,
    length_penalty: float | tf.Tensor = 1.0,
    suppress_tokens: tuple[int, ...] = (),
) -> tuple[tf.Tensor, tf.Tensor]:
    """The sequence with the highest score among those that beam search visits.

    The score of a sequence is log G(Y) / length^length_penalty; its length counts the end token. A sequence that has
    ended stays among the beams as long as its score is among the best. With as many beams as there are prefixes, the
    result is exact.

    Args:
        generator: the policy.
        batch_size: B.
        sequence_length: T.
        num_beams: W, at least 1; with 1 it takes the most likely token at each position.
        length_penalty: 0 compares log-likelihoods, 1 log-likelihoods per token. A number, or float32 [B, 1]. Defaults
            to 1.0.
        suppress_tokens: token ids that no sequence contains. Defaults to none.

    Returns:
        (int32 [B, T], `PADDING` after the end token; float32 [B], the scores).

    Raises:
        InputError: T is above the `sequence_length` of a generator that has one.
    """
    check_generated_length(generator, sequence_length)
    rows, vocabulary_size = num_beams * batch_size, generator.vocabulary_size
    settings = SamplingSettings(suppress_tokens=suppress_tokens)
    # All beams begin alike, so only the first one counts at the first position.
    log_probs = tf.tile(tf.constant([[0.0] + [float("-inf")] * (num_beams - 1)]), [batch_size, 1])  # [B, W]
    lengths = tf.zeros_like(log_probs)
    finished = tf.zeros_like(log_probs, tf.bool)
    token_ids = tf.fill([batch_size, num_beams, sequence_length], PADDING)
    only_padding = tf.one_hot(0, vocabulary_size, 0.0, float("-inf"))  # the one way in which an ended sequence goes on

    def body(t, fed, state, log_probs, lengths, finished, token_ids):
        logits, state = generator.step(fed, state)
        following = tf.nn.log_softmax(warp(logits, settings))
        following = tf.transpose(tf.reshape(following, [num_beams, -1, vocabulary_size]), [1, 0, 2])  # [B, W, V]
        following = tf.where(finished[..., tf.newaxis], only_padding, following)
        longer = lengths + tf.cast(~finished, tf.float32)
        candidates = log_probs[..., tf.newaxis] + following
        scores = candidates / _divisor(longer, length_penalty)[..., tf.newaxis]
        best = tf.math.top_k(tf.reshape(scores, [-1, num_beams * vocabulary_size]), num_beams).indices  # [B, W]
        beam, token = best // vocabulary_size, best % vocabulary_size

        def take(tensor):
            return tf.gather(tensor, beam, batch_dims=1)

        log_probs = tf.gather(tf.reshape(candidates, [-1, num_beams * vocabulary_size]), best, batch_dims=1)
        lengths, finished, token_ids = take(longer), take(finished), take(token_ids)
        token = tf.where(finished, PADDING, token)
        token_ids = tf.where(tf.range(sequence_length) == t, token[..., tf.newaxis], token_ids)
        if generator.end_token_id is not None:
            finished |= tf.equal(token, generator.end_token_id)
        parent = tf.transpose(beam) * tf.shape(beam)[0] + tf.range(tf.shape(beam)[0])  # [W, B]
        parent = tf.reshape(parent, [-1])

        def follow(tensor):  # a scalar is shared by all rows
            return tensor if not tensor.shape.rank else tf.ensure_shape(tf.gather(tensor, parent), tensor.shape)

        state = tf.nest.map_structure(follow, state)
        return t + 1, tf.reshape(tf.transpose(token), [-1]), state, log_probs, lengths, finished, token_ids

    first = tf.fill([rows], generator.start_token_id)
    state = tf.nest.map_structure(tf.convert_to_tensor, generator.initial_state(rows))
    loop = (tf.constant(0), first, state, log_probs, lengths, finished, token_ids)
    shapes = tf.nest.map_structure(lambda tensor: tensor.shape, loop)
    shapes = (shapes[0], tf.TensorShape([None]), *shapes[2:])
    *_, log_probs, lengths, _, token_ids = tf.while_loop(
        lambda t, *_: t < sequence_length, body, loop, shapes, maximum_iterations=sequence_length
    )
    scores = log_probs / _divisor(lengths, length_penalty)
    best = tf.argmax(scores, axis=1)[:, tf.newaxis]
    return tf.gather(token_ids, best, batch_dims=1)[:, 0], tf.gather(scores, best, batch_dims=1)[:, 0]


def _divisor(lengths: tf.Tensor, length_penalty: float | tf.Tensor) -> tf.Tensor:
    return tf.pow(tf.maximum(lengths, 1.0), length_penalty)
