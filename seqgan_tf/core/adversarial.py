"""The model that adversarial training works on: its networks and optimizers, and one step of each kind."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from seqgan_tf.core import contracts, losses, replicas, sampling, seeds, steps
from seqgan_tf.core.conditions import condition_on, rows_of, take_rows
from seqgan_tf.core.elements import split_condition
from seqgan_tf.core.logs import collect
from seqgan_tf.core.phases import ADVERSARIAL, PRETRAIN_DISCRIMINATOR, Phase, likelihood_phase
from seqgan_tf.core.protocols import NextTokenEstimator
from seqgan_tf.core.sequences import mask
from seqgan_tf.core.steps import Logs
from seqgan_tf.core.trained_model import TrainedModel
from seqgan_tf.core.validation import InputError, check_at_least, check_tensors, real_number, whole_number

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import RewardEstimator

REFERENCES = ("pretrained", "round")
DRAWN_AT_ONCE = 512
"""Most sequences that the steps of the discriminator draw at once. More are hardly faster, and need more memory."""
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
        mismatched: bool = True,
        kl_weight: float = 0.0,
        kl_reference: str = "pretrained",
        **kwargs: Any,
    ):
        mismatched, kl_weight = bool(mismatched), real_number("kl_weight", kl_weight)
        super().__init__(_log_names(reward_estimator, discriminator, mismatched, kl_weight), **kwargs)
        contracts.check_networks(generator, discriminator)
        if baseline not in BASELINES:
            raise InputError(f"`baseline` must be one of {list(BASELINES)}. Received: {baseline!r}")
        if kl_reference not in REFERENCES:
            raise InputError(f"`kl_reference` must be one of {list(REFERENCES)}. Received: {kl_reference!r}")
        if kl_reference == "round" and not kl_weight:
            raise InputError(f"`kl_reference` {kl_reference!r} needs a `kl_weight` above 0. Received: {kl_weight}")
        batch_size = whole_number("batch_size", batch_size)
        if generator_batch_size is not None:
            generator_batch_size = whole_number("generator_batch_size", generator_batch_size)
        drawn = batch_size if generator_batch_size is None else generator_batch_size
        generator_steps = whole_number("generator_steps", generator_steps)
        discriminator_steps = whole_number("discriminator_steps", discriminator_steps)
        likelihood_steps = whole_number("likelihood_steps", likelihood_steps)
        entropy_weight, seed = real_number("entropy_weight", entropy_weight), whole_number("seed", seed)
        check_at_least(0, generator_steps=generator_steps, likelihood_steps=likelihood_steps, kl_weight=kl_weight)
        check_at_least(1, discriminator_steps=discriminator_steps, batch_size=batch_size, generator_batch_size=drawn)
        if drawn < 2 and baseline == "leave_one_out":
            raise InputError(f"`batch_size` must be at least 2 for a leave-one-out baseline. Received: {drawn}")
        contracts.check_parts(generator, discriminator, reward_estimator)
        contracts.check_objectives(generator, discriminator, reward_estimator)
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
        self.mismatched = mismatched
        self.kl_weight = kl_weight
        self.kl_reference = kl_reference
        self.lagging = getattr(reward_estimator, "update_rate", 0.0) > 0
        if self.lagging:
            self.rollout_generator = self._copy()
        if kl_weight:
            self.reference_generator = self._copy()
        self.synchronize_copies()
        self.draws = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False, name="draws")
        self.reward_average = self.add_weight(shape=(), initializer="zeros", trainable=False, name="reward_average")
        replicas.check_strategy(self.strategy, generator=generator, discriminator=discriminator)
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

    @property
    def copies(self) -> list[keras.Model]:
        """The roll-out policy, where it lags, and with `kl_weight` the reference of the divergence."""
        return [
            *([self.rollout_generator] if self.lagging else []),
            *([self.reference_generator] if self.kl_weight else []),
        ]

    def synchronize_copies(self) -> None:
        """Makes the roll-out policy and the reference equal to the generator.

        Runs at the start and after `pretrain_generator`; call it after loading other weights.
        """
        for copy in self.copies:
            steps.follow(copy, self.generator, rate=0.0)

    def _copy(self) -> keras.Model:
        """Another generator of the same settings, which no optimizer changes."""
        contracts.check_can_be_saved(generator=self.generator)
        copy = type(self.generator).from_config(self.generator.get_config())
        contracts.check_parts(copy, self.discriminator, self.reward_estimator)  # makes its weights
        contracts.check_copy(copy, self.generator)
        copy.trainable = False
        return copy

    # One step of each kind, see `core.steps`, and the phases that are made of them

    @property
    def phases(self) -> dict[str, Phase]:
        """The phases of training by name, in order."""
        phases = (
            likelihood_phase(self.generator, self.pretrain_optimizer, self.batch_size),
            self.discriminator_phase(1),
            Phase(
                ADVERSARIAL,
                self.adversarial_round,
                self.batch_size * self.discriminator_steps,
                _log_names(self.reward_estimator, self.discriminator, self.mismatched, self.kl_weight),
            ),
        )
        return {phase.name: phase for phase in phases}

    def discriminator_phase(self, total: int) -> Phase:
        """Training of the discriminator against the unchanged generator.

        Args:
            total: number of steps. As many are made in one go as draw at once and divide it.
        """
        number = self._steps_at_once(total)

        def step(data: Any) -> Logs:
            step_seeds = tf.stack([self.next_seed() for _ in range(number)])
            return self._discriminator_steps(_in_batches(data, self.batch_size), step_seeds)

        log_names = steps.discriminator_logs(self.discriminator, self.mismatched)
        return Phase(PRETRAIN_DISCRIMINATOR, step, number * self.batch_size, log_names, number)

    def likelihood_step(self, data: Any) -> Logs:
        """One maximum likelihood step of the generator on real token ids [B, T], or (conditions, token ids)."""
        condition, token_ids = split_condition(data)
        return steps.likelihood_step(self.generator, self.pretrain_optimizer, token_ids, condition)

    def discriminator_step(self, data: Any, seed: tf.Tensor) -> Logs:
        """One step of the discriminator on real data and as many new samples of the generator.

        Args:
            data: real token ids [B, T], or (conditions, token ids); the samples are for the same conditions.
            seed: int32 [2].
        """
        condition, real = split_condition(data)
        rows = replicas.rows(real)
        return self._discriminator_step(
            data, self._sample(condition_on(self.generator, rows.take(condition)), rows, seed)
        )

    def _discriminator_step(self, data: Any, generated: tf.Tensor) -> Logs:
        """`discriminator_step` on samples that have been drawn, of several replicas those of the rows of this one."""
        condition, real = split_condition(data)
        return steps.discriminator_step(
            self.discriminator, self.discriminator_optimizer, real, generated, condition, self.mismatched
        )

    def generator_step(self, seed: tf.Tensor, condition: Any = None) -> Logs:
        """One policy gradient step of the generator on sequences that it draws.

        Args:
            seed: int32 [2].
            condition: the conditions that it draws for, a nest of [`generator_batch_size`, ...]. Defaults to None, for
                a generator without an encoder.
        """
        draw_seed, reward_seed = tf.unstack(seeds.split(seed, 2))
        policy, judge = condition_on(self.generator, condition), condition_on(self.discriminator, condition)
        completing = condition_on(self.rollout_policy, condition) if self.lagging else policy
        rows = replicas.rows(self.generator_batch_size or self.batch_size)
        token_ids = rows.gather(self._sample(rows_of(policy, rows.indices), rows, draw_seed))
        if isinstance(self.reward_estimator, NextTokenEstimator):
            return self._next_token_step(self.reward_estimator, token_ids, reward_seed)
        with collect(getattr(self.reward_estimator, "log_names", ())) as reported:
            rewards = self.reward_estimator.estimate(token_ids, completing, judge, reward_seed)
        check_tensors(token_ids=(token_ids, "BT"), rewards=(rewards, "BT"))
        values = rewards
        if self.kl_weight:
            divergence = self._divergence(token_ids, rows, condition)
            reported[steps.DIVERGENCE] = tf.reduce_mean(divergence[:, 0])
            values -= self.kl_weight * divergence
        advantages = values - self._baseline(values, mask(token_ids))
        logs = steps.policy_gradient_step(
            self.generator, self.optimizer, token_ids, rewards, advantages, self.entropy_weight, condition
        )
        if self.lagging:
            rate = getattr(self.reward_estimator, "update_rate", 0.0)
            steps.follow(self.rollout_policy, self.generator, rate)
        return logs | reported

    def _next_token_step(self, estimator: NextTokenEstimator, token_ids: tf.Tensor, seed: tf.Tensor) -> Logs:
        """`steps.next_token_gradient_step`, on sequences that the generator has drawn."""
        return steps.next_token_gradient_step(
            self.generator,
            self.optimizer,
            token_ids,
            lambda own: estimator.next_token_rewards(own, self.generator, self.discriminator, seed),
            self.reference_generator if self.kl_weight else None,
            self.kl_weight,
            self.entropy_weight,
        )

    def adversarial_round(self, data: Any) -> Logs:
        """Likelihood steps, generator steps, then discriminator steps.

        Args:
            data: real token ids [discriminator_steps * batch_size, T], or (conditions, token ids). Likelihood steps
                take their batches in order, starting with the first; discriminator steps take each batch once.
                Generator steps draw for the conditions in order, starting with the first.

        Returns:
            The means of the logs over the steps.
        """
        condition, _ = split_condition(data)
        real = _in_batches(data, self.batch_size)
        step_seeds = seeds.split(self.next_seed(), self.generator_steps + self.discriminator_steps)
        logs: Logs = {}
        if self.kl_reference == "round":
            replicas.run(self.strategy, lambda: steps.follow(self.reference_generator, self.generator, rate=0.0))
        if self.likelihood_steps:
            chosen = tf.range(self.likelihood_steps) % self.discriminator_steps
            logs |= self._repeat(self.likelihood_step, take_rows(real, chosen))
        if self.generator_steps:
            inputs: list[Any] = [step_seeds[: self.generator_steps]]
            if condition is not None:
                drawn = self.generator_batch_size or self.batch_size
                rows = tf.range(self.generator_steps * drawn) % (self.discriminator_steps * self.batch_size)
                inputs.append(take_rows(condition, tf.reshape(rows, [self.generator_steps, drawn])))
            logs |= self._repeat(self.generator_step, *inputs)
        return logs | self._discriminator_steps(real, step_seeds[self.generator_steps :])

    def _discriminator_steps(self, real: Any, step_seeds: tf.Tensor) -> Logs:
        """`discriminator_step` on each of the batches [S, B, ...].

        The generator does not change meanwhile. So it draws for several steps at once, the same samples in less time.
        """
        at_once = self._steps_at_once(step_seeds.shape[0])

        def some_steps(real: Any, step_seeds: tf.Tensor) -> Logs:
            generated = replicas.run(self.strategy, self._samples, real, step_seeds)
            return self._repeat(
                lambda data, drawn: self._discriminator_step(data, replicas.rows(drawn).take(drawn)), real, generated
            )

        return steps.repeat(some_steps, *_in_batches((real, step_seeds), at_once))

    def _steps_at_once(self, total: int) -> int:
        """How many of the steps of the discriminator draw at once; it divides their number."""
        most = max(1, DRAWN_AT_ONCE // self.batch_size)
        return max(n for n in range(1, most + 1) if total % n == 0)

    def _samples(self, data: Any, step_seeds: tf.Tensor) -> tf.Tensor:
        """What `discriminator_step` draws for each of S batches, the rows of all replicas: int32 [S, B, T]."""
        condition, _ = split_condition(data)
        rows = replicas.rows(self.batch_size)
        if condition is not None:
            condition = tf.nest.map_structure(lambda values: _in_sequence(rows.take_of_each(values)), condition)
        length = self.discriminator.sequence_length
        drawn = sampling.sample_batches(condition_on(self.generator, condition), rows, length, step_seeds)
        return tf.transpose(rows.gather(tf.transpose(drawn, [1, 0, 2])), [1, 0, 2])

    def train_step(self, data: Any) -> Logs:
        """One adversarial round."""
        return self.mean_logs(self.adversarial_round(data))

    def test_step(self, data: Any) -> Logs:
        """NLL of held-out sequences, and accuracy of the discriminator on them and on as many samples.

        Args:
            data: token ids [B, T], or (conditions, token ids).

        Returns:
            {"nll" (nats per token), "real_accuracy", "generated_accuracy"}, and "mismatched_accuracy" where the
            discriminator learns from mismatched sequences.
        """
        condition, token_ids = split_condition(data)
        policy = condition_on(self.generator, condition)
        found = replicas.run(self.strategy, lambda: steps.likelihood_metrics(policy, token_ids))
        likelihood = self.mean_logs(found, tf.reduce_sum(mask(token_ids)))
        # The tokens measured so far number the batch: each has samples of its own, the same in every evaluation.
        number = tf.cast(self.total_weight("nll"), tf.int32)
        seed = seeds.stream_seed(self.seed, seeds.Stream.EVALUATION, number)

        def accuracies() -> Logs:
            rows = replicas.rows(token_ids)
            generated = self._sample(rows_of(policy, rows.indices), rows, seed)
            return steps.held_out_accuracies(self.discriminator, token_ids, generated, condition, self.mismatched)

        return likelihood | self.mean_logs(replicas.run(self.strategy, accuracies), tf.shape(token_ids)[0])

    def _repeat(self, step: Callable[..., Logs], *inputs: Any) -> Logs:
        """`steps.repeat`, each step on all replicas."""
        return steps.repeat(lambda *slices: replicas.run(self.strategy, step, *slices), *inputs)

    def _sample(self, policy: Any, rows: replicas.Rows, seed: tf.Tensor) -> tf.Tensor:
        """The sequences of the rows that this replica computes, for a policy that is bound to their conditions."""
        return sampling.sample(policy, rows.number, self.discriminator.sequence_length, seed, rows=rows)

    def _divergence(self, token_ids: tf.Tensor, rows: replicas.Rows, condition: Any) -> tf.Tensor:
        """`losses.divergence_to_go` of the generator from its reference, on sequences [B, T]."""
        own, own_condition = rows.take(token_ids), rows.take(condition)

        def log_probs(policy: Any) -> tf.Tensor:
            logits = condition_on(policy, own_condition)(own, training=False)
            return rows.gather(losses.token_log_probs(logits, own))

        return losses.divergence_to_go(log_probs(self.generator), log_probs(self.reference_generator), mask(token_ids))

    def _baseline(self, rewards: tf.Tensor, token_mask: tf.Tensor) -> tf.Tensor | float:
        if self.baseline == "batch_mean":
            return losses.batch_mean_baseline(rewards, token_mask)
        if self.baseline == "leave_one_out":
            return losses.leave_one_out_baseline(rewards, token_mask)
        if self.baseline == "moving_average":
            average = tf.identity(self.reward_average.value)
            following = losses.moving_average(average, rewards, token_mask)
            replicas.update(lambda: self.reward_average.assign(following))
            return average
        return 0.0


def _log_names(
    estimator: "RewardEstimator", discriminator: keras.Model, mismatched: bool, kl_weight: float
) -> tuple[str, ...]:
    """The names of the logs of an adversarial round."""
    divergence = (steps.DIVERGENCE,) if kl_weight else ()
    rest = steps.discriminator_logs(discriminator, mismatched)
    return (*steps.LIKELIHOOD_LOGS, *steps.generator_logs(estimator), *divergence, *rest)


def _in_sequence(batches: tf.Tensor) -> tf.Tensor:
    """[n, batch_size, ...] as [n * batch_size, ...]."""
    return tf.reshape(batches, tf.concat([[-1], tf.shape(batches)[2:]], axis=0))


def _in_batches(nest: Any, batch_size: int) -> Any:
    """Tensors [n * batch_size, ...] as [n, batch_size, ...]."""

    def in_batches(rows: tf.Tensor) -> tf.Tensor:
        static = [None if rows.shape[0] is None else rows.shape[0] // batch_size, batch_size, *rows.shape[1:]]
        shape = tf.concat([[-1, batch_size], tf.shape(rows)[1:]], axis=0)
        return tf.ensure_shape(tf.reshape(rows, shape), static)

    return tf.nest.map_structure(in_batches, nest)
