"""The learning rate of the pre-training of a run: against plain formulas, and against Keras' own schedule."""

import dataclasses

import keras
import pytest
import tiny_runs

from seqgan_tf.core.phases import PRETRAIN_DISCRIMINATOR, PRETRAIN_GENERATOR
from seqgan_tf.runs import config
from seqgan_tf.runs.config import PretrainSettings
from seqgan_tf.runs.directory import create_run
from seqgan_tf.runs.schedule import learning_rate
from seqgan_tf.runs.training import INITIAL

TOTAL = 20


@pytest.mark.parametrize("warmup", [0, 1, 6, 20, 30])
def test_the_cosine_is_that_of_keras_after_the_warmup(warmup):
    settings = PretrainSettings(schedule="cosine", warmup_steps=warmup, learning_rate=0.5)
    rates = [learning_rate(settings, step, TOTAL) for step in range(TOTAL)]
    for step in range(min(warmup, TOTAL)):
        assert rates[step] == pytest.approx(0.5 * (step + 1) / warmup)
    if warmup < TOTAL:
        schedule = keras.optimizers.schedules.CosineDecay(0.5, decay_steps=TOTAL - warmup)
        expected = [float(schedule(step)) for step in range(TOTAL - warmup)]
        assert rates[warmup:] == pytest.approx(expected, abs=1e-6)
        assert rates[-1] < 0.5 * 0.35


def test_a_constant_rate_may_have_a_warmup():
    settings = PretrainSettings(warmup_steps=4, learning_rate=2.0)
    assert [learning_rate(settings, step, TOTAL) for step in range(6)] == [0.5, 1.0, 1.5, 2.0, 2.0, 2.0]
    assert learning_rate(PretrainSettings(learning_rate=2.0), 0, TOTAL) == 2.0


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_a_run_takes_each_step_at_its_rate_and_other_phases_at_the_first(schedule, base, tmp_path):
    """Rates are read after the step that used them: the next step sets the next rate."""
    settings = tiny_runs.oracle_settings(base)
    changes = {"schedule": schedule, "warmup_steps": 2, "learning_rate": 0.1, "epochs": 3, "discriminator_steps": 1}
    settings = dataclasses.replace(
        settings,
        pretrain=dataclasses.replace(settings.pretrain, **changes),
        adversarial=config.AdversarialSettings(rounds=0),
    )
    run = create_run(tmp_path / "run", settings, run_eagerly=True)
    rates = {}
    for progress in run.training().run():
        rates.setdefault(progress.phase, []).append(float(run.gan.pretrain_optimizer.learning_rate))
    steps = rates.pop(PRETRAIN_GENERATOR)
    assert steps == pytest.approx([learning_rate(settings.pretrain, step, 9) for step in range(9)])
    assert steps[:2] == pytest.approx([0.05, 0.1])
    assert (steps[-1] < 0.05) == (schedule == "cosine")
    assert rates == {INITIAL: [pytest.approx(0.1)], PRETRAIN_DISCRIMINATOR: [pytest.approx(0.1)]}
