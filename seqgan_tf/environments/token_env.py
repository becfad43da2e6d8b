"""The token MDP as an environment of Gymnasium: an agent writes one sequence, token by token."""

from typing import Any

import gymnasium
import numpy as np
import tensorflow as tf

from seqgan_tf.core.validation import InputError
from seqgan_tf.environments.token_task import RENDERING, TokenTask


class TokenEnv(gymnasium.Env):
    """Writes a sequence token by token, and is rewarded for it by a trained model (`SeqGAN/Token-v0`).

    - **Observation**: a dict of `token_ids`, int32 [T], the tokens so far and -1 after them; `length`, their number;
      and `condition`, where the generator takes one, without the batch axis.
    - **Action**: the next token, an int in [0, V).
    - **Reward**: "terminal": what the whole sequence is worth, at its end, else 0. "rollout": the change of the action
      value Q by the action, where Q is the mean reward of `num_rollouts` completions by the generator; these rewards
      sum to that of the whole sequence. "oracle": the log-probability of the token under the oracle, in nats.
    - **End**: an episode terminates with the end token or with T tokens. It is never truncated.

    The seed of `reset` decides the condition and the roll-outs of all episodes that follow.

    Args:
        **task: `gan` or `run_dir`, `reward`, `sequence_reward`, `num_rollouts`, `oracle`, `conditions`, `decode`,
            `render_mode`, see `TokenTask`.

    Raises:
        InputError: see `TokenTask`.

    Example:
    ```python
    import gymnasium

    import seqgan_tf.environments

    env = gymnasium.make("SeqGAN/Token-v0", run_dir="runs/poems", render_mode="ansi")
    observation, info = env.reset(seed=1)
    terminated = False
    while not terminated:
        observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
    print(env.render(), reward)
    ```
    """

    metadata = dict(RENDERING)

    def __init__(self, **task: Any) -> None:
        self.task = TokenTask(**task)
        self.observation_space, self.action_space = self.task.observation_space, self.task.action_space
        self.render_mode = self.task.render_mode
        self._dynamics = self.task.dynamics(1)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begins an episode.

        Args:
            seed: the seed of this episode and of those that follow. Defaults to None: the last seed goes on.
            options: nothing is read. Defaults to None.

        Returns:
            (observation, {}).
        """
        super().reset(seed=seed)
        self._dynamics.begin(0, self.np_random)
        return self._observation(), {}

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Appends a token.

        Args:
            action: the token, an int in [0, V).

        Returns:
            (observation, reward, terminated, False, {}).

        Raises:
            InputError: it is no token id, or no episode goes on.
        """
        actions = np.atleast_1d(np.asarray(action))
        if actions.shape != (1,) or actions.dtype.kind not in "iu":
            raise InputError(f"`action` must be a token id, an int. Received: {action!r}")
        rewards, ended = self._dynamics.step(actions, np.array([True]))
        return self._observation(), float(rewards[0]), bool(ended[0]), False, {}

    def render(self) -> str | None:  # type: ignore[override]
        """The text so far, with the `render_mode` "ansi"; else None."""
        texts = self.task.render(self._dynamics)
        return None if texts is None else texts[0]

    def _observation(self) -> dict[str, Any]:
        seen = self._dynamics.observation()
        row = tf.nest.map_structure(lambda array: np.asarray(array[0]), seen)
        return row | {"length": seen["length"][0]}
