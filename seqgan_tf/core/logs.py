"""Logs that a part reports while a step runs, beside those that the step itself computes.

A reward estimator returns rewards and nothing else. Where these are made of several parts, it reports the mean of each,
and the step that collects the reports logs them. Outside such a step a report has no effect.
"""

import contextlib
import contextvars
from collections.abc import Collection, Iterator

import tensorflow as tf

_COLLECTED: contextvars.ContextVar[tuple[Collection[str], dict[str, tf.Tensor]]] = contextvars.ContextVar(
    "collected", default=((), {})
)


@contextlib.contextmanager
def collect(names: Collection[str]) -> Iterator[dict[str, tf.Tensor]]:
    """Collects what is reported inside the `with` block.

    Args:
        names: the names of the logs that the step has; other reports are ignored.

    Yields:
        {name: float32 scalar}, filled when the block ends.
    """
    logs: dict[str, tf.Tensor] = {}
    token = _COLLECTED.set((names, logs))
    try:
        yield logs
    finally:
        _COLLECTED.reset(token)


def report(name: str, values: tf.Tensor) -> None:
    """Reports the mean of values as a log.

    The tensors must belong to the graph of the step: a report inside a loop cannot be read outside of it.

    Args:
        name: name of the log, one of the estimator's `log_names`.
        values: float32 tensor of any shape.
    """
    names, logs = _COLLECTED.get()
    if name in names:
        logs[name] = tf.reduce_mean(values)
