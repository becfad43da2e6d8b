"""The table of figures of samples, and the callback that puts figures into the logs of `fit`."""

import csv

import keras
import numpy as np
import pytest
from tiny import DATA, T, assert_same, make

from seqgan_tf.callbacks import SampleMetrics
from seqgan_tf.metrics.diversity import distinct, ms_jaccard, share_copied
from seqgan_tf.metrics.samples import sample_metrics
from seqgan_tf.metrics.sentence_bleu import bleu, self_bleu


def draw(rng, count, longest):
    """Padded rows of 1 to `longest` tokens of 5; one is as long as can be."""
    rows = rng.integers(0, 5, (count, longest))
    lengths = rng.integers(1, longest + 1, (count, 1))
    lengths[0] = longest
    return np.where(np.arange(longest) < lengths, rows, -1)


# The table


def test_every_figure_is_that_of_its_own_function(rng):
    samples, test = draw(rng, 12, 8), draw(rng, 17, 9)
    training = np.concatenate([np.pad(samples[:3], [[0, 0], [0, 1]], constant_values=-1), draw(rng, 5, 9)])
    found = sample_metrics(samples, test, training)
    single = {"bleu": bleu(samples, test).bleu, "self_bleu": self_bleu(samples).bleu}
    single["ms_jaccard"] = ms_jaccard(samples, test, 5).ms_jaccard
    expected = {f"{name}_{n}": figures[n] for name, figures in single.items() for n in (2, 3, 4, 5)}
    expected |= {"num_samples": 12, "num_test": 17}
    expected |= {f"distinct_{n}": distinct(samples, n).share for n in (1, 2)}
    expected["share_copied"] = share_copied(samples, training).share
    assert found == pytest.approx(expected, rel=1e-12)
    assert found["share_copied"] >= 3 / 12
    assert found == sample_metrics([[t for t in row if t >= 0] for row in samples.tolist()], test, training)


def test_without_training_data_nothing_is_called_copied(rng):
    samples, test = draw(rng, 6, 7), draw(rng, 4, 7)
    whole = sample_metrics(samples, test, test)
    del whole["share_copied"]
    assert sample_metrics(samples, test) == whole


@pytest.mark.parametrize(("longest", "longest_test", "numbers"), [(1, 1, ()), (1, 3, (2, 3)), (4, 2, (2, 3, 4))])
def test_too_short_sequences_give_nan(rng, longest, longest_test, numbers):
    samples, test = draw(rng, 5, longest), draw(rng, 7, longest_test)
    found = sample_metrics(samples, test)
    jaccard = ms_jaccard(samples, test, max(longest, longest_test)).ms_jaccard
    for n in (2, 3, 4, 5):
        assert found[f"ms_jaccard_{n}"] == pytest.approx(jaccard[n] if n in numbers else np.nan, nan_ok=True)
    assert np.isfinite(found["distinct_1"])
    assert np.isnan(found["distinct_2"]) == (longest < 2)


def test_a_handful_of_tokens_has_figures_too():
    found = sample_metrics([[1], [2]], [[1]])
    assert found["bleu_2"] == pytest.approx((1 * 0.1) ** (1 / 2) / 2)  # the first by method 1; the second has no match
    assert found["distinct_1"] == 1.0
    assert np.isnan(found["ms_jaccard_2"])


@pytest.mark.parametrize(
    ("samples", "test", "training", "message"),
    [
        ([], [[1]], None, "`samples` must hold at least one sequence. Received: none"),
        ([[1], [2]], [], None, "`test` must hold at least one sequence. Received: none"),
        ([[1, 2], [2, 3]], [[1, 2]], [], "`training` must hold at least one sequence. Received: none"),
        ([[1], []], [[1]], None, "`samples` must hold sequences of at least one token. Received: an empty one at 1"),
        ([[1, 2]], [[1, 2]], None, "must hold at least 2 sequences for Self-BLEU. Received: 1"),
    ],
)
def test_what_can_not_be_measured_is_refused(samples, test, training, message):
    with pytest.raises(ValueError, match=message):
        sample_metrics(samples, test, training)


# The callback

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


def test_the_figures_of_fresh_samples_join_the_logs(tmp_path):
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
def test_between_measurements_the_last_figure_is_repeated(every, measured):
    later, current = [], [None]
    tell = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: later.append(logs["figure"]))
    epoch = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: current.__setitem__(0, epoch))
    callbacks = [epoch, SampleMetrics({"figure": lambda samples: current[0]}, num_samples=5, every=every), tell]
    history = eager(generator_steps=0).fit(DATA, epochs=5, callbacks=callbacks, **ROUNDS).history
    assert later == history["figure"] == list(measured)


def test_the_keys_of_a_dict_may_be_numbers():
    callbacks = [SampleMetrics({"bleu": lambda samples: {2: 0.5, 0: 0.25}}, num_samples=2)]
    history = eager(generator_steps=0).fit(DATA, epochs=1, callbacks=callbacks, **ROUNDS).history
    assert (history["bleu_2"], history["bleu_0"]) == ([0.5], [0.25])


def test_a_callback_behind_it_can_stop_on_a_figure():
    falling = iter([3.0, 2.0, 2.5, 1.0])
    callbacks = [
        SampleMetrics({"figure": lambda samples: next(falling)}, num_samples=2),
        keras.callbacks.EarlyStopping("figure", mode="min", patience=1),
    ]
    history = eager(generator_steps=0).fit(DATA, epochs=9, callbacks=callbacks, **ROUNDS).history
    assert history["figure"] == [3.0, 2.0, 2.5]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"every": 0}, "`every` must be at least 1. Received: 0"),
        ({"num_samples": 0}, "`num_samples` must be at least 1. Received: 0"),
    ],
)
def test_settings_that_measure_nothing_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        SampleMetrics({}, **settings)
