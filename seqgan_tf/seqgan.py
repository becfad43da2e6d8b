"""SeqGAN as a Keras model: the methods with which a user trains, samples and exports it."""

import math
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from seqgan_tf.core import replicas, seeds, steps
from seqgan_tf.core.adversarial import AdversarialModel
from seqgan_tf.core.conditions import takes_condition
from seqgan_tf.core.generation import beams, generate_all
from seqgan_tf.core.keras_arguments import EVALUATE, FIT, check_export, check_training_names
from seqgan_tf.core.phases import PhaseModel, StepsSeen, fit_likelihood
from seqgan_tf.core.validation import InputError, check_at_least, whole_number
from seqgan_tf.data import pipeline
from seqgan_tf.data.inputs import errors_of_input, is_read_once
from seqgan_tf.models.network_discriminator import as_discriminator
from seqgan_tf.rewards.strategies import decoder_of
from seqgan_tf.rewards.user_functions import errors_of_objectives

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import RewardEstimator
    from seqgan_tf.data.tokenizer import TextTokenizer
    from seqgan_tf.serving.condition_inputs import Conditions

EVALUATION = ("nll", "real_accuracy", "generated_accuracy")
_COUNTER = threading.Lock()
"""Held while `generate` numbers its calls, so that two threads never get the same seed."""


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
        discriminator: a `Discriminator`, or another model with its methods (`core.protocols.Discriminator`). Or any
            Keras network of token ids with logits [B, 1], such as a `keras.Sequential`: see `NetworkDiscriminator`.
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
        mismatched: whether a discriminator with an encoder also learns that real sequences with the condition of
            another are not real. Defaults to True.
        kl_weight: weight of KL(G || G_0) in the generator's objective, in nats per sequence. With weight 1 and log-odds
            of a discriminator of G_0 as reward, the optimum is G_0 * D/(1-D), scaled to sum to 1. Defaults to 0.
        kl_reference: what G_0 is: "pretrained", the generator at the end of `pretrain_generator`, or "round", the
            generator at the start of each round, whose samples the discriminator has just learned from. Defaults to
            "pretrained".
        vocabulary_size: V, for a discriminator without this attribute. Defaults to None: the generator's.
        sequence_length: T, for a discriminator without this attribute. Defaults to None: the length of its input.
        **kwargs: arguments of `keras.Model`, such as `name`.

    Raises:
        InputError: a setting outside its range, a generator and a discriminator with different vocabularies, or a part
            that does not keep its contract (see `core.protocols`).

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

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        reward_estimator: "RewardEstimator",
        *args: Any,
        vocabulary_size: int | None = None,
        sequence_length: int | None = None,
        **kwargs: Any,
    ):
        if vocabulary_size is None:
            vocabulary_size = getattr(generator, "vocabulary_size", None)
        end_token_id = getattr(generator, "end_token_id", None)
        discriminator = as_discriminator(discriminator, vocabulary_size, sequence_length, end_token_id)
        super().__init__(generator, discriminator, reward_estimator, *args, **kwargs)

    @property
    def metrics_names(self) -> list[str]:
        """The names of the values that `evaluate` returns, in order."""
        mismatched = steps.learns_mismatched(self.discriminator, self.mismatched)
        return [*EVALUATION, steps.MISMATCHED] if mismatched else list(EVALUATION)

    def pretrain_generator(
        self,
        data: Any,
        epochs: int = 1,
        validation_data: Any = None,
        patience: int | None = 2,
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        verbose: str | int = "auto",
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
    ) -> keras.callbacks.History:
        """Maximum likelihood training of the generator.

        If `pretrain_optimizer` averages weights (`use_ema=True`), the held-out NLL is that of the averaged weights, the
        callbacks at the end of an epoch find them, and they remain. A later call averages anew.

        Args:
            data: an array of token ids [n, T] or lists of token ids (cut into batches of `batch_size`), a
                `tf.data.Dataset` of batches [B, T], a `keras.utils.PyDataset`, or a generator; see
                `data.pipeline.as_dataset`. For a generator with an encoder: (conditions, token ids), or a
                `tf.data.Dataset` of such pairs.
            epochs: largest number of passes over the data. Defaults to 1.
            validation_data: the same kind; with it, training stops after `patience` epochs without a lower held-out
                NLL, and the weights of the best epoch are kept. Defaults to None: all epochs.
            patience: number of epochs; None: all epochs, and the last weights are kept. Defaults to 2.
            callbacks: Keras callbacks; the logs are "nll", "gradient_norm" and "val_nll". Callbacks that change the
                learning rate change that of `pretrain_optimizer`. Defaults to None.
            verbose: as in `keras.Model.fit`. Defaults to "auto".
            steps_per_epoch, validation_steps: as in `keras.Model.fit`; needed for data without end. Default to None.

        Returns:
            `keras.callbacks.History`.

        Raises:
            InputError: the model is not compiled, or data of another type, shape or vocabulary.
        """
        compiling, seen = self._compiling(), StepsSeen()
        epochs = whole_number("epochs", epochs)
        patience = None if patience is None else whole_number("patience", patience)
        dataset = self._dataset(data, "data", pad=False)
        if steps_per_epoch is None and dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
            pipeline.check_has_end(data, dataset, "data", "steps_per_epoch")
        validation = self._validation(validation_data, validation_steps)
        with errors_of_input():
            history = fit_likelihood(
                self.generator,
                self.pretrain_optimizer,
                dataset,
                epochs,
                validation,
                patience,
                [*(callbacks or []), seen],
                verbose,
                steps_per_epoch,
                validation_steps,
                **compiling,
            )
        seen.check("data")
        self.synchronize_copies()
        return history

    def pretrain_discriminator(
        self,
        data: Any,
        steps: int,
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        verbose: str | int = "auto",
    ) -> keras.callbacks.History:
        """Training of the discriminator against new samples of the unchanged generator.

        Args:
            data: as in `pretrain_generator`; all sequences are read equally often.
            steps: number of steps, each on `batch_size` real and as many generated sequences. Several steps draw at
                once, up to 512 sequences, and are one batch for callbacks and for the progress bar.
            callbacks: Keras callbacks. Defaults to None.
            verbose: as in `keras.Model.fit`. Defaults to "auto".

        Returns:
            `keras.callbacks.History`.

        Raises:
            InputError: the model is not compiled, `steps` is below 1, or data of another type, shape or vocabulary.
        """
        steps = whole_number("steps", steps)
        check_at_least(1, steps=steps)
        compiling, ran = self._compiling(), StepsSeen()
        phase = self.discriminator_phase(steps)
        stream = pipeline.rounds(self._dataset(data, "data"), phase.sequences)
        model = PhaseModel(phase, self.discriminator)
        model.compile(optimizer=None, loss=None, **compiling)
        callbacks = [*(callbacks or []), ran]
        with errors_of_input():
            calls = steps // phase.steps
            history = model.fit(stream, steps_per_epoch=calls, callbacks=callbacks, verbose=verbose, shuffle=False)
        ran.check("data")
        return history

    def fit(
        self,
        data: Any = None,
        epochs: int = 1,
        steps_per_epoch: int | None = None,
        validation_data: Any = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Adversarial training: every step is one round (see the class).

        Args:
            data: as in `pretrain_generator`; it must be given.
            epochs: number of epochs. Defaults to 1.
            steps_per_epoch: rounds per epoch; needed for a generator and for data without end. Defaults to None: one
                pass over the data, rounded up.
            validation_data: the same kind; the logs then have "val_nll", "val_real_accuracy" and
                "val_generated_accuracy". Defaults to None.
            **kwargs: `callbacks`, `verbose`, `initial_epoch`, `validation_steps`, `validation_freq`, as in
                `keras.Model.fit`. The batch size is that of the class.

        Returns:
            `keras.callbacks.History`.

        Raises:
            InputError: the model is not compiled; `steps_per_epoch` is below 1, or missing for an infinite dataset;
                an argument that it does not take; or data of another type, shape or vocabulary.
        """
        self._compiling()
        check_training_names("fit", kwargs, FIT)
        if data is None:
            raise InputError("`data` must be given, the first argument of `fit`. Received: None")
        epochs, seen = whole_number("epochs", epochs), StepsSeen()
        dataset = self._dataset(data, "data")
        size = self.batch_size * self.discriminator_steps
        if steps_per_epoch is None:
            if is_read_once(data):
                pipeline.check_has_end(data, dataset, "data", "steps_per_epoch")
            with errors_of_input():
                count = pipeline.count_sequences(dataset)
            if not count:
                raise InputError("`data` must hold at least one sequence. Received: a dataset without an element")
            steps_per_epoch = math.ceil(count / size)
        steps_per_epoch = whole_number("steps_per_epoch", steps_per_epoch)
        check_at_least(1, steps_per_epoch=steps_per_epoch)
        validation = self._validation(validation_data, kwargs.get("validation_steps"))
        callbacks = kwargs.pop("callbacks", None)
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = [*([callbacks] if isinstance(callbacks, keras.callbacks.Callback) else callbacks or []), seen]
        self.begin_anew()
        with errors_of_input(), errors_of_objectives():
            history = super().fit(
                pipeline.rounds(dataset, size),
                epochs=epochs,
                steps_per_epoch=steps_per_epoch,
                validation_data=validation,
                shuffle=False,
                callbacks=callbacks,
                **kwargs,
            )
        seen.check("data")
        return history

    def evaluate(self, x: Any = None, **kwargs: Any) -> Any:
        """Held-out NLL and accuracies, see `test_step`.

        Args:
            x: as in `pretrain_generator`; it must be given.
            **kwargs: `verbose`, `steps`, `callbacks` and `return_dict`, as in `keras.Model.evaluate`.

        Returns:
            The values as a list of floats in the order of `metrics_names`, or a dict with `return_dict=True`.

        Raises:
            InputError: the model is not compiled; `steps` is missing for data without end; an argument that it does not
                take; or data of another type, shape or vocabulary.
        """
        self._compiling()
        check_training_names("evaluate", kwargs, EVALUATE)
        return_dict = kwargs.pop("return_dict", False)
        if kwargs.get("_use_cached_eval_dataset"):  # Keras calls it within `fit`, which has prepared the data
            name, logs = "validation_data", super().evaluate(x, return_dict=True, **kwargs)
        else:
            if x is None:
                raise InputError("`x` must be given, the first argument of `evaluate`. Received: None")
            name, dataset = "x", self._dataset(x, "x")
            if kwargs.get("steps") is None and dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
                pipeline.check_has_end(x, dataset, "x", "steps")
            with errors_of_input():
                logs = super().evaluate(dataset, return_dict=True, **kwargs)
        if not logs:
            raise InputError(f"`{name}` must hold at least one sequence. Received: a dataset without an element")
        return logs if return_dict else [logs[name] for name in self.metrics_names]

    def generate(
        self,
        n: int | None = None,
        seed: int | None = None,
        prompt: Sequence[int] | np.ndarray | None = None,
        batch_size: int = 500,
        condition: Any = None,
        num_beams: int = 1,
        length_penalty: float = 1.0,
        strategy: str = "sample",
        return_dict: bool = False,
        **settings: Any,
    ) -> Any:
        """Sequences of the generator: samples, or what a search finds.

        Args:
            n: number of samples. Defaults to None: one per row of the condition.
            seed: sample i depends on [seed, i] only, and on its condition. Defaults to None: a new seed in each call.
            prompt: token ids that every sample begins with. Defaults to None.
            batch_size: sequences in memory at once. Defaults to 500.
            condition: what the generator's encoder takes, a nest of arrays with a row per sample. Defaults to None, for
                a generator without an encoder.
            num_beams: above 1, beam search finds the most likely sequence of each row; nothing is drawn. Defaults to 1.
            length_penalty: of beam search, see `core.beam_search`: 0 compares log-likelihoods, 1 log-likelihoods per
                token. Defaults to 1.0.
            strategy: how tokens are chosen. "sample": from the generator alone. "mcts": by a tree search for what the
                discriminator, or another reward, values most. "resample": samples are chosen by such a reward in
                proportion to G * D/(1-D), which keeps their diversity. Defaults to "sample".
            return_dict: whether to return a dict with "token_ids" and, of "resample", "effective_sample_size", float32
                [n]: how many of the `particles` count, (sum of their weights)^2 / sum of their squares. Defaults to
                False.
            **settings: `temperature`, `top_k`, `top_p`, `suppress_tokens`, see `sampling.SamplingSettings`: the policy
                that a search begins from too. Of "mcts": `simulations`, `exploration`, `num_actions`, `reward`, see
                `rewards.strategies.TreeSearch`. Of "resample": `particles`, `reward`, see
                `rewards.strategies.Resampling`.

        Returns:
            int32 numpy array [n, T], -1 after the end token; or a dict, see `return_dict`.

        Raises:
            InputError: see `core.generation.generate_all`; an argument that the strategy does not take, or out of its
                range; `num_beams` below 1, or above 1 with a prompt, settings of sampling or another strategy.
        """
        if seed is None:
            with _COUNTER:
                drawn = self.next_seed(seeds.Stream.GENERATION)
            # Split, because rows count up from the last word: the samples of two calls would overlap without it.
            seed = seeds.split(drawn, 1)[0]
        num_beams = whole_number("num_beams", num_beams)
        check_at_least(1, num_beams=num_beams)
        decoder, drawing = decoder_of(strategy, settings, self.discriminator, self.generator.vocabulary_size)
        if num_beams > 1:
            if strategy != "sample":
                raise InputError(f"`num_beams` must be 1 for `strategy` {strategy!r}. Received: {num_beams}")
            decoder = beams(num_beams, length_penalty, drawing, prompt)
        length = self.discriminator.sequence_length
        with errors_of_objectives():
            made = generate_all(decoder, self.generator, n, length, seed, drawing, prompt, batch_size, condition)
        return made if return_dict else made["token_ids"]

    def export(
        self,
        filepath: str | os.PathLike,
        tokenizer: "TextTokenizer | None" = None,
        version: int | None = None,
        format: str = "saved_model",
        warmup: bool = False,
        jit_compile: bool = False,
        conditions: "Conditions | None" = None,
        num_beams: int = 4,
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
            conditions: how the conditions of a generator with an encoder are read from text, such as
                `corpus.conditions` (`data.conditions.Sources` or `Labels`); for a `ConcatenateEncoder` a dict of them.
                Defaults to None: the inputs are what the encoder takes, such as token ids.
            num_beams: beams of the signature `beam_search`, which a model that takes conditions has. Defaults to 4.

        Returns:
            Directory of the version.

        Raises:
            InputError: the version exists or is no int above 0, the directory cannot be written, an unknown format, a
                tokenizer that is none or has another vocabulary, or conditions that do not fit the encoder.
            MissingExtraError: an extra is not installed.
        """
        from seqgan_tf.serving.portable import export_portable
        from seqgan_tf.serving.saved_model import export_saved_model

        version = check_export(filepath, tokenizer, version, self.generator, conditions, num_beams)
        networks = (self.generator, self.discriminator)
        if format == "saved_model":
            return export_saved_model(
                filepath, *networks, tokenizer, version, warmup, jit_compile, conditions, num_beams
            )
        if warmup or jit_compile:
            raise InputError(f"`warmup` and `jit_compile` are for `format` 'saved_model'. Received: {format!r}")
        return export_portable(filepath, *networks, format, version, conditions)

    def _dataset(self, data: Any, name: str, pad: bool = True) -> tf.data.Dataset:
        vocabulary_size, end_token_id = self.generator.vocabulary_size, self.generator.end_token_id
        length = self.discriminator.sequence_length
        conditional = takes_condition(self.generator)
        return pipeline.as_dataset(data, name, self.batch_size, vocabulary_size, length, end_token_id, conditional, pad)

    def _validation(self, data: Any, steps: int | None) -> tf.data.Dataset | None:
        """Held-out data, prepared; Keras would read data without end for ever."""
        if data is None:
            return None
        dataset = self._dataset(data, "validation_data")
        if steps is None and (is_read_once(data) or dataset.cardinality() == tf.data.INFINITE_CARDINALITY):
            pipeline.check_has_end(data, dataset, "validation_data", "validation_steps")
        return dataset

    def _compiling(self) -> dict[str, bool]:
        """The settings of `compile` that all phases share.

        Raises:
            InputError: the model is not compiled, or it was made under another strategy.
        """
        replicas.check_scope(self.strategy)
        if not self.compiled:
            raise InputError("Call `compile(generator_optimizer=..., discriminator_optimizer=...)` first")
        return {"jit_compile": self.jit_compile, "run_eagerly": self.run_eagerly}
