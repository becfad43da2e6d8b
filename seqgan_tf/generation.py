"""Samples of a policy for a caller: any number of them, checked settings, compiled once for each kind of call."""

import numpy as np
import tensorflow as tf

from seqgan_tf import sampling
from seqgan_tf.checks import check_at_least
from seqgan_tf.sequences import PADDING, check_token_ids


@tf.function
def _draw(generator, size, first, length, seed, temperature, top_k, top_p, prompt, suppress_tokens):
    warping = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "suppress_tokens": suppress_tokens}
    return sampling.sample(generator, size, length, sampling.row_seeds(seed, size, first), prompt, **warping)


def generate(
    generator,
    n,
    sequence_length,
    seed,
    temperature=1.0,
    top_k=None,
    top_p=None,
    prompt=None,
    suppress_tokens=(),
    batch_size=500,
):
    """Samples of a generator.

    Args:
        generator: a `Generator`.
        n: int, how many.
        sequence_length: int, T.
        seed: int, or an int32 [2] tensor. Sample i is drawn with the seed [seed, i] (of a tensor: its last word + i)
            and depends on nothing else: the first 5 of 100 samples are the 5 of the same seed.
        temperature, top_k, top_p, suppress_tokens: see `sampling.warp`.
        prompt: token ids [P] that every sample begins with, P <= T, none of them the end token. Defaults to None.
        batch_size: int, sequences drawn at once. Defaults to 500.

    Returns:
        int32 numpy array [n, T], -1 after the end token.

    Raises:
        ValueError: n < 1, sampling settings that make no sense, or a prompt that is too long or not in the
            vocabulary.
    """
    check_at_least(1, n=n)
    sampling.check_sampling(temperature, top_k, top_p)
    size = min(n, batch_size)
    prompt = _checked_prompt(prompt, size, sequence_length, generator)
    outside = [token for token in suppress_tokens if not 0 <= token < generator.vocabulary_size]
    if outside or len(set(suppress_tokens)) == generator.vocabulary_size:
        raise ValueError(
            f"`suppress_tokens` must be some tokens of the vocabulary. Received: {outside or 'all of them'}"
        )
    seed = seed if tf.is_tensor(seed) else sampling.make_seed(seed)
    temperature = tf.constant(temperature, tf.float32)
    top_p = None if top_p is None else tf.constant(top_p, tf.float32)
    rows = tf.constant(size)  # a tensor, so that another number of samples needs no other function
    drawn = []
    for first in range(0, n, size):
        settings = (temperature, top_k, top_p, prompt, tuple(suppress_tokens))
        drawn.append(_draw(generator, rows, tf.constant(first), sequence_length, seed, *settings).numpy())
    return np.concatenate(drawn)[:n]


def _checked_prompt(prompt, rows, sequence_length, generator):
    """The prompt as a tensor [rows, P]; None where it is None or empty."""
    if prompt is None or not len(prompt):
        return None
    check_token_ids(prompt, generator.vocabulary_size, "prompt")
    prompt = np.asarray(prompt, np.int32)
    if prompt.ndim != 1:
        raise ValueError(f"`prompt` must be one list of token ids. Received: shape {prompt.shape}")
    if len(prompt) > sequence_length:
        raise ValueError(f"`prompt` must hold at most {sequence_length} tokens. Received: {len(prompt)}")
    if np.isin(prompt, [PADDING, generator.end_token_id]).any():
        raise ValueError(f"`prompt` must hold neither the end token nor padding. Received: {prompt.tolist()}")
    return tf.tile(prompt[np.newaxis], [rows, 1])
