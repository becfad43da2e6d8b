"""The token MDP without Gymnasium: the sequences of some rows, and what happens to them when tokens are appended.

Axes: R rows, T sequence length, V vocabulary, C conditions.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from seqgan_tf.core.padding import PADDING
from seqgan_tf.core.validation import InputError
from seqgan_tf.environments.token_values import TokenValues


class TokenDynamics:
    """The sequences of R rows. Each row has an episode of its own.

    An episode ends with the end token, or with T tokens.

    Args:
        values: what the beginning of a sequence is worth.
        num_rows: R.
        vocabulary_size: V.
        sequence_length: T.
        end_token_id: the token that ends a sequence. Defaults to None: all sequences have T tokens.
        conditions: a nest of arrays [C, ...]; an episode draws one of them. Defaults to None: there are none.

    Example:
    ```python
    import numpy as np

    import seqgan_tf as sg
    from seqgan_tf.environments.token_dynamics import TokenDynamics
    from seqgan_tf.environments.token_values import OracleValues

    dynamics = TokenDynamics(OracleValues(sg.Oracle(20)), num_rows=2, vocabulary_size=20, sequence_length=3)
    for row in range(2):
        dynamics.begin(row, np.random.default_rng(row))
    rewards, ended = dynamics.step(np.array([4, 7]), np.array([True, True]))
    print(dynamics.observation()["token_ids"])  # [[4, -1, -1], [7, -1, -1]]
    ```
    """

    def __init__(
        self,
        values: TokenValues,
        num_rows: int,
        vocabulary_size: int,
        sequence_length: int,
        end_token_id: int | None = None,
        conditions: Any = None,
    ) -> None:
        self.values, self.vocabulary_size, self.end_token_id = values, vocabulary_size, end_token_id
        self.conditions = conditions
        self.token_ids = np.full([num_rows, sequence_length], PADDING, np.int32)
        self.lengths = np.zeros(num_rows, np.int64)
        self.ended = np.ones(num_rows, bool)
        self._worth = np.zeros(num_rows)
        self._seeds = np.zeros(num_rows, np.int32)
        self._chosen = np.zeros(num_rows, np.int64)

    def begin(self, row: int, draw: np.random.Generator) -> None:
        """Begins a new episode of a row. Its condition and its roll-outs are drawn from `draw`."""
        self.token_ids[row], self.lengths[row], self.ended[row], self._worth[row] = PADDING, 0, False, 0.0
        self._seeds[row] = draw.integers(2**31)
        if self.conditions is not None:
            self._chosen[row] = draw.integers(len(tf.nest.flatten(self.conditions)[0]))

    def step(self, actions: np.ndarray, stepped: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Appends a token to some rows, all in one compiled call.

        Args:
            actions: int [R], the tokens; those of other rows are not read.
            stepped: bool [R], the rows that get their token.

        Returns:
            (rewards float64 [R], ended bool [R]): 0 and False for other rows.

        Raises:
            InputError: an episode has ended, or a token is outside the vocabulary. No row has changed then.
        """
        rows = np.flatnonzero(stepped)
        finished = rows[self.ended[rows]]
        if finished.size:
            raise InputError(
                "`step` must follow `reset`, and stop where an episode has ended. "
                f"Received: a step of environment {finished[0]}, without an episode that goes on"
            )
        outside = rows[(actions[rows] < 0) | (actions[rows] >= self.vocabulary_size)]
        if outside.size:
            raise InputError(
                f"`action` must be a token id from 0 to {self.vocabulary_size - 1}. Received: {actions[outside[0]]}"
            )
        self.token_ids[rows, self.lengths[rows]] = actions[rows]
        self.lengths[rows] += 1
        self.ended[rows] = self.lengths[rows] == self.token_ids.shape[1]
        if self.end_token_id is not None:
            self.ended[rows] |= actions[rows] == self.end_token_id
        rewards = np.zeros(len(self.ended))
        valued = rows[self.ended[rows]] if self.values.only_whole else rows
        if valued.size:
            draws = np.stack([self._seeds[valued], self.lengths[valued]], axis=1)
            worth = self.values(self.token_ids[valued], draws, self.condition(valued))
            rewards[valued] = worth - self._worth[valued]
            self._worth[valued] = worth
        return rewards, self.ended & stepped

    def condition(self, rows: np.ndarray) -> Any:
        """The conditions of some rows, a nest of arrays; None where there are none."""
        if self.conditions is None:
            return None
        return tf.nest.map_structure(lambda array: np.asarray(array[self._chosen[rows]]), self.conditions)

    def observation(self) -> dict[str, Any]:
        """A copy of what an agent sees: token_ids int32 [R, T], length int64 [R], and the condition if there is one."""
        seen = {"token_ids": self.token_ids.copy(), "length": self.lengths.copy()}
        if self.conditions is not None:
            seen["condition"] = self.condition(np.arange(len(self.lengths)))
        return seen
