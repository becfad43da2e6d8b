"""A recurrent discriminator: it reads whole sequences in both directions.

It has no `completion_scorer`. The completions of a prefix share the states of the forward direction of the first layer
inside the prefix, and nothing else: backward states, and with them all layers above the first, depend on the
completion. That is at most a quarter of the work of one layer, and none of its T sequential steps. So all completions
are scored as whole sequences, in one batch.

Axes: B conditions, R sequences, T sequence length.
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from seqgan_tf.core import seeds
from seqgan_tf.core.sequences import mask
from seqgan_tf.core.validation import check_at_least, whole_number
from seqgan_tf.models.attention import check_encoder
from seqgan_tf.models.bidirectional import BidirectionalModel
from seqgan_tf.models.matching import Matching, matches, matching_layer, summary_width


@keras.saving.register_keras_serializable(package="seqgan_tf")
class RecurrentDiscriminator(Matching, BidirectionalModel):
    """D_phi(Y) = sigmoid(logit), the probability that a whole sequence is real, by a bidirectional GRU or LSTM.

    Embedding, recurrent layers in both directions, the maximum and the mean of their outputs over the tokens, dropout,
    one logit. Padding never changes a logit. Under mixed precision everything after the recurrent layers is float32.

    With an encoder it is D_phi(Y, c), the probability that a sequence is real and belongs to the condition c: the logit
    has a further term, the inner product of the features of the sequence and a linear map of the summary of the context
    and the mean of its memory (Miyato and Koyama, 2018).

    Args:
        vocabulary_size: V.
        sequence_length: T, the length of the longest sequence, at least 2.
        embedding_dim: size of a token's embedding. Defaults to 64.
        embedding_range: r; the initial embeddings are drawn from U(-r, r). Defaults to 0.2.
        hidden_dim: units of each direction of each layer. Defaults to 64.
        cell: "lstm" or "gru". Defaults to "gru".
        num_layers: number of bidirectional layers. Defaults to 1.
        dropout: rate in [0, 1), on the input of each recurrent layer and before the logit, under `training=True`.
            Defaults to 0.25.
        seed: makes the initial weights and the dropout reproducible. Defaults to None: drawn.
        encoder: the encoder of conditions, see `models.encoders`. Defaults to None: there are no conditions.
        **kwargs: arguments of `keras.Model`, such as `name` and `dtype`.

    Raises:
        InputError: a setting is out of its range.

    Example:
    ```python
    import numpy as np

    import seqgan_tf as sg

    discriminator = sg.RecurrentDiscriminator(vocabulary_size=50, sequence_length=4, hidden_dim=16)
    logits = discriminator(np.array([[4, 7, 9, 2], [3, 0, -1, -1]]))  # [2], log-odds that each sequence is real
    ```
    """

    weight_stream = seeds.WeightStream.DISCRIMINATOR

    def __init__(
        self,
        vocabulary_size: int,
        sequence_length: int,
        embedding_dim: int = 64,
        embedding_range: float = 0.2,
        hidden_dim: int = 64,
        cell: str = "gru",
        num_layers: int = 1,
        dropout: float = 0.25,
        seed: int | None = None,
        encoder: keras.Model | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            vocabulary_size, embedding_dim, embedding_range, hidden_dim, cell, num_layers, dropout, seed, **kwargs
        )
        self.sequence_length = whole_number("sequence_length", sequence_length)
        check_at_least(2, sequence_length=self.sequence_length)
        if encoder is not None:
            check_encoder(encoder)
        self.encoder = encoder
        ints = self.make_layers()
        # The logit decides between real and generated, so what it is made of is not rounded to 16 bits.
        precise = keras.DTypePolicy(self.variable_dtype)
        self.dropout_layer = keras.layers.Dropout(self.dropout, seed=next(ints), dtype=precise)
        self.output_layer = keras.layers.Dense(
            1, kernel_initializer=keras.initializers.GlorotUniform(seed=next(ints)), dtype=precise, name="output"
        )
        if encoder is not None:
            self.matching = matching_layer(self._num_features, next(ints), precise)
        self.build((None, self.sequence_length))

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        if self.built:
            return
        self.build_layers()
        self.output_layer.build((None, self._num_features))
        if self.encoder is not None:
            self.matching.build((None, summary_width(self.encoder)))
        self.built = True

    @property
    def _num_features(self) -> int:
        return 4 * self.hidden_dim  # two directions, the maximum and the mean

    def call(self, token_ids: tf.Tensor, training: bool = False, context: tf.Tensor | None = None) -> tf.Tensor:
        """Log-odds that the sequences are real.

        Args:
            token_ids: int32 [R, T], T <= sequence_length, padded after the end token.
            context: what `encode` returned for B conditions; row r belongs to condition r mod B. Defaults to None, for
                a discriminator without an encoder.
            training: whether dropout is on.

        Returns:
            float32 [R].

        Raises:
            InputError: T > sequence_length, or (where values are at hand) an id outside the vocabulary; or there is an
                encoder and no context, or a context and no encoder.
        """
        token_ids = self.checked(token_ids, context)
        # cuDNN refuses a row without a token. Such a row reads token 0, which is not pooled.
        outputs, _ = self.read(tf.concat([tf.maximum(token_ids[:, :1], 0), token_ids[:, 1:]], axis=1), training)
        x = self.dropout_layer(self._pool(outputs, mask(token_ids)), training=training)
        logits = tf.squeeze(self.output_layer(x), axis=1)
        if context is not None:
            logits += matches(x, context)
        return tf.cast(logits, tf.float32)

    def _pool(self, outputs, mask):
        """The maximum and the mean over the tokens: [R, T, 2 * hidden_dim] -> [R, 4 * hidden_dim]; 0 where no token."""
        outputs = tf.cast(outputs, self.variable_dtype)
        weights = tf.cast(mask, outputs.dtype)[..., tf.newaxis]
        mean = tf.math.divide_no_nan(tf.reduce_sum(outputs * weights, axis=1), tf.reduce_sum(weights, axis=1))
        greatest = tf.reduce_max(tf.where(weights > 0, outputs, outputs.dtype.min), axis=1)
        has_tokens = tf.reduce_any(mask > 0, axis=1, keepdims=True)
        return tf.concat([tf.where(has_tokens, greatest, 0), mean], axis=1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "sequence_length": self.sequence_length,
            "encoder": None if self.encoder is None else keras.saving.serialize_keras_object(self.encoder),
        }
