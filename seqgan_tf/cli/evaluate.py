"""`seqgan-tf evaluate`: the metrics of a trained run."""

import dataclasses

from seqgan_tf.cli.errors import ArgumentError
from seqgan_tf.cli.flags import ReportFlags, RunFlags, pick
from seqgan_tf.core.files import check_replaceable
from seqgan_tf.reports.settings import EvaluationSettings


@dataclasses.dataclass(frozen=True)
class Evaluate(EvaluationSettings, ReportFlags, RunFlags):
    """Measure a trained run and write a report to evaluation/ in its directory.

    Example:
    ```python
    from seqgan_tf.cli.main import main

    main(["evaluate", "runs/poems", "--samples", "20"])
    ```
    """

    def run(self) -> int:
        from seqgan_tf import metrics
        from seqgan_tf.reports import captions_page, evaluate, markdown, plots
        from seqgan_tf.reports.data import read_evaluation_data
        from seqgan_tf.reports.quality import quality_metric
        from seqgan_tf.runs.directory import open_run

        settings = pick(EvaluationSettings, self)
        for name in ("quality", "sweep_seeds", "published"):
            if not self.sweep and (given := getattr(self, name)) != getattr(type(self), name):
                raise ArgumentError(f"--{name.replace('_', '-')} needs --sweep. Received: {given} without it")
        published = plots.read_published(self.published) if self.published else None
        run = open_run(self.directory)
        directory = run.directory / "evaluation"
        check_replaceable(directory, markdown.REPORT)
        quality = quality_metric(run, settings.quality)
        data = read_evaluation_data(run, settings, self.data, self.target, self.images)
        report, sweeps = evaluate.evaluate_run(run, data, settings)
        comparisons = {}
        if len(sweeps) == 2:
            before, after = sweeps
            comparisons[after, before] = metrics.compare_at_equal_nll(sweeps[after], sweeps[before])
        pages = captions_page.pages_of_run(run, data, report)
        text = markdown.write_evaluation(
            directory, report, sweeps, comparisons, published, quality=quality, pages=pages
        )
        self.print_report(directory, text)
        return 0
