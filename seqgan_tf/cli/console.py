"""The output of a run on a terminal: a progress bar per phase, a line per evaluation, a table at the end."""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from seqgan_tf.core.objective_names import name_of_log
from seqgan_tf.metrics.metric import metric_of
from seqgan_tf.reports.conclusions import conclusion
from seqgan_tf.runs.health import warnings_of
from seqgan_tf.runs.rows import Row, last_of_each_phase

if TYPE_CHECKING:
    from seqgan_tf.runs import training

SHOWN = (
    "nll_test",
    "nll_oracle",
    "held_out_real_accuracy",
    "held_out_generated_accuracy",
    "held_out_gain",
    "held_out_mismatched_accuracy",
    "nll",
    "generator_loss",
    "reward",
    "entropy",
    "discriminator_loss",
    "gradient_norm",
    "generator_gradient_norm",
    "discriminator_gradient_norm",
)
"""Keys of the metrics in a line, in order."""
REFRESH_SECONDS = 0.25
console = Console(highlight=False, markup=False, soft_wrap=True)


def describe(values: Mapping[str, Any]) -> str:
    """One line with the label and the value of each metric of `SHOWN`, and of each objective, in `values`."""
    shown = [*SHOWN, *(key for key in values if name_of_log(key) is not None)]
    return ", ".join(f"{metric_of(key).label} {float(values[key]):.3f}" for key in shown if key in values)


def watch(
    progress_of_run: Generator["training.Progress", None, None],
    is_stopped: Callable[[], bool],
    rows: Sequence[Row] = (),
) -> bool:
    """Runs a run and shows its progress, until it ends or is stopped.

    Args:
        progress_of_run: iterator of `Training.run`. It is closed at the end.
        is_stopped: function that is called after every step and returns whether to stop.
        rows: the evaluations of the run, to which the run adds. New problems that they show are printed once.

    Returns:
        Whether the run reached its end.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[shown]}"),
    )
    bars: dict[str, Any] = {}
    said = set(warnings_of(rows))
    shown_at = 0.0
    with Progress(*columns, console=console, disable=not console.is_terminal) as display:
        try:
            for progress in progress_of_run:
                phase, total = progress.phase, progress.total
                if phase not in bars:
                    bars[phase] = display.add_task(phase, total=total, completed=progress.step - 1, shown="")
                if progress.row:
                    console.print(f"{phase} {progress.row['step']}: {describe(progress.row)}")
                    for kind, text in warnings_of(rows).items():
                        if kind not in said:
                            said.add(kind)
                            console.print(f"warning: {text}")
                now = time.monotonic()
                if now - shown_at > REFRESH_SECONDS or progress.step == total:
                    shown_at = now
                    display.update(bars[phase], completed=progress.step, shown=describe(progress.logs))
                if is_stopped():
                    return False
        finally:
            progress_of_run.close()
    return True


def note(text: str) -> None:
    """Prints a line about the progress of a command, on a terminal only."""
    if console.is_terminal:
        console.print(text)


def print_markdown(text: str) -> None:
    """Prints Markdown: rendered on a terminal, as plain text elsewhere."""
    console.print(Markdown(text) if console.is_terminal else text.rstrip())


def print_result(rows: Sequence[Row], samples: Sequence[str] | None = None) -> None:
    """Prints a table of the phases, the samples if there are any, and the conclusion."""
    ends = last_of_each_phase(rows)
    has_oracle = any("nll_oracle" in row for row in ends)
    table = Table("phase", title="nats per token", title_justify="left")
    for column in ["NLL-test", *(["NLL-oracle"] if has_oracle else []), "time"]:
        table.add_column(column, justify="right")
    before = 0.0
    for row in ends:
        shown = [f"{row[name]:.3f}" for name in ("nll_test", "nll_oracle") if name in row]
        table.add_row(row["phase"], *shown, f"{row['seconds'] - before:.0f} s")
        before = row["seconds"]
    console.print(table)
    for sample in samples or []:
        console.print("  " + sample.replace("\n", "\n  "), markup=False)
    if conclusion(rows):
        console.print(conclusion(rows))
