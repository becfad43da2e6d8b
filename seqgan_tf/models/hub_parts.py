"""What the two networks of `backbones` share: checks of a keras-hub model, its inputs, its dropout, `from_config`.

Axes: B batch, T sequence length.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Set
from typing import Any

import keras
import tensorflow as tf

from seqgan_tf.core.optimizers import check_policy
from seqgan_tf.core.random_state import random_state
from seqgan_tf.core.sequences import PADDING
from seqgan_tf.core.validation import InputError, check_at_least, require, whole_number

TOKENS, MASK, SEGMENTS = "token_ids", "padding_mask", "segment_ids"
INDEX = "cache_update_index"


def require_hub(cls: type) -> None:
    """Checks that keras-hub is installed.

    Args:
        cls: the class that needs it, for the message.

    Raises:
        MissingExtraError: it is not installed.
    """
    require("keras_hub", f"`{cls.__name__}`", extra="hub")


def check_causal_lm(causal_lm: Any) -> None:
    """Checks that a model is a causal language model of keras-hub with a cache, and for text alone.

    Raises:
        InputError: it is not.
    """
    arguments: Any = ()
    if isinstance(causal_lm, keras.Model) and hasattr(causal_lm, "_build_cache"):
        arguments = inspect.signature(getattr(causal_lm, "call_with_cache", lambda: None)).parameters
    if INDEX not in arguments:
        raise InputError(
            f"`causal_lm` must have `call_with_cache(token_ids, cache, {INDEX})`, such as a "
            f"`keras_hub.models.GPT2CausalLM`. Received: an object of the class {type(causal_lm).__name__}"
        )
    check_inputs("causal_lm", causal_lm, causal_lm.input, frozenset())


def check_backbone(backbone: Any) -> None:
    """Checks that a model is a backbone of keras-hub for text.

    Raises:
        InputError: it is not.
    """
    if not isinstance(backbone, keras.Model) or not hasattr(backbone, "token_embedding"):
        raise InputError(
            "`backbone` must be a keras-hub backbone for text, such as a `keras_hub.models.BertBackbone`. "
            f"Received: an object of the class {type(backbone).__name__}"
        )
    check_inputs("backbone", backbone, backbone.input, {SEGMENTS})


def check_inputs(name: str, network: keras.Model, given: Any, possible: Set[str]) -> None:
    """Checks the names of the inputs of a keras-hub model, and the dtype of its weights.

    Args:
        name: what the user calls it, for the message.
        network: the model.
        given: its inputs.
        possible: names beside those of token ids and of the mask.

    Raises:
        InputError: one is missing, there is another one, or the weights are held in 16 bits.
    """
    names = set(given) if isinstance(given, dict) else set()
    if not {TOKENS, MASK} <= names <= {TOKENS, MASK} | possible:
        raise InputError(
            f"`{name}` must take `{TOKENS}` and `{MASK}`, and no images or other texts. "
            f"Received: {type(network).__name__} with the inputs {sorted(names)}"
        )
    check_policy(network.dtype_policy)


def checked_length(sequence_length: int, backbone: keras.Model) -> int:
    """The length of sequences as an int.

    Raises:
        InputError: it is below 2, or above the number of positions that a backbone has embeddings for.
    """
    sequence_length = whole_number("sequence_length", sequence_length)
    check_at_least(2, sequence_length=sequence_length)
    longest = getattr(backbone, "max_sequence_length", None)
    if longest is not None and sequence_length > longest:
        raise InputError(
            f"`sequence_length` must be at most {longest}, the max_sequence_length of the backbone. "
            f"Received: {sequence_length}"
        )
    return sequence_length


def without_preprocessor(causal_lm: keras.Model) -> keras.Model:
    """A causal language model of the same backbone, which is not compiled and has no preprocessor.

    Saving, exporting and copying would take the tables of a tokenizer and the compilation of keras-hub along.
    """
    changed = {"backbone": causal_lm.backbone, "preprocessor": None, "compile": False}
    return type(causal_lm).from_config(causal_lm.get_config() | changed)


def empty_cache(causal_lm: keras.Model, sequence_length: int) -> Callable[[int | tf.Tensor], Any]:
    """A function of a number of rows that makes an empty cache.

    Only `_build_cache` knows the shapes of a model's cache. It also fills it for given tokens, so it runs once, for one
    row. Models that can read images have further arguments, which are None for text.
    """
    others = list(inspect.signature(causal_lm._build_cache).parameters)[1:]
    _, cache = causal_lm._build_cache(tf.zeros([1, sequence_length], tf.int32), **dict.fromkeys(others))
    kinds = [(part.shape[1:], part.dtype) for part in tf.nest.flatten(cache)]
    like = tf.nest.map_structure(lambda part: 0, cache)

    def zeros(rows: int | tf.Tensor) -> Any:
        return tf.nest.pack_sequence_as(like, [tf.zeros([rows, *shape], dtype) for shape, dtype in kinds])

    return zeros


def hub_inputs(token_ids: tf.Tensor, names: Iterable[str]) -> dict[str, tf.Tensor]:
    """The inputs of these names for token ids [B, T], in which a masked token 0 takes the place of padding."""
    made = {
        TOKENS: tf.maximum(token_ids, 0),
        MASK: tf.cast(token_ids != PADDING, tf.int32),
        SEGMENTS: tf.zeros_like(token_ids),
    }
    return {name: made[name] for name in names}


def seed_dropout(network: keras.Model, ints: Iterator[int | None]) -> None:
    """Seeds all dropout of a network, one int per layer; None leaves a layer as it is."""
    for state, number in zip(random_state(network), ints, strict=False):
        if number is not None:
            state.assign([number, 0])


def with_hub_model(cls: Any, name: str, config: dict[str, Any], custom_objects: dict[str, Any] | None) -> Any:
    """`from_config` of a class whose argument `name` is a keras-hub model.

    Raises:
        MissingExtraError: keras-hub is not installed.
    """
    require_hub(cls)
    import keras_hub  # noqa: F401, it registers its classes

    return cls(**(config | {name: keras.saving.deserialize_keras_object(config[name], custom_objects)}))
