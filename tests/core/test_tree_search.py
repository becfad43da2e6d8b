"""The search in arrays takes the steps of a plain one over Python objects, and converges to the optimum."""

import math

import numpy as np
import pytest
import tensorflow as tf
from exact import all_sequences, log_softmax

from seqgan_tf.core.tree_search import Prefixes, search
from seqgan_tf.models.generator import Generator

V, T, END = 4, 5, 2


def policy(end_token_id=END):
    return Generator(V, 4, 5, initializer_stddev=1.0, seed=3, end_token_id=end_token_id)


def value(token_ids):
    """A number in (-1, 1) for each sequence."""
    places = tf.range(1.0, token_ids.shape[1] + 1.0)
    return tf.sin(tf.reduce_sum((tf.cast(token_ids, tf.float32) + 2.0) ** 2 * places, axis=1))


def prefixes_of(generator, rows):
    """`Prefixes` of lists of tokens, and what a plain search needs: the lists."""
    token_ids = np.full([len(rows), T], -1, np.int32)
    for r, row in enumerate(rows):
        token_ids[r, : len(row)] = row
    lengths = np.array([len(row) for row in rows], np.int32)
    states, logits = [], []
    for row in rows:
        state = generator.initial_state(1)
        output, state = generator.step(tf.constant([generator.start_token_id]), state)
        for token in row:
            output, state = generator.step(tf.constant([token]), state)
        states.append(state)
        logits.append(output)
    state = tf.nest.map_structure(lambda *parts: tf.concat(parts, axis=0), *states)
    ended = np.array([len(row) == T or row[-1:] == [generator.end_token_id] for row in rows])
    return Prefixes(tf.constant(token_ids), tf.constant(lengths), tf.constant(ended), tf.concat(logits, 0), state)


def next_token_probabilities(generator):
    """{prefix: float64 [V]} of all prefixes shorter than T."""
    sequences = all_sequences(V, T)
    p = np.exp(log_softmax(generator(sequences)))
    return {tuple(row[:t]): p[i, t] for i, row in enumerate(sequences.tolist()) for t in range(T)}


class Node:
    def __init__(self, p, end_token_id, row, own, num_actions):
        self.row, self.own, self.children, self.values = row, own, {}, {}
        self.ended = len(row) == T or row[-1:] == [end_token_id]
        if not self.ended:
            self.actions = np.argsort(-p[tuple(row)], kind="stable")[:num_actions].tolist()
            self.priors = p[tuple(row)][self.actions]

    def best(self, exploration):
        taken = sum(len(values) for values in self.values.values())
        mean = (self.own + sum(map(sum, self.values.values()))) / (1 + taken)
        scores = []
        for action, prior in zip(self.actions, self.priors, strict=True):
            values = self.values.get(action, [])
            bonus = exploration * prior * math.sqrt(taken) / (1 + len(values))
            scores.append((np.mean(values) if values else mean) + bonus)
        return self.actions[int(np.argmax(scores))]


def plain_search(p, end_token_id, row, completions, simulations, exploration, num_actions):
    """(value, {action: values}) of a prefix; completions[m] is the sequence that simulation m completed."""
    values = value(tf.constant(completions)).numpy().tolist()
    root, total = Node(p, end_token_id, row, values[0], num_actions), values[0]
    assert completions[0][: len(row)].tolist() == row
    for m in range(1, simulations):
        node, path, found = root, [], None
        while found is None and not node.ended:
            action = node.best(exploration)
            path.append((node, action))
            if action in node.children:
                node = node.children[action]
            else:
                new = [*node.row, action]
                assert completions[m][: len(new)].tolist() == new
                found = values[m]
                node.children[action] = Node(p, end_token_id, new, found, num_actions)
        found = node.own if found is None else found
        for above, action in path:
            above.values.setdefault(action, []).append(found)
        total += found
    return total / simulations, root.values


