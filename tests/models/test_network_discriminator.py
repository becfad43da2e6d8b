"""A bare Keras network as the discriminator: it trains, is saved, loaded and exported."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import DATA, T, V, assert_same, differ

import seqgan_tf as sg
from seqgan_tf.core.validation import InputError
from seqgan_tf.models.network_discriminator import NetworkDiscriminator


def layers(*last):
    hidden = [keras.layers.Embedding(V, 4), keras.layers.GlobalAveragePooling1D(), keras.layers.Dropout(0.3, seed=1)]
    return [*hidden, *(last or [keras.layers.Dense(1)])]


def sequential():
    return keras.Sequential(layers())


def functional():
    inputs = keras.Input([T], dtype="int32")
    x = inputs
    for layer in layers():
        x = layer(x)
    return keras.Model(inputs, x)


def make(network, end_token_id=0, **settings):
    generator = sg.Generator(V, 3, 4, end_token_id=end_token_id, seed=1)
    gan = sg.SeqGAN(generator, network, sg.MonteCarloRollout(2), batch_size=3, discriminator_steps=2, **settings)
    gan.compile()
    return gan


@pytest.mark.parametrize(
    "gan", [lambda: make(sequential(), sequence_length=T), lambda: make(functional())], ids=["Sequential", "functional"]
)
def test_a_network_with_a_column_of_logits_trains_is_saved_and_continues(gan, tmp_path):
    gan = gan()
    before = gan.discriminator.get_weights()
    gan.pretrain_discriminator(DATA, steps=2, verbose=0)
    gan.fit(DATA, steps_per_epoch=1, verbose=0)
    assert differ(before, gan.discriminator.get_weights())
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    for model in (gan, loaded):
        model.fit(DATA, steps_per_epoch=1, verbose=0)
    assert_same(gan.get_weights(), loaded.get_weights())
    assert loaded.discriminator.sequence_length == T


def test_it_is_exported(tmp_path):
    gan = make(sequential(), sequence_length=T)
    served = tf.saved_model.load(str(gan.export(tmp_path / "served")))
    answer = served.signatures["score_tokens"](token_ids=tf.constant(DATA))
    expected = tf.sigmoid(gan.discriminator(DATA))
    np.testing.assert_allclose(answer["real_probability"], expected, rtol=1e-5)


def test_padding_becomes_the_end_token_and_logits_are_those_of_the_network():
    network = sequential()
    gan = make(network, sequence_length=T)
    plain = np.where(DATA == -1, 0, DATA)
    np.testing.assert_array_equal(gan.discriminator(DATA), network(plain)[:, 0])
    np.testing.assert_array_equal(gan.discriminator(DATA[:, :3]), gan.discriminator(DATA))
    other = make(sequential(), sequence_length=T, end_token_id=3)
    assert other.discriminator.padding_id == 3


def test_a_config_round_trip_keeps_the_network():
    judge = NetworkDiscriminator(sequential(), V, T, padding_id=2)
    copy = NetworkDiscriminator.from_config(judge.get_config())
    assert copy.get_config() == judge.get_config()
    copy.set_weights(judge.get_weights())
    np.testing.assert_array_equal(copy(DATA), judge(DATA))


@pytest.mark.parametrize(
    ("network", "settings", "message"),
    [
        (
            sequential,
            {},
            "`sequence_length` must be given for a discriminator without an attribute of this name. "
            "Received: an object of the class Sequential",
        ),
        (
            lambda: keras.Sequential(layers(keras.layers.Dense(2))),
            {"sequence_length": T},
            "`discriminator(token_ids)` must be of shape [B, 1] or [B]. Received: shape (3, 2) for a batch of 3",
        ),
        (
            lambda: keras.Sequential(layers(keras.layers.Dense(1, activation="sigmoid"))),
            {"sequence_length": T},
            "`discriminator` must return logits, so that its last layer needs no activation. Received: a sigmoid",
        ),
        (
            sequential,
            {"sequence_length": T, "vocabulary_size": V + 1},
            f"generator and discriminator must have the same `vocabulary_size`. Received: {V} and {V + 1}",
        ),
        (
            lambda: sg.Discriminator(V, T, widths=[1], filters=[2]),
            {"sequence_length": T + 1},
            f"`sequence_length` must be {T}, that of the discriminator. Received: {T + 1}",
        ),
    ],
)
def test_networks_that_cannot_work_are_refused(network, settings, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        make(network(), **settings)
