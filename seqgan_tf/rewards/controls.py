"""Controls: rewards that know nothing. A gain that they show too is no gain of the discriminator's.

Both wrap the estimator whose reward they replace and keep its scale, so that steps are as large as the method's own.
"""

import keras
import tensorflow as tf

from seqgan_tf.sequences import lengths, mask, masked_mean


class _Control:
    """An estimator in place of another's rewards."""

    def __init__(self, estimator):
        self.estimator = estimator

    @property
    def update_rate(self):
        """The lag of the roll-out policy, as the estimator has it."""
        return getattr(self.estimator, "update_rate", 0.0)

    def get_config(self):
        return {"estimator": keras.saving.serialize_keras_object(self.estimator)}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config["estimator"]))


@keras.saving.register_keras_serializable(package="seqgan_tf")
class ConstantReward(_Control):
    """The mean of the batch's rewards for every token.

    Without a baseline what is left is that samples are trained on, all alike; with one across the batch, nothing
    but rounding (of which an optimizer that scales its steps, such as Adam, may make a slow drift).

    Args:
        estimator: a reward estimator.
    """

    def estimate(self, token_ids, generator, discriminator, seed):
        """As the estimator's: float32 [B, T], one number on tokens, 0 on padding."""
        rewards = self.estimator.estimate(token_ids, generator, discriminator, seed)
        token_mask = mask(token_ids)
        return masked_mean(rewards, token_mask) * token_mask


@keras.saving.register_keras_serializable(package="seqgan_tf")
class ShuffledReward(_Control):
    """Noise: every sequence gets the rewards of another sample of the batch, drawn by a cyclic shift.

    So the rewards of whole sequences have the method's own mean, variance and course, and are independent of the
    sequence that they reward. Where the other sample is shorter, its last reward stands in; a batch of one has none.
    (A leave-one-out baseline holds the sequence's own reward as one of B - 1: what it tells is smaller than the
    method's own signal by that factor.)

    Args:
        estimator: a reward estimator.
    """

    def estimate(self, token_ids, generator, discriminator, seed):
        """As the estimator's: float32 [B, T], 0 on padding.

        Samples are independent and in no order, so the next one is a random one.
        """
        rewards = self.estimator.estimate(token_ids, generator, discriminator, seed)
        others = tf.roll(rewards, shift=1, axis=0)
        last = tf.maximum(tf.roll(lengths(token_ids), shift=1, axis=0) - 1, 0)  # [B]
        position = tf.minimum(tf.range(tf.shape(rewards)[1])[tf.newaxis], last[:, tf.newaxis])  # [B, T]
        return tf.gather(others, position, batch_dims=1) * mask(token_ids)
