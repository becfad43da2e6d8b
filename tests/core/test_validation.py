"""Checks of arguments: what passes, and the one line of what does not."""

import re
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqgan_tf.core.validation import (
    InputError,
    MissingExtraError,
    check_at_least,
    check_tensors,
    real_number,
    require,
    whole_number,
)


def refused(message):
    return pytest.raises(InputError, match=f"^{re.escape(message)}$")


@pytest.mark.parametrize("make", [np.zeros, tf.zeros, lambda shape: tf.Variable(tf.zeros(shape))])
def test_tensors_of_the_expected_shape_pass(make):
    ids = np.zeros([2, 3], np.int64)
    check_tensors(logits=(make([2, 3, 5]), "BTV"), token_ids=(ids, "BT"), mask=(make([2, 3]), "BT"))
    check_tensors({"B": 2, "T": None}, logits=(make([2, 3]), "BT"), rewards=(make([2, 3]), "BT"))
    check_tensors(average=(make([]), ""), logits=(make([0]), "B"))
    check_tensors(weight=(keras.Variable(np.zeros([2, 3])), "BT"))


@pytest.mark.parametrize("make", [np.zeros, tf.zeros])
@pytest.mark.parametrize(
    ("shape", "letters", "message"),
    [
        ([2], "BT", "`rewards` must be of shape [B, T]. Received: shape (2,)"),
        ([2, 3, 1], "BT", "`rewards` must be of shape [B, T]. Received: shape (2, 3, 1)"),
        ([], "B", "`rewards` must be of shape [B]. Received: shape ()"),
        ([2, 1], "BT", "`rewards` must be of shape [B, T] with T = 3. Received: shape (2, 1)"),
        ([3, 2], "BT", "`rewards` must be of shape [B, T] with B = 2. Received: shape (3, 2)"),
        ([3, 4], "TT", "`rewards` must be of shape [T, T] with T = 3. Received: shape (3, 4)"),
    ],
)
def test_a_wrong_rank_or_axis_is_refused(make, shape, letters, message):
    with refused(message):
        check_tensors(token_ids=(np.zeros([2, 3], int), "BT"), rewards=(make(shape), letters))


def test_the_sizes_of_axes_may_be_given():
    with refused("`logits` must be of shape [B] with B = 6. Received: shape (3,)"):
        check_tensors({"B": 6}, logits=(tf.zeros([3]), "B"))
    with refused("`mask` must be of shape [B, T] with T = 3. Received: shape (2, 4)"):
        check_tensors({"T": None}, values=(tf.zeros([2, 3]), "BT"), mask=(tf.zeros([2, 4]), "BT"))


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "bool", "complex64", "str"])
def test_what_does_not_hold_floats_is_refused(dtype):
    for values in (np.zeros([2], dtype), tf.constant(np.zeros([2], dtype)) if dtype != "str" else tf.constant(["a"])):
        with pytest.raises(InputError, match=r"^`logits` must hold floats. Received: dtype \w+$"):
            check_tensors(logits=(values, "B"))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "bool", "complex64"])
def test_token_ids_that_are_not_integers_are_refused(dtype):
    for values in (np.zeros([2], dtype), tf.zeros([2], dtype)):
        with refused(f"`token_ids` must hold integers. Received: dtype {dtype}"):
            check_tensors(token_ids=(values, "B"))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_floats_of_every_size_pass(dtype):
    check_tensors(logits=(tf.zeros([2], dtype), "B"))


def test_other_names_may_hold_integers():
    check_tensors(integers=("real",), real=(np.zeros([2], np.uint16), "B"), values=(np.zeros([2]), "B"))
    with refused("`real` must hold integers. Received: dtype float64"):
        check_tensors(integers=("real",), real=(np.zeros([2]), "B"))
    with refused("`token_ids` must hold floats. Received: dtype int64"):
        check_tensors(integers=("real",), token_ids=(np.zeros([2], np.int64), "B"))


@pytest.mark.parametrize(("value", "kind"), [(1.0, "float"), ([1.0], "list"), (None, "NoneType")])
def test_what_is_no_tensor_is_refused(value, kind):
    with refused(f"`logits` must be a tensor or an array. Received: {kind}"):
        check_tensors(logits=(value, "B"))


def traced(shape, dtype, **others):
    """Traces a check of a tensor with a shape that is known only in part."""

    @tf.function(input_signature=[tf.TensorSpec(shape, dtype)])
    def function(values):
        check_tensors(values=(values, "BT"), **others)
        return values

    function.get_concrete_function()


@pytest.mark.parametrize("shape", [None, [None, None], [None, 3], [2, None], [2, 3]])
def test_unknown_dimensions_pass_while_a_function_is_traced(shape):
    traced(shape, tf.float32, mask=(tf.zeros([2, 3]), "BT"))


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        ([None], tf.float32, "`values` must be of shape [B, T]. Received: shape (None,)"),
        ([None, 4], tf.float32, "`mask` must be of shape [B, T] with T = 4. Received: shape (2, 3)"),
        ([3, None], tf.float32, "`mask` must be of shape [B, T] with B = 3. Received: shape (2, 3)"),
        (None, tf.int32, "`values` must hold floats. Received: dtype int32"),
        ([None, None], tf.bool, "`values` must hold floats. Received: dtype bool"),
    ],
)
def test_what_is_known_is_checked_while_a_function_is_traced(shape, dtype, message):
    with refused(message):
        traced(shape, dtype, mask=(tf.zeros([2, 3]), "BT"))


def test_numbers_that_are_too_small_are_refused_by_name():
    check_at_least(1, n=1, batch_size=5)
    check_at_least(0, steps=0)
    with refused("`batch_size` must be at least 1. Received: 0"):
        check_at_least(1, n=1, batch_size=0, steps=-1)


def test_a_package_that_is_not_installed_is_named_with_its_extra(monkeypatch):
    require("json", "A test", "dev")
    require("importlib.metadata", "A test", "dev")
    message = r"^A plot needs {}: pip install 'seqgan-tf\[plot\]'$"
    for name in ("not_installed", "not_installed.below"):
        with pytest.raises(MissingExtraError, match=message.format(name)) as raised:
            require(name, "A plot", "plot")
        assert isinstance(raised.value, InputError)
        assert isinstance(raised.value, ImportError)
    monkeypatch.setitem(sys.modules, "json", None)
    with pytest.raises(MissingExtraError, match=message.format("json")):
        require("json", "A plot", "plot")


def test_an_input_error_is_a_value_error():
    assert issubclass(InputError, ValueError)


def test_numbers_of_any_library_become_those_of_python():
    for value in (3, np.int64(3), np.uint8(3), tf.constant(3)):
        assert type(whole_number("n", value)) is int
        assert whole_number("n", value) == 3
    for value in (0.5, np.float32(0.5), np.array(0.5), tf.constant(0.5)):
        assert type(real_number("rate", value)) is float
        assert real_number("rate", value) == 0.5


@pytest.mark.parametrize("value", [3.0, "3", None, np.float64(3), [3]])
def test_what_is_no_int_is_refused(value):
    with refused(f"`n` must be an int. Received: {value!r}"):
        whole_number("n", value)


@pytest.mark.parametrize("value", ["0.5", b"1", None, [0.5, 1.0], "nan"])
def test_what_is_no_number_is_refused(value):
    with refused(f"`rate` must be a number. Received: {value!r}"):
        real_number("rate", value)


@pytest.mark.parametrize("value", ["1", None, float("nan")])
def test_what_cannot_be_compared_is_not_at_least_anything(value):
    with refused(f"`n` must be at least 1. Received: {value!r}"):
        check_at_least(1, n=value)
