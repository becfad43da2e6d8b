"""The command line: a thin shell over the library, which imports TensorFlow only after the arguments are read."""

import contextlib
import dataclasses
import io
import os
import re
import signal
import sys
import tempfile
from pathlib import Path
from typing import Literal

import tyro

from seqgan_tf import config


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
class Evaluate:
    """Measure a trained run on held-out sequences."""

    directory: tyro.conf.Positional[Path]
    """Directory of the run."""
    data: Path | None = None
    """Text file to measure on. Default: the held-out part of the run's own data."""


COMMANDS = {"train": Train, "generate": Generate, "evaluate": Evaluate}


class Refused(Exception):
    """The input can not be worked with; the message is the one line that says why."""


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
        if isinstance(command, Train):
            return _train(command)
        return _generate(command) if isinstance(command, Generate) else _evaluate(command)
    except Refused as refusal:
        print(f"seqgan-tf: {refusal}", file=sys.stderr)
        return 2


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
    if name == "train" and command.resume:
        rounds = command.adversarial.rounds
        same = dataclasses.replace(default, output_dir=command.output_dir, resume=True, tensorboard=command.tensorboard)
        same = dataclasses.replace(same, adversarial=dataclasses.replace(same.adversarial, rounds=rounds))
        if command != same:
            raise Refused("--resume takes the settings of the run: only --adversarial.rounds can be given with it")
    return command


def _train_defaults(arguments):
    """What the flags of `train` stand over: the run to go on with, or the preset and the TOML file."""
    output_dir, toml = _peek(arguments, "--output-dir"), _peek(arguments, "--config")
    with _refusing():
        if "--resume" in arguments:
            if output_dir is None:
                raise Refused("--resume needs --output-dir, the directory of the run")
            settings = config.read_run(Path(output_dir) / "config.toml")
        else:
            preset = _peek(arguments, "--preset")
            table = config.read_toml(toml) if toml else {}
            table = {name: value for name, value in table.items() if name not in ("version", "data_sha256")}
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


@contextlib.contextmanager
def _refusing():
    """Around the reading of input, where an error means that the input is at fault."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise Refused(" ".join(str(error).split())) from error


def _import_tensorflow():
    """Imports TensorFlow without the lines that its start writes past Python to the terminal."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as noise:
        os.dup2(noise.fileno(), 2)
        try:
            import tensorflow as tf

            import seqgan_tf.run_directory  # noqa: F401

            tf.zeros([1])  # looks for devices, which writes too
        except BaseException:
            noise.seek(0)
            os.write(terminal, noise.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def _train(command):
    if command.tensorboard:
        _require("tensorboard", "--tensorboard")
    _import_tensorflow()
    from seqgan_tf import report, run_directory, terminal

    settings = config.RunSettings(**{f.name: getattr(command, f.name) for f in dataclasses.fields(config.RunSettings)})
    with _refusing():
        if command.resume:
            run = run_directory.open_run(command.output_dir, rounds=settings.adversarial.rounds)
            corpus = run.corpus()
            training = run.training(corpus, command.tensorboard)
            training.restore()
        else:
            if settings.data:
                settings = dataclasses.replace(settings, data=settings.data.resolve())
            directory = command.output_dir or _new_directory(settings, command.preset)
            run, corpus = run_directory.create_run(directory, settings)
            training = run.training(corpus, command.tensorboard)
    data = settings.data.name if settings.data else "the oracle"
    terminal.console.print(
        f"{len(corpus.train_token_ids)} sequences of {data}, {corpus.sequence_length} tokens, "
        f"vocabulary {corpus.vocabulary_size}; "
        f"run directory {run.directory}"
    )
    if getattr(corpus, "num_cut", 0):
        terminal.console.print(
            f"{corpus.num_cut} lines are longer than {corpus.sequence_length - 1} tokens and were cut"
        )

    stopped = []
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda number, _: (stopped.append(number), signal.signal(number, signal.SIG_DFL)))
    finished = terminal.watch(training.run(), lambda: bool(stopped))
    samples = None
    if run.tokenizer and finished:
        samples = run.decode(run.gan.generate(5, seed=1, suppress_tokens=run.suppressed_tokens))
    terminal.print_result(training.rows, samples)
    with contextlib.suppress(ImportError):
        report.plot_curves(training.rows, run.directory / "curves.png")
    if not finished:
        terminal.console.print(f"stopped; to go on: seqgan-tf train --resume --output-dir {run.directory}")
        return 130
    return 0


def _generate(command):
    _import_tensorflow()
    from seqgan_tf import run_directory

    with _refusing():
        run = run_directory.open_run(command.directory)
        if run.oracle and command.prompt:
            raise Refused("--prompt needs a run on text. Received: a run on an oracle")
        run.training().restore()
        unknown = [
            word for word in command.prompt.split() if run.tokenizer.unknown_token_id in run.tokenizer.encode([word])[0]
        ]
        if unknown:
            raise Refused(f"--prompt holds what the run has not learnt: {' '.join(unknown)}")
        prompt = run.tokenizer.encode([command.prompt])[0] if command.prompt else None
        token_ids = run.gan.generate(
            command.num_samples,
            command.seed,
            command.temperature,
            command.top_k,
            command.top_p,
            prompt,
            suppress_tokens=run.suppressed_tokens,
        )
    print("\n".join(run.decode(token_ids)))
    return 0


def _evaluate(command):
    _import_tensorflow()
    from seqgan_tf import run_directory, training
    from seqgan_tf.metrics.likelihood import negative_log_likelihood

    with _refusing():
        run = run_directory.open_run(command.directory)
        run.training().restore()
        if command.data and run.oracle:
            raise Refused("--data needs a run on text. Received: a run on an oracle")
        if command.data:
            from seqgan_tf.data.text import read_lines

            held_out, cut = run.tokenizer.encode_padded(read_lines(command.data), run.settings.corpus.sequence_length)
            where = f"{len(held_out)} lines of {command.data}, {cut} of them cut"
        else:
            corpus = run.corpus()
            held_out = getattr(corpus, "test_token_ids", corpus.validation_token_ids)
            where = f"{len(held_out)} held-out sequences"
    print(f"NLL-test {negative_log_likelihood(run.gan.generator, held_out):.4f} nats a token, on {where}")
    if run.oracle:
        generated = run.gan.generate(training.FULL_LOOK, seed=training.SAMPLE_SEED)
        figure = negative_log_likelihood(run.oracle, generated)
        print(f"NLL-oracle {figure:.4f} nats a token, on {len(generated)} samples")
    return 0


def _new_directory(settings, preset):
    stem = f"{settings.data.stem if settings.data else 'oracle'}-{preset}"
    numbers = (n for n in range(1, 1_000_000))
    return next(path for n in numbers if not (path := Path("runs") / f"{stem}-{n}").exists())


def _require(module, flag):
    import importlib.util

    if importlib.util.find_spec(module) is None:
        raise Refused(f"{flag} needs {module}: pip install 'seqgan-tf[plot]'")
