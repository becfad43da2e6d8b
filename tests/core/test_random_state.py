"""A file of weights keeps the random state of dropout, and files without it are still read."""

import keras
import numpy as np
import pytest
from tiny import DATA, T, V

from seqgan_tf.core.random_state import KEY, random_state
from seqgan_tf.models.conv_discriminator import Discriminator
from seqgan_tf.models.generator import Generator


def networks(seed):
    return [
        Generator(V, 3, 4, dropout=0.4, seed=seed),
        Discriminator(V, T, 3, widths=[1], filters=[4], dropout=0.4, seed=seed),
    ]


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("ending", ["keras", "weights.h5"])
def test_dropout_continues_after_loading(which, ending, tmp_path):
    model, path = networks(1)[which], tmp_path / f"model.{ending}"
    for _ in range(3):
        model(DATA, training=True)
    model.save(path) if ending == "keras" else model.save_weights(path)
    if ending == "keras":
        loaded = keras.saving.load_model(path)
    else:
        loaded = networks(2)[which]
        loaded.load_weights(path)
    for _ in range(2):
        np.testing.assert_array_equal(loaded(DATA, training=True), model(DATA, training=True))


def test_a_file_without_a_random_state_is_read(tmp_path, monkeypatch):
    model, path = networks(1)[0], tmp_path / "old.weights.h5"
    with monkeypatch.context() as old:
        old.setattr(Generator, "save_own_variables", keras.Model.save_own_variables)
        model.save_weights(path)
    loaded = networks(2)[0]
    before = [np.asarray(variable) for variable in random_state(loaded)]
    loaded.load_weights(path)
    np.testing.assert_array_equal(loaded(DATA), model(DATA))
    np.testing.assert_array_equal(before, [np.asarray(variable) for variable in random_state(loaded)])


def test_the_random_state_of_another_number_of_layers_is_left_out():
    store = {}
    Generator(V, 3, 4, num_layers=2, seed=1).save_own_variables(store)
    model = networks(2)[0]
    before = [np.asarray(variable) for variable in random_state(model)]
    model.load_own_variables(store)
    assert len(store[KEY]) != len(before)
    np.testing.assert_array_equal(before, [np.asarray(variable) for variable in random_state(model)])
