"""Runs the phases of a SeqGAN one after the other. A run can be stopped at any step and resumed exactly there."""

import dataclasses
import math
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from seqgan_tf.core import protocols, workers
from seqgan_tf.core.averages import AveragedWeights
from seqgan_tf.core.conditions import first_rows
from seqgan_tf.core.elements import join_condition
from seqgan_tf.core.files import make_directory, write_text
from seqgan_tf.core.phases import ADVERSARIAL, PHASES, PRETRAIN_DISCRIMINATOR, PRETRAIN_GENERATOR
from seqgan_tf.core.protocols import Corpus
from seqgan_tf.core.seeds import shuffle_seed
from seqgan_tf.data import pipeline
from seqgan_tf.data.records import printed
from seqgan_tf.metrics.held_out import held_out_metrics
from seqgan_tf.metrics.likelihood import negative_log_likelihood
from seqgan_tf.rewards.user_functions import errors_of_objectives
from seqgan_tf.runs import rows as rows_file
from seqgan_tf.runs.checkpoints import DivergedError, RunState
from seqgan_tf.runs.config import AdversarialSettings, PretrainSettings
from seqgan_tf.runs.schedule import set_learning_rate

INITIAL = "initial"
LEARNING_RATES = {
    PRETRAIN_GENERATOR: "--pretrain.learning-rate",
    PRETRAIN_DISCRIMINATOR: "--pretrain.discriminator-learning-rate",
    ADVERSARIAL: "--adversarial.learning-rate or --pretrain.discriminator-learning-rate",
}
WITHIN_PHASE, AT_END = 1_000, 5_000  # numbers of sequences in an evaluation within a phase and at its end
CHECKPOINT_SECONDS = 60
SAMPLES, SAMPLE_SEED = 10, 1


@dataclasses.dataclass(frozen=True)
class Progress:
    """The report of a run after one step, or after several steps of the discriminator that draw at once.

    Attributes:
        phase: name of the phase.
        step: number of steps done in the phase.
        total: number of steps planned in the phase.
        logs: logs of this step, {name: scalar}; means, where several steps draw at once.
        row: the evaluation made after this step, as in metrics.csv. Defaults to None: there was none.

    Example:
    ```python
    from seqgan_tf.runs.training import Progress

    progress = Progress("adversarial", step=3, total=15, logs={"reward": 0.4})
    print(f"{progress.phase} {progress.step}/{progress.total}: {progress.logs}")
    ```
    """

    phase: str
    step: int
    total: int
    logs: dict[str, Any]
    row: rows_file.Row | None = None


