"""What lets Keras run a phase: logs that are means, and one network's own phase under `fit`."""

import keras
import tensorflow as tf

from seqgan_tf.sequences import mask
from seqgan_tf.steps import LIKELIHOOD_LOGS, likelihood_metrics, likelihood_step


class MeanLogs(keras.Model):
    """A model whose logs are means over the steps of an epoch; Keras by itself would report the last step alone."""

    def __init__(self, names, **kwargs):
        super().__init__(**kwargs)
        self.means = [keras.metrics.Mean(name=name) for name in names]

    def mean_logs(self, logs, weight=1.0):
        """Takes one step's logs, {name: scalar}, into the running means and returns these."""
        means = {mean.name: mean for mean in self.means}
        for name, value in logs.items():
            means[name].update_state(value, sample_weight=weight)
        return {name: means[name].result() for name in logs}


class Phase(MeanLogs):
    """One network's own phase under `fit`: its steps are given, so that Keras brings the loop and the callbacks."""

    def __init__(self, network, names, step, metrics=None):
        super().__init__(names)
        self.network, self.step, self.held_out_metrics = network, step, metrics
        self.built = True

    def train_step(self, data):
        return self.mean_logs(self.step(data))

    def test_step(self, data):
        return self.mean_logs(self.held_out_metrics(data), tf.reduce_sum(mask(data)))


def fit_likelihood(
    generator, optimizer, dataset, epochs, validation=None, patience=2, callbacks=None, verbose="auto", **compiling
):
    """Maximum likelihood training of a generator.

    Args:
        generator: a `Generator`.
        optimizer: Keras optimizer.
        dataset: `tf.data.Dataset` of token ids [B, T].
        epochs: int, passes over it at most.
        validation: the same kind; with it, training stops after `patience` epochs without a better likelihood, and
            the weights of the best epoch are kept. Defaults to None: all epochs.
        patience: int. Defaults to 2.
        callbacks, verbose: as in `keras.Model.fit`; logs hold "nll", "gradient_norm" and "val_nll".
        **compiling: `jit_compile`, `run_eagerly`, as in `keras.Model.compile`.

    Returns:
        `keras.callbacks.History`.
    """
    callbacks = list(callbacks or [])
    if validation is not None:
        callbacks.insert(
            0, keras.callbacks.EarlyStopping("val_nll", mode="min", patience=patience, restore_best_weights=True)
        )
    phase = Phase(
        generator,
        LIKELIHOOD_LOGS,
        lambda token_ids: likelihood_step(generator, optimizer, token_ids),
        lambda token_ids: likelihood_metrics(generator, token_ids),
    )
    phase.compile(optimizer=None, loss=None, **compiling)
    return phase.fit(
        dataset, epochs=epochs, validation_data=validation, callbacks=callbacks, verbose=verbose, shuffle=False
    )
