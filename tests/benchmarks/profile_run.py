"""Where the time of a quick run with roll-outs goes: python tests/benchmarks/profile_run.py

`seqgan-tf train` on the built-in oracle. First by the clock: compiled steps, their first calls (which compile them),
evaluations, checkpoints, and what is left: Python and waiting for data. Then, by TensorFlow's profiler, what kinds of
operations two rounds spend the processor on.
"""

import collections
import glob
import tempfile
import time
from pathlib import Path

import tensorflow as tf

from seqgan_tf.core.phases import ADVERSARIAL
from seqgan_tf.runs import presets
from seqgan_tf.runs.directory import create_run

MATHEMATICS = {
    "products": ("MatMul", "BatchMatMulV2", "FusedMatMul"),
    "convolutions": ("Conv2D", "FusedConv2D", "Conv2DBackpropFilter", "Conv2DBackpropInput"),
    "rows of tables and maxima": ("GatherV2", "ResourceGather", "UnsortedSegmentMax", "AddN", "Max", "Maximum"),
    "draws": ("Softmax", "Cumsum", "StatelessRandomUniformFullIntV2", "LessEqual", "GatherNd"),
    "optimizer": ("AssignAddVariableOp", "AssignSubVariableOp", "Sqrt", "Square", "ResourceScatterAdd"),
}


class Clock:
    """Sums up the seconds of functions by name; a function's first call counts for itself."""

    def __init__(self):
        self.seconds = collections.Counter()

    def watch(self, owner, attribute, name):
        """Times a method."""
        setattr(owner, attribute, self.timed(getattr(owner, attribute), name))

    def timed(self, function, name, compiles=False):
        """The function, with its seconds summed up."""
        calls = []

        def timed(*arguments, **keywords):
            start = time.perf_counter()
            result = function(*arguments, **keywords)
            tf.nest.map_structure(lambda value: value.numpy() if tf.is_tensor(value) else value, result)
            calls.append(name)
            self.seconds["compilation" if compiles and len(calls) == 1 else name] += time.perf_counter() - start
            return result

        return timed


def main():
    """Prints both splits."""
    with tempfile.TemporaryDirectory() as folder:
        settings = presets.for_kinds(presets.preset("quick", "oracle"), estimator="rollout")
        run = create_run(Path(folder) / "run", settings)
        training, clock = run.training(), Clock()
        compiled = dict(training.functions)
        for phase, function in compiled.items():
            training.functions[phase] = clock.timed(function, f"steps: {phase}", compiles=True)
        clock.watch(training, "_evaluate", "evaluations")
        clock.watch(training, "save", "checkpoints")
        start = time.perf_counter()
        for _ in training.run():
            pass
        whole = time.perf_counter() - start
        clock.seconds["the rest"] = whole - sum(clock.seconds.values())
        print("| by the clock | seconds | share |\n| --- | --- | --- |")
        for name, seconds in clock.seconds.most_common():
            print(f"| {name} | {seconds:.1f} | {seconds / whole:.1%} |")
        print("\n| operations, within two rounds | share |\n| --- | --- |")
        for name, share in operations(
            lambda: [compiled[ADVERSARIAL](real) for real in data(training, run.gan)]
        ).items():
            print(f"| {name} | {share:.1%} |")


def data(training, gan):
    """The data of two rounds."""
    size = gan.batch_size * gan.discriminator_steps
    return [tf.constant(training.corpus.train_token_ids[i * size : (i + 1) * size]) for i in range(2)]


def operations(function):
    """{kind: share of the processor's busy time} of the operations that a function runs."""
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            function()
        busy = collections.Counter()
        for path in glob.glob(f"{folder}/**/*.xplane.pb", recursive=True):
            busy.update(_by_operation(path))
    total, shares = sum(busy.values()), {}
    for kind, names in MATHEMATICS.items():
        shares[kind] = sum(busy.pop(name, 0) for name in names) / total
    for name, seconds in busy.most_common(8):
        shares[name] = seconds / total
    return shares | {"all others": 1 - sum(shares.values())}


def _by_operation(path):
    """Picoseconds of each type of operation, without what is nested in it."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace()
    space.ParseFromString(Path(path).read_bytes())
    found = collections.Counter()
    for plane in space.planes:
        for line in plane.lines:
            open_events = []  # (end, name), outermost first
            for event in sorted(line.events, key=lambda event: (event.offset_ps, -event.duration_ps)):
                name = plane.event_metadata[event.metadata_id].name
                while open_events and open_events[-1][0] <= event.offset_ps:
                    open_events.pop()
                if kind := _kind(name):
                    found[kind] += event.duration_ps
                    if outer := next((o for _, o in reversed(open_events) if _kind(o)), None):
                        found[_kind(outer)] -= event.duration_ps
                open_events.append((event.offset_ps + event.duration_ps, name))
    return found


def _kind(name):
    """The type of the operation of an event called "name:Type", without the prefix of a library; None of others."""
    _, colon, kind = name.rpartition(":")
    kind = kind.removeprefix("_MklNative").removeprefix("_Mkl").removeprefix("_")
    # What runs operations is an event too: "ExecutorState::Process", or the name of a compiled function.
    return kind if colon and "::" not in name and kind.isidentifier() and not kind.startswith("_") else None


if __name__ == "__main__":
    main()
