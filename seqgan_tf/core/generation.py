"""Any number of samples of a policy, with checked settings. Each kind of call is compiled once."""

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

from seqgan_tf.core import sampling
from seqgan_tf.core.beam_search import beam_search
from seqgan_tf.core.conditions import check_rows, condition_on, number_of_rows, padded_rows
from seqgan_tf.core.contracts import check_reach
from seqgan_tf.core.graphs import graph_function
from seqgan_tf.core.sampling import PLAIN, SamplingSettings
from seqgan_tf.core.seeds import sample_seeds
from seqgan_tf.core.sequences import PADDING, check_token_ids
from seqgan_tf.core.validation import InputError, check_at_least, real_number, whole_number

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Generator


class Rows(NamedTuple):
    """The rows that a decoder makes at once. Their number is a tensor, so that all numbers share one compiled function.

    Attributes:
        count: int32 scalar, B.
        first: int32 scalar, number of the first of them among all.
        seed: int32 [2].
        prompt: int32 [T], padded, what each of them begins with; None where that is nothing.

    Example:
    ```python
    import tensorflow as tf

    from seqgan_tf.core.generation import Rows

    rows = Rows(tf.constant(3), tf.constant(6), tf.constant([1, 0]))
    print(rows.seeds())  # [[1, 6], [1, 7], [1, 8]]
    ```
    """

    count: tf.Tensor
    first: tf.Tensor
    seed: tf.Tensor
    prompt: tf.Tensor | None = None

    def seeds(self) -> tf.Tensor:
        """The seed of each row: int32 [B, 2]."""
        return sample_seeds(self.seed, self.count, self.first)

    def prompts(self) -> tf.Tensor | None:
        """The prompt of each row: int32 [B, T]; None where there is none."""
        return None if self.prompt is None else tf.tile(self.prompt[tf.newaxis], [self.count, 1])


class Decoder(NamedTuple):
    """A way to make sequences, row by row.

    Attributes:
        make: function of (generator, `Rows`, T, settings, condition of B rows or None): a dict of tensors with a
            leading axis B, among them "token_ids", int32 [B, T].
        sequences: how many sequences it has in memory at once per row. Defaults to 1.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.core.generation import Decoder, generate_all

    def plain(generator, rows, sequence_length, settings, condition):
        return {"token_ids": sg.sampling.sample(generator, rows.count, sequence_length, rows.seeds())}

    found = generate_all(Decoder(plain), sg.Generator(50), n=5, sequence_length=20, seed=1)
    print(found["token_ids"].shape)  # (5, 20)
    ```
    """

    make: Callable[..., dict[str, tf.Tensor]]
    sequences: int = 1


@graph_function
def _draw(
    generator: "Generator", rows: Rows, length: int, settings: SamplingSettings, condition: Any
) -> dict[str, tf.Tensor]:
    policy = condition_on(generator, condition)
    return {"token_ids": sampling.sample(policy, rows.count, length, rows.seeds(), rows.prompts(), settings)}


@graph_function
def _search(
    generator: "Generator",
    rows: Rows,
    length: int,
    settings: SamplingSettings,
    condition: Any,
    num_beams: int,
    length_penalty: tf.Tensor,
) -> dict[str, tf.Tensor]:
    policy = condition_on(generator, condition)
    suppressed = settings.suppress_tokens
    return {"token_ids": beam_search(policy, rows.count, length, num_beams, length_penalty, suppressed)[0]}


SAMPLE = Decoder(_draw)
"""Draws every token from the policy."""


def generate(
    generator: "Generator",
    n: int | None,
    sequence_length: int,
    seed: int | tf.Tensor,
    settings: SamplingSettings = PLAIN,
    prompt: Sequence[int] | np.ndarray | None = None,
    batch_size: int = 500,
    condition: Any = None,
) -> np.ndarray:
    """Samples of a generator: int32 numpy array [n, T], -1 after the end token. For the arguments see `generate_all`.

    Raises:
        InputError: see `generate_all`.
    """
    found = generate_all(SAMPLE, generator, n, sequence_length, seed, settings, prompt, batch_size, condition)
    return found["token_ids"]


