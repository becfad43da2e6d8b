"""What several processes agree on that train one model, `tf.distribute.MultiWorkerMirroredStrategy`.

Each worker runs the same program on its own machine. So whatever decides which step comes next must be equal on all of
them: otherwise one waits for an exchange that the others never begin.
"""

import functools
from collections.abc import Callable
from typing import TypeGuard

import tensorflow as tf

from seqgan_tf.core import replicas
from seqgan_tf.core.graphs import graph_function


def are_several(strategy: tf.distribute.Strategy | None) -> TypeGuard[tf.distribute.Strategy]:
    """Whether a strategy has replicas in other processes too."""
    if strategy is None or strategy.num_replicas_in_sync == 1:
        return False
    return strategy.num_replicas_in_sync > len(strategy.extended.worker_devices)


def of_first(strategy: tf.distribute.Strategy | None, value: float) -> float:
    """A number of the first worker, on all workers. Machines may round differently, and their clocks differ.

    Args:
        strategy: that of the model. All workers must call this at the same point of the program.
        value: what this worker has.
    """
    return float(_sums(strategy)[0](value)) if are_several(strategy) else value


def on_any(strategy: tf.distribute.Strategy | None, flag: bool) -> bool:
    """Whether a flag is set on any worker; the same on all workers, see `of_first`."""
    return float(_sums(strategy)[1](float(flag))) > 0 if are_several(strategy) else flag


@functools.cache
def _sums(strategy: tf.distribute.Strategy) -> tuple[Callable[[float], tf.Tensor], Callable[[float], tf.Tensor]]:
    """The functions that sum a number over the replicas: of the first one alone, and of all."""

    def exchange(value: tf.Tensor, of_all: bool) -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        counts = of_all or tf.equal(context.replica_id_in_sync_group, 0)
        return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.where(counts, value, tf.zeros_like(value)))

    def sum_of(of_all: bool) -> Callable[[float], tf.Tensor]:
        signature = [tf.TensorSpec([], tf.float64)]  # so that it is compiled once, at the same time on all workers
        return graph_function(lambda value: replicas.run(strategy, exchange, value, of_all), input_signature=signature)

    return sum_of(of_all=False), sum_of(of_all=True)
