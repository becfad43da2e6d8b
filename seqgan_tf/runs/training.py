"""The phases of a SeqGAN as one run that shows its progress, can be stopped at any step, and resumes exactly there."""

import dataclasses
import math
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

from seqgan_tf.core import protocols
from seqgan_tf.core.files import make_directory, write_text
from seqgan_tf.core.phases import ADVERSARIAL, PHASES, PRETRAIN_DISCRIMINATOR, PRETRAIN_GENERATOR
from seqgan_tf.core.protocols import Corpus
from seqgan_tf.core.seeds import shuffle_seed
from seqgan_tf.data import pipeline
from seqgan_tf.metrics.held_out import held_out_metrics
from seqgan_tf.metrics.likelihood import negative_log_likelihood
from seqgan_tf.runs import rows as rows_file
from seqgan_tf.runs.checkpoints import RunState
from seqgan_tf.runs.config import AdversarialSettings, PretrainSettings

INITIAL = "initial"
QUICK_LOOK, FULL_LOOK = 1_000, 5_000  # sequences that an evaluation measures, within a phase and at its end
CHECKPOINT_SECONDS = 60
SAMPLES, SAMPLE_SEED = 10, 1


@dataclasses.dataclass(frozen=True)
class Progress:
    """What a run reports after every step.

    Attributes:
        phase: name of the phase.
        step, total: steps done and steps planned in it.
        logs: scalars of this step.
        row: the evaluation made after this step, as in metrics.csv; None where there was none.
    """

    phase: str
    step: int
    total: int
    logs: dict[str, Any]
    row: rows_file.Row | None = None


class Training:
    """A run of a compiled `SeqGAN` in a directory: metrics.csv, samples/ and checkpoints/ are written there.

    Args:
        state: the state to begin with; its model is trained.
        corpus: the data.
        pretrain: settings of the pre-training.
        adversarial: settings of the adversarial phase.
        oracle: the generator that wrote the data, to measure NLL-oracle. Defaults to None: it is not known.
        tensorboard: whether to write the metrics for TensorBoard too.
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
        self.phases = self.gan.phases
        compiling = {"jit_compile": self.gan.jit_compile, "run_eagerly": self.gan.run_eagerly}
        self.functions = {name: phase.compiled(**compiling) for name, phase in self.phases.items()}
        self._clock = time.monotonic()

    def run(self) -> Generator[Progress, None, None]:
        """Runs what is left of the run. Closing the iterator, at any step, writes a checkpoint, and so does the end."""
        self._clock = self.state.saved_at = time.monotonic()
        try:
            if not self.state.rows:
                self.save()  # so that a run that is killed soon can be resumed
                yield Progress(INITIAL, 1, 1, {}, self._evaluate(INITIAL, 0, {}, FULL_LOOK))
            yield from self._pretrain_generator()
            yield from self._pretrain_discriminator()
            yield from self._adversarial()
        finally:
            self.save()

    def save(self) -> None:
        """Writes a checkpoint."""
        self._tick()
        self.state.save()

    def _pretrain_generator(self) -> Iterator[Progress]:
        per_epoch = math.ceil(len(self.corpus.train_token_ids) / self.gan.batch_size)
        total, best = per_epoch * self.pretrain.epochs, self.state.best
        for step, logs in self._steps(PRETRAIN_GENERATOR, total):
            row = None
            if step % per_epoch == 0:
                epoch = step // per_epoch
                is_over = best.patience is not None and best.update(
                    epoch, negative_log_likelihood(self.gan.generator, self.corpus.validation_token_ids)
                )
                last = is_over or step == total
                if last:
                    best.restore()
                    self.gan.synchronize_rollout_policy()
                    self.state.steps[PRETRAIN_GENERATOR].assign(total)
                row = self._evaluate(PRETRAIN_GENERATOR, epoch, logs, FULL_LOOK if last else QUICK_LOOK)
            yield Progress(PRETRAIN_GENERATOR, int(self.state.steps[PRETRAIN_GENERATOR]), total, logs, row)

    def _pretrain_discriminator(self) -> Iterator[Progress]:
        total = self.pretrain.discriminator_steps
        for step, logs in self._steps(PRETRAIN_DISCRIMINATOR, total):
            row = self._evaluate(PRETRAIN_DISCRIMINATOR, step, logs, FULL_LOOK) if step == total else None
            yield Progress(PRETRAIN_DISCRIMINATOR, step, total, logs, row)

    def _adversarial(self) -> Iterator[Progress]:
        total = self.adversarial.rounds
        if self.state.pretrained is None and not int(self.state.steps[ADVERSARIAL]):
            self._tick()
            self.state.save_pretrained()
        for step, logs in self._steps(ADVERSARIAL, total):
            row = None
            if step % self.adversarial.evaluate_every == 0 or step == total:
                row = self._evaluate(ADVERSARIAL, step, logs, FULL_LOOK if step == total else QUICK_LOOK)
            yield Progress(ADVERSARIAL, step, total, logs, row)

    def _steps(self, name: str, total: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """Runs a phase's remaining steps on the training data; yields (steps done, logs) after each."""
        done = self.state.steps[name]
        if done >= total:
            return
        seed = shuffle_seed(self.gan.seed, PHASES.index(name), len(PHASES))
        batches = pipeline.batches(self.corpus.train_token_ids, self.gan.batch_size, shuffle_seed=seed)
        for real in pipeline.rounds(batches, self.phases[name].sequences).skip(int(done)):
            logs = self.functions[name](real)
            done.assign_add(1)
            yield int(done), logs
            if time.monotonic() - self.state.saved_at > CHECKPOINT_SECONDS:
                self.save()
            if done >= total:
                return

    def _evaluate(self, phase: str, step: int, logs: dict[str, Any], look: int) -> rows_file.Row:
        """Computes the held-out metrics, and writes a row and samples."""
        gan = self.gan
        held_out = self.corpus.held_out_token_ids[:look]
        generated = gan.generate(look if self.oracle else QUICK_LOOK, seed=SAMPLE_SEED)
        discriminator = gan.discriminator if phase in (PRETRAIN_DISCRIMINATOR, ADVERSARIAL) else None
        row: rows_file.Row = {"phase": phase, "step": step}
        row |= held_out_metrics(gan.generator, discriminator, held_out, generated, self.oracle, max_scored=QUICK_LOOK)
        row |= {name: float(value) for name, value in logs.items()}
        self._tick()
        row["seconds"] = round(float(self.state.seconds), 1)
        self.state.rows.append(row)
        rows_file.write_rows(self.directory / rows_file.FILE, self.state.rows)
        self._write_samples(phase, step, self.corpus.decode(generated[:SAMPLES]))
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

    def _write_samples(self, phase: str, step: int, lines: list[str]) -> None:
        folder = make_directory(self.directory / "samples")
        write_text(folder / f"{phase.replace(' ', '-')}-{step:05d}.txt", "\n".join(lines) + "\n")
