"""The discriminator: the paper's convolutional text classifier."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from seqgan_tf.core import seeds
from seqgan_tf.core.optimizers import check_policy
from seqgan_tf.core.sequences import PADDING, lengths, mask
from seqgan_tf.core.validation import InputError, check_at_least, real_number, whole_number
from seqgan_tf.models.attention import check_encoder
from seqgan_tf.models.conv_scoring import tabled_features
from seqgan_tf.models.embedding import EmbeddingModel
from seqgan_tf.models.matching import Matching, matches, matching_layer, summary_width

PAPER_FILTERS = {1: 100, 2: 200, 3: 200, 4: 200, 5: 200, 6: 100, 7: 100, 8: 100, 9: 100, 10: 100, 15: 160, 20: 160}


@keras.saving.register_keras_serializable(package="seqgan_tf")
class Highway(keras.layers.Layer):
    """g * relu(W x + b) + (1 - g) * x with the gate g = sigmoid(W_g x + b_g) (Srivastava et al., 2015).

    Args:
        seed: makes the initial weights reproducible; the two matrices take `seed` and `seed + 1`. Defaults to None:
            drawn.

    Example:
    ```python
    import numpy as np

    from seqgan_tf.models.conv_discriminator import Highway

    features = Highway(seed=1)(np.ones([2, 6], "float32"))  # [2, 6], as the input
    ```
    """

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed

    def build(self, input_shape: Sequence[int | None]) -> None:
        units = input_shape[-1]
        seeds = (None, None) if self.seed is None else (self.seed, self.seed + 1)
        self.transform, self.gate = (
            keras.layers.Dense(
                units,
                activation=activation,
                kernel_initializer=keras.initializers.GlorotUniform(seed=seed),
                dtype=self.dtype_policy,
                name=name,
            )
            for name, activation, seed in zip(("transform", "gate"), ("relu", "sigmoid"), seeds, strict=True)
        )
        self.transform.build(input_shape)
        self.gate.build(input_shape)
        self.built = True

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """float [B, units] of x [B, units]."""
        return x + self.gate(x) * (self.transform(x) - x)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable(package="seqgan_tf")
class Discriminator(Matching, EmbeddingModel):
    """D_phi(Y) = sigmoid(logit), the probability that a whole sequence is real (paper, section 3.3).

    Embedding, parallel convolutions of several widths, the maximum over time, a highway layer, dropout, one logit.
    Only windows without padding count, so that padding never changes a logit. A sequence that is shorter than a window
    is padded with zeros up to the width of the window.

    With an encoder it is D_phi(Y, c), the probability that a sequence is real and belongs to the condition c: the logit
    has a further term, the inner product of the features of the sequence and a linear map of the summary of the context
    and the mean of its memory (Miyato and Koyama, 2018).

    Args:
        vocabulary_size: V.
        sequence_length: T, the length of the longest sequence, at least 2.
        embedding_dim: size of a token's embedding. Defaults to 64, the authors'.
        embedding_range: r; the initial embeddings are drawn from U(-r, r). Defaults to 0.2. With the authors' 1.0 the
            discriminator memorises the training sequences more easily and generalises worse to others.
        widths: window widths, each at most `sequence_length`. Defaults to None: the authors' 1 to 10, 15 and 20, less
            those longer than the sequence.
        filters: number of filters of each width. Defaults to None: the authors' (100 to 200), for their widths.
        dropout: rate in [0, 1), before the logit under `training=True`. Defaults to 0.25, the authors'.
        l2: adds l2 / 2 * (|w|^2 + b^2) of the output layer to `losses`. Defaults to 0.2, the authors'.
        seed: makes the initial weights and the dropout reproducible. Defaults to None: drawn.
        encoder: the encoder of conditions, see `models.encoders`. Defaults to None: there are no conditions.
        **kwargs: arguments of `keras.Model`, such as `name` and `dtype`.

    Raises:
        InputError: a setting is out of its range.

    Example:
    ```python
    import numpy as np

    import seqgan_tf as sg

    discriminator = sg.Discriminator(vocabulary_size=50, sequence_length=4)
    logits = discriminator(np.array([[4, 7, 9, 2], [3, 0, -1, -1]]))  # [2], log-odds that each sequence is real
    ```
    """

    built: bool

    def __init__(
        self,
        vocabulary_size: int,
        sequence_length: int,
        embedding_dim: int = 64,
        embedding_range: float = 0.2,
        widths: Sequence[int] | None = None,
        filters: Sequence[int] | None = None,
        dropout: float = 0.25,
        l2: float = 0.2,
        seed: int | None = None,
        encoder: keras.Model | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_policy(self.dtype_policy)
        vocabulary_size = whole_number("vocabulary_size", vocabulary_size)
        sequence_length = whole_number("sequence_length", sequence_length)
        embedding_dim, l2 = whole_number("embedding_dim", embedding_dim), real_number("l2", l2)
        embedding_range, dropout = real_number("embedding_range", embedding_range), real_number("dropout", dropout)
        seed = None if seed is None else whole_number("seed", seed)
        if widths is not None:
            widths = [whole_number("widths", width) for width in widths]
        if filters is not None:
            filters = [whole_number("filters", count) for count in filters]
        check_at_least(2, vocabulary_size=vocabulary_size, sequence_length=sequence_length)
        if widths is None:
            widths = [width for width in PAPER_FILTERS if width <= sequence_length]
        if not embedding_range > 0:
            raise InputError(f"`embedding_range` must be above 0. Received: {embedding_range}")
        if not len(widths) or min(widths) < 1 or max(widths) > sequence_length:
            raise InputError(
                f"`widths` must be in [1, {sequence_length}], the sequence length. Received: {list(widths)}"
            )
        if filters is None:
            unknown = [width for width in widths if width not in PAPER_FILTERS]
            if unknown:
                raise InputError(f"`filters` must be given, one number per width, for widths like {unknown[0]}")
            filters = [PAPER_FILTERS[width] for width in widths]
        if len(filters) != len(widths) or min(filters) < 1:
            raise InputError(
                f"`filters` must be {len(widths)} positive numbers, one per width. Received: {list(filters)}"
            )
        if not 0 <= dropout < 1:
            raise InputError(f"`dropout` must be in [0, 1). Received: {dropout}")
        if encoder is not None:
            check_encoder(encoder)
        self.vocabulary_size = vocabulary_size
        self.sequence_length = sequence_length
        self.embedding_dim = embedding_dim
        self.embedding_range = embedding_range
        self.widths = list(widths)
        self.filters = list(filters)
        self.dropout = dropout
        self.l2 = l2
        self.seed = seed
        self.encoder = encoder

        ints = seeds.integers(seed, seeds.WeightStream.DISCRIMINATOR)
        regularizer = keras.regularizers.L2(l2 / 2) if l2 else None
        self.embedding = self.uniform_embedding(next(ints))
        self.convolutions = [
            keras.layers.Conv1D(
                count,
                width,
                kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.1, seed=next(ints)),
                bias_initializer=keras.initializers.Constant(0.1),
                dtype=self.dtype_policy,
                name=f"convolution_{i}",
            )
            for i, (width, count) in enumerate(zip(self.widths, self.filters, strict=True))
        ]
        self.highway = Highway(seed=next(ints), dtype=self.dtype_policy, name="highway")
        next(ints)  # the highway takes two
        self.dropout_layer = keras.layers.Dropout(dropout, seed=next(ints), dtype=self.dtype_policy, name="dropout")
        self.output_layer = keras.layers.Dense(
            1,
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.1, seed=next(ints)),
            bias_initializer=keras.initializers.Constant(0.1),
            kernel_regularizer=regularizer,
            bias_regularizer=regularizer,
            dtype=self.dtype_policy,
            name="output",
        )
        if encoder is not None:
            self.matching = matching_layer(sum(self.filters), next(ints), self.dtype_policy)
        self.build((None, sequence_length))

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        if self.built:
            return
        self.embedding.build((None, None))
        for convolution in self.convolutions:
            convolution.build((None, None, self.embedding_dim))
        self.highway.build((None, sum(self.filters)))
        self.output_layer.build((None, sum(self.filters)))
        if self.encoder is not None:
            self.matching.build((None, summary_width(self.encoder)))
        self.built = True

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
        missing = max(self.widths) - token_ids.shape[1]
        if missing > 0:
            token_ids = tf.pad(token_ids, [[0, 0], [0, missing]], constant_values=PADDING)
        x = self.embed(token_ids)
        x = tf.concat([self._pool(convolution, x, lengths(token_ids)) for convolution in self.convolutions], axis=1)
        return self.classify(x, context, training)

    def completion_scorer(
        self, token_ids: tf.Tensor, prefixes: list[int], num_completions: int, context: tf.Tensor | None = None
    ) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
        """A faster way to score many completions of the prefixes of a few sequences, see `models.conv_scoring`.

        It computes what `call` computes. So a subclass that overrides one of the two must override both: else
        `MonteCarloRollout` scores completions by `call`.

        Args:
            token_ids: int32 [B, T], T <= sequence_length; B is static.
            prefixes: K prefix lengths.
            num_completions: completions of each prefix of each sequence, in all.
            context: what `encode` returned for the conditions of the B sequences. Defaults to None, for a discriminator
                without an encoder.

        Returns:
            Function of completed, int32 [K, R, T], R completions of each prefix, and of rows, int32 [R], the sequence
            that each belongs to: float32 [K, R], equal to `call` without dropout on the completions, up to rounding.
        """
        tabled = {}
        # `call` pads sequences that are shorter than a window. A quantized embedding has no plain [V, E] matrix.
        if max(self.widths) <= token_ids.shape[1] and self.embedding.quantization_mode is None:
            tabled = tabled_features(self.embedding.embeddings, self.convolutions, token_ids, prefixes, num_completions)

        def score(completed: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
            whole = tf.reshape(completed, [-1, completed.shape[2]])
            chosen = None if context is None else tf.gather(context, rows)
            if not tabled:
                return tf.reshape(self(whole, context=chosen, training=False), tf.shape(completed)[:2])
            x = self.embed(whole)
            pooled = [
                tf.cast(tabled[i](completed, rows), x.dtype) if i in tabled else self._pool(layer, x, lengths(whole))
                for i, layer in enumerate(self.convolutions)
            ]
            return tf.reshape(self.classify(tf.concat(pooled, axis=1), chosen), tf.shape(completed)[:2])

        return score

    def embed(self, token_ids: tf.Tensor) -> tf.Tensor:
        """The embeddings of token_ids [R, T], 0 on padding: float [R, T, E]."""
        x = self.embedding(tf.maximum(token_ids, 0))
        return x * tf.cast(mask(token_ids), x.dtype)[..., tf.newaxis]

    def windows(self, convolution: keras.layers.Conv1D, x: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """What a convolution makes of each window.

        Args:
            convolution: one of `convolutions`, of some width W <= T.
            x: what `embed` returned, float [R, T, E].
            lengths: int32 [R], number of tokens of each sequence.

        Returns:
            float [R, T - W + 1, filters], the lowest number for windows with padding. The first window always counts.
        """
        values = convolution(x)
        last = tf.maximum(lengths - convolution.kernel_size[0], 0)
        counts = tf.range(tf.shape(values)[1]) <= last[:, tf.newaxis]
        return tf.where(counts[..., tf.newaxis], values, values.dtype.min)

    def classify(self, features: tf.Tensor, context: tf.Tensor | None = None, training: bool = False) -> tf.Tensor:
        """The logits of features.

        Args:
            features: float [R, sum of the filters], the maximum over the windows of each filter, at least 0.
            context, training: as for `call`.

        Returns:
            float32 [R].
        """
        x = self.dropout_layer(self.highway(features), training=training)
        logits = tf.squeeze(self.output_layer(x), axis=1)
        if context is not None:
            logits += matches(x, context)
        return tf.cast(logits, tf.float32)

    def _pool(self, convolution, x, lengths):
        """relu of the maximum over the windows without padding: [B, T, E] -> [B, filters]."""
        return tf.nn.relu(tf.reduce_max(self.windows(convolution, x, lengths), axis=1))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "sequence_length": self.sequence_length,
            "embedding_dim": self.embedding_dim,
            "embedding_range": self.embedding_range,
            "widths": self.widths,
            "filters": self.filters,
            "dropout": self.dropout,
            "l2": self.l2,
            "seed": self.seed,
            "encoder": None if self.encoder is None else keras.saving.serialize_keras_object(self.encoder),
        }
