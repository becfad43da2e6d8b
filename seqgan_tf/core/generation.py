"""Any number of samples of a policy, with checked settings. Each kind of call is compiled once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from seqgan_tf.core import sampling
from seqgan_tf.core.sampling import PLAIN, SamplingSettings
from seqgan_tf.core.seeds import sample_seeds
from seqgan_tf.core.sequences import PADDING, check_token_ids
from seqgan_tf.core.validation import InputError, check_at_least, whole_number

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
) -> tf.Tensor:
    if prompt is not None:
        prompt = tf.tile(prompt[tf.newaxis], [size, 1])
    return sampling.sample(generator, size, length, sample_seeds(seed, size, first), prompt, settings)


def generate(
    generator: "Generator",
    n: int,
    sequence_length: int,
    seed: int | tf.Tensor,
    settings: SamplingSettings = PLAIN,
    prompt: Sequence[int] | np.ndarray | None = None,
    batch_size: int = 500,
) -> np.ndarray:
    """Samples of a generator.

    Args:
        generator: the policy.
        n: number of samples.
        sequence_length: T.
        seed: int, or an int32 [2] tensor. Sample i is drawn with the seed [seed, i] (for a tensor: i is added to its
            last word) and does not depend on the other samples: 5 samples are the first 5 of 100 with the same seed.
        settings: how to draw. Defaults to drawing from the unchanged policy.
        prompt: token ids [P] that every sample begins with, P <= T, none of them the end token. Defaults to None.
        batch_size: sequences drawn at once. Defaults to 500.

    Returns:
        int32 numpy array [n, T], -1 after the end token.

    Raises:
        InputError: n or batch_size < 1, settings outside their range, or a prompt that is too long or not in the
            vocabulary.
    """
    n, batch_size = whole_number("n", n), whole_number("batch_size", batch_size)
    check_at_least(1, n=n, batch_size=batch_size)
    settings = settings.check(generator.vocabulary_size)
    size = min(n, batch_size)
    given = _checked_prompt(prompt, sequence_length, generator)
    seed = seed if tf.is_tensor(seed) else sample_seeds(seed, 1)[0]
    # As tensors: for other values, TensorFlow does not compile the function again.
    settings = settings._replace(
        temperature=tf.constant(settings.temperature, tf.float32),
        top_p=None if settings.top_p is None else tf.constant(settings.top_p, tf.float32),
    )
    rows = tf.constant(size)
    drawn = []
    for first in range(0, n, size):
        drawn.append(_draw(generator, rows, tf.constant(first), sequence_length, seed, given, settings).numpy())
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
