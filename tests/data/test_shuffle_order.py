"""The order of a shuffle is that of TensorFlow."""

import numpy as np
import pytest
import tensorflow as tf

from seqgan_tf.data.shuffle_order import ShuffleOrder


@pytest.mark.parametrize("size", [1, 2, 10, 3_000, 70_000])
@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1, -5])
def test_each_pass_has_the_order_of_tensorflow(size, seed):
    order = ShuffleOrder(size, *tf.compat.v1.get_seed(seed))
    dataset = tf.data.Dataset.range(size).shuffle(size, seed=seed).batch(1_000)
    for _ in range(3):
        expected = np.concatenate([part.numpy() for part in dataset])
        assert np.array_equal(np.concatenate(list(order.next_pass(7))), expected)


def test_a_pass_that_is_not_finished_leaves_the_next_pass_as_it_is():
    first, second = (ShuffleOrder(50, 1, 2) for _ in range(2))
    next(first.next_pass(8))
    list(second.next_pass(8))
    assert [part.tolist() for part in first.next_pass(8)] == [part.tolist() for part in second.next_pass(8)]
