"""What the training methods of a SeqGAN take: kinds of data, padding, and the arguments of Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import DATA, T, V, assert_same, make

from seqgan_tf.core.validation import InputError

SHORT = [[1, 2, 0], [3, 0], [1, 2, 3, 4], [0]]
PADDED = np.array([[1, 2, 0, -1], [3, 0, -1, -1], [1, 2, 3, 4], [0, -1, -1, -1]], np.int32)


def cheap():
    """A model whose rounds train the discriminator alone, without a graph."""
    return make(generator_steps=0, compiling={"run_eagerly": True})


class Rows(keras.utils.PyDataset):
    """Batches of three rows, as `x` or `(x,)`."""

    def __init__(self, rows, wrap=lambda x: x, size=3):
        super().__init__()
        self.rows, self.wrap, self.size, self.passes = rows, wrap, size, 0

    def __len__(self):
        return -(-len(self.rows) // self.size)

    def __getitem__(self, index):
        return self.wrap(self.rows[index * self.size : (index + 1) * self.size])

    def on_epoch_end(self):
        self.passes += 1


class Endless(Rows):
    num_batches = None

    def __getitem__(self, index):
        return super().__getitem__(index % len(self))


def batches(rows, size=3):
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def dataset(rows):
    return tf.data.Dataset.from_tensor_slices(rows).batch(3)


KINDS = {
    "int64 array": lambda: PADDED.astype(np.int64),
    "tensor": lambda: tf.constant(PADDED),
    "(x,)": lambda: (PADDED,),
    "lists": lambda: SHORT,
    "object array": lambda: np.array([np.array(row) for row in SHORT], object),
    "ragged": lambda: tf.ragged.constant(SHORT),
    "front padding": lambda: keras.utils.pad_sequences(SHORT, T, value=-1),
    "narrow": lambda: PADDED[[0, 1, 3]][:, :3],
    "dataset": lambda: dataset(PADDED),
    "dataset of (x,)": lambda: tf.data.Dataset.from_tensor_slices((PADDED,)).batch(3),
    "dataset of ragged": lambda: dataset(tf.ragged.constant(SHORT)),
    "dataset padded in front": lambda: dataset(keras.utils.pad_sequences(SHORT, T, value=-1)),
    "dataset of narrow": lambda: dataset(PADDED[[0, 1, 3]][:, :3]),
    "PyDataset": lambda: Rows(PADDED),
    "PyDataset of (x,)": lambda: Rows(PADDED, lambda x: (x,)),
    "PyDataset of lists": lambda: Rows(SHORT),
    "generator": lambda: (batch for batch in batches(PADDED)),
    "generator of (lists,)": lambda: ((batch,) for batch in batches(SHORT)),
    "iterable": lambda: batches(PADDED)[:1] and dict(enumerate(batches(PADDED))).values(),
}


@pytest.fixture(scope="module")
def model():
    """A model that is not trained."""
    return make(batch_size=3)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_data_gives_the_same_evaluation(kind, model):
    rows = PADDED[[0, 1, 3]] if "narrow" in kind else PADDED
    assert model.evaluate(KINDS[kind](), verbose=0) == model.evaluate(rows, verbose=0)


@pytest.mark.parametrize("kind", ["(x,)", "dataset of ragged", "PyDataset of lists", "generator", "front padding"])
def test_training_reads_the_same_rows_of_every_kind_of_data(kind):
    expected, trained = cheap(), cheap()
    expected.pretrain_generator(PADDED, verbose=0)
    trained.pretrain_generator(KINDS[kind](), verbose=0)
    assert_same(trained.generator.get_weights(), expected.generator.get_weights())


def test_a_pydataset_is_told_of_the_ends_of_its_passes_and_a_generator_feeds_rounds():
    rows = Rows(DATA)
    cheap().fit(rows, epochs=1, steps_per_epoch=4, verbose=0)  # 4 rounds of 6 rows of 11
    assert rows.passes >= 2
    endless = (batch for _ in iter(int, 1) for batch in batches(DATA))
    first, second = cheap(), cheap()
    first.fit(endless, epochs=1, steps_per_epoch=3, verbose=0)
    second.fit(DATA, epochs=1, steps_per_epoch=3, verbose=0)
    assert_same(first.get_weights(), second.get_weights())


HOLE, EMPTY, OUTSIDE = [1, -1, 2, 0], [-1, -1, -1, -1], [1, 2, 9, 0]
HOLES = "must be padded with -1 at the end of a sequence alone, not between its tokens. Received: [1 -1 2 0]"
EMPTIES = "must hold at least one token in each sequence. Received: [-1 -1 -1 -1]"
OUTSIDES = f"must hold token ids in [0, {V}), the vocabulary, or -1 for padding. Received: 9"


@pytest.mark.parametrize(("row", "problem"), [(HOLE, HOLES), (EMPTY, EMPTIES), (OUTSIDE, OUTSIDES)])
def test_wrong_rows_of_a_dataset_are_one_line_in_every_method(row, problem):
    wrong = dataset(np.array([*DATA.tolist(), row], np.int32))
    model = cheap()
    methods = {
        "data": [
            lambda: model.fit(wrong, verbose=0),
            lambda: model.fit(wrong, steps_per_epoch=3, verbose=0),
            lambda: model.pretrain_generator(wrong, verbose=0),
            lambda: model.pretrain_discriminator(wrong, steps=5, verbose=0),
        ],
        "validation_data": [
            lambda: model.fit(DATA, steps_per_epoch=1, validation_data=wrong, verbose=0),
            lambda: model.pretrain_generator(DATA, validation_data=wrong, verbose=0),
        ],
        "x": [lambda: model.evaluate(wrong, verbose=0)],
    }
    for name, calls in methods.items():
        for call in calls:
            with pytest.raises(InputError) as caught:
                call()
            assert str(caught.value) == f"`{name}` {problem}"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (HOLE, r"`data` must be padded with -1 at the end .*\. Received: \[1, -1, 2, 0\] in row 11$"),
        (EMPTY, r"`data` must hold at least one token in each sequence\. Received: padding alone in row 11$"),
        (OUTSIDE, r"`data` must be in \[0, 5\).*Received: 9$"),
    ],
)
def test_wrong_rows_of_arrays_and_of_python_batches_are_one_line(row, message):
    rows = np.array([*DATA.tolist(), row], np.int32)
    with pytest.raises(InputError, match=message):
        cheap().fit(rows)
    message = message.replace("11$", "2$")  # the last batch holds three rows
    for batched in (Rows(rows), batches(rows)):
        data = batched if isinstance(batched, Rows) else iter(batched)
        with pytest.raises(InputError, match=f"^{message}"):
            cheap().pretrain_generator(data, verbose=0)


def test_padding_by_the_end_token_in_front_is_said():
    rows = keras.utils.pad_sequences([[1, 2, 0], [3, 0], [1, 2, 3, 4]], T)  # 0 in front, and 0 ends a sequence
    with pytest.warns(UserWarning, match=r"2 of 3 rows of `data` begin with the end token 0, .*value=-1\)$"):
        cheap().pretrain_generator(rows, verbose=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda model: model.fit(DATA, batch_size=4),
            "`batch_size` must be set where the model is made, `SeqGAN(..., batch_size=4)`. "
            "Received: `fit(batch_size=4)`",
        ),
        (
            lambda model: model.evaluate(DATA, batch_size=4),
            "`batch_size` must be set where the model is made, `SeqGAN(..., batch_size=4)`. "
            "Received: `evaluate(batch_size=4)`",
        ),
        (lambda model: model.fit(), "`data` must be given, the first argument of `fit`. Received: None"),
        (lambda model: model.evaluate(), "`x` must be given, the first argument of `evaluate`. Received: None"),
        (lambda model: model.fit(DATA, 2.0), "`epochs` must be an int. Received: 2.0"),
        (
            lambda model: model.fit(DATA, steps_per_epoch=1, validation_data=dataset(DATA).repeat()),
            "`validation_steps` must be given for a dataset without end. "
            "Received: a dataset without end as `validation_data`",
        ),
        (
            lambda model: model.fit(DATA, steps_per_epoch=1, validation_data=iter(batches(DATA))),
            "`validation_steps` must be given for a dataset without end. Received: a generator as `validation_data`",
        ),
        (
            lambda model: model.fit(iter(batches(DATA))),
            "`steps_per_epoch` must be given for a dataset without end. Received: a generator as `data`",
        ),
        (
            lambda model: model.pretrain_generator(Endless(DATA)),
            "`steps_per_epoch` must be given for a dataset without end. Received: a dataset without end as `data`",
        ),
        (
            lambda model: model.evaluate(dataset(DATA).repeat()),
            "`steps` must be given for a dataset without end. Received: a dataset without end as `x`",
        ),
        (
            lambda model: model.fit(iter(batches(DATA)), steps_per_epoch=9, verbose=0),
            "`data` must be data that can be read more than once, such as a `tf.data.Dataset`, or a generator with "
            "more batches. Received: a generator that ended after 4 batches",
        ),
        (
            lambda model: model.fit("poems.txt"),
            "`data` must be an array of int token ids, a list of lists, a `tf.data.Dataset`, a `keras.utils.PyDataset` "
            "or a generator. Received: an object of the class str",
        ),
    ],
)
def test_arguments_that_cannot_work_are_refused_at_once(call, message):
    with pytest.raises(InputError) as caught:
        call(cheap())
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["shuffle", "class_weight", "validation_split", "y", "x"])
def test_other_arguments_of_keras_are_refused_by_name(name):
    with pytest.raises(InputError, match=rf"^`fit` must be called with `data`, .* alone\. Received: `{name}`$"):
        cheap().fit(DATA, **{name: 1})


def nothing():
    return dataset(DATA).filter(lambda batch: False)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda model: model.fit(nothing(), verbose=0), "data"),
        (lambda model: model.fit(nothing(), steps_per_epoch=2, verbose=0), "data"),
        (lambda model: model.fit(dataset(DATA).take(0), verbose=0), "data"),
        (lambda model: model.pretrain_generator(nothing(), verbose=0), "data"),
        (lambda model: model.pretrain_discriminator(nothing(), 2, verbose=0), "data"),
        (lambda model: model.fit(DATA, steps_per_epoch=1, validation_data=nothing(), verbose=0), "validation_data"),
        (lambda model: model.evaluate(nothing(), verbose=0), "x"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*ran out of data")
def test_an_empty_dataset_is_named(call, name):
    message = f"^`{name}` must hold at least one sequence. Received: a dataset without an element$"
    with pytest.raises(InputError, match=message):
        call(cheap())


def test_endless_data_work_with_numbers_of_steps():
    model = cheap()
    history = model.pretrain_generator(
        Endless(DATA), 1, dataset(DATA).repeat(), steps_per_epoch=2, validation_steps=1, verbose=0
    ).history
    assert {"nll", "val_nll"} <= set(history)
    history = model.fit(
        DATA, steps_per_epoch=1, validation_data=dataset(DATA).repeat(), validation_steps=2, verbose=0
    ).history
    assert np.isfinite(history["val_nll"]).all()
    assert len(model.evaluate(dataset(DATA).repeat(), steps=2, verbose=0)) == 3


def test_the_values_of_evaluate_have_the_names_of_metrics_names():
    model = cheap()
    model.fit(DATA, steps_per_epoch=1, verbose=0)
    named = model.evaluate(DATA, return_dict=True, verbose=0)
    assert model.metrics_names == ["nll", "real_accuracy", "generated_accuracy"]
    assert model.evaluate(DATA, verbose=0) == [named[name] for name in model.metrics_names]
    assert set(named) == set(model.metrics_names)
