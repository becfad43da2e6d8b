"""Any number of samples of a policy, with checked settings. Each kind of call is compiled once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from seqgan_tf.core import sampling
from seqgan_tf.core.beam_search import beam_search
from seqgan_tf.core.conditions import check_rows, condition_on, number_of_rows, padded_rows
from seqgan_tf.core.contracts import check_reach
from seqgan_tf.core.sampling import PLAIN, SamplingSettings
from seqgan_tf.core.seeds import sample_seeds
from seqgan_tf.core.sequences import PADDING, check_token_ids
from seqgan_tf.core.validation import InputError, check_at_least, real_number, whole_number

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Generator


@tf.function
def _draw(
    generator: "Generator",
    size: tf.Tensor,
    first: tf.Tensor,
    length: int,
    seed: tf.Tensor,
    prompt: tf.Tensor | None,
    settings: SamplingSettings,
    condition: Any,
) -> tf.Tensor:
    if prompt is not None:
        prompt = tf.tile(prompt[tf.newaxis], [size, 1])
    policy = condition_on(generator, condition)
    return sampling.sample(policy, size, length, sample_seeds(seed, size, first), prompt, settings)


@tf.function
def _search(
    generator: "Generator",
    size: tf.Tensor,
    length: int,
    num_beams: int,
    length_penalty: tf.Tensor,
    suppress_tokens: tuple[int, ...],
    condition: Any,
) -> tf.Tensor:
    policy = condition_on(generator, condition)
    return beam_search(policy, size, length, num_beams, length_penalty, suppress_tokens)[0]


def generate(
    generator: "Generator",
    n: int | None,
    sequence_length: int,
    seed: int | tf.Tensor,
    settings: SamplingSettings = PLAIN,
    prompt: Sequence[int] | np.ndarray | None = None,
    batch_size: int = 500,
    condition: Any = None,
    num_beams: int = 1,
    length_penalty: float = 1.0,
) -> np.ndarray:
    """Samples of a generator, or its most likely sequences.

    Args:
        generator: the policy.
        n: number of samples; None for one per row of the condition.
        sequence_length: T.
        seed: int, or an int32 [2] tensor. Sample i is drawn with the seed [seed, i] (for a tensor: i is added to its
            last word) and does not depend on the other samples: 5 samples are the first 5 of 100 with the same seed.
        settings: how to draw. Defaults to drawing from the unchanged policy.
        prompt: token ids [P] that every sample begins with, P <= T, none of them the end token. Defaults to None.
        batch_size: sequences drawn at once. Defaults to 500.
        condition: a nest of arrays [n, ...], the condition of each sample, for a generator with an encoder. Defaults to
            None: there is none.
        num_beams: above 1, nothing is drawn: beam search with as many beams finds the most likely sequence of each
            row, see `core.beam_search`. Defaults to 1.
        length_penalty: of beam search: 0 compares log-likelihoods, 1 log-likelihoods per token. Defaults to 1.0.

    Returns:
        int32 numpy array [n, T], -1 after the end token.

    Raises:
        InputError: n, batch_size or num_beams < 1, settings outside their range, a prompt that is too long or not in
            the vocabulary, sequences longer than those of the generator; a condition that is missing, not expected, or
            of another number of rows; beam search with a prompt or with settings of sampling.
    """
    if n is None:
        n = number_of_rows(condition)
        if n is None:
            raise InputError("`n` must be given, the number of samples. Received: None")
    n, batch_size, num_beams = (
        whole_number(name, value) for name, value in (("n", n), ("batch_size", batch_size), ("num_beams", num_beams))
    )
    check_at_least(1, n=n, batch_size=batch_size, num_beams=num_beams)
    check_rows(generator, condition, n)
    check_reach(generator, sequence_length)
    settings = settings.check(generator.vocabulary_size)
    size = min(n, batch_size)
    given = _checked_prompt(prompt, sequence_length, generator)
    if num_beams > 1:
        length_penalty = tf.constant(real_number("length_penalty", length_penalty), tf.float32)
        if given is not None or settings != PLAIN._replace(suppress_tokens=settings.suppress_tokens):
            raise InputError("`num_beams` must be 1 for a prompt and for settings of sampling. Received: beam search")
    seed = seed if tf.is_tensor(seed) else sample_seeds(seed, 1)[0]
    # As tensors: for other values, TensorFlow does not compile the function again.
    drawing = settings._replace(
        temperature=tf.constant(settings.temperature, tf.float32),
        top_p=None if settings.top_p is None else tf.constant(settings.top_p, tf.float32),
    )
    drawn = []
    for first in range(0, n, size):
        part = padded_rows(condition, first, size)
        if num_beams > 1:
            found = _search(
                generator,
                tf.constant(size),
                sequence_length,
                num_beams,
                length_penalty,
                settings.suppress_tokens,
                part,
            )
        else:
            found = _draw(generator, tf.constant(size), tf.constant(first), sequence_length, seed, given, drawing, part)
        drawn.append(found.numpy())
    return np.concatenate(drawn)[:n]


def _checked_prompt(
    prompt: Sequence[int] | np.ndarray | None, sequence_length: int, generator: "Generator"
) -> tf.Tensor | None:
    """The prompt as a tensor [T], padded, so that all lengths share one compiled function; None where it is empty."""
    if prompt is None or (np.ndim(prompt) and not len(prompt)):
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
