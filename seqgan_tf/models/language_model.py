"""What the generators of this package have in common: token embeddings, an output layer, and conditions.

Axes: B batch, T sequence length, V vocabulary.
"""

import math
from collections.abc import Iterator
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from seqgan_tf.core import seeds
from seqgan_tf.core.optimizers import check_policy
from seqgan_tf.core.sequences import PADDING, check_token_ids
from seqgan_tf.core.validation import InputError, check_at_least, real_number, whole_number
from seqgan_tf.models.attention import Context, check_encoder, with_encoder
from seqgan_tf.models.embedding import EmbeddingModel

Ints = Iterator[int | None]
"""What `core.seeds.integers` returns."""


class LanguageModel(EmbeddingModel):
    """A generator with an embedding in front and an output layer at its end. A subclass computes what is between.

    A subclass makes its layers in `__init__`: it takes ints from `core.seeds.integers`, and passes them to
    `make_embedding`, `initializer` and `make_projection` in an order of its own, which its initial weights depend on.

    Args:
        vocabulary_size, embedding_dim, hidden_dim, num_layers, dropout, start_token_id, end_token_id,
            initializer_stddev, seed, encoder, embedding_range, tie_embeddings, **kwargs: see `Generator`.

    Raises:
        InputError: a setting is out of its range.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.models.language_model import LanguageModel

    assert isinstance(sg.Generator(50), LanguageModel)
    assert isinstance(sg.TransformerGenerator(50, sequence_length=20), LanguageModel)
    ```
    """

    built: bool
    weight_stream = seeds.WeightStream.GENERATOR

    def __init__(
        self,
        vocabulary_size: int,
        embedding_dim: int,
        hidden_dim: int,
        num_layers: int,
        dropout: float,
        start_token_id: int | None,
        end_token_id: int | None,
        initializer_stddev: float | None,
        seed: int | None,
        encoder: keras.Model | None,
        embedding_range: float,
        tie_embeddings: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_policy(self.dtype_policy)
        vocabulary_size = whole_number("vocabulary_size", vocabulary_size)
        embedding_dim, hidden_dim = whole_number("embedding_dim", embedding_dim), whole_number("hidden_dim", hidden_dim)
        num_layers, dropout = whole_number("num_layers", num_layers), checked_rate("dropout", dropout)
        start_token_id = None if start_token_id is None else whole_number("start_token_id", start_token_id)
        end_token_id = None if end_token_id is None else whole_number("end_token_id", end_token_id)
        seed = None if seed is None else whole_number("seed", seed)
        if initializer_stddev is not None:
            initializer_stddev = real_number("initializer_stddev", initializer_stddev)
        check_at_least(2, vocabulary_size=vocabulary_size)
        check_at_least(1, embedding_dim=embedding_dim, hidden_dim=hidden_dim, num_layers=num_layers)
        if tie_embeddings and embedding_dim != hidden_dim:
            raise InputError(
                f"`tie_embeddings` needs an `embedding_dim` equal to `hidden_dim`. Received: {embedding_dim} and "
                f"{hidden_dim}"
            )
        for name, token in (("start_token_id", start_token_id), ("end_token_id", end_token_id)):
            if token is not None and not 0 <= token < vocabulary_size + (name == "start_token_id"):
                raise InputError(f"`{name}` must be in [0, {vocabulary_size}), the vocabulary. Received: {token}")
        embedding_range = real_number("embedding_range", embedding_range)
        check_embedding_range(embedding_range)
        if encoder is not None:
            check_encoder(encoder)
        self.vocabulary_size = vocabulary_size
        self.embedding_dim = embedding_dim
        self.hidden_dim = hidden_dim
        self.num_layers = num_layers
        self.dropout = dropout
        self.start_token_id = vocabulary_size if start_token_id is None else start_token_id
        self.end_token_id = end_token_id
        self.initializer_stddev = initializer_stddev
        self.seed = seed
        self.encoder = encoder
        self.embedding_range = embedding_range
        self.tie_embeddings = bool(tie_embeddings)

    def initializer(self, ints: Ints, default: Any = keras.initializers.GlorotUniform, **arguments: Any) -> Any:
        """The initializer of one weight, see `initializer`."""
        return initializer(self.initializer_stddev, ints, default, **arguments)

    def bias_initializer(self, ints: Ints) -> Any:
        """The initializer of one bias: N(0, `initializer_stddev`), or where that is None zeros."""
        return "zeros" if self.initializer_stddev is None else self.initializer(ints)

    def embedding_initializer(self, ints: Ints) -> Any:
        """The initializer of embeddings: N(0, `initializer_stddev`), or where that is None U(-r, r)."""
        bound = self.embedding_range
        return self.initializer(ints, keras.initializers.RandomUniform, minval=-bound, maxval=bound)

    def make_embedding(self, ints: Ints) -> keras.layers.Embedding:
        """The embedding of the tokens, and of the start token where that is none of them, without its weights."""
        return keras.layers.Embedding(
            max(self.vocabulary_size, self.start_token_id + 1),
            self.embedding_dim,
            embeddings_initializer=self.embedding_initializer(ints),
            dtype=self.dtype_policy,
            name="embedding",
        )

    def make_projection(self, ints: Ints) -> None:
        """Sets `projection`, the output layer, without its weights; with tied embeddings there is only its bias."""
        kernel, bias = self.initializer(ints), self.bias_initializer(ints)
        if self.tie_embeddings:
            self.output_bias = self.add_weight(shape=(self.vocabulary_size,), initializer=bias, name="output_bias")
        else:
            self.projection = keras.layers.Dense(
                self.vocabulary_size,
                kernel_initializer=kernel,
                bias_initializer=bias,
                dtype=self.dtype_policy,
                name="projection",
            )

    def build_projection(self) -> None:
        """Makes the weights of the output layer."""
        if not self.tie_embeddings:
            self.projection.build((None, None, self.hidden_dim))

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
        bias = self.output_bias if self.tie_embeddings else self.projection.bias
        bias.assign(np.log(counts / counts.sum()))

    def encode(self, condition: Any, training: bool = False) -> Context | None:
        """The context of a batch of conditions.

        Args:
            condition: what the encoder takes, with a leading axis B; None for a generator without an encoder.
            training: whether dropout is on in the encoder.
        """
        return None if self.encoder is None else self.encoder(condition, training=training)

    def fed(self, token_ids: tf.Tensor) -> tf.Tensor:
        """The tokens that are fed to predict token_ids [B, T]: the start token, then all but the last: int32 [B, T].

        Raises:
            InputError: an id is outside the vocabulary (checked where values are at hand, not inside a graph).
        """
        check_token_ids(token_ids, self.vocabulary_size)
        token_ids = tf.cast(token_ids, tf.int32)
        start = tf.fill([tf.shape(token_ids)[0], 1], self.start_token_id)
        return tf.concat([start, token_ids[:, :-1]], axis=1)

    def embed(self, token_ids: tf.Tensor) -> tf.Tensor:
        """The embeddings of token ids [...], float [..., embedding_dim]; padding gets that of token 0."""
        return self.embedding(tf.maximum(token_ids, 0))

    def project(self, x: tf.Tensor) -> tf.Tensor:
        """Logits, float32 [..., V]. In this form TensorFlow fuses the bias into the product; `Dense` does not."""
        if self.tie_embeddings:
            kernel, bias = self._token_embeddings(), self.output_bias
        elif self.projection.quantization_mode is not None:  # its kernel holds integers
            return tf.cast(self.projection(x), tf.float32)
        else:
            kernel, bias = self.projection.kernel, self.projection.bias
        kernel, bias = (tf.cast(variable, x.dtype) for variable in (kernel, bias))
        rows = tf.reshape(x, [-1, self.hidden_dim])
        logits = tf.nn.bias_add(tf.matmul(rows, kernel, transpose_b=self.tie_embeddings), bias)
        return tf.cast(tf.reshape(logits, tf.concat([tf.shape(x)[:-1], [self.vocabulary_size]], axis=0)), tf.float32)

    def _token_embeddings(self) -> tf.Tensor:
        """The embeddings of all tokens, without that of a start token of its own: float [V, embedding_dim]."""
        if self.embedding.quantization_mode is not None:  # its matrix holds integers
            return self.embedding(tf.range(self.vocabulary_size))
        return self.embedding.embeddings[: self.vocabulary_size]

    def get_config(self) -> dict[str, Any]:
        own_start = self.start_token_id == self.vocabulary_size
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "embedding_dim": self.embedding_dim,
            "hidden_dim": self.hidden_dim,
            "num_layers": self.num_layers,
            "dropout": self.dropout,
            "start_token_id": None if own_start else self.start_token_id,
            "end_token_id": self.end_token_id,
            "initializer_stddev": self.initializer_stddev,
            "seed": self.seed,
            "encoder": None if self.encoder is None else keras.saving.serialize_keras_object(self.encoder),
            "embedding_range": self.embedding_range,
            "tie_embeddings": self.tie_embeddings,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        return cls(**with_encoder(config, custom_objects))


def initializer(
    stddev: float | None, ints: Ints, default: Any = keras.initializers.GlorotUniform, **arguments: Any
) -> Any:
    """The initializer of one weight.

    Args:
        stddev: that of N(0, stddev). None: the weight is drawn as `default` says.
        ints: from `core.seeds.integers`; the next one is the seed.
        default: class of a Keras initializer. Defaults to that of `Dense`.
        **arguments: its arguments beside the seed.
    """
    if stddev is None:
        return default(seed=next(ints), **arguments)
    return keras.initializers.RandomNormal(stddev=stddev, seed=next(ints))


def checked_rate(name: str, rate: Any) -> float:
    """A rate of dropout.

    Args:
        name: what the user calls it.
        rate: what the user gave.

    Raises:
        InputError: it is not a number in [0, 1).
    """
    rate = real_number(name, rate)
    if not 0 <= rate < 1:
        raise InputError(f"`{name}` must be in [0, 1). Received: {rate}")
    return rate


def check_embedding_range(embedding_range: float) -> None:
    """Checks r, where initial embeddings are drawn from U(-r, r).

    Raises:
        InputError: it is not a finite number above 0.
    """
    if not 0 < embedding_range < math.inf:
        raise InputError(f"`embedding_range` must be a finite number above 0. Received: {embedding_range}")
