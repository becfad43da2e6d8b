"""The categorical draw and the decode loop that everything that samples uses.

Axes: R rows, T position, V vocabulary. Seeds are stateless, see `seeds`: the same seed gives the same tokens.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from seqgan_tf.core.replicas import Rows
from seqgan_tf.core.seeds import fold_in
from seqgan_tf.core.sequences import PADDING, check_generated_length
from seqgan_tf.core.validation import InputError, check_at_least, real_number, whole_number

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Generator

BLOCK = 100  # tokens per block of the two-level search; at V = 5,000 the fastest of 50, 100 and 200
COLDEST = 1e-30  # instead of a temperature of 0: all logits but the largest become so small that their exp is 0
BELOW_ONE = 1.0 - 2.0**-23


class InverseCDFCategorical(tfd.Categorical):
    """`tfd.Categorical` that draws by inverting the cumulative distribution function in two levels.

    One uniform number per row picks a block of tokens and then a token in the block. The parent class draws Gumbel
    noise for the whole vocabulary instead, which takes longer than computing the logits. The uniform number is made of
    integer bits, so that the draw is the same with and without XLA. `quantile` takes uniform numbers of the caller.

    Args:
        logits: float32 [..., V].
        dtype: of the tokens. Defaults to int32.
        (Others: as for `tfd.Categorical`. The seed of `sample` is int32 [2], without negative words.)

    Example:
    ```python
    import tensorflow as tf
    from seqgan_tf.core.sampling import InverseCDFCategorical

    distribution = InverseCDFCategorical(logits=tf.zeros([2, 5000]))
    tokens = distribution.sample(seed=tf.constant([1, 0]))  # int32 [2]
    ```
    """

    def _sample_n(self, n, seed=None):
        uniform = _uniform(tf.concat([[n], tf.shape(self.logits_parameter())[:-1]], axis=0), seed)
        return self._quantile(uniform)

    def _quantile(self, value):
        """The tokens at which the cumulative distribution function exceeds `value` in [0, 1), a tensor [..., batch]."""
        logits = tf.reshape(self.logits_parameter(), [-1, self.logits_parameter().shape[-1]])
        rows, vocabulary_size = tf.shape(logits)[0], logits.shape[-1]
        blocks = -(-vocabulary_size // BLOCK)
        # One operation that stays in cache: on a CPU the passes over [R, V] take most of the time of a draw.
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
        # Because of rounding, the rest of the target may reach or exceed the sum of the block, where no token is.
        rest = tf.minimum(target - before, inside[..., -1] * BELOW_ONE)
        token = block * BLOCK + tf.reduce_sum(tf.cast(inside <= rest[..., tf.newaxis], tf.int32), axis=-1)
        return tf.cast(tf.reshape(token, tf.shape(value)), self.dtype)


def _uniform(shape: tf.Tensor | list[int], seed: tf.Tensor) -> tf.Tensor:
    """Uniform numbers in [0, 1), multiples of 2^-23, for an int32 [2] seed."""
    bits = tf.random.stateless_uniform(shape, seed, minval=None, maxval=None, dtype=tf.uint32)
    return tf.cast(tf.bitwise.right_shift(bits, tf.constant(9, tf.uint32)), tf.float32) * 2.0**-23


class SamplingSettings(NamedTuple):
    """How tokens are drawn from the logits of a policy; see `warp` for the order in which the settings apply.

    `SeqGAN.generate` takes the same settings as keyword arguments.

    Attributes:
        temperature: the logits are divided by it. 1 leaves them; at 0 the most probable token is taken. A number of at
            least 0, or float32 [R, 1]. Defaults to 1.0.
        top_k: draw from the k most probable tokens (and all that tie with the k-th). Defaults to None: all.
        top_p: draw from the smallest set of most probable tokens whose probability sums to at least this (nucleus
            sampling, Holtzman et al., 2020); 1 keeps all. A number in (0, 1], or float32 [R, 1]. Defaults to None: all.
        suppress_tokens: token ids that are never drawn. Defaults to none.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.core.generation import generate

    settings = sg.sampling.SamplingSettings(temperature=0.8, top_p=0.95)
    samples = generate(sg.Generator(50), n=5, sequence_length=20, seed=1, settings=settings)  # [5, 20]
    ```
    """

    temperature: float | tf.Tensor = 1.0
    top_k: int | None = None
    top_p: float | tf.Tensor | None = None
    suppress_tokens: tuple[int, ...] = ()

    def check(self, vocabulary_size: int) -> "SamplingSettings":
        """Checks settings that are plain numbers, of Python or of NumPy.

        Args:
            vocabulary_size: V.

        Returns:
            The settings as numbers of Python.

        Raises:
            InputError: temperature < 0 or not finite, top_k < 1, top_p outside (0, 1], or `suppress_tokens` that are
                outside the vocabulary or all of it; or a setting of another type.
        """
        temperature = real_number("temperature", self.temperature)
        top_k = None if self.top_k is None else whole_number("top_k", self.top_k)
        top_p = None if self.top_p is None else real_number("top_p", self.top_p)
        if not 0 <= temperature < float("inf"):
            raise InputError(f"`temperature` must be a finite number of at least 0. Received: {self.temperature}")
        if top_k is not None:
            check_at_least(1, top_k=top_k)
        if top_p is not None and not 0 < top_p <= 1:
            raise InputError(f"`top_p` must be in (0, 1]. Received: {self.top_p}")
        if isinstance(self.suppress_tokens, str) or not isinstance(self.suppress_tokens, Iterable):
            raise InputError(f"`suppress_tokens` must be a list of token ids. Received: {self.suppress_tokens!r}")
        suppressed = tuple(whole_number("suppress_tokens", token) for token in self.suppress_tokens)
        outside = [token for token in suppressed if not 0 <= token < vocabulary_size]
        if outside or len(set(suppressed)) == vocabulary_size:
            raise InputError(
                f"`suppress_tokens` must be some tokens of the vocabulary. Received: {outside or 'all of them'}"
            )
        return SamplingSettings(temperature, top_k, top_p, suppressed)


PLAIN = SamplingSettings()
"""Draw from the unchanged policy."""


def warp(logits: tf.Tensor, settings: SamplingSettings) -> tf.Tensor:
    """The logits of the distribution that tokens are drawn from.

    The order is `suppress_tokens`, `temperature`, `top_k`, `top_p`: top_p is a share of the probability that is left
    after the others.

    Args:
        logits: float32 [R, V].
        settings: how to draw.

    Returns:
        float32 [R, V], -inf where a token cannot be drawn.
    """
    temperature, top_k, top_p, suppress_tokens = settings
    lowest = tf.constant(float("-inf"), logits.dtype)
    if len(suppress_tokens):
        banned = tf.reduce_any(tf.equal(tf.range(logits.shape[-1])[:, None], list(suppress_tokens)), axis=1)
        logits = tf.where(banned, lowest, logits)
    if not (isinstance(temperature, (int, float)) and temperature == 1):
        # The largest logit is shifted to 0 first, so that division by a tiny temperature does not overflow.
        divisor = tf.maximum(tf.cast(temperature, logits.dtype), COLDEST)
        logits = (logits - tf.reduce_max(logits, axis=-1, keepdims=True)) / divisor
    if top_k is not None:
        kth = tf.math.top_k(logits, min(top_k, logits.shape[-1])).values[..., -1:]
        logits = tf.where(logits < kth, lowest, logits)
    if top_p is not None:
        top_p = tf.cast(top_p, logits.dtype)
        # A row with top_p = 1 keeps all tokens whatever the rounding; where all rows have 1, nothing is sorted.
        logits = tf.cond(tf.reduce_any(top_p < 1.0), lambda: _nucleus(logits, top_p, lowest), lambda: logits)
    return logits


def _nucleus(logits: tf.Tensor, top_p: tf.Tensor, lowest: tf.Tensor) -> tf.Tensor:
    ordered = tf.sort(logits, axis=-1, direction="DESCENDING")
    probability_before = tf.cumsum(tf.nn.softmax(ordered), axis=-1, exclusive=True)
    kept = tf.where((probability_before < top_p) | (top_p >= 1.0), ordered, tf.cast(float("inf"), logits.dtype))
    return tf.where(logits < tf.reduce_min(kept, axis=-1, keepdims=True), lowest, logits)


def draw(logits: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """One token per row from softmax(logits): int32 [R] for logits [R, V] and a seed int32 [2]."""
    return InverseCDFCategorical(logits=logits, dtype=tf.int32).sample(seed=seed)


def draw_at(logits: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """One token per row from softmax(logits): int32 [R] for logits [R, V] and uniform numbers [R] in [0, 1)."""
    return InverseCDFCategorical(logits=logits, dtype=tf.int32).quantile(uniform)


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


def decode(
    generator: Any,
    token_ids: tf.Tensor,
    state: Any,
    finished: tf.Tensor,
    num_steps: int,
    seed: tf.Tensor | None,
    branch: Callable | None = None,
    settings: SamplingSettings = PLAIN,
    uniform: tf.Tensor | None = None,
    rows: Rows | None = None,
) -> tf.Tensor:
    """Draws `num_steps` tokens per row, each from the generator's distribution given the tokens before it.

    Args:
        generator: an object with `step(token_ids [R], state) -> (logits [R, V], state)` and `end_token_id`.
        token_ids: int32 [R], the token before the first one drawn.
        state: the generator's state before that token.
        finished: bool [R], rows that have ended already: they yield `PADDING`.
        num_steps: tokens per row.
        seed: int32 [2]; step i draws with `fold_in(seed, i)`. Or int32 [R, 2], one seed per row: the tokens of a row
            then do not depend on the other rows. Or None, with `uniform`.
        branch: function (i, token_ids, state, finished) -> (token_ids, state, finished), called before step i: it may
            continue a row from another prefix. Defaults to None.
        settings: how to draw. Defaults to drawing from the unchanged policy.
        uniform: float32 [num_steps, R] in [0, 1), the numbers that step i draws with. Defaults to None: those of the
            seed.
        rows: which rows of a larger batch these are: with a seed int32 [2], they draw what they would draw in it.
            Defaults to None: there is no larger one.

    Returns:
        int32 [num_steps, R]; after its end token a row holds `PADDING`.
    """
    if seed is not None and seed.shape.rank == 2:
        uniform = uniforms(seed, [num_steps], tf.shape(token_ids)[0])

    def draw_step(i, logits):
        if uniform is None and (rows is None or rows.indices is None):
            return draw(logits, fold_in(seed, i))
        numbers = rows.take(_uniform([rows.total], fold_in(seed, i))) if uniform is None else uniform[i]
        return draw_at(logits, numbers)

    def body(i, token_ids, state, finished, drawn):
        if branch is not None:
            token_ids, state, finished = branch(i, token_ids, state, finished)
        logits, state = generator.step(token_ids, state)
        logits = warp(logits, settings)
        token_ids = tf.where(finished, PADDING, draw_step(i, logits))
        if generator.end_token_id is not None:
            finished = finished | tf.equal(token_ids, generator.end_token_id)
        return i + 1, token_ids, state, finished, drawn.write(i, token_ids)

    drawn = tf.TensorArray(tf.int32, size=num_steps, element_shape=token_ids.shape)
    loop = (tf.constant(0), token_ids, state, finished, drawn)
    *_, drawn = tf.while_loop(lambda i, *_: i < num_steps, body, loop, maximum_iterations=num_steps)
    return drawn.stack()


def prefix_states(generator: "Generator", token_ids: tf.Tensor) -> Any:
    """The generator's state before each token of given sequences (teacher forcing).

    Args:
        generator: an object with `initial_state`, `step` and `start_token_id`.
        token_ids: int32 [B, P], P >= 1.

    Returns:
        The state's structure, each tensor with a leading axis: [P, B, ...], or [P] for a scalar of the state. Entry k
        is the state after the start token and token_ids[:, :k], that is, before token_ids[:, k] is fed.
    """
    batch_size, steps = tf.shape(token_ids)[0], token_ids.shape[1]
    state = tf.nest.map_structure(tf.convert_to_tensor, generator.initial_state(batch_size))
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


def sample(
    generator: "Generator",
    batch_size: int | tf.Tensor,
    sequence_length: int,
    seed: tf.Tensor,
    prompt: tf.Tensor | None = None,
    settings: SamplingSettings = PLAIN,
    rows: Rows | None = None,
) -> tf.Tensor:
    """Draws whole sequences from the policy.

    Args:
        generator: a `Generator`.
        batch_size: number of sequences B; an int or an int32 scalar.
        sequence_length: T, the tokens of a prompt included.
        seed: int32 [2], or [B, 2], see `decode`. Position t is drawn in step t, with a prompt too.
        prompt: int32 [B, P], P <= T, tokens that each sequence begins with, none of them the end token; rows with
            fewer tokens are padded with `PADDING`. Defaults to None.
        settings: how to draw. Defaults to drawing from the unchanged policy.
        rows: see `decode`.

    Returns:
        int32 [B, T], `PADDING` after the end token.

    Raises:
        InputError: T is above the `sequence_length` of a generator that has one.
    """
    check_generated_length(generator, sequence_length)
    first, branch = tf.fill([batch_size], generator.start_token_id), None
    state, finished = generator.initial_state(batch_size), tf.zeros_like(first, tf.bool)
    if prompt is not None:
        prompt = tf.pad(prompt, [[0, 0], [0, sequence_length - tf.shape(prompt)[1]]], constant_values=PADDING)
        fed = tf.concat([tf.fill([1, batch_size], PADDING), tf.transpose(prompt)], axis=0)

        def branch(i, token_ids, state, finished):
            is_given = tf.not_equal(fed[i], PADDING)
            return tf.where(is_given, fed[i], token_ids), state, finished & ~is_given

    drawn = tf.transpose(decode(generator, first, state, finished, sequence_length, seed, branch, settings, rows=rows))
    return drawn if prompt is None else tf.where(tf.equal(prompt, PADDING), drawn, prompt)
