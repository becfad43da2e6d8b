"""`seqgan-tf train`: trains a run and its ablations."""

import contextlib
import dataclasses
import re
import shlex
import signal
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from seqgan_tf.cli import worker
from seqgan_tf.cli.flags import pick
from seqgan_tf.core.validation import InputError, MissingExtraError, require
from seqgan_tf.data import records
from seqgan_tf.runs import checks, cluster, config, presets, toml

if TYPE_CHECKING:
    from seqgan_tf.runs.directory import Run
    from seqgan_tf.runs.training import Training

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@dataclasses.dataclass(frozen=True)
class BaseFlags:
    """The flags that select the settings which the other flags change.

    Example:
    ```python
    from seqgan_tf.cli.train import BaseFlags

    flags = BaseFlags(preset="paper")
    ```
    """

    output_dir: Path | None = None
    """Directory of the run. None: a new one under runs/."""
    preset: Literal["quick", "paper"] = "quick"
    """Default settings. quick takes minutes on two cores; paper is the authors' own schedule."""
    config: Path | None = None
    """TOML file of settings. It overrides the preset; flags override it."""
    resume: bool = False
    """Continue the run in --output-dir."""
    pretrained: Path | None = None
    """Run whose pre-training is reused. Only its [adversarial], [estimator] and [rollout] settings may change."""


@dataclasses.dataclass(frozen=True)
class Train(config.RunSettings, BaseFlags):
    """Train a generator on a text file, or on the built-in oracle.

    Example:
    ```python
    from seqgan_tf.cli.main import parse

    command = parse(["train", "--seed", "3", "--adversarial.rounds", "5"])
    print(command.adversarial.rounds)  # 5; command.run() trains
    ```
    """

    controls: bool = False
    """After the run, train the ablations constant, noise and likelihood from the same pre-training."""
    tensorboard: bool = False
    """Also write the metrics for TensorBoard."""
    trust_objective: bool = False
    """Import the objective that a run directory or a TOML file names. This runs its code."""
    run_eagerly: bool = False
    """Run the training steps without compiling them. This is slow; use it for debugging."""
    strategy: Literal["one", "mirrored", "multi-worker"] = "one"
    """Devices that train. one: one. mirrored: all GPUs of this machine. multi-worker: those of all machines that
    TF_CONFIG names; each runs this command. The result does not depend on it, up to rounding, so that a run may be
    resumed with another one."""

    def run(self) -> int:
        """Trains the run, and with --controls its ablations. Returns 0, or 130 if it was stopped."""
        if self.strategy != cluster.MULTI_WORKER:
            return self._run(self.output_dir)
        assert self.output_dir is not None
        with worker.one_of(cluster.read_cluster(), self.output_dir) as directory:
            return self._run(directory)

    def _run(self, directory: Path | None) -> int:
        """`run`, on a directory; None: a new one under runs/."""
        from seqgan_tf.core import workers
        from seqgan_tf.runs import directory as runs
        from seqgan_tf.runs.devices import strategy_of

        if self.tensorboard:
            require("tensorboard", "--tensorboard", "plot")
        settings = pick(config.RunSettings, self)
        files = {name: getattr(settings, name) for name in config.FILES}
        if not (self.resume or self.pretrained):
            absolute: dict[str, Any] = {name: path and path.absolute() for name, path in files.items()}
            settings = dataclasses.replace(settings, **absolute)
        directory = directory or _new_directory(settings, self.preset)
        strategy = strategy_of(self.strategy)
        paths: dict[str, Any] = dict.fromkeys((*config.FILES, "oracle_weights"))  # they may differ between machines
        equal = dataclasses.replace(settings, **paths)
        worker.check_equal(strategy, "flags and settings", f"{equal} {self.resume} {bool(self.pretrained)}")
        if self.resume:
            rounds = settings.adversarial.rounds
            run = runs.open_run(directory, rounds, self.run_eagerly, files, self.trust_objective, strategy)
            runs.update_settings(run)
        elif self.pretrained:
            run = runs.branch_run(directory, self.pretrained, settings, self.run_eagerly, strategy)
        else:
            run = runs.create_run(directory, settings, self.run_eagerly, strategy)
        worker.check_equal(strategy, "data", run.data_digest)
        is_stopped_here = _signals()

        def is_stopped() -> bool:
            return workers.on_any(strategy, is_stopped_here())

        if not self._train(run, is_stopped):
            return self._stopped(run)
        return self._train_controls(run, is_stopped) if self.controls else 0

    def _train(self, run: "Run", is_stopped: Callable[[], bool]) -> bool:
        """Trains a run from its last checkpoint, or from its beginning. Returns whether it reached its end."""
        from seqgan_tf.cli.console import console

        state = run.state()
        with state.locked():
            if state.has_checkpoint:
                state.restore()
            for note in state.notes:
                console.print(note)
            training = run.training(state, self.tensorboard)
            try:
                return _watch(run, training, is_stopped)
            except InputError as error:
                if error.__cause__ is not None and run.settings.reward.objective:
                    traceback.print_exception(error.__cause__)  # where the user's own function failed
                raise

    def _train_controls(self, run: "Run", is_stopped: Callable[[], bool]) -> int:
        """Trains each ablation from the pre-training of the run. Returns 0, or 130 if it was stopped."""
        from seqgan_tf.cli.console import console
        from seqgan_tf.runs import directory as runs
        from seqgan_tf.runs.devices import strategy_of

        directories = [run.directory]
        for name in presets.CONTROLS:
            directory = run.directory / "controls" / name
            console.print(f"\ncontrol: {name}")
            settings = presets.control(run.settings, name)
            if (directory / toml.CONFIG).exists():
                control = runs.open_run(
                    directory,
                    settings.adversarial.rounds,
                    self.run_eagerly,
                    trust_objective=run.is_trusted,
                    strategy=strategy_of(self.strategy),
                )
                if changes := config.difference(settings, control.settings):
                    raise InputError(
                        f"{directory}: expected the {name} ablation of {run.directory}. Received: a run with another "
                        f"{', '.join(changes)}"
                    )
                runs.update_settings(control)
            else:
                control = runs.branch_run(
                    directory, run.directory, settings, self.run_eagerly, strategy_of(self.strategy)
                )
            if not self._train(control, is_stopped):
                return self._stopped(run)
            directories.append(directory)
        console.print(f"\nto compare them: seqgan-tf compare {shlex.join(map(str, directories))}")
        return 0

    def _stopped(self, run: "Run") -> int:
        from seqgan_tf.cli.console import console

        flags = ["--resume", "--output-dir", str(run.directory), *(["--controls"] if self.controls else [])]
        if self.strategy != "one":
            flags += ["--strategy", self.strategy]
        console.print(f"stopped; to continue: seqgan-tf train {shlex.join(flags)}")
        return 130


