"""Bidirectional recurrent layers over token ids: what `SequenceEncoder` and `RecurrentDiscriminator` have in common.

Axes: B batch, S sequence length.
"""

from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from seqgan_tf.core import seeds
from seqgan_tf.core.optimizers import check_policy
from seqgan_tf.core.sequences import PADDING
from seqgan_tf.core.validation import InputError, check_at_least, real_number, whole_number
from seqgan_tf.models.embedding import EmbeddingModel
from seqgan_tf.models.generator import CELLS
from seqgan_tf.models.language_model import check_embedding_range


class BidirectionalModel(EmbeddingModel):
    """A model with an embedding and bidirectional recurrent layers. Padding changes none of their outputs.

    A subclass sets `weight_stream`, and calls `make_layers` in its `__init__` and `build_layers` in its `build`.

    Args:
        vocabulary_size: number of tokens.
        embedding_dim: size of a token's embedding.
        embedding_range: r; the initial embeddings are drawn from U(-r, r).
        hidden_dim: units of each direction of each layer.
        cell: "lstm" or "gru".
        num_layers: number of bidirectional layers.
        dropout: rate in [0, 1), on the input of each layer, under `training=True`.
        seed: makes the initial weights and the dropout reproducible; None: drawn.
        **kwargs: arguments of `keras.Model`, such as `name` and `dtype`.

    Raises:
        InputError: a setting is out of its range.

    Example:
    ```python
    import numpy as np

    import seqgan_tf as sg

    encoder = sg.SequenceEncoder(vocabulary_size=50, hidden_dim=16)
    outputs, last_states = encoder.read(np.array([[4, 7, 9], [3, 8, -1]]))  # [2, 3, 32], two of [2, 16]
    ```
    """

    built: bool
    weight_stream: seeds.WeightStream

    def __init__(
        self,
        vocabulary_size: int,
        embedding_dim: int,
        embedding_range: float,
        hidden_dim: int,
        cell: str,
        num_layers: int,
        dropout: float,
        seed: int | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_policy(self.dtype_policy)
        self.vocabulary_size = whole_number("vocabulary_size", vocabulary_size)
        self.embedding_dim = whole_number("embedding_dim", embedding_dim)
        self.embedding_range = real_number("embedding_range", embedding_range)
        self.hidden_dim = whole_number("hidden_dim", hidden_dim)
        self.cell = cell
        self.num_layers = whole_number("num_layers", num_layers)
        self.dropout = real_number("dropout", dropout)
        self.seed = None if seed is None else whole_number("seed", seed)
        check_at_least(2, vocabulary_size=self.vocabulary_size)
        check_at_least(1, embedding_dim=self.embedding_dim, hidden_dim=self.hidden_dim, num_layers=self.num_layers)
        check_embedding_range(self.embedding_range)
        if cell not in CELLS:
            raise InputError(f"`cell` must be one of {sorted(CELLS)}. Received: {cell!r}")
        if not 0 <= self.dropout < 1:
            raise InputError(f"`dropout` must be in [0, 1). Received: {dropout}")

    def make_layers(self) -> Iterator[int | None]:
        """Makes the layers, without their weights.

        Returns:
            The ints for the initializers of further layers.
        """
        ints = seeds.integers(self.seed, self.weight_stream)
        self.embedding = self.uniform_embedding(next(ints))

        def direction(backward, name):
            return CELLS[self.cell](
                self.hidden_dim,
                return_sequences=True,
                return_state=True,
                go_backwards=backward,
                kernel_initializer=keras.initializers.GlorotUniform(seed=next(ints)),
                recurrent_initializer=keras.initializers.Orthogonal(seed=next(ints)),
                seed=None if self.seed is None else 0,  # of dropout in the layer, which is not used
                dtype=self.dtype_policy,
                name=name,
            )

        self.forward_layers, self.backward_layers, self.dropout_layers = [], [], []
        for i in range(self.num_layers):
            self.forward_layers.append(direction(False, f"forward_{i}"))
            self.backward_layers.append(direction(True, f"backward_{i}"))
            self.dropout_layers.append(keras.layers.Dropout(self.dropout, seed=next(ints), dtype=self.dtype_policy))
        return ints

    def build_layers(self) -> None:
        """Makes the weights of the layers."""
        self.embedding.build((None, None))
        width = self.embedding_dim
        for pair in zip(self.forward_layers, self.backward_layers, strict=True):
            for layer in pair:
                layer.build((None, None, width))
            width = 2 * self.hidden_dim

    def read(self, token_ids: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """The outputs and the last states of the last layer.

        Args:
            token_ids: int [B, S], padded with -1 at the end.
            training: whether dropout is on.

        Returns:
            (outputs of both directions side by side, float [B, S, 2 * hidden_dim], of no meaning on padding; the last
            state of each direction, float [B, hidden_dim]).
        """
        token_ids = tf.cast(token_ids, tf.int32)
        is_token = tf.not_equal(token_ids, PADDING)
        x, states = self.embedding(tf.maximum(token_ids, 0)), []
        for dropout, forward, backward in zip(
            self.dropout_layers, self.forward_layers, self.backward_layers, strict=True
        ):
            x = dropout(x, training=training)
            ahead, *last = forward(x, mask=is_token)
            back, *first = backward(x, mask=is_token)
            x, states = tf.concat([ahead, tf.reverse(back, [1])], axis=2), [last[0], first[0]]
        return x, states

    def get_config(self) -> dict[str, Any]:
        sizes = ("vocabulary_size", "embedding_dim", "embedding_range", "hidden_dim", "cell", "num_layers")
        return {**super().get_config(), **{name: getattr(self, name) for name in (*sizes, "dropout", "seed")}}
