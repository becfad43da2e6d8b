"""The one categorical draw and the one decode loop. Everything that samples goes through here.

Randomness is stateless: a seed is an int32 [2] tensor, and the same seed gives the same tokens.
"""

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from seqgan_tf.checks import check_at_least
from seqgan_tf.sequences import PADDING

BLOCK = 100  # tokens a block of the two-level search; 100 was fastest at V = 5,000 among 50, 100 and 200
BELOW_ONE = 1.0 - 2.0**-23
NON_NEGATIVE = 0x7FFFFFFF


class InverseCDFCategorical(tfd.Categorical):
    """`tfd.Categorical` that draws by inverting the distribution function in two levels.

    One uniform number a row picks the block of tokens and then the token inside it. The parent makes Gumbel noise for
    the whole vocabulary instead, which costs more than the logits themselves. The uniform number comes from integer
    bits, so that the draw is the same with and without XLA. Logits are float32, a seed is a non-negative int32 [2].
    `quantile` is the same for uniform numbers of the caller's.
    """

    def _sample_n(self, n, seed=None):
        uniform = _uniform(tf.concat([[n], tf.shape(self.logits_parameter())[:-1]], axis=0), seed)
        return self._quantile(uniform)

    def _quantile(self, value):
        """The tokens at which the distribution function passes `value` in [0, 1): [..., batch] for [..., batch]."""
        logits = tf.reshape(self.logits_parameter(), [-1, self.logits_parameter().shape[-1]])
        rows, vocabulary_size = tf.shape(logits)[0], logits.shape[-1]
        blocks = -(-vocabulary_size // BLOCK)
        # One operation that stays in cache: on a CPU these passes over [R, V] are what a draw costs.
        weights = tf.nn.softmax(logits)
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
        # Rounding may leave the rest of the target at or above the block's own sum: no token lies there.
        rest = tf.minimum(target - before, inside[..., -1] * BELOW_ONE)
        token = block * BLOCK + tf.reduce_sum(tf.cast(inside <= rest[..., tf.newaxis], tf.int32), axis=-1)
        return tf.cast(tf.reshape(token, tf.shape(value)), self.dtype)


def _uniform(shape, seed):
    """Uniform numbers in [0, 1), multiples of 2^-23, for an int32 [2] seed."""
    bits = tf.random.stateless_uniform(shape, seed, minval=None, maxval=None, dtype=tf.uint32)
    return tf.cast(tf.bitwise.right_shift(bits, tf.constant(9, tf.uint32)), tf.float32) * 2.0**-23


def make_seed(seed, stream=0):
    """The int32 [2] seed tensor of a Python int; `stream` tells apart independent users of one int."""
    return tf.constant([seed & NON_NEGATIVE, stream], tf.int32)


def fold_in(seed, number):
    """A seed made of a seed and a number (a step, a chunk): int32 [2], without negative words.

    TensorFlow takes a negative word for another number inside XLA than outside of it.
    """
    return tf.bitwise.bitwise_and(tf.random.experimental.stateless_fold_in(seed, number), NON_NEGATIVE)


def split(seed, number):
    """Independent seeds made of one: int32 [number, 2], without negative words."""
    return tf.bitwise.bitwise_and(tf.random.experimental.stateless_split(seed, number), NON_NEGATIVE)


def check_sampling(temperature=1.0, top_k=None, top_p=None):
    """Refuses settings that no distribution has.

    Raises:
        ValueError: temperature <= 0, top_k < 1, or top_p outside (0, 1].
    """
    if not 0 < temperature < float("inf"):
        raise ValueError(f"`temperature` must be a number above 0. Received: {temperature}")
    if top_k is not None:
        check_at_least(1, top_k=top_k)
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"`top_p` must be in (0, 1]. Received: {top_p}")


