"""Trains 1,000 rounds of a tiny model and watches memory, open files and the time of a round.

    python tests/reliability/soak.py --rounds 1000

Prints one line of JSON: medians of each quantity over the second and over the last tenth of the rounds. All should be
level; the first tenth is left out, since it compiles.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))


def resident_bytes() -> int:
    """Memory of this process that is in use."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=1000)
    arguments = parser.parse_args()
    import tiny_runs

    from seqgan_tf.core.phases import ADVERSARIAL
    from seqgan_tf.runs.directory import create_run

    measured = []
    with tempfile.TemporaryDirectory() as folder:
        base = pathlib.Path(folder)
        settings = tiny_runs.oracle_settings(base)
        adversarial = dataclasses.replace(settings.adversarial, rounds=arguments.rounds, evaluate_every=50)
        run = create_run(base / "run", dataclasses.replace(settings, adversarial=adversarial))
        last = time.monotonic()
        for progress in run.training().run():
            now = time.monotonic()
            if progress.phase == ADVERSARIAL and progress.row is None:
                measured.append((resident_bytes(), len(os.listdir("/proc/self/fd")), now - last))
            last = now
    tenth = len(measured) // 10
    parts = {"second tenth": measured[tenth : 2 * tenth], "last tenth": measured[-tenth:]}
    report = {"rounds": arguments.rounds}
    for name, part in parts.items():
        memory, files, seconds = (statistics.median(values) for values in zip(*part, strict=True))
        report[name] = {"memory_mib": round(memory / 2**20, 1), "files": files, "round_ms": round(1000 * seconds, 2)}
    print(json.dumps(report))
    grown = report["last tenth"]["memory_mib"] - report["second tenth"]["memory_mib"]
    return int(grown > 50 or report["last tenth"]["files"] > report["second tenth"]["files"] + 2)


if __name__ == "__main__":
    sys.exit(main())
