"""What a reward estimate takes, in time and memory, as one size after another grows: python tests/benchmarks/sizes.py

Each size has a process of its own, since the peak of a process never falls. What is not named is the paper's, with
N = 4; with S, the length of a source, it is that of `conditional_setting`. Prints a Markdown table; with the name of a
JSON file it adds the results to it, as "sizes".
"""

import argparse
import json
import resource
import subprocess
import sys
import time

PAPER = {"T": 20, "V": 5_000, "N": 4, "B": 64, "hidden": 32, "chunk": 64}
CONDITIONAL = {"N": 4}
SIZES = [
    {},
    {"T": 40},
    {"T": 80},
    {"V": 500},
    {"V": 50_000},
    {"N": 16},
    {"N": 64},
    {"B": 512},
    {"hidden": 512},
    {"chunk": 16},
    {"chunk": 32},
    {"chunk": 128},
    {"chunk": 256},
    {"T": 80, "V": 50_000, "N": 64, "B": 4},
    {"S": 20},
    {"S": 200},
]


def measure_conditional(S, N):
    """What `measure` returns, for an estimate with sources of S tokens and attention over them."""
    import conditional_setting as conditional

    gan = conditional.make(num_rollouts=N)
    condition, token_ids = conditional.draw(gan, S)
    return _measured(conditional.estimate(gan, condition, token_ids), 0)


def measure(T, V, N, B, hidden, chunk):
    """{"seconds" (the second call), "peak_gib" (of the process)} of one estimate, in this process."""
    import paper_setting as paper
    import tensorflow as tf

    gan = paper.make(B, V, T, hidden, N, chunk_size=chunk)
    token_ids = paper.draw(gan, B)
    estimate = tf.function(
        lambda seed: gan.reward_estimator.estimate(token_ids, gan.generator, gan.discriminator, seed)
    )
    return _measured(estimate, paper.estimate_flop(gan, B))


def _measured(estimate, flop):
    import tensorflow as tf

    base = _peak()
    for i in range(2):
        start = time.perf_counter()
        estimate(tf.constant([i, 0])).numpy()
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak_gib": _peak(), "before_gib": base, "flop": flop}


def _peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main(path):
    """A process a size, and a row each."""
    rows = []
    print("| | estimate | GFLOP/s | peak memory of the process | before the estimate |")
    print("| --- | --- | --- | --- | --- |")
    for size in SIZES:
        setting = size | CONDITIONAL if "S" in size else PAPER | size
        command = [sys.executable, __file__, "--one", json.dumps(setting)]
        output = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ).stdout
        found = json.loads(output.splitlines()[-1])
        rows.append(setting | found)
        name = ", ".join(f"{key} = {value:,}" for key, value in (size or {"N": 4}).items())
        rate = f"{found['flop'] / found['seconds'] / 1e9:.0f}" if found["flop"] else "-"
        print(
            f"| {name} | {found['seconds']:.2f} s | {rate} | {found['peak_gib']:.1f} GiB "
            f"| {found['before_gib']:.1f} GiB |",
            flush=True,
        )
    if path:
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(report | {"sizes": rows}, file, indent=4)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("path", nargs="?")
    parser.add_argument("--one")
    arguments = parser.parse_args()
    if arguments.one:
        setting = json.loads(arguments.one)
        print(json.dumps(measure_conditional(**setting) if "S" in setting else measure(**setting)))
    else:
        main(arguments.path)