def warp(logits, temperature=1.0, top_k=None, top_p=None, suppress_tokens=()):
    """The logits of the distribution that is sampled from.

    Args:
        logits: float32 [R, V].
        temperature: the logits are divided by it; 1 leaves them, towards 0 the likeliest token wins. A number, or
            float32 [R, 1].
        top_k: int, keep the k likeliest tokens (all that tie with the k-th). Defaults to None: all.
        top_p: keep the likeliest tokens until they hold this much probability (Holtzman et al., 2020), measured after
            the temperature, top_k and suppress_tokens; 1 keeps all. A number, or float32 [R, 1]. Defaults to None: all.
        suppress_tokens: token ids that are never drawn.

    Returns:
        float32 [R, V], -inf where a token can not be drawn.
    """
    lowest = tf.constant(float("-inf"), logits.dtype)
    if len(suppress_tokens):
        banned = tf.reduce_any(tf.equal(tf.range(logits.shape[-1])[:, None], list(suppress_tokens)), axis=1)
        logits = tf.where(banned, lowest, logits)
    if not (isinstance(temperature, (int, float)) and temperature == 1):
        # The largest becomes 0 first, so that a tiny temperature makes no infinity of it.
        logits = (logits - tf.reduce_max(logits, axis=-1, keepdims=True)) / tf.cast(temperature, logits.dtype)
    if top_k is not None:
        kth = tf.math.top_k(logits, min(top_k, logits.shape[-1])).values[..., -1:]
        logits = tf.where(logits < kth, lowest, logits)
    if top_p is not None:
        top_p = tf.cast(top_p, logits.dtype)
        # At 1 nothing is left out, which rounding would not promise; and where all rows have 1 nothing is sorted.
        logits = tf.cond(tf.reduce_any(top_p < 1.0), lambda: _nucleus(logits, top_p, lowest), lambda: logits)
    return logits


def _nucleus(logits, top_p, lowest):
    ordered = tf.sort(logits, axis=-1, direction="DESCENDING")
    probability_before = tf.cumsum(tf.nn.softmax(ordered), axis=-1, exclusive=True)
    kept = tf.where((probability_before < top_p) | (top_p >= 1.0), ordered, tf.cast(float("inf"), logits.dtype))
    return tf.where(logits < tf.reduce_min(kept, axis=-1, keepdims=True), lowest, logits)


def draw(logits, seed):
    """One token a row from softmax(logits): int32 [R] for logits [R, V]."""
    return InverseCDFCategorical(logits=logits, dtype=tf.int32).sample(seed=seed)


def row_seeds(seed, rows, first=0):
    """A seed for each row: int32 [rows, 2], the seed [2] with first, first + 1, ... added to its last word."""
    last = tf.bitwise.bitwise_and(seed[1] + first + tf.range(rows), NON_NEGATIVE)
    return tf.stack([tf.broadcast_to(seed[0], [rows]), last], axis=1)


def decode(generator, token_ids, state, finished, num_steps, seed, branch=None, **warping):
    """Draws `num_steps` tokens a row, each from the generator's distribution after the one before it.

    Args:
        generator: an object with `step(token_ids [R], state) -> (logits [R, V], state)` and `end_token_id`.
        token_ids: int32 [R], the token before the first one drawn.
        state: the generator's state before that token.
        finished: bool [R], rows that have ended already: they yield `PADDING`.
        num_steps: int.
        seed: int32 [2]; step i draws with `fold_in(seed, i)`. Or int32 [R, 2], a seed a row: what a row draws then
            depends on nothing else in the batch.
        branch: optional function (i, token_ids, state, finished) -> (token_ids, state, finished), called before
            step i: it may put a row onto another prefix.
        **warping: see `warp`.

    Returns:
        int32 [num_steps, R]; after its end token a row holds `PADDING`.
    """
    uniform = None
    if seed.shape.rank == 2:
        numbers = tf.map_fn(lambda row: _uniform([num_steps], row), seed, fn_output_signature=tf.float32)
        uniform = tf.transpose(numbers)  # [num_steps, R]

    def body(i, token_ids, state, finished, drawn):
        if branch is not None:
            token_ids, state, finished = branch(i, token_ids, state, finished)
        logits, state = generator.step(token_ids, state)
        logits = warp(logits, **warping)
        if uniform is None:
            token_ids = draw(logits, fold_in(seed, i))
        else:
            token_ids = InverseCDFCategorical(logits=logits, dtype=tf.int32).quantile(uniform[i])
        token_ids = tf.where(finished, PADDING, token_ids)
        if generator.end_token_id is not None:
            finished = finished | tf.equal(token_ids, generator.end_token_id)
        return i + 1, token_ids, state, finished, drawn.write(i, token_ids)

    drawn = tf.TensorArray(tf.int32, size=num_steps, element_shape=token_ids.shape)
    loop = (tf.constant(0), token_ids, state, finished, drawn)
    *_, drawn = tf.while_loop(lambda i, *_: i < num_steps, body, loop, maximum_iterations=num_steps)
    return drawn.stack()


