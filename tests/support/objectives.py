"""Objectives of tiny sequences: how texts are made of token ids, what they are worth, and models that use them."""

import warnings

import numpy as np
import tensorflow as tf
from tiny import T, V

import seqgan_tf as sg

SEED = tf.constant([1, 0])
TOKEN_IDS = np.array([[1, 2, 1, 2], [2, 0, -1, -1], [1, 2, 1, 2], [0, -1, -1, -1]], np.int32)


def decode(token_ids):
    """Tokens as characters; "." for the end token 0 and "_" for padding."""
    return ["".join("_.abcd"[token + 1] for token in row) for row in token_ids.tolist()]


def value(text):
    """A number for each text; similar texts get different numbers."""
    return sum((i + 1) * ord(character) ** 2 for i, character in enumerate(text)) % 97 / 10


def values(completions, prompts=None, **columns):
    assert prompts is None
    assert columns == {}
    return [value(text) for text in completions]


def policy(vocabulary_size=V, **settings):
    settings = {"end_token_id": 0, "initializer_stddev": 1.0, "seed": 3} | settings
    return sg.Generator(vocabulary_size, 4, 5, **settings)


def estimate(estimator, token_ids=TOKEN_IDS, generator=None, discriminator=None, compiled=False, seed=SEED):
    generator = generator or policy()
    function = lambda ids: estimator.estimate(ids, generator, discriminator, seed)  # noqa: E731
    return (tf.function(function) if compiled else function)(tf.constant(token_ids)).numpy()


class Recorder:
    """A function that keeps the arguments of its calls."""

    __name__ = "recorder"

    def __init__(self, result=lambda text: float(len(text))):
        self.calls, self.prompts, self.result = [], [], result

    def __call__(self, completions, prompts=None, **columns):
        self.calls.append(list(completions))
        self.prompts.append(prompts)
        return [self.result(text) for text in completions]


def prompts_of(sources):
    return [" ".join(str(token) for token in row if token >= 0) for row in sources.tolist()]


def with_prompt(completions, prompts, **columns):
    return [value(prompt + text) for prompt, text in zip(prompts, completions, strict=True)]


def model(reward, compiling=None, **settings):
    """A model. `compiling` holds arguments of `compile`, which then does not warn that it cannot be saved."""
    networks = policy(), sg.Discriminator(V, T, 3, widths=[1, 2], filters=[3, 2], seed=1)
    settings = {"batch_size": 3, "discriminator_steps": 2} | settings
    made = sg.SeqGAN(*networks, sg.MonteCarloRollout(2, reward=reward), **settings)
    if compiling is not None:
        with warnings.catch_warnings(action="ignore"):
            made.compile(**compiling)
    return made
