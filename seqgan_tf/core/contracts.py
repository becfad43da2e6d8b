"""Checks that the parts of a `SeqGAN` keep the contracts of `core.protocols`, before anything is trained.

The parts of this package are tested against the contracts. A part of the user is run once on two short sequences (three
where T is 2, so that B and T differ). Whatever it does not keep is one `InputError` that names the part.
"""

import functools
import re
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqgan_tf.core.conditions import takes_condition
from seqgan_tf.core.protocols import NextTokenEstimator
from seqgan_tf.core.validation import InputError, check_tensors

OWN = "seqgan_tf."
AGREEMENT = 1e-3  # of `call` and `step`, relative; the contract says 1e-5, and rounding differs between machines


def is_own(part: object) -> bool:
    """Whether the class of a part belongs to this package."""
    return type(part).__module__.startswith(OWN)


def check_networks(generator: Any, discriminator: Any) -> None:
    """Checks that both networks have the attributes and methods of their contracts, and the same vocabulary.

    Raises:
        InputError: an attribute is missing, a part is no `keras.Model`, the vocabularies differ, or the discriminator
            takes longer sequences than the generator.
    """
    attributes = {
        "generator": ("vocabulary_size", "start_token_id", "end_token_id", "initial_state", "step"),
        "discriminator": ("vocabulary_size", "sequence_length"),
    }
    for name, part in (("generator", generator), ("discriminator", discriminator)):
        if not isinstance(part, keras.Model):
            raise InputError(f"`{name}` must be a `keras.Model`. Received: {_kind(part)}")
        missing = [attribute for attribute in attributes[name] if not hasattr(part, attribute)]
        if missing:
            raise InputError(f"`{name}` must have the attribute `{missing[0]}`. Received: {_kind(part)} without it")
    if takes_condition(discriminator) and not takes_condition(generator):
        raise InputError(
            "`generator` must have an encoder where the discriminator has one. Received: a generator without one"
        )
    if generator.vocabulary_size != discriminator.vocabulary_size:
        raise InputError(
            "generator and discriminator must have the same `vocabulary_size`. "
            f"Received: {generator.vocabulary_size} and {discriminator.vocabulary_size}"
        )
    check_reach(generator, discriminator.sequence_length)


def check_reach(generator: Any, sequence_length: int) -> None:
    """Checks that a generator with a `sequence_length`, such as the size of a cache, can go through a whole sequence.

    Args:
        generator: the policy.
        sequence_length: T.

    Raises:
        InputError: its own `sequence_length` is below T.
    """
    longest = getattr(generator, "sequence_length", None)
    if longest is not None and longest < sequence_length:
        raise InputError(
            f"`generator` must have a `sequence_length` of at least {sequence_length}, the length of the sequences. "
            f"Received: {longest}"
        )


def check_parts(generator: Any, discriminator: Any, estimator: Any) -> None:
    """Runs the parts of the user once, which also makes the weights of networks that are not built yet.

    Rewards of all next tokens are computed once for any estimator: they need a discriminator that can give them.

    Networks that take conditions, and estimators that get such networks, are not run: a condition of theirs is not
    known before there are data.

    Args:
        generator, discriminator: networks that passed `check_networks`.
        estimator: a reward estimator.

    Raises:
        InputError: an output has another shape or dtype than the contract says, the two ways of a generator to compute
            logits differ, or a part cannot be run.
    """
    token_ids = _short_sequences(generator, discriminator)
    rows, length = token_ids.shape
    if not is_own(generator) and not takes_condition(generator):
        _check_generator(generator, token_ids)
    if not is_own(discriminator) and not takes_condition(discriminator):
        logits = _run("discriminator(token_ids)", lambda: discriminator(tf.constant(token_ids), training=False))
        check_tensors({"B": rows}, **{"discriminator(token_ids)": (logits, "B")})
    if not callable(getattr(estimator, "estimate", None)):
        raise InputError(f"`reward_estimator` must have a method `estimate`. Received: {_kind(estimator)}")
    if not is_own(estimator) and not takes_condition(generator):
        seed = tf.constant([0, 0], tf.int32)
        rewards = _run(
            "reward_estimator.estimate(...)",
            lambda: estimator.estimate(tf.constant(token_ids), generator, discriminator, seed),
        )
        check_tensors({"B": rows, "T": length}, **{"reward_estimator.estimate(...)": (rewards, "BT")})
    if isinstance(estimator, NextTokenEstimator):
        _check_next_token_rewards(generator, discriminator, estimator, token_ids)


