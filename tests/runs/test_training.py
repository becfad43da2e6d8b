"""The phases as one run: its reports, its files, early stopping, TensorBoard, and the compiled steps."""

import csv
import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf
import tiny_runs
from exact import sequence_probabilities

from seqgan_tf.core.phases import ADVERSARIAL, PRETRAIN_DISCRIMINATOR, PRETRAIN_GENERATOR
from seqgan_tf.data.text import TextCorpus
from seqgan_tf.metrics.gain import held_out_gain
from seqgan_tf.models.conv_discriminator import Discriminator
from seqgan_tf.models.generator import Generator
from seqgan_tf.rewards.rollout import MonteCarloRollout
from seqgan_tf.runs import config, training
from seqgan_tf.runs.checkpoints import RunState
from seqgan_tf.runs.directory import create_run, open_run
from seqgan_tf.runs.training import INITIAL, Training
from seqgan_tf.seqgan import SeqGAN

# 10 sequences in batches of 4 are 3 steps per epoch; the other numbers are in `tiny_runs.oracle_settings`.
TOTALS = {INITIAL: 1, PRETRAIN_GENERATOR: 2 * 3, PRETRAIN_DISCRIMINATOR: 4, ADVERSARIAL: 4}


def read_csv(directory):
    with open(directory / "metrics.csv", newline="") as file:
        return list(csv.DictReader(file))


# Reports and files


def test_the_phases_come_in_order_and_every_step_is_reported(whole):
    at_once = {PRETRAIN_DISCRIMINATOR: 2}  # steps that draw at once are reported at once
    numbers = {phase: range(0, total + 1, at_once.get(phase, 1))[1:] for phase, total in TOTALS.items()}
    expected = [(phase, step) for phase, steps in numbers.items() for step in steps]
    assert list(whole.states) == expected
    assert whole.totals == TOTALS


def test_each_phase_changes_its_own_network_alone(whole):
    parts = len(whole.gan.generator.get_weights())
    ends = [whole.states[phase, total] for phase, total in TOTALS.items()]
    generator_moves, discriminator_moves = [], []
    for before, after in itertools.pairwise(ends):
        generator_moves.append(not tiny_runs.same(before[:parts], after[:parts]))
        discriminator_moves.append(not tiny_runs.same(before[parts:], after[parts:]))
    assert generator_moves == [True, False, True]
    assert discriminator_moves == [False, True, True]


def test_an_evaluation_is_a_row_after_each_epoch_each_phase_and_every_second_round(whole):
    assert [(row["phase"], row["step"]) for row in whole.rows] == [
        (INITIAL, 0),
        (PRETRAIN_GENERATOR, 1),
        (PRETRAIN_GENERATOR, 2),
        (PRETRAIN_DISCRIMINATOR, 4),
        (ADVERSARIAL, 2),
        (ADVERSARIAL, 4),
    ]


def test_a_row_holds_what_its_phase_can_measure(whole):
    always = {"phase", "step", "seconds", "nll_test", "nll_oracle"}
    accuracies = {"held_out_real_accuracy", "held_out_generated_accuracy", "held_out_gain"}
    of_generator = {"nll", "gradient_norm"}
    of_discriminator = {"discriminator_loss", "real_accuracy", "generated_accuracy", "discriminator_gradient_norm"}
    of_round = {"generator_loss", "reward", "entropy", "generator_gradient_norm"}
    expected = {
        INITIAL: always,
        PRETRAIN_GENERATOR: always | of_generator,
        PRETRAIN_DISCRIMINATOR: always | accuracies | of_discriminator,
        ADVERSARIAL: always | accuracies | of_discriminator | of_round,
    }
    for row in whole.rows:
        assert set(row) == expected[row["phase"]]
    assert all(np.isfinite(value) for row in whole.rows for value in row.values() if isinstance(value, float))
    seconds = [row["seconds"] for row in whole.rows]
    assert seconds == sorted(seconds)


def test_metrics_csv_holds_the_rows(whole):
    written = read_csv(whole.directory)
    assert len(written) == len(whole.rows)
    for text, row in zip(written, whole.rows, strict=True):
        assert {name for name, value in text.items() if value} == set(row)
        for name, value in row.items():
            assert type(value)(text[name]) == value


def nats_per_token(generator, token_ids):
    logits = generator(token_ids).numpy().astype(np.float64)
    log_probs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return -np.mean(np.take_along_axis(log_probs, token_ids[..., None], axis=-1))


def test_the_last_row_measures_the_final_networks_on_held_out_sequences(whole):
    row, gan, held_out = whole.rows[-1], whole.gan, whole.corpus.test_token_ids
    samples = gan.generate(5000, seed=1)
    assert row["nll_test"] == pytest.approx(nats_per_token(gan.generator, held_out), rel=1e-5)
    assert row["nll_oracle"] == pytest.approx(nats_per_token(whole.oracle, samples), rel=1e-5)
    real, generated = (gan.discriminator(part[:1000]).numpy() for part in (held_out, samples))
    assert row["held_out_real_accuracy"] == pytest.approx(np.mean(real > 0))
    assert row["held_out_generated_accuracy"] == pytest.approx(1 - np.mean(generated > 0))
    assert row["held_out_gain"] == pytest.approx(held_out_gain(real, generated), abs=1e-5)


