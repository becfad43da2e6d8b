"""The kinds of input that training methods take, as token ids of one shape, and checks of their values.

Axes: B batch, T sequence length, n sequences.
"""

import contextlib
import re
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from seqgan_tf.core.sequences import PADDING, check_token_ids, misplaced_padding, pad_after_end, short
from seqgan_tf.core.validation import InputError

# How TensorFlow reports a failed check of `aligned`, and an InputError of a Python function that it calls.
FAILED_CHECK = re.compile(r"assertion failed: \[(`[^\n]*?Received:)\] ?\[+(.*?)\]", re.DOTALL)
INPUT_ERROR = re.compile(r"\bInputError: (.*)")
VALUES_IN_MESSAGE = 20
KINDS = "an array of int token ids, a list of lists, a `tf.data.Dataset`, a `keras.utils.PyDataset` or a generator"


def is_rows(data: Any) -> bool:
    """Whether data are sequences, and not batches of sequences: an array, a tensor or a list."""
    return isinstance(data, (np.ndarray, tf.RaggedTensor, list, tuple, range)) or hasattr(data, "__array__")


def is_read_once(data: Any) -> bool:
    """Whether data are a generator or another iterator, which can be read only once."""
    return isinstance(data, Iterator)


def unwrapped(data: Any) -> Any:
    """The x of `(x,)`, as Keras takes data without labels."""
    if isinstance(data, tuple) and len(data) == 1:
        (only,) = data
        if not is_rows(only) or isinstance(only, tf.RaggedTensor) or len(_shape(only)) >= 2:
            return only
    return data


def _shape(rows: Any) -> tuple[int, ...]:
    try:
        return np.shape(rows)
    except ValueError:  # lists of different lengths
        return (len(rows), -1)


def as_rows(data: Any, name: str, vocabulary_size: int, sequence_length: int, end_token_id: int | None) -> np.ndarray:
    """Sequences as an array of checked rows, padded at the end.

    Rows that are shorter than T are padded. Rows that are padded in front (`keras.utils.pad_sequences` does it by
    default) are moved to the front.

    Args:
        data: an int array or tensor [n, T' <= T], a ragged tensor, or lists of different lengths.
        name: what the caller calls it, for messages.
        vocabulary_size: V.
        sequence_length: T.
        end_token_id: the token that ends a sequence, or None; everything after it becomes padding.

    Returns:
        int array [n, T].

    Raises:
        InputError: another type or shape, no sequence, an id outside the vocabulary, a sequence without a token, or one
            with padding between its tokens.
    """
    rows = _matrix(data, name, sequence_length)
    check_token_ids(rows.ravel(), vocabulary_size, name)
    if rows.ndim != 2 or rows.shape[1] > sequence_length:
        raise InputError(f"`{name}` must be of shape [batch, {sequence_length}]. Received: {rows.shape}")
    if not len(rows):
        raise InputError(f"`{name}` must hold at least one sequence. Received: shape {rows.shape}")
    if rows.dtype.kind == "u":
        rows = rows.astype(np.int64)  # so that it can hold padding
    if rows.shape[1] < sequence_length:
        rows = np.pad(rows, [[0, 0], [0, sequence_length - rows.shape[1]]], constant_values=PADDING)
    if end_token_id is not None:
        _warn_of_lost_tokens(rows, name, end_token_id)
        ended = np.cumsum(rows == end_token_id, axis=1) - (rows == end_token_id) > 0
        rows = np.where(ended, PADDING, rows)
    if np.any(misplaced_padding(rows)):
        first = np.argmax(rows != PADDING, axis=1)
        moved = np.take_along_axis(rows, (np.arange(sequence_length) + first[:, np.newaxis]) % sequence_length, axis=1)
        holes = misplaced_padding(moved)
        if np.any(holes):
            row = int(np.argmax(holes))
            raise InputError(f"{_holes(name)} Received: {short(rows[row].tolist(), VALUES_IN_MESSAGE)} in row {row}")
        rows = moved
    empty = rows[:, 0] == PADDING
    if np.any(empty):
        raise InputError(f"{_empty(name)} Received: padding alone in row {int(np.argmax(empty))}")
    return rows


