"""A script that trains under a strategy of several workers, as a user writes it. Its logs go to the file that it names.

python worker_script.py FILE
"""

import json
import sys

import tensorflow as tf

SETTINGS = {"likelihood_steps": 1, "generator_steps": 1, "generator_batch_size": 5, "entropy_weight": 0.1}


def train_both(strategy):
    """The logs of all phases without and with conditions, and the sum of the absolute weights after them."""
    import conditional
    import numpy as np
    import tiny
    import two_devices

    data = conditional.data(11)
    held_out = tuple(part[:5] for part in data)
    runs = {
        "without": two_devices.train(strategy, tiny.DATA, tiny.DATA[:5], **SETTINGS),
        "with": two_devices.train(strategy, data, held_out, with_condition=True, **SETTINGS),
    }
    return {
        f"{kind} conditions, {name}": np.asarray(values, float).tolist()
        for kind, (logs, weights) in runs.items()
        for name, values in (logs | {"weights": [np.abs(weight).sum() for weight in weights]}).items()
    }


if __name__ == "__main__":
    strategy = tf.distribute.MultiWorkerMirroredStrategy()  # before anything else of TensorFlow
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(train_both(strategy), file)
