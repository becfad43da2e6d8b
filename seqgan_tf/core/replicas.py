"""One training step on several devices, `tf.distribute`: which rows a replica computes, and what all replicas know.

A step gets the whole batch on every replica, and every replica computes its own rows of it. What the losses, baselines
and logs are made of (log-probabilities, logits, sampled sequences, rewards) is gathered: so they are computed from the
whole batch on every replica, by the code that one device runs. Gradients are then averaged, before they are clipped.

Outside of a strategy nothing here adds an operation.

Axes: B rows of the whole batch, R replicas; a replica computes ceil(B / R) rows.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from seqgan_tf.core.conditions import take_rows
from seqgan_tf.core.validation import InputError


class Rows(NamedTuple):
    """The rows of a batch that a replica computes.

    Where R does not divide B, the last replicas compute some of the first rows again; `gather` leaves these out.

    Attributes:
        total: B.
        indices: int32 [ceil(B / R)]; None: all rows.

    Example:
    ```python
    import tensorflow as tf

    from seqgan_tf.core import replicas

    token_ids = tf.constant([[4, 7], [3, 1], [2, 2]])
    rows = replicas.rows(token_ids)  # outside of a strategy: all rows
    print(rows.gather(rows.take(token_ids)).shape)  # (3, 2)
    ```
    """

    total: int | tf.Tensor
    indices: tf.Tensor | None

    @property
    def number(self) -> int | tf.Tensor:
        """How many rows the replica computes."""
        return self.total if self.indices is None else _first_axis(self.indices)

    def take(self, nest: Any) -> Any:
        """These rows of tensors [B, ...]; None for None."""
        return nest if self.indices is None or nest is None else take_rows(nest, self.indices)

    def take_of_each(self, batches: tf.Tensor) -> tf.Tensor:
        """These rows of each of several batches [n, B, ...]."""
        return batches if self.indices is None else tf.gather(batches, self.indices, axis=1)

    def gather(self, values: tf.Tensor) -> tf.Tensor:
        """The rows of all replicas, [B, ...], of those of each, [ceil(B / R), ...].

        Each replica differentiates a function of all rows by its own rows alone, R times. So the mean of the gradients
        of all replicas is the gradient, also of terms that need no rows, such as a regularization.
        """
        if self.indices is None:
            return values
        context = tf.distribute.get_replica_context()
        count, number = context.num_replicas_in_sync, tf.shape(values)[0]

        @tf.custom_gradient
        def gathered(own):
            def gradient(upstream):
                first = context.replica_id_in_sync_group * number
                return tf.cast(count, upstream.dtype) * upstream[first : first + number]

            return context.all_gather(own, axis=0), gradient

        everything = gathered(values)[: self.total]
        static = self.total if isinstance(self.total, int) else None
        return tf.ensure_shape(everything, [static, *values.shape[1:]])


def count() -> int:
    """R, the number of replicas that run this step; 1 outside of `run`."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def rows(batch: int | tf.Tensor) -> Rows:
    """The rows of a batch that this replica computes.

    Args:
        batch: B, or a tensor [B, ...].
    """
    total = batch if isinstance(batch, int) else _first_axis(batch)
    if count() == 1:
        return Rows(total, None)
    number = -(-total // count())
    first = tf.distribute.get_replica_context().replica_id_in_sync_group * number
    return Rows(total, (first + tf.range(number)) % total)


def _first_axis(tensor: tf.Tensor) -> int | tf.Tensor:
    """Its size, as an int where it is known."""
    return tf.shape(tensor)[0] if tensor.shape[0] is None else tensor.shape[0]


def run(strategy: tf.distribute.Strategy, step: Callable[..., Any], *inputs: Any) -> Any:
    """Runs a step on all replicas, each of which gets the same inputs and returns the same nest of tensors.

    Args:
        strategy: the strategy of the networks that the step trains.
        step: the function.
        *inputs: nests of tensors.

    Returns:
        What it returns.
    """
    if _is_none(strategy):
        return step(*inputs)
    results = strategy.run(step, args=inputs)
    return tf.nest.map_structure(lambda result: strategy.experimental_local_results(result)[0], results)


def mean(gradients: Sequence[Any]) -> Sequence[Any]:
    """The means of gradients over all replicas."""
    if count() == 1:
        return gradients
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, list(gradients))


def apply(optimizer: keras.optimizers.Optimizer, gradients: Sequence[Any], variables: Sequence[keras.Variable]) -> None:
    """One step of an optimizer, with gradients that are equal on all replicas.

    Args:
        optimizer: the optimizer. It is used with this function alone.
        gradients: those that `mean` returned.
        variables: Keras variables.
    """
    if count() > 1:
        # Keras would sum the gradients over the replicas after it has clipped those of each.
        optimizer._all_reduce_sum_gradients = list
    optimizer.apply(gradients, variables)


