"""Branches: runs that start from the pre-training of another run, with equal or other adversarial settings."""

import csv
import dataclasses
import shutil

import numpy as np
import pytest
import tiny_runs

from seqgan_tf.core.phases import ADVERSARIAL, PRETRAIN_DISCRIMINATOR, PRETRAIN_GENERATOR
from seqgan_tf.runs import config, presets
from seqgan_tf.runs.directory import branch_run, create_run, open_run


def changed(settings, **changes):
    """Settings with changes in their tables, such as [adversarial]."""
    for name, values in changes.items():
        settings = dataclasses.replace(settings, **{name: dataclasses.replace(getattr(settings, name), **values)})
    return settings


def train(directory, source, settings):
    """Branches and trains to the end: (run, training, states as in `tiny_runs.oracle_run`)."""
    run = branch_run(directory, source, settings)
    training = run.training(run.restore())
    states = {}
    for progress in training.run():
        states[progress.phase, progress.step] = tiny_runs.weights(run.gan)
    return run, training, states


def read_csv(directory):
    with open(directory / "metrics.csv", newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def files(directory):
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def branch(whole, base):
    """A finished branch with the settings of the run that it branched from: (directory, states)."""
    before = files(whole.directory)
    _, _, states = train(base / "branch", whole.directory, whole.settings)
    assert files(whole.directory) == before
    return base / "branch", states


# The same settings


def test_a_branch_with_equal_settings_repeats_the_run_bit_for_bit(branch, whole):
    rounds = [(ADVERSARIAL, step) for step in range(1, 5)]
    assert list(branch[1]) == rounds
    for step in rounds:
        assert tiny_runs.same(branch[1][step], whole.states[step]), step


def test_a_branch_has_the_evaluations_of_the_pretraining_and_then_its_own(branch, whole):
    rows = read_csv(branch[0])
    assert rows == read_csv(whole.directory)
    assert [row["phase"] for row in rows].count(ADVERSARIAL) == 2
    for name in ("adversarial-00002.txt", "adversarial-00004.txt"):
        assert (branch[0] / "samples" / name).read_bytes() == (whole.directory / "samples" / name).read_bytes()


def test_a_branch_does_not_depend_on_the_first_run(branch, whole, tmp_path):
    """It can be moved, opened, restored and branched from without the first run."""
    directory = shutil.copytree(branch[0], tmp_path / "moved")
    run = open_run(directory)
    assert run.settings == whole.settings
    assert run.data_digest == open_run(whole.directory).data_digest
    state = run.restore()
    assert tiny_runs.same(tiny_runs.weights(run.gan), whole.states[ADVERSARIAL, 4])
    state.restore(pretrained=True)
    assert tiny_runs.same(tiny_runs.weights(run.gan), whole.states[PRETRAIN_DISCRIMINATOR, 4])
    again = branch_run(tmp_path / "again", directory, whole.settings)
    again.restore()
    assert tiny_runs.same(tiny_runs.weights(again.gan), whole.states[PRETRAIN_DISCRIMINATOR, 4])


def test_a_branch_of_a_run_on_text_keeps_its_data_and_tokenizer(base, tmp_path):
    text = tiny_runs.text_run(base)
    source = open_run(text.directory)
    corpus = branch_run(tmp_path / "branch", text.directory, source.settings).corpus
    opened = open_run(tmp_path / "branch")
    assert opened.settings.data == text.data
    assert opened.data_digest == source.data_digest
    assert np.array_equal(opened.corpus.train_token_ids, corpus.train_token_ids)
    assert np.array_equal(source.corpus.train_token_ids, corpus.train_token_ids)
    assert opened.tokenizer.encode(["red cat"]) == source.tokenizer.encode(["red cat"])
    source.restore(pretrained=True)
    opened.restore()
    assert tiny_runs.same(tiny_runs.weights(opened.gan), tiny_runs.weights(source.gan))


# Other settings


def test_a_branch_trains_with_its_own_adversarial_settings(whole, tmp_path):
    settings = changed(whole.settings, adversarial={"learning_rate": 0.5, "rounds": 1, "discriminator_steps": 2})
    run, _, states = train(tmp_path / "branch", whole.directory, settings)
    assert list(states) == [(ADVERSARIAL, 1)]
    assert float(run.gan.optimizer.learning_rate) == 0.5
    # Adam's first step is as large as its learning rate, for every weight that has a gradient.
    parts = len(run.gan.generator.get_weights())
    steps = [
        np.abs(a - b).max()
        for a, b in zip(states[ADVERSARIAL, 1][:parts], whole.states[PRETRAIN_DISCRIMINATOR, 4][:parts], strict=True)
    ]
    assert max(steps) == pytest.approx(0.5, rel=0.02)
    opened = open_run(tmp_path / "branch")
    opened.restore()
    assert float(opened.gan.optimizer.learning_rate) == 0.5
    assert int(opened.gan.discriminator_optimizer.iterations) == 4 + 2


@pytest.mark.parametrize("update_rate", [0.0, 0.8])
def test_a_branch_can_have_another_lag_of_the_rollout_policy(update_rate, whole, tmp_path):
    settings = changed(whole.settings, rollout={"update_rate": update_rate, "num_rollouts": 1})
    run = branch_run(tmp_path / "branch", whole.directory, settings)
    run.restore()
    pretrained = whole.states[PRETRAIN_DISCRIMINATOR, 4]
    assert tiny_runs.same(tiny_runs.weights(run.gan), pretrained)
    policy = run.gan.rollout_policy.get_weights()
    assert tiny_runs.same(policy, pretrained[: len(policy)])
    assert run.gan.reward_estimator.update_rate == update_rate


def test_a_branch_of_a_run_without_a_lag_can_have_one(base, tmp_path):
    settings = changed(tiny_runs.oracle_settings(base), rollout={"update_rate": 0.0}, adversarial={"rounds": 0})
    settings = dataclasses.replace(settings, pretrain=config.PretrainSettings(epochs=1, discriminator_steps=0))
    run = create_run(tmp_path / "run", settings)
    list(run.training().run())
    lagging = changed(run.settings, rollout={"update_rate": 0.5})
    other = branch_run(tmp_path / "branch", tmp_path / "run", lagging)
    other.restore()
    assert tiny_runs.same(other.gan.generator.get_weights(), run.gan.generator.get_weights())
    assert tiny_runs.same(other.gan.rollout_policy.get_weights(), run.gan.generator.get_weights())


@pytest.mark.parametrize("name", ["constant", "noise"])
def test_a_control_of_the_reward_trains_another_generator(name, whole, tmp_path):
    settings = changed(presets.control(whole.settings, name), adversarial={"rounds": 1})
    run, training, states = train(tmp_path / name, whole.directory, settings)
    assert run.settings.adversarial.control == name
    assert not tiny_runs.same(states[ADVERSARIAL, 1], whole.states[ADVERSARIAL, 1])
    assert 0 < training.state.rows[-1]["reward"] < 1
    # The round is evaluated and the roll-out policy lags as in the run.
    assert {"nll_test", "nll_oracle", "reward", "entropy"} <= set(training.state.rows[-1])
    assert run.gan.lagging


def test_the_likelihood_control_trains_by_maximum_likelihood_only(whole, tmp_path):
    settings = presets.control(whole.settings, "likelihood")
    run, training, states = train(tmp_path / "likelihood", whole.directory, settings)
    for row in training.state.rows[-2:]:
        assert row["phase"] == ADVERSARIAL
        assert {"nll", "gradient_norm", "discriminator_loss"} <= set(row)
        assert not {"reward", "generator_loss", "entropy"} & set(row)
    steps = whole.totals[PRETRAIN_GENERATOR]
    assert int(run.gan.optimizer.iterations) == 0
    assert int(run.gan.pretrain_optimizer.iterations) == steps + 4  # one per round, instead of a policy gradient step
    assert int(run.gan.discriminator_optimizer.iterations) == whole.totals[PRETRAIN_DISCRIMINATOR] + 4 * 3
    assert not tiny_runs.same(states[ADVERSARIAL, 4], whole.states[ADVERSARIAL, 4])


# Refusals


def assert_nothing_was_written(tmp_path, source, before):
    assert [path.name for path in tmp_path.iterdir()] == []
    assert files(source) == before


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"seed": 3}, "seed"),
        ({"batch_size": 5}, "batch_size"),
        ({"corpus": config.DataSettings(sequence_length=5, oracle_sequences=11)}, "corpus.oracle_sequences"),
        ({"generator": config.GeneratorSettings(embedding_dim=3, hidden_dim=5, dropout=0.3)}, "generator.hidden_dim"),
        (
            {"pretrain": config.PretrainSettings(2, discriminator_steps=5, discriminator_learning_rate=1e-2)},
            "pretrain.discriminator_steps",
        ),
    ],
)
def test_settings_of_the_pretraining_cannot_differ_in_a_branch(change, key, whole, tmp_path):
    before = files(whole.directory)
    settings = dataclasses.replace(whole.settings, **change)
    with pytest.raises(ValueError, match=rf"`{key}` must be .*, as in {whole.directory}, whose pre-training is used"):
        branch_run(tmp_path / "deep" / "branch", whole.directory, settings)
    assert_nothing_was_written(tmp_path, whole.directory, before)


