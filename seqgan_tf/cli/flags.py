"""Flags that several commands share. Nothing here imports TensorFlow."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import tyro


@dataclasses.dataclass(frozen=True)
class RunFlags:
    """A command on one run."""

    directory: tyro.conf.Positional[Path]
    """Directory of the run."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReportFlags:
    """A command that writes a report."""

    data: Path | None = None
    """Text file to measure on. Default: the held-out part of the run's own data."""
    published: Path | None = None
    """CSV file of published curves (model, nll_test, nll_oracle), which are drawn beside the sweep."""
    json: bool = False
    """Print the report as JSON, and nothing else."""

    def print_report(self, directory: Path, text: str) -> None:
        """Prints a report that was written to a directory."""
        from seqgan_tf.cli import console

        if self.json:
            report = json.loads((directory / "report.json").read_text(encoding="utf-8"))
            print(json.dumps(report, ensure_ascii=False))
        else:
            console.print_markdown(text)
            console.console.print(f"written to {directory}")


def pick(kind: Any, command: Any) -> Any:
    """The settings of a kind among the flags of a command."""
    return kind(**{field.name: getattr(command, field.name) for field in dataclasses.fields(kind)})


def names(kind: Any, prefix: str = "--") -> list[str]:
    """The flags of a dataclass of settings, as they are written on the command line."""
    found: list[str] = []
    for field in dataclasses.fields(kind):
        flag = prefix + field.name.replace("_", "-")
        default = field.default
        found += names(type(default), f"{flag}.") if dataclasses.is_dataclass(default) else [flag]
    return found
