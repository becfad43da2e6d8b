"""`fit` of a SeqGAN: rounds and epochs, Keras callbacks, saving, and data that are refused."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import DATA, T, V, assert_same, differ, make

from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics.likelihood import negative_log_likelihood
from seqgan_tf.models.conv_discriminator import Discriminator
from seqgan_tf.models.generator import Generator
from seqgan_tf.rewards.rollout import MonteCarloRollout
from seqgan_tf.seqgan import SeqGAN


@keras.saving.register_keras_serializable("tests")
class Spy(SeqGAN):
    """Trains nothing: it records the data of the rounds, and reports 1, 2, 3, ... as the reward."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.received = []

    def adversarial_round(self, data):
        self.received.append(data.numpy())
        return {"reward": tf.constant(float(len(self.received)))}


def spy():
    return make(Spy, compiling={"run_eagerly": True})


# Rounds and epochs


def run(seed, **compiling):
    model = make(update_rate=0.5, seed=seed, compiling=compiling)
    model.fit(DATA, steps_per_epoch=2, verbose=0)
    assert int(model.optimizer.iterations) == 2
    assert int(model.discriminator_optimizer.iterations) == 4
    return model


def test_a_seed_reproduces_the_run():
    first, again = (run(1, steps_per_execution=2) for _ in range(2))
    assert_same(first.get_weights(), again.get_weights())
    np.testing.assert_array_equal(first.generate(5), again.generate(5))


def test_another_seed_gives_another_run():
    first, other = (run(seed, run_eagerly=True) for seed in (1, 2))
    assert differ(first.generator.get_weights(), other.generator.get_weights())
    assert differ(first.discriminator.get_weights(), other.discriminator.get_weights())


@pytest.mark.parametrize(
    ("data", "steps_per_epoch", "rounds"),
    [
        (DATA, None, 2),  # 11 sequences in rounds of 2 * 3
        (tf.data.Dataset.from_tensor_slices(DATA).batch(4), None, 2),
        (tf.data.Dataset.from_tensor_slices(DATA[:6]).batch(6), None, 1),
        (DATA, 5, 5),
    ],
)
def test_an_epoch_has_the_rounds_of_one_pass(data, steps_per_epoch, rounds):
    model = spy()
    model.fit(data, epochs=3, steps_per_epoch=steps_per_epoch, verbose=0)
    assert [batch.shape for batch in model.received] == [(6, T)] * (3 * rounds)


@pytest.mark.parametrize("batch", [3, 4, 11])
def test_every_sequence_is_read_equally_often(batch):
    model = spy()
    model.fit(tf.data.Dataset.from_tensor_slices(DATA).batch(batch), epochs=11, verbose=0)
    counts = collections.Counter(map(tuple, np.concatenate(model.received).tolist()))
    assert counts == {tuple(row): 12 for row in DATA.tolist()}  # 11 epochs of 2 rounds of 6: 132 sequences


def test_everything_after_an_end_token_is_padding():
    tail = DATA.copy()
    tail[:, 3] = np.arange(11) % 5
    for data in (tail, tail.astype(np.int64), tf.data.Dataset.from_tensor_slices(tail).batch(4)):
        model = spy()
        history = model.fit(data, validation_data=data, verbose=0).history
        np.testing.assert_array_equal(np.concatenate(model.received)[:11], DATA)
        assert history["val_nll"][0] == pytest.approx(negative_log_likelihood(model.generator, DATA), rel=1e-5)


def test_logs_are_means_over_the_epoch():
    rows = np.array([[1, 2, 3, 4], [4, 0, -1, -1], [0, -1, -1, -1]], np.int32)  # batches of 6 and of 1 tokens
    model = spy()
    validation = tf.data.Dataset.from_tensor_slices(rows).batch(2)
    history = model.fit(DATA, epochs=2, steps_per_epoch=3, validation_data=validation, verbose=0).history
    assert history["reward"] == [2.0, 5.0]  # of 1, 2, 3 and of 4, 5, 6
    np.testing.assert_allclose(history["val_nll"], negative_log_likelihood(model.generator, rows), rtol=1e-5)
    real = np.mean(model.discriminator(rows) > 0)
    np.testing.assert_allclose(history["val_real_accuracy"], real, rtol=1e-5)


