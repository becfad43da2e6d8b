"""How functions are compiled to graphs."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def graph_function(function: Callable[..., Any], **arguments: Any) -> Any:
    """`tf.function` without AutoGraph, as Keras compiles models; it can be a decorator.

    AutoGraph would read and translate the source of each function that is called, which takes longer than all else
    until the first result. So an `if`, `while` or `for` over the value of a tensor is an error, here and in the models
    that users write: `tf.where`, `tf.cond` and `tf.while_loop` do this.

    Args:
        function: the function.
        **arguments: as for `tf.function`: `input_signature`, `jit_compile`, `reduce_retracing`.

    Example:
    ```python
    import tensorflow as tf

    from seqgan_tf.core.graphs import graph_function

    double = graph_function(lambda x: 2 * x, input_signature=[tf.TensorSpec([None])])
    print(double(tf.constant([1.0, 2.0])))  # [2, 4]
    ```
    """
    return tf.function(function, autograph=False, **arguments)


def mapped(dataset: tf.data.Dataset, function: Callable[..., Any], **arguments: Any) -> tf.data.Dataset:
    """`dataset.map(function)` without AutoGraph, as `graph_function`.

    Args:
        dataset: the dataset.
        function: from the components of an element to those of the new element.
        **arguments: as for `tf.data.Dataset.map`.

    Example:
    ```python
    import tensorflow as tf

    from seqgan_tf.core.graphs import mapped

    print(list(mapped(tf.data.Dataset.range(3), lambda x: 2 * x)))  # 0, 2, 4
    ```
    """
    return dataset.map(tf.autograph.experimental.do_not_convert(function), **arguments)
