"""Objectives: rewards that a Python function gives to decoded texts.

Axes: T sequence length, R rows, C conditions.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqgan_tf.core.objective_names import check_name, log_name
from seqgan_tf.core.validation import InputError, check_at_least, whole_number
from seqgan_tf.rewards.objective_files import registered_function, registered_name, restored_decoder, stored_decoder
from seqgan_tf.rewards.sequence_rewards import SequenceReward
from seqgan_tf.rewards.user_functions import decoded, decoder_of, finite, keep_error, name_of, reason_of, takes_prompts


@keras.saving.register_keras_serializable(package="seqgan_tf")
class Objective(SequenceReward):
    """The value that a Python function gives to texts: what the generator should write more of. More is better.

    The function has the signature of the reward functions of TRL's GRPO trainer: `f(completions, prompts=None,
    **columns) -> list of float`. `completions` is a list of str. `prompts` is a list of as many str, the prompt that
    each text was generated for; it is None where there are no conditions, or nothing decodes them. Both are passed by
    their names, `prompts` only to a function that takes it. Other columns do not exist here. The same text and prompt
    should always get the same value.

    An estimator calls the function once per policy gradient step, with all sampled sequences and all their completions.
    Where a text and its prompt occur several times, the function gets them once. Its mean over the sampled sequences is
    a log of `fit`, "objective_<name>". `SeqGAN` calls the function on two short sequences when it is made, so that an
    error in it does not come after the pre-training; with `decode_condition` this is left out.

    XLA cannot compile a Python function: `compile(jit_compile=True)` is refused. `save` needs `function`, and a
    `decode` that is a function, to be registered with `keras.saving.register_keras_serializable`; a `TextTokenizer`
    becomes a part of the file.

    Args:
        function: the function.
        decode: makes texts of sequences: a `TextTokenizer`, a corpus or another object with `decode`, or a function. It
            gets token ids, int32 [n, T], -1 after the end token, and returns a list of n str.
        decode_condition: makes prompts of conditions, likewise. It gets a condition as NumPy arrays with a leading axis
            C, and returns a list of C str. Defaults to None: there are no prompts.
        name: name of the objective in logs: letters, digits and underscores. Defaults to None: that of the function.
        batch_size: largest number of texts per call of the function. Defaults to None: all at once.

    Raises:
        InputError: an argument is of another kind. While an estimator runs: the function or `decode` raises an error
            (its own is the `__cause__`), or does not return one finite number, or one str, per row.

    Example:
    ```python
    import seqgan_tf as sg

    corpus = sg.TextCorpus(["the cat sees the dog", "a dog sees a cat"] * 50, batch_size=8)

    def cats(completions, prompts=None, **columns):
        return [text.split().count("cat") for text in completions]

    objective = sg.Objective(cats, corpus.tokenizer)
    V, T = corpus.vocabulary_size, corpus.sequence_length
    generator = sg.Generator(V, end_token_id=corpus.end_token_id)
    gan = sg.SeqGAN(generator, sg.Discriminator(V, T), sg.TerminalReward(reward=objective), batch_size=8)
    gan.compile()
    print(gan.fit(corpus.train, steps_per_epoch=1, verbose=0).history["objective_cats"])
    ```
    """

    calls_python = True

    def __init__(
        self,
        function: Callable[..., Sequence[float]],
        decode: Any,
        decode_condition: Any = None,
        name: str | None = None,
        batch_size: int | None = None,
    ) -> None:
        if not callable(function):
            raise InputError(f"`function` must be a function of completions. Received: {function!r}")
        self.takes_prompts = takes_prompts(function)
        decoder_of("decode", decode)
        if decode_condition is not None:
            decoder_of("decode_condition", decode_condition)
        if batch_size is not None:
            batch_size = whole_number("batch_size", batch_size)
            check_at_least(1, batch_size=batch_size)
        self.function, self.decode, self.decode_condition = function, decode, decode_condition
        self.name = check_name(name_of(function) if name is None else name)
        self.batch_size = batch_size

    @property
    def log_name(self) -> str:  # type: ignore[override]
        return log_name(self.name)

    @property
    def log_names(self) -> tuple[str, ...]:
        return (self.log_name,)

    def of_sequences(self, token_ids: tf.Tensor, condition: Any = None) -> tf.Tensor:
        if self.decode_condition is None:
            condition = None

        def call(token_ids: np.ndarray, *arrays: np.ndarray) -> np.ndarray:
            try:
                packed = None if condition is None else tf.nest.pack_sequence_as(condition, list(arrays))
                return self.values(token_ids, packed)
            except InputError as error:
                keep_error(error)
                raise

        inputs = [token_ids, *([] if condition is None else tf.nest.flatten(condition))]
        if tf.executing_eagerly():  # without TensorFlow, so that an error stays the exception that it is
            return tf.constant(call(*map(np.asarray, inputs)))
        return tf.ensure_shape(tf.numpy_function(call, inputs, tf.float32), token_ids.shape[:1])

    def values(self, token_ids: np.ndarray, condition: Any = None) -> np.ndarray:
        """The values of sequences, outside of any graph.

        Args:
            token_ids: int32 array [R, T].
            condition: the conditions, a nest of arrays with a leading axis C that divides R; row r belongs to condition
                r mod C. Defaults to None: there are none.

        Returns:
            float32 array [R].

        Raises:
            InputError: see the class.
        """
        prompts = None
        if condition is not None and self.decode_condition is not None:
            rows = len(tf.nest.flatten(condition)[0])
            prompts = decoded("decode_condition", self.decode_condition, condition, rows)
        numbers_of: dict[Hashable, int] = {}
        chosen: list[int] = []
        number = np.empty(len(token_ids), np.int64)
        for row, tokens in enumerate(token_ids):
            key = (tokens.tobytes(), None if prompts is None else prompts[row % len(prompts)])
            number[row] = numbers_of.setdefault(key, len(chosen))
            if number[row] == len(chosen):
                chosen.append(row)
        texts = decoded("decode", self.decode, token_ids[chosen], len(chosen))
        asked = None if prompts is None else [prompts[row % len(prompts)] for row in chosen]
        size, values = self.batch_size or max(len(texts), 1), []
        for first in range(0, len(texts), size):
            part = slice(first, first + size)
            values += self._call(texts[part], None if asked is None else asked[part])
        return np.array(values, np.float32)[number]

    def check(self, token_ids: np.ndarray, vocabulary_size: int, has_condition: bool) -> None:
        """Calls the function on some sequences, before anything is trained; not where it needs prompts of conditions.

        Args:
            token_ids: int32 array [R, T].
            vocabulary_size: V of the generator.
            has_condition: whether the generator takes conditions.

        Raises:
            InputError: see the class; or `decode` has another vocabulary.
        """
        size = getattr(self.decode, "vocabulary_size", vocabulary_size)
        if size != vocabulary_size:
            raise InputError(f"`decode` must have the generator's {vocabulary_size} tokens. Received: {size}")
        if self.decode_condition is None or not has_condition:
            self.values(token_ids)

    def _call(self, texts: list[str], prompts: list[str] | None) -> list[float]:
        """The checked values of texts."""
        called = f"`{name_of(self.function)}(completions)`"
        try:
            found = self.function(completions=texts, **{"prompts": prompts} if self.takes_prompts else {})
            values = list(found) if hasattr(found, "__iter__") else None  # a generator runs only now
        except Exception as error:
            raise InputError(f"{called} must run on a list of str. Received: {reason_of(error)}") from error
        if values is None:
            raise InputError(f"{called} must return a list of numbers. Received: {type(found).__name__}")
        if len(values) != len(texts):
            raise InputError(f"{called} must return a number per text, {len(texts)}. Received: {len(values)}")
        return [finite(called, value, text) for value, text in zip(values, texts, strict=True)]

    def get_config(self) -> dict[str, Any]:
        """The arguments of the class, for Keras.

        Raises:
            InputError: a function is not registered, or an object that decodes is no `TextTokenizer`.
        """
        return {
            "function": registered_name("function", self.function),
            "decode": stored_decoder("decode", self.decode),
            "decode_condition": stored_decoder("decode_condition", self.decode_condition),
            "name": self.name,
            "batch_size": self.batch_size,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Objective":
        """An objective of the arguments that `get_config` returned.

        Raises:
            InputError: a function is not registered in this process.
        """
        decoders = {name: restored_decoder(config[name]) for name in ("decode", "decode_condition")}
        return cls(**config | {"function": registered_function(config["function"])} | decoders)
