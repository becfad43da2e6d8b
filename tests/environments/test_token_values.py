"""The values of beginnings against enumeration of all completions, and against plain formulas."""

import conditional
import exact
import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny

import seqgan_tf as sg
from seqgan_tf.core.validation import InputError
from seqgan_tf.environments.token_values import OracleValues, RolloutValues, WholeValues

BEGINNINGS = np.array([[3, -1, -1, -1], [2, 4, -1, -1], [1, 1, 2, -1], [4, 0, -1, -1], [2, 3, 1, 4]], np.int32)


def draws(seed=7, token_ids=BEGINNINGS):
    return np.stack([np.full(len(token_ids), seed), (token_ids >= 0).sum(axis=1)], axis=1)


def expected_value(gan, beginning, value):
    """The mean value of all completions of a beginning, each with its probability: plain loops."""
    given = beginning[beginning >= 0]
    everything = exact.all_sequences(tiny.V, tiny.T, end_token_id=0)
    fitting = everything[(everything[:, : len(given)] == given).all(axis=1)]
    weights = exact.sequence_probabilities(gan.generator, fitting)
    return float(np.sum(weights / weights.sum() * value(fitting)))


def test_the_value_of_a_whole_sequence_is_its_reward():
    gan, whole = tiny.make(), np.array([[2, 3, 1, 4], [4, 0, -1, -1], [1, 1, 1, 0]])
    logits = gan.discriminator(whole).numpy()
    found = WholeValues(gan, sg.LogOdds(clip=0.01))(whole, draws(token_ids=whole))
    np.testing.assert_allclose(found, np.clip(logits, -0.01, 0.01), atol=1e-6)
    found = WholeValues(gan, sg.Probability())(whole, draws(token_ids=whole))
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-logits)), atol=1e-6)


def test_the_value_of_a_beginning_is_the_mean_over_its_completions():
    gan = tiny.make()
    gan.discriminator.set_weights([4 * weight for weight in gan.discriminator.get_weights()])
    found = RolloutValues(gan, sg.Probability(), 2000)(BEGINNINGS, draws())
    value = lambda rows: 1 / (1 + np.exp(-gan.discriminator(rows).numpy()))  # noqa: E731
    expected = [expected_value(gan, row, value) for row in BEGINNINGS]
    assert np.ptp(expected) > 0.05  # else a wrong row would not be noticed
    np.testing.assert_allclose(found[:3], expected[:3], atol=0.01)
    np.testing.assert_allclose(found[3:], expected[3:], atol=1e-4)  # whole ones have no other completion


def test_roll_outs_depend_on_the_seed_of_the_row_and_its_length_alone():
    gan = tiny.make()
    values = RolloutValues(gan, sg.LogOdds(), 3)
    together = values(BEGINNINGS, draws())
    alone = [values(BEGINNINGS[row : row + 1], draws()[row : row + 1])[0] for row in range(len(BEGINNINGS))]
    np.testing.assert_allclose(together, alone, atol=1e-6)
    other = values(BEGINNINGS, draws(seed=8))
    assert np.all(other[:2] != together[:2])
    np.testing.assert_allclose(other[3:], together[3:], atol=1e-6)


def test_the_value_under_an_oracle_is_the_log_likelihood_of_the_tokens():
    oracle = sg.Oracle(tiny.V, 3, 4, seed=2)
    found = OracleValues(oracle)(BEGINNINGS, draws())
    np.testing.assert_allclose(found, np.log(exact.sequence_probabilities(oracle, BEGINNINGS)), rtol=1e-5)


def test_each_row_is_valued_given_its_own_condition():
    gan = conditional.make()
    token_ids = np.array([[1, 2, -1, -1], [3, 3, 1, 2], [4, -1, -1, -1]])
    for values in (WholeValues(gan, sg.LogOdds()), RolloutValues(gan, sg.LogOdds(), 2)):
        together = values(token_ids, draws(token_ids=token_ids), conditional.SOURCES)
        alone = [
            values(token_ids[[row]], draws(token_ids=token_ids[[row]]), conditional.SOURCES[[row]])[0]
            for row in range(3)
        ]
        np.testing.assert_allclose(together, alone, atol=1e-5)
        assert np.all(
            values(token_ids, draws(token_ids=token_ids), conditional.SOURCES[::-1])[[0, 2]] != together[[0, 2]]
        )


def test_values_follow_the_weights_of_the_model():
    gan = tiny.make()
    values = WholeValues(gan, sg.LogOdds())
    before = values(BEGINNINGS[-1:], draws()[-1:])
    gan.discriminator.set_weights([2 * weight for weight in gan.discriminator.get_weights()])
    after = values(BEGINNINGS[-1:], draws()[-1:])
    assert after != before
    np.testing.assert_allclose(after, gan.discriminator(BEGINNINGS[-1:]).numpy(), atol=1e-6)


def test_the_error_of_an_objective_is_its_own():
    def broken(completions, **columns):
        raise KeyError("no such word")

    objective = sg.Objective(broken, lambda ids: [str(row) for row in ids])
    with pytest.raises(InputError, match="broken") as raised:
        WholeValues(tiny.make(), objective)(BEGINNINGS[-1:], draws()[-1:])
    assert isinstance(raised.value.__cause__, KeyError)


def test_under_mixed_precision_values_are_near_those_in_float32():
    whole = tf.constant(BEGINNINGS[-1:])
    half = tiny.make(dtype=keras.DTypePolicy("mixed_bfloat16"))
    found = WholeValues(half, sg.LogOdds())(whole, draws()[-1:])
    np.testing.assert_allclose(found, tiny.make().discriminator(whole).numpy(), atol=0.02)
