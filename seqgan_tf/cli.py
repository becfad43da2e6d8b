"""The command line: a thin shell over the library, which imports TensorFlow only after the arguments are read."""

import contextlib
import dataclasses
import io
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Literal

import tyro

from seqgan_tf import config
from seqgan_tf.refusal import Refused, refusing


@dataclasses.dataclass(frozen=True)
class Train(config.RunSettings):
    """Train a generator: on the built-in oracle, or on a text file with one sequence a line."""

    output_dir: Path | None = None
    """Directory of the run. Default: a new one under runs/."""
    preset: Literal["quick", "paper"] = "quick"
    """What the other settings are unless they are given: minutes on two cores, or the authors' own schedule."""
    config: Path | None = None
    """TOML file of settings, over those of the preset and under the flags."""
    resume: bool = False
    """Go on with the run in --output-dir."""
    pretrained: Path | None = None
    """Begin with what the run in this directory has pre-trained; only [adversarial] and [rollout] may be otherwise."""
    controls: bool = False
    """Afterwards train the controls from the same pre-training: constant reward, noise, maximum likelihood."""
    tensorboard: bool = False
    """Write the metrics for TensorBoard too."""


@dataclasses.dataclass(frozen=True)
class Generate:
    """Print samples of a trained run, one a line."""

    directory: tyro.conf.Positional[Path]
    """Directory of the run."""
    num_samples: int = 5
    seed: int = 1
    temperature: float = 1.0
    """Below 1 the likely tokens become likelier."""
    top_k: int | None = None
    """Draw from the k likeliest tokens."""
    top_p: float | None = None
    """Draw from the likeliest tokens that hold this much probability."""
    prompt: str = ""
    """Text that every sample begins with."""


@dataclasses.dataclass(frozen=True)
class Evaluate(config.EvaluationSettings):
    """Measure a trained run, and write a report into its directory: report.md, report.json and pictures."""

    directory: tyro.conf.Positional[Path] = tyro.MISSING
    """Directory of the run."""
    data: Path | None = None
    """Text file to measure on. Default: the held-out part of the run's own data."""
    published: Path | None = None
    """CSV file of published curves (model, nll_test, nll_oracle), to be drawn beside the sweep."""
    json: bool = False
    """Print the report as JSON, and nothing else."""


@dataclasses.dataclass(frozen=True)
class Compare:
    """Put runs on the same data side by side at equal NLL-test; those that differ in their seed alone are averaged."""

    directories: tyro.conf.Positional[tuple[Path, ...]]
    """Directories of the runs."""
    labels: tuple[str, ...] = ()
    """What each run is called; runs of one label are averaged. Default: what its settings have otherwise."""
    samples: int = 5_000
    """Samples at each temperature; and at most so many held-out sequences."""
    seed: int = 1
    """Of the samples."""
    data: Path | None = None
    """Text file to measure on. Default: the held-out part of each run's own data."""
    published: Path | None = None
    """CSV file of published curves (model, nll_test, nll_oracle), to be drawn beside those of the runs."""
    output_dir: Path | None = None
    """Where to write the report. Default: comparison/ in the first run."""
    json: bool = False
    """Print the report as JSON, and nothing else."""


@dataclasses.dataclass(frozen=True)
class Export:
    """Write a trained run as a new version of a model that TF Serving runs, or for ONNX or LiteRT runtimes."""

    directory: tyro.conf.Positional[Path]
    """Directory of the run."""
    target: tyro.conf.Positional[Path]
    """Directory of the served model; its name is the model's name."""
    version: int | None = None
    """Default: one more than the latest there."""
    format: Literal["saved_model", "onnx", "litert"] = "saved_model"
    warmup: bool = False
    """Write the requests with which TF Serving warms up."""
    jit: bool = False
    """Compile the signatures with XLA, for a server that has it."""


COMMANDS = {"train": Train, "generate": Generate, "evaluate": Evaluate, "compare": Compare, "export": Export}


