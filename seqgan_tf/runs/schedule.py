"""The learning rate of the likelihood steps of a run, step by step.

A run computes it from the number of the step, so that a resumed run needs no state for it. In a Keras script it is a
`keras.optimizers.schedules.LearningRateSchedule`.
"""

import math

import keras

from seqgan_tf.runs.config import PretrainSettings


def learning_rate(pretrain: PretrainSettings, step: int, total: int) -> float:
    """The learning rate of a step of the generator's pre-training.

    With w = `warmup_steps`, it is `learning_rate` times min(1, (step + 1) / w), and with the schedule "cosine" also
    times (1 + cos(pi * max(0, step - w) / (total - w))) / 2 (Loshchilov and Hutter, 2017, equation 5, no restarts).

    Args:
        pretrain: the settings.
        step: number of steps done before.
        total: number of steps of all epochs.
    """
    warmup = pretrain.warmup_steps
    rate = pretrain.learning_rate
    if step < warmup:
        return rate * (step + 1) / warmup
    if pretrain.schedule == "cosine":
        return rate * (1 + math.cos(math.pi * (step - warmup) / (total - warmup))) / 2
    return rate


def set_learning_rate(
    optimizer: keras.optimizers.Optimizer, pretrain: PretrainSettings, step: int | None, total: int
) -> None:
    """Sets the learning rate of the likelihood steps, where the settings let it change.

    Args:
        optimizer: the optimizer of the likelihood steps.
        pretrain: the settings.
        step: number of steps done before in the generator's pre-training. None: another phase, in which the rate is
            `learning_rate`.
        total: number of steps of all epochs.
    """
    if pretrain.schedule != "constant" or pretrain.warmup_steps:
        optimizer.learning_rate = pretrain.learning_rate if step is None else learning_rate(pretrain, step, total)
