"""The keyword arguments of the methods that `SeqGAN` shares with `keras.Model`, and checks of them."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from seqgan_tf.core.conditions import takes_condition
from seqgan_tf.core.validation import InputError, check_at_least, whole_number

COMPILE = (
    "generator_optimizer",
    "discriminator_optimizer",
    "pretrain_optimizer",
    "jit_compile",
    "run_eagerly",
    "steps_per_execution",
    "auto_scale_loss",
)
FIT = (
    "data",
    "epochs",
    "steps_per_epoch",
    "validation_data",
    "callbacks",
    "verbose",
    "initial_epoch",
    "validation_steps",
    "validation_freq",
)
EVALUATE = ("x", "verbose", "steps", "callbacks", "return_dict", "_use_cached_eval_dataset")
LARGEST_VERSION = 2**63 - 1  # TF Serving reads it as an int64


def check_names(method: str, received: Mapping[str, Any], names: Sequence[str], note: str = "") -> None:
    """Checks the names of keyword arguments; a value of None counts as not given.

    Args:
        method: name of the method, for the message.
        received: the arguments.
        names: those that the method takes.
        note: what else to say. Defaults to nothing.

    Raises:
        InputError: another name.
    """
    for name, value in received.items():
        if name not in names and value is not None:
            known = ", ".join(f"`{known}`" for known in names)
            raise InputError(f"`{method}` must be called with {known} alone{note}. Received: `{name}`")


def check_training_names(method: str, received: Mapping[str, Any], names: Sequence[str]) -> None:
    """Checks the names of keyword arguments of `fit` or `evaluate`, where Keras users would set the batch size.

    Args:
        method, received, names: see `check_names`.

    Raises:
        InputError: a batch size, or another name.
    """
    for name in ("batch_size", "validation_batch_size"):
        if received.get(name) is not None:
            value = received[name]
            raise InputError(
                f"`batch_size` must be set where the model is made, `SeqGAN(..., batch_size={value})`. "
                f"Received: `{method}({name}={value})`"
            )
    check_names(method, received, names)


def check_export(
    filepath: Any, tokenizer: Any, version: Any, generator: Any, conditions: Any = None, num_beams: Any = 1
) -> int | None:
    """Checks the arguments of `SeqGAN.export`.

    Args:
        filepath, tokenizer, version, conditions, num_beams: see there.
        generator: what is exported.

    Returns:
        The version as an int, or None.

    Raises:
        InputError: one is of another type, the tokenizer has another vocabulary, there are conditions for a generator
            without an encoder, or `num_beams` is below 1.
    """
    vocabulary_size = generator.vocabulary_size
    if not isinstance(filepath, (str, os.PathLike)):
        raise InputError(f"`filepath` must be a path. Received: {filepath!r}")
    if tokenizer is not None and not hasattr(tokenizer, "backend_tokenizer"):
        raise InputError(f"`tokenizer` must be a `TextTokenizer`, such as `corpus.tokenizer`. Received: {tokenizer!r}")
    if tokenizer is not None and tokenizer.vocabulary_size != vocabulary_size:
        raise InputError(
            f"`tokenizer` must have the generator's {vocabulary_size} tokens. Received: {tokenizer.vocabulary_size}"
        )
    if conditions is not None and not takes_condition(generator):
        raise InputError("`conditions` must be None for a generator without an encoder. Received: conditions")
    check_at_least(1, num_beams=whole_number("num_beams", num_beams))
    if version is None:
        return None
    version = whole_number("version", version)
    if version > LARGEST_VERSION:
        raise InputError(f"`version` must be at most {LARGEST_VERSION}. Received: {version}")
    return version
