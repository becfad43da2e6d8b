"""The policy: a transformer with a cache of keys and values.

Axes: B batch, T sequence length, P tokens of given sequences, V vocabulary, R rows, H heads, d size of a head.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from seqgan_tf.core import seeds
from seqgan_tf.core.sequences import check_length, check_token_ids
from seqgan_tf.core.validation import InputError, check_at_least, whole_number
from seqgan_tf.models.attention import Context, attend_rows, attention_weights, check_context
from seqgan_tf.models.language_model import LanguageModel
from seqgan_tf.models.transformer_block import INTS_PER_BLOCK, Source, TransformerBlock, attend_to, rotated

POSITIONS = ("rotary", "learned")


class Cache(NamedTuple):
    """The state of R rows.

    All rows write to the same slot in a step. So a row that begins to continue a given sequence at a later step begins
    at a later slot, and what it wrote before that does not count any more; nothing is cleared.

    Attributes:
        keys, values: of each layer float [R, H, slots, d], of the tokens that the rows have fed.
        slot: int32, the next slot.
        start: int32 [R], the first slot that counts.
        count: int32 [R], tokens before that slot (the start token included), whose keys and values are in the prefixes.

    Example:
    ```python
    import seqgan_tf as sg

    state = sg.TransformerGenerator(50, sequence_length=20, hidden_dim=32, num_heads=4).initial_state(3)
    print(state.keys[0].shape)  # (3, 4, 20, 8)
    ```
    """

    keys: tuple[tf.Tensor, ...]
    values: tuple[tf.Tensor, ...]
    slot: tf.Tensor
    start: tf.Tensor
    count: tf.Tensor


@keras.saving.register_keras_serializable(package="seqgan_tf")
class TransformerGenerator(LanguageModel):
    """The policy G_theta(y_t | Y_1:t-1), a transformer decoder with normalization in front of each part (pre-norm).

    `call` computes the logits of whole sequences by teacher forcing; `initial_state` and `step` go token by token, with
    a cache of keys and values. It is a `core.protocols.BranchingGenerator`: roll-outs keep one cache per sequence,
    which all prefixes and all their completions share.

    With an encoder it is G_theta(y_t | Y_1:t-1, c) for a condition c: each layer attends to the memory of the context.

    Args:
        vocabulary_size: V.
        sequence_length: T, the length of the longest sequence.
        embedding_dim: size of a token's embedding; where it is not `hidden_dim`, it is projected to that. Defaults to
            32.
        hidden_dim: width of the layers, a multiple of `num_heads`. The feed-forward layers are four times as wide.
            Defaults to 32.
        num_heads: H, of the attention. Defaults to 4.
        num_layers: number of layers. Defaults to 1.
        positions: how a token knows its position. "rotary": queries and keys are rotated (Su et al., 2021), which needs
            an even `hidden_dim / num_heads`. "learned": each position has an embedding. Defaults to "rotary".
        dropout: rate in [0, 1), on the embeddings and on the output of each part of a layer, under `training=True`.
            Defaults to 0.
        start_token_id: the token that is fed first; it is no part of a sequence. Defaults to None: a token of its own
            with id V, which no sequence can contain.
        end_token_id: the token that ends a sequence. Defaults to None: sequences fill all positions.
        initializer_stddev: every matrix, and the bias of the output layer, is drawn from N(0, stddev). Defaults to
            None: the initializers of the Keras layers.
        seed: makes the initial weights and the dropout reproducible. Defaults to None: drawn.
        encoder: the encoder of conditions, see `models.encoders`. Defaults to None: there are no conditions.
        embedding_range: r; without `initializer_stddev`, the initial embeddings are drawn from U(-r, r). Defaults to
            0.05.
        tie_embeddings: whether the matrix of the output layer is that of the embeddings, as for `Generator`. Defaults
            to False.
        **kwargs: arguments of `keras.Model`, such as `name` and `dtype`.

    Raises:
        InputError: a setting is out of its range.

    Example:
    ```python
    import numpy as np

    import seqgan_tf as sg

    generator = sg.TransformerGenerator(vocabulary_size=50, sequence_length=4, num_layers=2, end_token_id=0)
    logits = generator(np.array([[4, 7, 9, 2], [3, 0, -1, -1]]))  # [2, 4, 50]
    ```
    """

    def __init__(
        self,
        vocabulary_size: int,
        sequence_length: int,
        embedding_dim: int = 32,
        hidden_dim: int = 32,
        num_heads: int = 4,
        num_layers: int = 1,
        positions: str = "rotary",
        dropout: float = 0.0,
        start_token_id: int | None = None,
        end_token_id: int | None = None,
        initializer_stddev: float | None = None,
        seed: int | None = None,
        encoder: keras.Model | None = None,
        embedding_range: float = 0.05,
        tie_embeddings: bool = False,
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
        self.sequence_length = whole_number("sequence_length", sequence_length)
        self.num_heads = whole_number("num_heads", num_heads)
        self.positions = positions
        check_at_least(1, sequence_length=self.sequence_length, num_heads=self.num_heads)
        if positions not in POSITIONS:
            raise InputError(f"`positions` must be one of {list(POSITIONS)}. Received: {positions!r}")
        if self.hidden_dim % self.num_heads:
            raise InputError(
                f"`hidden_dim` must be a multiple of `num_heads`. Received: {self.hidden_dim} and {self.num_heads}"
            )
        if positions == "rotary" and self._head_size % 2:
            raise InputError(
                "`hidden_dim` / `num_heads` must be even for `positions` 'rotary'. "
                f"Received: {self.hidden_dim} / {self.num_heads}"
            )

        ints = seeds.integers(self.seed, self.weight_stream)
        self.embedding = self.make_embedding(ints)
        if self.embedding_dim != self.hidden_dim:
            self.widening = keras.layers.Dense(
                self.hidden_dim,
                use_bias=False,
                kernel_initializer=self.initializer(ints),
                dtype=self.dtype_policy,
                name="widening",
            )
        if positions == "learned":
            self.position_embedding = keras.layers.Embedding(
                self.sequence_length,
                self.hidden_dim,
                embeddings_initializer=self.embedding_initializer(ints),
                dtype=self.dtype_policy,
                name="position_embedding",
            )
        self.dropout_layer = keras.layers.Dropout(self.dropout, seed=next(ints), dtype=self.dtype_policy)
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=self.dtype_policy, name="norm")
        self.make_projection(ints)
        self.blocks = [
            TransformerBlock(
                self.hidden_dim,
                self.num_heads,
                self.dropout,
                None if encoder is None else encoder.memory_dim,
                self.initializer_stddev,
                first,
                dtype=self.dtype_policy,
                name=f"block_{i}",
            )
            for i, (first, *_) in enumerate([next(ints) for _ in range(INTS_PER_BLOCK)] for _ in range(self.num_layers))
        ]
        self.build((None, None))

    @property
    def attention(self) -> bool:
        """Whether there is a memory to attend to."""
        return self.encoder is not None

    @property
    def _head_size(self) -> int:
        return self.hidden_dim // self.num_heads

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        if self.built:
            return
        self.embedding.build((None, None))
        if self.embedding_dim != self.hidden_dim:
            self.widening.build((None, None, self.embedding_dim))
        if self.positions == "learned":
            self.position_embedding.build((None, None))
        self.norm.build((None, None, self.hidden_dim))
        self.build_projection()
        self.built = True

    # Whole sequences

    def call(self, token_ids: tf.Tensor, training: bool = False, context: Context | None = None) -> tf.Tensor:
        """Logits of every position, given the tokens before it.

        Args:
            token_ids: int32 [B, T], padded after the end token.
            context: what `encode` returned for B conditions. Defaults to None, for a generator without an encoder.
            training: whether dropout is on.

        Returns:
            float32 [B, T, V]: position t is predicted from the start token and token_ids[:, :t].

        Raises:
            InputError: sequences that are too long; an id is outside the vocabulary (checked where values are at hand,
                not inside a graph); or there is an encoder and no context, or a context and no encoder.
        """
        x, _ = self._read(token_ids, context, training)
        return self.project(x)

    def encode_prefixes(
        self, token_ids: tf.Tensor, context: Context | None = None
    ) -> tuple[tuple[tf.Tensor, tf.Tensor], ...]:
        """The keys and values of given sequences, which `step` shares between all rows that continue them.

        Args:
            token_ids: int32 [B, P], padded after the end token.
            context: as for `call`.

        Returns:
            For each layer (keys, values), float [B, H, P, d] each, of the start token and all tokens but the last.
        """
        _, cached = self._read(token_ids, context, training=False)
        return tuple(cached)

    def attention_weights(self, token_ids: tf.Tensor, context: Context) -> tf.Tensor:
        """How much each position reads from each position of the memory, the mean over layers and heads, dropout off.

        Args:
            token_ids: int32 [B, T], as for `call`.
            context: what `encode` returned for B conditions.

        Returns:
            float32 [B, T, S], with the sum 1 over S.

        Raises:
            InputError: the generator has no encoder, or as for `call`.
        """
        if not self.attention:
            raise InputError("`attention_weights` must be called of a generator with an encoder. Received: None")
        asked: list[tf.Tensor] = []  # [B, T * H, C] of each layer
        self._read(token_ids, context, training=False, asked=asked)
        weights = [attention_weights(queries, context.memory, context.mask) for queries in asked]
        rows, length, size = tf.shape(token_ids)[0], tf.shape(token_ids)[1], tf.shape(context.memory)[1]
        shape = [self.num_layers, rows, length, self.num_heads, size]
        return tf.reduce_mean(tf.reshape(tf.stack(weights), shape), axis=[0, 3])

    def _read(self, token_ids, context, training, asked=None):
        """(the input of the output layer, float [B, T, hidden_dim]; [(keys, values)] of the layers)."""
        check_length(token_ids, self.sequence_length, "generator")
        fed = self.fed(token_ids)
        position = tf.range(tf.shape(fed)[1])
        is_before = position <= position[:, tf.newaxis]  # [T, T]
        cached = []

        def attend(layer, queries, keys, values):
            queries, keys = self._rotated(queries, position[tf.newaxis]), self._rotated(keys, position[tf.newaxis])
            cached.append((keys, values))
            return attend_to(queries, [Source(keys, values, is_before)])

        return self._decode(fed, position, attend, context, training, asked), cached

    # Token by token

    def initial_state(self, batch_size: int | tf.Tensor, context: Context | None = None) -> Cache:
        """The state before the start token: an empty cache for `sequence_length` tokens.

        Args:
            batch_size: R, a multiple of the number of conditions.
            context: what `encode` returned. Defaults to None, for a generator without an encoder.
        """
        check_context(self, context, "generator")
        return self.branch_state(batch_size, self.sequence_length)

    def branch_state(self, batch_size: int | tf.Tensor, num_steps: int) -> Cache:
        """An empty cache for `num_steps` tokens of R = `batch_size` rows, see `core.protocols.BranchingGenerator`."""

        def empty():
            shape = [batch_size, self.num_heads, num_steps, self._head_size]
            return tuple(tf.zeros(shape, self.compute_dtype) for _ in range(self.num_layers))

        none = tf.zeros([batch_size], tf.int32)
        return Cache(empty(), empty(), tf.constant(0), none, none)

    def branch(self, state: Cache, begins: tf.Tensor, counts: tf.Tensor) -> Cache:
        """The state in which some rows begin to continue a sequence, see `core.protocols.BranchingGenerator`.

        Args:
            state: the state.
            begins: bool [R].
            counts: int32 [R], tokens before the one that is fed next, without the start token.
        """
        return state._replace(
            start=tf.where(begins, state.slot, state.start), count=tf.where(begins, counts + 1, state.count)
        )

    def step(
        self,
        token_ids: tf.Tensor,
        state: Cache,
        context: Context | None = None,
        prefixes: tuple[tuple[tf.Tensor, tf.Tensor], ...] | None = None,
    ) -> tuple[tf.Tensor, Cache]:
        """Feeds one token per row, and returns the logits of the next token.

        Args:
            token_ids: int32 [R]; the result of a row that feeds padding, as finished rows do, has no meaning.
            state: as `initial_state` returns it; or as `branch_state` and `branch` do.
            context: what `encode` returned for B conditions; row r belongs to condition r mod B. Defaults to None, for
                a generator without an encoder.
            prefixes: what `encode_prefixes` returned for B sequences, for a state of `branch_state`; row r continues
                sequence r mod B. Defaults to None: there are none.

        Returns:
            (float32 [R, V] logits, the next state).

        Raises:
            InputError: an id is outside the vocabulary, or the cache is full (checked where values are at hand).
        """
        check_token_ids(token_ids, self.embedding.input_dim)
        slots, slot = tf.range(state.keys[0].shape[2]), state.slot
        if hasattr(slot, "numpy") and int(slot) >= state.keys[0].shape[2]:
            raise InputError(f"`step` must be called at most {int(slot)} times. Received: one call more")
        position = tf.minimum(state.count + slot - state.start, self.sequence_length - 1)  # idle rows stay in range
        is_own = (slots >= _outer(state.start)) & (slots <= slot)  # [R, 1, 1, slots]
        new_keys, new_values = [], []

        def attend(layer, queries, keys, values):
            queries, keys = (self._rotated(x, position[:, tf.newaxis]) for x in (queries, keys))
            new_keys.append(_written(state.keys[layer], slot, keys))
            new_values.append(_written(state.values[layer], slot, values))
            sources = [Source(new_keys[-1], new_values[-1], is_own)]
            if prefixes is not None:
                given = tf.range(tf.shape(prefixes[layer][0])[2])
                sources.append(Source(*prefixes[layer], given < _outer(state.count), is_shared=True))
            return attend_to(queries, sources)

        x = self._decode(token_ids[:, tf.newaxis], position[:, tf.newaxis], attend, context, training=False)
        following = state._replace(keys=tuple(new_keys), values=tuple(new_values), slot=slot + 1)
        return self.project(x[:, 0]), following

    # Both

    def _decode(self, token_ids, position, attend: Callable, context: Context | None, training: bool, asked=None):
        """The input of the output layer, float [R, Q, hidden_dim], of fed tokens [R, Q] at positions [R, Q] or [Q].

        The queries of each layer to the memory are appended to the list `asked`, if there is one.
        """
        check_context(self, context, "generator")
        x = self.embed(token_ids)
        if self.embedding_dim != self.hidden_dim:
            x = self.widening(x)
        if self.positions == "learned":
            x += self.position_embedding(position)
        x = self.dropout_layer(x, training=training)

        def read(queries):
            if asked is not None:
                asked.append(queries)
            return attend_rows(queries, context.memory, context.mask)

        for layer, block in enumerate(self.blocks):
            found = None if context is None else read
            x = block(x, attend=partial(attend, layer), read=found, training=training)
        return self.norm(x)

    def _rotated(self, x, position):
        return rotated(x, position) if self.positions == "rotary" else x

    def get_config(self) -> dict[str, Any]:
        names = ("sequence_length", "num_heads", "positions")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _outer(numbers: tf.Tensor) -> tf.Tensor:
    """[R] as [R, 1, 1, 1]."""
    return tf.reshape(numbers, [-1, 1, 1, 1])


def _written(cache: tf.Tensor, slot: tf.Tensor, new: tf.Tensor) -> tf.Tensor:
    """A cache [R, H, slots, d] with [R, H, 1, d] in a slot."""
    flat = tf.reshape(cache, [-1, *cache.shape[2:]])
    rows = tf.range(tf.shape(flat)[0])
    indices = tf.stack([rows, tf.zeros_like(rows) + slot], axis=1)
    return tf.reshape(tf.tensor_scatter_nd_update(flat, indices, tf.reshape(new, [-1, new.shape[-1]])), tf.shape(cache))
