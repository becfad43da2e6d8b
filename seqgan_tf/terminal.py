"""What a run shows in a terminal: a progress bar a phase, a line an evaluation, a table at the end."""

import time

from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from seqgan_tf.report import last_of_each_phase, verdict

LABELS = {
    "nll_test": "NLL-test",
    "nll_oracle": "NLL-oracle",
    "held_out_real_accuracy": "D right on held-out real",
    "held_out_generated_accuracy": "on generated",
    "nll": "loss",
    "generator_loss": "G loss",
    "reward": "reward",
    "entropy": "G entropy",
    "discriminator_loss": "D loss",
    "gradient_norm": "gradient",
    "generator_gradient_norm": "G gradient",
    "discriminator_gradient_norm": "D gradient",
}
REFRESH_SECONDS = 0.25
console = Console(highlight=False, markup=False, soft_wrap=True)


def describe(figures):
    """ "name figure" of each figure that has a label, in the order of the labels."""
    return ", ".join(f"{label} {float(figures[name]):.3f}" for name, label in LABELS.items() if name in figures)


def watch(progress_of_run, is_stopped):
    """Runs a run to its end, or until it is told to stop, and shows it.

    Args:
        progress_of_run: generator of `training.Progress`; it is closed at the end.
        is_stopped: function without arguments, asked after every step.

    Returns:
        bool, whether the run reached its end.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
    )
    bars = {}
    shown_at = 0.0
    with Progress(*columns, console=console, disable=not console.is_terminal) as display:
        try:
            for progress in progress_of_run:
                phase, total = progress.phase, progress.total
                if phase not in bars:
                    bars[phase] = display.add_task(phase, total=total, completed=progress.step - 1, figures="")
                if progress.row:
                    console.print(f"{phase} {progress.row['step']}: {describe(progress.row)}")
                now = time.monotonic()
                if now - shown_at > REFRESH_SECONDS or progress.step == total:
                    shown_at = now
                    display.update(bars[phase], completed=progress.step, figures=describe(progress.logs))
                if is_stopped():
                    return False
        finally:
            progress_of_run.close()
    return True


def note(text):
    """A line about what is going on; left out where nobody looks."""
    if console.is_terminal:
        console.print(text)


def print_markdown(text):
    """Markdown, drawn on a terminal and as it is elsewhere."""
    console.print(Markdown(text) if console.is_terminal else text.rstrip())


def print_result(rows, samples=None):
    """The table of the phases, what moved in words, and samples where there are any."""
    ends = last_of_each_phase(rows)
    has_oracle = any("nll_oracle" in row for row in ends)
    table = Table("phase", title="nats per token", title_justify="left")
    for column in ["NLL-test", *(["NLL-oracle"] if has_oracle else []), "time"]:
        table.add_column(column, justify="right")
    before = 0.0
    for row in ends:
        figures = [f"{row[name]:.3f}" for name in ("nll_test", "nll_oracle") if name in row]
        table.add_row(row["phase"], *figures, f"{row['seconds'] - before:.0f} s")
        before = row["seconds"]
    console.print(table)
    for sample in samples or []:
        console.print(f"  {sample}", markup=False)
    if verdict(rows):
        console.print(verdict(rows))
