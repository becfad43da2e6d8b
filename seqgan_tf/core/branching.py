"""Branches of given sequences: a generator that continues them after any of their tokens, as roll-outs do.

Axes: B sequences, P their tokens, R rows. R is a multiple of B: row r continues sequence r mod B.
"""

from typing import Any

import tensorflow as tf

from seqgan_tf.core.conditions import network_of, rows_of, take_rows
from seqgan_tf.core.sampling import prefix_states


class StateBranches:
    """Branches of any generator: its state before every token is kept, and a row begins with a copy of one of them.

    Args:
        generator: the policy, bound to a condition per sequence where it takes one.
        states: `sampling.prefix_states` of the sequences: tensors [P, B, ...], or [P] for a scalar of the state.

    Example:
    ```python
    import tensorflow as tf

    import seqgan_tf as sg
    from seqgan_tf.core.branching import branches_of

    branches = branches_of(sg.Generator(50), tf.constant([[4, 7, 9], [3, 8, 1]]))
    state = branches.initial_state(4, num_steps=2)
    # Rows 0 and 1 continue both sequences after one token, rows 2 and 3 after two.
    state = branches.branch(state, begins=tf.fill([4], True), counts=tf.constant([1, 1, 2, 2]))
    logits, state = branches.step(tf.constant([7, 8, 9, 1]), state)  # feeds the second token, and the third
    ```
    """

    def __init__(self, generator: Any, states: Any):
        self.generator, self.states = generator, states

    @property
    def end_token_id(self) -> int | None:
        """The token that ends a sequence."""
        return self.generator.end_token_id

    @property
    def has_scalars(self) -> bool:
        """Whether all rows share a part of the state, so that they must continue after the same number of tokens."""
        return any(map(_is_scalar, tf.nest.flatten(self.states)))

    def rows(self, indices: tf.Tensor) -> "StateBranches":
        """The branches of some of the sequences, int32 [B']."""
        taken = tf.nest.map_structure(lambda s: s if _is_scalar(s) else tf.gather(s, indices, axis=1), self.states)
        return StateBranches(rows_of(self.generator, indices), taken)

    def state_after(self, count: int) -> Any:
        """The state of B rows after the start token and `count` tokens of each sequence."""
        return tf.nest.map_structure(lambda s: s[count], self.states)

    def initial_state(self, rows: int | tf.Tensor, num_steps: int) -> Any:
        """The state of R rows that have begun no sequence; they can take any number of steps."""

        def zeros(like):
            found = tf.zeros(tf.concat([[rows], tf.shape(like)[2:]], 0), like.dtype)
            return tf.ensure_shape(found, [rows if isinstance(rows, int) else None, *like.shape[2:]])

        return tf.nest.map_structure(zeros, self.states)

    def branch(self, state: Any, begins: tf.Tensor, counts: tf.Tensor) -> Any:
        """The state in which some rows begin anew, see `core.protocols.BranchingGenerator`."""

        def put(source, current):  # source: [P, B, ...], current: [R, ...]
            row = tf.range(tf.shape(begins)[0]) % tf.shape(source)[1]
            chosen = tf.gather_nd(source, tf.stack([tf.where(begins, counts, 0), row], axis=1))
            is_new = tf.reshape(begins, [-1] + [1] * (current.shape.rank - 1))
            return tf.ensure_shape(tf.where(is_new, chosen, current), current.shape)

        return tf.nest.map_structure(put, self.states, state)

    def step(self, token_ids: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any]:
        """The generator's step for token_ids [R]."""
        return self.generator.step(token_ids, state)


class CacheBranches:
    """Branches of a generator that keeps what prefixes need once per sequence, see `core.protocols.BranchingGenerator`.

    Args:
        generator: the policy, bound to a condition per sequence where it takes one.
        prefixes: its `encode_prefixes(token_ids)`, a nest of tensors with a leading axis B.

    Example:
    ```python
    import tensorflow as tf

    import seqgan_tf as sg
    from seqgan_tf.core.branching import CacheBranches, branches_of

    generator = sg.TransformerGenerator(50, sequence_length=4)
    branches = branches_of(generator, tf.constant([[4, 7, 9], [3, 8, 1]]))
    assert isinstance(branches, CacheBranches)
    ```
    """

    has_scalars = False

    def __init__(self, generator: Any, prefixes: Any):
        self.generator, self.prefixes = generator, prefixes

    @property
    def end_token_id(self) -> int | None:
        """The token that ends a sequence."""
        return self.generator.end_token_id

    def rows(self, indices: tf.Tensor) -> "CacheBranches":
        """The branches of some of the sequences, int32 [B']."""
        return CacheBranches(rows_of(self.generator, indices), take_rows(self.prefixes, indices))

    def initial_state(self, rows: int | tf.Tensor, num_steps: int) -> Any:
        """The state of R rows that have begun no sequence, and will take at most `num_steps` steps."""
        return network_of(self.generator).branch_state(rows, num_steps)

    def branch(self, state: Any, begins: tf.Tensor, counts: tf.Tensor) -> Any:
        """The state in which some rows begin anew, see `core.protocols.BranchingGenerator`."""
        return network_of(self.generator).branch(state, begins, counts)

    def step(self, token_ids: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any]:
        """The generator's step for token_ids [R]."""
        return self.generator.step(token_ids, state, prefixes=self.prefixes)


def branches_of(generator: Any, token_ids: tf.Tensor) -> StateBranches | CacheBranches:
    """The branches of given sequences: those of the generator, where it has its own.

    Args:
        generator: the policy, bound to a condition per sequence where it takes one.
        token_ids: int32 [B, P], P >= 1.
    """
    if hasattr(network_of(generator), "encode_prefixes"):
        return CacheBranches(generator, generator.encode_prefixes(token_ids))
    return StateBranches(generator, prefix_states(generator, token_ids))


def _is_scalar(states: tf.Tensor) -> bool:
    """Whether this part of `prefix_states` is a scalar before each token ([P]), such as the position in a cache."""
    return states.shape.rank == 1
