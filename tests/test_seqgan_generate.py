"""Samples of a SeqGAN."""

import concurrent.futures

import numpy as np
import pytest
import tensorflow as tf
from tiny import T, V, make

from seqgan_tf.core import generation, sampling
from seqgan_tf.core.seeds import sample_seeds
from seqgan_tf.core.validation import InputError


def test_generate_gives_padded_samples_of_the_generator():
    samples = make().generate(40, seed=1)
    assert samples.shape == (40, T)
    assert samples.dtype == np.int32
    ended = np.cumsum(samples == 0, axis=1) - (samples == 0) > 0
    np.testing.assert_array_equal(samples == -1, ended)
    assert np.all(samples < V)
    assert len(np.unique(samples, axis=0)) > 5
    assert make().generate(7, seed=1, batch_size=3).shape == (7, T)


def test_generate_repeats_samples_with_the_same_seed_only():
    model = make(end_token_id=None)
    np.testing.assert_array_equal(model.generate(8, seed=3), model.generate(8, seed=3))
    assert np.any(model.generate(8, seed=3) != model.generate(8, seed=4))
    assert np.any(model.generate(8) != model.generate(8))
    samples = model.generate(16, seed=3)
    assert np.any(samples[:8] != samples[8:])
    np.testing.assert_array_equal(model.generate(11, seed=3, batch_size=4), samples[:11])


def test_generate_obeys_its_settings():
    model = make(end_token_id=None)
    assert len(np.unique(model.generate(30, seed=1, top_k=1), axis=0)) == 1
    assert len(np.unique(model.generate(30, seed=1, top_p=0.01), axis=0)) == 1
    assert len(np.unique(model.generate(30, seed=1, temperature=1e-3), axis=0)) == 1
    assert len(np.unique(model.generate(30, seed=1, temperature=9.0), axis=0)) > 10  # not the function compiled above
    assert not np.isin(model.generate(30, seed=1, suppress_tokens=[0, 3]), [0, 3]).any()
    assert np.isin(model.generate(30, seed=1, suppress_tokens=[0]), 3).any()
    for prompt in ([2, 4], np.array([3]), [1, 2, 3, 4], np.zeros(0, int), []):
        samples = model.generate(6, seed=1, prompt=prompt)
        np.testing.assert_array_equal(samples[:, : len(prompt)], np.tile(prompt, (6, 1)))
        assert samples.shape == (6, T)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n": 0}, "`n` must be at least 1. Received: 0"),
        ({"batch_size": 0}, "`batch_size` must be at least 1. Received: 0"),
        ({"seed": 1.5}, "`seed` must be an int. Received: 1.5"),
        ({"temperature": -0.5}, "`temperature` must be a finite number of at least 0. Received: -0.5"),
        ({"top_k": 0}, "`top_k` must be at least 1"),
        ({"top_p": 1.5}, r"`top_p` must be in \(0, 1\]"),
        ({"prompt": [1, 2, 3, 4, 1]}, "`prompt` must hold at most 4 tokens. Received: 5"),
        ({"prompt": [[1, 2], [3, 4]]}, r"`prompt` must be one list of token ids. Received: shape \(2, 2\)"),
        ({"prompt": [1, 0, 2]}, r"`prompt` must hold neither the end token nor padding. Received: \[1, 0, 2\]"),
        ({"prompt": [1, -1]}, r"`prompt` must hold neither the end token nor padding. Received: \[1, -1\]"),
        ({"suppress_tokens": [1, 5]}, r"`suppress_tokens` must be some tokens of the vocabulary. Received: \[5\]"),
        (
            {"suppress_tokens": range(5)},
            "`suppress_tokens` must be some tokens of the vocabulary. Received: all of them",
        ),
        ({"n": 2.0}, "`n` must be an int. Received: 2.0"),
        ({"n": "2"}, "`n` must be an int. Received: '2'"),
        ({"temperature": "warm"}, "`temperature` must be a number. Received: 'warm'"),
        ({"top_k": 2.0}, "`top_k` must be an int. Received: 2.0"),
        ({"suppress_tokens": 3}, "`suppress_tokens` must be a list of token ids. Received: 3"),
        ({"prompt": 3}, r"`prompt` must be one list of token ids. Received: shape \(\)"),
        ({"beams": 3}, "`generate` must be called with `temperature`, .* alone. Received: `beams`"),
        ({"prompt": [1, 5]}, r"`prompt` must be in \[0, 5\), the vocabulary.* Received: 5"),
    ],
)
def test_generate_refuses_settings_outside_their_range(settings, message):
    with pytest.raises(InputError, match=message):
        make().generate(**{"n": 2} | settings)


def test_numbers_of_numpy_are_numbers():
    model = make(end_token_id=None)
    plain = model.generate(4, seed=1, batch_size=3, temperature=0.5, top_k=3, top_p=0.9, suppress_tokens=[1])
    numpy = model.generate(
        np.int64(4),
        seed=np.int32(1),
        batch_size=np.int64(3),
        temperature=np.float32(0.5),
        top_k=np.int64(3),
        top_p=np.float64(0.9),
        suppress_tokens=np.array([1]),
    )
    np.testing.assert_array_equal(plain, numpy)


def test_prompts_of_all_lengths_are_one_compiled_function_and_draw_as_before():
    model = make(end_token_id=None)
    traces = generation._draw.experimental_get_tracing_count()
    for n in (2, 5):
        for prompt in ([1], [1, 2], [3, 2, 1], [1, 2, 3, 4]):
            found = model.generate(n, seed=4, prompt=prompt)
            tiled = tf.tile(tf.constant([prompt]), [n, 1])  # not padded
            expected = sampling.sample(model.generator, n, T, sample_seeds(4, n), tiled)
            np.testing.assert_array_equal(found, expected)
    assert generation._draw.experimental_get_tracing_count() == traces + 1


def test_calls_from_many_threads_have_seeds_of_their_own():
    model = make(end_token_id=None)
    model.generate(1)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        calls = [pool.submit(model.generate, 8) for _ in range(64)]
        samples = [call.result() for call in calls]
    assert int(model.draws) == 65
    expected = make(end_token_id=None)
    expected.generate(1)
    seeds = {expected.generate(8).tobytes() for _ in range(64)}
    assert {sample.tobytes() for sample in samples} == seeds
    assert len(seeds) == 64
