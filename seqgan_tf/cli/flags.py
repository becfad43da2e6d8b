"""Flags that several commands share. This module does not import TensorFlow."""

import dataclasses
import json
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from seqgan_tf.core.validation import InputError

if TYPE_CHECKING:
    from seqgan_tf.runs.directory import Run


@dataclasses.dataclass(frozen=True)
class RunFlags:
    """The argument of the commands that read one run.

    Example:
    ```python
    from pathlib import Path

    from seqgan_tf.cli.flags import RunFlags

    flags = RunFlags(directory=Path("runs/poems"))
    ```
    """

    directory: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """Directory of the run."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReportFlags:
    """The flags of the commands that write a report.

    Example:
    ```python
    from seqgan_tf.cli.flags import ReportFlags

    flags = ReportFlags(json=True)
    ```
    """

    data: Path | None = None
    """File, or folder of MIDI files, to measure on. None: the held-out part of the run's own data."""
    target: Path | None = None
    """Text file with the targets of the lines of --data."""
    images: Path | None = None
    """Captions: folder of the images that --data names. None: the folder that --data is in."""
    published: Path | None = None
    """CSV file of published curves to draw beside the sweep, with columns model, nll_test, nll_oracle."""
    json: bool = False
    """Print the report as JSON and nothing else."""

    def print_report(self, directory: Path, text: str) -> None:
        """Prints a report that was written to a directory: report.json with `--json`, else its text."""
        from seqgan_tf.cli import console

        if self.json:
            report = json.loads((directory / "report.json").read_text(encoding="utf-8"))
            print(json.dumps(report, ensure_ascii=False))
        else:
            console.print_markdown(text)
            console.console.print(f"written to {directory}")


def encode_conditions(run: "Run", given: Sequence[str], flags: str) -> Any:
    """The conditions that flags give, as a run reads them: a nest of arrays [n, ...]; None in a run without.

    Args:
        run: the run.
        given: n conditions as text, a turn per line; none where the flags are not there.
        flags: the names of the flags, for the message.

    Raises:
        InputError: the run has conditions and there are none, it has none and there are some, or one cannot be read.
    """
    if run.source.conditions is None:
        if given:
            raise InputError("--condition needs a run with conditions. Received: a run without")
        return None
    if not given:
        received = "neither" if " or " in flags else "none"
        raise InputError(f"{run.directory}: this run needs {flags}. Received: {received}")
    return run.source.conditions.encode(given)


def pick(kind: Any, command: Any) -> Any:
    """The settings of a dataclass `kind`, from the flags of a command."""
    return kind(**{field.name: getattr(command, field.name) for field in dataclasses.fields(kind)})


def names(kind: Any) -> list[str]:
    """The flags for the settings of a dataclass, as typed on the command line."""
    return list(_hints(kind))


def with_none(kind: Any, arguments: Sequence[str]) -> list[str]:
    """Arguments in which `none`, as TOML files have it, is what tyro reads as None, for flags that can be None."""
    optional = {flag for flag, hint in _hints(kind).items() if types.NoneType in typing.get_args(hint)}
    found = list(arguments)
    for i, argument in enumerate(found):
        flag, _, value = argument.partition("=")
        if flag.replace("_", "-") not in optional:
            continue
        if value == "none":
            found[i] = f"{flag}=None"
        elif not value and found[i + 1 : i + 2] == ["none"]:
            found[i + 1] = "None"
    return found


def _hints(kind: Any, prefix: str = "--") -> dict[str, Any]:
    """The type of each flag."""
    found: dict[str, Any] = {}
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        flag = prefix + field.name.replace("_", "-")
        default = field.default
        found |= _hints(type(default), f"{flag}.") if dataclasses.is_dataclass(default) else {flag: hints[field.name]}
    return found
