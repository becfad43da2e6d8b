"""Padding, masks and means over tokens."""

import re

import numpy as np
import pytest
import tensorflow as tf

from seqgan_tf.core import sequences
from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics.likelihood import sequence_log_likelihoods
from seqgan_tf.models.conv_discriminator import Discriminator
from seqgan_tf.models.generator import Generator


def test_mask_is_one_on_tokens_and_zero_on_padding():
    result = sequences.mask(np.array([[3, 0, 1], [0, -1, -1]]))
    assert result.dtype == tf.float32
    np.testing.assert_array_equal(result, [[1, 1, 1], [1, 0, 0]])


def test_lengths_count_the_tokens():
    result = sequences.lengths(np.array([[3, 0, 1, 2], [0, -1, -1, -1], [-1, -1, -1, -1]]))
    assert result.dtype == tf.int32
    np.testing.assert_array_equal(result, [4, 1, 0])


def test_pad_after_end_keeps_the_first_end_token_and_nothing_after_it():
    token_ids = np.array([[1, 0, 2, 3], [0, 0, 0, 1], [1, 2, 3, 0], [1, 2, 3, 1], [2, 0, 0, 0]])
    expected = [[1, 0, -1, -1], [0, -1, -1, -1], [1, 2, 3, 0], [1, 2, 3, 1], [2, 0, -1, -1]]
    result = sequences.pad_after_end(token_ids, 0)
    assert result.dtype == tf.int32
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(sequences.pad_after_end(result, 0), expected)


def test_without_an_end_token_nothing_is_padded():
    token_ids = np.array([[1, 0, 2], [0, 0, -1]], np.int64)
    result = sequences.pad_after_end(token_ids, None)
    assert result.dtype == tf.int32
    np.testing.assert_array_equal(result, token_ids)


def test_masked_sum_and_mean_ignore_the_values_on_padding():
    values = tf.constant([[1.0, 2.0, np.nan], [4.0, np.inf, np.nan]])
    mask = tf.constant([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    assert float(sequences.masked_sum(values, mask)) == 7.0
    np.testing.assert_array_equal(sequences.masked_sum(values, mask, axis=1), [3.0, 4.0])
    assert float(sequences.masked_mean(values, mask)) == pytest.approx(7 / 3)
    np.testing.assert_array_equal(sequences.masked_mean(values, mask, axis=0), [2.5, 2.0, 0.0])
    np.testing.assert_array_equal(sequences.masked_mean(values, mask, axis=1), [1.5, 4.0])


def test_the_gradient_of_a_masked_mean_is_zero_on_padding():
    values = tf.Variable([[1.0, 2.0, 3.0]])
    with tf.GradientTape() as tape:
        mean = sequences.masked_mean(values, tf.constant([[1.0, 0.0, 1.0]]))
    np.testing.assert_array_equal(tape.gradient(mean, values), [[0.5, 0.0, 0.5]])


def test_an_empty_mask_gives_zero():
    values, mask = tf.constant([[np.nan, 1.0]]), tf.zeros([1, 2])
    assert float(sequences.masked_sum(values, mask)) == 0.0
    assert float(sequences.masked_mean(values, mask)) == 0.0


def test_ids_of_the_vocabulary_and_padding_are_accepted():
    sequences.check_token_ids(np.array([[0, 4, -1]]), 5)
    sequences.check_token_ids(tf.constant([[0, 4, -1]]), 5)


@pytest.mark.parametrize("outside", [5, 99, -2])
@pytest.mark.parametrize("make", [np.array, tf.constant, list])
def test_ids_outside_the_vocabulary_are_refused_by_name(outside, make):
    with pytest.raises(InputError, match=rf"`prompt` must be in \[0, 5\).* -1 for padding. Received: {outside}$"):
        sequences.check_token_ids(make([0, outside, 1]), 5, "prompt")


def test_floats_are_refused():
    with pytest.raises(InputError, match=r"`token_ids` must hold integers\. Received: dtype float64"):
        sequences.check_token_ids(np.array([0.0, 1.0]), 5)


def test_a_graph_under_construction_is_not_checked():
    @tf.function
    def traced(token_ids):
        sequences.check_token_ids(token_ids, 5)
        return token_ids + 1

    np.testing.assert_array_equal(traced(tf.constant([99])), [100])


@pytest.mark.parametrize("row", [[-1, 1, 2, 3], [1, -1, 2, 3], [1, 2, -1, 3]])
def test_padding_before_a_token_is_refused(row):
    token_ids = np.array([[1, 2, 3, 4], row, [-1, -1, -1, -1]])
    message = f"`token_ids` must be padded with -1 at the end of a row alone. Received: row 1, {row}"
    for measure in (
        lambda: sequences.check_token_ids(token_ids, 5),
        lambda: sequence_log_likelihoods(Generator(5, 2, 2), token_ids),
        lambda: Generator(5, 2, 2)(token_ids),
        lambda: Discriminator(5, 4, widths=[1], filters=[1])(token_ids),
    ):
        with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
            measure()


def test_a_long_row_is_cut_in_a_message():
    assert sequences.short(list(range(5))) == "[0, 1, 2, 3, 4]"
    assert sequences.short(list(range(5)), 2) == "[0, 1, ...]"
