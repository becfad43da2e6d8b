"""The devices that train a run."""

import functools

import tensorflow as tf

from seqgan_tf.core.validation import InputError
from seqgan_tf.runs.cluster import MULTI_WORKER, LostWorkerError, read_cluster


@functools.cache
def strategy_of(name: str) -> tf.distribute.Strategy | None:
    """The strategy that `--strategy` names. It is made once per process.

    GPUs get memory when it is needed, not all of it at once.

    Args:
        name: "one"; or "mirrored": all GPUs, or where there is none all logical CPU devices; or "multi-worker": all
            GPUs, or where there is none the CPU, of each machine that TF_CONFIG names. The last must come before
            TensorFlow's first operation, and waits until all workers have begun.

    Returns:
        None for one device.

    Raises:
        InputError: there is only one device to mirror, or TF_CONFIG is wrong.
        LostWorkerError: the workers do not find each other.
    """
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # TensorFlow has used the device already, so this process decided earlier
            break
    if name == "one":
        return None
    if name == MULTI_WORKER:
        return _multi_worker()
    kind = "GPU" if gpus else "CPU"
    devices = [device.name for device in tf.config.list_logical_devices(kind)]
    if len(devices) < 2:
        raise InputError(f"--strategy mirrored needs at least two devices of a kind. Received: {devices[0]}")
    return tf.distribute.MirroredStrategy(devices)


def _multi_worker() -> tf.distribute.Strategy:
    cluster = read_cluster()
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except tf.errors.OpError as error:
        reason, own = str(error).splitlines()[0][:200], cluster.addresses[cluster.index]
        if "Could not start gRPC server" in reason:
            raise InputError(f"TF_CONFIG: expected a free port of this machine at {own}. Received: {reason}") from error
        raise LostWorkerError(f"{own} did not find all other workers ({reason}). Start all workers again") from error
