"""A discriminator of pairs of tokens: it sees which tokens follow each other at which distance, and no order beyond.

It has few ways to memorise whole sequences, so what it learns on training data holds for others too.

Axes: B conditions, R sequences, T sequence length, E embedding, K distances, M members.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqgan_tf.core import seeds
from seqgan_tf.core.optimizers import check_policy
from seqgan_tf.core.sequences import mask
from seqgan_tf.core.validation import InputError, check_at_least, real_number, whole_number
from seqgan_tf.models.attention import check_encoder
from seqgan_tf.models.embedding import EmbeddingModel
from seqgan_tf.models.language_model import check_embedding_range, checked_rate
from seqgan_tf.models.matching import Matching, matches, matching_layer, summary_width


@keras.saving.register_keras_serializable(package="seqgan_tf")
class NgramDiscriminator(Matching, EmbeddingModel):
    """D_phi(Y) = sigmoid(logit), the probability that a whole sequence is real, from its tokens and pairs of tokens.

    With the embedding e_t of token t, which dropout has passed,

        logit = b + sum_t u . e_t / sqrt(E) + sum_(k = 1..K) sum_t e_t^T A_k e_(t + k) / E.

    The logit is a sum over tokens and over pairs at distance 1 to K, as the log-odds of two Markov chains are. At first
    u and the A_k are 0. It learns well at a high learning rate and with weight decay, see docs/results.md.

    With `members` it is an ensemble of M of these, which differ in their initial embeddings. Each learns by a loss of
    its own, and the logit is the mean of theirs. An ensemble judges new sequences better than one member that is as
    large or is trained for as long, see docs/results.md.

    With an encoder it is D_phi(Y, c), the probability that a sequence is real and belongs to the condition c: the logit
    has a further term, the inner product of the K + 1 sums (before the sum over E) and a linear map of the summary of
    the context and the mean of its memory (Miyato and Koyama, 2018).

    Args:
        vocabulary_size: V.
        sequence_length: T, the length of the longest sequence, at least 2.
        embedding_dim: E, size of a token's embedding. Defaults to 32.
        embedding_range: r; the initial embeddings are drawn from U(-r, r). Defaults to 1.7: their variance is then 1.
        distances: K, the largest distance of the tokens of a pair; T - 1 where T is smaller. Defaults to 3.
        dropout: rate in [0, 1), on the embeddings under `training=True`. Defaults to 0.
        seed: makes the initial weights and the dropout reproducible. Defaults to None: drawn.
        encoder: the encoder of conditions, see `models.encoders`. Defaults to None: there are no conditions.
        members: M. A step costs M times as much. Above 1 it takes no encoder, and cannot start from given embeddings,
            since members that are equal stay equal. Defaults to 1.
        **kwargs: arguments of `keras.Model`, such as `name` and `dtype`.

    Raises:
        InputError: a setting is out of its range.

    Example:
    ```python
    import numpy as np

    import seqgan_tf as sg

    discriminator = sg.NgramDiscriminator(vocabulary_size=50, sequence_length=4)
    logits = discriminator(np.array([[4, 7, 9, 2], [3, 0, -1, -1]]))  # [2], log-odds that each sequence is real
    ```
    """

    built: bool

    def __init__(
        self,
        vocabulary_size: int,
        sequence_length: int,
        embedding_dim: int = 32,
        embedding_range: float = 1.7,
        distances: int = 3,
        dropout: float = 0.0,
        seed: int | None = None,
        encoder: keras.Model | None = None,
        members: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_policy(self.dtype_policy)
        self.vocabulary_size = whole_number("vocabulary_size", vocabulary_size)
        self.sequence_length = whole_number("sequence_length", sequence_length)
        self.embedding_dim = whole_number("embedding_dim", embedding_dim)
        self.embedding_range = real_number("embedding_range", embedding_range)
        self.distances = whole_number("distances", distances)
        self.dropout = checked_rate("dropout", dropout)
        self.seed = None if seed is None else whole_number("seed", seed)
        self.members = whole_number("members", members)
        check_at_least(2, vocabulary_size=self.vocabulary_size, sequence_length=self.sequence_length)
        check_at_least(1, embedding_dim=self.embedding_dim, distances=self.distances, members=self.members)
        check_embedding_range(self.embedding_range)
        if encoder is not None:
            check_encoder(encoder)
            if self.members > 1:
                raise InputError(f"`members` must be 1 with an encoder. Received: {self.members}")
        self.encoder = encoder

        ints = seeds.integers(self.seed, seeds.WeightStream.DISCRIMINATOR)
        self.embedding = self.uniform_embedding(next(ints), self.members)
        self.dropout_layer = keras.layers.Dropout(self.dropout, seed=next(ints), dtype=self.dtype_policy)
        # The logit decides between real and generated, so what it is made of is not rounded to 16 bits.
        precise = keras.DTypePolicy(self.variable_dtype)
        self.pair_layers, self.token_layers = [], []
        for member in range(self.members):
            own = f"_{member}" if member else ""
            self.pair_layers.append(
                [
                    keras.layers.Dense(
                        self.embedding_dim,
                        use_bias=False,
                        kernel_initializer="zeros",
                        dtype=self.dtype_policy,
                        name=f"pairs_{k}{own}",
                    )
                    for k in range(1, self._largest_distance + 1)
                ]
            )
            self.token_layers.append(
                keras.layers.Dense(1, kernel_initializer="zeros", dtype=precise, name=f"tokens{own}")
            )
        if encoder is not None:
            self.matching = matching_layer(self._num_features, next(ints), precise)
        self.build((None, self.sequence_length))

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        if self.built:
            return
        self.embedding.build((None, None))
        for layer in (*itertools.chain(*self.pair_layers), *self.token_layers):
            layer.build((None, self.embedding_dim))
        if self.encoder is not None:
            self.matching.build((None, summary_width(self.encoder)))
        self.built = True

    @property
    def _largest_distance(self) -> int:
        return min(self.distances, self.sequence_length - 1)

    @property
    def _num_features(self) -> int:
        return (self._largest_distance + 1) * self.embedding_dim

    def call(self, token_ids: tf.Tensor, training: bool = False, context: tf.Tensor | None = None) -> tf.Tensor:
        """Log-odds that the sequences are real.

        Args:
            token_ids: int32 [R, T], T <= sequence_length, padded after the end token.
            context: what `encode` returned for B conditions; row r belongs to condition r mod B. Defaults to None, for
                a discriminator without an encoder.
            training: whether dropout is on.

        Returns:
            float32 [R]; with `members` and under `training=True` the logit of each member, float32 [R, M].

        Raises:
            InputError: T > sequence_length, or (where values are at hand) an id outside the vocabulary; or there is an
                encoder and no context, or a context and no encoder.
        """
        token_ids = self.checked(token_ids, context)
        x = self.dropout_layer(self.embedding(tf.maximum(token_ids, 0)), training=training)
        x *= tf.cast(mask(token_ids), x.dtype)[..., tf.newaxis]
        members = [self._member(i, part, context) for i, part in enumerate(tf.split(x, self.members, axis=2))]
        if self.members == 1:
            return members[0]
        logits = tf.stack(members, axis=1)
        return logits if training else tf.reduce_mean(logits, axis=1)

    def _member(self, i: int, x: tf.Tensor, context: tf.Tensor | None) -> tf.Tensor:
        """The logits of member i, float32 [R], for its embeddings x [R, T, E], 0 on padding."""
        tokens = self._sum(x) / math.sqrt(self.embedding_dim)
        pairs = [
            self._sum(layer(x)[:, :-k] * x[:, k:]) / self.embedding_dim
            for k, layer in enumerate(self.pair_layers[i], start=1)
        ]
        logits = tf.squeeze(self.token_layers[i](tokens), axis=1) + tf.reduce_sum(tf.add_n(pairs), axis=1)
        if context is not None:
            logits += matches(tf.concat([tokens, *pairs], axis=1), context)
        return tf.cast(logits, tf.float32)

    def next_token_logits(self, token_ids: tf.Tensor) -> tf.Tensor:
        """What each possible token would add to the logit of the tokens before it, dropout off.

        The logit is a sum over tokens and pairs of tokens, so each token adds its own score and those of its pairs with
        the tokens before it: the logit of a sequence is the sum over its tokens, plus b.

        Args:
            token_ids: int32 [B, T], T <= sequence_length, padded after the end token.

        Returns:
            float32 [B, T, V]: at [b, t, v] what token v would add at position t of sequence b. On padding it has no
            meaning.

        Raises:
            InputError: the discriminator has an encoder, or as for `call`.
        """
        if self.encoder is not None:
            raise InputError("`next_token_logits` needs a discriminator without an encoder. Received: one with it")
        token_ids = self.checked(token_ids, None)
        x = self.embedding(tf.maximum(token_ids, 0)) * tf.cast(mask(token_ids), self.compute_dtype)[..., tf.newaxis]
        scores = [self._next_token_weights(i, part) for i, part in enumerate(tf.split(x, self.members, axis=2))]
        weights = tf.concat(scores, axis=2) / self.members
        embeddings = tf.convert_to_tensor(self.embedding.embeddings)
        return tf.cast(tf.matmul(weights, tf.cast(embeddings, weights.dtype), transpose_b=True), tf.float32)

    def _next_token_weights(self, i: int, x: tf.Tensor) -> tf.Tensor:
        """What member i multiplies the embedding of a next token by, [B, T, E], for its embeddings x [B, T, E]."""
        own = tf.convert_to_tensor(self.token_layers[i].kernel)[:, 0] / math.sqrt(self.embedding_dim)
        weights = own + tf.zeros_like(x, own.dtype)
        for k, layer in enumerate(self.pair_layers[i], start=1):
            before = tf.cast(layer(x)[:, :-k], own.dtype) / self.embedding_dim
            weights += tf.pad(before, [[0, 0], [tf.minimum(k, tf.shape(x)[1]), 0], [0, 0]])
        return weights

    def start_from_embeddings(self, matrix: np.ndarray) -> None:
        if self.members > 1:
            raise InputError(f"`members` must be 1 to start from given embeddings. Received: {self.members}")
        super().start_from_embeddings(matrix)

    def _sum(self, x: tf.Tensor) -> tf.Tensor:
        """The sum over positions: [R, T, E] -> [R, E]."""
        return tf.reduce_sum(tf.cast(x, self.variable_dtype), axis=1)

    def get_config(self) -> dict[str, Any]:
        sizes = (
            "vocabulary_size",
            "sequence_length",
            "embedding_dim",
            "embedding_range",
            "distances",
            "dropout",
            "seed",
            "members",
        )
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in sizes},
            "encoder": None if self.encoder is None else keras.saving.serialize_keras_object(self.encoder),
        }
