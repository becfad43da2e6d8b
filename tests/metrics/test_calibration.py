import math

import numpy as np
import pytest

from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics.calibration import discriminator_health


def log_odds(probabilities):
    p = np.array(probabilities)
    return np.log(p / (1 - p))


@pytest.mark.parametrize(("num_real", "num_generated"), [(13, 7), (1, 9), (40, 40)])
def test_auc_is_the_share_of_pairs_in_order(rng, num_real, num_generated):
    real, generated = rng.integers(-2, 5, num_real), rng.integers(-4, 3, num_generated)
    real[0] = generated[0]  # at least one tie
    pairs = [(r > g) + 0.5 * (r == g) for r in real for g in generated]
    found = discriminator_health(real, generated)
    assert 0.5 in pairs
    assert found.auc == pytest.approx(np.mean(pairs))
    assert discriminator_health(generated, real).auc == pytest.approx(1 - found.auc)
    assert (found.num_real, found.num_generated) == (num_real, num_generated)


# P(real) of 3 real and 4 generated sequences; each class weighs 1/2, so one of them 4/24 and 3/24.
REAL, GENERATED = [0.9, 0.9, 0.3], [0.9, 0.3, 0.3, 0.3]


def test_a_case_worked_by_hand():
    found = discriminator_health(log_odds(REAL), log_odds(GENERATED), num_bins=2)
    assert found.real_accuracy == pytest.approx(2 / 3)
    assert found.generated_accuracy == pytest.approx(3 / 4)
    assert found.auc == pytest.approx((2 * (3 + 0.5) + 3 * 0.5) / 12)
    real = (2 * math.log(0.9) + math.log(0.3)) / 3
    generated = (math.log(0.1) + 3 * math.log(0.7)) / 4
    assert found.log_loss == pytest.approx(-(real + generated) / 2)
    # Upper bin: 2 real and 1 generated one, weight 11/24; lower bin: 1 and 3, weight 13/24.
    np.testing.assert_allclose(found.bins, [(0.3, 4 / 13, 13 / 24), (0.9, 8 / 11, 11 / 24)])
    assert found.calibration_error == pytest.approx(13 / 24 * (4 / 13 - 0.3) + 11 / 24 * (0.9 - 8 / 11))
    assert found.calibration_error == pytest.approx(1 / 12)


@pytest.mark.parametrize("num_bins", [1, 3, 10])
def test_the_calibration_error_against_plain_counting(rng, num_bins):
    real, generated = rng.normal(1, 2, 23), rng.normal(-1, 3, 11)
    rows = [(1 / (1 + math.exp(-x)), 1, 1 / 46) for x in real] + [
        (1 / (1 + math.exp(-x)), 0, 1 / 22) for x in generated
    ]
    error = 0.0
    for i in range(num_bins):
        held = [(p, label, w) for p, label, w in rows if i / num_bins <= p < (i + 1) / num_bins]
        error += abs(sum(w * (label - p) for p, label, w in held))
    found = discriminator_health(real, generated, num_bins)
    assert found.calibration_error == pytest.approx(error)
    assert sum(weight for _, _, weight in found.bins) == pytest.approx(1)


def test_a_constant_probability_of_one_half():
    found = discriminator_health(np.zeros(3), np.zeros(8))
    assert (found.auc, found.real_accuracy, found.generated_accuracy) == (0.5, 0.0, 1.0)  # 0 counts as generated
    assert found.log_loss == pytest.approx(math.log(2))
    assert found.calibration_error == pytest.approx(0)
    np.testing.assert_allclose(found.bins, [(0.5, 0.5, 1.0)])


@pytest.mark.parametrize("logit", [1000.0, np.inf])
def test_certain_logits_do_not_overflow(logit):
    right = discriminator_health([logit, logit], [-logit])
    assert (right.auc, right.real_accuracy, right.generated_accuracy) == (1.0, 1.0, 1.0)
    assert (right.log_loss, right.calibration_error) == (0.0, 0.0)
    wrong = discriminator_health([-logit, -logit], [logit])
    assert (wrong.auc, wrong.real_accuracy, wrong.generated_accuracy) == (0.0, 0.0, 0.0)
    assert wrong.log_loss == pytest.approx(logit)
    assert wrong.calibration_error == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("real", "generated", "message"),
    [
        ([], [1.0], "`real_logits` must hold numbers. Received: none"),
        ([1.0], [], "`generated_logits` must hold numbers. Received: none"),
        ([1.0, np.nan], [1.0], "`real_logits` must hold numbers. Received: NaN"),
        ([1.0], [np.nan], "`generated_logits` must hold numbers. Received: NaN"),
    ],
)
def test_logits_that_are_missing_or_nan_are_refused(real, generated, message):
    with pytest.raises(InputError, match=message):
        discriminator_health(real, generated)


def test_zero_bins_are_refused():
    with pytest.raises(InputError, match=r"`num_bins` must be at least 1. Received: 0"):
        discriminator_health([1.0], [0.0], num_bins=0)
