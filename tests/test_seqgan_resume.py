"""Training that continues from a file equals training that was never interrupted, bit for bit."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import DATA, T, V

import seqgan_tf as sg
from seqgan_tf.core.validation import InputError

STEPS = 5


def make(seed=1, stride=T, **compiling):
    """Dropout, a lag, momentum, a moving average, three optimizers: all that an inexact resume could get wrong."""
    generator = sg.Generator(V, 3, 4, end_token_id=0, dropout=0.3, initializer_stddev=0.5, seed=seed)
    discriminator = sg.Discriminator(V, T, 3, widths=[1, 2], filters=[3, 2], dropout=0.4, seed=seed)
    estimator, settings = (
        sg.MonteCarloRollout(2, update_rate=0.5, stride=stride),
        {"likelihood_steps": 1, "baseline": "moving_average"},
    )
    gan = sg.SeqGAN(generator, discriminator, estimator, batch_size=3, discriminator_steps=2, **settings)
    # Not compiled into a graph, since tracing would take most of the time of these tests.
    gan.compile(keras.optimizers.Adam(0.05), **({"run_eagerly": True} | compiling))
    return gan


def state(gan):
    parts = (gan, gan.optimizer, gan.pretrain_optimizer, gan.discriminator_optimizer)
    return [np.asarray(variable) for part in parts for variable in part.variables]


def assert_same_state(gan, other):
    for ours, theirs in zip(state(gan), state(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def data():
    """Shuffled, in batches that are no divisor of a round, so that the position in the data counts."""
    return tf.data.Dataset.from_tensor_slices(DATA).shuffle(len(DATA), seed=3).batch(4)


def test_a_model_that_is_saved_and_loaded_trains_as_if_it_were_not(tmp_path):
    gan = make(stride=1)
    gan.pretrain_generator(DATA, epochs=2, verbose=0)
    gan.pretrain_discriminator(DATA, steps=2, verbose=0)
    gan.fit(DATA, steps_per_epoch=2, verbose=0)
    gan.generate(2)  # a number of the stream of its own
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert_same_state(gan, loaded)
    for each in (gan, loaded):
        each.pretrain_generator(DATA, epochs=1, verbose=0)
        each.fit(DATA, steps_per_epoch=2, verbose=0)
    assert_same_state(gan, loaded)
    np.testing.assert_array_equal(gan.generate(9), loaded.generate(9))


class Killed(Exception):
    pass


class KillAfter(keras.callbacks.Callback):
    def __init__(self, steps):
        super().__init__()
        self.left = steps

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            raise Killed


class Logs(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.epochs = {}

    def on_epoch_end(self, epoch, logs=None):
        self.epochs[epoch] = dict(logs)


def fit(gan, *callbacks):
    logs = Logs()
    settings = {"epochs": 3, "steps_per_epoch": STEPS, "validation_data": DATA, "verbose": 0}
    gan.fit(data(), callbacks=[*callbacks, logs], **settings)
    return logs.epochs


@pytest.fixture(scope="module")
def whole():
    gan = make()
    return gan, fit(gan)


@pytest.mark.parametrize(
    ("save_freq", "killed_after", "name"),
    [
        ("epoch", 8, "epoch-1-round-0-of-5"),
        (1, 3, "epoch-0-round-3-of-5"),
        (2, 5, "epoch-0-round-4-of-5"),  # the last round of an epoch, killed before its end
        (3, 14, "epoch-2-round-3-of-5"),
        (1, 5, "epoch-0-round-5-of-5"),
    ],
)
def test_a_backup_is_exact_at_the_end_of_an_epoch_and_inside_one(save_freq, killed_after, name, whole, tmp_path):
    folder = tmp_path / "backup"
    with pytest.raises(Killed):
        fit(make(), sg.callbacks.BackupAndRestore(folder, save_freq), KillAfter(killed_after))
    assert [path.name for path in folder.iterdir()] == [f"{name}.weights.h5"]
    gan = make(seed=9)  # other weights, which the backup replaces
    logs = fit(gan, sg.callbacks.BackupAndRestore(folder, save_freq))
    assert_same_state(gan, whole[0])
    assert logs == {epoch: values for epoch, values in whole[1].items() if epoch in logs}
    assert list(logs) == list(range(int(name[6]), 3))
    assert not list(folder.iterdir())


@pytest.mark.long
def test_a_fit_is_killed_twice_with_several_steps_per_execution(tmp_path):
    whole = make(steps_per_execution=5, run_eagerly=False)
    fit(whole)
    callback = lambda: sg.callbacks.BackupAndRestore(tmp_path, 1)  # noqa: E731
    for killed_after in (1, 3):
        with pytest.raises(Killed):
            fit(make(steps_per_execution=5, run_eagerly=False), callback(), KillAfter(killed_after))
    gan = make(steps_per_execution=5, run_eagerly=False)
    fit(gan, callback())
    assert_same_state(gan, whole)


def test_a_fit_that_follows_one_with_a_backup_begins_at_its_beginning(tmp_path):
    gan = make()
    with pytest.raises(Killed):
        gan.fit(DATA, 2, 2, callbacks=[sg.callbacks.BackupAndRestore(tmp_path, 1), KillAfter(3)], verbose=0)
    gan.fit(DATA, 2, 2, callbacks=[sg.callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)], verbose=0)
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-2-round-0-of-2.weights.h5"]
    assert len(gan.fit(DATA, 2, 2, verbose=0).epoch) == 2
    done = gan.fit(DATA, 2, 2, callbacks=[sg.callbacks.BackupAndRestore(tmp_path)], verbose=0)
    assert done.epoch == []  # all of it was done before


def test_backups_that_do_not_fit_are_refused(tmp_path):
    gan = make()
    path = tmp_path / "epoch-0-round-1-of-2.weights.h5"
    fit_two = lambda: gan.fit(DATA, 1, 2, callbacks=[sg.callbacks.BackupAndRestore(tmp_path)], verbose=0)  # noqa: E731
    path.write_bytes(b"no weights")
    expected = f"{path}: expected a backup of this model. Received: a damaged file, or one of another model"
    with pytest.raises(InputError, match=f"^{re.escape(expected)}$"):
        fit_two()
    sg.Generator(V).save_weights(path)
    with pytest.raises(InputError, match=f"^{re.escape(expected)}$"):
        fit_two()
    path.rename(tmp_path / "epoch-0-round-1-of-3.weights.h5")
    with pytest.raises(InputError, match=r"expected a backup of epochs of 2 rounds\. Received: epochs of 3$"):
        fit_two()


@pytest.mark.parametrize(
    ("save_freq", "message"),
    [
        ("batch", "`save_freq` must be 'epoch' or a number of rounds. Received: 'batch'"),
        (0, "`save_freq` must be at least 1. Received: 0"),
        (1.5, "`save_freq` must be an int. Received: 1.5"),
    ],
)
def test_other_frequencies_are_refused(save_freq, message, tmp_path):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        sg.callbacks.BackupAndRestore(tmp_path, save_freq)


def test_the_phases_before_fit_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"^`BackupAndRestore` must be a callback of `fit` of a `SeqGAN`\. Received: "):
        make().pretrain_generator(DATA, callbacks=[sg.callbacks.BackupAndRestore(tmp_path)], verbose=0)