def update(function: Callable[[], Any]) -> None:
    """Runs a function that changes variables, in which all replicas have equal values: once, for the copies of all."""
    context = tf.distribute.get_replica_context()
    if context is None or _is_none(context.strategy):
        function()
    else:
        context.merge_call(lambda strategy: function())


def on_first(function: Callable[[], tf.Tensor], number: int | tf.Tensor) -> tf.Tensor:
    """What the first replica computes for all, so that a Python function of the user is called once per step.

    Args:
        function: returns float32 [number].
        number: size of its result.
    """
    if count() == 1:
        return function()
    context = tf.distribute.get_replica_context()
    is_first = tf.equal(context.replica_id_in_sync_group, 0)
    value = tf.cond(is_first, function, lambda: tf.zeros([number], tf.float32))
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)


def _is_none(strategy: tf.distribute.Strategy) -> bool:
    """Whether it is what TensorFlow has outside of any strategy."""
    with tf.Graph().as_default():
        return strategy is tf.distribute.get_strategy()


class WholeBatches:
    """What Keras needs of a strategy, for a model whose steps get whole batches and run on all replicas themselves.

    Example:
    ```python
    import tensorflow as tf

    from seqgan_tf.core.replicas import WholeBatches

    print(WholeBatches().run(tf.add, args=(1, 2)))  # 3
    ```
    """

    def run(self, step: Callable[..., Any], args: tuple[Any, ...] = ()) -> Any:
        """Calls the step."""
        return step(*args)

    def experimental_distribute_dataset(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        """The dataset itself."""
        return dataset


_strategies: dict[tuple[str, ...], tf.distribute.Strategy] = {}
"""The strategy of several replicas that this process uses, by its devices."""


def check_strategy(strategy: tf.distribute.Strategy, **networks: keras.Model) -> None:
    """Checks that a model and its networks belong to one strategy, the only one of its devices in this process.

    TensorFlow numbers what the replicas exchange from the same number in each strategy. So with a second strategy on
    the same devices, a replica gets what another exchange has left.

    Args:
        strategy: that of the model.
        **networks: the networks, by the names that the user knows.

    Raises:
        InputError: a network was made in the scope of another strategy, or outside of it; or a model of another
            strategy on the same devices was made before.
    """
    if strategy.num_replicas_in_sync > 1:
        devices = strategy.extended.worker_devices
        if _strategies.setdefault(devices, strategy) is not strategy:
            raise InputError(
                "A process must make its strategy once and use it for all models on the same devices. Received: a "
                f"second {type(strategy).__name__} of {', '.join(devices)}"
            )
    for name, network in networks.items():
        for variable in network.weights[:1]:
            own = getattr(variable.value, "distribute_strategy", None)  # a variable of one device has none
            count = 1 if own is None else own.num_replicas_in_sync
            if own is not strategy and max(count, strategy.num_replicas_in_sync) > 1:
                raise InputError(
                    f"`{name}` must be made in the same `strategy.scope()` as the model, which has "
                    f"{strategy.num_replicas_in_sync} replicas. Received: a network of {count}"
                )


def check_scope(strategy: tf.distribute.Strategy) -> None:
    """Checks that a model is trained under the strategy that it was made under, if under any.

    Args:
        strategy: that of the model.

    Raises:
        InputError: the scope of another strategy is open.
    """
    current = tf.distribute.get_strategy()
    if current is not strategy and current.num_replicas_in_sync > 1:
        raise InputError(
            "The model must be made and compiled in the `strategy.scope()` that it is trained in. "
            f"Received: a model of {strategy.num_replicas_in_sync} replicas, "
            f"in a scope of {current.num_replicas_in_sync}"
        )


def check_optimizer(strategy: tf.distribute.Strategy, name: str, optimizer: keras.optimizers.Optimizer) -> None:
    """Checks that an optimizer can step on several replicas.

    Args:
        strategy: that of the model.
        name: what the user calls the optimizer.
        optimizer: the optimizer.

    Raises:
        InputError: it scales the loss, for which TensorFlow has no step on several replicas.
    """
    if strategy.num_replicas_in_sync > 1 and isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        raise InputError(
            f"`{name}` must not scale the loss on {strategy.num_replicas_in_sync} replicas; the dtype policy "
            "'mixed_bfloat16' needs no scale. Received: LossScaleOptimizer"
        )
