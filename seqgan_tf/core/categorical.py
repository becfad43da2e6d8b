"""The categorical draw, by uniform numbers that a seed gives.

Axes: R rows, V vocabulary. Seeds are stateless, see `seeds`: the same seed gives the same tokens.
"""

import tensorflow as tf
from tensorflow_probability import distributions as tfd

BLOCK = 100  # tokens per block of the two-level search; at V = 5,000 the fastest of 50, 100 and 200
BELOW_ONE = 1.0 - 2.0**-23


class InverseCDFCategorical(tfd.Categorical):
    """`tfd.Categorical` that draws by inverting the cumulative distribution function in two levels.

    One uniform number per row picks a block of tokens and then a token in the block. The parent class draws Gumbel
    noise for the whole vocabulary instead, which takes longer than computing the logits. The uniform number is made of
    integer bits, so that the draw is the same with and without XLA. `quantile` takes uniform numbers of the caller.

    Args:
        logits: float32 [..., V]; or probs, float32 [..., V], as for `tfd.Categorical`.
        dtype: of the tokens. Defaults to int32.
        (Others: as for `tfd.Categorical`. The seed of `sample` is int32 [2], without negative words.)

    Example:
    ```python
    import tensorflow as tf
    from seqgan_tf.core.categorical import InverseCDFCategorical

    distribution = InverseCDFCategorical(logits=tf.zeros([2, 5000]))
    tokens = distribution.sample(seed=tf.constant([1, 0]))  # int32 [2]
    ```
    """

    def _sample_n(self, n, seed=None):
        uniform = _uniform(tf.concat([[n], self.batch_shape_tensor()], axis=0), seed)
        return self._quantile(uniform)

    def _quantile(self, value):
        """The tokens at which the cumulative distribution function exceeds `value` in [0, 1), a tensor [..., batch]."""
        # Of logits, one softmax: on a CPU the passes over [R, V] take most of the time of a draw.
        weights = tf.reshape(self.probs_parameter(), [-1, self.probs_parameter().shape[-1]])
        rows, vocabulary_size = tf.shape(weights)[0], weights.shape[-1]
        blocks = -(-vocabulary_size // BLOCK)
        if blocks * BLOCK > vocabulary_size:
            weights = tf.pad(weights, [[0, 0], [0, blocks * BLOCK - vocabulary_size]])
        weights = tf.reshape(weights, [-1, blocks, BLOCK])
        cumulative = tf.cumsum(tf.reduce_sum(weights, axis=-1), axis=-1)  # [R, blocks]

        uniform = tf.reshape(value, [tf.size(value) // tf.maximum(rows, 1), rows])
        target = uniform * cumulative[:, -1]  # [n, R], below the total, since value <= BELOW_ONE
        block = tf.reduce_sum(tf.cast(cumulative <= target[..., tf.newaxis], tf.int32), axis=-1)
        row = tf.broadcast_to(tf.range(rows), tf.shape(block))
        before = tf.gather_nd(tf.pad(cumulative, [[0, 0], [1, 0]]), tf.stack([row, block], axis=-1))
        inside = tf.cumsum(tf.gather_nd(weights, tf.stack([row, block], axis=-1)), axis=-1)  # [n, R, BLOCK]
        # Because of rounding, the rest of the target may reach or exceed the sum of the block, where no token is.
        rest = tf.minimum(target - before, inside[..., -1] * BELOW_ONE)
        token = block * BLOCK + tf.reduce_sum(tf.cast(inside <= rest[..., tf.newaxis], tf.int32), axis=-1)
        return tf.cast(tf.reshape(token, tf.shape(value)), self.dtype)


def _uniform(shape: tf.Tensor | list[int], seed: tf.Tensor) -> tf.Tensor:
    """Uniform numbers in [0, 1), multiples of 2^-23, for an int32 [2] seed."""
    bits = tf.random.stateless_uniform(shape, seed, minval=None, maxval=None, dtype=tf.uint32)
    return tf.cast(tf.bitwise.right_shift(bits, tf.constant(9, tf.uint32)), tf.float32) * 2.0**-23


def draw(logits: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """One token per row from softmax(logits): int32 [R] for logits [R, V] and a seed int32 [2]."""
    return InverseCDFCategorical(logits=logits, dtype=tf.int32).sample(seed=seed)


def draw_at(logits: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """One token per row from softmax(logits): int32 [R] for logits [R, V] and uniform numbers [R] in [0, 1)."""
    return InverseCDFCategorical(logits=logits, dtype=tf.int32).quantile(uniform)


def draw_scored_at(logits: tf.Tensor, uniform: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """`draw_at`, and the log-probabilities of the tokens, float32 [R], nats, without another pass over [R, V]."""
    probs = tf.nn.softmax(logits)
    tokens = InverseCDFCategorical(probs=probs, dtype=tf.int32).quantile(uniform)
    return tokens, tf.math.log(tf.gather(probs, tokens, batch_dims=1))


def uniforms(seed: tf.Tensor, shape: list[int], rows: int | tf.Tensor) -> tf.Tensor:
    """Uniform numbers in [0, 1) for each row.

    Args:
        seed: int32 [2]; or int32 [R, 2], one seed per row: the numbers of a row then depend on its seed alone.
        shape: of the numbers of one row.
        rows: R.

    Returns:
        float32 [*shape, R].
    """
    if seed.shape.rank == 1:
        return _uniform([*shape, rows], seed)
    numbers = tf.map_fn(lambda row: _uniform(shape, row), seed, fn_output_signature=tf.float32)
    return tf.transpose(numbers, [*range(1, len(shape) + 1), 0])