class Training:
    """Trains the `SeqGAN` of a run and writes metrics.csv, samples/ and checkpoints/ into its directory.

    Args:
        state: the state to start from. Its model is trained.
        corpus: the data.
        pretrain: settings of the pre-training.
        adversarial: settings of the adversarial phase.
        oracle: the generator that generated the data, to measure NLL-oracle. Defaults to None: unknown.
        tensorboard: whether to write the metrics for TensorBoard too. Defaults to False.

    Example:
    ```python
    from seqgan_tf.runs.directory import open_run

    run = open_run("runs/poems", rounds=5)
    training = run.training(run.restore())  # continues from the last checkpoint
    for progress in training.run():
        print(progress.phase, progress.step, progress.logs)
    ```
    """

    def __init__(
        self,
        state: RunState,
        corpus: Corpus,
        pretrain: PretrainSettings,
        adversarial: AdversarialSettings,
        oracle: protocols.Generator | None = None,
        tensorboard: bool = False,
    ):
        self.state, self.gan, self.corpus, self.oracle = state, state.gan, corpus, oracle
        self.pretrain, self.adversarial = pretrain, adversarial
        self.directory = Path(state.directory)
        self.summary = tf.summary.create_file_writer(str(self.directory / "tensorboard")) if tensorboard else None
        done = int(state.steps[PRETRAIN_DISCRIMINATOR])
        at_once = self.gan.discriminator_phase(math.gcd(pretrain.discriminator_steps, done))
        self.phases = self.gan.phases | {PRETRAIN_DISCRIMINATOR: at_once}
        compiling = {"jit_compile": self.gan.jit_compile, "run_eagerly": self.gan.run_eagerly}
        self.functions = {name: phase.compiled(**compiling) for name, phase in self.phases.items()}
        self._clock = time.monotonic()

    def run(self) -> Generator[Progress, None, None]:
        """Runs the remaining steps. A checkpoint is written at the end, or when the iterator is closed."""
        self._clock = self.state.saved_at = time.monotonic()
        is_whole = True
        try:
            if not self.state.rows:
                if self.pretrain.token_frequencies:
                    self.gan.generator.start_from_frequencies(self.corpus.train_token_ids)
                    self.gan.synchronize_copies()
                self.save()  # so that a run that is killed before its next checkpoint can be resumed
                yield Progress(INITIAL, 1, 1, {}, self._evaluate(INITIAL, 0, {}, AT_END))
            yield from self._pretrain_generator()
            yield from self._pretrain_discriminator()
            yield from self._adversarial()
        except Exception:
            is_whole = False  # a step or an evaluation was not finished: the last checkpoint stays
            raise
        finally:
            if is_whole:
                self.save()

    def save(self) -> None:
        """Writes a checkpoint.

        Raises:
            DivergedError: a weight is not finite; nothing is written.
            InputError: the directory cannot be written to.
        """
        self._tick()
        try:
            self.state.save()
        except DivergedError as error:
            raise DivergedError(f"{error}. Lower {self._learning_rates()}; the last checkpoint is finite") from error

    def _pretrain_generator(self) -> Iterator[Progress]:
        per_epoch = math.ceil(len(self.corpus.train_token_ids) / self.gan.batch_size)
        total, best = per_epoch * self.pretrain.epochs, self.state.best
        averaged = AveragedWeights(self.gan.generator, self.gan.pretrain_optimizer)
        for step, logs in self._steps(PRETRAIN_GENERATOR, total):
            row = None
            if step % per_epoch == 0:
                epoch = step // per_epoch
                averaged.use()
                is_over = best.patience is not None and best.update(epoch, self._validation_nll())
                last = is_over or step == total
                if last:
                    best.restore()
                    self.gan.synchronize_copies()
                    self.state.steps[PRETRAIN_GENERATOR].assign(total)
                row = self._evaluate(PRETRAIN_GENERATOR, epoch, logs, AT_END if last else WITHIN_PHASE)
                if not last:
                    averaged.leave()
            yield Progress(PRETRAIN_GENERATOR, int(self.state.steps[PRETRAIN_GENERATOR]), total, logs, row)

    def _pretrain_discriminator(self) -> Iterator[Progress]:
        total = self.pretrain.discriminator_steps
        if self.pretrain.copy_embedding and not self.state.has_trained_discriminator:
            discriminator = self.gan.discriminator
            uniform = discriminator.embedding_range / math.sqrt(3)  # the standard deviation of U(-r, r)
            discriminator.copy_embedding(self.gan.generator, uniform)
        for step, logs in self._steps(PRETRAIN_DISCRIMINATOR, total):
            row = self._evaluate(PRETRAIN_DISCRIMINATOR, step, logs, AT_END) if step == total else None
            yield Progress(PRETRAIN_DISCRIMINATOR, step, total, logs, row)

    def _adversarial(self) -> Iterator[Progress]:
        total, best = self.adversarial.rounds, self.state.best_round
        if not int(self.state.steps[ADVERSARIAL]):
            if self.state.pretrained is None:
                self._tick()
                self.state.save_pretrained()
            if best:
                best.update(1, self._validation_nll())
        for step, logs in self._steps(ADVERSARIAL, total):
            row = None
            if step % self.adversarial.evaluate_every == 0 or step == total:
                is_over = best is not None and best.update(step + 1, self._validation_nll())
                last = is_over or step == total
                if last and best:
                    best.restore()
                    self.state.steps[ADVERSARIAL].assign(total)
                row = self._evaluate(ADVERSARIAL, step, logs, AT_END if last else WITHIN_PHASE)
            yield Progress(ADVERSARIAL, int(self.state.steps[ADVERSARIAL]), total, logs, row)

    def _steps(self, name: str, total: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """Runs a phase's remaining steps on the training data; yields (steps done, logs) after each."""
        done = self.state.steps[name]
        if done >= total:
            return
        phase, seed = self.phases[name], shuffle_seed(self.gan.seed, PHASES.index(name), len(PHASES))
        data = join_condition(self.corpus.train_condition, self.corpus.train_token_ids)
        if name == PRETRAIN_GENERATOR and self.pretrain.by_length:
            stream = pipeline.batches_by_length(data, self.gan.batch_size, seed).repeat()
        else:
            stream = pipeline.rounds(pipeline.batches(data, self.gan.batch_size, seed), phase.sequences)
        for real in stream.skip(int(done) // phase.steps):
            step = int(done) if name == PRETRAIN_GENERATOR else None
            set_learning_rate(self.gan.pretrain_optimizer, self.pretrain, step, total)
            with errors_of_objectives():
                logs = self.functions[name](real)
            done.assign_add(phase.steps)
            self._check_finite(name, logs)
            yield int(done), logs
            if time.monotonic() - self.state.saved_at > CHECKPOINT_SECONDS:
                self.save()
            if done >= total:
                return

    def _check_finite(self, phase: str, logs: dict[str, Any]) -> None:
        """Raises `DivergedError` if a loss or a gradient norm is not finite."""
        values = {name: float(value) for name, value in logs.items()}
        wrong = ", ".join(f"{name} {value}" for name, value in values.items() if not math.isfinite(value))
        if wrong:
            norms = ", ".join(f"{name} {value:.3g}" for name, value in values.items() if "norm" in name)
            raise DivergedError(
                f"{self.directory}: expected finite losses. Received: {wrong} in step {int(self.state.steps[phase])} "
                f"of the phase {phase!r} ({norms}). Lower {self._learning_rates()}; the last checkpoint is finite"
            )

    def _learning_rates(self) -> str:
        """The flags of the learning rates of the phase that has begun last."""
        begun = [phase for phase in PHASES if int(self.state.steps[phase])]
        return LEARNING_RATES[begun[-1] if begun else PRETRAIN_GENERATOR]

    def _evaluate(self, phase: str, step: int, logs: dict[str, Any], num_sequences: int) -> rows_file.Row:
        """Computes the held-out metrics, and writes a row and samples."""
        gan = self.gan
        given = first_rows(self.corpus.held_out_condition, num_sequences)
        held_out = join_condition(given, self.corpus.held_out_token_ids[:num_sequences])
        if given is None:
            generated = gan.generate(num_sequences if self.oracle else WITHIN_PHASE, seed=SAMPLE_SEED)
        else:
            generated = gan.generate(condition=first_rows(given, WITHIN_PHASE), seed=SAMPLE_SEED)
        discriminator = gan.discriminator if phase in (PRETRAIN_DISCRIMINATOR, ADVERSARIAL) else None
        row: rows_file.Row = {"phase": phase, "step": step}
        row |= held_out_metrics(gan.generator, discriminator, held_out, generated, self.oracle, max_scored=WITHIN_PHASE)
        row |= {name: float(value) for name, value in logs.items()}
        self._tick()
        row["seconds"] = round(float(self.state.seconds), 1)
        self.state.rows.append(row)
        rows_file.write_rows(self.directory / rows_file.FILE, self.state.rows)
        self._write_samples(phase, step, generated[:SAMPLES])
        if self.summary:
            with self.summary.as_default(step=len(self.state.rows)):
                for name, value in row.items():
                    if isinstance(value, float):
                        tf.summary.scalar(name, value)
        return row

    def _tick(self) -> None:
        now = time.monotonic()
        self.state.seconds.assign_add(now - self._clock)
        self._clock = now

    def _validation_nll(self) -> float:
        data = join_condition(self.corpus.validation_condition, self.corpus.validation_token_ids)
        return workers.of_first(self.gan.strategy, negative_log_likelihood(self.gan.generator, data))

    def _write_samples(self, phase: str, step: int, generated: np.ndarray) -> None:
        lines = sample_lines(self.corpus, generated)
        path = rows_file.samples_file(self.directory, phase, step)
        make_directory(path.parent)
        write_text(path, "\n".join(lines) + "\n")


def sample_lines(corpus: Corpus, generated: np.ndarray) -> list[str]:
    """A line per sample; of code several lines, see `printed`.

    With conditions, the samples are for the first held-out ones, and a line has both, with a TAB.

    Args:
        corpus: the data.
        generated: int array [n, T].
    """
    lines = printed(corpus.decode(generated), corpus.task)
    if corpus.conditions is None:
        return lines
    given = corpus.conditions.decode(first_rows(corpus.held_out_condition, len(generated)))
    return [f"{' | '.join(text.splitlines())}\t{line}" for text, line in zip(given, lines, strict=True)]