def beams(num_beams: int, length_penalty: float, settings: SamplingSettings, prompt: Any) -> Decoder:
    """Beam search for the most likely sequence of each row, see `core.beam_search`; nothing is drawn.

    Args:
        num_beams: above 1.
        length_penalty: 0 compares log-likelihoods, 1 log-likelihoods per token.
        settings, prompt: what `generate_all` gets beside it.

    Raises:
        InputError: a prompt, or settings of sampling other than `suppress_tokens`.
    """
    penalty = tf.constant(real_number("length_penalty", length_penalty), tf.float32)
    if not _is_empty(prompt) or settings != PLAIN._replace(suppress_tokens=settings.suppress_tokens):
        raise InputError("`num_beams` must be 1 for a prompt and for settings of sampling. Received: beam search")
    return Decoder(functools.partial(_search, num_beams=num_beams, length_penalty=penalty))


def generate_all(
    decoder: Decoder,
    generator: "Generator",
    n: int | None,
    sequence_length: int,
    seed: int | tf.Tensor,
    settings: SamplingSettings = PLAIN,
    prompt: Sequence[int] | np.ndarray | None = None,
    batch_size: int = 500,
    condition: Any = None,
) -> dict[str, np.ndarray]:
    """What a decoder makes, with checked settings, batch by batch.

    Args:
        decoder: how sequences are made.
        generator: the policy.
        n: number of samples; None for one per row of the condition.
        sequence_length: T.
        seed: int, or an int32 [2] tensor. Sample i is drawn with the seed [seed, i] (for a tensor: i is added to its
            last word) and does not depend on the other samples: 5 samples are the first 5 of 100 with the same seed.
        settings: how to draw. Defaults to drawing from the unchanged policy.
        prompt: token ids [P] that every sample begins with, P <= T, none of them the end token. Defaults to None.
        batch_size: sequences in memory at once. Defaults to 500.
        condition: a nest of arrays [n, ...], the condition of each sample, for a generator with an encoder. Defaults to
            None: there is none.

    Returns:
        The arrays of the decoder, each with a leading axis n.

    Raises:
        InputError: n or batch_size < 1, settings outside their range, a prompt that is too long or not in the
            vocabulary, sequences longer than those of the generator; a condition that is missing, not expected, or of
            another number of rows.
    """
    if n is None:
        n = number_of_rows(condition)
        if n is None:
            raise InputError("`n` must be given, the number of samples. Received: None")
    n, batch_size = (whole_number(name, value) for name, value in (("n", n), ("batch_size", batch_size)))
    check_at_least(1, n=n, batch_size=batch_size)
    check_rows(generator, condition, n)
    check_reach(generator, sequence_length)
    settings = settings.check(generator.vocabulary_size)
    size = min(n, max(1, batch_size // decoder.sequences))
    given = _checked_prompt(prompt, sequence_length, generator)
    seed = seed if tf.is_tensor(seed) else sample_seeds(seed, 1)[0]
    # As tensors: for other values, TensorFlow does not compile the function again.
    drawing = settings._replace(
        temperature=tf.constant(settings.temperature, tf.float32),
        top_p=None if settings.top_p is None else tf.constant(settings.top_p, tf.float32),
    )
    made = []
    for first in range(0, n, size):
        rows = Rows(tf.constant(size), tf.constant(first), seed, given)
        made.append(decoder.make(generator, rows, sequence_length, drawing, padded_rows(condition, first, size)))
    return {name: np.concatenate([part[name].numpy() for part in made])[:n] for name in made[0]}


def _is_empty(prompt: Any) -> bool:
    return prompt is None or (np.ndim(prompt) > 0 and not len(prompt))


def _checked_prompt(
    prompt: Sequence[int] | np.ndarray | None, sequence_length: int, generator: "Generator"
) -> tf.Tensor | None:
    """The prompt as a tensor [T], padded, so that all lengths share one compiled function; None where it is empty."""
    if _is_empty(prompt):
        return None
    check_token_ids(prompt, generator.vocabulary_size, "prompt")
    prompt = np.asarray(prompt, np.int32)
    if prompt.ndim != 1:
        raise InputError(f"`prompt` must be one list of token ids. Received: shape {prompt.shape}")
    if len(prompt) > sequence_length:
        raise InputError(f"`prompt` must hold at most {sequence_length} tokens. Received: {len(prompt)}")
    if np.any(prompt == PADDING) or (generator.end_token_id is not None and generator.end_token_id in prompt):
        raise InputError(f"`prompt` must hold neither the end token nor padding. Received: {prompt.tolist()}")
    return tf.constant(np.pad(prompt, [0, sequence_length - len(prompt)], constant_values=PADDING))
