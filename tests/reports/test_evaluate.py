"""Evaluation of a run on an oracle: every metric equals the one computed here for the same state and samples."""

import dataclasses
import math
import shutil

import numpy as np
import pytest
import tiny_runs
from evaluations import STATES, evaluate, log_likelihoods
from exact import all_sequences, log_softmax, sequence_probabilities

from seqgan_tf import metrics
from seqgan_tf.core.generation import generate
from seqgan_tf.core.phases import ADVERSARIAL, PRETRAIN_DISCRIMINATOR
from seqgan_tf.core.sampling import SamplingSettings
from seqgan_tf.metrics.reverse_lm import ReverseLanguageModel
from seqgan_tf.reports import data
from seqgan_tf.reports import evaluate as evaluation
from seqgan_tf.reports.data import read_evaluation_data
from seqgan_tf.reports.settings import EvaluationSettings
from seqgan_tf.runs import config
from seqgan_tf.runs.directory import branch_run, create_run, open_run

ORACLE = EvaluationSettings(samples=200, seed=3, sweep=True, sweep_seeds=2)


@pytest.fixture(scope="module")
def oracle(base):
    """The finished run on an oracle, measured."""
    return evaluate(tiny_runs.oracle_run(base).directory, ORACLE)


# The states


def test_the_states_of_a_run_are_the_end_of_its_pretraining_and_its_last(base, oracle):
    whole = tiny_runs.oracle_run(base)
    assert list(oracle.report["states"]) == list(oracle.sweeps) == STATES
    run = open_run(whole.directory)
    found = {name: tiny_runs.weights(run.gan) for name in evaluation.restored_states(run)}
    assert list(found) == STATES
    assert tiny_runs.same(found["pre-trained"], whole.states[PRETRAIN_DISCRIMINATOR, 4])
    assert tiny_runs.same(found["after 4 rounds"], whole.states[ADVERSARIAL, 4])
    assert not tiny_runs.same(*found.values())


def test_a_run_in_its_pretraining_has_one_state_and_after_its_first_round_two(base, tmp_path):
    early = open_run(tiny_runs.early_run(base))
    assert list(evaluation.restored_states(early)) == ["in pre-training"]
    whole = tiny_runs.oracle_run(base)
    run = branch_run(tmp_path / "branch", whole.directory, whole.settings)
    training = run.training(run.restore())
    steps = training.run()
    next(steps)
    steps.close()
    assert list(evaluation.restored_states(open_run(tmp_path / "branch"))) == ["pre-trained", "after 1 round"]


def test_a_run_without_rounds_has_only_the_pretrained_state(base, tmp_path):
    settings = tiny_runs.oracle_settings(base)
    none = config.AdversarialSettings(rounds=0)
    pretrain = config.PretrainSettings(epochs=0, discriminator_steps=0)
    directory = tmp_path / "run"
    run = create_run(directory, dataclasses.replace(settings, adversarial=none, pretrain=pretrain))
    list(run.training().run())
    assert list(evaluation.restored_states(open_run(directory))) == ["pre-trained"]


# On an oracle


