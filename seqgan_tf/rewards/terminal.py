"""Terminal rewards: every token gets the reward of its own whole sequence, without roll-outs."""

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from seqgan_tf.core.sequences import mask
from seqgan_tf.core.validation import real_number
from seqgan_tf.rewards.sequence_rewards import check_reward, checked_token_ids, sequence_rewards

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Discriminator, Generator


@keras.saving.register_keras_serializable(package="seqgan_tf")
class TerminalReward:
    """Q(Y_1:t-1, y_t) = r(D(Y)) for every t, Y being the sampled sequence itself (REINFORCE, Williams, 1992).

    The sampled sequence is one completion of each of its own prefixes by the generator. So its reward is an unbiased
    estimate of the action value of each of its tokens, of a higher variance than the mean over the roll-outs of
    `MonteCarloRollout`. It costs one discriminator call per batch. It equals `MonteCarloRollout` with a `stride` of T.

    Args:
        reward: "log_odds" (log D/(1-D), clipped) or "probability" (D, the paper's), see `rewards.sequence_rewards`.
            Defaults to "log_odds".
        clip: bound of the log-odds. Defaults to 3.0.

    Raises:
        InputError: an unknown `reward`, or `clip` is not above 0.

    Example:
    ```python
    import seqgan_tf as sg

    generator = sg.Generator(vocabulary_size=50, end_token_id=0)
    discriminator = sg.Discriminator(vocabulary_size=50, sequence_length=20)
    gan = sg.SeqGAN(generator, discriminator, sg.TerminalReward())
    ```
    """

    def __init__(self, reward: str = "log_odds", clip: float = 3.0) -> None:
        clip = real_number("clip", clip)
        check_reward(reward, clip)
        self.reward = reward
        self.clip = clip

    def estimate(
        self, token_ids: tf.Tensor, generator: "Generator", discriminator: "Discriminator", seed: tf.Tensor
    ) -> tf.Tensor:
        """Action values of sampled sequences.

        Args:
            token_ids: int32 [B, T], padded after the end token.
            generator: the policy; only its `vocabulary_size` is used.
            discriminator: D; it scores with dropout off.
            seed: int32 [2]; nothing is drawn.

        Returns:
            float32 [B, T]: on each token the reward of its sequence; 0 on padding.

        Raises:
            InputError: token ids or logits of another rank, or (where values are at hand) an id outside the
                vocabulary.
        """
        token_ids = checked_token_ids(token_ids, generator.vocabulary_size)
        rewards = sequence_rewards(discriminator, token_ids, self.reward, self.clip)
        return rewards[:, tf.newaxis] * mask(token_ids)

    def get_config(self) -> dict[str, Any]:
        return {"reward": self.reward, "clip": self.clip}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "TerminalReward":
        return cls(**config)
