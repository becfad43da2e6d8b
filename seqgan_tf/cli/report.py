"""`seqgan-tf report`: a run as one page of HTML."""

import dataclasses
import warnings
from pathlib import Path

from seqgan_tf.cli.flags import RunFlags
from seqgan_tf.core.files import check_writable, write_text
from seqgan_tf.core.validation import require


@dataclasses.dataclass(frozen=True)
class Report(RunFlags):
    """Write a page about a run: curves, samples and the credit of their tokens, discriminator, settings, environment.

    Example:
    ```python
    from seqgan_tf.cli.main import main

    main(["report", "runs/poems", "--samples", "20", "--rollouts", "2", "--explained", "1"])
    ```
    """

    output: Path | None = None
    """File to write. None: report.html in the run."""
    samples: int = 500
    """Number of samples, and maximum number of held-out sequences, that the discriminator is measured on."""
    explained: int = 3
    """Number of samples whose tokens are explained."""
    rollouts: int = 16
    """Completions of each beginning of these samples."""
    seed: int = 1
    """Random seed of the samples and of the roll-outs."""

    def run(self) -> int:
        from seqgan_tf.cli import console
        from seqgan_tf.reports.run_page import ReportSettings, run_page
        from seqgan_tf.runs.directory import open_run

        require("matplotlib", "a report", "plot")
        run = open_run(self.directory)
        path = self.output or run.directory / "report.html"
        check_writable(path)
        state = run.restore()
        for note in state.notes:
            warnings.warn(note, stacklevel=2)
        write_text(path, run_page(run, state, ReportSettings(self.samples, self.explained, self.rollouts, self.seed)))
        console.console.print(f"written to {path}")
        return 0
