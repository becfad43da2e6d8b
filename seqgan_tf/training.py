"""The three phases as one run that shows its progress, can be stopped at any step, and goes on exactly where it was."""

import csv
import dataclasses
import math
import os
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

from seqgan_tf.data import pipeline
from seqgan_tf.metrics.likelihood import negative_log_likelihood
from seqgan_tf.steps import DISCRIMINATOR_LOGS, GENERATOR_LOGS, LIKELIHOOD_LOGS

INITIAL, GENERATOR, DISCRIMINATOR, ADVERSARIAL = (
    "initial",
    "pretrain generator",
    "pretrain discriminator",
    "adversarial",
)
HELD_OUT_COLUMNS = ("nll_test", "nll_oracle", "held_out_real_accuracy", "held_out_generated_accuracy")
COLUMNS = ("phase", "step", "seconds", *HELD_OUT_COLUMNS, *LIKELIHOOD_LOGS, *GENERATOR_LOGS, *DISCRIMINATOR_LOGS)
QUICK_LOOK, FULL_LOOK = 1_000, 5_000  # sequences an evaluation measures, within a phase and at its end
METRICS, PRETRAINED = "metrics.csv", "checkpoints/pretrained"
CHECKPOINT_SECONDS = 60
SAMPLES, SAMPLE_SEED = 10, 1


@dataclasses.dataclass(frozen=True)
class Progress:
    """What a run reports after every step.

    Attributes:
        phase: str, the name of the phase.
        step, total: int, steps done and steps planned in it.
        logs: dict of scalars of this step.
        row: the evaluation made after this step, as it stands in metrics.csv; None where there was none.
    """

    phase: str
    step: int
    total: int
    logs: dict
    row: dict | None = None