def defaults(arguments: Sequence[str]) -> Train:
    """The settings that the flags of a command line change: those of a run, or of a preset and a TOML file.

    Raises:
        InputError: a file cannot be read, or the flags contradict each other.
    """
    base = _read_base(arguments)
    if base.resume:
        if base.output_dir is None:
            raise InputError("--resume needs --output-dir, the directory of the run")
        settings = toml.read_run_settings(base.output_dir / toml.CONFIG)
    elif base.pretrained:
        if any(argument.split("=")[0] == "--preset" for argument in arguments):
            raise InputError("--pretrained takes the settings of the run. Received: --preset too")
        settings = toml.read_run_settings(base.pretrained / toml.CONFIG)
        if base.config:
            settings = _override(settings, toml.without_header(toml.read_toml(base.config)), base)
    else:
        table = toml.without_header(toml.read_toml(base.config)) if base.config else {}
        kinds = {name: _kind(name, base, table) for name in ("generator", "discriminator", "estimator")}
        settings = presets.for_kinds(presets.preset(base.preset, _task(base, table)), **kinds)
        settings = _override(settings, table, base)
    return Train(**{field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)})


def check(command: Train, default: Train, arguments: Sequence[str]) -> None:
    """Checks that a resumed run keeps its settings, that no file names an objective which the user does not trust, and
    that the strategy fits TF_CONFIG.

    Args:
        command: the parsed command.
        default: the settings of the run, from `defaults`.
        arguments: what the command was parsed from.

    Raises:
        InputError: the flags change a setting other than the number of rounds and the path of the text, or one that the
            estimator or the task does not take; the objective comes from a file; TF_CONFIG is wrong or does not fit.
    """
    cluster.check_strategy(command.strategy)
    if command.strategy == cluster.MULTI_WORKER and command.output_dir is None:
        raise InputError(f"--strategy {cluster.MULTI_WORKER} needs --output-dir, which worker 0 writes. Received: none")
    if not command.resume:
        # A flag counts whatever its value, the default included.
        flags = (argument.split("=")[0] for argument in arguments if argument.startswith("--"))
        given = [*config.difference(default, command), *(flag[2:].replace("-", "_") for flag in flags)]
        checks.check_taken(command.estimator.kind, given)
        checks.check_of_task(_task(command, {}), given)
        objective = command.reward.objective
        if objective is not None and objective == default.reward.objective and not command.trust_objective:
            raise InputError(
                f"--trust-objective must be given to import {objective}, which a file names. Received: no such flag"
            )
        return
    free = ["output_dir", "resume", "tensorboard", "controls", "run_eagerly", "trust_objective", "strategy"]
    free += [name for name in config.FILES if getattr(default, name) is not None]
    allowed = dataclasses.replace(default, **{name: getattr(command, name) for name in free})
    for name, (value, given) in config.difference(allowed, command).items():
        if name != "adversarial.rounds":
            raise InputError(
                "--resume takes the settings of the run: only --adversarial.rounds can be given with it, and --data "
                f"where the same text has been moved. Received: --{name.replace('_', '-')} {given}, instead of {value}"
            )


