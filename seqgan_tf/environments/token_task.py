"""What the environments of one and of many sequences have in common: the models, the reward, the spaces."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces

from seqgan_tf.core.conditions import number_of_rows, takes_condition
from seqgan_tf.core.padding import PADDING
from seqgan_tf.core.validation import InputError, check_at_least, whole_number
from seqgan_tf.data.oracle_corpus import write_token_ids
from seqgan_tf.environments.token_dynamics import TokenDynamics
from seqgan_tf.environments.token_values import OracleValues, RolloutValues, TokenValues, WholeValues
from seqgan_tf.models.oracle import Oracle
from seqgan_tf.rewards.sequence_rewards import LogOdds, SequenceReward, as_reward
from seqgan_tf.runs.directory import open_run

if TYPE_CHECKING:
    from seqgan_tf.seqgan import SeqGAN

REWARDS = ("terminal", "rollout", "oracle")
RENDERING: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 4}
"""What the metadata of both environments say about `render`."""


class TokenTask:
    """The token MDP of a trained model: its arguments are those of `TokenEnv` and `TokenVectorEnv`.

    Args:
        gan: a `SeqGAN`. Defaults to None: that of `run_dir`.
        run_dir: a run directory of the command line; its last checkpoint is read. Defaults to None: `gan` is given.
        reward: what an action is worth, see `TokenEnv`: "terminal", "rollout" or "oracle". Defaults to "terminal".
        sequence_reward: what a whole sequence is worth: a reward such as `LogOdds()` or `Objective(...)`, "log_odds" or
            "probability". Defaults to None: the reward of the model's estimator; without one the clipped log-odds. The
            objective of a run is not imported, see `runs.directory.open_run`: give it here.
        num_rollouts: N, completions of each beginning for the reward "rollout". Defaults to 4.
        oracle: `Oracle` of the reward "oracle". Defaults to None: that of the run.
        conditions: a nest of arrays [C, ...], the conditions that episodes draw from. Defaults to None: those of the
            training part of the run, where its generator takes conditions.
        decode: function of token ids int32 [n, T] that returns n texts, for `render`. Defaults to None: that of the
            run, else the ids themselves.
        render_mode: "ansi": `render` returns the text so far. Defaults to None: it returns None.

    Attributes:
        observation_space, action_space: those of one sequence.
        render_mode: as given.

    Raises:
        InputError: neither or both of `gan` and `run_dir`, a directory that is no run, an unknown `reward` or
            `render_mode`, a reward that needs a discriminator of a run that has not trained one, no oracle for the
            reward "oracle", or conditions that are missing or not expected.

    Example:
    ```python
    from seqgan_tf.environments.token_task import TokenTask

    task = TokenTask(run_dir="runs/poems", reward="rollout")
    print(task.action_space, task.observation_space["token_ids"])
    ```
    """

    def __init__(
        self,
        gan: "SeqGAN | None" = None,
        run_dir: str | Path | None = None,
        reward: str = "terminal",
        sequence_reward: SequenceReward | str | None = None,
        num_rollouts: int = 4,
        oracle: Oracle | None = None,
        conditions: Any = None,
        decode: Callable[[np.ndarray], list[str]] | None = None,
        render_mode: str | None = None,
    ) -> None:
        if reward not in REWARDS:
            raise InputError(f"`reward` must be one of {list(REWARDS)}. Received: {reward!r}")
        if render_mode not in (None, *RENDERING["render_modes"]):
            raise InputError(f"`render_mode` must be None or 'ansi'. Received: {render_mode!r}")
        if (gan is None) == (run_dir is None):
            both = "neither" if gan is None else "both"
            raise InputError(f"one of `gan` and `run_dir` must be given. Received: {both}")
        if run_dir is not None:
            run = open_run(run_dir)
            state = run.restore()
            for note in state.notes:
                warnings.warn(note, stacklevel=3)
            gan, oracle, decode = run.gan, oracle or run.oracle, decode or run.decode
            if reward != "oracle":
                state.check_discriminator(f"`reward` {reward!r}")
            if conditions is None and takes_condition(run.gan.generator):
                conditions = run.corpus.train_condition
        assert gan is not None
        self.gan, self.conditions = gan, _checked_conditions(gan, conditions)
        self.decode, self.render_mode = decode or write_token_ids, render_mode
        self._values = _values(gan, reward, sequence_reward, num_rollouts, oracle)
        vocabulary_size, length = gan.generator.vocabulary_size, gan.discriminator.sequence_length
        self.action_space = spaces.Discrete(vocabulary_size)
        seen: dict[str, spaces.Space] = {
            "token_ids": spaces.Box(PADDING, vocabulary_size - 1, [length], np.int32),
            "length": spaces.Discrete(length + 1),
        }
        if self.conditions is not None:
            seen["condition"] = _space(self.conditions)
        self.observation_space = spaces.Dict(seen)

    def dynamics(self, num_rows: int) -> TokenDynamics:
        """The sequences of `num_rows` episodes, none of which has begun."""
        generator, length = self.gan.generator, self.gan.discriminator.sequence_length
        sizes = num_rows, generator.vocabulary_size, length
        return TokenDynamics(self._values, *sizes, generator.end_token_id, self.conditions)

    def render(self, dynamics: TokenDynamics) -> list[str] | None:
        """The text of each row so far; None without a `render_mode`."""
        return None if self.render_mode is None else list(self.decode(dynamics.token_ids.copy()))


def _values(
    gan: "SeqGAN", reward: str, sequence_reward: SequenceReward | str | None, num_rollouts: int, oracle: Oracle | None
) -> TokenValues:
    if reward == "oracle":
        if sequence_reward is not None:
            raise InputError("`sequence_reward` must be None for `reward` 'oracle'. Received: a reward")
        if not isinstance(oracle, Oracle):
            received = "none" if oracle is None else f"an object of the class {type(oracle).__name__}"
            raise InputError(f"`oracle` must be an `Oracle` for `reward` 'oracle'. Received: {received}")
        if oracle.vocabulary_size != gan.generator.vocabulary_size:
            raise InputError(
                f"`oracle` must have the generator's vocabulary_size, {gan.generator.vocabulary_size}. "
                f"Received: {oracle.vocabulary_size}"
            )
        return OracleValues(oracle)
    if sequence_reward is None:
        sequence_reward = getattr(gan.reward_estimator, "sequence_reward", None) or LogOdds()
    if reward == "terminal":
        return WholeValues(gan, as_reward(sequence_reward))
    num_rollouts = whole_number("num_rollouts", num_rollouts)
    check_at_least(1, num_rollouts=num_rollouts)
    return RolloutValues(gan, as_reward(sequence_reward), num_rollouts)


def _checked_conditions(gan: "SeqGAN", conditions: Any) -> Any:
    if takes_condition(gan.generator) != (conditions is not None):
        expected = "be given for a generator with an encoder" if conditions is None else "be None for this generator"
        received = "None" if conditions is None else "conditions"
        raise InputError(f"`conditions` must {expected}. Received: {received}")
    number_of_rows(conditions)
    return conditions


def _space(conditions: Any) -> spaces.Space:
    """The space of one condition of a nest of arrays [C, ...], with the bounds that they have."""
    if isinstance(conditions, dict):
        return spaces.Dict({name: _space(inner) for name, inner in conditions.items()})
    if isinstance(conditions, (tuple, list)):
        return spaces.Tuple([_space(inner) for inner in conditions])
    low, high = np.min(conditions), np.max(conditions)
    return spaces.Box(low, max(high, low + 1), conditions.shape[1:], conditions.dtype)
