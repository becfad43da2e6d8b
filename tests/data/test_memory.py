"""Rows of an array by index."""

import numpy as np
import pytest
import tensorflow as tf

from seqgan_tf.core.conditions import first_rows, number_of_rows, padded_rows
from seqgan_tf.data import pipeline
from seqgan_tf.data.memory import IndexedRows, is_in_file

ARRAY = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
INDICES = [3, 0, 3, 1, 2]


@pytest.fixture
def rows():
    return IndexedRows(ARRAY, np.array(INDICES))


def test_rows_are_those_of_the_array(rows):
    whole = ARRAY[INDICES]
    assert (rows.shape, rows.ndim, rows.dtype, len(rows)) == (whole.shape, 3, np.uint8, 5)
    np.testing.assert_array_equal(rows, whole)
    np.testing.assert_array_equal(rows[1], whole[1])
    for key in (slice(1, 4), slice(None, None, -1), np.array([4, 4, 0]), [2, 1], np.array([True, False] * 2 + [True])):
        part = rows[key]
        assert isinstance(part, IndexedRows)
        np.testing.assert_array_equal(part, whole[key])
    assert repr(rows) == "IndexedRows(shape=(5, 2, 3), dtype=uint8)"


def test_they_are_conditions(rows):
    whole = ARRAY[INDICES]
    assert number_of_rows({"image": rows, "label": np.arange(5)}) == 5
    np.testing.assert_array_equal(first_rows(rows, 2), whole[:2])
    found = padded_rows(rows, 3, 4)
    assert found.dtype == tf.uint8
    np.testing.assert_array_equal(found, whole[[3, 4, 4, 4]])


@pytest.mark.parametrize("seed", [None, 1])
def test_batches_read_them_when_they_are_needed(rows, seed):
    token_ids = np.arange(5, dtype=np.int32)[:, np.newaxis]
    assert is_in_file(rows)
    for found in (pipeline.batches((rows, token_ids), 2, seed), pipeline.batches_by_length((rows, token_ids), 2, 1)):
        batches = list(found)
        assert [len(images) for images, _ in batches].count(2) == 2
        images = np.concatenate([images for images, _ in batches])
        order = np.concatenate([ids for _, ids in batches])[:, 0]
        assert sorted(order) == [0, 1, 2, 3, 4]
        assert images.dtype == np.uint8
        np.testing.assert_array_equal(images, ARRAY[INDICES][order])


def test_images_in_memory_keep_their_dtype_and_labels_become_int32():
    images, labels, token_ids = ARRAY, np.arange(4, dtype=np.uint8), np.ones([4, 2], np.int64)
    ((found, numbers), ids) = next(iter(pipeline.batches(((images, labels), token_ids), 4)))
    assert (found.dtype, numbers.dtype, ids.dtype) == (tf.uint8, tf.int32, tf.int32)