def test_a_run_in_its_pretraining_cannot_be_branched_from(base, whole, tmp_path):
    source = tiny_runs.early_run(base)
    before = files(source)
    expected = rf"{source}: expected a run that has finished its pre-training. Received: one that has not"
    with pytest.raises(ValueError, match=expected):
        branch_run(tmp_path / "branch", source, whole.settings)
    assert_nothing_was_written(tmp_path, source, before)


def test_a_damaged_checkpoint_of_the_pretraining_is_refused_by_name(whole, base, tmp_path_factory, tmp_path):
    source = shutil.copytree(whole.directory, tmp_path_factory.mktemp("source") / "run")
    path = source / "checkpoints" / "pretrained"
    (data,) = path.parent.glob("pretrained.data*")
    data.write_bytes(data.read_bytes()[:100])
    before = files(source)
    with pytest.raises(ValueError, match=rf"{path}: expected a checkpoint of this run"):
        branch_run(tmp_path / "branch", source, whole.settings)
    assert_nothing_was_written(tmp_path, source, before)


def test_missing_evaluations_of_the_pretraining_are_refused_by_name(whole, tmp_path_factory, tmp_path):
    source = shutil.copytree(whole.directory, tmp_path_factory.mktemp("source") / "run")
    (source / "metrics.csv").unlink()
    before = files(source)
    with pytest.raises(ValueError, match=rf"{source / 'metrics.csv'}: expected 4 evaluations"):
        branch_run(tmp_path / "branch", source, whole.settings)
    assert_nothing_was_written(tmp_path, source, before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"adversarial": {"rounds": -1}}, "`adversarial.rounds` must be at least 0"),
        ({"adversarial": {"discriminator_steps": 0}}, "`discriminator_steps` must be at least 1"),
        ({"rollout": {"num_rollouts": 0}}, "`num_rollouts` must be at least 1"),
    ],
)
def test_settings_of_a_branch_outside_their_range_are_refused(change, message, whole, tmp_path):
    with pytest.raises(ValueError, match=message):
        branch_run(tmp_path / "branch", whole.directory, changed(whole.settings, **change))
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_already_holds_a_run_is_refused_and_unchanged(branch, whole):
    before = files(branch[0])
    with pytest.raises(ValueError, match=rf"{branch[0]}: already holds a run"):
        branch_run(branch[0], whole.directory, whole.settings)
    assert files(branch[0]) == before


def test_a_directory_without_a_run_cannot_be_branched_from(whole, tmp_path):
    with pytest.raises(ValueError, match=rf"{tmp_path / 'no'}: expected a run directory"):
        branch_run(tmp_path / "branch", tmp_path / "no", whole.settings)
    assert list(tmp_path.iterdir()) == []
