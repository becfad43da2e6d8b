"""Damages each file of a run directory in each way, and uses the directory: it works, or one line says why not.

    python tests/reliability/directories.py --draws 500

Goes through every file of a run on an oracle and of a run on text, every damage (removed, cut, zeroed, replaced by
another file, by a deeply nested one, by a pickle, ...) and every use (generate, resume, evaluate, branch); then through
as many random cuts and flips of one bit. Prints one line of JSON.
"""

import argparse
import collections
import itertools
import json
import pathlib
import random
import sys
import tempfile
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    import damage
    import tiny_runs

    warnings.simplefilter("ignore")  # that an earlier checkpoint is read
    draw, counts, failures = random.Random(arguments.seed), collections.Counter(), []
    with tempfile.TemporaryDirectory() as folder:
        base = pathlib.Path(folder)
        runs = [tiny_runs.oracle_run(base).directory, tiny_runs.text_run(base).directory]
        every = [(run, path) for run in runs for path in damage.files(run)]
        cases = [(*place, how, use) for place, how, use in itertools.product(every, damage.DAMAGES, damage.USES)]
        cases += [
            (*draw.choice(every), draw.choice(["cut", "flipped"]), draw.choice(damage.USES))
            for _ in range(arguments.draws)
        ]
        for i, (run, path, how, use) in enumerate(cases):
            with tempfile.TemporaryDirectory() as place:
                told = damage.outcome(run, path, how, use, pathlib.Path(place), draw)
            counts[told if told in ("works", "refused") else "failures"] += 1
            if told not in ("works", "refused"):
                failures.append(f"{run.name}/{path.relative_to(run)}, {how}, {use}: {told}")
            if i % 100 == 0:
                print(f"{i} of {len(cases)}", file=sys.stderr, flush=True)
    print(json.dumps({"cases": len(cases), **counts, "first failures": failures[:10]}))
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
