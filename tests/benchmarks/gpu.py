"""The costs of training on the first GPU beside those on the CPU of the same machine, as a Markdown table.

    python tests/benchmarks/gpu.py [arguments of pytest, such as -k sample]

Each column is a run of `bench_steps.py` in a process of its own. Without a GPU only the CPU is measured.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
PYTEST = ["-o", "python_files=bench_*.py", "-o", "python_functions=bench_*", "-m", "", "-q", "--benchmark-only"]


def medians(arguments, **environment):
    """(the device, {row: median in seconds}) of one run of the benchmarks."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.json"
        command = [sys.executable, "-m", "pytest", *PYTEST, f"--benchmark-json={path}", "bench_steps.py", *arguments]
        given = {**os.environ, "PYTHONPATH": str(HERE), **environment}
        subprocess.run(command, cwd=HERE, env=given, check=True, stdout=subprocess.DEVNULL)
        found = json.loads(path.read_text(encoding="utf-8"))["benchmarks"]
    return found[0]["extra_info"]["device"], {each["extra_info"]["row"]: each["stats"]["median"] for each in found}


def table(columns):
    """The rows of all columns, and how often the first takes as long as the others."""
    (_, first), *others = columns.items()
    ratios = [f"CPU / {name}" for name in list(columns)[1:]]
    lines = [f"| | {' | '.join([*columns, *ratios])} |", "| --- " * (1 + len(columns) + len(ratios)) + "|"]
    for row, seconds in first.items():
        cells = [f"{1e3 * column[row]:.1f} ms" for column in columns.values()]
        cells += [f"{seconds / column[row]:.1f}" for _, column in others]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    arguments = sys.argv[1:]
    _, cpu = medians(arguments, CUDA_VISIBLE_DEVICES="-1")
    columns = {"CPU": cpu}
    device, found = medians(arguments) if _has_gpu() else ("CPU", {})
    if device == "CPU":
        print("There is no GPU that TensorFlow can use: only the CPU was measured.\n")
    else:
        columns |= {device: found, f"{device}, XLA": medians(arguments, BENCH_XLA="1")[1]}
    print(table(columns))


def _has_gpu():
    """Whether TensorFlow finds one, in a process of its own: this one must not take its memory."""
    code = "import tensorflow as tf; print(len(tf.config.list_physical_devices('GPU')))"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return int(found.stdout.split()[-1]) > 0


if __name__ == "__main__":
    main()
