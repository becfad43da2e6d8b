"""How a discriminator compares a sequence with its condition (Miyato and Koyama, 2018, equation 3).

The logit of a sequence with the features f has the further term f . (W c + b). The vector c is the summary of the
context and the mean of its memory, side by side.

Axes: B conditions, R rows (row r belongs to condition r mod B), F features.
"""

from typing import Any, Self

import keras
import tensorflow as tf

from seqgan_tf.core.sequences import check_length, check_token_ids
from seqgan_tf.models.attention import Context, check_context, with_encoder


class Matching:
    """What discriminators with an encoder have in common.

    Attributes:
        encoder: the encoder of conditions; None without conditions.
        matching: the layer W c + b, see `matching_layer`; only with an encoder.

    Example:
    ```python
    import numpy as np

    import seqgan_tf as sg

    discriminator = sg.NgramDiscriminator(50, 4, embedding_dim=8, encoder=sg.LabelEncoder(3, 5))
    context = discriminator.encode(np.array([0, 2]))  # [2, 32], for two conditions and the 32 features of a sequence
    ```
    """

    encoder: keras.Model | None
    matching: keras.layers.Dense
    vocabulary_size: int
    sequence_length: int

    def checked(self, token_ids: tf.Tensor, context: tf.Tensor | None) -> tf.Tensor:
        """The int32 token ids of a call, once they and its context are checked.

        Args:
            token_ids: int [R, T].
            context: what `encode` returned, or None.

        Raises:
            InputError: T > sequence_length, or (where values are at hand) an id outside the vocabulary; or there is an
                encoder and no context, or a context and no encoder.
        """
        check_context(self, context, "discriminator")
        check_token_ids(token_ids, self.vocabulary_size)
        token_ids = tf.cast(token_ids, tf.int32)
        check_length(token_ids, self.sequence_length)
        return token_ids

    def encode(self, condition: Any, training: bool = False) -> tf.Tensor | None:
        """The context of a batch of conditions: what the features of a sequence are multiplied by.

        Args:
            condition: what the encoder takes, with a leading axis B; None for a discriminator without an encoder.
            training: whether dropout is on in the encoder.

        Returns:
            float [B, F].
        """
        if self.encoder is None:
            return None
        return self.matching(summary_and_mean(self.encoder(condition, training=training)))

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        """A discriminator of the arguments that `get_config` returned, for Keras."""
        return cls(**with_encoder(config, custom_objects))


def matching_layer(features: int, seed: int | None, dtype: keras.DTypePolicy) -> keras.layers.Dense:
    """The layer W c + b, not built yet. At its initial weights a condition has little effect.

    Args:
        features: F.
        seed: makes the initial weights reproducible. None: drawn.
        dtype: the dtype policy.
    """
    kernel = keras.initializers.TruncatedNormal(stddev=0.01, seed=seed)
    return keras.layers.Dense(features, kernel_initializer=kernel, dtype=dtype, name="matching")


def summary_width(encoder: keras.Layer) -> int:
    """The width of `summary_and_mean` of an encoder's contexts."""
    return encoder.summary_dim + encoder.memory_dim


def summary_and_mean(context: Context) -> tf.Tensor:
    """The summary of each context and the mean of its memory, side by side: float [B, D + C]."""
    memory, mask, summary = context
    weights = tf.cast(mask, memory.dtype)[..., tf.newaxis]
    mean = tf.reduce_sum(memory * weights, axis=1) / tf.reduce_sum(weights, axis=1)
    return tf.concat([summary, mean], axis=1)


def matches(features: tf.Tensor, context: tf.Tensor) -> tf.Tensor:
    """The inner product of the features of each row and what the layer made of its condition.

    Args:
        features: float [R, F].
        context: float [B, F]; R is a multiple of B.

    Returns:
        float [R], of the dtype of the features.
    """
    grouped = tf.reshape(features, [-1, tf.shape(context)[0], features.shape[1]])
    products = tf.reduce_sum(grouped * tf.cast(context, features.dtype), axis=2)
    return tf.reshape(products, tf.shape(features)[:1])
