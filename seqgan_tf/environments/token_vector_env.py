"""The token MDP as a vector environment of Gymnasium: many sequences at once, in one compiled call per step."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space, iterate

from seqgan_tf.core.validation import InputError, check_at_least, whole_number
from seqgan_tf.environments.token_task import RENDERING, TokenTask

Step = tuple[dict[str, Any], np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]


class TokenVectorEnv(VectorEnv):
    """As many `TokenEnv`s side by side, whose rewards are computed in one compiled call per step.

    Row i gives what a `TokenEnv` gives with the seed of row i: the rewards up to rounding, the rest exactly.

    Args:
        num_envs: n, number of sequences at once. Defaults to 1.
        autoreset_mode: what happens to a row whose episode has ended, a `gymnasium.vector.AutoresetMode` or its value.
            "NextStep": its next step begins an episode, and its action is not read. "SameStep": the same step does, and
            the info has `final_obs`. "Disabled": `reset(options={"reset_mask": ...})` does. Defaults to "NextStep".
        **task: as for `TokenEnv`.

    Raises:
        InputError: `num_envs` is below 1, an unknown `autoreset_mode`, or see `TokenTask`.

    Example:
    ```python
    import gymnasium

    import seqgan_tf.environments

    envs = gymnasium.make_vec("SeqGAN/Token-v0", num_envs=8, run_dir="runs/poems", autoreset_mode="SameStep")
    observations, infos = envs.reset(seed=1)
    for _ in range(10):
        observations, rewards, terminated, truncated, infos = envs.step(envs.action_space.sample())
    print(observations["token_ids"].shape, rewards)
    ```
    """

    def __init__(
        self, num_envs: int = 1, autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP, **task: Any
    ) -> None:
        self.num_envs = whole_number("num_envs", num_envs)
        check_at_least(1, num_envs=self.num_envs)
        try:
            self.autoreset_mode = AutoresetMode(autoreset_mode)
        except ValueError as error:
            modes = [mode.value for mode in AutoresetMode]
            raise InputError(f"`autoreset_mode` must be one of {modes}. Received: {autoreset_mode!r}") from error
        self.metadata = RENDERING | {"autoreset_mode": self.autoreset_mode}
        self.task = TokenTask(**task)
        self.render_mode = self.task.render_mode
        self.single_observation_space = self.task.observation_space
        self.single_action_space = self.task.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._dynamics = self.task.dynamics(self.num_envs)
        self._draws = [seeding.np_random()[0] for _ in range(self.num_envs)]
        self._due = np.zeros(self.num_envs, bool)  # rows whose next step begins an episode

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begins an episode in each row.

        Args:
            seed: row i gets the seed `seed + i`, or the i-th of a list. Defaults to None: the last seeds go on.
            options: {"reset_mask": bool array [n]}: only these rows begin one. Defaults to None: all rows.

        Returns:
            (observations, {}).

        Raises:
            InputError: a list or a mask of another length.
        """
        seeds = self._seeds(seed)
        if len(seeds) != self.num_envs:
            raise InputError(f"`seed` must be an int, or a list of {self.num_envs}. Received: a list of {len(seeds)}")
        mask = (options or {}).get("reset_mask", np.ones(self.num_envs, bool))
        if np.shape(mask) != (self.num_envs,) or np.asarray(mask).dtype != bool:
            raise InputError(f"`reset_mask` must be a bool array of shape ({self.num_envs},). Received: {mask!r}")
        for row in np.flatnonzero(mask):
            if seeds[row] is not None:
                self._draws[row] = seeding.np_random(seeds[row])[0]
            self._begin(row)
        return self._dynamics.observation(), {}

    def step(self, actions: Any) -> Step:
        """Appends a token to each row.

        Args:
            actions: int array [n], the tokens.

        Returns:
            (observations, rewards float64 [n], terminated bool [n], truncated bool [n], infos).

        Raises:
            InputError: an array of another shape or dtype, an id outside the vocabulary, or no episode goes on.
        """
        actions = np.asarray(actions)
        if actions.shape != (self.num_envs,) or actions.dtype.kind not in "iu":
            raise InputError(
                f"`actions` must be an int array of shape ({self.num_envs},). "
                f"Received: {actions.dtype} of shape {actions.shape}"
            )
        due = self._due
        rewards, ended = self._dynamics.step(actions, ~due)
        for row in np.flatnonzero(due):
            self._begin(row)
        infos: dict[str, Any] = {}
        if self.autoreset_mode == AutoresetMode.NEXT_STEP:
            self._due = ended.copy()
        elif self.autoreset_mode == AutoresetMode.SAME_STEP and ended.any():
            last = list(iterate(self.observation_space, self._dynamics.observation()))
            for row in np.flatnonzero(ended):
                infos = self._add_info(infos, {"final_obs": last[row], "final_info": {}}, int(row))
                self._begin(row)
        return self._dynamics.observation(), rewards, ended, np.zeros(self.num_envs, bool), infos

    def render(self) -> tuple[str, ...] | None:  # type: ignore[override]
        """The text of each row so far, with the `render_mode` "ansi"; else None."""
        texts = self.task.render(self._dynamics)
        return None if texts is None else tuple(texts)

    def _seeds(self, seed: int | Sequence[int | None] | None) -> list[int | None]:
        if isinstance(seed, Sequence):
            return list(seed)
        return [None if seed is None else seed + row for row in range(self.num_envs)]

    def _begin(self, row: int | np.integer) -> None:
        self._dynamics.begin(int(row), self._draws[row])
        self._due[row] = False
