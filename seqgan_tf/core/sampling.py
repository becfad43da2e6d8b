"""The settings of a draw, and the decode loop that everything that samples uses.

Axes: R rows, T position, V vocabulary. Seeds are stateless, see `seeds`: the same seed gives the same tokens.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import tensorflow as tf

from seqgan_tf.core.categorical import draw_at, draw_scored_at, uniforms
from seqgan_tf.core.replicas import Rows
from seqgan_tf.core.seeds import fold_in
from seqgan_tf.core.sequences import PADDING, check_generated_length
from seqgan_tf.core.validation import InputError, check_at_least, real_number, whole_number

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Generator

COLDEST = 1e-30  # instead of a temperature of 0: all logits but the largest become so small that their exp is 0


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
        logits += tf.where(banned, lowest, tf.zeros([], logits.dtype))  # faster than to select [R, V]
    if not (isinstance(temperature, (int, float)) and temperature == 1):
        temperature = tf.cast(temperature, logits.dtype)
        # A row at temperature 1 keeps its logits whatever the others have; where all have 1, nothing is computed.
        logits = tf.cond(tf.reduce_any(temperature != 1.0), lambda: _divided(logits, temperature), lambda: logits)
    if top_k is not None:
        kth = tf.math.top_k(logits, min(top_k, logits.shape[-1])).values[..., -1:]
        logits = tf.where(logits < kth, lowest, logits)
    if top_p is not None:
        top_p = tf.cast(top_p, logits.dtype)
        # A row with top_p = 1 keeps all tokens whatever the rounding; where all rows have 1, nothing is sorted.
        logits = tf.cond(tf.reduce_any(top_p < 1.0), lambda: _nucleus(logits, top_p, lowest), lambda: logits)
    return logits


def _divided(logits: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    # The largest logit is shifted to 0 first, so that division by a tiny temperature does not overflow.
    shifted = logits - tf.reduce_max(logits, axis=-1, keepdims=True)
    return tf.where(temperature == 1.0, logits, shifted / tf.maximum(temperature, COLDEST))


def _nucleus(logits: tf.Tensor, top_p: tf.Tensor, lowest: tf.Tensor) -> tf.Tensor:
    ordered = tf.sort(logits, axis=-1, direction="DESCENDING")
    probability_before = tf.cumsum(tf.nn.softmax(ordered), axis=-1, exclusive=True)
    kept = tf.where((probability_before < top_p) | (top_p >= 1.0), ordered, tf.cast(float("inf"), logits.dtype))
    return tf.where(logits < tf.reduce_min(kept, axis=-1, keepdims=True), lowest, logits)


class Drawn(NamedTuple):
    """Tokens of a policy, and how likely it makes them.

    Attributes:
        token_ids: int32, `PADDING` after the end token.
        log_probs: float32 of the same shape, nats: log G(y_t | Y_1:t-1) of the unchanged policy, whatever the settings
            of the draw; 0 on padding.

    Example:
    ```python
    import tensorflow as tf

    import seqgan_tf as sg

    drawn = sg.sampling.sample_scored(sg.Generator(50), 5, sequence_length=20, seed=tf.constant([1, 0]))
    print(tf.reduce_sum(drawn.log_probs, axis=1))  # [5]
    ```
    """

    token_ids: tf.Tensor
    log_probs: tf.Tensor


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
            continue a row from another prefix. Defaults to None: the loop then ends when all rows have.
        settings: how to draw. Defaults to drawing from the unchanged policy.
        uniform: float32 [num_steps, R] in [0, 1), the numbers that step i draws with. Defaults to None: those of the
            seed.
        rows: which rows of a larger batch these are: with a seed int32 [2], they draw what they would draw in it.
            Defaults to None: there is no larger one.

    Returns:
        int32 [num_steps, R]; after its end token a row holds `PADDING`.
    """
    (drawn,) = _decode(generator, token_ids, state, finished, num_steps, seed, branch, settings, uniform, rows)
    return drawn


def _decode(
    generator, token_ids, state, finished, num_steps, seed, branch, settings, uniform, rows, given=None, scored=False
):
    """[tokens], as `decode`, and with `scored` their log-probabilities, float32 [num_steps, R].

    Where `given`, int32 [num_steps, R], is not padding, it is taken and not what was drawn.
    """
    if seed is not None and seed.shape.rank == 2:
        uniform = uniforms(seed, [num_steps], tf.shape(token_ids)[0])
    stops = branch is None and generator.end_token_id is not None
    is_reshaped = _reshapes(settings) if scored else None

    def numbers(i):
        if uniform is not None:
            return uniform[i]
        return _numbers(seed, i, Rows(tf.shape(token_ids)[0], None) if rows is None else rows)

    def body(i, token_ids, state, finished, arrays):
        if branch is not None:
            token_ids, state, finished = branch(i, token_ids, state, finished)
        logits, state = generator.step(token_ids, state)
        if scored:
            drawn, normalizer = _draw_normalized(logits, numbers(i), settings, is_reshaped)
        else:
            drawn = draw_at(warp(logits, settings), numbers(i))
        if given is not None:
            drawn = tf.where(tf.equal(given[i], PADDING), drawn, given[i])
        found = [tf.where(finished, PADDING, drawn)]
        if scored:
            log_probs = tf.gather(logits, drawn, batch_dims=1) - normalizer
            found.append(tf.where(finished, 0.0, log_probs))
        if generator.end_token_id is not None:
            finished = finished | tf.equal(found[0], generator.end_token_id)
        arrays = [array.write(i, values) for array, values in zip(arrays, found, strict=True)]
        return i + 1, found[0], state, finished, arrays

    def goes_on(i, token_ids, state, finished, arrays):
        return (i < num_steps) & ~tf.reduce_all(finished) if stops else i < num_steps

    def array(unwritten):  # what a step that was not made leaves
        values = tf.fill([num_steps, tf.shape(token_ids)[0]], unwritten)
        return tf.TensorArray(values.dtype, num_steps, element_shape=token_ids.shape).unstack(values)

    arrays = [array(PADDING), array(0.0)] if scored else [array(PADDING)]
    loop = (tf.constant(0), token_ids, state, finished, arrays)
    *_, arrays = tf.while_loop(goes_on, body, loop, maximum_iterations=num_steps)
    return [values.stack() for values in arrays]