def prefix_states(generator, token_ids):
    """The generator's state before each token of the sequences, by teacher forcing.

    Args:
        generator: an object with `initial_state`, `step` and `start_token_id`.
        token_ids: int32 [B, P], P >= 1.

    Returns:
        The state's structure, each tensor with a leading axis: [P, B, ...]. Entry k is the state after the start
        token and token_ids[:, :k], that is, before token_ids[:, k] is fed.
    """
    batch_size, steps = tf.shape(token_ids)[0], token_ids.shape[1]
    state = generator.initial_state(batch_size)
    fed = tf.concat([tf.fill([1, batch_size], generator.start_token_id), tf.transpose(token_ids)[:-1]], axis=0)
    flat = tf.nest.flatten(state)
    arrays = [tf.TensorArray(s.dtype, size=steps, element_shape=s.shape) for s in flat]

    def body(i, state, arrays):
        _, state = generator.step(fed[i], state)
        arrays = [a.write(i, s) for a, s in zip(arrays, tf.nest.flatten(state), strict=True)]
        return i + 1, state, arrays

    _, _, arrays = tf.while_loop(
        lambda i, *_: i < steps, body, (tf.constant(0), state, arrays), maximum_iterations=steps
    )
    return tf.nest.pack_sequence_as(state, [a.stack() for a in arrays])


def sample(generator, batch_size, sequence_length, seed, prompt=None, **warping):
    """Draws whole sequences from the policy.

    Args:
        generator: a `Generator`.
        batch_size: number of sequences B; an int or an int32 scalar.
        sequence_length: int, T, the tokens of a prompt included.
        seed: int32 [2], or [B, 2], see `decode`. Position t is drawn in step t, with a prompt too.
        prompt: optional int32 [B, P], P <= T: tokens that each sequence begins with, none of them the end token, padded
            with `PADDING` where a row has fewer.
        **warping: see `warp`.

    Returns:
        int32 [B, T], `PADDING` after the end token.
    """
    first, branch = tf.fill([batch_size], generator.start_token_id), None
    state, finished = generator.initial_state(batch_size), tf.zeros_like(first, tf.bool)
    if prompt is not None:
        prompt = tf.pad(prompt, [[0, 0], [0, sequence_length - tf.shape(prompt)[1]]], constant_values=PADDING)
        fed = tf.concat([tf.fill([1, batch_size], PADDING), tf.transpose(prompt)], axis=0)

        def branch(i, token_ids, state, finished):
            is_given = tf.not_equal(fed[i], PADDING)
            return tf.where(is_given, fed[i], token_ids), state, finished & ~is_given

    drawn = tf.transpose(decode(generator, first, state, finished, sequence_length, seed, branch=branch, **warping))
    return drawn if prompt is None else tf.where(tf.equal(prompt, PADDING), drawn, prompt)
