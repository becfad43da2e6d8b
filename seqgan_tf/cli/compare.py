"""`seqgan-tf compare`: runs side by side."""

import dataclasses
from pathlib import Path

import tyro

from seqgan_tf.cli.errors import ArgumentError
from seqgan_tf.cli.flags import ReportFlags, pick
from seqgan_tf.reports.settings import EvaluationSettings, SampleSettings


@dataclasses.dataclass(frozen=True)
class Compare(SampleSettings, ReportFlags):
    """Compare runs on the same data at equal NLL-test. Runs that differ in their seed alone are averaged."""

    directories: tyro.conf.Positional[tuple[Path, ...]] = ()
    """Directories of the runs."""
    labels: tuple[str, ...] = ()
    """A name for each run; runs of one name are averaged. Default: the settings that differ."""
    output_dir: Path | None = None
    """Where to write the report. Default: comparison/ in the first run."""

    def run(self) -> int:
        from seqgan_tf.cli import console
        from seqgan_tf.reports import markdown, plots
        from seqgan_tf.reports.compare import compare_runs
        from seqgan_tf.runs.directory import open_run

        if not self.directories:
            raise ArgumentError("missing DIRECTORIES (Directories of the runs)")
        settings = EvaluationSettings(**dataclasses.asdict(pick(SampleSettings, self)))
        published = plots.read_published(self.published) if self.published else None
        runs = [open_run(directory) for directory in self.directories]
        tell = (lambda text: None) if self.json else console.note
        comparison = compare_runs(runs, settings, self.data, self.labels, tell)
        directory = self.output_dir or runs[0].directory / "comparison"
        text = markdown.write_comparison(directory, comparison, published)
        self.print_report(directory, text)
        return 0