def _numbers(seed: tf.Tensor, i: tf.Tensor, rows: Rows) -> tf.Tensor:
    """What the rows of a batch draw with in step i, float32 [R], for a seed int32 [2] of the batch."""
    return rows.take(uniforms(fold_in(seed, i), [], rows.total))


def _reshapes(settings: SamplingSettings) -> tf.Tensor:
    """Whether the settings do more to the logits of some row than to suppress tokens: bool, a scalar."""
    temperature = tf.cast(settings.temperature, tf.float32)
    top_p = tf.cast(1.0 if settings.top_p is None else settings.top_p, tf.float32)
    return tf.reduce_any(temperature != 1.0) | tf.reduce_any(top_p < 1.0) | (settings.top_k is not None)


def _draw_normalized(
    logits: tf.Tensor, uniform: tf.Tensor, settings: SamplingSettings, is_reshaped: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Tokens int32 [R], and the logarithm of the sum of exp(logits), float32 [R], of the unchanged policy.

    Where no logit but those of suppressed tokens has changed, the probability of the draw gives this sum, without
    another pass over [R, V].
    """

    def suppressed() -> tuple[tf.Tensor, tf.Tensor]:
        allowed = warp(logits, SamplingSettings(suppress_tokens=settings.suppress_tokens))
        tokens, log_probs = draw_scored_at(allowed, uniform)
        terms = [(tf.gather(logits, tokens, batch_dims=1) - log_probs)[:, tf.newaxis]]
        if len(settings.suppress_tokens):
            terms.append(tf.gather(logits, settings.suppress_tokens, axis=1))
        return tokens, tf.reduce_logsumexp(tf.concat(terms, axis=1), axis=1)

    def reshaped() -> tuple[tf.Tensor, tf.Tensor]:
        return draw_at(warp(logits, settings), uniform), tf.reduce_logsumexp(logits, axis=1)

    return tf.cond(is_reshaped, reshaped, suppressed)


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
    return _sample(generator, batch_size, sequence_length, seed, prompt, settings, rows)[0]


def sample_batches(generator: "Generator", rows: Rows, sequence_length: int, seeds: tf.Tensor) -> tf.Tensor:
    """Draws several batches at once: those that `sample` draws one after the other, in less time.

    Args:
        generator: a `Generator`; one with conditions is bound to those of all rows, batch after batch.
        rows: the rows R to draw of each batch.
        sequence_length: T.
        seeds: int32 [n, 2], the seeds of the batches; n is known.

    Returns:
        int32 [n, R, T], `PADDING` after the end token.

    Raises:
        InputError: as `sample`.
    """

    def numbers(seed: tf.Tensor) -> tf.Tensor:
        """What each position of a batch draws with, float32 [T, R]."""
        positions = tf.range(sequence_length)
        return tf.map_fn(lambda i: _numbers(seed, i, rows), positions, fn_output_signature=tf.float32)

    uniform = tf.transpose(tf.map_fn(numbers, seeds, fn_output_signature=tf.float32), [1, 0, 2])  # [T, n, R]
    total = seeds.shape[0] * rows.number
    uniform = tf.reshape(uniform, [sequence_length, total])
    (drawn,) = _sample(generator, total, sequence_length, None, None, PLAIN, uniform=uniform)
    return tf.reshape(drawn, [-1, rows.number, sequence_length])


def sample_scored(
    generator: "Generator",
    batch_size: int | tf.Tensor,
    sequence_length: int,
    seed: tf.Tensor,
    prompt: tf.Tensor | None = None,
    settings: SamplingSettings = PLAIN,
) -> Drawn:
    """Draws whole sequences, with the log-probability of each token: those of `sample`, in one pass.

    Args:
        generator, batch_size, sequence_length, seed, prompt, settings: as for `sample`.

    Returns:
        `Drawn`, both [B, T]; the tokens of a prompt have their log-probabilities too.

    Raises:
        InputError: as `sample`.
    """
    return Drawn(*_sample(generator, batch_size, sequence_length, seed, prompt, settings, scored=True))


def _sample(generator, batch_size, sequence_length, seed, prompt, settings, rows=None, scored=False, uniform=None):
    """[tokens], and with `scored` their log-probabilities, each [B, T]."""
    check_generated_length(generator, sequence_length)
    first, given = tf.fill([batch_size], generator.start_token_id), None
    state, finished = generator.initial_state(batch_size), tf.zeros_like(first, tf.bool)
    if prompt is not None:
        missing = [[0, 0], [0, sequence_length - tf.shape(prompt)[1]]]
        given = tf.transpose(tf.pad(prompt, missing, constant_values=PADDING))
    begin = generator, first, state, finished, sequence_length
    found = _decode(*begin, seed, None, settings, uniform, rows, given, scored)
    return [tf.transpose(values) for values in found]
