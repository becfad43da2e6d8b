"""What a file of a model holds of an objective: names of registered functions, and tokenizers. Never code."""

import inspect
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.text import TextCorpus
from seqgan_tf.data.tokenizer import TextTokenizer
from seqgan_tf.rewards.user_functions import name_of


def registered_name(name: str, function: Any) -> str:
    """The name under which a function is registered with Keras.

    Args:
        name: the argument that holds the function, for the message.
        function: the function.

    Raises:
        InputError: it is not registered.
    """
    try:
        found = keras.saving.get_registered_name(function)
    except (AttributeError, TypeError):  # an object without a name, or one that cannot be hashed
        found = ""
    if not inspect.isfunction(function) or keras.saving.get_registered_object(found) is not function:
        raise InputError(
            f"`{name}` must be registered with `keras.saving.register_keras_serializable` to save the model with it. "
            f"Received: {name_of(function)}, which is not"
        )
    return found


def registered_function(name: Any) -> Callable[..., Any]:
    """The function that is registered under a name. A file cannot name any other function.

    Raises:
        InputError: there is none.
    """
    function = keras.saving.get_registered_object(name) if isinstance(name, str) else None
    if not inspect.isfunction(function):
        raise InputError(
            f"the objective needs the function {name!r}: import the module that registers it with "
            "`keras.saving.register_keras_serializable`, or give it as `custom_objects`. Received: no such function"
        )
    return function


def stored_decoder(name: str, decoder: Any) -> dict[str, str] | None:
    """A decoder for a file: the tokenizer itself, or the name of a registered function.

    Args:
        name: the argument that holds the decoder, for the message.
        decoder: a tokenizer, a corpus, a function or None.

    Raises:
        InputError: it is a function that is not registered, or another object.
    """
    if decoder is None:
        return None
    owner = decoder
    if inspect.ismethod(decoder) and decoder.__name__ == "decode":
        owner = decoder.__self__
    if isinstance(owner, TextCorpus):
        owner = owner.tokenizer
    if not isinstance(owner, TextTokenizer):
        return {"function": registered_name(name, decoder)}
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "tokenizer.json"
        owner.save(path)
        return {"tokenizer": path.read_text(encoding="utf-8")}


def restored_decoder(stored: Any) -> Any:
    """The decoder that `stored_decoder` has described."""
    if stored is None:
        return None
    if not isinstance(stored, dict) or "tokenizer" not in stored:
        return registered_function(stored.get("function") if isinstance(stored, dict) else stored)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "tokenizer.json"
        path.write_text(stored["tokenizer"], encoding="utf-8")
        return TextTokenizer.load(path)
