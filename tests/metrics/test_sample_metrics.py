"""All metrics of samples in one dict."""

import numpy as np
import pytest

from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics.diversity import distinct, ms_jaccard, share_copied
from seqgan_tf.metrics.samples import sample_metrics
from seqgan_tf.metrics.sentence_bleu import bleu, self_bleu


def draw(rng, count, longest):
    """Padded rows of 1 to `longest` tokens of 5; one is as long as can be."""
    rows = rng.integers(0, 5, (count, longest))
    lengths = rng.integers(1, longest + 1, (count, 1))
    lengths[0] = longest
    return np.where(np.arange(longest) < lengths, rows, -1)


# The dict


def test_every_metric_is_that_of_its_own_function(rng):
    samples, test = draw(rng, 12, 8), draw(rng, 17, 9)
    training = np.concatenate([np.pad(samples[:3], [[0, 0], [0, 1]], constant_values=-1), draw(rng, 5, 9)])
    found = sample_metrics(samples, test, training)
    single = {"bleu": bleu(samples, test).bleu, "self_bleu": self_bleu(samples).bleu}
    single["ms_jaccard"] = ms_jaccard(samples, test, 5).ms_jaccard
    expected = {f"{name}_{n}": values[n] for name, values in single.items() for n in (2, 3, 4, 5)}
    expected |= {"num_samples": 12, "num_test": 17}
    expected |= {f"distinct_{n}": distinct(samples, n).share for n in (1, 2)}
    expected["share_copied"] = share_copied(samples, training).share
    assert found == pytest.approx(expected, rel=1e-12)
    assert found["share_copied"] >= 3 / 12
    assert found == sample_metrics([[t for t in row if t >= 0] for row in samples.tolist()], test, training)


def test_without_training_data_there_is_no_share_of_copies(rng):
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


def test_very_few_tokens_have_metrics_too():
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
def test_invalid_sequences_are_refused(samples, test, training, message):
    with pytest.raises(InputError, match=message):
        sample_metrics(samples, test, training)
