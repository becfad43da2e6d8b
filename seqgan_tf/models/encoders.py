"""Encoders: conditions as contexts that a generator or a discriminator takes.

Any Keras model or layer with `call(condition, training) -> Context` is an encoder, if it is built and has the
attributes `memory_dim`, the width C of its memory, and `summary_dim`, the width D of its summary. To be exported it has
`condition_spec` too, a `tf.TensorSpec` of the shape [None, ...] or a dict of them; those of this module need none.

Axes: B batch, S source length, C and D widths.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from seqgan_tf.core import seeds
from seqgan_tf.core.optimizers import check_policy
from seqgan_tf.core.sequences import check_token_ids, mask
from seqgan_tf.core.validation import InputError, check_at_least, whole_number
from seqgan_tf.models.attention import Context
from seqgan_tf.models.bidirectional import BidirectionalModel


@keras.saving.register_keras_serializable(package="seqgan_tf")
class SequenceEncoder(BidirectionalModel):
    """A bidirectional recurrent network over source sequences.

    Its memory is the outputs of the last layer in both directions, its summary their last states. Padding changes
    neither.

    Args:
        vocabulary_size: number of source tokens.
        embedding_dim: size of a token's embedding. Defaults to 64.
        hidden_dim: units of each direction of each layer. Defaults to 64.
        cell: "lstm" or "gru". Defaults to "gru".
        num_layers: number of bidirectional layers. Defaults to 1.
        dropout: rate in [0, 1), on the input of each layer, under `training=True`. Defaults to 0.
        embedding_range: r; the initial embeddings are drawn from U(-r, r). Defaults to 0.3.
        seed: makes the initial weights and the dropout reproducible. Defaults to None: drawn.
        **kwargs: arguments of `keras.Model`, such as `name` and `dtype`.

    Raises:
        InputError: a setting is out of its range.

    Example:
    ```python
    import numpy as np

    import seqgan_tf as sg

    encoder = sg.SequenceEncoder(vocabulary_size=50, hidden_dim=16)
    generator = sg.Generator(40, encoder=encoder, attention="luong", end_token_id=0)
    ```
    """

    weight_stream = seeds.WeightStream.ENCODER

    def __init__(
        self,
        vocabulary_size: int,
        embedding_dim: int = 64,
        hidden_dim: int = 64,
        cell: str = "gru",
        num_layers: int = 1,
        dropout: float = 0.0,
        embedding_range: float = 0.3,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            vocabulary_size, embedding_dim, embedding_range, hidden_dim, cell, num_layers, dropout, seed, **kwargs
        )
        self.make_layers()
        self.build((None, None))

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        if self.built:
            return
        self.build_layers()
        self.built = True

    @property
    def memory_dim(self) -> int:
        """C."""
        return 2 * self.hidden_dim

    @property
    def summary_dim(self) -> int:
        """D."""
        return 2 * self.hidden_dim

    def call(self, token_ids: tf.Tensor, training: bool = False) -> Context:
        """The context of source sequences.

        Args:
            token_ids: int [B, S], padded with -1 at the end.
            training: whether dropout is on.

        Returns:
            `Context` with memory [B, S, 2 * hidden_dim], mask [B, S] and summary [B, 2 * hidden_dim].

        Raises:
            InputError: an id is outside the vocabulary (checked where values are at hand, not inside a graph).
        """
        check_token_ids(token_ids, self.vocabulary_size, "condition")
        outputs, last_states = self.read(token_ids, training)
        return Context(outputs, mask(token_ids), tf.concat(last_states, axis=1))


@keras.saving.register_keras_serializable(package="seqgan_tf")
class LabelEncoder(keras.Model):
    """An embedding of labels. Its memory is one position, the embedding itself, which is also the summary.

    Args:
        num_labels: number of labels.
        embedding_dim: size of a label's embedding. Defaults to 32.
        seed: makes the initial weights reproducible. Defaults to None: drawn.
        **kwargs: arguments of `keras.Model`, such as `name` and `dtype`.

    Raises:
        InputError: a setting is out of its range.

    Example:
    ```python
    import seqgan_tf as sg

    generator = sg.Generator(50, encoder=sg.LabelEncoder(num_labels=3), end_token_id=0)
    ```
    """

    built: bool

    def __init__(self, num_labels: int, embedding_dim: int = 32, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_policy(self.dtype_policy)
        self.num_labels = whole_number("num_labels", num_labels)
        self.embedding_dim = whole_number("embedding_dim", embedding_dim)
        self.seed = None if seed is None else whole_number("seed", seed)
        check_at_least(2, num_labels=self.num_labels)
        check_at_least(1, embedding_dim=self.embedding_dim)
        ints = seeds.integers(self.seed, seeds.WeightStream.ENCODER)
        self.embedding = keras.layers.Embedding(
            self.num_labels,
            self.embedding_dim,
            embeddings_initializer=keras.initializers.RandomNormal(stddev=1.0, seed=next(ints)),
            dtype=self.dtype_policy,
            name="embedding",
        )
        self.embedding.build((None,))
        self.built = True

    @property
    def memory_dim(self) -> int:
        """C."""
        return self.embedding_dim

    @property
    def summary_dim(self) -> int:
        """D."""
        return self.embedding_dim

    def call(self, labels: tf.Tensor, training: bool = False) -> Context:
        """The context of labels.

        Args:
            labels: int [B], in [0, num_labels).
            training: has no effect.

        Returns:
            `Context` with memory [B, 1, embedding_dim], mask [B, 1] and summary [B, embedding_dim].

        Raises:
            InputError: a label is out of its range (checked where values are at hand).
        """
        check_token_ids(labels, self.num_labels, "condition")
        found = self.embedding(tf.cast(labels, tf.int32))
        return Context(found[:, tf.newaxis], tf.ones_like(labels, tf.float32)[:, tf.newaxis], found)

    def get_config(self) -> dict[str, Any]:
        names = ("num_labels", "embedding_dim", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable(package="seqgan_tf")
class ConcatenateEncoder(keras.Model):
    """Encoders of several conditions as one: memories one after another, summaries side by side.

    Args:
        encoders: {name: encoder}; a condition is a dict with the same names.
        width: C of the memory; each encoder's memory is projected to it. Defaults to 64.
        seed: makes the initial weights of the projections reproducible. Defaults to None: drawn.
        **kwargs: arguments of `keras.Model`, such as `name` and `dtype`.

    Raises:
        InputError: there is no encoder, or a setting is out of its range.

    Example:
    ```python
    import seqgan_tf as sg

    encoders = {"source": sg.SequenceEncoder(50), "style": sg.LabelEncoder(3)}
    generator = sg.Generator(40, encoder=sg.ConcatenateEncoder(encoders), attention="luong")
    ```
    """

    built: bool

    def __init__(
        self, encoders: Mapping[str, keras.Model], width: int = 64, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_policy(self.dtype_policy)
        if not isinstance(encoders, Mapping) or not encoders:
            raise InputError(f"`encoders` must be a dict of encoders. Received: {encoders!r}")
        self.encoders = dict(sorted(encoders.items()))
        self.width = whole_number("width", width)
        self.seed = None if seed is None else whole_number("seed", seed)
        check_at_least(1, width=self.width)
        ints = seeds.integers(self.seed, seeds.WeightStream.ENCODER)
        self.projections = {
            name: keras.layers.Dense(
                self.width,
                kernel_initializer=keras.initializers.GlorotUniform(seed=next(ints)),
                name=f"project_{name}",
                dtype=self.dtype_policy,
            )
            for name in self.encoders
        }
        for name, encoder in self.encoders.items():
            self.projections[name].build((None, None, encoder.memory_dim))
        self.built = True

    @property
    def memory_dim(self) -> int:
        """C."""
        return self.width

    @property
    def summary_dim(self) -> int:
        """D, the sum over the encoders."""
        return sum(encoder.summary_dim for encoder in self.encoders.values())

    def call(self, condition: Mapping[str, Any], training: bool = False) -> Context:
        """The context of a dict of conditions.

        Args:
            condition: {name: condition of the encoder of that name}.
            training: whether dropout is on.

        Returns:
            `Context` with memory [B, S, width], S the sum over the encoders.

        Raises:
            InputError: the names differ from those of the encoders.
        """
        if not isinstance(condition, Mapping) or set(condition) != set(self.encoders):
            received = sorted(condition) if isinstance(condition, Mapping) else type(condition).__name__
            raise InputError(f"`condition` must be a dict with {sorted(self.encoders)}. Received: {received}")
        found = {name: encoder(condition[name], training=training) for name, encoder in self.encoders.items()}
        return Context(
            tf.concat([self.projections[name](context.memory) for name, context in found.items()], axis=1),
            tf.concat([context.mask for context in found.values()], axis=1),
            tf.concat([context.summary for context in found.values()], axis=1),
        )

    def get_config(self) -> dict[str, Any]:
        encoders = {name: keras.saving.serialize_keras_object(encoder) for name, encoder in self.encoders.items()}
        return {**super().get_config(), "encoders": encoders, "width": self.width, "seed": self.seed}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> "ConcatenateEncoder":
        encoders = {
            name: keras.saving.deserialize_keras_object(value, custom_objects)
            for name, value in config["encoders"].items()
        }
        return cls(**config | {"encoders": encoders})
