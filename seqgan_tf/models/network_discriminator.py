"""A discriminator from any Keras network of token ids, such as a `keras.Sequential`."""

from typing import Any, Self

import keras
import tensorflow as tf

from seqgan_tf.core.optimizers import check_policy
from seqgan_tf.core.random_state import RandomStateModel
from seqgan_tf.core.sequences import PADDING, check_length, check_token_ids
from seqgan_tf.core.validation import InputError, check_at_least, check_tensors, whole_number


@keras.saving.register_keras_serializable(package="seqgan_tf")
class NetworkDiscriminator(RandomStateModel):
    """D(Y) = sigmoid(logit) by a network that knows neither padding nor the sizes that `SeqGAN` needs.

    `SeqGAN` makes one of a discriminator without the attributes `vocabulary_size` and `sequence_length`. The network
    gets whole sequences, int32 [B, T], in which `padding_id` stands for padding, since an `Embedding` takes no negative
    ids. So padding is a token to it, and sequences always have T tokens.

    Args:
        network: a Keras model that maps token ids [B, T] to logits [B, 1] or [B]; above 0 means real. It must not end
            with a sigmoid.
        vocabulary_size: V.
        sequence_length: T.
        padding_id: the token id that replaces padding. Defaults to 0.
        **kwargs: arguments of `keras.Model`, such as `name`.

    Raises:
        InputError: a setting is out of its range, or the network returns another shape or probabilities.

    Example:
    ```python
    import keras

    import seqgan_tf as sg

    layers = [keras.layers.Embedding(50, 8), keras.layers.LSTM(8), keras.layers.Dense(1)]
    gan = sg.SeqGAN(sg.Generator(50), keras.Sequential(layers), sg.TerminalReward(), sequence_length=20)
    print(type(gan.discriminator).__name__)  # NetworkDiscriminator
    ```
    """

    def __init__(
        self, network: keras.Model, vocabulary_size: int, sequence_length: int, padding_id: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_policy(network.dtype_policy)
        self.network = network
        self.vocabulary_size = whole_number("vocabulary_size", vocabulary_size)
        self.sequence_length = whole_number("sequence_length", sequence_length)
        self.padding_id = whole_number("padding_id", padding_id)
        check_at_least(2, vocabulary_size=self.vocabulary_size, sequence_length=self.sequence_length)
        if not 0 <= self.padding_id < self.vocabulary_size:
            raise InputError(f"`padding_id` must be in [0, {vocabulary_size}), the vocabulary. Received: {padding_id}")
        last = network
        while getattr(last, "layers", None):
            last = last.layers[-1]
        if getattr(last, "activation", None) is keras.activations.sigmoid:
            raise InputError(
                "`discriminator` must return logits, so that its last layer needs no activation. Received: a sigmoid"
            )
        logits = network(tf.zeros([3, self.sequence_length], tf.int32), training=False)  # makes all weights
        if logits.shape not in ((3, 1), (3,)):
            raise InputError(
                "`discriminator(token_ids)` must be of shape [B, 1] or [B]. "
                f"Received: shape {tuple(logits.shape)} for a batch of 3"
            )
        self.built = True

    def call(self, token_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Log-odds that the sequences are real.

        Args:
            token_ids: int32 [B, T'], T' <= T, padded after the end token.
            training: whether dropout is on.

        Returns:
            float32 [B].

        Raises:
            InputError: T' > T, or (where values are at hand) an id outside the vocabulary.
        """
        check_token_ids(token_ids, self.vocabulary_size)
        token_ids = tf.cast(token_ids, tf.int32)
        check_length(token_ids, self.sequence_length)
        missing = self.sequence_length - token_ids.shape[1]
        token_ids = tf.pad(token_ids, [[0, 0], [0, missing]], constant_values=PADDING)
        logits = self.network(tf.where(token_ids == PADDING, self.padding_id, token_ids), training=training)
        if logits.shape.rank == 2:
            logits = tf.squeeze(logits, axis=1)
        check_tensors({"B": token_ids.shape[0]}, **{"discriminator(token_ids)": (logits, "B")})
        return tf.cast(logits, tf.float32)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "network": keras.saving.serialize_keras_object(self.network),
            "vocabulary_size": self.vocabulary_size,
            "sequence_length": self.sequence_length,
            "padding_id": self.padding_id,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        network = keras.saving.deserialize_keras_object(config["network"], custom_objects)
        return cls(**(config | {"network": network}))


def as_discriminator(
    part: Any, vocabulary_size: int | None, sequence_length: int | None, end_token_id: int | None
) -> Any:
    """A discriminator as it is, or a `NetworkDiscriminator` of a network that has no sizes of its own.

    Args:
        part: what the user gave as the discriminator.
        vocabulary_size: V, where the user gave it or the generator has it.
        sequence_length: T; None: the length of the network's input, where it has a fixed one.
        end_token_id: the token that takes the place of padding; None: token 0 does.

    Returns:
        A `keras.Model` with `vocabulary_size` and `sequence_length`; or the part itself, where it is no Keras model.

    Raises:
        InputError: the sequence length is missing, or as `NetworkDiscriminator`.
    """
    has_sizes = hasattr(part, "vocabulary_size") and hasattr(part, "sequence_length")
    if not isinstance(part, keras.Model) or has_sizes:
        if has_sizes and sequence_length not in (None, part.sequence_length):
            raise InputError(
                f"`sequence_length` must be {part.sequence_length}, that of the discriminator. "
                f"Received: {sequence_length}"
            )
        return part
    if sequence_length is None:
        shape = getattr(part, "input_shape", None) if part.built else None
        if not isinstance(shape, tuple) or len(shape) != 2 or shape[1] is None:
            raise InputError(
                "`sequence_length` must be given for a discriminator without an attribute of this name. "
                f"Received: an object of the class {type(part).__name__}"
            )
        sequence_length = shape[1]
    if vocabulary_size is None:
        raise InputError("`vocabulary_size` must be given for a generator and a discriminator without this attribute")
    return NetworkDiscriminator(part, vocabulary_size, sequence_length, end_token_id or 0)