@pytest.mark.parametrize("name", STATES)
def test_the_likelihoods_and_divergences_are_those_of_the_state(name, oracle, states, base):
    whole = tiny_runs.oracle_run(base)
    run = states(whole.directory, name)
    real, generated = whole.corpus.test_token_ids[:200], run.gan.generate(200, seed=3)
    measured = oracle.report["states"][name]["likelihood"]
    g_real, o_real = (log_likelihoods(model, real) for model in (run.gan.generator, whole.oracle))
    g_own, o_own = (log_likelihoods(model, generated) for model in (run.gan.generator, whole.oracle))
    js_real = o_real - np.log((np.exp(o_real) + np.exp(g_real)) / 2)
    js_own = g_own - np.log((np.exp(o_own) + np.exp(g_own)) / 2)
    values = {
        "nll_test": -g_real / 5,
        "nll_oracle": -o_own / 5,
        "oracle_entropy": -o_real / 5,
        "generator_entropy": -g_own / 5,
        "kl_oracle_generator": o_real - g_real,
        "kl_generator_oracle": g_own - o_own,
    }
    errors = {key: value.std(ddof=1) / math.sqrt(200) for key, value in values.items()}
    errors["jensen_shannon"] = math.sqrt((js_real.var(ddof=1) + js_own.var(ddof=1)) / 200) / 2
    expected = {key: value.mean() for key, value in values.items()}
    expected["jensen_shannon"] = (js_real.mean() + js_own.mean()) / 2
    found = dict(measured)
    assert (found.pop("num_real"), found.pop("num_generated")) == (200, 200)
    assert found.pop("standard_errors") == pytest.approx(errors, rel=1e-3, abs=1e-6)
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", STATES)
def test_the_ngram_metrics_compare_samples_with_held_out_sequences(name, oracle, states, base):
    whole = tiny_runs.oracle_run(base)
    generated = states(whole.directory, name).gan.generate(200, seed=3)
    held_out, training = whole.corpus.test_token_ids[:200], whole.corpus.train_token_ids
    measured = oracle.report["states"][name]["samples"]
    assert measured == pytest.approx(metrics.sample_metrics(generated, held_out, training))
    assert measured["distinct_1"] == pytest.approx(len(np.unique(generated)) / generated.size)
    known = {tuple(row) for row in training.tolist()}
    assert measured["share_copied"] == np.mean([tuple(row) in known for row in generated.tolist()])


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("kind", ["held-out real", "training real"])
def test_the_metrics_of_the_discriminator_are_those_of_its_logits(kind, name, oracle, states, base):
    whole = tiny_runs.oracle_run(base)
    gan = states(whole.directory, name).gan
    # The run has only ten training sequences.
    real = whole.corpus.test_token_ids[:200] if kind == "held-out real" else whole.corpus.train_token_ids
    real, own = (np.ravel(gan.discriminator(part)).astype(np.float64) for part in (real, gan.generate(200, seed=3)))
    measured = oracle.report["states"][name]["discriminator"][kind]
    assert (measured["num_real"], measured["num_generated"]) == (200 if kind == "held-out real" else 10, 200)
    assert measured["real_accuracy"] == pytest.approx(np.mean(real > 0))
    assert measured["generated_accuracy"] == pytest.approx(np.mean(own <= 0))
    difference = real[:, None] - own[None]
    assert measured["auc"] == pytest.approx(np.mean((difference > 0) + 0.5 * (difference == 0)), abs=1e-3)
    assert measured["log_loss"] == pytest.approx((np.log1p(np.exp(-real)).mean() + np.log1p(np.exp(own)).mean()) / 2)
    assert sum(weight for _, _, weight in measured["bins"]) == pytest.approx(1)


def test_the_texts_are_samples_at_three_temperatures(oracle, states, base):
    directory = tiny_runs.oracle_run(base).directory
    for name in STATES:
        gan, texts = states(directory, name).gan, oracle.report["states"][name]["texts"]
        assert list(texts) == ["0.7", "1.0", "1.3"]
        for temperature, lines in texts.items():
            drawn = gan.generate(5, 1, temperature=float(temperature))
            assert lines == [" ".join(map(str, row)) for row in drawn.tolist()]


def entropy_per_token(oracle):
    """The entropy of an oracle's sequences, nats per token: the sum over all prefixes of p(prefix) H(next | prefix)."""
    prefixes = all_sequences(tiny_runs.VOCABULARY, tiny_runs.LENGTH - 1)
    last = np.zeros([len(prefixes), 1], np.int32)  # no logit depends on its value
    log_probs = log_softmax(oracle(np.concatenate([prefixes, last], axis=1)))
    taken = np.take_along_axis(log_probs[:, :-1], prefixes[..., None], axis=-1)[..., 0]
    probability = np.exp(taken.sum(axis=1))
    assert probability.sum() == pytest.approx(1, rel=1e-5)
    return float(probability @ -np.sum(np.exp(log_probs) * log_probs, axis=-1).sum(axis=1)) / tiny_runs.LENGTH


