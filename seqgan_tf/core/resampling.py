"""Sampling importance resampling (Rubin, 1987): sequences of a policy, chosen by weights that their values give.

Axes: B rows, P particles of a row, T sequence length.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import tensorflow as tf

from seqgan_tf.core import sampling
from seqgan_tf.core.categorical import draw_at, uniforms
from seqgan_tf.core.sampling import PLAIN, SamplingSettings
from seqgan_tf.core.seeds import split

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Generator


def resample(
    generator: "Generator",
    sequence_length: int,
    seed: tf.Tensor,
    value: Callable[[tf.Tensor], tf.Tensor],
    particles: int,
    prompt: tf.Tensor | None = None,
    settings: SamplingSettings = PLAIN,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Draws P sequences per row, and takes one of them with a probability in proportion to exp(value).

    As P grows, the distribution of a row converges to G(Y) exp(value(Y)) / sum over Y of the same. The error is in
    proportion to 1 / P. With one particle a row is a sample of G.

    The weights come in at the end alone. They are bounded where the value is, so one call per particle is well spent:
    weights of prefixes, from roll-outs, would cost T calls per particle and add the variance of the roll-outs.

    Args:
        generator: the policy G.
        sequence_length: T, the tokens of a prompt included.
        seed: int32 [B, 2]. A row depends on its seed alone.
        value: function of whole sequences int32 [P * B, T], row p * B + b for particle p of row b: float32 [P * B].
        particles: P.
        prompt: int32 [B, L], as for `sampling.sample`. Defaults to None.
        settings: how the policy draws. Defaults to the unchanged policy.

    Returns:
        (int32 [B, T], `PADDING` after the end token; float32 [B], the effective sample size of the particles,
        (sum of the weights)^2 / sum of their squares, in [1, P]).

    Raises:
        InputError: T is above the `sequence_length` of a generator that has one.
    """
    rows = tf.shape(seed)[0]
    seeds = tf.map_fn(lambda row: split(row, particles + 1), seed)  # [B, P + 1, 2]
    drawing = tf.reshape(tf.transpose(seeds[:, :-1], [1, 0, 2]), [-1, 2])
    if prompt is not None:
        prompt = tf.tile(prompt, [particles, 1])
    drawn = sampling.sample(generator, particles * rows, sequence_length, drawing, prompt, settings)
    log_weights = tf.transpose(tf.reshape(value(drawn), [particles, rows]))
    taken = draw_at(log_weights, uniforms(seeds[:, -1], [1], rows)[0])  # [B]
    token_ids = tf.gather(drawn, taken * rows + tf.range(rows))
    weights = tf.nn.softmax(log_weights)
    return token_ids, 1.0 / tf.reduce_sum(weights**2, axis=1)
