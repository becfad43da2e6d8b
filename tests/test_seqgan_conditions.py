"""A conditional SeqGAN as a Keras user trains it: data, logs, samples, saving, and data that are refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conditional import S, T, U, V, data, discriminator, generator, make
from tiny import assert_same, differ

import seqgan_tf as sg
from seqgan_tf.core.validation import InputError

PAIRS = data(11)


def dataset(batch_size=3):
    return tf.data.Dataset.from_tensor_slices(PAIRS).batch(batch_size)


def test_training_learns_what_the_condition_says():
    judge = discriminator(widths=[1, 2, 3], filters=[16, 16, 16])
    model = sg.SeqGAN(generator(initializer_stddev=None), judge, sg.MonteCarloRollout(2), batch_size=32)
    model.compile(keras.optimizers.Adam(0.02), keras.optimizers.Adam(0.02))
    train, held_out = data(640), data(60)
    history = model.pretrain_generator(train, epochs=12, validation_data=held_out, verbose=0).history
    assert history["val_nll"][-1] < 0.3 < 0.7 < history["val_nll"][0]
    nll = sg.negative_log_likelihood(model.generator, held_out)
    assert nll == pytest.approx(model.evaluate(held_out, return_dict=True, verbose=0)["nll"], rel=1e-4)
    assert sg.negative_log_likelihood(model.generator, (np.roll(held_out[0], 1, axis=0), held_out[1])) > nll + 1
    model.pretrain_discriminator(train, steps=300, verbose=0)
    found = model.evaluate(held_out, return_dict=True, verbose=0)
    assert found["mismatched_accuracy"] > 0.7  # chance: 0.5
    assert set(found) == set(model.metrics_names)


def test_a_dataset_of_pairs_and_a_pair_of_arrays_train_alike():
    first, second = make(), make()
    logs = [
        model.fit(given, steps_per_epoch=2, validation_data=given, verbose=0).history
        for model, given in ((first, dataset()), (second, PAIRS))
    ]
    assert {"mismatched_accuracy", "val_mismatched_accuracy", "reward"} <= set(logs[0])
    assert logs[0]["reward"] == logs[1]["reward"]
    assert_same(first.get_weights(), second.get_weights())
    assert differ(first.generator.encoder.get_weights(), make().generator.encoder.get_weights())
    assert differ(first.discriminator.encoder.get_weights(), make().discriminator.encoder.get_weights())
    assert differ(first.generator.get_weights(), first.rollout_policy.get_weights())


@pytest.mark.parametrize(
    "settings", [{"likelihood_steps": 2}, {"generator_steps": 3, "generator_batch_size": 5}, {"mismatched": False}]
)
def test_rounds_of_other_kinds(settings):
    model = make(**settings)
    history = model.fit(PAIRS, steps_per_epoch=1, verbose=0).history
    assert ("mismatched_accuracy" in history) == settings.get("mismatched", True)
    assert ("nll" in history) == ("likelihood_steps" in settings)
    assert all(np.isfinite(values).all() for values in history.values())


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(policy):
    encoders = [sg.SequenceEncoder(U, 3, 4, seed=seed, dtype=policy) for seed in (1, 2)]
    networks = (
        generator(encoder=encoders[0], dtype=policy),
        discriminator(encoder=encoders[1], dtype=policy),
    )
    model = sg.SeqGAN(*networks, sg.MonteCarloRollout(2), batch_size=4, discriminator_steps=2)
    model.compile()
    model.pretrain_generator(PAIRS, verbose=0)
    history = model.fit(PAIRS, steps_per_epoch=1, verbose=0).history
    assert np.isfinite(history["reward"]).all()
    assert model.generate(condition=PAIRS[0], seed=1).shape == (11, T)


def test_a_sample_depends_on_its_seed_and_its_condition_alone():
    model = make()
    whole = model.generate(condition=PAIRS[0], seed=3)
    np.testing.assert_array_equal(model.generate(condition=PAIRS[0], seed=3, batch_size=4), whole)
    np.testing.assert_array_equal(model.generate(condition=PAIRS[0][:5], seed=3), whole[:5])
    other = PAIRS[0].copy()
    other[5:] = (other[5:] + 1) % U
    np.testing.assert_array_equal(model.generate(condition=other, seed=3)[:5], whole[:5])
    assert np.any(model.generate(condition=PAIRS[0], seed=4) != whole)
    beams = model.generate(condition=PAIRS[0], num_beams=3)
    np.testing.assert_array_equal(model.generate(condition=PAIRS[0], num_beams=3, batch_size=4), beams)


def test_a_saved_model_goes_on_as_the_one_that_was_saved(tmp_path):
    model = make()
    model.fit(PAIRS, steps_per_epoch=1, verbose=0)
    model.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    for each in (model, loaded):
        each.fit(PAIRS, steps_per_epoch=2, verbose=0)
    assert_same(model.get_weights(), loaded.get_weights())
    np.testing.assert_array_equal(
        model.generate(condition=PAIRS[0], seed=1), loaded.generate(condition=PAIRS[0], seed=1)
    )


def test_labels_and_dicts_are_conditions_too():
    encoders = [
        sg.ConcatenateEncoder(
            {"label": sg.LabelEncoder(3, 4, seed=1), "source": sg.SequenceEncoder(U, 3, 4, seed=s)}, 5
        )
        for s in (2, 3)
    ]
    networks = generator(encoder=encoders[0]), discriminator(encoder=encoders[1])
    model = sg.SeqGAN(*networks, sg.TerminalReward(), batch_size=4, discriminator_steps=2)
    model.compile()
    condition = {"label": np.arange(11) % 3, "source": PAIRS[0]}
    model.fit((condition, PAIRS[1]), steps_per_epoch=1, verbose=0)
    assert model.generate(condition=condition, seed=1).shape == (11, T)
    found = model.evaluate((condition, PAIRS[1]), return_dict=True, verbose=0)
    assert found["nll"] == pytest.approx(sg.negative_log_likelihood(model.generator, (condition, PAIRS[1])), rel=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model: model.fit(PAIRS[1]), r"`data` must be \(condition, token_ids\), or a .* Received: ndarray"),
        (
            lambda model: model.fit(dataset().map(lambda c, t: t)),
            r"`data` must be \(condition, token_ids\).*TensorSpec",
        ),
        (lambda model: model.fit((PAIRS[0][:4], PAIRS[1])), r"`data` must hold 11 conditions, .* Received: \(4, 6\)"),
        (lambda model: model.fit((PAIRS[0], PAIRS[1] + V)), r"`data` must be in \[0, 5\), the vocabulary"),
        (lambda model: model.generate(5), "`condition` must be given for a network with an encoder. Received: None"),
        (
            lambda model: model.fit(PAIRS, callbacks=[sg.callbacks.SampleMetrics(PAIRS[1])], verbose=0),
            "`condition` must be given for a network with an encoder. Received: None",
        ),
        (lambda model: model.generate(), "`n` must be given, the number of samples. Received: None"),
        (
            lambda model: model.generate(4, condition=PAIRS[0]),
            "`condition` must hold 4 rows, one per sequence. Received: 11",
        ),
        (
            lambda model: model.generate(condition=PAIRS[0], num_beams=0),
            "`num_beams` must be at least 1. Received: 0",
        ),
        (
            lambda model: model.generate(condition=PAIRS[0], num_beams=2, top_k=3),
            "`num_beams` must be 1 for a prompt and for settings of sampling. Received: beam search",
        ),
        (
            lambda model: sg.negative_log_likelihood(model.generator, PAIRS[1]),
            "`condition` must be given for a network with an encoder. Received: None",
        ),
        (
            lambda model: sg.SeqGAN(sg.Generator(V), discriminator(), sg.TerminalReward()),
            "`generator` must have an encoder where the discriminator has one. Received: a generator without one",
        ),
        (
            lambda model: sg.SeqGAN(sg.Generator(V), sg.Discriminator(V, T), sg.TerminalReward()).generate(
                condition=PAIRS[0]
            ),
            "`condition` must be None for a network without an encoder. Received: a condition",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call(make(update_rate=0.0))


def test_a_discriminator_without_an_encoder_judges_the_sequences_alone():
    model = sg.SeqGAN(generator(), discriminator(encoder=None), sg.MonteCarloRollout(2), batch_size=4)
    model.compile()
    assert "mismatched_accuracy" not in model.fit(PAIRS, steps_per_epoch=1, verbose=0).history
    assert model.metrics_names == ["nll", "real_accuracy", "generated_accuracy"]
    assert S != T