@pytest.mark.parametrize(
    "settings", [{"compiling": {"run_eagerly": True}, "generator_steps": 3}, {"dtype": "mixed_bfloat16"}]
)
def test_a_round_runs_under_each_setting(settings):
    model = make(**settings)
    before = model.get_weights()
    history = model.fit(DATA, steps_per_epoch=1, validation_data=DATA, verbose=0).history
    assert {"reward", "generator_loss", "discriminator_loss", "val_nll"} <= set(history)
    assert all(np.isfinite(values).all() for values in history.values())
    assert differ(before, model.get_weights())
    assert int(model.optimizer.iterations) == model.generator_steps


def test_a_round_runs_under_xla():
    generator, discriminator = Generator(3, 2, 2, seed=1), Discriminator(3, 2, 2, widths=[1], filters=[2], seed=1)
    model = SeqGAN(generator, discriminator, MonteCarloRollout(stride=2), batch_size=8, discriminator_steps=1)
    model.compile(generator_optimizer="sgd", discriminator_optimizer="sgd", jit_compile=True)
    before = generator.get_weights()
    history = model.fit(np.zeros((8, 2), np.int32), verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    assert differ(before, generator.get_weights())


def test_keras_callbacks_work(tmp_path):
    model = spy()
    callbacks = [
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.EarlyStopping("val_nll", mode="min", patience=1),
        keras.callbacks.ModelCheckpoint(tmp_path / "best.weights.h5", "val_nll", mode="min", save_weights_only=True),
        keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras"),
    ]
    history = model.fit(DATA, epochs=9, validation_data=DATA[:3], callbacks=callbacks, verbose=0).history
    assert len(history["val_nll"]) == 2  # nothing is trained, so the validation metric does not improve
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines[0] == "epoch,reward,val_generated_accuracy,val_nll,val_real_accuracy"
    assert len(lines) == 3
    assert (tmp_path / "2.keras").exists()
    fresh = spy()
    fresh.generator.set_weights([w + 1 for w in fresh.generator.get_weights()])
    fresh.load_weights(tmp_path / "best.weights.h5")
    assert_same(fresh.get_weights(), model.get_weights())


def test_learning_rate_callbacks_act_on_the_generator_optimizer():
    model = make(compiling={"run_eagerly": True})
    generator, discriminator = model.generator.get_weights(), model.discriminator.get_weights()
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: 0.0)
    model.fit(DATA, steps_per_epoch=1, callbacks=[schedule], verbose=0)
    assert_same(generator, model.generator.get_weights())
    assert differ(discriminator, model.discriminator.get_weights())


def test_a_saved_model_continues_where_it_stopped(tmp_path):
    compiling = {"pretrain_optimizer": keras.optimizers.SGD(0.3, momentum=0.5), "run_eagerly": True}
    model = make(update_rate=0.5, compiling=compiling, baseline="moving_average", entropy_weight=0.1)
    model.fit(DATA, steps_per_epoch=1, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    assert_same(loaded.get_weights(), model.get_weights())
    for name, iterations in (("optimizer", 1), ("discriminator_optimizer", 2), ("pretrain_optimizer", 0)):
        theirs, ours = getattr(loaded, name), getattr(model, name)
        assert int(theirs.iterations) == iterations
        assert theirs.get_config() == ours.get_config()
        assert_same([v.numpy() for v in theirs.variables], [v.numpy() for v in ours.variables])
    np.testing.assert_array_equal(loaded.generate(5, seed=1), model.generate(5, seed=1))
    np.testing.assert_array_equal(loaded.generate(5), model.generate(5))  # the model's own stream


# Errors


def training_methods(model):
    return (model.fit, model.pretrain_generator, lambda data: model.pretrain_discriminator(data, 1))


def test_training_before_compile_is_refused():
    model = SeqGAN(Generator(V), Discriminator(V, T, widths=[1], filters=[1]), MonteCarloRollout(), batch_size=2)
    for method in (*training_methods(model), model.evaluate):
        with pytest.raises(InputError, match=r"^Call `compile\(generator_optimizer=.*\)` first$"):
            method(DATA)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.full((6, T), V), r"`data` must be in \[0, 5\), the vocabulary.* Received: 5"),
        (np.zeros((6, T)), "`data` must hold integers. Received: dtype float64"),
        (np.zeros((6, T + 1), int), r"`data` must be of shape \[batch, 4\]. Received: \(6, 5\)"),
        (np.zeros(T, int), r"`data` must be of shape \[batch, 4\]. Received: \(4,\)"),
        (tf.data.Dataset.from_tensor_slices(DATA), r"`data` must be of shape \[batch, 4\]. Received: \(4,\)"),
        (tf.data.Dataset.from_tensors(np.zeros((6, T))), r"`data` must be a dataset of int token ids \[B, T\]"),
        (tf.data.Dataset.from_tensors((DATA, DATA)), r"`data` must be a dataset of int token ids \[B, T\]"),
    ],
)
def test_invalid_data_are_refused_by_name(data, message):
    for train in training_methods(make()):
        with pytest.raises(InputError, match=message):
            train(data)


