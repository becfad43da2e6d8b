"""One of several workers that train a run together: what it writes, and what it says when another one is gone.

Worker 0 writes the run directory. Every other worker runs the same program on a directory of its own, which is removed
at the end, and prints nothing: so no file and no line depends on which worker was the fastest.
"""

import contextlib
import hashlib
import re
import shlex
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from seqgan_tf.core.validation import InputError
from seqgan_tf.runs.cluster import MULTI_WORKER, Cluster, LostWorkerError, read_cluster
from seqgan_tf.runs.toml import CONFIG

if TYPE_CHECKING:
    import tensorflow as tf


def join() -> None:
    """Waits until all workers have begun. It must come before TensorFlow's first operation."""
    from seqgan_tf.cli.console import console
    from seqgan_tf.runs.devices import strategy_of

    cluster = read_cluster()
    console.print(
        f"worker {cluster.index} of {len(cluster.addresses)}, {cluster.addresses[cluster.index]}: waits for the others"
    )
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python cannot handle Ctrl-C while TensorFlow waits
    try:
        strategy_of(MULTI_WORKER)
    finally:
        for number, handler in handlers.items():  # TensorFlow has begun to handle SIGTERM, and would pass over it
            signal.signal(number, handler)


@contextlib.contextmanager
def one_of(cluster: Cluster, directory: Path) -> Iterator[Path]:
    """Context of the run of one worker: gives the directory that it writes, and says in one line when another is gone.

    Args:
        cluster: all workers.
        directory: the run directory. To resume a run, every worker must be able to read it.

    Raises:
        LostWorkerError: another worker ended, or cannot be reached.
    """
    with _one_line(cluster, directory), _directory_of(cluster, directory) as own:
        yield own


@contextlib.contextmanager
def _directory_of(cluster: Cluster, directory: Path) -> Iterator[Path]:
    """The directory that this worker writes: the run directory itself, or a copy of it that is removed at the end."""
    from seqgan_tf.cli.console import console

    if cluster.index == 0:
        yield directory
        return
    console.quiet = True
    try:
        with tempfile.TemporaryDirectory(prefix="seqgan-tf-worker-") as folder:
            own = Path(folder) / "run"
            if (directory / CONFIG).exists():
                shutil.copytree(directory, own)
            yield own
    finally:
        console.quiet = False


@contextlib.contextmanager
def _one_line(cluster: Cluster, directory: Path) -> Iterator[None]:
    """Turns the errors of TensorFlow that another worker causes into one that says what to do."""
    import tensorflow as tf

    kinds = (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.DeadlineExceededError,
        tf.errors.CancelledError,
    )
    try:
        yield
    except tf.errors.OpError as error:
        if not isinstance(error, kinds) and "Collective ops is aborted" not in str(error):
            raise
        has_begun = (directory / CONFIG).exists()
        again = f" with --resume --output-dir {shlex.quote(str(directory))}" if has_begun else ""
        raise LostWorkerError(
            f"worker {cluster.index} of {len(cluster.addresses)}: {_lost(cluster, str(error))} is gone; its own output "
            f"may say why. To continue, start all workers again{again}"
        ) from error


def _lost(cluster: Cluster, message: str) -> str:
    """The worker that an error of TensorFlow names."""
    tasks = re.findall(r"/job:(\w+)/(?:replica:\d+/)?task:(\d+)", message)
    found = {cluster.number(job, int(task)) for job, task in tasks} - {cluster.index}
    return f"worker {min(found)} ({cluster.addresses[min(found)]})" if len(found) == 1 else "another worker"


def check_equal(strategy: "tf.distribute.Strategy | None", what: str, text: str) -> None:
    """Checks that all workers have the same.

    Args:
        strategy: that of the run.
        what: what they have, for the message.
        text: what this worker has.

    Raises:
        InputError: a worker has another; on all workers.
    """
    from seqgan_tf.core import workers

    own = float(int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big"))  # a float64 holds 48 bits exactly
    if workers.on_any(strategy, workers.of_first(strategy, own) != own):
        raise InputError(f"--strategy {MULTI_WORKER} needs equal {what} on all workers. Received: others on some")
