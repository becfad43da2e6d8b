"""Padding, masks, means and baselines against plain Python, for sequences of any sizes."""

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from seqgan_tf.core import losses, sequences

V = 5


@st.composite
def token_ids(draw, end_token_id=None):
    """int array [B, T]; each row is padded from some position on, which may be the first or none."""
    rows, length = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    found = []
    for _ in range(rows):
        tokens = draw(st.lists(st.integers(0, V - 1), max_size=length))
        found.append(tokens + [-1] * (length - len(tokens)))
    return np.array(found)


values = st.floats(-1e3, 1e3, width=32)


@given(token_ids(), st.data())
def test_sums_and_means_are_those_over_the_tokens(ids, data):
    numbers = np.array(data.draw(st.lists(values, min_size=ids.size, max_size=ids.size)), np.float32).reshape(ids.shape)
    mask = sequences.mask(ids)
    of_rows = [
        [float(x) for x, token in zip(*row, strict=True) if token >= 0] for row in zip(numbers, ids, strict=True)
    ]
    everything = [value for row in of_rows for value in row]
    np.testing.assert_array_equal(sequences.lengths(ids), [len(row) for row in of_rows])
    hidden = np.where(ids >= 0, numbers, np.nan)
    np.testing.assert_allclose(sequences.masked_sum(hidden, mask), sum(everything), rtol=1e-4, atol=1e-2)
    means = [sum(row) / len(row) if row else 0.0 for row in of_rows]
    np.testing.assert_allclose(sequences.masked_mean(hidden, mask, axis=1), means, rtol=1e-4, atol=1e-2)


@given(token_ids(), st.integers(0, V - 1))
def test_what_follows_the_first_end_token_becomes_padding(ids, end_token_id):
    padded = sequences.pad_after_end(ids, end_token_id).numpy()
    for row, received in zip(ids.tolist(), padded.tolist(), strict=True):
        kept = row[: row.index(end_token_id) + 1] if end_token_id in row else row
        assert received == kept + [-1] * (len(row) - len(kept))
    np.testing.assert_array_equal(sequences.pad_after_end(padded, end_token_id), padded)


@given(token_ids(), st.data())
def test_the_leave_one_out_baseline_is_the_mean_of_the_other_sequences_there_or_anywhere(ids, data):
    rewards = np.array(data.draw(st.lists(values, min_size=ids.size, max_size=ids.size)), np.float32).reshape(ids.shape)
    mask = sequences.mask(ids)
    found = losses.leave_one_out_baseline(np.where(ids >= 0, rewards, np.nan).astype(np.float32), mask).numpy()
    for b, t in zip(*np.nonzero(ids >= 0), strict=True):
        others = [float(rewards[o, t]) for o in range(len(ids)) if o != b and ids[o, t] >= 0]
        anywhere = [float(rewards[o, u]) for o in range(len(ids)) if o != b for u in np.flatnonzero(ids[o] >= 0)]
        chosen = others or anywhere or [0.0]
        np.testing.assert_allclose(found[b, t], sum(chosen) / len(chosen), rtol=1e-3, atol=1e-2)
