"""Roll-outs of a generator with a scalar in its state, the position of a key-value cache."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from exact import log_softmax
from tiny import DATA, T, V

import seqgan_tf as sg
from seqgan_tf.core import sampling


@keras.saving.register_keras_serializable("tests")
class Cached(keras.Model):
    """The mean of the embeddings of all tokens so far and of their positions, from a cache of fixed size."""

    def __init__(self, end_token_id=0, position=lambda: tf.constant(0), **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size, self.start_token_id, self.end_token_id = V, V, end_token_id
        self.position = position
        normal = [keras.initializers.RandomNormal(stddev=2.0, seed=seed) for seed in range(3)]
        self.tokens, self.places = keras.layers.Embedding(V + 1, 4, normal[0]), keras.layers.Embedding(T, 4, normal[1])
        self.projection = keras.layers.Dense(V, kernel_initializer=normal[2])
        for layer, shape in ((self.tokens, (None, None)), (self.places, (None, None)), (self.projection, (None, 4))):
            layer.build(shape)
        self.built = True

    def call(self, token_ids, training=False):
        token_ids = tf.cast(token_ids, tf.int32)
        fed = tf.pad(token_ids[:, :-1], [[0, 0], [1, 0]], constant_values=self.start_token_id)
        x = self.tokens(tf.maximum(fed, 0)) * self.places(tf.range(tf.shape(fed)[1]))
        counts = tf.cast(tf.range(1, tf.shape(fed)[1] + 1), tf.float32)[:, tf.newaxis]
        return self.projection(tf.cumsum(x, axis=1) / counts)

    def initial_state(self, batch_size):
        return {"cache": tf.zeros([batch_size, T, 4]), "position": self.position()}

    def step(self, token_ids, state):
        position = state["position"]
        x = self.tokens(tf.maximum(token_ids, 0)) * self.places(position)
        here = tf.one_hot(position, T)[tf.newaxis, :, tf.newaxis]
        cache = state["cache"] + here * x[:, tf.newaxis]
        mean = tf.reduce_sum(cache, axis=1) / tf.cast(position + 1, tf.float32)
        return self.projection(mean), {"cache": cache, "position": position + 1}


@pytest.fixture(params=[lambda: tf.constant(0), lambda: 0], ids=["tensor", "int"])
def generator(request):
    return Cached(position=request.param)


def test_completions_keep_their_prefix_and_follow_the_policy(generator):
    token_ids = tf.constant([[1, 2, 3, 4], [4, 0, -1, -1]] * 1500)
    prefixes = [1, 2, 3]
    completed = sg.MonteCarloRollout(1).completions(token_ids, prefixes, generator, tf.constant([1, 2])).numpy()
    assert completed.shape == (3, 3000, T)
    for k, prefix in enumerate(prefixes):
        np.testing.assert_array_equal(completed[k, :, :prefix], token_ids[:, :prefix])
        whole = completed[k, 0::2]
        probabilities = np.exp(log_softmax(generator(whole[:1])))[0, prefix]  # of the next token after the prefix
        frequencies = np.bincount(whole[:, prefix], minlength=V) / len(whole)
        np.testing.assert_allclose(frequencies, probabilities, atol=0.04)
    np.testing.assert_array_equal(completed[1:, 1::2], np.tile([4, 0, -1, -1], (2, 1500, 1)))


def test_prefix_states_have_the_scalar_of_every_position(generator):
    states = sampling.prefix_states(generator, tf.constant(DATA[:2, :3]))
    assert states["cache"].shape == (3, 2, T, 4)
    np.testing.assert_array_equal(states["position"], [1, 2, 3])  # the start token was fed


def test_it_trains(generator):
    discriminator = sg.Discriminator(V, T, 3, widths=[1, 2], filters=[3, 2], seed=1)
    gan = sg.SeqGAN(generator, discriminator, sg.MonteCarloRollout(2, chunk_size=2), batch_size=3)
    gan.compile()
    history = gan.fit(DATA, steps_per_epoch=1, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
