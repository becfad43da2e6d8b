"""Metrics of tunes, compared with SciPy and with slow counts."""

from collections import Counter

import numpy as np
import pytest
import tiny_music
from scipy.spatial.distance import jensenshannon
from tiny_music import add_track, score, symusic

from seqgan_tf import metrics
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.tunes import Tune
from seqgan_tf.metrics.metric import METRICS


def random_tunes(rng, count, low=40, high=90):
    """Tunes of different numbers of notes; some with drums, some without any notes."""
    found = []
    for number in range(count):
        size = int(rng.integers(1, 30))
        times = 8 * rng.random(size)
        one = score(
            [
                (float(t), float(rng.choice([0.25, 0.5, 1, 3])), int(p))
                for t, p in zip(times, rng.integers(low, high, size), strict=True)
            ]
        )
        if number % 3 == 0:
            add_track(one, [(2, 0.125, 36)], is_drum=True)
        found.append(Tune.of(one, num_bars=4))
    return [*found, Tune.of(symusic.Score(96)), Tune.of(tiny_music.drums())]


def test_the_scale_consistency_is_the_mean_of_the_best_scales(rng):
    tunes = random_tunes(rng, 7)
    best = []
    for tune in tunes:
        pitches = [int(p) for p, is_drum in zip(tune.pitches, tune.is_drum, strict=True) if not is_drum]
        scales = [{(root + step) % 12 for step in (0, 2, 4, 5, 7, 9, 11)} for root in range(12)]
        if pitches:
            best.append(max(sum(p % 12 in scale for p in pitches) / len(pitches) for scale in scales))
    assert len(best) == 7
    assert metrics.scale_consistency(tunes) == pytest.approx(np.mean(best))


def test_the_distances_are_those_of_scipy(rng):
    some, others = random_tunes(rng, 5), random_tunes(rng, 8, low=60, high=67)

    def counts(tunes, key):
        return Counter(
            key(tune, i) for tune in tunes for i in range(len(tune.pitches)) if key is duration or not tune.is_drum[i]
        )

    def pitch_class(tune, i):
        return int(tune.pitches[i]) % 12

    def duration(tune, i):
        return round(float(tune.durations[i]), 4)

    for function, key in ((metrics.pitch_class_distance, pitch_class), (metrics.duration_distance, duration)):
        one, two = counts(some, key), counts(others, key)
        values = sorted({*one, *two})
        expected = jensenshannon([one[v] for v in values], [two[v] for v in values], base=2)
        assert function(some, others) == pytest.approx(expected, abs=1e-9)
        assert function(some, some) == 0


def test_sets_that_share_nothing_are_at_distance_1():
    c, d = (Tune.of(score([(0, length, pitch)])) for length, pitch in ((1, 60), (2, 62)))
    assert metrics.pitch_class_distance([c], [d]) == pytest.approx(1)
    assert metrics.duration_distance([c], [d]) == pytest.approx(1)
    octave = Tune.of(score([(0, 1, 72)]))
    assert metrics.pitch_class_distance([c], [octave]) == 0


def test_a_bar_is_empty_if_no_note_sounds_in_it():
    one = Tune.of(score([(0, 1, 60), (9, 7.5, 62)]), num_bars=6)  # sounds in bars 1, 3, 4 and 5 of 6
    held = Tune.of(score([(0, 4, 60)]), num_bars=2)  # ends at the bar line
    waltz = Tune.of(score([(4, 1, 60)], signature=(3, 4)))
    assert metrics.empty_bar_rate([one]) == pytest.approx(2 / 6)
    assert metrics.empty_bar_rate([held]) == pytest.approx(1 / 2)
    assert metrics.empty_bar_rate([waltz]) == pytest.approx(1 / 2)
    assert metrics.empty_bar_rate([one, held, waltz]) == pytest.approx(4 / 10)
    assert metrics.empty_bar_rate([Tune.of(tiny_music.drums())]) == 0


def test_the_empty_bars_of_many_tunes_are_those_of_a_slow_count(rng):
    tunes = random_tunes(rng, 9)
    empty = total = 0
    for tune in tunes:
        for begin, end in zip(tune.bars, tune.bars[1:], strict=False):
            sounds = [s < end - 1e-6 and s + d > begin + 1e-6 for s, d in zip(tune.starts, tune.durations, strict=True)]
            empty += not any(sounds)
            total += 1
    assert 0 < empty < total
    assert metrics.empty_bar_rate(tunes) == pytest.approx(empty / total)


def test_without_notes_or_bars_there_is_nothing_to_measure():
    silent, steps = Tune.of(symusic.Score(96)), Tune(*(np.zeros(0, int),) * 3, np.zeros(0, bool), None)
    found = metrics.music_metrics([silent, steps], [silent])
    assert found == pytest.approx(
        {
            "scale_consistency": np.nan,
            "pitch_class_distance": np.nan,
            "duration_distance": np.nan,
            "empty_bar_rate": 1.0,
        },
        nan_ok=True,
    )
    assert np.isnan(metrics.empty_bar_rate([steps]))


def test_the_metrics_are_in_the_catalogue_with_their_directions(rng):
    real = [Tune.of(tiny_music.tune(number)) for number in range(6)]
    like_real = [Tune.of(tiny_music.tune(number)) for number in range(6, 12)]
    better, worse = (metrics.music_metrics(tunes, real) for tunes in (like_real, random_tunes(rng, 6)))
    assert set(better) <= set(METRICS)
    for key in ("scale_consistency", "pitch_class_distance", "duration_distance"):
        assert METRICS[key].gain(better[key] - worse[key]) > 0
    assert METRICS["empty_bar_rate"].direction == "none"


@pytest.mark.parametrize("name", ["scale_consistency", "empty_bar_rate"])
def test_no_tunes_are_refused(name):
    with pytest.raises(InputError, match=r"^`tunes` must hold at least one tune. Received: none$"):
        getattr(metrics, name)([])


def test_no_real_tunes_are_refused():
    with pytest.raises(InputError, match=r"^`real` must hold at least one tune. Received: none$"):
        metrics.pitch_class_distance([Tune.of(tiny_music.tune(1))], [])
