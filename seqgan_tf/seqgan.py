"""SeqGAN as a Keras model: what one step of each phase does, and the Keras methods that run them."""

import math

import keras
import tensorflow as tf

from seqgan_tf import losses, sampling
from seqgan_tf.checks import check_at_least
from seqgan_tf.data import pipeline
from seqgan_tf.generation import generate
from seqgan_tf.phase import MeanLogs, Phase, fit_likelihood
from seqgan_tf.sequences import mask
from seqgan_tf.serving.portable import export_portable
from seqgan_tf.serving.saved_model import export_saved_model
from seqgan_tf.steps import (
    DISCRIMINATOR_LOGS,
    GENERATOR_LOGS,
    LIKELIHOOD_LOGS,
    accuracies,
    discriminator_step,
    likelihood_metrics,
    likelihood_step,
    policy_gradient_step,
    repeat,
)

BASELINES = ("none", "batch_mean", "leave_one_out", "moving_average")
EVALUATION_STREAM = 1  # `next_seed` uses stream 0


@keras.saving.register_keras_serializable(package="seqgan_tf")
class SeqGAN(MeanLogs):
    """Trains a generator against a discriminator by policy gradient (Yu et al., 2017, algorithm 1).

    Three phases: `pretrain_generator` by maximum likelihood, `pretrain_discriminator`, then `fit`, whose every
    training step is one adversarial round, compiled as one function:

    - `generator_steps` times: draw `generator_batch_size` sequences, estimate every token's reward, one policy gradient
      step;
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
        generator_batch_size: int, sequences of a policy gradient step. Defaults to None: `batch_size`.
        generator_steps: int, policy gradient steps a round. Defaults to 1, the paper's.
        discriminator_steps: int, a round. Defaults to 15.
        likelihood_steps: int, maximum likelihood steps of the generator a round, before the others. Defaults to 0.
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
        generator_batch_size=None,
        generator_steps=1,
        discriminator_steps=15,
        likelihood_steps=0,
        baseline="leave_one_out",
        entropy_weight=0.0,
        seed=0,
        **kwargs,
    ):
        super().__init__([*LIKELIHOOD_LOGS, *GENERATOR_LOGS, *DISCRIMINATOR_LOGS], **kwargs)
        if generator.vocabulary_size != discriminator.vocabulary_size:
            raise ValueError(
                "generator and discriminator must have the same `vocabulary_size`. "
                f"Received: {generator.vocabulary_size} and {discriminator.vocabulary_size}"
            )
        if baseline not in BASELINES:
            raise ValueError(f"`baseline` must be one of {list(BASELINES)}. Received: {baseline!r}")
        sequences_a_step = batch_size if generator_batch_size is None else generator_batch_size
        check_at_least(0, generator_steps=generator_steps, likelihood_steps=likelihood_steps)
        check_at_least(
            1, discriminator_steps=discriminator_steps, batch_size=batch_size, generator_batch_size=sequences_a_step
        )
        if sequences_a_step < 2 and baseline == "leave_one_out":
            raise ValueError(
                f"`batch_size` must be at least 2 for a leave-one-out baseline. Received: {sequences_a_step}"
            )
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
            self.rollout_generator = type(generator).from_config(generator.get_config())
            self.rollout_generator.trainable = False
            self.synchronize_rollout_policy()
        self.draws = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False, name="draws")
        self.reward_average = self.add_weight(shape=(), initializer="zeros", trainable=False, name="reward_average")
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

    # One step of each kind, see `steps`

    def likelihood_step(self, token_ids):
        """One maximum likelihood step of the generator on real token_ids [B, T]: {"nll", "gradient_norm"}."""
        return likelihood_step(self.generator, self.pretrain_optimizer, token_ids)

    def discriminator_step(self, real, seed):
        """One step of the discriminator on real [B, T] and as many fresh samples of the generator."""
        generated = self._sample(tf.shape(real)[0], seed)
        return discriminator_step(self.discriminator, self.discriminator_optimizer, real, generated)

    def generator_step(self, seed):
        """One policy gradient step of the generator on sequences of its own."""
        draw_seed, reward_seed = tf.unstack(sampling.split(seed, 2))
        token_ids = self._sample(self.generator_batch_size or self.batch_size, draw_seed)
        rewards = self.reward_estimator.estimate(token_ids, self.rollout_policy, self.discriminator, reward_seed)
        advantages = rewards - self._baseline(rewards, mask(token_ids))
        logs = policy_gradient_step(self.generator, self.optimizer, token_ids, rewards, advantages, self.entropy_weight)
        self._update_rollout_policy()
        return logs

    def adversarial_round(self, data):
        """G steps, then D steps, on real token ids [discriminator_steps * batch_size, T]; logs are means over steps.

        Likelihood steps, where there are any, come first; they take the round's batches in order, from the first.
        """
        real = tf.reshape(data, [self.discriminator_steps, self.batch_size, self.discriminator.sequence_length])
        seeds = sampling.split(self.next_seed(), self.generator_steps + self.discriminator_steps)
        logs = {}
        if self.likelihood_steps:
            chosen = tf.range(self.likelihood_steps) % self.discriminator_steps
            logs |= repeat(self.likelihood_step, tf.gather(real, chosen))
        if self.generator_steps:
            logs |= repeat(self.generator_step, seeds[: self.generator_steps])
        return logs | repeat(self.discriminator_step, real, seeds[self.generator_steps :])

    def train_step(self, data):
        return self.mean_logs(self.adversarial_round(data))

    def test_step(self, data):
        """Held-out likelihood and the discriminator's accuracy on sequences that nobody trained on.

        Returns:
            {"nll" (nats a token), "real_accuracy", "generated_accuracy"} of token ids [B, T].
        """
        generated = self._sample(tf.shape(data)[0], sampling.make_seed(self.seed, EVALUATION_STREAM))
        verdicts = accuracies(self.discriminator(data, training=False), self.discriminator(generated, training=False))
        likelihood = self.mean_logs(likelihood_metrics(self.generator, data), tf.reduce_sum(mask(data)))
        return likelihood | self.mean_logs(verdicts, tf.shape(data)[0])

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
        compiling = self._compiling()
        if validation_data is not None:
            validation_data = self._dataset(validation_data, "validation_data")
        history = fit_likelihood(
            self.generator,
            self.pretrain_optimizer,
            self._dataset(data, "data"),
            epochs,
            validation_data,
            patience,
            callbacks,
            verbose,
            **compiling,
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
        check_at_least(1, steps=steps)
        stream = pipeline.rounds(self._dataset(data, "data"), self.batch_size)
        phase = Phase(
            self.discriminator, DISCRIMINATOR_LOGS, lambda real: self.discriminator_step(real, self.next_seed())
        )
        phase.compile(optimizer=None, loss=None, **self._compiling())
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
        check_at_least(1, steps_per_epoch=steps_per_epoch)
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

    def generate(self, n, seed=None, **settings):
        """Samples of the generator: int32 numpy array [n, T], -1 after the end token.

        Args:
            n: int, how many.
            seed: int. Defaults to None: the model's own stream, so that every call gives other samples.
            **settings: `temperature`, `top_k`, `top_p`, `prompt`, `suppress_tokens`, `batch_size`; see
                `generation.generate`, errors too.
        """
        seed = self.next_seed() if seed is None else seed
        return generate(self.generator, n, self.discriminator.sequence_length, seed, **settings)

    def export(self, filepath, tokenizer=None, version=None, format="saved_model", warmup=False, jit_compile=False):
        """Writes a new version of a model to be served; those that are there stay as they are.

        Args:
            filepath: path of the served model; the version becomes a folder in it.
            tokenizer: `TextTokenizer` of the data, for signatures that take and give text. Defaults to None: token ids.
            version: int. Defaults to None: the next one.
            format: "saved_model", for TF Serving, see `serving.signatures.Signatures` for what it answers; "onnx" or
                "litert", see `serving.portable.PortableSignatures`.
            warmup: whether to write requests with which TF Serving warms up. Needs the extra `serving`.
            jit_compile: whether XLA compiles the SavedModel's functions. Defaults to False.

        Returns:
            Path of the version.

        Raises:
            ValueError: the version is there already, the target can not be written, or an unknown format.
            ImportError: an extra is not installed.
        """
        if format == "saved_model":
            return export_saved_model(
                filepath, self.generator, self.discriminator, tokenizer, version, warmup, jit_compile
            )
        if warmup or jit_compile:
            raise ValueError(f"`warmup` and `jit_compile` are for `format` 'saved_model'. Received: {format!r}")
        return export_portable(filepath, self.generator, self.discriminator, format, version)

    def _dataset(self, data, name):
        return pipeline.as_dataset(
            data,
            name,
            self.batch_size,
            self.generator.vocabulary_size,
            self.discriminator.sequence_length,
            self.generator.end_token_id,
        )

    def _compiling(self):
        """The settings of `compile` that the other phases share."""
        if not self.compiled:
            raise ValueError("Call `compile(generator_optimizer=..., discriminator_optimizer=...)` first")
        return {"jit_compile": self.jit_compile, "run_eagerly": self.run_eagerly}

    def get_config(self):
        return {
            **super().get_config(),
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "reward_estimator": keras.saving.serialize_keras_object(self.reward_estimator),
            "batch_size": self.batch_size,
            "generator_batch_size": self.generator_batch_size,
            "generator_steps": self.generator_steps,
            "discriminator_steps": self.discriminator_steps,
            "likelihood_steps": self.likelihood_steps,
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