def test_a_dataset_is_checked_when_it_is_read():
    wrong = tf.data.Dataset.from_tensors(np.full((6, T), V, np.int32))
    for train in training_methods(make(compiling={"run_eagerly": True})):
        with pytest.raises(InputError, match=r"^`data` must hold token ids in \[0, 5\), the .* Received: 5$"):
            train(wrong)
    with pytest.raises(InputError, match="`validation_data` must be in"):
        make().fit(DATA, validation_data=np.full((6, T), V))


@pytest.mark.parametrize("steps", [0, -1])
def test_steps_below_one_are_refused(steps):
    model = make()
    with pytest.raises(InputError, match=f"`steps` must be at least 1. Received: {steps}"):
        model.pretrain_discriminator(DATA, steps=steps)
    with pytest.raises(InputError, match=f"`steps_per_epoch` must be at least 1. Received: {steps}"):
        model.fit(DATA, steps_per_epoch=steps)


def test_an_infinite_dataset_needs_steps_per_epoch():
    endless = tf.data.Dataset.from_tensor_slices(DATA).batch(4).repeat()
    with pytest.raises(InputError, match="`steps_per_epoch` must be given for a dataset without end"):
        make().fit(endless)
    assert len(make().fit(endless, steps_per_epoch=1, verbose=0).history["reward"]) == 1


def test_empty_data_are_refused():
    with pytest.raises(InputError, match=r"`data` must hold at least one sequence. Received: shape \(0, 4\)"):
        make().fit(np.zeros([0, T], int))


def test_each_batch_of_an_evaluation_has_samples_of_its_own_which_the_next_one_has_again(monkeypatch):
    drawn = []

    sample = SeqGAN._sample

    def recorded(self, *arguments):
        drawn.append(sample(self, *arguments).numpy())
        return tf.constant(drawn[-1])

    monkeypatch.setattr(SeqGAN, "_sample", recorded)
    model = make(compiling={"run_eagerly": True})
    first, again = (model.evaluate(np.tile(DATA, [4, 1]), verbose=0) for _ in range(2))
    assert first == again
    half = len(drawn) // 2
    assert half >= 3
    assert_same(drawn[:half], drawn[half:])
    assert all(np.any(drawn[0][: len(other)] != other[: len(drawn[0])]) for other in drawn[1:half])


def test_evaluate_takes_the_same_data_as_fit():
    model, tail = make(), DATA.copy()
    tail[:, 3] = np.arange(11) % 5  # after the end token, so it becomes padding
    logs = model.evaluate(tail, return_dict=True, verbose=0)
    assert logs["nll"] == pytest.approx(negative_log_likelihood(model.generator, DATA), rel=1e-5)
    with pytest.raises(InputError, match=r"`x` must be in \[0, 5\), the vocabulary"):
        model.evaluate(np.full((6, T), V))