@dataclasses.dataclass(frozen=True)
class _Kind:
    kind: str | None = None


@dataclasses.dataclass(frozen=True)
class _Base(BaseFlags):
    data: Path | None = None
    target: Path | None = None
    task: str | None = None
    generator: _Kind = _Kind()
    discriminator: _Kind = _Kind()
    estimator: _Kind = _Kind()


def _kind(name: str, base: _Base, table: dict[str, Any]) -> str | None:
    """The kind of a part of a new run, from the flags or from a TOML table; None: neither names it."""
    given = table.get(name)
    in_table = given.get("kind") if isinstance(given, dict) else None
    return getattr(base, name).kind or in_table


def _override(settings: config.RunSettings, table: dict[str, Any], base: _Base) -> config.RunSettings:
    """Settings, changed by a TOML table, which holds nothing that the task or, where it names none, the estimator does
    not take."""
    changed = toml.override(settings, table, base.config)
    where = f"{base.config}: "
    checks.check_of_task(settings.task or _task(base, table), config.difference(settings, changed), where)
    if _kind("estimator", _Base(), table) is None:
        kind = base.estimator.kind or settings.estimator.kind
        checks.check_taken(kind, config.difference(settings, changed), where)
    return changed


def _task(base: _Base | Train, table: dict[str, Any]) -> str:
    """The task of a new run, which its preset depends on: from the flags, or from a TOML table."""
    given: dict[str, Any] = {
        name: value for name in ("data", "target", "task") if (value := table.get(name, "none")) != "none"
    }
    given |= {name: value for name in ("data", "target", "task") if (value := getattr(base, name)) is not None}
    data, target, task = (given.get(name) for name in ("data", "target", "task"))
    if data is None or task == presets.ORACLE:
        return presets.ORACLE if task is None else task
    return records.task_of(data, target, task)


def _read_base(arguments: Sequence[str]) -> _Base:
    base, _ = tyro.cli(_Base, args=list(arguments), return_unknown_args=True, add_help=False)
    return base


def _new_directory(settings: config.RunSettings, preset: str) -> Path:
    name = settings.data.stem if settings.data else "oracle"
    # What TensorFlow or UTF-8 cannot have in a path, and the signs of a pattern of files.
    stem = re.sub(r"[\[\]*?\\\ud800-\udfff]", "_", name) + f"-{preset}"
    numbers = (n for n in range(1, 1_000_000))
    return next(path for n in numbers if not (path := Path("runs") / f"{stem}-{n}").exists())


def _signals() -> Callable[[], bool]:
    """From now on the first Ctrl-C asks the run to stop, and the second kills it.

    Returns:
        Function that tells whether Ctrl-C was pressed.
    """
    stopped: list[int] = []

    def stop(number: int, frame: object) -> None:
        stopped.append(number)
        signal.signal(number, signal.SIG_DFL)

    for name in SIGNALS:
        if signal.getsignal(name) is not signal.SIG_IGN:  # nohup ignores SIGHUP
            signal.signal(name, stop)
    return lambda: bool(stopped)


def _watch(run: "Run", training: "Training", is_stopped: Callable[[], bool]) -> bool:
    """Trains a run and prints its progress and result. Returns whether it reached its end."""
    from seqgan_tf.cli import console
    from seqgan_tf.core.conditions import first_rows
    from seqgan_tf.reports import plots
    from seqgan_tf.runs.training import sample_lines

    corpus, rows = run.corpus, training.state.rows
    console.console.print(
        f"{len(corpus.train_token_ids)} sequences of {run.source.name(run.settings)}, {corpus.sequence_length} tokens, "
        f"vocabulary {corpus.vocabulary_size}; run directory {run.directory}"
    )
    for note in [*corpus.notes, *run.notes]:
        console.console.print(note)
    finished = console.watch(training.run(), is_stopped, rows)
    samples = None
    if run.settings.data and finished:
        condition = first_rows(corpus.held_out_condition, 5)
        count = 5 if condition is None else None  # one for each condition
        drawn = run.gan.generate(count, seed=1, condition=condition, suppress_tokens=run.source.suppressed_tokens)
        samples = sample_lines(corpus, drawn)
    console.print_result(rows, samples)
    with contextlib.suppress(MissingExtraError):
        plots.plot_curves(rows, run.directory / "curves.png")
    return finished
