"""Roll-outs of the transformer generator: distribution, equality with a plain procedure, memory."""

import conditional
import numpy as np
import pytest
import tensorflow as tf
from exact import all_sequences, chi_square_p_value, index_of, log_softmax, sequence_probabilities

from seqgan_tf.core import seeds
from seqgan_tf.core.branching import branches_of
from seqgan_tf.core.conditions import condition_on
from seqgan_tf.models.transformer_generator import TransformerGenerator
from seqgan_tf.rewards.completions import complete, pack_lanes
from seqgan_tf.rewards.rollout import MonteCarloRollout

SEED = tf.constant([1, 0])


def make(vocabulary_size, sequence_length, **settings):
    settings = {"hidden_dim": 8, "num_heads": 2, "num_layers": 2, "initializer_stddev": 0.6, "seed": 3} | settings
    return TransformerGenerator(vocabulary_size, sequence_length, 6, **settings)


def discriminator(token_ids, training=False):
    """A fixed number for each sequence, of either sign."""
    token_ids = tf.cast(token_ids, tf.float32)
    places = tf.range(1.0, token_ids.shape[1] + 1.0)
    return 2.5 * tf.sin(tf.reduce_sum((token_ids + 2.0) ** 2 * places, axis=1))


class Stepwise:
    """A generator without its methods for roll-outs, which then keep a copy of the state before every token."""

    def __init__(self, generator):
        self.generator = generator
        self.vocabulary_size, self.start_token_id = generator.vocabulary_size, generator.start_token_id
        self.end_token_id = generator.end_token_id
        self.initial_state, self.step = generator.initial_state, generator.step


# Distribution


@pytest.mark.parametrize("positions", ["rotary", "learned"])
def test_completions_have_the_frequencies_of_the_models_own_probabilities(positions):
    generator, sequences = make(3, 4, end_token_id=0, positions=positions), all_sequences(3, 4, end_token_id=0)
    token_ids = np.array([[2, 1, 1, 2], [1, 2, 0, -1]], np.int32)
    completed = MonteCarloRollout().completions(np.repeat(token_ids, 3000, axis=0), [1, 2, 3], generator, SEED)
    p = sequence_probabilities(generator, sequences)
    drawn = index_of(tf.reshape(completed, [-1, 4]), sequences).reshape(3, 2, 3000)
    for k, b in np.ndindex(3, 2):
        begins_alike = (sequences[:, : k + 1] == token_ids[b, : k + 1]).all(axis=1)
        assert chi_square_p_value(drawn[k, b], p * begins_alike) > 1e-3


def exact_values(policy, row, sequences):
    """Mean and standard deviation of the log-odds of a completion of each prefix of a sequence, by enumeration."""
    p, r = sequence_probabilities(policy, sequences), discriminator(sequences).numpy().astype(np.float64)
    found = []
    for t in range(len(row)):
        weights = p * (sequences[:, : t + 1] == row[: t + 1]).all(axis=1)
        mean = weights @ r / weights.sum()
        found.append((mean, np.sqrt(weights @ (r - mean) ** 2 / weights.sum())))
    return np.transpose(found)


@pytest.mark.parametrize("way", ["xla", "chunks of 2", "unknown batch", "a stride"])
def test_rewards_given_a_condition_are_the_exact_expectation_over_completions(way):
    network = make(3, 4, end_token_id=0, encoder=conditional.encoder(), num_layers=1)
    sequences = all_sequences(3, 4, end_token_id=0)
    token_ids, number = sequences[[4, 9, -1]], 60 if way == "chunks of 2" else 900
    chunk_size, stride = 2 if way == "chunks of 2" else 1350, 2 if way == "a stride" else 1
    estimator = MonteCarloRollout(number, chunk_size=chunk_size, stride=stride)
    sizes = [None, 4] if way == "unknown batch" else token_ids.shape

    @tf.function(input_signature=[tf.TensorSpec(sizes, tf.int32)], jit_compile=True if way == "xla" else None)
    def estimate(token_ids):
        policy = condition_on(network, tf.constant(conditional.SOURCES))
        return estimator.estimate(token_ids, policy, discriminator, SEED)

    found, largest = estimate(token_ids).numpy(), 0
    for b, row in enumerate(token_ids):
        policy = condition_on(network, np.repeat(conditional.SOURCES[[b]], len(sequences), axis=0))
        mean, deviation = exact_values(policy, row, sequences)
        if stride == 2:
            mean, deviation = mean[[1, 1, 3, 3]], deviation[[1, 1, 3, 3]]
        error = np.abs(found[b] - mean) * (row >= 0)
        assert np.all(error < 4.5 * deviation / np.sqrt(number) + 1e-4)
        largest = max(largest, deviation.max())
    assert largest > 0.5


