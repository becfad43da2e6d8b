"""The command line: parses the arguments, then imports TensorFlow and runs the command."""

import errno
import io
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import tyro

from seqgan_tf import __version__
from seqgan_tf.cli import flags, train, worker
from seqgan_tf.cli.compare import Compare
from seqgan_tf.cli.errors import ArgumentError, one_line
from seqgan_tf.cli.evaluate import Evaluate
from seqgan_tf.cli.explain import Explain
from seqgan_tf.cli.export import Export
from seqgan_tf.cli.generate import Generate
from seqgan_tf.cli.report import Report
from seqgan_tf.core.validation import InputError
from seqgan_tf.runs.cluster import MULTI_WORKER, LostWorkerError

COMMANDS: dict[str, Callable[..., Any]] = {
    "train": train.Train,
    "generate": Generate,
    "evaluate": Evaluate,
    "compare": Compare,
    "explain": Explain,
    "report": Report,
    "export": Export,
}
HELP = {"-h", "--help"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: arguments of the command line. Defaults to None: those of the process.

    Returns:
        The exit code: 0 done, 2 wrong input, 3 another worker is gone, 130 stopped by Ctrl-C with a checkpoint, 141
        nobody reads the output.
        Errors other than `InputError` are raised (exit code 1).
    """
    _prepare_streams()
    try:
        command = parse(sys.argv[1:] if arguments is None else arguments)
        _import_tensorflow(command)
        code = command.run()
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except InputError as error:
        return _end(str(error), 2)
    except LostWorkerError as error:
        return _end(str(error), 3)
    except KeyboardInterrupt:  # outside of training, which handles Ctrl-C itself
        return _end("stopped", 130)
    except BrokenPipeError:  # `seqgan-tf generate ... | head -1`: the reader has what it wanted
        _discard_stdout()
        return 141
    except OSError as error:
        if error.filename is not None or error.errno != errno.ENOSPC:
            raise
        _discard_stdout()
        return _end("stdout: expected a place to write to (No space left on device)", 2)


def _end(message: str, code: int) -> int:
    """Prints how a command ends, on stderr, in one line. Returns the exit code."""
    if sys.stderr is not None:
        print(f"seqgan-tf: {' '.join(message.split())}", file=sys.stderr)
    return code


def _discard_stdout() -> None:
    """What could not be written to stdout must not fail again when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _prepare_streams() -> None:
    """Text from data is never lost: UTF-8 in files and pipes, and replaced signs where a terminal cannot show them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed: the next file that is opened would get its number, and what is printed
            os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            if stream.isatty():
                stream.reconfigure(errors="replace")
            else:
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def parse(arguments: Sequence[str]) -> Any:
    """Parses the arguments into a command. --help and --version exit.

    Raises:
        InputError: the arguments, or a file of settings that they name, cannot be read.
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
        rest = flags.with_none(COMMANDS[name], rest)
        if name != "train":
            return tyro.cli(COMMANDS[name], prog=f"seqgan-tf {name}", args=rest)
        default = train.defaults([] if HELP & set(rest) else rest)  # the help shows what a command without flags takes
        command = tyro.cli(train.Train, prog="seqgan-tf train", args=rest, default=default)
    train.check(command, default, rest)
    return command


def _import_tensorflow(command: Any) -> None:
    """Imports TensorFlow and hides the lines that it writes to the terminal meanwhile. A worker joins the others."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as noise:
        os.dup2(noise.fileno(), 2)
        try:
            import tensorflow as tf

            import seqgan_tf.runs.directory  # noqa: F401

            tf.get_logger().setLevel("ERROR")  # it warns of functions that are compiled for several models
            if isinstance(command, train.Train) and command.strategy == MULTI_WORKER:
                worker.join()
            tf.zeros([1])  # TensorFlow looks for devices here, and writes about them
        except (InputError, LostWorkerError):
            raise
        except BaseException:
            noise.seek(0)
            os.write(terminal, noise.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
