"""Callbacks of `fit`: samples that are printed, and metrics of samples in the logs."""

import csv

import keras
import numpy as np
import pytest
from tiny import DATA, T, assert_same, make

from seqgan_tf.callbacks import SampleLogger, SampleMetrics
from seqgan_tf.core.validation import InputError

ROUNDS = {"steps_per_epoch": 1, "verbose": 0}


def eager(**settings):
    return make(compiling={"run_eagerly": True}, **settings)


def recorder():
    """A metric that keeps the samples: their mean number of tokens."""
    seen = []

    def length(samples):
        seen.append(samples)
        return np.mean(np.sum(samples >= 0, axis=1))

    return seen, length


class Words:
    """Decodes token ids, as a corpus does."""

    def decode(self, token_ids):
        return [" ".join("abcde"[token] for token in row if token >= 0) for row in token_ids]


def test_samples_are_printed_after_each_epoch(capsys):
    model = eager()
    logger = SampleLogger(Words(), num_samples=3, seed=4, temperature=1.5)
    model.fit(DATA, epochs=2, callbacks=[logger], **ROUNDS)
    first, second = capsys.readouterr().out.split("samples after epoch ")[1:]
    assert first != second.replace("2:", "1:")
    expected = Words().decode(model.generate(3, seed=4, temperature=1.5))
    assert second.splitlines() == ["2:", *[f"  {line}" for line in expected]]


def test_a_logger_without_samples_is_refused():
    with pytest.raises(InputError, match=r"`num_samples` must be at least 1\. Received: 0"):
        SampleLogger(Words(), num_samples=0)


def test_the_metrics_of_new_samples_are_added_to_the_logs(tmp_path):
    model, (seen, length) = eager(), recorder()
    metrics = {"length": length, "of": lambda samples: {"zeros": (samples == 0).sum(), "rows": len(samples)}}
    callbacks = [
        SampleMetrics(metrics, num_samples=20, seed=4, temperature=1.5),
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
    ]
    history = model.fit(DATA, epochs=2, callbacks=callbacks, **ROUNDS).history
    assert [samples.shape for samples in seen] == [(20, T)] * 2
    assert np.any(seen[0] != seen[1])
    np.testing.assert_array_equal(seen[1], model.generate(20, seed=4, temperature=1.5))
    assert history["length"] == [pytest.approx(np.mean(np.sum(samples >= 0, axis=1))) for samples in seen]
    assert history["of_zeros"] == [np.sum(samples == 0) for samples in seen]
    assert history["of_rows"] == [20, 20]
    assert len(history["reward"]) == 2
    with open(tmp_path / "log.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for name in ("length", "of_zeros", "of_rows", "reward"):
        assert [float(row[name]) for row in rows] == pytest.approx(history[name])


def test_measuring_changes_nothing_about_the_training():
    plain, measured = eager(), eager()
    plain.fit(DATA, epochs=2, **ROUNDS)
    measured.fit(DATA, epochs=2, callbacks=[SampleMetrics({"length": recorder()[1]}, num_samples=5)], **ROUNDS)
    assert_same(plain.get_weights(), measured.get_weights())


@pytest.mark.parametrize(("every", "measured"), [(2, (0, 0, 2, 2, 4)), (3, (0, 0, 0, 3, 3)), (9, (0,) * 5)])
def test_between_measurements_the_last_value_is_repeated(every, measured):
    later, current = [], [None]
    tell = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: later.append(logs["value"]))
    epoch = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: current.__setitem__(0, epoch))
    callbacks = [epoch, SampleMetrics({"value": lambda samples: current[0]}, num_samples=5, every=every), tell]
    history = eager(generator_steps=0).fit(DATA, epochs=5, callbacks=callbacks, **ROUNDS).history
    assert later == history["value"] == list(measured)


def test_the_keys_of_a_dict_may_be_numbers():
    callbacks = [SampleMetrics({"bleu": lambda samples: {2: 0.5, 0: 0.25}}, num_samples=2)]
    history = eager(generator_steps=0).fit(DATA, epochs=1, callbacks=callbacks, **ROUNDS).history
    assert (history["bleu_2"], history["bleu_0"]) == ([0.5], [0.25])


def test_a_later_callback_can_stop_on_a_metric():
    falling = iter([3.0, 2.0, 2.5, 1.0])
    callbacks = [
        SampleMetrics({"value": lambda samples: next(falling)}, num_samples=2),
        keras.callbacks.EarlyStopping("value", mode="min", patience=1),
    ]
    history = eager(generator_steps=0).fit(DATA, epochs=9, callbacks=callbacks, **ROUNDS).history
    assert history["value"] == [3.0, 2.0, 2.5]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"every": 0}, "`every` must be at least 1. Received: 0"),
        ({"num_samples": 0}, "`num_samples` must be at least 1. Received: 0"),
    ],
)
def test_settings_that_measure_nothing_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        SampleMetrics({}, **settings)
