"""Attention with several heads, rotary positions, and the block that a transformer consists of.

Axes: R rows, H heads, Q queries, S keys, d size of a head; K rows of keys.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import count, repeat
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from seqgan_tf.models.language_model import initializer

INTS_PER_BLOCK = 9
"""Ints that the initializers and the dropout of a block take, from `seed` on."""
LARGEST_PERIOD = 10_000.0  # of the rotations, divided by 2 pi; that of the paper
EXPANSION = 4  # width of the feed-forward layer, as a multiple of `hidden_dim`


class Source(NamedTuple):
    """Keys and values that queries attend to.

    Attributes:
        keys, values: float [K, H, S, d].
        allowed: bool, of a shape that broadcasts to [R, H, Q, S]: whether a query may attend to a key.
        is_shared: whether K divides R, and row r of the queries attends to row r mod K. Else K is R.

    Example:
    ```python
    import tensorflow as tf

    from seqgan_tf.models.transformer_block import Source, attend_to

    keys = tf.random.normal([2, 4, 7, 8])  # two rows, four heads, seven keys of size 8
    found = attend_to(tf.random.normal([6, 4, 1, 8]), [Source(keys, keys, tf.constant(True), is_shared=True)])
    ```
    """

    keys: tf.Tensor
    values: tf.Tensor
    allowed: tf.Tensor
    is_shared: bool = False


def attend_to(queries: tf.Tensor, sources: Sequence[Source]) -> tf.Tensor:
    """softmax(Q K^T / sqrt(d)) V over the keys of all sources together (Vaswani et al., 2017, equation 1).

    Args:
        queries: float [R, H, Q, d]; each may attend to at least one key.
        sources: where the keys are. What several rows share is not copied.

    Returns:
        float [R, H, Q, d].
    """
    scores = []
    for source in sources:
        found = _products(queries, source.keys, source.is_shared, transpose_b=True)
        found = tf.cast(found, tf.float32) * float(queries.shape[-1]) ** -0.5  # [R, H, Q, S]
        scores.append(tf.where(source.allowed, found, found.dtype.min))
    weights = tf.cast(tf.nn.softmax(tf.concat(scores, axis=-1)), queries.dtype)
    parts = tf.split(weights, [tf.shape(part)[-1] for part in scores], axis=-1) if len(scores) > 1 else [weights]
    means = (_products(part, source.values, source.is_shared) for part, source in zip(parts, sources, strict=True))
    return tf.add_n(list(means))


def _products(x: tf.Tensor, matrices: tf.Tensor, is_shared: bool, transpose_b: bool = False) -> tf.Tensor:
    """x [R, H, Q, *] times matrices [K, H, *, *], row r times matrix r mod K: [R, H, Q, *].

    All rows of a shared matrix are one product.
    """
    if not is_shared:
        return tf.matmul(x, matrices, transpose_b=transpose_b)
    rows, heads, count, size = tf.unstack(tf.shape(x))
    shared = tf.shape(matrices)[0]
    x = tf.transpose(tf.reshape(x, [-1, shared, heads, count, size]), [1, 2, 0, 3, 4])  # [K, H, R / K, Q, *]
    found = tf.matmul(tf.reshape(x, [shared, heads, -1, size]), matrices, transpose_b=transpose_b)
    width = tf.shape(found)[-1]
    found = tf.transpose(tf.reshape(found, [shared, heads, -1, count, width]), [2, 0, 1, 3, 4])
    return tf.reshape(found, [rows, heads, count, width])


def rotated(x: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
    """Queries or keys, rotated by their positions: products then depend on distances alone (Su et al., 2021).

    Component i of the first half and component i of the second are a pair, rotated by position / 10000^(2 i / d).

    Args:
        x: float [R, H, Q, d], d even.
        positions: int32 [R, Q] or [1, Q].

    Returns:
        float [R, H, Q, d].
    """
    half = x.shape[-1] // 2
    frequencies = LARGEST_PERIOD ** (-tf.range(half, dtype=tf.float32) / half)
    angles = tf.cast(positions, tf.float32)[:, tf.newaxis, :, tf.newaxis] * frequencies  # [R, 1, Q, d / 2]
    cosine, sine = (tf.cast(value, x.dtype) for value in (tf.cos(angles), tf.sin(angles)))
    first, second = tf.split(x, 2, axis=-1)
    return tf.concat([first * cosine - second * sine, second * cosine + first * sine], axis=-1)


@keras.saving.register_keras_serializable(package="seqgan_tf")
class TransformerBlock(keras.layers.Layer):
    """Self-attention, attention to a memory where there is one, and a feed-forward layer of `4 * hidden_dim` units.

    Each takes the normalized sum of what came before it, and adds its output to that sum (pre-norm). It projects;
    what queries attend to is the caller's. The memory is not projected: the queries of a head are as wide as it is. So
    no keys and values of it have to be kept per layer, and the rows of one condition share it.

    Args:
        hidden_dim: width of the block, a multiple of `num_heads`.
        num_heads: H.
        dropout: rate in [0, 1), on the output of each of the three parts, under `training=True`. Defaults to 0.
        memory_dim: C, the width of the memory. Defaults to None: there is none.
        initializer_stddev: every matrix is drawn from N(0, stddev). Defaults to None: the initializers of Keras.
        seed: makes the initial weights and the dropout reproducible; they take ints from `seed` on. Defaults to None:
            drawn.
        **kwargs: arguments of `keras.layers.Layer`.

    Example:
    ```python
    import tensorflow as tf

    from seqgan_tf.models.transformer_block import Source, TransformerBlock, attend_to

    block = TransformerBlock(hidden_dim=8, num_heads=2, seed=1)
    x = tf.ones([3, 5, 8])
    y = block(x, attend=lambda q, k, v: attend_to(q, [Source(k, v, tf.constant(True))]))  # [3, 5, 8]
    ```
    """

    built: bool

    def __init__(
        self,
        hidden_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        memory_dim: int | None = None,
        initializer_stddev: float | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_dim = hidden_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.memory_dim = memory_dim
        self.initializer_stddev = initializer_stddev
        self.seed = seed
        ints: Iterator[int | None] = repeat(None) if seed is None else count(seed)

        def dense(name: str, units: int) -> keras.layers.Dense:
            kernel = initializer(initializer_stddev, ints)
            return keras.layers.Dense(
                units, use_bias=False, kernel_initializer=kernel, dtype=self.dtype_policy, name=name
            )

        # Of each part: (units of its entrance, width of what its exit gets).
        widths = [(3 * hidden_dim, hidden_dim), (EXPANSION * hidden_dim, EXPANSION * hidden_dim)]
        if memory_dim is not None:
            widths.insert(1, (num_heads * memory_dim, num_heads * memory_dim))
        self.norms = [
            keras.layers.LayerNormalization(epsilon=1e-5, dtype=self.dtype_policy, name=f"norm_{i}")
            for i in range(len(widths))
        ]
        self.entrances = [dense(f"entrance_{i}", units) for i, (units, _) in enumerate(widths)]
        self.exits = [dense(f"exit_{i}", hidden_dim) for i in range(len(widths))]
        self.dropout_layers = [keras.layers.Dropout(dropout, seed=next(ints), dtype=self.dtype_policy) for _ in widths]
        for norm, entrance, way_out, (_, width) in zip(self.norms, self.entrances, self.exits, widths, strict=True):
            norm.build((None, None, hidden_dim))
            entrance.build((None, None, hidden_dim))
            way_out.build((None, None, width))
        self.built = True

    def call(
        self,
        x: tf.Tensor,
        *,
        attend: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor],
        read: Callable[[tf.Tensor], tf.Tensor] | None = None,
        training: bool = False,
    ) -> tf.Tensor:
        """The sum, after this block.

        Args:
            x: float [R, Q, hidden_dim].
            attend: function of queries, keys and values, float [R, H, Q, d] each: what the queries read, of that shape.
            read: function of queries float [R, Q * H, C], a head after the other for each position: what they read from
                the memory, of that shape. Defaults to None, for a block without one.
            training: whether dropout is on.

        Returns:
            float [R, Q, hidden_dim].
        """
        parts = [lambda inner: self._self_attention(inner, attend), _feed_forward]
        if read is not None:
            parts.insert(1, lambda inner: self._memory_attention(inner, read))
        layers = (self.norms, self.entrances, self.exits, self.dropout_layers)
        for part, norm, entrance, way_out, dropout in zip(parts, *layers, strict=True):
            x += dropout(way_out(part(entrance(norm(x)))), training=training)
        return x

    def _self_attention(self, x, attend):
        """[R, Q, 3 * H * d] -> [R, Q, H * d]."""
        rows, count = tf.unstack(tf.shape(x)[:2])
        size = self.hidden_dim // self.num_heads
        heads = tf.transpose(tf.reshape(x, [rows, count, 3, self.num_heads, size]), [2, 0, 3, 1, 4])
        found = attend(*tf.unstack(heads))  # [R, H, Q, d]
        return tf.reshape(tf.transpose(found, [0, 2, 1, 3]), [rows, count, self.hidden_dim])

    def _memory_attention(self, x, read):
        """[R, Q, H * C] -> [R, Q, H * C]."""
        rows, count = tf.unstack(tf.shape(x)[:2])
        queries = tf.reshape(x, [rows, count * self.num_heads, self.memory_dim])
        return tf.reshape(read(queries * self.memory_dim**-0.5), [rows, count, self.num_heads * self.memory_dim])

    def get_config(self) -> dict[str, Any]:
        names = ("hidden_dim", "num_heads", "dropout", "memory_dim", "initializer_stddev", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _feed_forward(x):
    return tf.nn.gelu(x, approximate=True)
