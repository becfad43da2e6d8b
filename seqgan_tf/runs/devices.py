"""The devices that train a run."""

import functools

import tensorflow as tf

from seqgan_tf.core.validation import InputError


@functools.cache
def strategy_of(name: str) -> tf.distribute.Strategy | None:
    """The strategy that `--strategy` names. It is made once per process.

    GPUs get memory when it is needed, not all of it at once.

    Args:
        name: "one", or "mirrored": all GPUs, or where there is none all logical CPU devices.

    Returns:
        None for one device.

    Raises:
        InputError: there is only one device to mirror.
    """
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # TensorFlow has used the device already, so this process decided earlier
            break
    if name == "one":
        return None
    kind = "GPU" if gpus else "CPU"
    devices = [device.name for device in tf.config.list_logical_devices(kind)]
    if len(devices) < 2:
        raise InputError(f"--strategy mirrored needs at least two devices of a kind. Received: {devices[0]}")
    return tf.distribute.MirroredStrategy(devices)
