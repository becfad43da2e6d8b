"""The policy: a recurrent language model."""

import contextlib
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from seqgan_tf.core import seeds
from seqgan_tf.core.sequences import check_token_ids
from seqgan_tf.core.validation import InputError
from seqgan_tf.models.attention import Context, attend, attend_rows, attention_weights, check_context, tile_rows
from seqgan_tf.models.language_model import LanguageModel, checked_rate

ATTENTION = (None, "luong")
CELLS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}


@keras.saving.register_keras_serializable(package="seqgan_tf")
class Generator(LanguageModel):
    """The policy G_theta(y_t | Y_1:t-1), a recurrent network over a vocabulary (paper, section 2.3).

    `call` computes the logits of whole sequences by teacher forcing; `initial_state` and `step` go token by token.
    Other models can take the place of this class, see `core.protocols.Generator`.

    With an encoder it is G_theta(y_t | Y_1:t-1, c) for a condition c. The summary of the context starts the state of
    each recurrent layer. With attention, the output of the last layer and what it reads from the memory are combined
    before the projection (Luong et al., 2015, equation 5); the memory is projected to `hidden_dim` once per batch.

    Args:
        vocabulary_size: V.
        embedding_dim: size of a token's embedding. Defaults to 32, the paper's.
        hidden_dim: units of each recurrent layer. Defaults to 32, the paper's.
        cell: "lstm" or "gru". Defaults to "lstm".
        num_layers: number of recurrent layers. Defaults to 1.
        dropout: rate in [0, 1), on the input of each recurrent layer and of the projection, under `training=True`.
            Defaults to 0.
        start_token_id: the token that is fed first; it is no part of a sequence. Defaults to None: a token of its own
            with id V, which no sequence can contain. The paper uses token 0.
        end_token_id: the token that ends a sequence. Defaults to None: sequences fill all positions.
        initializer_stddev: every weight, biases included, is drawn from N(0, stddev); the authors use 0.1. Defaults to
            None: the initializers of the Keras layers.
        seed: makes the initial weights and the dropout reproducible. Defaults to None: drawn.
        encoder: the encoder of conditions, see `models.encoders`. Defaults to None: there are no conditions.
        attention: "luong", or None: the state starts with the summary, and nothing else of the context is used.
            Defaults to None.
        embedding_range: r; without `initializer_stddev`, the initial embeddings are drawn from U(-r, r). Defaults to
            0.05, that of Keras. With attention a larger one, such as 0.3, trains faster.
        tie_embeddings: whether the matrix of the output layer is that of the embeddings, transposed (Press and Wolf,
            2017). It needs an `embedding_dim` equal to `hidden_dim`. Defaults to False.
        embedding_dropout: rate in [0, 1) of the tokens of the vocabulary (the start token included) whose embedding is
            0 wherever they are fed in a batch, under `training=True` (Merity et al., 2018, section 4.3). Defaults to 0.
        recurrent_dropout: rate in [0, 1) of the weights of the recurrent matrices that are 0 for a batch, at all
            positions, under `training=True` (Merity et al., 2018, section 2). Defaults to 0.
        output_dropout: rate in [0, 1) on the input of the projection, instead of `dropout`. Defaults to None:
            `dropout`.
        **kwargs: arguments of `keras.Model`, such as `name` and `dtype`.

    Raises:
        InputError: a setting is out of its range.

    Example:
    ```python
    import numpy as np

    import seqgan_tf as sg

    generator = sg.Generator(vocabulary_size=50, hidden_dim=64, end_token_id=0)
    logits = generator(np.array([[4, 7, 9, 2], [3, 0, -1, -1]]))  # [2, 4, 50]
    ```
    """

    def __init__(
        self,
        vocabulary_size: int,
        embedding_dim: int = 32,
        hidden_dim: int = 32,
        cell: str = "lstm",
        num_layers: int = 1,
        dropout: float = 0.0,
        start_token_id: int | None = None,
        end_token_id: int | None = None,
        initializer_stddev: float | None = None,
        seed: int | None = None,
        encoder: keras.Model | None = None,
        attention: str | None = None,
        embedding_range: float = 0.05,
        tie_embeddings: bool = False,
        embedding_dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        output_dropout: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            vocabulary_size,
            embedding_dim,
            hidden_dim,
            num_layers,
            dropout,
            start_token_id,
            end_token_id,
            initializer_stddev,
            seed,
            encoder,
            embedding_range,
            tie_embeddings,
            **kwargs,
        )
        if cell not in CELLS:
            raise InputError(f"`cell` must be one of {sorted(CELLS)}. Received: {cell!r}")
        if attention not in ATTENTION:
            raise InputError(f"`attention` must be 'luong' or None. Received: {attention!r}")
        if encoder is None and attention is not None:
            raise InputError(f"`attention` needs an `encoder`. Received: {attention!r} without one")
        self.cell = cell
        self.attention = attention
        self.embedding_dropout = checked_rate("embedding_dropout", embedding_dropout)
        self.recurrent_dropout = checked_rate("recurrent_dropout", recurrent_dropout)
        self.output_dropout = None if output_dropout is None else checked_rate("output_dropout", output_dropout)

        ints = seeds.integers(self.seed, self.weight_stream)
        self.embedding = self.make_embedding(ints)
        self.recurrent_layers = [
            CELLS[cell](
                self.hidden_dim,
                return_sequences=True,
                kernel_initializer=self.initializer(ints),
                recurrent_initializer=self.initializer(ints, keras.initializers.Orthogonal),
                bias_initializer=self.bias_initializer(ints),
                # Seeds the layer's own dropout, which is not used; without it Keras draws a seed, a variable too.
                seed=None if seed is None else 0,
                dtype=self.dtype_policy,
                name=f"recurrent_{i}",
                **({"unit_forget_bias": initializer_stddev is None} if cell == "lstm" else {}),
            )
            for i in range(self.num_layers)
        ]
        self.make_projection(ints)
        before_projection = self.dropout if self.output_dropout is None else self.output_dropout
        self.dropout_layers = [
            keras.layers.Dropout(rate, seed=next(ints), dtype=self.dtype_policy)
            for rate in [*[self.dropout] * self.num_layers, before_projection]
        ]
        dropout_ints = seeds.integers(self.seed, seeds.WeightStream.GENERATOR_DROPOUT)
        if self.embedding_dropout:
            self.embedding_dropout_layer = keras.layers.Dropout(
                self.embedding_dropout, seed=next(dropout_ints), dtype=self.dtype_policy
            )
        if self.recurrent_dropout:
            self.recurrent_dropout_layers = [
                keras.layers.Dropout(self.recurrent_dropout, seed=next(dropout_ints), dtype=self.dtype_policy)
                for _ in range(self.num_layers)
            ]
        if encoder is not None:

            def dense(name, units, **arguments):
                arguments |= {"kernel_initializer": self.initializer(ints), "dtype": self.dtype_policy, "name": name}
                return keras.layers.Dense(units, **arguments)

            self.bridge = dense("bridge", self.num_layers * self._states_per_layer * self.hidden_dim, activation="tanh")
            if attention:
                self.memory_projection = dense("memory_projection", self.hidden_dim, use_bias=False)
                self.combination = dense("combination", self.hidden_dim, activation="tanh")
        self.build((None, None))

    @property
    def _states_per_layer(self) -> int:
        return 2 if self.cell == "lstm" else 1

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        if self.built:
            return
        self.embedding.build((None, None))
        width = self.embedding_dim
        for layer in self.recurrent_layers:
            layer.build((None, None, width))
            width = self.hidden_dim
        self.build_projection()
        if self.encoder is not None:
            self.bridge.build((None, self.encoder.summary_dim))
            if self.attention:
                self.memory_projection.build((None, None, self.encoder.memory_dim))
                self.combination.build((None, None, 2 * self.hidden_dim))
        self.built = True

    def encode(self, condition: Any, training: bool = False) -> Context | None:
        """The context of a batch of conditions; with attention, its memory is projected to `hidden_dim`.

        Args:
            condition: what the encoder takes, with a leading axis B; None for a generator without an encoder.
            training: whether dropout is on in the encoder.
        """
        context = super().encode(condition, training)
        if context is not None and self.attention:
            context = context._replace(memory=self.memory_projection(context.memory))
        return context

    def call(self, token_ids: tf.Tensor, training: bool = False, context: Context | None = None) -> tf.Tensor:
        """Logits of every position, given the tokens before it.

        Args:
            token_ids: int32 [B, T], padded after the end token.
            context: what `encode` returned for B conditions. Defaults to None, for a generator without an encoder.
            training: whether dropout is on.

        Returns:
            float32 [B, T, V]: position t is predicted from the start token and token_ids[:, :t].

        Raises:
            InputError: an id is outside the vocabulary (checked where values are at hand, not inside a graph); or there
                is an encoder and no context, or a context and no encoder.
        """
        x = self._outputs(token_ids, context, training)
        if self.attention:
            assert context is not None
            x = self.combination(tf.concat([x, attend(x, context.memory, context.mask)], axis=-1))
        x = self.dropout_layers[-1](x, training=training)
        return self.project(x)

    def attention_weights(self, token_ids: tf.Tensor, context: Context) -> tf.Tensor:
        """How much each position reads from each position of the memory, dropout off.

        Args:
            token_ids: int32 [B, T], as for `call`.
            context: what `encode` returned for B conditions.

        Returns:
            float32 [B, T, S], with the sum 1 over S.

        Raises:
            InputError: the generator has no attention, or as for `call`.
        """
        if not self.attention:
            raise InputError("`attention_weights` must be called of a generator with attention. Received: None")
        return attention_weights(self._outputs(token_ids, context), context.memory, context.mask)

    def _outputs(self, token_ids: tf.Tensor, context: Context | None, training: bool = False) -> tf.Tensor:
        """The outputs of the last recurrent layer, by teacher forcing: float [B, T, hidden_dim]."""
        check_context(self, context, "generator")
        fed = self.fed(token_ids)
        x = self.embed(fed)
        if training and self.embedding_dropout:
            kept = self.embedding_dropout_layer(tf.ones([self.embedding.input_dim, 1], x.dtype), training=True)
            x *= tf.gather(kept, tf.maximum(fed, 0))
        states = self._first_states(context)
        for i, layer in enumerate(self.recurrent_layers):
            x = self.dropout_layers[i](x, training=training)
            with self._dropped_weights(i, training):
                x = layer(x) if context is None else layer(x, initial_state=list(states[i]))
        return x

    def _dropped_weights(self, i: int, training: bool) -> contextlib.AbstractContextManager:
        """Within it, weights of the recurrent matrix of layer i are 0 at random, if dropout is on."""
        if not (training and self.recurrent_dropout):
            return contextlib.nullcontext()
        kernel = self.recurrent_layers[i].cell.recurrent_kernel
        dropped = self.recurrent_dropout_layers[i](kernel, training=True)
        return keras.StatelessScope(state_mapping=[(kernel, dropped)])

    def _first_states(self, context: Context | None) -> tuple[tuple[tf.Tensor, ...], ...]:
        """The states of the layers that the summaries of B conditions start; empty where there are none."""
        if context is None:
            return ()
        parts = tf.split(self.bridge(context.summary), self.num_layers * self._states_per_layer, axis=1)
        size = self._states_per_layer
        return tuple(tuple(parts[i * size : (i + 1) * size]) for i in range(self.num_layers))

    def initial_state(
        self, batch_size: int | tf.Tensor, context: Context | None = None
    ) -> tuple[tuple[tf.Tensor, ...], ...]:
        """The state before the start token: for each layer a tuple of [R, hidden_dim], (h, c) or (h,).

        Args:
            batch_size: R, a multiple of the number of conditions.
            context: what `encode` returned. Defaults to None, for a generator without an encoder: zeros.
        """
        check_context(self, context, "generator")
        if context is not None:
            return tf.nest.map_structure(lambda state: tile_rows(state, batch_size), self._first_states(context))
        return tuple(
            tuple(
                tf.zeros([batch_size, self.hidden_dim], self.compute_dtype) for _ in range(len(layer.cell.state_size))
            )
            if self.cell == "lstm"
            else (tf.zeros([batch_size, self.hidden_dim], self.compute_dtype),)
            for layer in self.recurrent_layers
        )

    def step(
        self, token_ids: tf.Tensor, state: tuple[tuple[tf.Tensor, ...], ...], context: Context | None = None
    ) -> tuple[tf.Tensor, tuple[tuple[tf.Tensor, ...], ...]]:
        """Feeds one token per row, and returns the logits of the next token.

        Args:
            token_ids: int32 [R]; the result of a row that feeds padding, as finished rows do, has no meaning.
            state: as `initial_state` returns it.
            context: what `encode` returned for B conditions; row r belongs to condition r mod B. Defaults to None, for
                a generator without an encoder.

        Returns:
            (float32 [R, V] logits, the next state).

        Raises:
            InputError: an id is outside the vocabulary (checked where values are at hand).
        """
        check_token_ids(token_ids, self.embedding.input_dim)
        x = self.embed(token_ids)
        next_state: list[tuple[tf.Tensor, ...]] = []
        for layer, layer_state in zip(self.recurrent_layers, state, strict=True):
            x, layer_state = layer.cell(x, list(layer_state))
            next_state.append(tuple(layer_state))
        if self.attention:
            assert context is not None
            x = self.combination(tf.concat([x, attend_rows(x, context.memory, context.mask)], axis=-1))
        return self.project(x), tuple(next_state)

    def get_config(self) -> dict[str, Any]:
        names = ("cell", "attention", "embedding_dropout", "recurrent_dropout", "output_dropout")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
