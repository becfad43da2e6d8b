"""Terminal rewards: every token gets the reward of its own whole sequence, without roll-outs."""

from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from seqgan_tf.core.conditions import condition_of
from seqgan_tf.core.log_odds import CLIP
from seqgan_tf.core.sequences import mask
from seqgan_tf.rewards.estimator import SequenceEstimator, evaluate
from seqgan_tf.rewards.sequence_rewards import SequenceReward, checked_token_ids

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Discriminator, Generator


@keras.saving.register_keras_serializable(package="seqgan_tf")
class TerminalReward(SequenceEstimator):
    """Q(Y_1:t-1, y_t) = r(Y) for every t, Y being the sampled sequence itself (REINFORCE, Williams, 1992).

    The sampled sequence is one completion of each of its own prefixes by the generator. So its reward is an unbiased
    estimate of the action value of each of its tokens, of a higher variance than the mean over the roll-outs of
    `MonteCarloRollout`. It costs one discriminator call per batch. It equals `MonteCarloRollout` with a `stride` of T.

    Args:
        reward: r, what a whole sequence is worth: "log_odds" (log D/(1-D), clipped), "probability" (D, the paper's), or
            an object: `LogOdds`, `Probability`, `Objective` or `WeightedSum`. Defaults to "log_odds".
        clip: bound of the log-odds, where `reward` is a name. Defaults to 3.0.

    Raises:
        InputError: an unknown `reward`, `clip` is not above 0, or `clip` is given beside a reward that is an object.

    Example:
    ```python
    import seqgan_tf as sg

    generator = sg.Generator(vocabulary_size=50, end_token_id=0)
    discriminator = sg.Discriminator(vocabulary_size=50, sequence_length=20)
    gan = sg.SeqGAN(generator, discriminator, sg.TerminalReward())
    ```
    """

    def __init__(self, reward: SequenceReward | str = "log_odds", clip: float = CLIP) -> None:
        super().__init__(reward, clip)

    def estimate(
        self, token_ids: tf.Tensor, generator: "Generator", discriminator: "Discriminator", seed: tf.Tensor
    ) -> tf.Tensor:
        """Action values of sampled sequences.

        Args:
            token_ids: int32 [B, T], padded after the end token.
            generator: the policy; only its `vocabulary_size` and its conditions are used.
            discriminator: D; it scores with dropout off.
            seed: int32 [2]; nothing is drawn.

        Returns:
            float32 [B, T]: on each token the reward of its sequence; 0 on padding.

        Raises:
            InputError: token ids or logits of another rank, (where values are at hand) an id outside the vocabulary, or
                an objective fails.
        """
        token_ids = checked_token_ids(token_ids, generator.vocabulary_size)
        rewards, _ = evaluate(self.sequence_reward, token_ids, discriminator, condition_of(generator))
        return rewards[:, tf.newaxis] * mask(token_ids)
