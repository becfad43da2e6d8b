"""Contexts that networks attend to."""

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from seqgan_tf.core.validation import InputError


class Context(NamedTuple):
    """What an encoder makes of a batch of conditions.

    Attributes:
        memory: float [B, S, C], a vector per position of the source.
        mask: float32 [B, S], 1 on positions that count, 0 on padding.
        summary: float [B, D], one vector for all of it.

    Example:
    ```python
    import numpy as np

    import seqgan_tf as sg

    encoder = sg.SequenceEncoder(vocabulary_size=50, embedding_dim=8, hidden_dim=16)
    memory, mask, summary = encoder(np.array([[4, 7, 9], [3, 8, -1]]))  # [2, 3, 32], [2, 3], [2, 32]
    ```
    """

    memory: tf.Tensor
    mask: tf.Tensor
    summary: tf.Tensor


def attention_weights(queries: tf.Tensor, memory: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """softmax(query . memory) over the positions of the memory (dot attention, Luong et al., 2015, equations 7 and 8).

    Args:
        queries: float [B, Q, C].
        memory: float [B, S, C].
        mask: float32 [B, S]; at least one position of each row counts.

    Returns:
        float32 [B, Q, S], with the sum 1 over S.
    """
    scores = tf.cast(tf.matmul(queries, memory, transpose_b=True), tf.float32)  # [B, Q, S]
    return tf.nn.softmax(tf.where(mask[:, tf.newaxis] > 0, scores, scores.dtype.min))


def attend(queries: tf.Tensor, memory: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Means of the memory, weighted by `attention_weights`: float [B, Q, C]. Its arguments are those."""
    return tf.matmul(tf.cast(attention_weights(queries, memory, mask), memory.dtype), memory)


def attend_rows(queries: tf.Tensor, memory: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """`attend` for queries [R, C] or [R, Q, C], of which row r belongs to row r mod B of the memory: the same shape."""
    rows, size, width = tf.shape(queries)[0], tf.shape(memory)[0], queries.shape[-1]
    count = tf.shape(queries)[1] if len(queries.shape) == 3 else 1
    grouped = tf.transpose(tf.reshape(queries, [-1, size, count, width]), [1, 0, 2, 3])  # [B, R / B, Q, C]
    found = attend(tf.reshape(grouped, [size, -1, width]), memory, mask)
    found = tf.transpose(tf.reshape(found, [size, rows // size, count, width]), [1, 0, 2, 3])
    return tf.ensure_shape(tf.reshape(found, tf.shape(queries)), queries.shape)


def tile_rows(tensor: tf.Tensor, rows: int | tf.Tensor) -> tf.Tensor:
    """Repeats a tensor [B, ...] along its first axis, so that row r is row r mod B of the tensor: [rows, ...]."""
    if isinstance(rows, int) and rows == tensor.shape[0]:
        return tensor
    times = tf.concat([[rows // tf.shape(tensor)[0]], tf.ones([tensor.shape.rank - 1], tf.int32)], axis=0)
    tiled = tf.tile(tensor, times)
    return tf.ensure_shape(tiled, [rows if isinstance(rows, int) else None, *tensor.shape[1:]])


def check_encoder(encoder: Any) -> None:
    """Checks that an object can be the encoder of a network.

    Raises:
        InputError: it is no Keras layer or model, has no weights yet, or does not name its widths.
    """
    if not isinstance(encoder, keras.Layer):
        raise InputError(f"`encoder` must be a Keras model or layer. Received: {type(encoder).__name__}")
    for name in ("memory_dim", "summary_dim"):
        if not isinstance(getattr(encoder, name, None), int):
            raise InputError(
                f"`encoder` must have the attribute `{name}`, an int. Received: {encoder.name!r} without it"
            )
    if not encoder.built:
        raise InputError(f"`encoder` must be built: call it once before. Received: {encoder.name!r} without weights")


def check_context(network: keras.Model, context: Any, kind: str) -> None:
    """Checks that a network with an encoder gets a context, and another one none.

    Args:
        network: a model with an attribute `encoder`.
        context: what its `encode` returned, or None.
        kind: what the network is, for the message.

    Raises:
        InputError: the context is missing, or not expected.
    """
    if (context is None) != (network.encoder is None):
        expected = "None" if network.encoder is None else "what `encode(condition)` returns"
        raise InputError(f"`context` must be {expected} for this {kind}. Received: {type(context).__name__}")


def with_encoder(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> dict[str, Any]:
    """The arguments of a network, with the encoder that its configuration describes."""
    if config.get("encoder") is None:
        return config
    return config | {"encoder": keras.saving.deserialize_keras_object(config["encoder"], custom_objects)}
