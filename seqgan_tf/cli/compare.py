"""`seqgan-tf compare`: compares runs."""

import dataclasses
import math
from pathlib import Path
from typing import Annotated

import tyro

from seqgan_tf.cli.errors import ArgumentError
from seqgan_tf.cli.flags import ReportFlags, pick
from seqgan_tf.core.files import check_replaceable
from seqgan_tf.reports.settings import EvaluationSettings, SampleSettings


@dataclasses.dataclass(frozen=True)
class Compare(SampleSettings, ReportFlags):
    """Compare runs on the same data at equal NLL-test, averaged over seeds.

    Example:
    ```python
    from seqgan_tf.cli.main import main

    main(["compare", "runs/poems", "--samples", "20"])
    ```
    """

    directories: Annotated[
        tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RUN [RUN ...]", help_behavior_hint="(required)")
    ] = ()
    """Directories of the runs."""
    labels: Annotated[tuple[str, ...], tyro.conf.arg(help_behavior_hint="(default: the settings that differ)")] = ()
    """One name per run. Runs with the same name are averaged."""
    particles: int | None = None
    """Also compare the samples that the discriminator chooses, each of so many. None: these are left out."""
    nll_low: float = -math.inf
    """Compare where NLL-test is at least this, in nats per token."""
    nll_high: float = math.inf
    """Compare where NLL-test is at most this."""
    output_dir: Path | None = None
    """Directory of the report. None: comparison/ in the first run."""

    def run(self) -> int:
        from seqgan_tf.cli import console
        from seqgan_tf.reports import markdown, plots
        from seqgan_tf.reports.compare import compare_runs
        from seqgan_tf.runs.directory import open_run

        if not self.directories:
            raise ArgumentError("missing DIRECTORIES (Directories of the runs)")
        settings = EvaluationSettings(**dataclasses.asdict(pick(SampleSettings, self)))
        published = plots.read_published(self.published) if self.published else None
        directory = self.output_dir or self.directories[0] / "comparison"
        check_replaceable(directory, markdown.REPORT)
        runs = [open_run(path) for path in self.directories]
        report = (lambda text: None) if self.json else console.note
        comparison = compare_runs(
            runs,
            settings,
            data=self.data,
            labels=self.labels,
            report=report,
            target=self.target,
            images=self.images,
            particles=self.particles,
            nll_range=(self.nll_low, self.nll_high),
        )
        text = markdown.write_comparison(directory, comparison, published)
        self.print_report(directory, text)
        return 0
