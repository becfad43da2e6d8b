"""SeqGAN as a Keras model: what one step of each phase does, and the Keras methods that run them."""

import math

import keras
import numpy as np
import tensorflow as tf

from seqgan_tf import losses, sampling
from seqgan_tf.data import pipeline
from seqgan_tf.phase import MeanLogs, Phase
from seqgan_tf.sequences import PADDING, check_token_ids, mask, masked_mean

BASELINES = ("none", "batch_mean", "leave_one_out", "moving_average")
GENERATOR_LOGS = ("generator_loss", "reward", "entropy", "generator_gradient_norm")
DISCRIMINATOR_LOGS = ("discriminator_loss", "real_accuracy", "generated_accuracy", "discriminator_gradient_norm")
LIKELIHOOD_LOGS = ("nll", "gradient_norm")
EVALUATION_STREAM = 1  # `next_seed` uses stream 0


@keras.saving.register_keras_serializable(package="seqgan_tf")
class SeqGAN(MeanLogs):
    """Trains a generator against a discriminator by policy gradient (Yu et al., 2017, algorithm 1).

    Three phases: `pretrain_generator` by maximum likelihood, `pretrain_discriminator`, then `fit`, whose every
    training step is one adversarial round, compiled as one function:

    - `generator_steps` times: draw `batch_size` sequences, estimate every token's reward, one policy gradient step;
    - `discriminator_steps` times: `batch_size` real sequences against as many fresh samples.

    What a batch of `fit` is: its dataset is read again and again and cut anew into rounds of
    `discriminator_steps * batch_size` sequences, whatever its own batch size, and no remainder is dropped. So the
    discriminator meets every training sequence equally often. An epoch has as many rounds as one pass over the data
    needs, rounded up, unless `steps_per_epoch` says otherwise.

    Args:
        generator: a `Generator`, or a model with the same methods.
        discriminator: a `Discriminator`, or a model with `sequence_length` and `call(token_ids) -> logits [B]`.
        reward_estimator: an object with `estimate(token_ids, generator, discriminator, seed) -> rewards [B, T]`, such
            as `MonteCarloRollout`. Where its `update_rate` is above 0, the policy that it gets lags behind the
            generator.
        batch_size: int. Defaults to 64, the paper's.
        generator_steps: int, a round. Defaults to 1, the paper's.
        discriminator_steps: int, a round. Defaults to 15.
        baseline: what is taken off the rewards: "leave_one_out", "batch_mean", "moving_average" or "none" (the paper).
            Defaults to "leave_one_out".
        entropy_weight: float, adds this times the mean entropy of a token's distribution to the objective. Defaults
            to 0.
        seed: int, of everything that is drawn. Same seed, same run. Defaults to 0.
    """

    def __init__(
        self,
        generator,
        discriminator,
        reward_estimator,
        batch_size=64,
        generator_steps=1,
        discriminator_steps=15,
        baseline="leave_one_out",
        entropy_weight=0.0,
        seed=0,
        **kwargs,
    ):
        super().__init__([*GENERATOR_LOGS, *DISCRIMINATOR_LOGS, "nll"], **kwargs)
        if generator.vocabulary_size != discriminator.vocabulary_size:
            raise ValueError(
                "generator and discriminator must have the same `vocabulary_size`. "
                f"Received: {generator.vocabulary_size} and {discriminator.vocabulary_size}"
            )
        if baseline not in BASELINES:
            raise ValueError(f"`baseline` must be one of {list(BASELINES)}. Received: {baseline!r}")
        for name, value in (("generator_steps", generator_steps), ("discriminator_steps", discriminator_steps)):
            if value < 1:
                raise ValueError(f"`{name}` must be at least 1. Received: {value}")
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1. Received: {batch_size}")
        if batch_size < 2 and baseline == "leave_one_out":
            raise ValueError(f"`batch_size` must be at least 2 for a leave-one-out baseline. Received: {batch_size}")
        self.generator = generator
        self.discriminator = discriminator
        self.reward_estimator = reward_estimator
        self.batch_size = batch_size
        self.generator_steps = generator_steps
        self.discriminator_steps = discriminator_steps
        self.baseline = baseline
        self.entropy_weight = entropy_weight
        self.seed = seed
        self.lagging = getattr(reward_estimator, "update_rate", 0.0) > 0
        if self.lagging:
            self.rollout_generator = type(generator).from_config(generator.get_config())
            self.rollout_generator.trainable = False
            self.synchronize_rollout_policy()
        self.draws = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False, name="draws")
        self.reward_average = self.add_weight(shape=(), initializer="zeros", trainable=False, name="reward_average")
        self._compiled = {}
        self.built = True

    # Randomness and the roll-out policy

    def next_seed(self):
        """An int32 [2] seed never given before: a counter, kept with the weights, makes it."""
        self.draws.assign_add(1)
        return sampling.fold_in(sampling.make_seed(self.seed), self.draws.value)

    @property
    def rollout_policy(self):
        """The policy that completes prefixes: the lagged copy, or the generator itself."""
        return self.rollout_generator if self.lagging else self.generator

    def synchronize_rollout_policy(self):
        """beta <- theta. Done at the start and after `pretrain_generator`; call it after loading other weights."""
        if self.lagging:
            for beta, theta in zip(self.rollout_generator.weights, self.generator.weights, strict=True):
                beta.assign(theta)

    def _update_rollout_policy(self):
        if self.lagging:
            rate = self.reward_estimator.update_rate
            for beta, theta in zip(self.rollout_generator.weights, self.generator.weights, strict=True):
                beta.assign(rate * beta + (1.0 - rate) * theta)

    # One step of each phase. Pure but for the weights they are there to change.

    def likelihood_step(self, token_ids):
        """One maximum likelihood step of the generator on real token_ids [B, T]: {"nll", "gradient_norm"}."""
        with tf.GradientTape() as tape:
            nll = losses.negative_log_likelihood(self.generator.log_probs(token_ids, training=True), mask(token_ids))
        norm = _apply(tape, nll, self.generator, self.pretrain_optimizer)
        return {"nll": nll, "gradient_norm": norm}

    def discriminator_step(self, real, seed):
        """One step of the discriminator on real [B, T] and as many fresh samples of the generator.

        Returns:
            {"discriminator_loss" (nats a sequence), "real_accuracy", "generated_accuracy",
            "discriminator_gradient_norm"}.
        """
        generated = self._sample(tf.shape(real)[0], seed)
        with tf.GradientTape() as tape:
            logits = self.discriminator(tf.concat([real, generated], axis=0), training=True)
            real_logits, generated_logits = tf.split(logits, 2)
            loss = losses.adversarial_cross_entropy(real_logits, generated_logits)
            objective = tf.add_n([loss, *self.discriminator.losses])
        norm = _apply(tape, objective, self.discriminator, self.discriminator_optimizer)
        return {
            "discriminator_loss": loss,
            "real_accuracy": _share(real_logits > 0),
            "generated_accuracy": _share(generated_logits <= 0),
            "discriminator_gradient_norm": norm,
        }

    def generator_step(self, seed):
        """One policy gradient step of the generator on `batch_size` sequences of its own.

        Returns:
            {"generator_loss", "reward" (mean over tokens), "entropy" (nats a token), "generator_gradient_norm"}.
        """
        draw_seed, reward_seed = tf.unstack(sampling.split(seed, 2))
        token_ids = self._sample(self.batch_size, draw_seed)
        rewards = self.reward_estimator.estimate(token_ids, self.rollout_policy, self.discriminator, reward_seed)
        token_mask = mask(token_ids)
        advantages = rewards - self._baseline(rewards, token_mask)
        with tf.GradientTape() as tape:
            logits = self.generator(token_ids, training=False)
            log_probs = losses.token_log_probs(logits, token_ids)
            entropy = masked_mean(losses.entropy(logits), token_mask)
            loss = losses.policy_gradient_loss(log_probs, advantages, token_mask)
            objective = loss - self.entropy_weight * entropy if self.entropy_weight else loss
        norm = _apply(tape, objective, self.generator, self.optimizer)
        self._update_rollout_policy()
        return {
            "generator_loss": loss,
            "reward": masked_mean(rewards, token_mask),
            "entropy": entropy,
            "generator_gradient_norm": norm,
        }

    def adversarial_round(self, data):
        """G steps, then D steps, on real token ids [discriminator_steps * batch_size, T]; logs are means over steps."""
        real = tf.reshape(data, [self.discriminator_steps, self.batch_size, self.discriminator.sequence_length])
        seeds = sampling.split(self.next_seed(), self.generator_steps + self.discriminator_steps)
        logs = _repeat(self.generator_step, seeds[: self.generator_steps])
        return logs | _repeat(self.discriminator_step, real, seeds[self.generator_steps :])

    def train_step(self, data):
        return self.mean_logs(self.adversarial_round(data))

    def test_step(self, data):
        """Held-out likelihood and the discriminator's accuracy on sequences that nobody trained on.

        Returns:
            {"nll" (nats a token), "real_accuracy", "generated_accuracy"} of token ids [B, T].
        """
        generated = self._sample(tf.shape(data)[0], sampling.make_seed(self.seed, EVALUATION_STREAM))
        accuracies = {
            "real_accuracy": _share(self.discriminator(data, training=False) > 0),
            "generated_accuracy": _share(self.discriminator(generated, training=False) <= 0),
        }
        likelihood = self.mean_logs(self.likelihood_metrics(data), tf.reduce_sum(mask(data)))
        return likelihood | self.mean_logs(accuracies, tf.shape(data)[0])

    def likelihood_metrics(self, token_ids):
        """{"nll"} of real token ids [B, T], dropout off, nats a token."""
        return {"nll": losses.negative_log_likelihood(self.generator.log_probs(token_ids), mask(token_ids))}

    def _sample(self, batch_size, seed):
        return sampling.sample(self.generator, batch_size, self.discriminator.sequence_length, seed)

    def _baseline(self, rewards, token_mask):
        if self.baseline == "batch_mean":
            return losses.batch_mean_baseline(rewards, token_mask)
        if self.baseline == "leave_one_out":
            return losses.leave_one_out_baseline(rewards, token_mask)
        if self.baseline == "moving_average":
            average = tf.identity(self.reward_average.value)
            self.reward_average.assign(losses.moving_average(average, rewards, token_mask))
            return average
        return 0.0

    # Keras

    def compile(
        self,
        generator_optimizer="adam",
        discriminator_optimizer="adam",
        pretrain_optimizer=None,
        jit_compile=False,
        **kwargs,
    ):
        """Configures the training.

        Args:
            generator_optimizer: Keras optimizer of the policy gradient steps; learning rate callbacks act on this one.
            discriminator_optimizer: Keras optimizer of the discriminator, in both of its phases.
            pretrain_optimizer: Keras optimizer of the likelihood steps. Defaults to None: a fresh one with the
                settings of `generator_optimizer`, so that no momentum is carried over.
            jit_compile: whether to compile the round with XLA. Defaults to False, which is faster on a CPU.
            **kwargs: as in `keras.Model.compile`, such as `run_eagerly` and `steps_per_execution`.
        """
        super().compile(optimizer=generator_optimizer, loss=None, jit_compile=jit_compile, **kwargs)
        self.discriminator_optimizer = keras.optimizers.get(discriminator_optimizer)
        if pretrain_optimizer is None:
            pretrain_optimizer = keras.optimizers.serialize(self.optimizer)
        self.pretrain_optimizer = keras.optimizers.get(pretrain_optimizer)
        self.optimizer.build(self.generator.trainable_variables)
        self.pretrain_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)

    def pretrain_generator(self, data, epochs=1, validation_data=None, patience=2, callbacks=None, verbose="auto"):
        """Maximum likelihood training of the generator.

        Args:
            data: `tf.data.Dataset` of token ids [B, T], or an array [n, T] (cut into batches of `batch_size`).
            epochs: int, passes over the data at most.
            validation_data: the same kind; with it, training stops after `patience` epochs without a better
                likelihood, and the weights of the best epoch are kept. Defaults to None: all epochs.
            patience: int. Defaults to 2.
            callbacks: Keras callbacks; logs hold "nll", "gradient_norm" and "val_nll".
            verbose: as in `keras.Model.fit`.

        Returns:
            `keras.callbacks.History`.
        """
        callbacks = list(callbacks or [])
        if validation_data is not None:
            validation_data = self._dataset(validation_data, "validation_data")
            callbacks.insert(
                0, keras.callbacks.EarlyStopping("val_nll", mode="min", patience=patience, restore_best_weights=True)
            )
        phase = Phase(self.generator, LIKELIHOOD_LOGS, self.likelihood_step, self.likelihood_metrics)
        self._compile_phase(phase)
        history = phase.fit(
            self._dataset(data, "data"),
            epochs=epochs,
            validation_data=validation_data,
            callbacks=callbacks,
            verbose=verbose,
            shuffle=False,
        )
        self.synchronize_rollout_policy()
        return history

    def pretrain_discriminator(self, data, steps, callbacks=None, verbose="auto"):
        """Training of the discriminator against fresh samples of the generator as it is.

        Args:
            data: as in `pretrain_generator`; read in passes, each sequence equally often.
            steps: int, of `batch_size` real and as many generated sequences.
            callbacks, verbose: as in `keras.Model.fit`.

        Returns:
            `keras.callbacks.History`.
        """
        if steps < 1:
            raise ValueError(f"`steps` must be at least 1. Received: {steps}")
        stream = pipeline.rounds(self._dataset(data, "data"), self.batch_size)
        phase = Phase(
            self.discriminator, DISCRIMINATOR_LOGS, lambda real: self.discriminator_step(real, self.next_seed())
        )
        self._compile_phase(phase)
        return phase.fit(stream, steps_per_epoch=steps, callbacks=callbacks, verbose=verbose, shuffle=False)

    def fit(self, data=None, epochs=1, steps_per_epoch=None, validation_data=None, **kwargs):
        """Adversarial training: every step is one round (see the class).

        Args:
            data: `tf.data.Dataset` of token ids [B, T], or an array [n, T].
            epochs: int.
            steps_per_epoch: int, rounds an epoch. Defaults to None: one pass over the data, rounded up.
            validation_data: the same kind; logs then hold "val_nll", "val_real_accuracy" and "val_generated_accuracy".
            **kwargs: as in `keras.Model.fit` (callbacks, verbose, initial_epoch, ...).

        Returns:
            `keras.callbacks.History`.
        """
        dataset = self._dataset(data, "data")
        size = self.batch_size * self.discriminator_steps
        if steps_per_epoch is None:
            steps_per_epoch = math.ceil(pipeline.count_sequences(dataset) / size)
        if steps_per_epoch < 1:
            raise ValueError(f"`steps_per_epoch` must be at least 1. Received: {steps_per_epoch}")
        if validation_data is not None:
            validation_data = self._dataset(validation_data, "validation_data")
        return super().fit(
            pipeline.rounds(dataset, size),
            epochs=epochs,
            steps_per_epoch=steps_per_epoch,
            validation_data=validation_data,
            shuffle=False,
            **kwargs,
        )

    def evaluate(self, x=None, **kwargs):
        """Held-out likelihood and accuracies, see `test_step`.

        Args:
            x: `tf.data.Dataset` of token ids [B, T], or an array [n, T].
            **kwargs: as in `keras.Model.evaluate`.
        """
        # Inside `fit`, Keras calls this with the dataset that `fit` has prepared; preparing it twice changes nothing.
        return super().evaluate(self._dataset(x, "x"), **kwargs)

    def generate(
        self, n, seed=None, temperature=1.0, top_k=None, top_p=None, prompt=None, suppress_tokens=(), batch_size=500
    ):
        """Samples of the generator.

        Args:
            n: int, how many.
            seed: int. Defaults to None: the model's own stream, so that every call gives other samples.
            temperature, top_k, top_p, suppress_tokens: see `sampling.warp`.
            prompt: token ids [P] that every sample begins with, P <= sequence_length, none of them the end token.
                Defaults to None.
            batch_size: int, sequences drawn at once. The random stream depends on it. Defaults to 500.

        Returns:
            int32 numpy array [n, T], -1 after the end token.

        Raises:
            ValueError: n < 1, sampling settings that make no sense, or a prompt that is too long or not in the
                vocabulary.
        """
        if n < 1:
            raise ValueError(f"`n` must be at least 1. Received: {n}")
        sampling.check_sampling(temperature, top_k, top_p)
        length, size = self.discriminator.sequence_length, min(n, batch_size)
        prompt = self._prompt(prompt, size)
        outside = [token for token in suppress_tokens if not 0 <= token < self.generator.vocabulary_size]
        if outside or len(set(suppress_tokens)) == self.generator.vocabulary_size:
            raise ValueError(
                f"`suppress_tokens` must be some tokens of the vocabulary. Received: {outside or 'all of them'}"
            )
        seed = self.next_seed() if seed is None else sampling.make_seed(seed)
        settings = (size, top_k, tuple(suppress_tokens), top_p is not None, None if prompt is None else prompt.shape[1])
        if settings not in self._compiled:

            def draw(seed, temperature, top_p, prompt):
                warping = {"temperature": temperature, "top_k": top_k, "suppress_tokens": suppress_tokens}
                return sampling.sample(self.generator, size, length, seed, prompt, top_p=top_p, **warping)

            self._compiled[settings] = tf.function(draw)
        draw = self._compiled[settings]
        temperature = tf.constant(temperature, tf.float32)
        top_p = None if top_p is None else tf.constant(top_p, tf.float32)
        drawn = [draw(sampling.fold_in(seed, i), temperature, top_p, prompt) for i in range(-(-n // size))]
        return tf.concat(drawn, axis=0)[:n].numpy()

    def _prompt(self, prompt, rows):
        """The prompt as a tensor [rows, P]; None where it is None or empty."""
        if prompt is None or not len(prompt):
            return None
        check_token_ids(prompt, self.generator.vocabulary_size, "prompt")
        prompt = np.asarray(prompt, np.int32)
        if prompt.ndim != 1:
            raise ValueError(f"`prompt` must be one list of token ids. Received: shape {prompt.shape}")
        if len(prompt) > self.discriminator.sequence_length:
            longest = self.discriminator.sequence_length
            raise ValueError(f"`prompt` must hold at most {longest} tokens. Received: {len(prompt)}")
        if np.isin(prompt, [PADDING, self.generator.end_token_id]).any():
            raise ValueError(f"`prompt` must hold neither the end token nor padding. Received: {prompt.tolist()}")
        return tf.tile(prompt[np.newaxis], [rows, 1])

    def _dataset(self, data, name):
        return pipeline.as_dataset(
            data,
            name,
            self.batch_size,
            self.generator.vocabulary_size,
            self.discriminator.sequence_length,
            self.generator.end_token_id,
        )

    def _compile_phase(self, phase):
        if not self.compiled:
            raise ValueError("Call `compile(generator_optimizer=..., discriminator_optimizer=...)` first")
        phase.compile(optimizer=None, loss=None, jit_compile=self.jit_compile, run_eagerly=self.run_eagerly)

    def get_config(self):
        return {
            **super().get_config(),
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "reward_estimator": keras.saving.serialize_keras_object(self.reward_estimator),
            "batch_size": self.batch_size,
            "generator_steps": self.generator_steps,
            "discriminator_steps": self.discriminator_steps,
            "baseline": self.baseline,
            "entropy_weight": self.entropy_weight,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        parts = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in ("generator", "discriminator", "reward_estimator")
        }
        return cls(**(config | parts))

    def get_compile_config(self):
        return {
            "generator_optimizer": keras.saving.serialize_keras_object(self.optimizer),
            "discriminator_optimizer": keras.saving.serialize_keras_object(self.discriminator_optimizer),
            "pretrain_optimizer": keras.saving.serialize_keras_object(self.pretrain_optimizer),
            "jit_compile": self.jit_compile,
        }

    def compile_from_config(self, config):
        self.compile(**{name: keras.saving.deserialize_keras_object(value) for name, value in config.items()})


def _apply(tape, objective, network, optimizer):
    """One optimizer step of a network; returns the global norm of the gradient, before any clipping."""
    variables = network.trainable_variables
    gradients = tape.gradient(objective, [v.value for v in variables])
    optimizer.apply(gradients, variables)
    return tf.linalg.global_norm(gradients)


def _repeat(step, *inputs):
    """Runs a step once for each slice of the inputs, in order, inside the graph; returns the means of its logs."""
    names = []

    def once(slices):
        logs = step(*slices)
        names[:] = logs
        return tf.stack(list(logs.values()))

    logs = tf.map_fn(once, inputs, fn_output_signature=tf.float32, parallel_iterations=1)
    return dict(zip(names, tf.unstack(tf.reduce_mean(logs, axis=0), num=len(names)), strict=True))


def _share(condition):
    return tf.reduce_mean(tf.cast(condition, tf.float32))
