"""The ways to generate, on text and at the paper's size.

1. `python tests/benchmarks/decoders.py`: processor time of 64 sequences in the setting of the paper, as a multiple of
   that of sampling. All ways take turns in one process; medians.
2. `python tests/benchmarks/decoders.py RUN`: the metrics of docs/evaluation.md of the samples that each way draws in a
   run on text, beside those of as many real training sequences. The references of all rows are the same held-out
   sequences.

Each table is Markdown.
"""

import argparse
import statistics
import time
from pathlib import Path

import paper_setting

import seqgan_tf as sg
from seqgan_tf.metrics.held_out import discriminator_logits
from seqgan_tf.reports.data import read_evaluation_data
from seqgan_tf.reports.settings import EvaluationSettings

COSTS = {
    "sample": {},
    "4 beams": {"num_beams": 4},
    "resample, 32 particles": {"strategy": "resample"},
    "mcts, 64 simulations": {"strategy": "mcts"},
}
WAYS = {
    "sample": {},
    "sample, temperature 0.7": {"temperature": 0.7},
    "resample, 4 particles": {"strategy": "resample", "particles": 4},
    "resample, 32 particles": {"strategy": "resample", "particles": 32},
    "mcts, 16 simulations": {"strategy": "mcts", "simulations": 16, "num_actions": 4},
}
COLUMNS = {
    "bleu_2": "BLEU-2",
    "bleu_4": "BLEU-4",
    "self_bleu_2": "Self-BLEU-2",
    "self_bleu_4": "Self-BLEU-4",
    "ms_jaccard_2": "MS-Jaccard-2",
    "ms_jaccard_4": "MS-Jaccard-4",
    "distinct_1": "distinct-1",
    "distinct_2": "distinct-2",
    "share_copied": "share copied",
}


def costs(repetitions):
    """Prints the table of the costs."""
    gan = paper_setting.make()
    times = {name: [] for name in COSTS}
    for seed in range(1 + repetitions):
        for name, settings in COSTS.items():
            start = time.process_time()
            gan.generate(paper_setting.B, seed=seed, **settings)
            if seed:  # the first call compiles
                times[name].append(time.process_time() - start)
    medians = {name: statistics.median(found) for name, found in times.items()}
    print("| way | processor time | multiple of sampling |\n| --- | --- | --- |")
    for name, seconds in medians.items():
        print(f"| {name} | {1000 * seconds:,.0f} ms | {seconds / medians['sample']:,.1f} |")


def text(directory, samples, seed):
    """Prints the table of the metrics of a run."""
    run = sg.load_run(directory)
    data = read_evaluation_data(run, EvaluationSettings(samples, seed))
    held_out, training = data.held_out, data.training
    print(f"{len(held_out)} sequences per row, as many held-out ones as references\n")
    columns = ("", *COLUMNS.values(), "mean log-odds", "processor time per sample")
    print(f"| {' | '.join(columns)} |\n{'| --- ' * len(columns)}|")

    def row(name, sequences, copies, milliseconds=""):
        found = sg.metrics.sample_metrics(sequences, held_out)
        found["share_copied"] = sg.metrics.share_copied(copies, training).share
        worth = float(discriminator_logits(run.gan.discriminator, sequences).mean())
        numbers = " | ".join(f"{found[key]:.3f}" for key in COLUMNS)
        print(f"| {name} | {numbers} | {worth:+.2f} | {milliseconds} |", flush=True)

    row("real training sequences", training[: len(held_out)], held_out)
    for name, settings in WAYS.items():
        run.gan.generate(1, seed=seed, **settings)  # compiles
        start = time.process_time()
        found = run.gan.generate(len(held_out), seed=seed, **settings)
        row(name, found, found, f"{1000 * (time.process_time() - start) / len(held_out):.1f} ms")


def main():
    """Prints one of the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "run", type=Path, nargs="?", help="directory of a run on text; without it the costs are printed"
    )
    parser.add_argument("--samples", type=int, default=1_000, help="sequences per row")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repetitions", type=int, default=5, help="of each way whose cost is measured")
    arguments = parser.parse_args()
    if arguments.run is None:
        costs(arguments.repetitions)
    else:
        text(arguments.run, arguments.samples, arguments.seed)


if __name__ == "__main__":
    main()
