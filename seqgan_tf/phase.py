"""What lets Keras run a phase: logs that are means, and one network's own phase under `fit`."""

import keras
import tensorflow as tf

from seqgan_tf.sequences import mask


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