class Training:
    """A run of a compiled `SeqGAN` in a directory.

    Args:
        gan: `SeqGAN`, compiled.
        corpus: `TextCorpus` or `OracleCorpus`.
        pretrain: `config.PretrainSettings`.
        adversarial: `config.AdversarialSettings`.
        directory: path; metrics.csv, samples/ and checkpoints/ are written there.
        oracle: the generator that wrote the data, to measure NLL-oracle. Defaults to None: text.
        tensorboard: bool, whether to write the metrics for TensorBoard too.

    Attributes:
        rows: list of dict, the evaluations so far, as in metrics.csv.
    """

    def __init__(self, gan, corpus, pretrain, adversarial, directory, oracle=None, tensorboard=False):
        self.gan, self.corpus, self.oracle = gan, corpus, oracle
        self.pretrain, self.adversarial = pretrain, adversarial
        self.directory = Path(directory)
        self.rows = []
        self.steps = {phase: tf.Variable(0, dtype=tf.int64) for phase in (GENERATOR, DISCRIMINATOR, ADVERSARIAL)}
        self.seconds = tf.Variable(0.0, dtype=tf.float64)
        self.num_rows = tf.Variable(0, dtype=tf.int64)
        self.best_nll = tf.Variable(math.inf, dtype=tf.float64)
        self.best_epoch = tf.Variable(0, dtype=tf.int64)
        self.best_weights = [tf.Variable(w.value) for w in gan.generator.trainable_variables]
        optimizers = (gan.optimizer, gan.pretrain_optimizer, gan.discriminator_optimizer)
        lagged = {id(v): v.value for v in gan.rollout_generator.variables} if gan.lagging else {}
        # Learning rates are settings, not what is learnt: another run may go on with others.
        learnt = {id(v): v.value for part in (gan, *optimizers) for v in part.variables if v.name != "learning_rate"}
        self._parts = {
            "learnt": [value for key, value in learnt.items() if key not in lagged],
            "steps": list(self.steps.values()),
            "state": [self.seconds, self.num_rows, self.best_nll, self.best_epoch],
            "best_weights": self.best_weights,
        }
        checkpoint = tf.train.Checkpoint(**self._parts, lagged=list(lagged.values()))
        self.checkpoints = tf.train.CheckpointManager(checkpoint, str(self.directory / "checkpoints"), max_to_keep=2)
        self.summary = tf.summary.create_file_writer(str(self.directory / "tensorboard")) if tensorboard else None
        self._clock = self._saved_at = time.monotonic()
        self._likelihood_step = tf.function(gan.likelihood_step)
        self._discriminator_step = tf.function(lambda real: gan.discriminator_step(real, gan.next_seed()))
        self._round = tf.function(gan.adversarial_round)

    def restore(self, pretrained=False):
        """Goes back to a checkpoint of the run; what was measured after it is forgotten. Writes nothing.

        Args:
            pretrained: bool, whether to go to the end of the pre-training in place of the last state.

        Raises:
            ValueError: there is none, or it is damaged or of another model.
        """
        path = self.pretrained if pretrained else self.checkpoints.latest_checkpoint
        if path is None:
            raise ValueError(f"{self.directory}: expected a checkpoint to go on from. Received: none")
        self._restore(path, self.directory / METRICS)

    def branch_from(self, directory):
        """Takes over what another run of the same models had pre-trained, its evaluations too. Writes nothing.

        Raises:
            ValueError: the other run has not finished its pre-training, or is damaged or of another model.
        """
        directory = Path(directory)
        path = _pretrained(directory)
        if path is None:
            raise ValueError(
                f"{directory}: expected a run that has finished its pre-training. Received: one that has not"
            )
        # The other run may have had a lag where this one has none, or the other way round.
        self._restore(path, directory / METRICS, tf.train.Checkpoint(**self._parts))
        self.gan.synchronize_rollout_policy()

    def begin_adversarial(self):
        """Writes down that the pre-training is done; `restore` and `restore(pretrained=True)` come back to here."""
        self._write_rows()
        self.save()  # first, since it makes the counter of checkpoints, which every checkpoint of the run must hold
        self.checkpoints.checkpoint.write(str(self.directory / PRETRAINED))

    @property
    def pretrained(self):
        """The checkpoint of the end of the pre-training; None where the run has not come so far."""
        return _pretrained(self.directory)

    def _restore(self, path, metrics, checkpoint=None):
        try:
            if checkpoint is None:
                self.checkpoints.checkpoint.restore(path).assert_consumed()
            else:
                checkpoint.restore(path).assert_existing_objects_matched()
        except (tf.errors.OpError, ValueError, AssertionError, IndexError, RuntimeError) as error:
            raise ValueError(
                f"{path}: expected a checkpoint of this run. Received: a damaged or foreign file"
            ) from error
        expected = int(self.num_rows)
        try:
            with open(metrics, newline="") as file:
                rows = [_numbers(row) for row in csv.DictReader(file)]
        except (OSError, ValueError, KeyError, TypeError):
            rows = []
        if len(rows) < expected:
            raise ValueError(f"{metrics}: expected {expected} evaluations. Received: a missing or damaged file")
        self.rows = rows[:expected]

    def run(self):
        """Does what is left of the run; a generator of `Progress`.

        Closing it, at any step, leaves a checkpoint, and so does the end.
        """
        self._clock = self._saved_at = time.monotonic()
        try:
            if not self.rows:
                self.save()  # a run that dies soon can be gone on with too
                yield Progress(INITIAL, 1, 1, {}, self._evaluate(INITIAL, 0, {}, FULL_LOOK))
            yield from self._pretrain_generator()
            yield from self._pretrain_discriminator()
            yield from self._adversarial()
        finally:
            self.save()

    def save(self):
        """Writes a checkpoint beside the last one, and then removes the oldest."""
        self._tick()
        self.num_rows.assign(len(self.rows))
        self.checkpoints.save()
        self._saved_at = time.monotonic()

    def _pretrain_generator(self):
        per_epoch = math.ceil(len(self.corpus.train_token_ids) / self.gan.batch_size)
        total = per_epoch * self.pretrain.epochs
        for step, logs in self._steps(GENERATOR, total, self._likelihood_step, self.gan.batch_size):
            row = None
            if step % per_epoch == 0:
                epoch = step // per_epoch
                last = self._is_patience_over(epoch) or step == total
                if last and self.pretrain.patience is not None:
                    for weight, best in zip(self.gan.generator.trainable_variables, self.best_weights, strict=True):
                        weight.assign(best)
                if last:
                    self.gan.synchronize_rollout_policy()
                    self.steps[GENERATOR].assign(total)
                row = self._evaluate(GENERATOR, epoch, logs, FULL_LOOK if last else QUICK_LOOK)
            yield Progress(GENERATOR, int(self.steps[GENERATOR]), total, logs, row)

    def _is_patience_over(self, epoch):
        if self.pretrain.patience is None:
            return False
        nll = negative_log_likelihood(self.gan.generator, self.corpus.validation_token_ids)
        if nll < float(self.best_nll):
            self.best_nll.assign(nll)
            self.best_epoch.assign(epoch)
            for best, weight in zip(self.best_weights, self.gan.generator.trainable_variables, strict=True):
                best.assign(weight)
        return epoch - int(self.best_epoch) >= self.pretrain.patience

    def _pretrain_discriminator(self):
        total = self.pretrain.discriminator_steps
        for step, logs in self._steps(DISCRIMINATOR, total, self._discriminator_step, self.gan.batch_size):
            row = self._evaluate(DISCRIMINATOR, step, logs, FULL_LOOK) if step == total else None
            yield Progress(DISCRIMINATOR, step, total, logs, row)

    def _adversarial(self):
        total, size = self.adversarial.rounds, self.gan.batch_size * self.gan.discriminator_steps
        if self.pretrained is None and not int(self.steps[ADVERSARIAL]):
            self.begin_adversarial()
        for step, logs in self._steps(ADVERSARIAL, total, self._round, size):
            row = None
            if step % self.adversarial.evaluate_every == 0 or step == total:
                row = self._evaluate(ADVERSARIAL, step, logs, FULL_LOOK if step == total else QUICK_LOOK)
            yield Progress(ADVERSARIAL, step, total, logs, row)

    def _steps(self, phase, total, function, size):
        """Runs a phase's remaining steps on the training data; yields (steps done, logs) after each."""
        done = self.steps[phase]
        if done >= total:
            return
        phase_seed = self.gan.seed * len(self.steps) + list(self.steps).index(phase)
        batches = pipeline.batches(self.corpus.train_token_ids, self.gan.batch_size, shuffle_seed=phase_seed)
        for real in pipeline.rounds(batches, size).skip(int(done)):
            logs = function(real)
            done.assign_add(1)
            yield int(done), logs
            if time.monotonic() - self._saved_at > CHECKPOINT_SECONDS:
                self.save()
            if done >= total:
                return

    def _evaluate(self, phase, step, logs, look):
        """Measures held-out likelihoods and accuracies, and writes a row and samples."""
        gan = self.gan
        held_out = getattr(self.corpus, "test_token_ids", self.corpus.validation_token_ids)[:look]
        row = {"phase": phase, "step": step, "nll_test": negative_log_likelihood(gan.generator, held_out)}
        generated = gan.generate(look if self.oracle else QUICK_LOOK, seed=SAMPLE_SEED)
        if self.oracle:
            row["nll_oracle"] = negative_log_likelihood(self.oracle, generated)
        if phase in (DISCRIMINATOR, ADVERSARIAL):
            real, fake = held_out[:QUICK_LOOK], generated[:QUICK_LOOK]
            row["held_out_real_accuracy"] = float(np.mean(self._score(real) > 0))
            row["held_out_generated_accuracy"] = float(np.mean(self._score(fake) <= 0))
        row |= {name: float(value) for name, value in logs.items()}
        self._tick()
        row["seconds"] = round(float(self.seconds), 1)
        self.rows.append(row)
        self._write_rows()
        self._write_samples(phase, step, generated[:SAMPLES])
        if self.summary:
            with self.summary.as_default(step=len(self.rows)):
                for name, value in row.items():
                    if isinstance(value, float):
                        tf.summary.scalar(name, value)
        return row

    def _score(self, token_ids):
        return self.gan.discriminator.predict(token_ids, batch_size=250, verbose=0)

    def _tick(self):
        now = time.monotonic()
        self.seconds.assign_add(now - self._clock)
        self._clock = now

    def _write_rows(self):
        path = self.directory / METRICS
        with open(path.with_suffix(".tmp"), "w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows)
        os.replace(path.with_suffix(".tmp"), path)

    def _write_samples(self, phase, step, token_ids):
        folder = self.directory / "samples"
        folder.mkdir(exist_ok=True)
        name = f"{phase.replace(' ', '-')}-{step:05d}.txt"
        (folder / name).write_text("\n".join(self.corpus.decode(token_ids)) + "\n", encoding="utf-8")


def _pretrained(directory):
    path = directory / PRETRAINED
    return str(path) if path.with_suffix(".index").exists() else None


def _numbers(row):
    """A row of metrics.csv with its numbers as numbers and without its empty columns."""
    numbers = {name: float(value) for name, value in row.items() if value and name not in ("phase", "step")}
    return {"phase": row["phase"], "step": int(row["step"])} | numbers