# Each token


def inverse_distribution(logits, uniform):
    return int(np.searchsorted(np.cumsum(np.exp(log_softmax(logits))), uniform, side="right"))


@pytest.mark.parametrize("end_token_id", [None, 0])
@pytest.mark.parametrize("prefixes", [[1, 2, 3, 4, 5, 6], [2, 4, 6], [5]])
def test_completions_are_those_of_a_plain_procedure_for_the_same_uniform_numbers(prefixes, end_token_id):
    """One prefix of one sequence after the other, each token from the logits of the whole sequence so far."""
    generator, length = make(5, 7, end_token_id=end_token_id), 7
    token_ids = np.array([[2, 1, 4, 1, 3, 2, 1], [3, 3, 1, 2, 2, 4, 4], [4, 2, 3, 0, -1, -1, -1]], np.int32)
    if end_token_id is None:
        token_ids[2] = [4, 2, 3, 0, 0, 2, 1]
    branches, logits_of = branches_of(generator, tf.constant(token_ids[:, :-1])), tf.function(generator)
    found = complete(tf.constant(token_ids), prefixes, branches, SEED).numpy()

    steps, placements = pack_lanes([length - prefix for prefix in prefixes])
    rows = 3 * (1 + max(lane for lane, _ in placements))
    bits = [
        tf.random.stateless_uniform([1, rows], seeds.fold_in(SEED, i), minval=None, maxval=None, dtype=tf.uint32)
        for i in range(steps)
    ]
    uniform = (np.array(bits)[:, 0] >> 9) / 2.0**23  # [steps, rows]
    for (k, prefix), b in ((pair, b) for pair in enumerate(prefixes) for b in range(3)):
        lane, offset = placements[k]
        expected = list(token_ids[b, :prefix])
        while len(expected) < length:
            if end_token_id in expected or -1 in expected:
                expected.append(-1)
                continue
            padded = np.array([[*expected, *[0] * (length - len(expected))]], np.int32)
            number = uniform[offset + len(expected) - prefix, lane * 3 + b]
            expected.append(inverse_distribution(logits_of(tf.constant(padded))[0, len(expected)], number))
        np.testing.assert_array_equal(found[k, b], expected)


def test_mixed_precision_draws_valid_completions():
    generator = make(5, 6, end_token_id=0, dtype="mixed_bfloat16")
    token_ids = np.array([[2, 1, 4, 1, 3, 2], [3, 1, 0, -1, -1, -1]], np.int32)
    completed = MonteCarloRollout().completions(token_ids, [1, 3, 5], generator, SEED).numpy()
    for k, prefix in enumerate([1, 3, 5]):
        np.testing.assert_array_equal(completed[k, :, :prefix], token_ids[:, :prefix])
        assert set(completed[k, 0]) <= {0, 1, 2, 3, 4, -1}
    rewards = MonteCarloRollout(2).estimate(token_ids, generator, discriminator, SEED)
    assert np.all(np.isfinite(rewards))


# Memory


def largest_tensor(function, *arguments):
    """The largest number of elements of a tensor in the graph of a function, its loops and branches included."""
    graphs, sizes = [tf.function(function).get_concrete_function(*arguments).graph], []
    while graphs:
        graph = graphs.pop()
        for operation in graph.get_operations():
            for name in ("body", "cond", "then_branch", "else_branch", "f"):
                if name in operation.node_def.attr and operation.node_def.attr[name].func.name:
                    graphs.append(graph._get_function(operation.node_def.attr[name].func.name).graph)
            known = [tensor.shape for tensor in operation.outputs if tensor.shape.is_fully_defined()]
            sizes += [shape.num_elements() for shape in known]
    return max(sizes)


def test_no_tensor_of_an_estimate_holds_a_cache_per_prefix():
    """T 48, every fourth prefix, B 6, N 2: the largest has lanes * B * capacity elements per unit, not K * B * T."""
    length, hidden, batch = 48, 32, 6
    generator = make(5, length, hidden_dim=hidden)
    token_ids = tf.constant(np.random.default_rng(0).integers(0, 5, [batch, length]), tf.int32)
    prefixes = list(range(4, length, 4))
    steps, placements = pack_lanes([length - prefix for prefix in prefixes])
    lanes = 1 + max(lane for lane, _ in placements)
    own, copies = lanes * batch * steps * hidden, len(prefixes) * batch * length * hidden
    assert 1.9 * own < copies

    def estimate(policy):
        estimator = MonteCarloRollout(2, stride=4, chunk_size=batch)
        return largest_tensor(lambda: estimator.estimate(token_ids, policy, discriminator, SEED))

    assert estimate(generator) == own
    assert estimate(Stepwise(generator)) >= (length - 1) * batch * length * hidden  # this test can fail