def _matrix(data: Any, name: str, sequence_length: int) -> np.ndarray:
    """An array of the data; rows of different lengths are padded."""
    if isinstance(data, tf.RaggedTensor):
        data = data.to_list()
    try:
        array = np.asarray(data)
    except ValueError:  # lists of different lengths
        array = np.empty(len(data), object)
        array[:] = list(data)
    if array.dtype != object or array.ndim != 1:
        return array
    try:
        rows = [np.asarray(row) for row in array]
    except ValueError:
        rows = []
    expected = f"`{name}` must be of shape [batch, {sequence_length}]"
    if not rows or any(row.ndim != 1 for row in rows):
        raise InputError(f"{expected}, or lists of at most {sequence_length} token ids. Received: other lists")
    longest = max(len(row) for row in rows)
    if longest > sequence_length:
        raise InputError(f"{expected}. Received: rows of different lengths, one of them {longest}")
    matrix = np.full([len(rows), longest], PADDING, np.int64)
    for target, row in zip(matrix, rows, strict=True):
        check_token_ids(row, np.iinfo(np.int64).max, name)  # integers
        target[: len(row)] = row
    return matrix


def _warn_of_lost_tokens(rows: np.ndarray, name: str, end_token_id: int) -> None:
    lost = np.any((rows != end_token_id) & (rows != PADDING), axis=1) & (rows[:, 0] == end_token_id)
    if np.any(lost):
        warnings.warn(
            f"{int(lost.sum())} of {len(rows)} rows of `{name}` begin with the end token {end_token_id}, so that no "
            f"token after it counts. To pad sequences, use keras.utils.pad_sequences(..., padding='post', value=-1)",
            stacklevel=2,
        )


def aligned(
    token_ids: tf.Tensor,
    name: str,
    vocabulary_size: int,
    sequence_length: int,
    end_token_id: int | None,
    pad: bool = True,
) -> tf.Tensor:
    """The same as `as_rows` for a batch inside a graph; TensorFlow reports what is wrong, see `errors_of_input`.

    Args:
        token_ids: int tensor [B, T' <= T].
        name, vocabulary_size, sequence_length, end_token_id: see `as_rows`.
        pad: whether a batch that is narrower than T is padded. Defaults to True.

    Returns:
        int32 [B, T]; without `pad`, [B, T'].
    """
    token_ids = tf.cast(token_ids, tf.int64)  # so that unsigned ids can be compared with the padding
    inside = tf.logical_and(token_ids >= PADDING, token_ids < vocabulary_size)
    vocabulary = f"`{name}` must hold token ids in [0, {vocabulary_size}), the vocabulary, or {PADDING} for padding."
    width = tf.shape(token_ids)[1]
    length = f"`{name}` must be of shape [batch, {sequence_length}]. Received:"
    checks = [
        _require(tf.reduce_all(inside), f"{vocabulary} Received:", tf.boolean_mask(token_ids, ~inside)[:1]),
        _require(width <= sequence_length, length, tf.shape(token_ids)),
    ]
    missing = tf.maximum(sequence_length - width, 0) if pad else 0
    with tf.control_dependencies(checks):
        token_ids = tf.pad(token_ids, [[0, 0], [0, missing]], constant_values=PADDING)
    token_ids = tf.ensure_shape(pad_after_end(token_ids, end_token_id), [None, sequence_length if pad else None])
    is_token = tf.not_equal(token_ids, PADDING)
    first = tf.argmax(is_token, axis=1, output_type=tf.int32)[:, tf.newaxis]
    columns = sequence_length if pad else width
    moved = tf.gather(token_ids, (tf.range(columns) + first) % columns, axis=1, batch_dims=1)
    is_token = tf.not_equal(moved, PADDING)
    holes = tf.reduce_any(~is_token[:, :-1] & is_token[:, 1:], axis=1)
    empty = ~is_token[:, 0]
    checks = [
        _require(~tf.reduce_any(empty), f"{_empty(name)} Received:", tf.boolean_mask(token_ids, empty)[:1]),
        _require(~tf.reduce_any(holes), f"{_holes(name)} Received:", tf.boolean_mask(token_ids, holes)[:1]),
    ]
    with tf.control_dependencies(checks):
        return tf.identity(moved)


def _require(condition: tf.Tensor, message: str, values: tf.Tensor) -> tf.Operation:
    return tf.debugging.Assert(condition, [message, values], summarize=VALUES_IN_MESSAGE)


def _holes(name: str) -> str:
    return f"`{name}` must be padded with {PADDING} at the end of a sequence alone, not between its tokens."


def _empty(name: str) -> str:
    return f"`{name}` must hold at least one token in each sequence."


@contextlib.contextmanager
def errors_of_input() -> Iterator[None]:
    """Turns the error of TensorFlow, where data were found wrong while they were read, into one line.

    Raises:
        InputError: what the check of the data says.
    """
    try:
        yield
    except tf.errors.OpError as error:
        message = str(error.message)
        if found := FAILED_CHECK.search(message):
            values = " ".join(found[2].split())
            raise InputError(f"{found[1]} {f'[{values}]' if ' ' in values else values}") from None
        if found := INPUT_ERROR.search(message):
            raise InputError(found[1]) from None
        raise