def test_the_oracle_against_itself_is_its_entropy(oracle, base):
    whole, real = tiny_runs.oracle_run(base), oracle.report["real"]
    assert real["num_oracle_samples"] == evaluation.ORACLE_SAMPLES
    expected = entropy_per_token(whole.oracle)
    spread = np.std(log_likelihoods(whole.oracle, whole.corpus.test_token_ids) / tiny_runs.LENGTH)
    assert real["oracle_against_itself"] == pytest.approx(expected, abs=4 * spread / math.sqrt(40_000))
    assert 4 * spread / math.sqrt(40_000) < 0.02


def test_real_sequences_are_measured_as_samples_are(oracle, base):
    """The ten training sequences are measured; `share_copied` is that of the held-out sequences."""
    corpus = tiny_runs.oracle_run(base).corpus
    held_out, training = corpus.test_token_ids[:200], corpus.train_token_ids
    expected = metrics.sample_metrics(training, held_out)
    known = {tuple(row) for row in training.tolist()}
    expected["share_copied"] = np.mean([tuple(row) in known for row in held_out.tolist()])
    assert oracle.report["real"]["samples"] == pytest.approx(expected)


def test_the_sweep_of_an_oracle_run_is_nll_oracle_over_nll_test(oracle, states, base):
    whole = tiny_runs.oracle_run(base)
    held_out = whole.corpus.test_token_ids[:200]
    assert oracle.report["sweep"]["quality"] == "NLL-oracle"
    for name in STATES:
        sweep, generator = oracle.sweeps[name], states(whole.directory, name).gan.generator
        assert (sweep.seeds, sweep.num_test, sweep.num_generated) == ((3, 4), 200, 200)
        for at in (0, 5):
            alpha = sweep.alphas[at]
            nll = -np.log(sequence_probabilities(lambda ids: alpha * generator(ids), held_out)).mean() / 5  # noqa: B023
            np.testing.assert_allclose(sweep.nll_test[:, at], nll, rtol=1e-5)
            for row, seed in enumerate(sweep.seeds):
                drawn = generate(generator, 200, 5, seed, SamplingSettings(1 / alpha))
                quality = -log_likelihoods(whole.oracle, drawn).mean() / 5
                assert sweep.quality[row, at] == pytest.approx(quality, rel=1e-5)
        assert oracle.report["sweep"][name] == evaluation.plain(sweep)
    at_one = int(np.argmin(abs(oracle.sweeps[STATES[1]].alphas - 1)))
    likelihood = oracle.report["states"][STATES[1]]["likelihood"]
    assert oracle.sweeps[STATES[1]].nll_test[0, at_one] == pytest.approx(likelihood["nll_test"], rel=1e-6)
    assert oracle.sweeps[STATES[1]].quality[0, at_one] == pytest.approx(likelihood["nll_oracle"], rel=1e-6)


def test_the_report_names_the_run_the_data_and_the_settings(oracle, base):
    assert oracle.report["run"] == str(tiny_runs.oracle_run(base).directory)
    assert oracle.report["held_out"] == "200 fresh sequences of the oracle"
    assert (oracle.report["num_held_out"], oracle.report["num_samples"], oracle.report["seed"]) == (200, 200, 3)


def test_the_same_settings_give_the_same_report(oracle, base):
    settings = EvaluationSettings(samples=200, seed=3)
    again = evaluate(tiny_runs.oracle_run(base).directory, settings)
    assert again.sweeps == {}
    assert again.report == {key: value for key, value in oracle.report.items() if key != "sweep"}
    other = evaluate(tiny_runs.oracle_run(base).directory, EvaluationSettings(samples=200, seed=4))
    for name in STATES:
        assert other.report["states"][name]["likelihood"] != oracle.report["states"][name]["likelihood"]


# The reverse language model


