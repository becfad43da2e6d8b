"""What the commands do, once their arguments are read. Each returns the exit code."""

import contextlib
import dataclasses
import importlib.util
import json
import signal
from pathlib import Path

from seqgan_tf import config, evaluation, evaluation_report, metrics, plots, run_directory, terminal
from seqgan_tf.comparison import compare_runs
from seqgan_tf.refusal import Refused, refusing


def train(command):
    """Trains a run, and its controls where they are asked for; 130 where it was stopped."""
    if command.tensorboard:
        _require("tensorboard", "--tensorboard")
    settings = _settings(config.RunSettings, command)
    if settings.data and not (command.resume or command.pretrained):
        settings = dataclasses.replace(settings, data=settings.data.resolve())
    directory = command.output_dir or _new_directory(settings, command.preset)
    with refusing():
        if command.resume:
            run = run_directory.open_run(directory, rounds=settings.adversarial.rounds)
            corpus = run.corpus()
        elif command.pretrained:
            run, corpus = run_directory.branch_run(directory, command.pretrained, settings)
        else:
            run, corpus = run_directory.create_run(directory, settings)
        training = run.training(corpus, command.tensorboard)
        if command.resume or command.pretrained:
            training.restore()
    is_stopped = _signals()
    if not _watch(run, corpus, training, is_stopped):
        return _stopped(run, " --controls" if command.controls else "")
    return _train_controls(run, command.tensorboard, is_stopped) if command.controls else 0


def _train_controls(run, tensorboard, is_stopped):
    """Trains each control from the run's own pre-training, and compares them."""
    directories = [run.directory]
    for name in config.CONTROLS:
        directory = run.directory / "controls" / name
        terminal.console.print(f"\ncontrol: {name}")
        with refusing():
            if (directory / run_directory.CONFIG).exists():
                control = run_directory.open_run(directory, rounds=run.settings.adversarial.rounds)
                corpus = control.corpus()
            else:
                settings = config.control(run.settings, name)
                control, corpus = run_directory.branch_run(directory, run.directory, settings)
            training = control.training(corpus, tensorboard)
            training.restore()
        if not _watch(control, corpus, training, is_stopped):
            return _stopped(run, " --controls")
        directories.append(directory)
    terminal.console.print(f"\nto see them side by side: seqgan-tf compare {' '.join(map(str, directories))}")
    return 0


def _stopped(run, flags):
    terminal.console.print(f"stopped; to go on: seqgan-tf train --resume --output-dir {run.directory}{flags}")
    return 130


def _signals():
    """From now on Ctrl-C asks the run to stop, and a second one stops at once; returns what tells whether it came."""
    stopped = []
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda number, _: (stopped.append(number), signal.signal(number, signal.SIG_DFL)))
    return lambda: bool(stopped)


def _watch(run, corpus, training, is_stopped):
    """Shows a run until its end, or until it is stopped; returns whether it reached its end."""
    data = run.settings.data.name if run.settings.data else "the oracle"
    terminal.console.print(
        f"{len(corpus.train_token_ids)} sequences of {data}, {corpus.sequence_length} tokens, "
        f"vocabulary {corpus.vocabulary_size}; "
        f"run directory {run.directory}"
    )
    if getattr(corpus, "num_cut", 0):
        terminal.console.print(
            f"{corpus.num_cut} lines are longer than {corpus.sequence_length - 1} tokens and were cut"
        )
    finished = terminal.watch(training.run(), is_stopped)
    samples = None
    if run.tokenizer and finished:
        samples = run.decode(run.gan.generate(5, seed=1, suppress_tokens=run.suppressed_tokens))
    terminal.print_result(training.rows, samples)
    with contextlib.suppress(ImportError):
        plots.plot_curves(training.rows, run.directory / "curves.png")
    return finished


def generate(command):
    """Prints samples."""
    with refusing():
        run = run_directory.open_run(command.directory)
        if run.oracle and command.prompt:
            raise Refused("--prompt needs a run on text. Received: a run on an oracle")
        run.training().restore()
        unknown = [
            word for word in command.prompt.split() if run.tokenizer.unknown_token_id in run.tokenizer.encode([word])[0]
        ]
        if unknown:
            raise Refused(f"--prompt holds what the run has not learnt: {' '.join(unknown)}")
        token_ids = run.gan.generate(
            command.num_samples,
            command.seed,
            temperature=command.temperature,
            top_k=command.top_k,
            top_p=command.top_p,
            prompt=run.tokenizer.encode([command.prompt])[0] if command.prompt else None,
            suppress_tokens=run.suppressed_tokens,
        )
    print("\n".join(run.decode(token_ids)))
    return 0


def export(command):
    """Writes a run as a model to be served, and prints where."""
    with refusing():
        run = run_directory.open_run(command.directory)
        run.training().restore()
        version = run.gan.export(
            command.target, run.tokenizer, command.version, command.format, command.warmup, command.jit
        )
    print(version)
    return 0


def evaluate(command):
    """Measures a run, prints what came out, and writes the report beside it."""
    settings = _settings(config.EvaluationSettings, command)
    with refusing():
        published = command.published and plots.read_published(command.published)
        run = run_directory.open_run(command.directory)
        data = evaluation.read_evaluation_data(run, settings, command.data)
        figures, sweeps = evaluation.evaluate_run(run, data, settings)
        comparisons = {}
        if len(sweeps) == 2:
            before, after = sweeps
            comparisons[after, before] = metrics.compare_at_equal_nll(sweeps[after], sweeps[before])
        directory = Path(command.directory) / "evaluation"
        text = evaluation_report.write_evaluation(directory, figures, sweeps, comparisons, published)
    return _print_report(directory, text, command.json)


def compare(command):
    """Puts runs side by side, prints what came out, and writes the report."""
    settings = _settings(config.EvaluationSettings, command)
    with refusing():
        published = command.published and plots.read_published(command.published)
        runs = [run_directory.open_run(directory) for directory in command.directories]
        report = (lambda text: None) if command.json else terminal.note
        comparison = compare_runs(runs, settings, command.data, command.labels, report)
        directory = command.output_dir or Path(command.directories[0]) / "comparison"
        text = evaluation_report.write_comparison(directory, comparison, published)
    return _print_report(directory, text, command.json)


def _settings(kind, command):
    """The settings of a kind that a command holds; what it does not hold keeps its default."""
    names = [field.name for field in dataclasses.fields(kind) if hasattr(command, field.name)]
    return kind(**{name: getattr(command, name) for name in names})


def _print_report(directory, text, as_json):
    if as_json:
        print(json.dumps(json.loads((directory / "report.json").read_text(encoding="utf-8")), ensure_ascii=False))
    else:
        terminal.print_markdown(text)
        terminal.console.print(f"written to {directory}")
    return 0


def _new_directory(settings, preset):
    stem = f"{settings.data.stem if settings.data else 'oracle'}-{preset}"
    numbers = (n for n in range(1, 1_000_000))
    return next(path for n in numbers if not (path := Path("runs") / f"{stem}-{n}").exists())


def _require(module, flag):
    if importlib.util.find_spec(module) is None:
        raise Refused(f"{flag} needs {module}: pip install 'seqgan-tf[plot]'")
