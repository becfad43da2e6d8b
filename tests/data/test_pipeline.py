"""Batches, checked datasets and the endless stream."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqgan_tf.core.validation import InputError
from seqgan_tf.data import pipeline


def rows_of(dataset):
    return [tuple(row) for batch in dataset for row in batch.numpy().tolist()]


NUMBERED = np.arange(50)[:, None] * np.ones(3, int)  # row i is (i, i, i)


def test_batches_without_a_seed_keep_the_order_and_the_smaller_last_batch():
    batches = [batch.numpy() for batch in pipeline.batches(NUMBERED[:10], 4)]
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert np.concatenate(batches)[:, 0].tolist() == list(range(10))
    assert batches[0].dtype == np.int32


def test_no_strategy_divides_batches_a_second_time():
    data = np.arange(20).reshape(10, 2)
    off = tf.data.experimental.AutoShardPolicy.OFF
    by_length = pipeline.batches_by_length(data, 3, seed=1).repeat()
    for batches in (pipeline.batches(data, 3, 1), pipeline.rounds(pipeline.batches(data, 3, 1), 6), by_length):
        assert batches.options().experimental_distribute.auto_shard_policy == off


def test_batches_hold_every_row_once_a_pass():
    dataset = pipeline.batches(NUMBERED, 8, shuffle_seed=3)
    assert sorted(rows_of(dataset)) == [(i, i, i) for i in range(50)]


def test_batches_of_one_seed_come_in_one_order_and_each_pass_in_another():
    first, second = (pipeline.batches(NUMBERED, 8, shuffle_seed=3) for _ in range(2))
    passes = [rows_of(first), rows_of(first)]
    assert [rows_of(second), rows_of(second)] == passes
    assert passes[0] != passes[1]
    assert sorted(passes[0]) == sorted(passes[1])
    assert rows_of(pipeline.batches(NUMBERED, 8, shuffle_seed=4)) != passes[0]


@pytest.fixture(params=["memory", "file"])
def place(request, tmp_path):
    """Function of an array: the same array, in memory or memory-mapped."""

    def place(array):
        if request.param == "memory":
            return array
        mapped = np.memmap(tmp_path / "rows", np.int32, "w+", shape=array.shape)
        mapped[:] = array
        return mapped

    return place


@pytest.mark.parametrize(("count", "size"), [(50, 8), (1, 3), (700, 64), (64, 64)])
@pytest.mark.parametrize("seed", [None, 0, 3, 2**31 - 1])
def test_the_order_is_that_of_shuffled_rows(place, count, size, seed):
    rows = np.arange(2 * count).reshape(count, 2).astype(np.int32)
    expected = tf.data.Dataset.from_tensor_slices(rows)
    if seed is not None:
        expected = expected.shuffle(count, seed=seed)
    expected, found = expected.batch(size), pipeline.batches(place(rows), size, shuffle_seed=seed)
    assert found.cardinality() == expected.cardinality()
    assert found.element_spec == expected.element_spec
    for _ in range(3):
        pairs = zip(found, expected, strict=True)
        assert all(np.array_equal(one, other) for one, other in pairs)


def test_the_order_through_rounds_is_that_of_shuffled_rows(place):
    expected = tf.data.Dataset.from_tensor_slices(NUMBERED.astype(np.int32)).shuffle(50, seed=5).batch(8)
    found = pipeline.rounds(pipeline.batches(place(NUMBERED.astype(np.int32)), 8, shuffle_seed=5), 16)
    assert rows_of(found.skip(3).take(20)) == rows_of(pipeline.rounds(expected, 16).skip(3).take(20))


def test_the_memory_of_a_mapped_array_is_given_back_without_loss(place, monkeypatch):
    monkeypatch.setattr(pipeline, "ROWS_IN_MEMORY", 10)
    assert sorted(rows_of(pipeline.batches(place(NUMBERED.astype(np.int32)), 8, 1))) == [(i, i, i) for i in range(50)]


def as_dataset(data, end_token_id=0, vocabulary_size=5, sequence_length=3):
    return pipeline.as_dataset(data, "data", 2, vocabulary_size, sequence_length, end_token_id)


@pytest.mark.parametrize("wrap", [np.array, lambda rows: tf.data.Dataset.from_tensor_slices(rows).batch(2)])
def test_as_dataset_pads_after_the_first_end_token(wrap):
    rows = [[1, 0, 2], [0, 0, 4], [3, 4, 0], [1, 2, 3], [1, 0, -1]]
    dataset = as_dataset(wrap(rows))
    assert rows_of(dataset) == [(1, 0, -1), (0, -1, -1), (3, 4, 0), (1, 2, 3), (1, 0, -1)]
    assert all(batch.dtype == tf.int32 for batch in dataset)
    assert rows_of(as_dataset(wrap(rows), end_token_id=None)) == [tuple(row) for row in rows]


def test_as_dataset_takes_a_dataset_of_int64_and_of_unknown_length():
    dataset = tf.data.Dataset.from_generator(
        lambda: iter([np.array([[1, 2, 3]])]), output_signature=tf.TensorSpec([None, None], tf.int64)
    )
    assert rows_of(as_dataset(dataset)) == [(1, 2, 3)]


@pytest.mark.parametrize("outside", [5, -2, 2**31 + 1])
def test_as_dataset_refuses_an_array_with_ids_outside_the_vocabulary_at_once(outside):
    with pytest.raises(InputError, match=rf"`data` must be in \[0, 5\).*Received: {outside}"):
        as_dataset(np.array([[1, 2, outside]]))


@pytest.mark.parametrize("outside", [5, -2])
def test_as_dataset_refuses_a_dataset_with_ids_outside_the_vocabulary_when_it_is_read(outside):
    dataset = as_dataset(tf.data.Dataset.from_tensor_slices([[1, 2, outside]]).batch(1))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"`data` must hold token ids in \[0, 5\)"):
        list(dataset)


@pytest.mark.parametrize("data", [np.ones([4, 4], int), np.ones([3], int), np.ones([2, 3, 1], int)])
def test_as_dataset_refuses_another_shape(data):
    with pytest.raises(InputError, match=r"`data` must be of shape \[batch, 3\]"):
        as_dataset(data)
    with pytest.raises(InputError, match=r"`data` must be of shape \[batch, 3\]"):
        as_dataset(tf.data.Dataset.from_tensors(data))


def test_as_dataset_refuses_rows_of_another_length_that_show_only_in_the_data():
    dataset = tf.data.Dataset.from_generator(
        lambda: iter([np.array([[1, 2, 3, 4]])]), output_signature=tf.TensorSpec([None, None], tf.int32)
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"`data` must be of shape \[batch, 3\]"):
        list(as_dataset(dataset))


def test_as_dataset_refuses_data_that_are_not_integers():
    with pytest.raises(InputError, match=r"`data` must hold integers. Received: dtype float"):
        as_dataset(np.ones([2, 3]))
    for dataset in (
        tf.data.Dataset.from_tensor_slices(np.ones([2, 3])).batch(2),
        tf.data.Dataset.from_tensor_slices((np.ones([2, 3], int), np.ones([2], int))).batch(2),
    ):
        with pytest.raises(InputError, match="`data` must be a dataset of int token ids"):
            as_dataset(dataset)


def test_as_dataset_refuses_rows_of_different_lengths_that_are_too_long():
    with pytest.raises(InputError, match=r"`data` must be of shape \[batch, 3\]. Received: rows of different lengths"):
        as_dataset([[1, 2, 3, 4], [1, 2]])


def test_rounds_drop_nothing_and_read_all_sequences_equally_often():
    counts = collections.Counter({(i, i, i): 0 for i in range(7)})
    stream = pipeline.rounds(pipeline.batches(NUMBERED[:7], 3, shuffle_seed=1), 5)
    assert stream.element_spec.shape.as_list() == [5, 3]
    for number, element in enumerate(stream.take(14), start=1):
        counts.update(tuple(row) for row in element.numpy().tolist())
        assert sum(counts.values()) == 5 * number
        assert max(counts.values()) - min(counts.values()) <= 1
    assert set(counts.values()) == {10}  # 14 rounds of 5 are 10 passes over 7


def test_rounds_may_be_larger_than_the_data():
    (element,) = pipeline.rounds(pipeline.batches(NUMBERED[:2], 2), 5).take(1)
    assert element.numpy()[:, 0].tolist() == [0, 1, 0, 1, 0]


def test_count_sequences_counts_the_smaller_last_batch_too():
    assert pipeline.count_sequences(pipeline.batches(NUMBERED[:10], 4)) == 10


def test_an_infinite_dataset_is_not_counted():
    with pytest.raises(InputError, match="`steps_per_epoch` must be given for a dataset without end"):
        pipeline.count_sequences(pipeline.batches(NUMBERED[:10], 4).repeat())


def test_as_dataset_takes_unsigned_ids():
    dataset = tf.data.Dataset.from_tensor_slices(np.array([[1, 2, 3]], np.uint8)).batch(1)
    (batch,) = pipeline.as_dataset(dataset, "data", 1, 5, 3, None)
    assert batch.numpy().tolist() == [[1, 2, 3]]


def test_autotuning_is_off(place):
    stream = pipeline.rounds(pipeline.batches(place(np.zeros([7, 3], np.int32)), 2, shuffle_seed=1), 4)
    assert stream.skip(1).options().autotune.enabled is False


def lengths_of(array):
    return np.count_nonzero(array != -1, axis=1)


RAGGED = np.where(np.arange(9) < (np.arange(60) * 7 % 9 + 1)[:, None], np.arange(60)[:, None], -1)
"""Row i holds i once to nine times."""
SOURCES = np.where(np.arange(5) < (np.arange(60) * 3 % 5 + 1)[:, None], np.arange(60)[:, None] + 100, -1)


@pytest.mark.parametrize("place", ["memory", "mapped"])
def test_batches_of_conditions_and_token_ids_keep_their_rows_together(place, tmp_path):
    given = {"source": SOURCES, "image": np.arange(120, dtype=np.float32).reshape(60, 2, 1), "label": np.arange(60)}
    token_ids = RAGGED
    if place == "mapped":
        token_ids = np.memmap(tmp_path / "rows", np.int32, "w+", shape=RAGGED.shape)
        token_ids[:] = RAGGED
    seen = []
    for condition, rows in pipeline.batches((given, token_ids), 8, shuffle_seed=1):
        assert (condition["image"].dtype, rows.dtype, condition["label"].dtype) == (tf.float32, tf.int32, tf.int32)
        numbers = rows[:, 0].numpy()
        assert (condition["source"][:, 0].numpy() == numbers + 100).all()
        assert (condition["image"][:, 0, 0].numpy() == 2 * numbers).all()
        assert (condition["label"].numpy() == numbers).all()
        seen += numbers.tolist()
    assert sorted(seen) == list(range(60))
    assert seen != sorted(seen)


def test_batches_by_length_hold_every_row_once_and_are_as_wide_as_their_longest(monkeypatch):
    monkeypatch.setattr(pipeline, "LENGTH_WINDOW", 3)
    seen, widths = [], []
    for condition, rows in pipeline.batches_by_length((SOURCES, RAGGED), 8, seed=1):
        numbers = rows[:, 0].numpy()
        assert rows.shape[1] == lengths_of(RAGGED[numbers]).max()
        assert (rows.numpy() == RAGGED[numbers][:, : rows.shape[1]]).all()
        assert condition.shape[1] == lengths_of(SOURCES[numbers]).max()
        assert (condition.numpy() == SOURCES[numbers][:, : condition.shape[1]]).all()
        seen += numbers.tolist()
        widths.append(int(rows.shape[1] * len(numbers)))
    assert sorted(seen) == list(range(60))
    assert sum(widths) < 0.8 * 60 * 9  # rows of random batches are nearly always nine wide


def test_batches_by_length_come_in_one_order_for_one_seed_and_each_pass_in_another():
    def passes(seed):
        dataset = pipeline.batches_by_length(RAGGED, 8, seed)
        return [[row[0] for batch in dataset for row in batch.numpy().tolist()] for _ in range(2)]

    first, second = passes(3)
    assert first != second
    assert [first, second] == passes(3)
    assert first != passes(4)[0]


def test_narrow_batches_stay_narrow_on_request():
    dataset = tf.data.Dataset.from_tensors(np.array([[3, 1], [2, 0]]))
    (padded,) = pipeline.as_dataset(dataset, "data", 4, 4, 5, 0)
    (narrow,) = pipeline.as_dataset(dataset, "data", 4, 4, 5, 0, pad=False)
    assert (padded.shape, narrow.numpy().tolist()) == ((2, 5), [[3, 1], [2, 0]])


class Batches(keras.utils.PyDataset):
    """Two batches of (conditions, token ids)."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return {"label": np.array([index, 7])}, np.array([[1, 2], [3, 0]])


