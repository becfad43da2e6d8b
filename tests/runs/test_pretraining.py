"""Runs with a schedule, averaged weights, weight decay, tied embeddings and all kinds of dropout."""

import dataclasses
import re

import numpy as np
import pytest
import tiny_runs

from seqgan_tf.core.optimizers import MatrixDecayAdamW
from seqgan_tf.core.phases import ADVERSARIAL, PRETRAIN_GENERATOR
from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics.likelihood import negative_log_likelihood
from seqgan_tf.runs import build, checks, config
from seqgan_tf.runs.directory import branch_run, create_run, open_run
from seqgan_tf.runs.training import AT_END, WITHIN_PHASE

M = 0.6
PRETRAIN = {"schedule": "cosine", "warmup_steps": 2, "weight_decay": 0.1, "ema_momentum": M, "learning_rate": 0.1}
GENERATOR = {"embedding_dim": 4, "hidden_dim": 4, "dropout": 0.3, "tie_embeddings": True}
DROPOUT = {"embedding_dropout": 0.2, "recurrent_dropout": 0.3, "output_dropout": 0.4}


def settings_of(base, **changes):
    """Those of the tiny run on an oracle, with three epochs of three steps and nothing after them."""
    settings = tiny_runs.oracle_settings(base)
    given = {"epochs": 3, "discriminator_steps": 0} | PRETRAIN | changes
    return dataclasses.replace(
        settings,
        generator=config.GeneratorSettings(**GENERATOR, **DROPOUT),
        pretrain=dataclasses.replace(settings.pretrain, **given),
        adversarial=dataclasses.replace(settings.adversarial, rounds=0),
    )


def create(directory, settings):
    """A run that is not compiled, since tracing would take most of the time of these tests."""
    return create_run(directory, settings, run_eagerly=True)


def held_out_nll(run, last=False):
    """NLL-test, on as many sequences as an evaluation takes."""
    return negative_log_likelihood(run.gan.generator, run.corpus.held_out_token_ids[: AT_END if last else WITHIN_PHASE])


@pytest.fixture(scope="module")
def uninterrupted(base):
    """(Run, {step: weights after it}, its rows)."""
    run = create(base / "pretraining", settings_of(base))
    training = run.training()
    states = {progress.step: tiny_runs.weights(run.gan) for progress in training.run()}
    return run, states, training.state.rows


def without_seconds(rows):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def test_a_run_that_is_stopped_in_its_pretraining_continues_bit_for_bit(uninterrupted, base, tmp_path):
    """It is stopped in the warm-up, at the ends of epochs, where the averages are measured, and between them."""
    _, states, rows = uninterrupted
    create(tmp_path / "run", settings_of(base))
    found = {}
    for stop in (1, 3, 5, 6, 8, None):
        run = open_run(tmp_path / "run", run_eagerly=True)
        state = run.restore() if found else run.state()
        steps = run.training(state).run()
        for progress in steps:
            found[progress.step] = tiny_runs.weights(run.gan)
            if progress.phase == PRETRAIN_GENERATOR and progress.step == stop:
                break
        steps.close()
    assert list(found) == list(states) == list(range(1, 10))
    for step, weights in states.items():
        assert tiny_runs.same(found[step], weights), step
    assert without_seconds(state.rows) == without_seconds(rows)


def test_epochs_are_measured_with_the_averages_and_these_remain(base, tmp_path):
    """The averages are computed by hand from the weights after each step; those after the last are not seen."""
    run = create(tmp_path / "run", settings_of(base))
    after, averages, rows = [], [], []
    for progress in run.training().run():
        if progress.phase == PRETRAIN_GENERATOR:
            weights = run.gan.generator.get_weights()
            before = averages[-1] if averages else weights
            averages.append([M * a + (1 - M) * w for a, w in zip(before, weights, strict=True)])
            after.append(weights)
            rows.append(progress.row)
    nll = [row["nll_test"] for row in rows if row]
    for number, step in enumerate((2, 5)):
        run.gan.generator.set_weights(averages[step])
        assert held_out_nll(run) == pytest.approx(nll[number])
        run.gan.generator.set_weights(after[step])
        assert held_out_nll(run) != pytest.approx(nll[number], abs=1e-3)
    kept = [np.asarray(v) for v in run.gan.pretrain_optimizer.variables if "average" in v.path]
    assert tiny_runs.same(kept, after[-1])
    run.gan.generator.set_weights(after[-1])
    assert held_out_nll(run, last=True) == pytest.approx(nll[2])


def test_early_stopping_keeps_the_averages_of_the_best_epoch(base, tmp_path):
    changes = {"patience": 1, "epochs": 30, "schedule": "constant", "learning_rate": 0.3, "ema_momentum": 0.5}
    run = create(tmp_path / "run", settings_of(base, **changes))
    validated = []
    training = run.training()
    for progress in training.run():
        if progress.row and progress.phase == PRETRAIN_GENERATOR:
            validated.append(progress.row["nll_test"])
            last = held_out_nll(run, last=True)
    best = int(training.state.best.epoch)
    assert 0 < best == len(validated) - 1 < 29
    assert validated[-1] == pytest.approx(last)
    validation = negative_log_likelihood(run.gan.generator, run.corpus.validation_token_ids)
    assert validation == pytest.approx(float(training.state.best.nll))