def test_samples_are_written_at_every_evaluation(whole):
    files = {path.name: path.read_text().splitlines() for path in (whole.directory / "samples").iterdir()}
    assert sorted(files) == [
        "adversarial-00002.txt",
        "adversarial-00004.txt",
        "initial-00000.txt",
        "pretrain-discriminator-00004.txt",
        "pretrain-generator-00001.txt",
        "pretrain-generator-00002.txt",
    ]
    for lines in files.values():
        assert [len(line.split()) for line in lines] == [5] * 10
    drawn = whole.gan.generate(5000, seed=1)[:10]
    assert files["adversarial-00004.txt"] == [" ".join(map(str, row)) for row in drawn]


# Early stopping, checkpoints within a phase, TensorBoard


@pytest.fixture
def text_training(tmp_path):
    """Makes a `Training` of the generator's pre-training, on twelve lines that the generator soon memorises."""

    def make(learning_rate, epochs, patience, patience_of_rounds=None, **adversarial):
        lines = [f"{a} {b} {c}" for a, b, c in zip("abcdabcdabcd", "bcdabcdaabcd", "aabbccddabcd", strict=True)]
        corpus = TextCorpus(lines, min_frequency=1, batch_size=8, validation_split=0.33, seed=2)
        generator = Generator(corpus.vocabulary_size, 4, 8, dropout=0.1, end_token_id=0, seed=1)
        discriminator = Discriminator(corpus.vocabulary_size, corpus.sequence_length, widths=(1,), filters=(1,), seed=1)
        gan = SeqGAN(generator, discriminator, MonteCarloRollout(1, update_rate=0.5), batch_size=8, seed=1)
        gan.compile("sgd", pretrain_optimizer=tf.keras.optimizers.Adam(learning_rate))
        pretrain = config.PretrainSettings(epochs=epochs, patience=patience, discriminator_steps=0)
        state = RunState(gan, tmp_path, patience, patience_of_rounds)
        return Training(state, corpus, pretrain, config.AdversarialSettings(**{"rounds": 0} | adversarial))

    return make


def test_early_stopping_ends_the_phase_and_restores_the_best_epoch(text_training, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1)
    current = text_training(learning_rate=0.05, epochs=40, patience=3)
    generator, states, checkpoints = current.gan.generator, [], []
    for progress in current.run():  # noqa: B007, looked at after the loop
        states.append(generator.get_weights())
        checkpoints.append(sorted(path.name for path in (tmp_path / "checkpoints").glob("*.index")))
    nlls = [row["nll_test"] for row in current.state.rows[1:]]
    best = int(np.argmin(nlls[:-1]))
    assert best > 0
    assert len(nlls) - 1 == best + 3  # one step is one epoch here
    assert min(nlls[best + 1 : -1]) > nlls[best] + 0.001
    assert nlls[-1] == min(nlls) == nlls[best]
    assert tiny_runs.same(states[-1], states[best + 1])  # states[0] is before the first step
    assert (progress.phase, progress.step, progress.total) == (PRETRAIN_GENERATOR, 40, 40)
    # The roll-out policy has the best weights too.
    assert tiny_runs.same(current.gan.rollout_policy.get_weights(), states[-1])
    # A checkpoint is written if the last one is old enough, here after every step. Two are kept.
    assert all(before != after for before, after in itertools.pairwise(checkpoints[1:]))
    assert max(map(len, checkpoints)) == 2
    # A phase that stopped early is finished: a resumed run does not continue it.
    again = text_training(learning_rate=0.05, epochs=40, patience=3)
    again.state.restore()
    assert list(again.run()) == []
    assert tiny_runs.same(again.gan.generator.get_weights(), states[-1])


def test_the_discriminator_starts_from_the_embeddings_of_the_generator(base, tmp_path):
    settings = tiny_runs.oracle_settings(base)
    pretrain = dataclasses.replace(settings.pretrain, copy_embedding=True)
    run = create_run(tmp_path / "run", dataclasses.replace(settings, pretrain=pretrain))
    steps = run.training().run()
    next(progress for progress in steps if (progress.phase, progress.step) == (PRETRAIN_DISCRIMINATOR, 2))
    ours, theirs = (np.array(net.embedding.embeddings)[:12] for net in (run.gan.discriminator, run.gan.generator))
    expected = theirs / theirs.std() * settings.discriminator.embedding_range / np.sqrt(3)
    np.testing.assert_allclose(ours, expected, atol=0.021)  # after two steps of Adam at 0.01
    next(steps)
    steps.close()
    again = open_run(tmp_path / "run")
    next(again.training(again.restore()).run())
    assert np.abs(np.array(again.gan.discriminator.embedding.embeddings)[:12] - expected).max() > 0.011


