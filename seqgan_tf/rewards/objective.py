"""Objectives: rewards that a Python function gives to decoded texts, and how their errors leave a compiled function.

Axes: T sequence length, R rows, C conditions.
"""

import contextlib
import inspect
import math
import numbers
import tempfile
from collections.abc import Callable, Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqgan_tf.core.objective_names import check_name, log_name
from seqgan_tf.core.validation import InputError, check_at_least, whole_number
from seqgan_tf.data.text import TextCorpus
from seqgan_tf.data.tokenizer import TextTokenizer
from seqgan_tf.rewards.sequence_rewards import SequenceReward

LARGEST = float(np.finfo(np.float32).max)
SHOWN = 60  # characters of a text in a message
_raised: list[tuple[InputError, BaseException | None]] = []
"""The last error of an objective, and its cause. TensorFlow keeps the message alone, and Keras removes the cause."""


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
        self.takes_prompts = _takes_prompts(function)
        _decoder("decode", decode)
        if decode_condition is not None:
            _decoder("decode_condition", decode_condition)
        if batch_size is not None:
            batch_size = whole_number("batch_size", batch_size)
            check_at_least(1, batch_size=batch_size)
        self.function, self.decode, self.decode_condition = function, decode, decode_condition
        self.name = check_name(_name(function) if name is None else name)
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
                _raised[:] = [(error, error.__cause__)]
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
            prompts = _texts("decode_condition", self.decode_condition, condition, rows)
        numbers_of: dict[Hashable, int] = {}
        chosen: list[int] = []
        number = np.empty(len(token_ids), np.int64)
        for row, tokens in enumerate(token_ids):
            key = (tokens.tobytes(), None if prompts is None else prompts[row % len(prompts)])
            number[row] = numbers_of.setdefault(key, len(chosen))
            if number[row] == len(chosen):
                chosen.append(row)
        texts = _texts("decode", self.decode, token_ids[chosen], len(chosen))
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
        called = f"`{_name(self.function)}(completions)`"
        try:
            found = self.function(completions=texts, **{"prompts": prompts} if self.takes_prompts else {})
        except Exception as error:
            raise InputError(f"{called} must run on a list of str. Received: {_reason(error)}") from error
        try:
            found = list(found)
        except TypeError as error:
            raise InputError(f"{called} must return a list of numbers. Received: {type(found).__name__}") from error
        if len(found) != len(texts):
            raise InputError(f"{called} must return a number per text, {len(texts)}. Received: {len(found)}")
        return [_finite(called, value, text) for value, text in zip(found, texts, strict=True)]

    def get_config(self) -> dict[str, Any]:
        """The arguments of the class, for Keras.

        Raises:
            InputError: a function is not registered, or an object that decodes is no `TextTokenizer`.
        """
        return {
            "function": _registered("function", self.function),
            "decode": _stored("decode", self.decode),
            "decode_condition": _stored("decode_condition", self.decode_condition),
            "name": self.name,
            "batch_size": self.batch_size,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Objective":
        """An objective of the arguments that `get_config` returned.

        Raises:
            InputError: a function is not registered in this process.
        """
        decoders = {name: _restored(config[name]) for name in ("decode", "decode_condition")}
        return cls(**config | {"function": _found(config["function"])} | decoders)


@contextlib.contextmanager
def errors_of_objectives() -> Iterator[None]:
    """Turns the error of TensorFlow, where an objective failed while a model was trained, into the objective's own.

    Raises:
        InputError: what is wrong; an error that the user's function raised is its `__cause__`, with its traceback.
    """
    try:
        yield
    except (tf.errors.OpError, InputError) as error:
        found = [(own, cause) for own, cause in _raised if str(own) in str(error)]
        _raised.clear()
        if not found:
            raise
        own, cause = found[0]
        raise own from cause


# Calls of what the user gave


def _name(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _takes_prompts(function: Any) -> bool:
    """Whether a function takes `prompts` by name.

    Raises:
        InputError: it does not take `completions` by name.
    """
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # a function of a C library
        return True
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())

    def takes(name: str) -> bool:
        kind = parameters[name].kind if name in parameters else None
        return takes_any or kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)

    if not takes("completions"):
        raise InputError(
            "`function` must take `completions`, a list of str, by this name. "
            f"Received: {_name(function)}({', '.join(parameters)})"
        )
    return takes("prompts")