def test_the_likelihood_steps_of_the_rounds_continue_after_a_branch(uninterrupted, base, tmp_path):
    run, states, _ = uninterrupted
    rounds = config.AdversarialSettings(rounds=1, discriminator_steps=1, likelihood_steps=1)
    branch = branch_run(
        tmp_path / "branch", run.directory, dataclasses.replace(run.settings, adversarial=rounds), run_eagerly=True
    )
    assert tiny_runs.same(tiny_runs.weights(branch.gan), states[9])
    assert [progress.phase for progress in branch.training(branch.restore()).run()] == [ADVERSARIAL]
    assert float(branch.gan.pretrain_optimizer.learning_rate) == pytest.approx(0.1)
    assert not tiny_runs.same(tiny_runs.weights(branch.gan), states[9])


def test_the_networks_and_the_optimizer_have_the_settings(uninterrupted):
    gan = uninterrupted[0].gan
    for name, value in (GENERATOR | DROPOUT).items():
        assert getattr(gan.generator, name) == value
    optimizer = gan.pretrain_optimizer
    assert isinstance(optimizer, MatrixDecayAdamW)
    assert (optimizer.use_ema, optimizer.ema_momentum) == (True, M)
    assert (optimizer.weight_decay, optimizer.global_clipnorm) == (0.1, 5.0)
    assert not any(other.use_ema or other.weight_decay for other in (gan.optimizer, gan.discriminator_optimizer))
    plain = build.build_pretrain_optimizer(config.PretrainSettings())
    assert (type(plain).__name__, plain.use_ema, plain.weight_decay) == ("FusedAdam", False, None)


def test_the_settings_work_in_mixed_precision(base, tmp_path):
    run = create(tmp_path / "run", dataclasses.replace(settings_of(base), dtype_policy="mixed_bfloat16"))
    rows = [progress.row for progress in run.training().run() if progress.row]
    assert rows[-1]["nll_test"] < rows[0]["nll_test"] - 0.1
    assert {variable.dtype for variable in run.gan.generator.weights} == {"float32"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"warmup_steps": -1}, "`pretrain.warmup_steps` must be at least 0. Received: -1"),
        ({"weight_decay": -0.1}, "`pretrain.weight_decay` must be at least 0. Received: -0.1"),
        ({"weight_decay": float("inf")}, "`pretrain.weight_decay` must be a finite number. Received: inf"),
        (
            {"discriminator_weight_decay": -1.0},
            "`pretrain.discriminator_weight_decay` must be at least 0. Received: -1.0",
        ),
        (
            {"copy_embedding": True},
            "`pretrain.copy_embedding` needs a discriminator.embedding_dim of 4, that of the generator. Received: 3",
        ),
        ({"ema_momentum": 1.0}, r"`pretrain.ema_momentum` must be in \(0, 1\). Received: 1.0"),
        ({"ema_momentum": 0.0}, r"`pretrain.ema_momentum` must be in \(0, 1\). Received: 0.0"),
    ],
)
def test_settings_out_of_range_are_refused(changes, message, base):
    with pytest.raises(InputError, match=message):
        checks.check(settings_of(base, **changes))


def test_an_ensemble_that_would_copy_embeddings_is_refused_before_the_pretraining(base):
    ensemble = config.DiscriminatorSettings("ngram", embedding_dim=4, members=2)
    settings = dataclasses.replace(settings_of(base, copy_embedding=True), discriminator=ensemble)
    with pytest.raises(InputError, match=r"`pretrain\.copy_embedding` needs discriminator\.members 1\. Received: 2"):
        checks.check(settings)


def test_rewards_of_next_tokens_need_a_discriminator_that_has_them(base):
    settings = dataclasses.replace(settings_of(base), estimator=config.EstimatorSettings("next_token"))
    message = "`estimator.kind` next_token needs discriminator.kind ngram. Received: cnn"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        checks.check(settings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"tie_embeddings": True, "hidden_dim": 5},
            "needs an `embedding_dim` equal to `hidden_dim`. Received: 4 and 5",
        ),
        ({"recurrent_dropout": 1.0}, r"`recurrent_dropout` must be in \[0, 1\). Received: 1.0"),
        ({"kind": "transformer", "cell": "lstm", "recurrent_dropout": 0.2}, "takes no --generator.recurrent-dropout"),
        ({"kind": "transformer", "output_dropout": 0.2}, "takes no --generator.output-dropout. Received: 0.2"),
    ],
)
def test_generators_that_cannot_be_built_are_refused(change, message, base, tmp_path):
    settings = settings_of(base)
    generator = config.GeneratorSettings(**({"embedding_dim": 4, "hidden_dim": 4} | change))
    with pytest.raises(InputError, match=message):
        create_run(tmp_path / "run", dataclasses.replace(settings, generator=generator))
