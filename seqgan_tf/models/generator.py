"""The policy: a recurrent language model."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqgan_tf.core import seeds
from seqgan_tf.core.optimizers import check_policy
from seqgan_tf.core.random_state import RandomStateModel
from seqgan_tf.core.sequences import PADDING, check_token_ids
from seqgan_tf.core.validation import InputError, check_at_least, real_number, whole_number
from seqgan_tf.models.attention import (
    Context,
    attend,
    attend_rows,
    attention_weights,
    check_context,
    check_encoder,
    tile_rows,
    with_encoder,
)

ATTENTION = (None, "luong")
CELLS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}


@keras.saving.register_keras_serializable(package="seqgan_tf")
class Generator(RandomStateModel):
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

    built: bool
    weight_stream = seeds.WeightStream.GENERATOR

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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_policy(self.dtype_policy)
        vocabulary_size = whole_number("vocabulary_size", vocabulary_size)
        embedding_dim, hidden_dim = whole_number("embedding_dim", embedding_dim), whole_number("hidden_dim", hidden_dim)
        num_layers, dropout = whole_number("num_layers", num_layers), real_number("dropout", dropout)
        start_token_id = None if start_token_id is None else whole_number("start_token_id", start_token_id)
        end_token_id = None if end_token_id is None else whole_number("end_token_id", end_token_id)
        seed = None if seed is None else whole_number("seed", seed)
        if initializer_stddev is not None:
            initializer_stddev = real_number("initializer_stddev", initializer_stddev)
        check_at_least(2, vocabulary_size=vocabulary_size)
        if cell not in CELLS:
            raise InputError(f"`cell` must be one of {sorted(CELLS)}. Received: {cell!r}")
        check_at_least(1, embedding_dim=embedding_dim, hidden_dim=hidden_dim, num_layers=num_layers)
        if not 0 <= dropout < 1:
            raise InputError(f"`dropout` must be in [0, 1). Received: {dropout}")
        for name, token in (("start_token_id", start_token_id), ("end_token_id", end_token_id)):
            if token is not None and not 0 <= token < vocabulary_size + (name == "start_token_id"):
                raise InputError(f"`{name}` must be in [0, {vocabulary_size}), the vocabulary. Received: {token}")
        embedding_range = real_number("embedding_range", embedding_range)
        check_embedding_range(embedding_range)
        if attention not in ATTENTION:
            raise InputError(f"`attention` must be 'luong' or None. Received: {attention!r}")
        if encoder is not None:
            check_encoder(encoder)
        elif attention is not None:
            raise InputError(f"`attention` needs an `encoder`. Received: {attention!r} without one")
        self.vocabulary_size = vocabulary_size
        self.embedding_dim = embedding_dim
        self.hidden_dim = hidden_dim
        self.cell = cell
        self.num_layers = num_layers
        self.dropout = dropout
        self.start_token_id = vocabulary_size if start_token_id is None else start_token_id
        self.end_token_id = end_token_id
        self.initializer_stddev = initializer_stddev
        self.seed = seed
        self.encoder = encoder
        self.attention = attention
        self.embedding_range = embedding_range

        ints, bound = seeds.integers(seed, self.weight_stream), embedding_range

        def weights(default, **arguments):
            if initializer_stddev is None:
                return default(seed=next(ints), **arguments)
            return keras.initializers.RandomNormal(stddev=initializer_stddev, seed=next(ints))

        def biases():
            if initializer_stddev is None:
                return "zeros"
            return keras.initializers.RandomNormal(stddev=initializer_stddev, seed=next(ints))

        self.embedding = keras.layers.Embedding(
            max(vocabulary_size, self.start_token_id + 1),
            embedding_dim,
            embeddings_initializer=weights(keras.initializers.RandomUniform, minval=-bound, maxval=bound),
            dtype=self.dtype_policy,
        )
        self.recurrent_layers = [
            CELLS[cell](
                hidden_dim,
                return_sequences=True,
                kernel_initializer=weights(keras.initializers.GlorotUniform),
                recurrent_initializer=weights(keras.initializers.Orthogonal),
                bias_initializer=biases(),
                # Seeds the layer's own dropout, which is not used; without it Keras draws a seed, a variable too.
                seed=None if seed is None else 0,
                dtype=self.dtype_policy,
                **({"unit_forget_bias": initializer_stddev is None} if cell == "lstm" else {}),
            )
            for _ in range(num_layers)
        ]
        self.projection = keras.layers.Dense(
            vocabulary_size,
            kernel_initializer=weights(keras.initializers.GlorotUniform),
            bias_initializer=biases(),
            dtype=self.dtype_policy,
        )
        self.dropout_layers = [
            keras.layers.Dropout(dropout, seed=next(ints), dtype=self.dtype_policy) for _ in range(num_layers + 1)
        ]
        if encoder is not None:

            def dense(units, **arguments):
                kernel = weights(keras.initializers.GlorotUniform)
                return keras.layers.Dense(units, kernel_initializer=kernel, dtype=self.dtype_policy, **arguments)

            self.bridge = dense(num_layers * self._states_per_layer * hidden_dim, activation="tanh")
            if attention:
                self.memory_projection = dense(hidden_dim, use_bias=False)
                self.combination = dense(hidden_dim, activation="tanh")
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
        self.projection.build((None, None, width))
        if self.encoder is not None:
            self.bridge.build((None, self.encoder.summary_dim))
            if self.attention:
                self.memory_projection.build((None, None, self.encoder.memory_dim))
                self.combination.build((None, None, 2 * self.hidden_dim))
        self.built = True

    def start_from_frequencies(self, token_ids: np.ndarray) -> None:
        """Sets the bias of the output layer to the logarithms of the frequencies of the tokens.

        Training then starts from the best distribution that ignores what came before, and need not learn it first.
        With attention, that first part of the training can drive all units into saturation, where they stay.

        Args:
            token_ids: int array [n, T], the training data, padded with -1. Every token is counted once more than it
                occurs.

        Raises:
            InputError: an id is outside the vocabulary.
        """
        check_token_ids(token_ids, self.vocabulary_size)
        counts = np.ones(self.vocabulary_size)
        for start in range(0, len(token_ids), 100_000):  # no large temporary arrays
            part = np.asarray(token_ids[start : start + 100_000])
            counts += np.bincount(part[part != PADDING], minlength=self.vocabulary_size)
        self.projection.bias.assign(np.log(counts / counts.sum()))

    def encode(self, condition: Any, training: bool = False) -> Context | None:
        """The context of a batch of conditions; with attention, its memory is projected to `hidden_dim`.

        Args:
            condition: what the encoder takes, with a leading axis B; None for a generator without an encoder.
            training: whether dropout is on in the encoder.
        """
        if self.encoder is None:
            return None
        context = self.encoder(condition, training=training)
        if self.attention:
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
        return self._project(x)

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
        check_token_ids(token_ids, self.vocabulary_size)
        token_ids = tf.cast(token_ids, tf.int32)
        start = tf.fill([tf.shape(token_ids)[0], 1], self.start_token_id)
        x = self._embed(tf.concat([start, token_ids[:, :-1]], axis=1))
        states = self._first_states(context)
        for i, layer in enumerate(self.recurrent_layers):
            x = self.dropout_layers[i](x, training=training)
            x = layer(x) if context is None else layer(x, initial_state=list(states[i]))
        return x

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
        x = self._embed(token_ids)
        next_state: list[tuple[tf.Tensor, ...]] = []
        for layer, layer_state in zip(self.recurrent_layers, state, strict=True):
            x, layer_state = layer.cell(x, list(layer_state))
            next_state.append(tuple(layer_state))
        if self.attention:
            assert context is not None
            x = self.combination(tf.concat([x, attend_rows(x, context.memory, context.mask)], axis=-1))
        return self._project(x), tuple(next_state)

    def _project(self, x):
        """Logits, float32 [..., V]. In this form TensorFlow fuses the bias into the product; `Dense` does not."""
        if self.projection.quantization_mode is not None:  # its kernel holds integers
            return tf.cast(self.projection(x), tf.float32)
        kernel, bias = (tf.cast(variable, x.dtype) for variable in (self.projection.kernel, self.projection.bias))
        logits = tf.nn.bias_add(tf.matmul(tf.reshape(x, [-1, self.hidden_dim]), kernel), bias)
        return tf.cast(tf.reshape(logits, tf.concat([tf.shape(x)[:-1], [self.vocabulary_size]], axis=0)), tf.float32)

    def _embed(self, token_ids):
        return self.embedding(tf.maximum(token_ids, 0))

    def get_config(self) -> dict[str, Any]:
        own_start = self.start_token_id == self.vocabulary_size
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "embedding_dim": self.embedding_dim,
            "hidden_dim": self.hidden_dim,
            "cell": self.cell,
            "num_layers": self.num_layers,
            "dropout": self.dropout,
            "start_token_id": None if own_start else self.start_token_id,
            "end_token_id": self.end_token_id,
            "initializer_stddev": self.initializer_stddev,
            "seed": self.seed,
            "encoder": None if self.encoder is None else keras.saving.serialize_keras_object(self.encoder),
            "attention": self.attention,
            "embedding_range": self.embedding_range,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> "Generator":
        return cls(**with_encoder(config, custom_objects))


def check_embedding_range(embedding_range: float) -> None:
    """Checks r, where initial embeddings are drawn from U(-r, r).

    Raises:
        InputError: it is not a finite number above 0.
    """
    if not 0 < embedding_range < math.inf:
        raise InputError(f"`embedding_range` must be a finite number above 0. Received: {embedding_range}")