def main(arguments=None):
    """Runs the command line.

    Args:
        arguments: list of str. Defaults to None: those of the process.

    Returns:
        int, the exit code: 0 done, 2 bad input, 130 stopped by Ctrl-C with a checkpoint.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        command = _parse(arguments)
        return getattr(_import_commands(), type(command).__name__.lower())(command)
    except Refused as refusal:
        print(f"seqgan-tf: {refusal}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # before a run has begun to listen for it
        print("seqgan-tf: stopped", file=sys.stderr)
        return 130


def _parse(arguments):
    name = next(iter(arguments), None)
    if name not in COMMANDS:
        with _tyro_errors():
            return tyro.extras.subcommand_cli_from_dict(COMMANDS, prog="seqgan-tf", args=arguments)
    rest = arguments[1:]
    default = None
    if name == "train" and not {"-h", "--help"} & set(rest):
        default = _train_defaults(rest)
    with _tyro_errors():
        command = tyro.cli(COMMANDS[name], prog=f"seqgan-tf {name}", args=rest, default=default)
    if name == "compare" and not command.directories:
        raise Refused("expected arguments: Directories of the runs (see --help)")
    if name == "train" and command.resume:
        rounds = command.adversarial.rounds
        given = {name: getattr(command, name) for name in ("output_dir", "resume", "tensorboard", "controls")}
        same = dataclasses.replace(default, **given)
        same = dataclasses.replace(same, adversarial=dataclasses.replace(same.adversarial, rounds=rounds))
        if command != same:
            raise Refused("--resume takes the settings of the run: only --adversarial.rounds can be given with it")
    return command


def _train_defaults(arguments):
    """What the flags of `train` stand over: the run to go on with, or the preset and the TOML file."""
    output_dir, toml = _peek(arguments, "--output-dir"), _peek(arguments, "--config")
    with refusing():
        if "--resume" in arguments:
            if output_dir is None:
                raise Refused("--resume needs --output-dir, the directory of the run")
            settings = config.read_run(Path(output_dir) / "config.toml")
        elif pretrained := _peek(arguments, "--pretrained"):
            if _peek(arguments, "--preset"):
                raise Refused("--pretrained takes the settings of the run. Received: --preset too")
            settings = config.read_run(Path(pretrained) / "config.toml")
            if toml:
                settings = config.override(settings, config.without_header(config.read_toml(toml)), toml)
        else:
            preset = _peek(arguments, "--preset")
            table = config.read_toml(toml) if toml else {}
            table = config.without_header(table)
            is_text = _peek(arguments, "--data") is not None or table.get("data", "none") != "none"
            settings = config.preset(preset if preset in config.PRESETS else "quick", is_text)
            settings = config.override(settings, table, toml)
    return Train(**{field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)})


def _peek(arguments, flag):
    """The value of a flag, before the whole line is parsed; None where it is absent or has none."""
    for i, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name.replace("_", "-") == flag:
            return value or next(iter(arguments[i + 1 :]), None)
    return None


@contextlib.contextmanager
def _tyro_errors():
    """Turns the box in which tyro complains into one line."""
    box = io.StringIO()
    try:
        with contextlib.redirect_stderr(box):
            yield
    except SystemExit as exit:
        if not exit.code:
            raise
        # In a box the message stands between its title, which is part of the frame, and a rule. Where the terminal has
        # no signs for boxes, it stands between two rules, and the title before them.
        message = re.split(r"^[ │]*(?:╭.*|╰.*|[─-]{5,})[ │]*$", box.getvalue(), flags=re.MULTILINE)[1]
        raise Refused(" ".join(message.replace("│", " ").split()) + " (see --help)") from None


def _import_commands():
    """Imports what imports TensorFlow, without the lines that its start writes past Python to the terminal."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as noise:
        os.dup2(noise.fileno(), 2)
        try:
            import tensorflow as tf

            from seqgan_tf import commands

            tf.get_logger().setLevel("ERROR")  # it warns of functions that are compiled for several models
            tf.zeros([1])  # looks for devices, which writes too
            return commands
        except BaseException:
            noise.seek(0)
            os.write(terminal, noise.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
