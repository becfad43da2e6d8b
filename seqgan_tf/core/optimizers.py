"""The optimizers of runs; checks of those of `compile`, and of the precision of the networks that they train."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from seqgan_tf.core.averages import averages_weights
from seqgan_tf.core.validation import InputError

WEIGHT_DTYPES = ("float32", "float64")
POLICIES = "'float32', 'mixed_bfloat16', 'mixed_float16' or 'float64'"


@keras.saving.register_keras_serializable(package="seqgan_tf")
class FusedAdam(keras.optimizers.Adam):
    """Adam (Kingma and Ba, 2015) in one operation for each variable, where Keras makes fifteen.

    Its values are those of `keras.optimizers.Adam`, up to rounding.

    Args:
        learning_rate: a float or a schedule. Defaults to 0.001.
        **kwargs: as for `keras.optimizers.Adam`, without `amsgrad`.

    Raises:
        InputError: `amsgrad` is set.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.core.optimizers import FusedAdam

    gan = sg.SeqGAN(sg.Generator(50), sg.Discriminator(50, 8), sg.TerminalReward())
    gan.compile(FusedAdam(1e-3), FusedAdam(1e-3))
    ```
    """

    def __init__(self, learning_rate: Any = 1e-3, **kwargs: Any):
        if kwargs.get("amsgrad"):
            raise InputError("`amsgrad` must be False. Received: True")
        super().__init__(learning_rate, **kwargs)

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        """One step of one variable, for Keras."""
        dtype, index = variable.dtype, self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, dtype)
        beta_1, beta_2 = (tf.constant(beta, dtype) for beta in (self.beta_1, self.beta_2))
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=beta_1**step,
            beta2_power=beta_2**step,
            lr=tf.cast(learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.constant(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )


@keras.saving.register_keras_serializable(package="seqgan_tf")
class MatrixDecayAdamW(FusedAdam):
    """AdamW (Loshchilov and Hutter, 2019) that lets matrices decay, and no biases and no scales of a normalization.

    A step subtracts learning_rate * weight_decay * weight from each weight of a matrix, embeddings included.

    Args:
        learning_rate: a float or a schedule. Defaults to 0.001.
        weight_decay: a positive float. Defaults to 0.004.
        **kwargs: as for `FusedAdam`.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.core.optimizers import MatrixDecayAdamW

    gan = sg.SeqGAN(sg.Generator(50), sg.Discriminator(50, 8), sg.TerminalReward())
    gan.compile("adam", "adam", pretrain_optimizer=MatrixDecayAdamW(learning_rate=5e-3, weight_decay=0.01))
    ```
    """

    def __init__(self, learning_rate: Any = 1e-3, weight_decay: float = 0.004, **kwargs: Any):
        super().__init__(learning_rate, weight_decay=weight_decay, **kwargs)

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Makes the variables of the optimizer, for Keras."""
        if not self.built:
            self.exclude_from_weight_decay(var_list=[v for v in variables if len(v.shape) < 2])
        super().build(variables)


def adam(learning_rate: float, weight_decay: float = 0.0, **kwargs: Any) -> keras.optimizers.Optimizer:
    """`FusedAdam`, or with weight decay `MatrixDecayAdamW`.

    Args:
        learning_rate: a float or a schedule.
        weight_decay: at least 0. Defaults to 0.
        **kwargs: as for `FusedAdam`.
    """
    if weight_decay:
        return MatrixDecayAdamW(learning_rate, weight_decay=weight_decay, **kwargs)
    return FusedAdam(learning_rate, **kwargs)


def check_policy(policy: Any) -> None:
    """Checks that a dtype policy holds weights in a dtype that can be trained.

    Args:
        policy: a Keras dtype policy.

    Raises:
        InputError: it holds them in float16 or bfloat16, where small updates vanish.
    """
    if policy.variable_dtype not in WEIGHT_DTYPES:
        raise InputError(f"`dtype` must be {POLICIES}. Received: {policy.name!r}")


def check_precision(**networks: keras.Model) -> None:
    """Checks that the weights of networks are held in a dtype that small updates do not vanish in.

    Args:
        **networks: by the name that the user gave them.

    Raises:
        InputError: trainable weights are float16 or bfloat16, or quantized, which cannot be trained.
    """
    for name, network in networks.items():
        for variable in network.trainable_variables:
            dtype = keras.backend.standardize_dtype(variable.dtype)
            if dtype not in WEIGHT_DTYPES:
                raise InputError(f"`{name}` must have the dtype policy {POLICIES}. Received: weights in {dtype}")


def computes_in_float16(network: keras.Model) -> bool:
    """Whether a layer of a network computes in float16, so that its loss must be scaled."""
    return any(layer.compute_dtype == "float16" for layer in network._flatten_layers())


def check_optimizers(optimizers: Mapping[str, keras.optimizers.Optimizer], networks: Mapping[str, keras.Model]) -> None:
    """Checks that no optimizer is shared by two networks or was used for another model, and which of them average.

    Args:
        optimizers: by the name of the argument of `compile`.
        networks: the network that each trains, by the same names.

    Raises:
        InputError: one is shared or used, or another one than `pretrain_optimizer` averages weights.
    """
    users: dict[int, str] = {}
    for name, optimizer in optimizers.items():
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        other = users.setdefault(id(inner), name)
        if networks[other] is not networks[name]:
            raise InputError(
                f"`{name}` must be an optimizer of its own, since it trains another network than `{other}`. "
                "Received: the same object for both"
            )
        ours = {id(variable) for variable in networks[name].trainable_variables}
        theirs = {id(variable) for variable in getattr(inner, "_trainable_variables", ())}
        if inner.built and ours != theirs:
            raise InputError(f"`{name}` must be a new optimizer. Received: one that was built for other weights")
        if name != "pretrain_optimizer" and averages_weights(inner):
            raise InputError(f"`{name}` must not average weights, as `pretrain_optimizer` may. Received: use_ema=True")


def get_optimizer(name: str, optimizer: Any) -> keras.optimizers.Optimizer:
    """A Keras optimizer, from what Keras accepts as one; the name "adam" is `FusedAdam`.

    Raises:
        InputError: it is none.
    """
    if isinstance(optimizer, str) and optimizer.lower() == "adam":
        return FusedAdam()
    try:
        found = keras.optimizers.get(optimizer)
    except (ValueError, TypeError) as error:
        raise InputError(f"`{name}` must be a Keras optimizer or its name. Received: {optimizer!r}") from error
    if not isinstance(found, keras.optimizers.Optimizer):
        raise InputError(f"`{name}` must be a Keras optimizer or its name. Received: {optimizer!r}")
    return found