@pytest.mark.parametrize("kind", ["PyDataset", "generator"])
def test_conditions_come_from_python_too(kind):
    batches = Batches(workers=1)
    data = batches if kind == "PyDataset" else (batches[i] for i in range(2))
    dataset = pipeline.as_dataset(data, "data", 4, 4, 3, 0, with_condition=True)
    found = [(condition["label"].numpy().tolist(), rows.numpy().tolist()) for condition, rows in dataset]
    assert found == [([i, 7], [[1, 2, -1], [3, 0, -1]]) for i in range(2)]


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (np.array([[1, 2]]), r"`data` must hold batches \(condition, token_ids\). Received: a ndarray"),
        ((np.array([1, 2]), np.array([[1, 2]])), r"`data` must hold 1 conditions, one per sequence. Received: \(2,\)"),
    ],
)
def test_a_batch_without_a_condition_for_each_sequence_is_refused(batch, message):
    with pytest.raises(InputError, match=message):
        pipeline.as_dataset(iter([batch]), "data", 4, 4, 3, 0, with_condition=True)


def test_a_generator_without_a_batch_is_refused():
    with pytest.raises(
        InputError, match=r"`data` must hold at least one sequence. Received: a dataset without an elem"
    ):
        pipeline.as_dataset(iter([]), "data", 4, 4, 3, 0, with_condition=True)
