"""Checks of the settings of a run that no constructor makes: ranges of numbers, and settings that need another one."""

import dataclasses
import math
from collections.abc import Collection, Iterator
from typing import Any

from seqgan_tf.core.validation import InputError, check_at_least
from seqgan_tf.data.records import CAPTIONS, DIALOGUE, MUSIC, PAIRS, TASKS
from seqgan_tf.runs.config import RunSettings
from seqgan_tf.runs.presets import ORACLE

OF_ROLLOUTS = ("rollout.num_rollouts", "rollout.update_rate")
OF_TREES = ("estimator.simulations", "estimator.exploration", "estimator.num_actions")
OF_PREFIXES = ("rollout.stride", "rollout.chunk_size")
OF_SEQUENCES = (
    "rollout.reward",
    "rollout.clip",
    "reward.objective",
    "reward.objective_weight",
    "reward.discriminator_weight",
)
OF_ESTIMATORS: dict[str, tuple[str, ...]] = {
    "rollout": (*OF_ROLLOUTS, *OF_PREFIXES, *OF_SEQUENCES),
    "tree": (*OF_TREES, *OF_PREFIXES, *OF_SEQUENCES),
    "terminal": OF_SEQUENCES,
    "next_token": (),
}
"""The settings that kinds of estimators take, and not all of them."""


_WITH_SOURCES = (PAIRS, DIALOGUE)
_TOKENIZED = tuple(task for task in TASKS if task != MUSIC)
OF_TASKS: dict[str, tuple[str, ...]] = {
    "level": _TOKENIZED,
    "corpus.vocabulary_size": _TOKENIZED,
    "corpus.min_frequency": _TOKENIZED,
    "corpus.blanks": _TOKENIZED,
    "corpus.validation_split": TASKS,
    "corpus.source_length": _WITH_SOURCES,
    "corpus.shared_tokenizer": _WITH_SOURCES,
    "corpus.image_size": (CAPTIONS,),
    "corpus.turns": (DIALOGUE,),
    "corpus.encoding": (MUSIC,),
    "corpus.tracks": (MUSIC,),
    "corpus.bars": (MUSIC,),
    "corpus.transpose": (MUSIC,),
    "corpus.velocities": (MUSIC,),
    "corpus.step_seconds": (MUSIC,),
    "corpus.oracle_sequences": (ORACLE,),
    "corpus.oracle_seed": (ORACLE,),
}
"""The tasks of the settings that not all tasks take."""


def check_taken(kind: str, given: Collection[str], where: str = "") -> None:
    """Checks that the estimator takes what was given.

    Args:
        kind: `estimator.kind`.
        given: dotted keys of settings.
        where: what a message begins with. Defaults to nothing.

    Raises:
        InputError: a setting that it does not take.
    """
    for name in given:
        kinds = [other for other, names in OF_ESTIMATORS.items() if name in names]
        if kinds and kind not in kinds:
            raise InputError(f"{where}`{name}` needs estimator.kind {' or '.join(kinds)}. Received: {kind}")


def check_of_task(task: str, given: Collection[str], where: str = "") -> None:
    """Checks that the task takes what was given.

    Args:
        task: "oracle", or a task of data, see `data.records`.
        given: dotted keys of settings.
        where: what a message begins with. Defaults to nothing.

    Raises:
        InputError: a setting that it does not take.
    """
    for name in given:
        if task not in OF_TASKS.get(name, (task,)):
            raise InputError(f"{where}`{name}` needs the task {' or '.join(OF_TASKS[name])}. Received: {task}")


AT_LEAST_0 = (
    "pretrain.epochs",
    "pretrain.discriminator_steps",
    "pretrain.warmup_steps",
    "pretrain.weight_decay",
    "pretrain.discriminator_weight_decay",
    "adversarial.rounds",
    "adversarial.kl_weight",
    "discriminator.l2",
)
AT_LEAST_1 = ("batch_size", "corpus.turns", "pretrain.patience", "adversarial.patience", "adversarial.evaluate_every")
ABOVE_0 = (
    "pretrain.learning_rate",
    "pretrain.discriminator_learning_rate",
    "pretrain.clip_norm",
    "adversarial.learning_rate",
    "generator.initializer_stddev",
    "generator.embedding_range",
    "discriminator.embedding_range",
)


def check(settings: RunSettings) -> None:
    """Checks the numbers that no constructor checks.

    Raises:
        InputError: a number is out of its range, not finite, or NaN.
    """
    values = dict(_numbers(settings))
    check_at_least(0, **{name: values[name] for name in AT_LEAST_0})
    check_at_least(1, **{name: values[name] for name in AT_LEAST_1 if name in values})
    for name in ABOVE_0:
        if name in values and not 0 < values[name] < math.inf:
            raise InputError(f"`{name}` must be a finite number above 0. Received: {values[name]}")
    for name, value in values.items():
        if math.isnan(value) or (math.isinf(value) and name != "rollout.clip"):
            raise InputError(f"`{name}` must be a finite number. Received: {value}")
    momentum = settings.pretrain.ema_momentum
    if momentum is not None and not 0 < momentum < 1:
        raise InputError(f"`pretrain.ema_momentum` must be in (0, 1). Received: {momentum}")
    sizes = settings.generator.embedding_dim, settings.discriminator.embedding_dim
    if settings.pretrain.copy_embedding and sizes[0] != sizes[1]:
        raise InputError(
            f"`pretrain.copy_embedding` needs a discriminator.embedding_dim of {sizes[0]}, that of the generator. "
            f"Received: {sizes[1]}"
        )
    if settings.pretrain.copy_embedding and settings.discriminator.members > 1:
        members = settings.discriminator.members
        raise InputError(f"`pretrain.copy_embedding` needs discriminator.members 1. Received: {members}")
    if settings.estimator.kind == "next_token" and settings.discriminator.kind != "ngram":
        kind = settings.discriminator.kind
        raise InputError(f"`estimator.kind` next_token needs discriminator.kind ngram. Received: {kind}")
    for name, needed in (("target", "data"), ("validation_target", "validation"), ("test_target", "test")):
        if getattr(settings, name) is not None and getattr(settings, needed) is None:
            flags = (f"--{word.replace('_', '-')}" for word in (name, needed))
            raise InputError("{} needs {}, its source. Received: none".format(*flags))
    if not 0 <= settings.seed < 2**31:
        raise InputError(f"`seed` must be in [0, 2^31). Received: {settings.seed}")


def _numbers(settings: Any, prefix: str = "") -> Iterator[tuple[str, float]]:
    """(dotted key, value) of every number in settings."""
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            yield from _numbers(value, f"{prefix}{field.name}.")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield prefix + field.name, value
