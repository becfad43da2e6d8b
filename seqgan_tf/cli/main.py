"""The command line: parses the arguments, and then imports TensorFlow and runs the command."""

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import tyro

from seqgan_tf import __version__
from seqgan_tf.cli import flags, train
from seqgan_tf.cli.compare import Compare
from seqgan_tf.cli.errors import ArgumentError, one_line
from seqgan_tf.cli.evaluate import Evaluate
from seqgan_tf.cli.export import Export
from seqgan_tf.cli.generate import Generate
from seqgan_tf.core.validation import InputError

COMMANDS: dict[str, Callable[..., Any]] = {
    "train": train.Train,
    "generate": Generate,
    "evaluate": Evaluate,
    "compare": Compare,
    "export": Export,
}
HELP = {"-h", "--help"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: Defaults to None: those of the process.

    Returns:
        The exit code: 0 done, 2 wrong input, 130 stopped by Ctrl-C with a checkpoint. Any error that is not one of the
        input is raised (exit code 1).
    """
    try:
        command = parse(sys.argv[1:] if arguments is None else arguments)
        _import_tensorflow()
        return command.run()
    except InputError as error:
        print(f"seqgan-tf: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # before a run has begun to listen for it
        print("seqgan-tf: stopped", file=sys.stderr)
        return 130


def parse(arguments: Sequence[str]) -> Any:
    """The command with its flags; exits for --help and --version.

    Raises:
        InputError: the arguments cannot be read, or a file of settings that they name.
    """
    name, rest = next(iter(arguments), None), list(arguments[1:])
    if name == "--version":
        print(f"seqgan-tf {__version__}")
        sys.exit(0)
    if name in HELP:
        return tyro.extras.subcommand_cli_from_dict(COMMANDS, prog="seqgan-tf", args=list(arguments))
    if name is None or name not in COMMANDS:
        received = "nothing" if name is None else repr(name)
        raise ArgumentError(f"expected a command: {', '.join(COMMANDS)}. Received: {received}")
    with one_line(rest, flags.names(COMMANDS[name])):
        if name != "train" or HELP & set(rest):
            return tyro.cli(COMMANDS[name], prog=f"seqgan-tf {name}", args=rest)
        default = train.defaults(rest)
        command = tyro.cli(train.Train, prog="seqgan-tf train", args=rest, default=default)
    train.check(command, default)
    return command


def _import_tensorflow() -> None:
    """Imports TensorFlow without the lines that its start writes to the terminal."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as noise:
        os.dup2(noise.fileno(), 2)
        try:
            import tensorflow as tf

            import seqgan_tf.runs.directory  # noqa: F401

            tf.get_logger().setLevel("ERROR")  # it warns of functions that are compiled for several models
            tf.zeros([1])  # looks for devices, which writes too
        except BaseException:
            noise.seek(0)
            os.write(terminal, noise.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
