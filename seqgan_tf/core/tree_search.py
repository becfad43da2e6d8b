"""Monte Carlo tree search over sequences: many trees at once, one node of each per simulation.

A tree begins at a prefix. A simulation goes down by PUCT (Silver et al., 2017), adds one node, completes its prefix
with the policy, and adds the value of the completed sequence to all nodes above. The state of the generator is kept in
each node, so no token of a tree is fed twice.

Axes: R trees, M nodes of each, A actions of a node, T sequence length.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import tensorflow as tf

from seqgan_tf.core import sampling
from seqgan_tf.core.categorical import draw_at, uniforms
from seqgan_tf.core.conditions import network_of
from seqgan_tf.core.sampling import PLAIN, SamplingSettings
from seqgan_tf.core.sequences import PADDING
from seqgan_tf.core.validation import InputError

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Generator

NONE = -1


class Prefixes(NamedTuple):
    """Where trees begin.

    Attributes:
        token_ids: int32 [R, T], `PADDING` behind the prefix.
        lengths: int32 [R], tokens of each prefix.
        ended: bool [R], whether a prefix is a whole sequence.
        logits: float32 [R, V] of the next token.
        state: the generator's state after the prefix, a nest of [R, ...].

    Example:
    ```python
    import tensorflow as tf

    import seqgan_tf as sg
    from seqgan_tf.core.tree_search import Prefixes, search

    generator = sg.Generator(vocabulary_size=5, seed=1)
    state = generator.initial_state(2)
    logits, state = generator.step(tf.fill([2], generator.start_token_id), state)  # the empty prefix, twice
    empty = Prefixes(tf.fill([2, 4], -1), tf.zeros([2], tf.int32), tf.zeros([2], tf.bool), logits, state)
    number_of_ones = lambda token_ids: tf.reduce_sum(tf.cast(token_ids == 1, tf.float32), axis=1)
    found = search(generator, empty, number_of_ones, 64, 1.0, 5, seed=tf.constant([1, 0]))
    print(found.value, found.actions, found.visits)  # [2], [2, 5], [2, 5]
    ```
    """

    token_ids: tf.Tensor
    lengths: tf.Tensor
    ended: tf.Tensor
    logits: tf.Tensor
    state: Any


class Found(NamedTuple):
    """What a search found out about the prefixes.

    Attributes:
        value: float32 [R], mean value of the sequences of all simulations.
        actions: int32 [R, A], the most probable next tokens.
        visits: float32 [R, A], how many simulations took each; their sum is the number of simulations less 1.
        action_values: float32 [R, A], mean value of these; 0 where there were none.

    Example:
    ```python
    import tensorflow as tf

    from seqgan_tf.core.tree_search import Found

    found = Found(tf.zeros([1]), tf.constant([[3, 1]]), tf.constant([[6.0, 1.0]]), tf.zeros([1, 2]))
    print(tf.gather(found.actions, tf.argmax(found.visits, axis=1), batch_dims=1))  # [3]: taken most often
    ```
    """

    value: tf.Tensor
    actions: tf.Tensor
    visits: tf.Tensor
    action_values: tf.Tensor


class _Nodes(NamedTuple):
    """Node m of all trees at [m]; the node that simulation m adds is node m."""

    children: tf.Tensor  # int32 [M, R, A], NONE where there is none
    visits: tf.Tensor  # float32 [M, R, A], of the edges
    totals: tf.Tensor  # float32 [M, R, A], sums of values
    actions: tf.Tensor  # int32 [M, R, A]
    priors: tf.Tensor  # float32 [M, R, A]
    own: tf.Tensor  # float32 [M, R], value of the completion that the node was added with
    ended: tf.Tensor  # bool [M, R]
    state: Any  # nest of [M, R, ...]


def search(
    generator: "Generator",
    prefixes: Prefixes,
    value: Callable[[tf.Tensor], tf.Tensor],
    simulations: int,
    exploration: float | tf.Tensor,
    num_actions: int,
    seed: tf.Tensor,
    shortest: int | tf.Tensor = 0,
    settings: SamplingSettings = PLAIN,
) -> Found:
    """Values prefixes and their next tokens by tree search.

    In a node the search takes the action with the largest Q + c * pi * sqrt(sum of N) / (1 + N): N counts the
    simulations that took it, Q is the mean value of their sequences, and that of all sequences of the node where there
    were none. Values are backed up as means. The first simulation completes the prefix itself, so a search of one
    simulation is one roll-out.

    Args:
        generator: the policy pi, which also completes the prefixes.
        prefixes: R prefixes.
        value: function of whole sequences int32 [R, T], row r for tree r: float32 [R].
        simulations: completed sequences per tree, at least 1.
        exploration: c.
        num_actions: A; only the A most probable actions of a node are tried, and none of probability 0.
        seed: int32 [2]; or int32 [R, 2], one seed per tree: what a tree finds then does not depend on the others.
        shortest: a lower bound of the lengths of the prefixes, below T; the larger, the shorter the loops. Defaults to
            0.
        settings: how pi draws. Defaults to the unchanged policy.
    """
    length, vocabulary_size = prefixes.token_ids.shape[1], prefixes.logits.shape[1]
    num_actions = min(num_actions, vocabulary_size)
    row = tf.range(tf.shape(prefixes.token_ids)[0])
    depths = min(simulations, length)
    uniform = uniforms(seed, [simulations, length], tf.size(row))  # [M, T, R]

    def at(array: tf.Tensor, node: tf.Tensor) -> tf.Tensor:
        """array[node[r], r] for each r: [R, ...] of an array [M, R, ...]."""
        return tf.gather_nd(array, tf.stack([node, row], axis=1))

    def put(array: tf.Tensor, number: tf.Tensor, new: tf.Tensor) -> tf.Tensor:
        return tf.tensor_scatter_nd_update(array, [[number]], new[tf.newaxis])

    def valued(nodes: _Nodes, number: tf.Tensor, at_prefix: Prefixes) -> tuple[_Nodes, tf.Tensor]:
        """The nodes with node `number`, and the values of the completions of its prefixes."""
        at_prefix = at_prefix._replace(logits=sampling.warp(at_prefix.logits, settings))
        values = value(_complete(generator, at_prefix, shortest, uniform[number], settings))
        priors, actions = tf.math.top_k(tf.nn.softmax(at_prefix.logits), num_actions)
        new = {"actions": actions, "priors": priors, "own": values, "ended": at_prefix.ended, "state": at_prefix.state}
        written = {
            name: tf.nest.map_structure(lambda array, row: put(array, number, row), getattr(nodes, name), new[name])
            for name in new
        }
        return nodes._replace(**written), values

    def chosen(nodes: _Nodes, node: tf.Tensor) -> tf.Tensor:
        """The number of the action that PUCT takes in a node: int32 [R]."""
        visits, totals = at(nodes.visits, node), at(nodes.totals, node)
        taken = tf.reduce_sum(visits, axis=1, keepdims=True)
        mean = (at(nodes.own, node)[:, tf.newaxis] + tf.reduce_sum(totals, axis=1, keepdims=True)) / (1.0 + taken)
        means = tf.where(visits > 0, tf.math.divide_no_nan(totals, visits), mean)
        priors = at(nodes.priors, node)
        bonus = exploration * priors * tf.sqrt(taken) / (1.0 + visits)
        # The first time there is no bonus yet, and all means are equal: the most probable action comes first.
        scores = tf.where(priors > 0, means + bonus, tf.float32.min)
        return tf.argmax(scores, axis=1, output_type=tf.int32)

    def simulate(number, nodes, total):
        def down(depth, node, token_ids, lengths, going, path):
            action = chosen(nodes, node)
            path = put(path, depth, tf.stack([node, row, tf.where(going, action, NONE)], axis=1))
            token = tf.gather(at(nodes.actions, node), action, batch_dims=1)
            child = tf.gather(at(nodes.children, node), action, batch_dims=1)
            is_next = tf.equal(tf.range(length), lengths[:, tf.newaxis]) & going[:, tf.newaxis]
            token_ids = tf.where(is_next, token[:, tf.newaxis], token_ids)
            lengths += tf.cast(going, tf.int32)
            going &= child != NONE
            node = tf.where(going, child, node)
            return depth + 1, node, token_ids, lengths, going & ~at(nodes.ended, node), path

        path = tf.fill([depths, tf.size(row), 3], NONE)
        start = (0, tf.zeros_like(row), prefixes.token_ids, prefixes.lengths, ~prefixes.ended, path)
        _, node, token_ids, lengths, _, path = tf.while_loop(
            lambda depth, node, token_ids, lengths, going, path: tf.reduce_any(going),
            down,
            start,
            maximum_iterations=depths,
        )
        # A tree that stopped at the end of a sequence gets no node; the one that is made for it belongs to no parent.
        is_over = at(nodes.ended, node)
        token = tf.gather(token_ids, tf.maximum(lengths - 1, 0), batch_dims=1)
        logits, state = generator.step(tf.maximum(token, 0), tf.nest.map_structure(lambda s: at(s, node), nodes.state))
        ended = tf.equal(lengths, length)
        if generator.end_token_id is not None:
            ended |= tf.equal(token, generator.end_token_id)
        known = at(nodes.own, node)
        nodes, values = valued(nodes, number, Prefixes(token_ids, lengths, ended, logits, state))
        values = tf.where(is_over, known, values)

        is_taken = path[..., 2] != NONE  # [depths, R]
        edges = tf.maximum(path, 0)
        counts = tf.cast(is_taken, tf.float32)
        last = tf.reduce_sum(tf.cast(is_taken, tf.int32), axis=0) - 1  # [R], the depth of the edge to the new node
        parent = tf.gather_nd(edges, tf.stack([tf.maximum(last, 0), row], axis=1))  # [R, 3]
        child = tf.where(is_over, tf.gather_nd(nodes.children, parent), number)
        return (
            number + 1,
            nodes._replace(
                children=tf.tensor_scatter_nd_update(nodes.children, parent, child),
                visits=tf.tensor_scatter_nd_add(nodes.visits, edges, counts),
                totals=tf.tensor_scatter_nd_add(nodes.totals, edges, counts * values),
            ),
            total + values,
        )

    shape = [simulations, tf.size(row)]
    of_actions = [*shape, num_actions]
    nodes = _Nodes(
        children=tf.fill(of_actions, NONE),
        visits=tf.zeros(of_actions),
        totals=tf.zeros(of_actions),
        actions=tf.zeros(of_actions, tf.int32),
        priors=tf.zeros(of_actions),
        own=tf.zeros(shape),
        ended=tf.zeros(shape, tf.bool),
        state=tf.nest.map_structure(
            lambda s: tf.zeros([simulations, *tf.unstack(tf.shape(s))], s.dtype), prefixes.state
        ),
    )
    nodes, total = valued(nodes, tf.constant(0), prefixes)
    _, nodes, total = tf.while_loop(
        lambda number, nodes, total: number < simulations,
        simulate,
        (tf.constant(1), nodes, total),
        maximum_iterations=simulations - 1,
        parallel_iterations=1,
    )
    visits, totals = nodes.visits[0], nodes.totals[0]
    return Found(total / simulations, nodes.actions[0], visits, tf.math.divide_no_nan(totals, visits))


def check_state(generator: Any, has_scalars: bool) -> None:
    """Checks that the state of a generator can be kept in the nodes of trees.

    Args:
        generator: the policy.
        has_scalars: whether all rows share a part of its state.

    Raises:
        InputError: they do.
    """
    if has_scalars:
        raise InputError(
            f"`generator` must have a state with a row per sequence for a tree search. Received: "
            f"{type(network_of(generator)).__name__}, whose state holds a scalar for all rows"
        )


def _complete(
    generator: "Generator",
    prefixes: Prefixes,
    shortest: int | tf.Tensor,
    uniform: tf.Tensor,
    settings: SamplingSettings,
) -> tf.Tensor:
    """Whole sequences int32 [R, T] that begin with the prefixes, drawn from the policy with numbers [T, R]."""
    token_ids, lengths, ended, logits, state = prefixes
    length = token_ids.shape[1]
    first = tf.where(ended, PADDING, draw_at(logits, uniform[0]))
    if generator.end_token_id is not None:
        ended |= tf.equal(first, generator.end_token_id)
    steps, fed = length - 1 - shortest, tf.maximum(first, 0)
    rest = sampling.decode(generator, fed, state, ended, steps, None, settings=settings, uniform=uniform[1:])
    drawn = tf.transpose(tf.concat([first[tf.newaxis], rest], axis=0))
    behind = tf.range(length) - lengths[:, tf.newaxis]  # [R, T]
    return tf.where(behind < 0, token_ids, tf.gather(drawn, tf.maximum(behind, 0), batch_dims=1))
