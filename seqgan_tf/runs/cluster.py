"""The workers of a run on several machines, as the environment variable TF_CONFIG names them. TensorFlow reads it too.

Nothing here imports TensorFlow, so a wrong TF_CONFIG is reported at once.
"""

import dataclasses
import json
import os
import re
from typing import Any

from seqgan_tf.core.validation import InputError

MULTI_WORKER = "multi-worker"
JOBS = ("chief", "worker")
EXAMPLE = '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}'


class LostWorkerError(Exception):
    """Another worker ended before the run did.

    Example:
    ```python
    from seqgan_tf.runs.cluster import LostWorkerError

    print(LostWorkerError("worker 1 is gone"))
    ```
    """


@dataclasses.dataclass(frozen=True)
class Cluster:
    """All workers of a run, and which of them this process is.

    Attributes:
        addresses: "host:port" of each, the chief first where there is a job of this name.
        index: the number of this worker. Worker 0 writes the files of the run.
        num_chiefs: how many of them have the job "chief"; the others have the job "worker". Defaults to 0.

    Example:
    ```python
    from seqgan_tf.runs.cluster import Cluster

    cluster = Cluster(("10.0.0.1:2222", "10.0.0.2:2222"), 1)
    print(f"worker {cluster.index} of {len(cluster.addresses)}")  # worker 1 of 2
    ```
    """

    addresses: tuple[str, ...]
    index: int
    num_chiefs: int = 0

    def number(self, job: str, task: int) -> int:
        """The number of the worker that TensorFlow calls task `task` of a job."""
        return task + (0 if job == "chief" else self.num_chiefs)


def read_cluster() -> Cluster:
    """The workers that TF_CONFIG names.

    Raises:
        InputError: it is not set, is no JSON of this form, or names fewer than two workers.
    """
    text = os.environ.get("TF_CONFIG", "")
    if not text:
        raise _wrong("nothing")
    try:
        given = json.loads(text)
    except ValueError as error:
        raise _wrong(f"no JSON ({error})") from error
    cluster = given.get("cluster") if isinstance(given, dict) else None
    if not isinstance(cluster, dict) or not cluster or not all(_is_addresses(found) for found in cluster.values()):
        raise _wrong("no addresses host:port in `cluster`")
    if others := sorted(set(cluster) - set(JOBS)):
        raise _wrong(f"tasks of another type: {', '.join(others)}")
    task = given.get("task")
    job, index = (task.get("type"), task.get("index")) if isinstance(task, dict) else (None, None)
    if not isinstance(job, str) or not isinstance(index, int) or not 0 <= index < len(cluster.get(job, [])):
        raise _wrong(f"a `task` that is none of the cluster: {json.dumps(task)}")
    addresses = tuple(address for job in JOBS for address in cluster.get(job, []))
    if len(addresses) < 2:
        raise _wrong(f"one worker, {addresses[0]}")
    whole = Cluster(addresses, 0, len(cluster.get("chief", [])))
    return dataclasses.replace(whole, index=whole.number(job, index))


def check_strategy(name: str) -> None:
    """Checks that `--strategy` and TF_CONFIG fit, so that no worker trains alone what all should train together.

    Raises:
        InputError: TF_CONFIG is needed and wrong, or it names several workers and the strategy is another one.
    """
    if name == MULTI_WORKER:
        read_cluster()
        return
    try:
        number = len(read_cluster().addresses)
    except InputError:
        return
    raise InputError(
        f"--strategy must be {MULTI_WORKER} where TF_CONFIG names {number} workers (unset it to train on this machine "
        f"alone). Received: {name}"
    )


def _is_addresses(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(each, str) and re.fullmatch(r".+:\d+", each) for each in found)


def _wrong(received: str) -> InputError:
    return InputError(
        f"TF_CONFIG must name two or more workers and which one this is, such as {EXAMPLE}, "
        f"for --strategy {MULTI_WORKER}. Received: {received}"
    )
