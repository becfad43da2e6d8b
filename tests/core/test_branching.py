"""Rows that continue given sequences, against the logits of whole sequences."""

import conditional
import numpy as np
import pytest
import tensorflow as tf

from seqgan_tf.core.branching import CacheBranches, StateBranches, branches_of
from seqgan_tf.core.conditions import condition_on
from seqgan_tf.models.generator import Generator
from seqgan_tf.models.transformer_generator import TransformerGenerator

TOKEN_IDS = np.array([[2, 1, 4, 1, 3, 0], [3, 3, 1, 2, 2, 4], [4, 2, 0, 0, 1, 1]], np.int32)  # B 3, T 6
B, T, V = 3, 6, 5


def transformer(**settings):
    return TransformerGenerator(V, T, 6, 8, num_heads=2, num_layers=2, initializer_stddev=0.6, seed=2, **settings)


def recurrent(**settings):
    return Generator(V, 3, 6, initializer_stddev=1.0, seed=2, num_layers=2, **settings)


KINDS = {
    "recurrent": (recurrent, StateBranches),
    "rotary": (transformer, CacheBranches),
    "learned": (lambda **settings: transformer(positions="learned", **settings), CacheBranches),
}


def bound(make, with_condition):
    if not with_condition:
        return make()
    return condition_on(make(encoder=conditional.encoder()), conditional.SOURCES)


@pytest.mark.parametrize("with_condition", [False, True], ids=["", "condition"])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_begin_at_any_step_after_any_prefix_get_the_logits_of_the_whole_sequence(kind, with_condition):
    make, expected_class = KINDS[kind]
    policy = bound(make, with_condition)
    whole, branches = policy(TOKEN_IDS).numpy(), branches_of(policy, tf.constant(TOKEN_IDS[:, :-1]))
    assert type(branches) is expected_class
    # {(row, step): tokens before the one that the row is fed first}: 4 * B rows, eight steps.
    begins = {(0, 0): 3, (1, 0): 0, (2, 1): 2, (3, 0): 4, (4, 3): 1, (5, 2): 4, (6, 0): 0, (9, 4): 0, (11, 7): 3}
    begins |= {(0, 2): 1, (3, 1): 3, (3, 4): 2, (1, 6): 4}  # the same rows again
    state, rows, steps = branches.initial_state(4 * B, 8), 4 * B, 8
    at, compared = {}, 0
    for step in range(steps):
        new = np.array([(row, step) in begins for row in range(rows)])
        counts = np.array([begins.get((row, step), 0) for row in range(rows)], np.int32)
        state = branches.branch(state, tf.constant(new), tf.constant(counts))
        at = {row: position + 1 for row, position in at.items()} | {row: counts[row] for row in np.flatnonzero(new)}
        fed = [TOKEN_IDS[row % B, at[row]] if at.get(row, T) < T else 1 for row in range(rows)]
        logits, state = branches.step(tf.constant(fed), state)
        for row, position in at.items():
            if position < T - 1:
                np.testing.assert_allclose(logits[row], whole[row % B, position + 1], atol=1e-5)
                compared += 1
    assert compared > 30


@pytest.mark.parametrize("with_condition", [False, True], ids=["", "condition"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_branches_of_some_rows_are_those_of_their_sequences(kind, with_condition):
    policy = bound(KINDS[kind][0], with_condition)
    whole = policy(TOKEN_IDS).numpy()
    some = branches_of(policy, tf.constant(TOKEN_IDS[:, :-1])).rows(tf.constant([2, 0]))
    state = some.branch(some.initial_state(4, 1), tf.fill([4], True), tf.constant([1, 1, 3, 3]))
    logits, _ = some.step(tf.constant(TOKEN_IDS[[2, 0, 2, 0], [1, 1, 3, 3]]), state)
    np.testing.assert_allclose(logits, whole[[2, 0, 2, 0], [2, 2, 4, 4]], atol=1e-5)


def test_the_cache_holds_one_row_per_sequence_and_the_state_only_the_steps_of_its_rows():
    generator = transformer()
    branches = branches_of(generator, tf.constant(TOKEN_IDS[:, :-1]))
    shapes = [tuple(tensor.shape) for tensor in tf.nest.flatten(branches.prefixes)]
    assert shapes == [(B, 2, T - 1, 4)] * 4  # keys and values of two layers
    state = branches.initial_state(7 * B, 4)
    assert {tuple(tensor.shape) for tensor in (*state.keys, *state.values)} == {(7 * B, 2, 4, 4)}
