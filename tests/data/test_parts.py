"""The parts of lines."""

import numpy as np
import pytest

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.parts import Parts

LINES = [f"line {i}" for i in range(40)]


def test_every_line_is_in_one_part_and_aligned_lines_are_split_alike():
    parts = Parts.of(LINES, validation_split=0.3, seed=2)
    assert (len(parts.train), len(parts.validation), parts.test) == (28, 12, None)
    assert sorted([*parts.train, *parts.validation]) == sorted(LINES)
    others = Parts.of([line.upper() for line in LINES], validation_split=0.3, seed=2)
    assert [line.upper() for line in parts.train] == list(others.train)
    assert list(parts.train) != list(Parts.of(LINES, validation_split=0.3, seed=3).train)


def test_groups_are_not_split():
    groups = np.repeat(np.arange(10), 4)
    parts = Parts.of(LINES, validation_split=0.3, groups=groups)
    held_out = {int(line.split()[1]) // 4 for line in parts.validation}
    assert len(held_out) == 3
    assert {int(line.split()[1]) // 4 for line in parts.train} == set(range(10)) - held_out
    assert (len(parts.train), len(parts.validation)) == (28, 12)


def test_parts_of_the_users_own_leave_all_lines_for_training():
    parts = Parts.of(LINES, validation=["v"], test=["t", "u"])
    assert sorted(parts.train) == sorted(LINES)
    assert (list(parts.validation), list(parts.test)) == (["v"], ["t", "u"])


@pytest.mark.parametrize("share", [0, 1, -0.5])
def test_a_share_outside_its_range(share):
    with pytest.raises(InputError, match=f"`validation_split` must be between 0 and 1. Received: {share}"):
        Parts.of(LINES, validation_split=share)


@pytest.mark.parametrize("name", ["validation", "test"])
def test_an_empty_part(name):
    with pytest.raises(InputError, match=f"`{name}` must hold at least one line. Received: none"):
        Parts.of(LINES, **{name: []})