def check_objectives(generator: Any, discriminator: Any, estimator: Any) -> None:
    """Calls the Python functions that an estimator rewards with once, so that they do not fail after hours.

    Args:
        generator, discriminator, estimator: parts that passed `check_parts`.

    Raises:
        InputError: a function fails, see `rewards.objective.Objective`.
    """
    for objective in getattr(estimator, "objectives", ()):
        token_ids = _short_sequences(generator, discriminator)
        objective.check(token_ids, generator.vocabulary_size, takes_condition(generator))


def checked_jit_compile(estimator: Any, jit_compile: bool | str) -> bool | str:
    """The argument `jit_compile` of `compile`, for an estimator that may reward with Python functions.

    Args:
        estimator: a reward estimator.
        jit_compile: True, False or "auto"; "auto" becomes False where there is such a function.

    Raises:
        InputError: True, and there is one.
    """
    objectives = getattr(estimator, "objectives", ())
    if not objectives or not jit_compile or jit_compile == "auto":
        return False if objectives else jit_compile
    raise InputError(
        "`jit_compile` must be False with an `Objective`, because XLA cannot compile its Python function. "
        f"Received: {jit_compile} and the objective {objectives[0].name!r}"
    )


def saving_problem(estimator: Any) -> str | None:
    """Why `save` will refuse a model with an estimator that rewards with Python functions; None where it will not."""
    try:
        for objective in getattr(estimator, "objectives", ()):
            objective.get_config()
    except InputError as error:
        return str(error)
    return None


def _short_sequences(generator: Any, discriminator: Any) -> np.ndarray:
    """Two or three sequences of the first tokens, int32 [rows, T]; the last one ends early if there is an end token."""
    length = int(discriminator.sequence_length)
    token_ids = np.zeros([3 if length == 2 else 2, length], np.int32)
    end = generator.end_token_id
    others = [token for token in range(min(4, generator.vocabulary_size)) if token != end]
    token_ids += np.resize(np.array(others, np.int32), token_ids.shape)
    if end is not None and length > 2:
        token_ids[-1, length - 2], token_ids[-1, length - 1] = end, -1
    return token_ids


def _check_next_token_rewards(generator: Any, discriminator: Any, estimator: Any, token_ids: np.ndarray) -> None:
    if takes_condition(generator):
        raise InputError(
            "`generator` must have no encoder with a `reward_estimator` of all next tokens. Received: one with it"
        )
    (rows, length), name = token_ids.shape, "reward_estimator.next_token_rewards(...)"
    given = (tf.constant(token_ids), generator, discriminator, tf.constant([0, 0], tf.int32))
    rewards = _run(name, lambda: estimator.next_token_rewards(*given))
    check_tensors({"B": rows, "T": length, "V": int(generator.vocabulary_size)}, **{name: (rewards, "BTV")})


def _check_generator(generator: Any, token_ids: np.ndarray) -> None:
    rows, length = token_ids.shape
    axes = {"B": rows, "R": rows, "T": length, "V": int(generator.vocabulary_size)}
    whole = _run("generator(token_ids)", lambda: generator(tf.constant(token_ids), training=False))
    check_tensors(axes, **{"generator(token_ids)": (whole, "BTV")})
    first = _run("generator.initial_state(batch_size)", lambda: _tensors(generator.initial_state(rows)))
    for tensor in tf.nest.flatten(first):
        if tensor.shape.rank and tensor.shape[0] != rows:
            raise InputError(
                "`generator.initial_state(batch_size)` must be tensors whose first axis is the batch, or scalars. "
                f"Received: shape {tuple(tensor.shape)} for a batch of {rows}"
            )
    state, fed, previous = first, tf.fill([rows], generator.start_token_id), None
    for position in range(min(2, length)):
        step = _run("generator.step(token_ids, state)", functools.partial(generator.step, fed, state))
        if not isinstance(step, (tuple, list)) or len(step) != 2:
            raise InputError(f"`generator.step(token_ids, state)` must return (logits, state). Received: {_kind(step)}")
        previous, state = step[0], _tensors(step[1])
        check_tensors(axes, **{"generator.step(token_ids, state)[0]": (previous, "RV")})
        _check_same_state(first, state)
        _check_same_logits(generator, previous, whole[:, position], "generator.step(token_ids, state)", position)
        fed = tf.constant(token_ids[:, position])
    if hasattr(generator, "encode_prefixes") and length > 1:
        _check_branches(generator, token_ids, whole)


