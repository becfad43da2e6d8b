"""The random state of dropout in Keras' files of weights.

Keras writes the weights of a model, but not the state of its `SeedGenerator`s, so that a model that was loaded would
draw other masks than the one that was saved. The models of this package write that state beside their own variables.
"""

from collections.abc import Mapping, MutableMapping
from typing import Any

import keras
import numpy as np

KEY = "random_state"
STATE = "seed_generator_state"  # the name that Keras gives to the variable of a `SeedGenerator`


def random_state(model: keras.Model) -> list[keras.Variable]:
    """The variables of all `SeedGenerator`s of a model and of its layers, in order."""
    return [variable for variable in model.variables if variable.name == STATE]


def write_random_state(model: keras.Model, store: MutableMapping[str, Any]) -> None:
    """Adds the random state of a model to what its `save_own_variables` has written."""
    if variables := random_state(model):
        store[KEY] = np.stack([np.asarray(variable) for variable in variables])


def read_random_state(model: keras.Model, store: Mapping[str, Any]) -> dict[str, Any]:
    """Sets the random state of a model, where a file has it: files of version 0.1.0 have none.

    Args:
        model: a model with as many `SeedGenerator`s as the one that was saved; else its random state stays as it is.
        store: what `load_own_variables` gets.

    Returns:
        The rest of the store.
    """
    rest = {key: store[key] for key in store.keys() if key != KEY}  # noqa: SIM118, it is no dict
    if KEY in store.keys():  # noqa: SIM118
        variables, states = random_state(model), np.asarray(store[KEY])
        if len(variables) == len(states):
            for variable, state in zip(variables, states, strict=True):
                variable.assign(state)
    return rest


class RandomStateModel(keras.Model):
    """A Keras model whose saved weights hold the random state of dropout in it.

    Example:
    ```python
    import keras

    from seqgan_tf.core.random_state import RandomStateModel

    class Network(RandomStateModel):
        def __init__(self):
            super().__init__()
            self.dropout = keras.layers.Dropout(0.5, seed=1)
    ```
    """

    def save_own_variables(self, store: Any) -> None:
        """Writes the variables of the model itself and the random state, for Keras."""
        super().save_own_variables(store)
        write_random_state(self, store)

    def load_own_variables(self, store: Any) -> None:
        """Reads what `save_own_variables` wrote."""
        super().load_own_variables(read_random_state(self, store))
