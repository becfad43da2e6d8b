"""The moving averages of weights that a Keras optimizer keeps (`use_ema=True`), as the weights of a network."""

import keras
import numpy as np


class AveragedWeights:
    """Gives a network the averages that its optimizer keeps, and the weights that it trains back.

    After step s of the optimizer an average is m * average + (1 - m) * weight, with the optimizer's `ema_momentum` m;
    after the first step it is the weight itself. For an optimizer without averages nothing changes.

    Args:
        network: the network.
        optimizer: Keras optimizer of its trainable variables, built.

    Example:
    ```python
    import keras

    import seqgan_tf as sg
    from seqgan_tf.core.averages import AveragedWeights

    generator, optimizer = sg.Generator(50), keras.optimizers.Adam(use_ema=True, ema_momentum=0.999)
    optimizer.build(generator.trainable_variables)
    averaged = AveragedWeights(generator, optimizer)
    averaged.begin()
    averaged.use()  # the generator now has the averages
    averaged.leave()  # and now the weights that are trained
    ```
    """

    def __init__(self, network: keras.Model, optimizer: keras.optimizers.Optimizer):
        self.network = network
        self.optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # of a LossScaleOptimizer
        self._trained: list[np.ndarray] | None = None

    def begin(self) -> None:
        """Lets the averages start from the weights. They may be those of steps long before."""
        if averages_weights(self.optimizer):
            # Keras has no other access to them.
            averages = self.optimizer._model_variables_moving_average
            for average, variable in zip(averages, self.network.trainable_variables, strict=True):
                average.assign(variable)

    def use(self) -> None:
        """Sets the weights of the network to their averages, and keeps those that are trained for `leave`."""
        if averages_weights(self.optimizer) and self._trained is None:
            self._trained = [np.array(variable) for variable in self.network.trainable_variables]
            self.optimizer.finalize_variable_values(self.network.trainable_variables)

    def leave(self) -> None:
        """Sets the weights of the network to those that are trained, after `use`."""
        if self._trained is not None:
            for variable, value in zip(self.network.trainable_variables, self._trained, strict=True):
                variable.assign(value)
            self._trained = None


def averages_weights(optimizer: keras.optimizers.Optimizer) -> bool:
    """Whether an optimizer keeps moving averages of the weights that it trains."""
    return bool(getattr(getattr(optimizer, "inner_optimizer", optimizer), "use_ema", False))