def _check_branches(generator: Any, token_ids: np.ndarray, whole: Any) -> None:
    """Continues the sequences from their last prefix, each in two rows."""
    (rows, length), last = token_ids.shape, token_ids.shape[1] - 2
    given = tf.constant(token_ids[:, :-1])
    prefixes = _run("generator.encode_prefixes(token_ids)", lambda: _tensors(generator.encode_prefixes(given)))
    for tensor in tf.nest.flatten(prefixes):
        if not tensor.shape.rank or tensor.shape[0] != rows:
            raise InputError(
                "`generator.encode_prefixes(token_ids)` must be tensors whose first axis is the batch. "
                f"Received: shape {tuple(tensor.shape)} for a batch of {rows}"
            )
    state = _run("generator.branch_state(batch_size, num_steps)", lambda: generator.branch_state(2 * rows, 1))
    begins, counts = tf.fill([2 * rows], True), tf.fill([2 * rows], last)
    state = _run("generator.branch(state, begins, counts)", lambda: generator.branch(state, begins, counts))
    fed, name = tf.tile(given[:, last], [2]), "generator.step(token_ids, state, prefixes=prefixes)"
    logits, _ = _run(name, lambda: generator.step(fed, state, prefixes=prefixes))
    check_tensors({"R": 2 * rows, "V": int(generator.vocabulary_size)}, **{f"{name}[0]": (logits, "RV")})
    _check_same_logits(generator, logits, tf.tile(whole[:, length - 1], [2, 1]), name, length - 1)


def _check_same_logits(generator: Any, found: Any, expected: Any, name: str, position: int) -> None:
    if keras.backend.standardize_dtype(generator.compute_dtype) not in ("float32", "float64"):
        return
    difference = float(np.max(np.abs(np.asarray(found) - np.asarray(expected))))
    if difference > AGREEMENT * (1.0 + float(np.max(np.abs(found)))):
        raise InputError(
            f"`generator(token_ids)` and `{name}` must give the same logits. "
            f"Received: a difference of {difference:.3g} at position {position}"
        )


def _check_same_state(first: Any, state: Any) -> None:
    expected = "`generator.step(token_ids, state)` must return a state of the structure, shapes and dtypes that it got"
    try:
        tf.nest.assert_same_structure(first, state)
    except (ValueError, TypeError) as error:
        raise InputError(f"{expected}. Received: another structure") from error
    for before, after in zip(tf.nest.flatten(first), tf.nest.flatten(state), strict=True):
        if before.shape != after.shape or before.dtype != after.dtype:
            described = [f"{tensor.dtype.name} {tuple(tensor.shape)}" for tensor in (after, before)]
            raise InputError(f"{expected}. Received: {described[0]} for {described[1]}")


def check_can_be_saved(**parts: Any) -> None:
    """Checks that a `.keras` file can hold the parts.

    Args:
        **parts: by the name that the user gave them.

    Raises:
        InputError: the class of one has no `get_config` of its own, or a function that it holds is not registered.
    """
    for name, part in parts.items():
        try:
            keras.saving.serialize_keras_object(part)
        except InputError:  # it says itself what is missing
            raise
        except (NotImplementedError, ValueError, TypeError) as error:
            raise InputError(
                f"`{name}` must have the methods `get_config` and `from_config` to be saved. Received: {_kind(part)}"
            ) from error


def check_copy(copy: keras.Model, generator: keras.Model) -> None:
    """Checks that a copy that `from_config` has made can follow the weights of a generator.

    Raises:
        InputError: they have other shapes, because `get_config` does not say all, as after `enable_lora`.
    """
    if [weight.shape for weight in copy.weights] != [weight.shape for weight in generator.weights]:
        raise InputError(
            "`generator` must be copied by `from_config` with all its weights for an `update_rate` above 0, which a "
            f"generator with LoRA is not. Received: {len(copy.weights)} of {len(generator.weights)} weights"
        )


def unregistered(**parts: Any) -> list[str]:
    """Names of the parts that `keras.saving.load_model` would not find: their classes are not registered."""
    return [
        name
        for name, part in parts.items()
        if not type(part).__module__.startswith("keras.")
        and keras.saving.get_registered_object(keras.saving.get_registered_name(type(part))) is not type(part)
    ]


def _tensors(state: Any) -> Any:
    return tf.nest.map_structure(tf.convert_to_tensor, state)


def _run(name: str, function: Callable[[], Any]) -> Any:
    try:
        return function()
    except InputError:
        raise
    except Exception as error:
        # Keras puts the message of an error in a layer between lines of its own, the message in bold.
        text = re.sub("\x1b\\[[0-9]+m", "", str(error.args[0] if error.args else error))
        lines = [line for line in text.splitlines() if line and not line.startswith("Exception encountered when")]
        reason = lines[0] if lines else ""
        raise InputError(
            f"`{name}` must run on token ids [B, T]. Received: {type(error).__name__}: {reason}"
        ) from error


def _kind(part: object) -> str:
    return f"an object of the class {type(part).__name__}"
