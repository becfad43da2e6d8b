"""Conditions: what a sequence is generated for, and networks that are bound to them.

A condition is what the user has: a tensor, or a nest of tensors, whose first axis is the batch: source ids [B, S], a
label [B], an image [B, H, W, 3]. The method `encode` of a network turns it into a context, once per batch. Sampling,
roll-outs and metrics need neither: they get a network that is bound to the condition of each sequence, and use it as
one without a condition.

Axes: B conditions, R rows, T sequence length. R is a multiple of B: row r belongs to condition r mod B. So a context is
in memory once per condition, however many sequences are completed for it.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from seqgan_tf.core.validation import InputError


def takes_condition(network: Any) -> bool:
    """Whether a network computes its outputs given a condition: it has an `encoder`."""
    return getattr(network, "encoder", None) is not None


class Conditioned:
    """A generator or a discriminator, bound to the conditions of the sequences that it gets.

    It has the methods that `core.protocols` asks of both, without a context.

    Args:
        network: a network that takes conditions.
        context: `network.encode(condition)`, a nest of tensors with a leading axis B.
        condition: what the context was made of, for rewards that read it. Defaults to None: it is not kept.

    Example:
    ```python
    import numpy as np

    import seqgan_tf as sg
    from seqgan_tf.core.conditions import condition_on

    generator = sg.Generator(50, encoder=sg.LabelEncoder(num_labels=3))
    policy = condition_on(generator, np.array([0, 2]))
    logits = policy(np.array([[4, 7, 9], [3, 8, 1]]))  # [2, 3, 50]: row 0 given the label 0, row 1 given the label 2
    ```
    """

    def __init__(self, network: Any, context: Any, condition: Any = None):
        self.network, self.context, self.condition = network, context, condition

    @property
    def vocabulary_size(self) -> int:
        """V."""
        return self.network.vocabulary_size

    @property
    def sequence_length(self) -> int:
        """T, of a discriminator, or of a generator that has a maximum."""
        return self.network.sequence_length

    @property
    def start_token_id(self) -> int:
        """The token that is fed first, of a generator."""
        return self.network.start_token_id

    @property
    def end_token_id(self) -> int | None:
        """The token that ends a sequence, of a generator."""
        return self.network.end_token_id

    def __call__(self, token_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """The network's output for token_ids [R, T]."""
        return self.network(token_ids, context=self.context, training=training)

    def initial_state(self, batch_size: int | tf.Tensor) -> Any:
        """The generator's state before the start token, for R = `batch_size` rows."""
        return self.network.initial_state(batch_size, context=self.context)

    def step(self, token_ids: tf.Tensor, state: Any, **prefixes: Any) -> tuple[tf.Tensor, Any]:
        """The generator's step for token_ids [R]; `prefixes` is what `encode_prefixes` returned, where it has that."""
        return self.network.step(token_ids, state, context=self.context, **prefixes)

    def encode_prefixes(self, token_ids: tf.Tensor) -> Any:
        """What a generator that has this method needs of the prefixes of token_ids [B, P]."""
        return self.network.encode_prefixes(token_ids, context=self.context)

    def rows(self, indices: tf.Tensor) -> "Conditioned":
        """The network, bound to some of the conditions, int32 [B']."""
        condition = None if self.condition is None else take_rows(self.condition, indices)
        return Conditioned(self.network, take_rows(self.context, indices), condition)


def bound(network: Any, context: Any) -> Any:
    """The network, bound to a context that it has encoded; the network itself where there is none."""
    return network if context is None else Conditioned(network, context)


def condition_on(network: Any, condition: Any, training: bool = False) -> Any:
    """The network, bound to a condition; the network itself where it takes none.

    Args:
        network: a `Generator` or a `Discriminator`.
        condition: a nest of tensors with a leading axis B; None where there is none.
        training: whether dropout is on in the encoder. Defaults to False.

    Raises:
        InputError: the network takes conditions, and there is none.
    """
    if not takes_condition(network):
        return network
    if condition is None:
        raise InputError(f"`condition` must be given for {network.name!r}, which has an encoder. Received: None")
    return Conditioned(network, network.encode(condition, training=training), condition)


def network_of(network: Any) -> Any:
    """The network itself, without the conditions that it may be bound to."""
    return network.network if isinstance(network, Conditioned) else network


def condition_of(network: Any) -> Any:
    """The conditions that a network is bound to, a nest of tensors with a leading axis B; None where there are none."""
    return network.condition if isinstance(network, Conditioned) else None


def take_rows(nest: Any, indices: tf.Tensor) -> Any:
    """Rows of all tensors of a nest: [..., *] for indices [...]."""
    return tf.nest.map_structure(lambda tensor: tf.gather(tensor, indices), nest)


def first_rows(nest: Any, count: int) -> Any:
    """At most `count` rows of all arrays of a nest; None for None."""
    return None if nest is None else tf.nest.map_structure(lambda array: array[:count], nest)


def rows_of(network: Any, indices: tf.Tensor | None) -> Any:
    """A bound network for some of its conditions, int32 [B'], or for all (None); another network as it is."""
    return network.rows(indices) if isinstance(network, Conditioned) and indices is not None else network


def differs_from_previous(condition: Any) -> tf.Tensor:
    """Whether the condition of each row is another one than that of the row before it (cyclically): bool [B]."""

    def differs(tensor):
        tensor = tf.convert_to_tensor(tensor)
        unequal = tf.not_equal(tensor, tf.roll(tensor, 1, axis=0))
        return tf.reduce_any(unequal, axis=list(range(1, tensor.shape.rank)))

    return tf.reduce_any(tf.stack([differs(tensor) for tensor in tf.nest.flatten(condition)]), axis=0)


def number_of_rows(condition: Any) -> int | None:
    """B, the number of conditions in a nest of arrays; None where there is no condition.

    Raises:
        InputError: the arrays have different numbers of rows, or none.
    """
    if condition is None:
        return None
    counts = sorted({np.shape(array)[0] if np.ndim(array) else 0 for array in tf.nest.flatten(condition)})
    if len(counts) != 1 or not counts[0]:
        raise InputError(f"`condition` must hold arrays with as many rows each, at least 1. Received: {counts} rows")
    return counts[0]


def check_rows(network: Any, condition: Any, rows: int) -> None:
    """Checks that there is a condition per sequence where a network takes conditions, and none where it does not.

    Args:
        network: a `Generator` or a `Discriminator`.
        condition: a nest of arrays, or None.
        rows: number of sequences.

    Raises:
        InputError: it is missing, not expected, or has another number of rows.
    """
    received = number_of_rows(condition)
    if takes_condition(network) and received is None:
        raise InputError("`condition` must be given for a network with an encoder. Received: None")
    if not takes_condition(network) and received is not None:
        raise InputError("`condition` must be None for a network without an encoder. Received: a condition")
    if received not in (None, rows):
        raise InputError(f"`condition` must hold {rows} rows, one per sequence. Received: {received}")


def padded_rows(condition: Any, first: int, size: int) -> Any:
    """`size` rows from `first` on, as tensors; where there are fewer, the last row is repeated, for one trace."""

    def take(array):
        part = np.asarray(array[first : first + size])
        return tf.convert_to_tensor(np.concatenate([part, np.repeat(part[-1:], size - len(part), axis=0)]))

    return None if condition is None else tf.nest.map_structure(take, condition)
