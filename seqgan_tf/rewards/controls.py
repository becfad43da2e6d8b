"""Controls: rewards without information about the sequences that they reward.

An improvement that a run with a control shows too does not come from the discriminator. Each control wraps the
estimator whose rewards it replaces, and keeps their scale, so that the steps of the policy gradient stay as large.
"""

from typing import TYPE_CHECKING, Any, Self

import keras
import tensorflow as tf

from seqgan_tf.core.protocols import NextTokenEstimator
from seqgan_tf.core.sequences import lengths, mask, masked_mean
from seqgan_tf.core.validation import check_tensors

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Discriminator, Generator, RewardEstimator


class _Control:
    """An estimator that replaces the rewards of another one."""

    def __init__(self, estimator: "RewardEstimator") -> None:
        self.estimator = estimator
        if isinstance(estimator, NextTokenEstimator):  # only then is the control one too
            self.next_token_rewards = self._next_token_rewards

    @property
    def update_rate(self) -> float:
        """The lag of the roll-out policy: that of the wrapped estimator."""
        return getattr(self.estimator, "update_rate", 0.0)

    @property
    def log_names(self) -> tuple[str, ...]:
        """Names of the logs that the wrapped estimator reports."""
        return getattr(self.estimator, "log_names", ())

    @property
    def objectives(self) -> tuple[Any, ...]:
        """The objectives of the wrapped estimator."""
        return getattr(self.estimator, "objectives", ())

    def estimate(
        self, token_ids: tf.Tensor, generator: "Generator", discriminator: "Discriminator", seed: tf.Tensor
    ) -> tf.Tensor:
        """Rewards of sampled sequences, made of those of the wrapped estimator.

        Args:
            token_ids: int32 [B, T], padded after the end token.
            generator, discriminator, seed: as the wrapped estimator takes them.

        Returns:
            float32 [B, T]; 0 on padding.

        Raises:
            InputError: token ids of another rank, or the wrapped estimator returns another shape.
        """
        rewards = self.estimator.estimate(token_ids, generator, discriminator, seed)
        token_ids = tf.convert_to_tensor(token_ids)
        check_tensors(token_ids=(token_ids, "BT"), rewards=(rewards, "BT"))
        return self._replace(rewards, token_ids)

    def _next_token_rewards(
        self, token_ids: tf.Tensor, generator: "Generator", discriminator: "Discriminator", seed: tf.Tensor
    ) -> tf.Tensor:
        """Rewards of all tokens that could follow, float32 [B, T, V], made of those of the wrapped estimator."""
        assert isinstance(self.estimator, NextTokenEstimator)
        return self._replace_all(self.estimator.next_token_rewards(token_ids, generator, discriminator, seed), seed)

    def _replace(self, rewards: tf.Tensor, token_ids: tf.Tensor) -> tf.Tensor:
        """The control's rewards [B, T], for those of the wrapped estimator."""
        raise NotImplementedError

    def _replace_all(self, rewards: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The control's rewards [B, T, V], for those of the wrapped estimator of all next tokens."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        return {"estimator": keras.saving.serialize_keras_object(self.estimator)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(keras.saving.deserialize_keras_object(config["estimator"]))


@keras.saving.register_keras_serializable(package="seqgan_tf")
class ConstantReward(_Control):
    """Gives every token the mean of the batch's rewards.

    Without a baseline the generator is trained on its own samples, all with equal weight. With a baseline across the
    batch the advantages are 0 up to rounding. (An optimizer that scales its steps, such as Adam, may turn the rounding
    into a slow drift.) Where all next tokens are rewarded, each gets 0. Any constant has the same gradient, and
    that of 0 is free of rounding: the generator stays as it is.

    Args:
        estimator: a reward estimator.

    Example:
    ```python
    import seqgan_tf as sg

    generator = sg.Generator(vocabulary_size=50, end_token_id=0)
    discriminator = sg.Discriminator(vocabulary_size=50, sequence_length=20)
    gan = sg.SeqGAN(generator, discriminator, sg.ConstantReward(sg.MonteCarloRollout(num_rollouts=4)))
    ```
    """

    def _replace(self, rewards: tf.Tensor, token_ids: tf.Tensor) -> tf.Tensor:
        token_mask = mask(token_ids)
        return masked_mean(rewards, token_mask) * token_mask

    def _replace_all(self, rewards: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return tf.zeros_like(rewards)


@keras.saving.register_keras_serializable(package="seqgan_tf")
class ShuffledReward(_Control):
    """Gives every sequence the rewards of another sample of the batch: a cyclic shift by one row.

    So the rewards of whole sequences have the mean and the variance of the wrapped estimator's throughout training, but
    are independent of the sequence that gets them. Where the other sample is shorter, its last reward is repeated. A
    batch of one sequence keeps its own rewards.

    A leave-one-out baseline contains the sequence's own reward as one of B - 1, with a negative sign: this leaves a
    signal that is smaller than the wrapped estimator's by that factor.

    Where all next tokens are rewarded, token v gets the reward of the token v + k (modulo V) after the same prefix. The
    shift k of at least 1 is drawn anew in each step.

    Args:
        estimator: a reward estimator.

    Example:
    ```python
    import seqgan_tf as sg

    generator = sg.Generator(vocabulary_size=50, end_token_id=0)
    discriminator = sg.Discriminator(vocabulary_size=50, sequence_length=20)
    gan = sg.SeqGAN(generator, discriminator, sg.ShuffledReward(sg.MonteCarloRollout(num_rollouts=4)))
    ```
    """

    def _replace(self, rewards: tf.Tensor, token_ids: tf.Tensor) -> tf.Tensor:
        # Samples are independent and in no particular order, so the neighbouring row is as good as a random one.
        others = tf.roll(rewards, shift=1, axis=0)
        last = tf.maximum(tf.roll(lengths(token_ids), shift=1, axis=0) - 1, 0)  # [B]
        position = tf.minimum(tf.range(tf.shape(rewards)[1])[tf.newaxis], last[:, tf.newaxis])  # [B, T]
        return tf.gather(others, position, batch_dims=1) * mask(token_ids)

    def _replace_all(self, rewards: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        # Rows stay where they are: on several devices each sees some of them, and the result is the same.
        shift = tf.random.stateless_uniform([], seed, 1, tf.shape(rewards)[2], tf.int32)
        return tf.roll(rewards, -shift, axis=2)
