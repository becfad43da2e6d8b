"""Objectives of runs: the Python function that a setting names, and the reward that it is a part of."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seqgan_tf.core.validation import InputError
from seqgan_tf.rewards.objective import Objective
from seqgan_tf.rewards.sequence_rewards import LogOdds, Probability, SequenceReward, WeightedSum
from seqgan_tf.runs.config import RunSettings
from seqgan_tf.runs.source import Source

FLAG = "--reward.objective"


def import_function(name: str) -> Callable[..., Any]:
    """Imports a function. Modules in the current directory are found too, before all others.

    Args:
        name: "package.module:function".

    Raises:
        InputError: another form; the module cannot be imported (its own error is the `__cause__`), or has no such
            function.
    """
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise InputError(f"{FLAG} must be package.module:function. Received: {name}")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        found = importlib.import_module(module)
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise InputError(f"{FLAG} {name}: expected a module that can be imported. Received: {reason}") from error
    finally:
        sys.path.remove(here)
    function = getattr(found, attribute, None)
    if not callable(function):
        raise InputError(f"{FLAG} {name}: expected a function {attribute!r} in {module}. Received: none")
    return function


def reward_of(settings: RunSettings, source: Source) -> dict[str, Any]:
    """The arguments of an estimator that choose the reward of a run.

    Args:
        settings: settings of the run. Its objective, if it names one, is imported.
        source: decodes the sequences, and their conditions.

    Raises:
        InputError: as for `import_function`, or a weight is negative.
    """
    rollout, reward = settings.rollout, settings.reward
    if reward.objective is None:
        return {"reward": rollout.reward, "clip": rollout.clip}
    judged: SequenceReward = LogOdds(rollout.clip) if rollout.reward == "log_odds" else Probability()
    objective = Objective(import_function(reward.objective), source.decode, source.conditions)
    terms = [(judged, reward.discriminator_weight), (objective, reward.objective_weight)]
    return {"reward": WeightedSum(terms)}
