"""SeqGAN as a Keras model: the methods with which a user trains, samples and exports it."""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from seqgan_tf.core import seeds
from seqgan_tf.core.adversarial import AdversarialModel
from seqgan_tf.core.generation import generate
from seqgan_tf.core.phases import PRETRAIN_DISCRIMINATOR, PhaseModel, fit_likelihood
from seqgan_tf.core.sampling import SamplingSettings
from seqgan_tf.core.validation import InputError, check_at_least
from seqgan_tf.data import pipeline

if TYPE_CHECKING:
    from seqgan_tf.data.tokenizer import TextTokenizer


@keras.saving.register_keras_serializable(package="seqgan_tf")
class SeqGAN(AdversarialModel):
    """Trains a generator against a discriminator by policy gradient (Yu et al., 2017, algorithm 1).

    The phases are `pretrain_generator` (maximum likelihood), `pretrain_discriminator` and `fit`. Each training step of
    `fit` is one adversarial round:

    - `generator_steps` times: draw `generator_batch_size` sequences, estimate the reward of every token, take one
      policy gradient step;
    - `discriminator_steps` times: `batch_size` real sequences against as many new samples.

    `fit` reads its data again and again, in rounds of `discriminator_steps * batch_size` sequences, whatever the batch
    size of the dataset. No sequence is dropped, so the discriminator reads all of them equally often.

    Args:
        generator: a `Generator`, or another model with its methods (`core.protocols.Generator`).
        discriminator: a `Discriminator`, or another model with its methods (`core.protocols.Discriminator`).
        reward_estimator: an object with `estimate(token_ids, generator, discriminator, seed) -> rewards [B, T]`, such
            as `MonteCarloRollout`. If its `update_rate` is above 0, the policy that it gets lags behind the generator.
        batch_size: sequences per batch. Defaults to 64, the paper's.
        generator_batch_size: sequences per policy gradient step. Defaults to None: `batch_size`.
        generator_steps: policy gradient steps per round. Defaults to 1, the paper's.
        discriminator_steps: discriminator steps per round. Defaults to 15.
        likelihood_steps: maximum likelihood steps of the generator at the start of each round. Defaults to 0.
        baseline: baseline subtracted from the rewards: "leave_one_out", "batch_mean", "moving_average" or "none" (the
            paper). Defaults to "leave_one_out".
        entropy_weight: weight of the mean entropy per token in the generator's objective. Defaults to 0.
        seed: seed of all samples. The same seed gives the same run. Defaults to 0.

    Raises:
        InputError: a setting outside its range, or a generator and a discriminator with different vocabularies.

    Example:
    ```python
    import seqgan_tf as sg

    corpus = sg.OracleCorpus(sg.Oracle(50), sequence_length=8, num_train=64, num_held_out=20, batch_size=16)
    gan = sg.SeqGAN(sg.Generator(50), sg.Discriminator(50, 8), sg.MonteCarloRollout(num_rollouts=2), batch_size=16)
    gan.compile(generator_optimizer="adam", discriminator_optimizer="adam")
    gan.pretrain_generator(corpus.train, epochs=1, validation_data=corpus.validation)
    gan.pretrain_discriminator(corpus.train, steps=2)
    gan.fit(corpus.train, epochs=1, steps_per_epoch=1)
    samples = gan.generate(5, seed=1)
    ```
    """

    def pretrain_generator(
        self,
        data: tf.data.Dataset | np.ndarray,
        epochs: int = 1,
        validation_data: tf.data.Dataset | np.ndarray | None = None,
        patience: int | None = 2,
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        verbose: str | int = "auto",
    ) -> keras.callbacks.History:
        """Maximum likelihood training of the generator.

        Args:
            data: `tf.data.Dataset` of token ids [B, T], or an array [n, T] (cut into batches of `batch_size`).
            epochs: largest number of passes over the data. Defaults to 1.
            validation_data: the same kind; with it, training stops after `patience` epochs without a lower held-out
                NLL, and the weights of the best epoch are kept. Defaults to None: all epochs.
            patience: number of epochs; None: all epochs, and the last weights are kept. Defaults to 2.
            callbacks: Keras callbacks; the logs are "nll", "gradient_norm" and "val_nll". Defaults to None.
            verbose: as in `keras.Model.fit`. Defaults to "auto".

        Returns:
            `keras.callbacks.History`.

        Raises:
            InputError: the model is not compiled, or data of another type, shape or vocabulary.
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

    def pretrain_discriminator(
        self,
        data: tf.data.Dataset | np.ndarray,
        steps: int,
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        verbose: str | int = "auto",
    ) -> keras.callbacks.History:
        """Training of the discriminator against new samples of the unchanged generator.

        Args:
            data: as in `pretrain_generator`; all sequences are read equally often.
            steps: number of steps, each on `batch_size` real and as many generated sequences.
            callbacks: Keras callbacks. Defaults to None.
            verbose: as in `keras.Model.fit`. Defaults to "auto".

        Returns:
            `keras.callbacks.History`.

        Raises:
            InputError: the model is not compiled, `steps` is below 1, or data of another type, shape or vocabulary.
        """
        check_at_least(1, steps=steps)
        compiling = self._compiling()
        phase = self.phases[PRETRAIN_DISCRIMINATOR]
        stream = pipeline.rounds(self._dataset(data, "data"), phase.sequences)
        model = PhaseModel(phase, self.discriminator)
        model.compile(optimizer=None, loss=None, **compiling)
        return model.fit(stream, steps_per_epoch=steps, callbacks=callbacks, verbose=verbose, shuffle=False)

    def fit(
        self,
        data: tf.data.Dataset | np.ndarray,
        epochs: int = 1,
        steps_per_epoch: int | None = None,
        validation_data: tf.data.Dataset | np.ndarray | None = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Adversarial training: every step is one round (see the class).

        Args:
            data: `tf.data.Dataset` of token ids [B, T], or an array [n, T].
            epochs: number of epochs. Defaults to 1.
            steps_per_epoch: rounds per epoch. Defaults to None: one pass over the data, rounded up.
            validation_data: the same kind; the logs then have "val_nll", "val_real_accuracy" and
                "val_generated_accuracy". Defaults to None.
            **kwargs: as in `keras.Model.fit` (callbacks, verbose, initial_epoch, ...).

        Returns:
            `keras.callbacks.History`.

        Raises:
            InputError: the model is not compiled; `steps_per_epoch` is below 1, or missing for an infinite dataset; or
                data of another type, shape or vocabulary.
        """
        self._compiling()
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

    def evaluate(self, x: tf.data.Dataset | np.ndarray, **kwargs: Any) -> Any:
        """Held-out NLL and accuracies, see `test_step`.

        Args:
            x: `tf.data.Dataset` of token ids [B, T], or an array [n, T].
            **kwargs: as in `keras.Model.evaluate`.

        Returns:
            As `keras.Model.evaluate`: a list of floats, or a dict with `return_dict=True`.

        Raises:
            InputError: the model is not compiled, or data of another type, shape or vocabulary.
        """
        self._compiling()
        # Within `fit`, Keras calls this with the dataset that `fit` has prepared; preparing it twice changes nothing.
        return super().evaluate(self._dataset(x, "x"), **kwargs)

    def generate(
        self,
        n: int,
        seed: int | None = None,
        prompt: Sequence[int] | np.ndarray | None = None,
        batch_size: int = 500,
        **settings: Any,
    ) -> np.ndarray:
        """Samples of the generator.

        Args:
            n: number of samples.
            seed: sample i depends on [seed, i] only. Defaults to None: a new seed in each call.
            prompt: token ids that every sample begins with. Defaults to None.
            batch_size: sequences drawn at once. Defaults to 500.
            **settings: `temperature`, `top_k`, `top_p`, `suppress_tokens`, see `sampling.SamplingSettings`.

        Returns:
            int32 numpy array [n, T], -1 after the end token.

        Raises:
            InputError: see `core.generation.generate`.
        """
        if seed is None:
            # Split, because rows count up from the last word: the samples of two calls would overlap without it.
            seed = seeds.split(self.next_seed(seeds.Stream.GENERATION), 1)[0]
        length = self.discriminator.sequence_length
        return generate(self.generator, n, length, seed, SamplingSettings(**settings), prompt, batch_size)

    def export(
        self,
        filepath: str | os.PathLike,
        tokenizer: "TextTokenizer | None" = None,
        version: int | None = None,
        format: str = "saved_model",
        warmup: bool = False,
        jit_compile: bool = False,
    ) -> Path:
        """Writes a new version of a model for serving. Existing versions stay unchanged.

        Args:
            filepath: directory of the served model; the version becomes a directory in it.
            tokenizer: `TextTokenizer` of the data, for signatures with text. Defaults to None: token ids only.
            version: number of the version. Defaults to None: the next one.
            format: "saved_model" for TF Serving (see `serving.signatures.Signatures`), "onnx" or "litert" (see
                `serving.portable.PortableSignatures`). Defaults to "saved_model".
            warmup: whether to write warm-up requests for TF Serving; needs the extra `serving`. Defaults to False.
            jit_compile: whether XLA compiles the SavedModel's functions. Defaults to False.

        Returns:
            Directory of the version.

        Raises:
            InputError: the version exists, the directory cannot be written, or an unknown format.
            MissingExtraError: an extra is not installed.
        """
        from seqgan_tf.serving.portable import export_portable
        from seqgan_tf.serving.saved_model import export_saved_model

        if format == "saved_model":
            return export_saved_model(
                filepath, self.generator, self.discriminator, tokenizer, version, warmup, jit_compile
            )
        if warmup or jit_compile:
            raise InputError(f"`warmup` and `jit_compile` are for `format` 'saved_model'. Received: {format!r}")
        return export_portable(filepath, self.generator, self.discriminator, format, version)

    def _dataset(self, data: tf.data.Dataset | np.ndarray, name: str) -> tf.data.Dataset:
        vocabulary_size, end_token_id = self.generator.vocabulary_size, self.generator.end_token_id
        length = self.discriminator.sequence_length
        return pipeline.as_dataset(data, name, self.batch_size, vocabulary_size, length, end_token_id)

    def _compiling(self) -> dict[str, bool]:
        """The settings of `compile` that all phases share.

        Raises:
            InputError: the model is not compiled.
        """
        if not self.compiled:
            raise InputError("Call `compile(generator_optimizer=..., discriminator_optimizer=...)` first")
        return {"jit_compile": self.jit_compile, "run_eagerly": self.run_eagerly}
