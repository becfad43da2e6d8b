"""Rewards of all next tokens: what each possible token adds to the discriminator's logit."""

from typing import TYPE_CHECKING, Any, Self

import keras
import tensorflow as tf

from seqgan_tf.core.sequences import mask
from seqgan_tf.core.validation import InputError, check_tensors
from seqgan_tf.rewards.sequence_rewards import checked_token_ids

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Discriminator, Generator


@keras.saving.register_keras_serializable(package="seqgan_tf")
class NextTokenReward:
    """R_t(v), what token v would add to the discriminator's logit after Y_1:t-1, for every token v of the vocabulary.

    A step of the generator then takes the exact mean over next tokens instead of the one that was drawn. Its gradient
    has far less noise than that of `TerminalReward`: docs/results.md compares what generators learn from both. What a
    token changes in the rewards of later tokens is left out, so the gradient is biased; that is what it costs.

    The discriminator must be a sum over tokens, such as `NgramDiscriminator`. It is right about sequences that are like
    those it was trained on, so keep the generator close to where the round began: `kl_weight=1.0` and
    `kl_reference="round"` of `SeqGAN`, with many steps of both networks in a round. Logits are not clipped, and a
    baseline changes nothing.

    A step needs memory for several tensors of B * T * V floats, B being the `generator_batch_size`.

    Example:
    ```python
    import seqgan_tf as sg

    generator = sg.Generator(vocabulary_size=50, end_token_id=0)
    discriminator = sg.NgramDiscriminator(vocabulary_size=50, sequence_length=20)
    close = {"kl_weight": 1.0, "kl_reference": "round", "generator_steps": 100, "discriminator_steps": 2_000}
    gan = sg.SeqGAN(generator, discriminator, sg.NextTokenReward(), **close)
    ```
    """

    def next_token_rewards(
        self, token_ids: tf.Tensor, generator: "Generator", discriminator: "Discriminator", seed: tf.Tensor
    ) -> tf.Tensor:
        """Rewards of all tokens that could follow each prefix of sampled sequences.

        Args:
            token_ids: int32 [B, T], padded after the end token.
            generator: the policy; only its `vocabulary_size` is used.
            discriminator: D, with a method `next_token_logits`; it scores with dropout off.
            seed: int32 [2]; nothing is drawn.

        Returns:
            float32 [B, T, V], in nats: at [b, t, v] the reward of token v after the first t tokens of sequence b. On
            padding it has no meaning.

        Raises:
            InputError: token ids of another rank, (where values are at hand) an id outside the vocabulary, or a
                discriminator without `next_token_logits`, or with an encoder.
        """
        token_ids = checked_token_ids(token_ids, generator.vocabulary_size)
        scores = getattr(discriminator, "next_token_logits", None)
        if scores is None:
            raise InputError(
                "`discriminator` must have a method `next_token_logits` and no encoder for `NextTokenReward`, as "
                f"`NgramDiscriminator` has. Received: an object of the class {type(discriminator).__name__}"
            )
        rewards = scores(token_ids)
        sizes = {"B": token_ids.shape[0], "T": token_ids.shape[1], "V": generator.vocabulary_size}
        check_tensors(sizes, **{"discriminator.next_token_logits(token_ids)": (rewards, "BTV")})
        return rewards

    def estimate(
        self, token_ids: tf.Tensor, generator: "Generator", discriminator: "Discriminator", seed: tf.Tensor
    ) -> tf.Tensor:
        """The rewards of the tokens of the sequences themselves: float32 [B, T], 0 on padding.

        For arguments and errors see `next_token_rewards`.
        """
        rewards = self.next_token_rewards(token_ids, generator, discriminator, seed)
        chosen = tf.gather(rewards, tf.maximum(tf.convert_to_tensor(token_ids), 0), batch_dims=2)
        return chosen * mask(token_ids)

    def get_config(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**config)
