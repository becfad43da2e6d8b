"""The model that adversarial training works on: its networks and optimizers, and one step of each kind."""

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from seqgan_tf.core import contracts, losses, sampling, seeds, steps
from seqgan_tf.core.phases import ADVERSARIAL, PRETRAIN_DISCRIMINATOR, Phase, likelihood_phase
from seqgan_tf.core.sequences import mask
from seqgan_tf.core.steps import Logs
from seqgan_tf.core.trained_model import TrainedModel
from seqgan_tf.core.validation import InputError, check_at_least, check_tensors, real_number, whole_number

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import RewardEstimator

ADVERSARIAL_LOGS = (*steps.LIKELIHOOD_LOGS, *steps.GENERATOR_LOGS, *steps.DISCRIMINATOR_LOGS)
BASELINES = ("none", "batch_mean", "leave_one_out", "moving_average")


class AdversarialModel(TrainedModel):
    """A generator, a discriminator and a reward estimator, and the steps that train them.

    `SeqGAN` adds the methods that prepare data and run the steps.

    Args:
        generator: as for `SeqGAN`, like all others.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.core.adversarial import AdversarialModel

    model = AdversarialModel(sg.Generator(50), sg.Discriminator(50, 8), sg.MonteCarloRollout(2), batch_size=4)
    model.compile()
    logs = model.generator_step(model.next_seed())  # {"generator_loss": ..., "reward": ..., ...}
    ```
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        reward_estimator: "RewardEstimator",
        batch_size: int = 64,
        generator_batch_size: int | None = None,
        generator_steps: int = 1,
        discriminator_steps: int = 15,
        likelihood_steps: int = 0,
        baseline: str = "leave_one_out",
        entropy_weight: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ):
        super().__init__(ADVERSARIAL_LOGS, **kwargs)
        contracts.check_networks(generator, discriminator)
        if baseline not in BASELINES:
            raise InputError(f"`baseline` must be one of {list(BASELINES)}. Received: {baseline!r}")
        batch_size = whole_number("batch_size", batch_size)
        if generator_batch_size is not None:
            generator_batch_size = whole_number("generator_batch_size", generator_batch_size)
        drawn = batch_size if generator_batch_size is None else generator_batch_size
        generator_steps = whole_number("generator_steps", generator_steps)
        discriminator_steps = whole_number("discriminator_steps", discriminator_steps)
        likelihood_steps = whole_number("likelihood_steps", likelihood_steps)
        entropy_weight, seed = real_number("entropy_weight", entropy_weight), whole_number("seed", seed)
        check_at_least(0, generator_steps=generator_steps, likelihood_steps=likelihood_steps)
        check_at_least(1, discriminator_steps=discriminator_steps, batch_size=batch_size, generator_batch_size=drawn)
        if drawn < 2 and baseline == "leave_one_out":
            raise InputError(f"`batch_size` must be at least 2 for a leave-one-out baseline. Received: {drawn}")
        contracts.check_parts(generator, discriminator, reward_estimator)
        self.generator = generator
        self.discriminator = discriminator
        self.reward_estimator = reward_estimator
        self.batch_size = batch_size
        self.generator_batch_size = generator_batch_size
        self.generator_steps = generator_steps
        self.discriminator_steps = discriminator_steps
        self.likelihood_steps = likelihood_steps
        self.baseline = baseline
        self.entropy_weight = entropy_weight
        self.seed = seed
        self.lagging = getattr(reward_estimator, "update_rate", 0.0) > 0
        if self.lagging:
            contracts.check_can_be_saved(generator=generator)
            self.rollout_generator = type(generator).from_config(generator.get_config())
            contracts.check_parts(self.rollout_generator, discriminator, reward_estimator)  # makes its weights
            self.rollout_generator.trainable = False
            self.synchronize_rollout_policy()
        self.draws = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False, name="draws")
        self.reward_average = self.add_weight(shape=(), initializer="zeros", trainable=False, name="reward_average")
        self.built = True

    # Randomness and the roll-out policy

    def next_seed(self, stream: seeds.Stream = seeds.Stream.TRAINING) -> tf.Tensor:
        """A new stateless seed, int32 [2]. It is made of a counter that is saved with the weights."""
        self.draws.assign_add(1)
        return seeds.stream_seed(self.seed, stream, self.draws.value)

    @property
    def rollout_policy(self) -> keras.Model:
        """The policy that completes prefixes: the lagging copy, or the generator itself."""
        return self.rollout_generator if self.lagging else self.generator

    def synchronize_rollout_policy(self) -> None:
        """beta <- theta. Runs at the start and after `pretrain_generator`; call it after loading other weights."""
        if self.lagging:
            steps.follow(self.rollout_generator, self.generator, rate=0.0)

    # One step of each kind, see `core.steps`, and the phases that are made of them

    @property
    def phases(self) -> dict[str, Phase]:
        """The phases of training by name, in order."""
        real, per_round = self.batch_size, self.batch_size * self.discriminator_steps
        phases = (
            likelihood_phase(self.generator, self.pretrain_optimizer, real),
            Phase(
                PRETRAIN_DISCRIMINATOR,
                lambda token_ids: self.discriminator_step(token_ids, self.next_seed()),
                real,
                steps.DISCRIMINATOR_LOGS,
            ),
            Phase(ADVERSARIAL, self.adversarial_round, per_round, ADVERSARIAL_LOGS),
        )
        return {phase.name: phase for phase in phases}

    def likelihood_step(self, token_ids: tf.Tensor) -> Logs:
        """One maximum likelihood step of the generator on real token_ids [B, T]."""
        return steps.likelihood_step(self.generator, self.pretrain_optimizer, token_ids)

    def discriminator_step(self, real: tf.Tensor, seed: tf.Tensor) -> Logs:
        """One step of the discriminator on real token ids [B, T] and as many new samples of the generator."""
        generated = self._sample(tf.shape(real)[0], seed)
        return steps.discriminator_step(self.discriminator, self.discriminator_optimizer, real, generated)

    def generator_step(self, seed: tf.Tensor) -> Logs:
        """One policy gradient step of the generator on sequences that it draws with the seed, int32 [2]."""
        draw_seed, reward_seed = tf.unstack(seeds.split(seed, 2))
        token_ids = self._sample(self.generator_batch_size or self.batch_size, draw_seed)
        rewards = self.reward_estimator.estimate(token_ids, self.rollout_policy, self.discriminator, reward_seed)
        check_tensors(token_ids=(token_ids, "BT"), rewards=(rewards, "BT"))
        advantages = rewards - self._baseline(rewards, mask(token_ids))
        logs = steps.policy_gradient_step(
            self.generator, self.optimizer, token_ids, rewards, advantages, self.entropy_weight
        )
        if self.lagging:
            rate = getattr(self.reward_estimator, "update_rate", 0.0)
            steps.follow(self.rollout_generator, self.generator, rate)
        return logs

    def adversarial_round(self, data: tf.Tensor) -> Logs:
        """Likelihood steps, generator steps, then discriminator steps.

        Args:
            data: real token ids [discriminator_steps * batch_size, T]. Likelihood steps take their batches in order,
                starting with the first; discriminator steps take each batch once.

        Returns:
            The means of the logs over the steps.
        """
        real = tf.reshape(data, [self.discriminator_steps, self.batch_size, self.discriminator.sequence_length])
        step_seeds = seeds.split(self.next_seed(), self.generator_steps + self.discriminator_steps)
        logs: Logs = {}
        if self.likelihood_steps:
            chosen = tf.range(self.likelihood_steps) % self.discriminator_steps
            logs |= steps.repeat(self.likelihood_step, tf.gather(real, chosen))
        if self.generator_steps:
            logs |= steps.repeat(self.generator_step, step_seeds[: self.generator_steps])
        return logs | steps.repeat(self.discriminator_step, real, step_seeds[self.generator_steps :])

    def train_step(self, data: tf.Tensor) -> Logs:
        """One adversarial round."""
        return self.mean_logs(self.adversarial_round(data))

    def test_step(self, data: tf.Tensor) -> Logs:
        """NLL of held-out sequences, and accuracy of the discriminator on them and on as many samples.

        Args:
            data: token ids [B, T].

        Returns:
            {"nll" (nats per token), "real_accuracy", "generated_accuracy"}.
        """
        # The tokens measured so far number the batch: each has samples of its own, the same in every evaluation.
        likelihood = self.mean_logs(steps.likelihood_metrics(self.generator, data), tf.reduce_sum(mask(data)))
        number = tf.cast(self.total_weight("nll"), tf.int32)
        seed = seeds.stream_seed(self.seed, seeds.Stream.EVALUATION, number)
        generated = self._sample(tf.shape(data)[0], seed)
        right = steps.accuracies(
            self.discriminator(data, training=False), self.discriminator(generated, training=False)
        )
        return likelihood | self.mean_logs(right, tf.shape(data)[0])

    def _sample(self, batch_size: int | tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return sampling.sample(self.generator, batch_size, self.discriminator.sequence_length, seed)

    def _baseline(self, rewards: tf.Tensor, token_mask: tf.Tensor) -> tf.Tensor | float:
        if self.baseline == "batch_mean":
            return losses.batch_mean_baseline(rewards, token_mask)
        if self.baseline == "leave_one_out":
            return losses.leave_one_out_baseline(rewards, token_mask)
        if self.baseline == "moving_average":
            average = tf.identity(self.reward_average.value)
            self.reward_average.assign(losses.moving_average(average, rewards, token_mask))
            return average
        return 0.0