@pytest.mark.parametrize("end_token_id", [None, END])
@pytest.mark.parametrize(("simulations", "exploration", "num_actions"), [(1, 1.0, 4), (40, 0.7, 4), (25, 2.0, 2)])
def test_it_is_a_plain_search(end_token_id, simulations, exploration, num_actions):
    generator = policy(end_token_id)
    rows = [[1], [0, 3], [1, 1, 0, 3], [3, END], [0, 1, 0, 1, 3], [3]]
    completions = []

    def record(token_ids):
        completions.append(token_ids)
        return value(token_ids).numpy()

    def recorded(token_ids):
        return tf.ensure_shape(tf.numpy_function(record, [token_ids], tf.float32), [len(rows)])

    prefixes, settings = prefixes_of(generator, rows), (simulations, exploration, num_actions)
    found = tf.function(lambda: search(generator, prefixes, recorded, *settings, tf.constant([1, 2]), shortest=1))()
    completions = np.stack(completions)
    assert len(completions) == simulations
    p = next_token_probabilities(generator)
    for r, row in enumerate(rows):
        expected, by_action = plain_search(p, end_token_id, row, completions[:, r], *settings)
        np.testing.assert_allclose(found.value[r], expected, rtol=1e-5, atol=1e-6)
        visits = dict(zip(found.actions[r].numpy().tolist(), found.visits[r].numpy().tolist(), strict=True))
        assert {action: count for action, count in visits.items() if count} == {
            action: len(values) for action, values in by_action.items()
        }
        for action, mean in zip(found.actions[r].numpy(), found.action_values[r].numpy(), strict=True):
            np.testing.assert_allclose(mean, np.mean(by_action.get(action, 0.0)), rtol=1e-5, atol=1e-6)


def test_visits_and_values_converge_to_the_optimum():
    generator, rows = policy(), [[1], [0, 3], [3, 0, 1]]
    sequences = all_sequences(V, T, END)
    rewards = value(tf.constant(sequences)).numpy()

    def best(row):
        """The largest value of a sequence that begins with the row."""
        return rewards[(sequences[:, : len(row)] == row).all(axis=1)].max()

    prefixes, errors = prefixes_of(generator, rows), []
    for simulations in (16, 512):
        settings = (simulations, 0.5, V, tf.constant([1, 2]))
        found = tf.function(lambda settings=settings: search(generator, prefixes, value, *settings, shortest=1))()
        errors.append(max(best(row) - float(found.value[r]) for r, row in enumerate(rows)))
    assert 2 * errors[1] < errors[0], errors
    for r, row in enumerate(rows):
        visits = found.visits[r].numpy()
        taken = int(found.actions[r, visits.argmax()])
        worst = min(best([*row, token]) for token in range(V))
        assert best(row) - best([*row, taken]) < 0.01 * (best(row) - worst)
        assert visits.sum() == 511


def test_only_the_most_probable_actions_are_tried():
    generator = policy()
    prefixes = prefixes_of(generator, [[1]])
    found = search(generator, prefixes, value, 30, 1.0, 2, tf.constant([3, 4]))
    assert sorted(found.actions[0].numpy()) == sorted(np.argsort(-prefixes.logits[0].numpy())[:2])
    assert found.visits.numpy().sum() == 29


def test_more_actions_than_tokens_are_all_tokens():
    found = search(policy(), prefixes_of(policy(), [[1]]), value, 3, 1.0, 99, tf.constant([3, 4]))
    assert found.actions.shape == (1, V)


def test_a_token_is_fed_once():
    """The prefix is not fed again, and a node's token once: 1 + the rest of the completion per simulation."""
    generator, calls = policy(None), []
    prefixes = prefixes_of(generator, [[1], [3]])

    class Counting:
        vocabulary_size, end_token_id, start_token_id = V, None, generator.start_token_id

        def step(self, token_ids, state):
            calls.append(len(token_ids))
            return generator.step(token_ids, state)

    search(Counting(), prefixes, value, 7, 1.0, V, tf.constant([3, 4]), shortest=1)
    # Completions of T - 1 tokens: the first is drawn from the logits that the node keeps.
    assert calls == [2] * (7 * (T - 2) + 6)