def test_the_reverse_language_model_is_trained_on_samples_and_another_on_training_sequences(base, monkeypatch):
    calls = []

    def stand_in(generated, real, *settings, seed):
        calls.append((generated, real, settings, seed))
        return ReverseLanguageModel(float(len(calls)), 2, len(generated), len(real))

    monkeypatch.setattr(metrics, "reverse_language_model", stand_in)
    monkeypatch.setattr(evaluation, "ORACLE_SAMPLES", 500)
    for module in (evaluation, data):
        monkeypatch.setattr(module, "least_samples", lambda: 10)
    whole = tiny_runs.oracle_run(base)
    measured = evaluate(whole.directory, EvaluationSettings(samples=30, reverse_lm=True))
    held_out = whole.corpus.test_token_ids[:30]
    samples = whole.gan.generate(30, seed=1)  # of the last state
    assert [len(call[0]) for call in calls] == [30, 30, 10]
    assert not np.array_equal(calls[0][0], samples)
    assert np.array_equal(calls[1][0], samples)
    assert np.array_equal(calls[2][0], whole.corpus.train_token_ids)
    for _, real, settings, seed in calls:
        assert np.array_equal(real, held_out)
        assert settings == (12, None, 3, 4, 1e-2)  # the size of the run's own generator
        assert seed == 0
    found = [
        *(measured.report["states"][name]["reverse_lm"] for name in STATES),
        measured.report["real"]["reverse_lm"],
    ]
    assert [values["nll"] for values in found] == [1.0, 2.0, 3.0]
    assert [(values["num_generated"], values["num_real"]) for values in found] == [(30, 30), (30, 30), (10, 30)]
    assert "reverse_lm" not in evaluate(whole.directory, EvaluationSettings(30)).report["real"]
    monkeypatch.setattr(evaluation, "least_samples", lambda: 11)  # one more than there are training sequences
    measured = evaluate(whole.directory, EvaluationSettings(samples=30, reverse_lm=True))
    assert all("reverse_lm" in measured.report["states"][name] for name in STATES)
    assert "reverse_lm" not in measured.report["real"]


# Plain values and refusals


def test_plain_values_have_json_types():
    value = {
        1: (np.float32(0.5), math.nan, np.int64(3)),
        "a": np.array([[1.0, np.inf]]),
        "b": ReverseLanguageModel(-math.inf, 1, 2, 3),
        "c": [None, "text", True],
    }
    assert evaluation.plain(value) == {
        "1": [0.5, None, 3],
        "a": [[1.0, None]],
        "b": {"nll": None, "epochs": 1, "num_generated": 2, "num_real": 3},
        "c": [None, "text", True],
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"samples": 1}, "`samples` must be at least 2. Received: 1"),
        ({"samples": -3}, "`samples` must be at least 2. Received: -3"),
        ({"sweep_seeds": 0}, "`sweep_seeds` must be at least 1. Received: 0"),
        ({"samples": 70, "reverse_lm": True}, "`samples` must be at least 71 with `reverse_lm`, .* Received: 70"),
    ],
)
def test_settings_outside_their_range_are_refused(settings, message, base):
    run = open_run(tiny_runs.oracle_run(base).directory)
    with pytest.raises(ValueError, match=message):
        read_evaluation_data(run, EvaluationSettings(**settings))


def test_another_file_is_refused_if_it_is_missing_or_the_run_is_on_an_oracle(base, tmp_path):
    settings = EvaluationSettings()
    run = open_run(tiny_runs.oracle_run(base).directory)
    with pytest.raises(ValueError, match=r"--data needs a run on text. Received: a run on an oracle"):
        read_evaluation_data(run, settings, tiny_runs.text_run(base).data)
    run, path = open_run(tiny_runs.text_run(base).directory), tmp_path / "no.txt"
    with pytest.raises(ValueError, match=f"{path}: expected a text file that can be read"):
        read_evaluation_data(run, settings, path)


def test_a_run_without_a_checkpoint_is_refused(base, tmp_path):
    whole = tiny_runs.oracle_run(base)
    directory = shutil.copytree(whole.directory, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints"))
    with pytest.raises(ValueError, match=f"{directory}: expected a checkpoint to resume from. Received: none"):
        evaluate(directory, EvaluationSettings(samples=20))
