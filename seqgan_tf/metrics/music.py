"""Metrics of generated tunes: scales, pitch classes, durations and bars. NaN where there is nothing to measure."""

from collections.abc import Callable, Sequence

import numpy as np

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.tunes import Tune

PRECISION = 96
"""Durations are compared in 96ths of a quarter note."""


def scale_consistency(tunes: Sequence[Tune]) -> float:
    """The largest share of the notes of a tune in one major scale, mean over tunes (Mogren, 2016, "C-RNN-GAN").

    Natural minor scales have the notes of major scales. Drums are left out, and so are tunes without other notes.

    Args:
        tunes: the tunes, such as `corpus.tokenizer.tunes(token_ids)`.

    Returns:
        The mean, in [7/12, 1] for many notes; random pitches have about 0.6.

    Raises:
        InputError: there is no tune.
    """
    best = [tune.scale_shares().max() for tune in _checked(tunes, "tunes") if len(tune.melodic)]
    return float(np.mean(best)) if best else float("nan")


def pitch_class_distance(tunes: Sequence[Tune], real: Sequence[Tune]) -> float:
    """Jensen-Shannon distance between the pitch classes (C, C#, ..., B) of all notes of two sets of tunes.

    The distance of two histograms p and q is sqrt((KL(p||m) + KL(q||m)) / 2) with m = (p + q) / 2 and logarithms to
    base 2 (Endres and Schindelin, 2003): 0 for equal ones, 1 for those that share nothing. Drums are left out.

    Args:
        tunes: generated tunes.
        real: real tunes.

    Raises:
        InputError: there is no tune.
    """
    return _distance(tunes, real, lambda tune: tune.melodic % 12)


def duration_distance(tunes: Sequence[Tune], real: Sequence[Tune]) -> float:
    """Jensen-Shannon distance between the durations of all notes of two sets of tunes, in quarter notes.

    Durations are compared in 96ths of a quarter note. For the distance see `pitch_class_distance`.

    Args:
        tunes: generated tunes.
        real: real tunes.

    Raises:
        InputError: there is no tune.
    """
    return _distance(tunes, real, lambda tune: np.round(tune.durations * PRECISION).astype(int))


def empty_bar_rate(tunes: Sequence[Tune]) -> float:
    """Share of bars in which no note sounds, of all bars of the tunes (Dong et al., 2018, "MuseGAN": empty bars, EB).

    A note that began in an earlier bar counts. Drums count.

    Args:
        tunes: the tunes; those without bars are left out.

    Raises:
        InputError: there is no tune.
    """
    empty = [_empty_bars(tune) for tune in _checked(tunes, "tunes") if tune.bars is not None]
    return float(np.mean(np.concatenate(empty))) if empty else float("nan")


def music_metrics(tunes: Sequence[Tune], real: Sequence[Tune]) -> dict[str, float]:
    """All metrics of this module.

    Compare them with the same metrics of real tunes: `music_metrics(some_training_tunes, held_out_tunes)`.

    Args:
        tunes: generated tunes, such as `corpus.tokenizer.tunes(gan.generate(500))`.
        real: real tunes that were not used in training.

    Returns:
        Numbers by the keys of `METRICS`: "scale_consistency", "pitch_class_distance", "duration_distance" and
        "empty_bar_rate". NaN where no tune has notes, or bars.

    Raises:
        InputError: there is no tune.
    """
    return {
        "scale_consistency": scale_consistency(tunes),
        "pitch_class_distance": pitch_class_distance(tunes, real),
        "duration_distance": duration_distance(tunes, real),
        "empty_bar_rate": empty_bar_rate(tunes),
    }


def _checked(tunes: Sequence[Tune], name: str) -> Sequence[Tune]:
    if not len(tunes):
        raise InputError(f"`{name}` must hold at least one tune. Received: none")
    return tunes


def _distance(tunes: Sequence[Tune], real: Sequence[Tune], values: Callable[[Tune], np.ndarray]) -> float:
    """Jensen-Shannon distance, base 2, between the histograms of the values of two sets of tunes."""
    sets = [
        np.concatenate([values(tune) for tune in _checked(part, name)])
        for part, name in ((tunes, "tunes"), (real, "real"))
    ]
    if not all(map(len, sets)):
        return float("nan")
    size = 1 + max(int(part.max()) for part in sets)
    p, q = (np.bincount(part, minlength=size) / len(part) for part in sets)
    middle = (p + q) / 2
    divergence = 0.0
    for share in (p, q):
        inside = share > 0
        divergence += float(np.sum(share[inside] * np.log2(share[inside] / middle[inside]))) / 2
    return float(np.sqrt(max(divergence, 0.0)))


def _empty_bars(tune: Tune) -> np.ndarray:
    """Whether no note sounds in each bar of a tune: bool [bars]."""
    assert tune.bars is not None
    sounding = np.zeros(tune.num_bars, int)
    first = np.searchsorted(tune.bars, tune.starts + 1e-6) - 1
    last = np.minimum(np.searchsorted(tune.bars, tune.starts + tune.durations - 1e-6) - 1, tune.num_bars - 1)
    for begin, end in zip(first.tolist(), last.tolist(), strict=True):
        sounding[begin : end + 1] += 1
    return sounding == 0