def _decoder(name: str, decoder: Any) -> Callable[[Any], Any]:
    """The function that decodes.

    Raises:
        InputError: there is none.
    """
    method = getattr(decoder, "decode", None)
    found = method if callable(method) else decoder
    if not callable(found) or isinstance(decoder, (str, bytes)):
        raise InputError(
            f"`{name}` must be a tokenizer or a function that returns a list of str. Received: {decoder!r}"
        )
    return found


def _texts(name: str, decoder: Any, data: Any, count: int) -> list[str]:
    """The texts of rows.

    Raises:
        InputError: the decoder raises an error, or does not return one str per row.
    """
    try:
        found = _decoder(name, decoder)(data)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"`{name}` must run on {count} rows. Received: {_reason(error)}") from error
    if not isinstance(found, (list, tuple, np.ndarray)) or len(found) != count:
        received = f"{len(found)}" if isinstance(found, (list, tuple, np.ndarray)) else type(found).__name__
        raise InputError(f"`{name}` must return a list of {count} str, one per row. Received: {received}")
    wrong = next((text for text in found if not isinstance(text, str)), None)
    if wrong is not None:
        raise InputError(f"`{name}` must return a list of str. Received: {type(wrong).__name__} in it")
    return [str(text) for text in found]


def _finite(called: str, value: Any, text: str) -> float:
    """A value that the function returned, as a float."""
    if hasattr(value, "dtype") and np.ndim(value) == 0:  # a scalar of NumPy, TensorFlow or another library
        value = np.asarray(value).item()
    if not isinstance(value, numbers.Real):
        raise InputError(f"{called} must return numbers. Received: {type(value).__name__} for {text[:SHOWN]!r}")
    try:
        found = float(value)
    except OverflowError:  # an int of hundreds of digits
        found = math.inf
    if not abs(found) <= LARGEST:
        raise InputError(f"{called} must return finite numbers. Received: {found} for {text[:SHOWN]!r}")
    return found


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


# What a file of a model holds


def _registered(name: str, function: Any) -> str:
    """The name under which a function is registered with Keras."""
    try:
        found = keras.saving.get_registered_name(function)
    except (AttributeError, TypeError):  # an object without a name, or one that cannot be hashed
        found = ""
    if not inspect.isfunction(function) or keras.saving.get_registered_object(found) is not function:
        raise InputError(
            f"`{name}` must be registered with `keras.saving.register_keras_serializable` to save the model with it. "
            f"Received: {_name(function)}, which is not"
        )
    return found


def _found(name: Any) -> Callable[..., Any]:
    """The function that is registered under a name. A file cannot name any other function."""
    function = keras.saving.get_registered_object(name) if isinstance(name, str) else None
    if not inspect.isfunction(function):
        raise InputError(
            f"the objective needs the function {name!r}: import the module that registers it with "
            "`keras.saving.register_keras_serializable`, or give it as `custom_objects`. Received: no such function"
        )
    return function


def _stored(name: str, decoder: Any) -> dict[str, str] | None:
    """A decoder for a file: the tokenizer itself, or the name of a registered function."""
    if decoder is None:
        return None
    owner = decoder
    if inspect.ismethod(decoder) and decoder.__name__ == "decode":
        owner = decoder.__self__
    if isinstance(owner, TextCorpus):
        owner = owner.tokenizer
    if not isinstance(owner, TextTokenizer):
        return {"function": _registered(name, decoder)}
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "tokenizer.json"
        owner.save(path)
        return {"tokenizer": path.read_text(encoding="utf-8")}


def _restored(stored: Any) -> Any:
    """The decoder that `_stored` has stored."""
    if stored is None:
        return None
    if not isinstance(stored, dict) or "tokenizer" not in stored:
        return _found(stored.get("function") if isinstance(stored, dict) else stored)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "tokenizer.json"
        path.write_text(stored["tokenizer"], encoding="utf-8")
        return TextTokenizer.load(path)