def test_the_adversarial_phase_stops_and_restores_the_best_round(text_training, monkeypatch):
    current = text_training(0.05, epochs=1, patience=None, rounds=20, evaluate_every=2, patience_of_rounds=4)
    nlls = iter([3.0, 2.0, 2.5, 2.1, 1.0])  # before the first round, and after 2, 4 and 6 rounds
    monkeypatch.setattr(current, "_validation_nll", lambda: next(nlls))
    weights = {0: current.gan.generator.get_weights()}
    for progress in current.run():
        if progress.phase == ADVERSARIAL:
            weights[len(weights)] = current.gan.generator.get_weights()
    assert (len(weights) - 1, progress.step, progress.total) == (6, 20, 20)
    assert tiny_runs.same(weights[6], weights[2])
    assert not tiny_runs.same(weights[5], weights[2])
    assert [row["step"] for row in current.state.rows if row["phase"] == ADVERSARIAL] == [2, 4, 6]
    # A resumed run does not continue the phase.
    again = text_training(0.05, epochs=1, patience=None, rounds=20, evaluate_every=2, patience_of_rounds=4)
    again.state.restore()
    assert list(again.run()) == []
    assert tiny_runs.same(again.gan.generator.get_weights(), weights[6])


def test_without_a_better_round_the_pre_trained_generator_is_kept(text_training, monkeypatch):
    current = text_training(0.05, epochs=1, patience=None, rounds=3, evaluate_every=2, patience_of_rounds=9)
    nlls = iter([1.0, 2.0, 3.0])
    monkeypatch.setattr(current, "_validation_nll", lambda: next(nlls))
    for progress in current.run():
        if progress.phase == PRETRAIN_GENERATOR:
            pretrained = current.gan.generator.get_weights()
    assert (progress.phase, progress.step) == (ADVERSARIAL, 3)
    assert tiny_runs.same(current.gan.generator.get_weights(), pretrained)


def test_without_patience_all_epochs_are_trained(text_training):
    current = text_training(learning_rate=0.1, epochs=12, patience=None)
    for progress in current.run():  # noqa: B007, looked at after the loop
        last = current.gan.generator.get_weights()
    nlls = [row["nll_test"] for row in current.state.rows[1:]]
    assert (len(nlls), progress.step) == (12, 12)
    assert nlls[-1] > min(nlls)
    assert tiny_runs.same(current.gan.generator.get_weights(), last)


def test_a_run_on_text_measures_no_oracle_and_writes_lines_of_text(text_training, tmp_path):
    current = text_training(learning_rate=0.1, epochs=1, patience=None)
    steps = current.run()
    row = next(steps).row
    steps.close()
    assert set(row) == {"phase", "step", "seconds", "nll_test"}
    held_out = current.corpus.validation_token_ids
    log_likelihoods = np.log(sequence_probabilities(current.gan.generator, held_out))
    assert row["nll_test"] == pytest.approx(-log_likelihoods.sum() / (held_out >= 0).sum(), rel=1e-5)
    samples = current.gan.generate(1000, seed=1)[:10]
    assert (tmp_path / "samples" / "initial-00000.txt").read_text().split("\n") == [*current.corpus.decode(samples), ""]


def test_tensorboard_files_are_written_on_request(whole, tmp_path):
    assert not (whole.directory / "tensorboard").exists()
    state, settings = RunState(whole.gan, tmp_path), whole.settings
    current = Training(state, whole.corpus, settings.pretrain, settings.adversarial, whole.oracle, tensorboard=True)
    steps = current.run()
    row = next(steps).row
    steps.close()
    current.summary.flush()
    (path,) = (tmp_path / "tensorboard").iterdir()
    values = {}
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        for value in tf.compat.v1.Event.FromString(record).summary.value:
            values[value.tag] = float(tf.make_ndarray(value.tensor))
    assert values == pytest.approx({name: row[name] for name in ("seconds", "nll_test", "nll_oracle")})


def test_the_last_epoch_can_be_the_best(text_training):
    current = text_training(learning_rate=0.02, epochs=3, patience=3)
    for _ in current.run():
        last = current.gan.generator.get_weights()
    nlls = [row["nll_test"] for row in current.state.rows]
    assert nlls == sorted(nlls, reverse=True)
    assert len(set(nlls)) == 4
    assert tiny_runs.same(current.gan.generator.get_weights(), last)


def test_a_single_epoch_with_patience_is_kept(text_training):
    current = text_training(learning_rate=0.02, epochs=1, patience=2)
    before = current.gan.generator.get_weights()
    list(current.run())
    assert not tiny_runs.same(current.gan.generator.get_weights(), before)


def test_a_run_has_a_checkpoint_before_its_first_step(text_training, tmp_path):
    """A run that is killed soon after its start can then be resumed."""
    steps = text_training(learning_rate=0.1, epochs=1, patience=None).run()
    next(steps)
    assert tiny_runs.last_checkpoint(tmp_path, "index")
    steps.close()


def test_every_step_is_compiled_once(tmp_path, base):
    """The last batch of an epoch is smaller than the others; it must not be traced separately."""
    run = create_run(tmp_path / "run", tiny_runs.oracle_settings(base))
    current = run.training()
    for _ in current.run():
        pass
    counts = [function.experimental_get_tracing_count() for function in current.functions.values()]
    assert counts == [1, 1, 1]
