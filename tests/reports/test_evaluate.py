"""The figures of a run: each is what the metrics, or numpy, say of the state that it is a figure of."""

import dataclasses
import math
import shutil
import types

import numpy as np
import pytest
import tiny_runs
from exact import all_sequences, log_softmax, sequence_probabilities
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from seqgan_tf import metrics
from seqgan_tf.core.generation import generate
from seqgan_tf.core.phases import ADVERSARIAL, PRETRAIN_DISCRIMINATOR
from seqgan_tf.core.sampling import SamplingSettings
from seqgan_tf.metrics.reverse_lm import ReverseLanguageModel
from seqgan_tf.reports import evaluate as evaluation
from seqgan_tf.reports.settings import EvaluationSettings
from seqgan_tf.runs import config
from seqgan_tf.runs.directory import branch_run, create_run, open_run

STATES = ["pre-trained", "after 4 rounds"]
ORACLE = EvaluationSettings(samples=200, seed=3, sweep=True, sweep_seeds=2)
TEXT = EvaluationSettings(samples=50, seed=5, sweep=True, sweep_seeds=1)


def evaluate(directory, settings, data=None):
    run = open_run(directory)
    found = evaluation.read_evaluation_data(run, settings, data)
    figures, sweeps = evaluation.evaluate_run(run, found, settings)
    return types.SimpleNamespace(run=run, data=found, figures=figures, sweeps=sweeps)


@pytest.fixture(scope="module")
def oracle(base):
    """The finished run on an oracle, measured."""
    return evaluate(tiny_runs.oracle_run(base).directory, ORACLE)


@pytest.fixture(scope="module")
def text(base):
    """The finished run on text, measured."""
    return evaluate(tiny_runs.text_run(base).directory, TEXT)


@pytest.fixture(scope="module")
def states(base):
    """Gives the models of a run anew, in one of its states."""
    cache = {}

    def state(directory, name):
        if (directory, name) not in cache:
            run = open_run(directory)
            run.restore(pretrained=name == STATES[0])
            cache[directory, name] = run
        return cache[directory, name]

    return state


def log_likelihoods(generator, sequences):
    return np.log(sequence_probabilities(generator, sequences))


def without_padding(sequences):
    return [[int(token) for token in row if token >= 0] for row in sequences]


# The states


def test_the_states_of_a_run_are_the_end_of_its_pretraining_and_its_last(base, oracle):
    whole = tiny_runs.oracle_run(base)
    assert list(oracle.figures["states"]) == list(oracle.sweeps) == STATES
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


def test_a_run_of_no_rounds_is_its_pretraining(base, tmp_path):
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
    figures = oracle.figures["states"][name]["likelihood"]
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
    found = dict(figures)
    assert (found.pop("num_real"), found.pop("num_generated")) == (200, 200)
    assert found.pop("standard_errors") == pytest.approx(errors, rel=1e-3, abs=1e-6)
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", STATES)
def test_the_ngram_figures_are_those_of_the_samples_against_held_out_sequences(name, oracle, states, base):
    whole = tiny_runs.oracle_run(base)
    generated = states(whole.directory, name).gan.generate(200, seed=3)
    held_out, training = whole.corpus.test_token_ids[:200], whole.corpus.train_token_ids
    figures = oracle.figures["states"][name]["samples"]
    assert figures == pytest.approx(metrics.sample_metrics(generated, held_out, training))
    assert figures["distinct_1"] == pytest.approx(len(np.unique(generated)) / generated.size)
    known = {tuple(row) for row in training.tolist()}
    assert figures["share_copied"] == np.mean([tuple(row) in known for row in generated.tolist()])


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("kind", ["held-out real", "training real"])
def test_the_health_of_the_discriminator_is_that_of_its_verdicts(kind, name, oracle, states, base):
    whole = tiny_runs.oracle_run(base)
    gan = states(whole.directory, name).gan
    # The run has learnt from ten sequences only.
    real = whole.corpus.test_token_ids[:200] if kind == "held-out real" else whole.corpus.train_token_ids
    real, own = (np.ravel(gan.discriminator(part)).astype(np.float64) for part in (real, gan.generate(200, seed=3)))
    figures = oracle.figures["states"][name]["discriminator"][kind]
    assert (figures["num_real"], figures["num_generated"]) == (200 if kind == "held-out real" else 10, 200)
    assert figures["real_accuracy"] == pytest.approx(np.mean(real > 0))
    assert figures["generated_accuracy"] == pytest.approx(np.mean(own <= 0))
    difference = real[:, None] - own[None]
    assert figures["auc"] == pytest.approx(np.mean((difference > 0) + 0.5 * (difference == 0)), abs=1e-3)
    assert figures["log_loss"] == pytest.approx((np.log1p(np.exp(-real)).mean() + np.log1p(np.exp(own)).mean()) / 2)
    assert sum(weight for _, _, weight in figures["bins"]) == pytest.approx(1)


def test_the_texts_are_samples_at_three_temperatures(oracle, states, base):
    directory = tiny_runs.oracle_run(base).directory
    for name in STATES:
        gan, texts = states(directory, name).gan, oracle.figures["states"][name]["texts"]
        assert list(texts) == ["0.7", "1.0", "1.3"]
        for temperature, lines in texts.items():
            drawn = gan.generate(5, 1, temperature=float(temperature))
            assert lines == [" ".join(map(str, row)) for row in drawn.tolist()]


def entropy_per_token(oracle):
    """The entropy of an oracle's sequences, nats a token: the sum over all prefixes of p(prefix) H(next | prefix)."""
    prefixes = all_sequences(tiny_runs.VOCABULARY, tiny_runs.LENGTH - 1)
    last = np.zeros([len(prefixes), 1], np.int32)  # whatever it is, no logit depends on it
    log_probs = log_softmax(oracle(np.concatenate([prefixes, last], axis=1)))
    taken = np.take_along_axis(log_probs[:, :-1], prefixes[..., None], axis=-1)[..., 0]
    probability = np.exp(taken.sum(axis=1))
    assert probability.sum() == pytest.approx(1, rel=1e-5)
    return float(probability @ -np.sum(np.exp(log_probs) * log_probs, axis=-1).sum(axis=1)) / tiny_runs.LENGTH


def test_the_oracle_against_itself_is_its_entropy(oracle, base):
    whole, real = tiny_runs.oracle_run(base), oracle.figures["real"]
    assert real["num_oracle_samples"] == evaluation.ORACLE_SAMPLES
    expected = entropy_per_token(whole.oracle)
    spread = np.std(log_likelihoods(whole.oracle, whole.corpus.test_token_ids) / tiny_runs.LENGTH)
    assert real["oracle_against_itself"] == pytest.approx(expected, abs=4 * spread / math.sqrt(40_000))
    assert 4 * spread / math.sqrt(40_000) < 0.02


def test_real_sequences_are_measured_as_samples_are(oracle, base):
    """The ten that the run has learnt from; of held-out ones it is told how many stand among them."""
    corpus = tiny_runs.oracle_run(base).corpus
    held_out, training = corpus.test_token_ids[:200], corpus.train_token_ids
    expected = metrics.sample_metrics(training, held_out)
    known = {tuple(row) for row in training.tolist()}
    expected["share_copied"] = np.mean([tuple(row) in known for row in held_out.tolist()])
    assert oracle.figures["real"]["samples"] == pytest.approx(expected)


def test_the_sweep_of_an_oracle_run_is_nll_oracle_over_nll_test(oracle, states, base):
    whole = tiny_runs.oracle_run(base)
    held_out = whole.corpus.test_token_ids[:200]
    assert oracle.figures["sweep"]["quality"] == "NLL-oracle"
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
        assert oracle.figures["sweep"][name] == evaluation.plain(sweep)
    at_one = int(np.argmin(abs(oracle.sweeps[STATES[1]].alphas - 1)))
    likelihood = oracle.figures["states"][STATES[1]]["likelihood"]
    assert oracle.sweeps[STATES[1]].nll_test[0, at_one] == pytest.approx(likelihood["nll_test"], rel=1e-6)
    assert oracle.sweeps[STATES[1]].quality[0, at_one] == pytest.approx(likelihood["nll_oracle"], rel=1e-6)


def test_what_was_measured_is_said(oracle, text, base):
    assert oracle.figures["run"] == str(tiny_runs.oracle_run(base).directory)
    assert oracle.figures["held_out"] == "200 fresh sequences of the oracle"
    assert (oracle.figures["num_held_out"], oracle.figures["num_samples"], oracle.figures["seed"]) == (200, 200, 3)
    assert text.figures["held_out"] == "4 held-out lines of words.txt"


def test_the_same_settings_give_the_same_figures(oracle, base):
    settings = EvaluationSettings(samples=200, seed=3)
    again = evaluate(tiny_runs.oracle_run(base).directory, settings)
    assert again.sweeps == {}
    assert again.figures == {key: value for key, value in oracle.figures.items() if key != "sweep"}
    other = evaluate(tiny_runs.oracle_run(base).directory, EvaluationSettings(samples=200, seed=4))
    for name in STATES:
        assert other.figures["states"][name]["likelihood"] != oracle.figures["states"][name]["likelihood"]


# On text


def test_fewer_held_out_sequences_than_asked_for_are_counted_as_they_are(text):
    """A tenth of 40 lines."""
    assert (text.figures["num_held_out"], text.figures["num_samples"]) == (4, 50)
    for state in text.figures["states"].values():
        assert (state["likelihood"]["num_real"], state["likelihood"]["num_generated"]) == (4, 50)
        for kind in ("held-out real", "training real"):
            assert (state["discriminator"][kind]["num_real"], state["discriminator"][kind]["num_generated"]) == (4, 50)
    for sweep in text.sweeps.values():
        assert (sweep.num_test, sweep.num_generated) == (4, 50)


@pytest.mark.parametrize("name", STATES)
def test_the_figures_of_a_text_run_are_those_of_the_state(name, text, states, base):
    run = states(tiny_runs.text_run(base).directory, name)
    corpus = run.corpus
    held_out, generated = corpus.validation_token_ids, run.gan.generate(50, seed=5)
    figures = text.figures["states"][name]
    for key, sequences in (("nll_test", held_out), ("generator_entropy", generated)):
        expected = -log_likelihoods(run.gan.generator, sequences).sum() / (sequences >= 0).sum()
        assert figures["likelihood"][key] == pytest.approx(expected, rel=1e-5)
    assert "nll_oracle" not in figures["likelihood"]
    # As many samples as there are held-out lines: the figures depend on the count.
    expected = metrics.sample_metrics(generated[:4], held_out, corpus.train_token_ids)
    assert figures["samples"] == pytest.approx(expected, nan_ok=True)
    method_1, references = SmoothingFunction().method1, without_padding(held_out)
    bleu = [sentence_bleu(references, own, [0.5, 0.5], method_1) for own in without_padding(generated[:4])]
    assert figures["samples"]["bleu_2"] == pytest.approx(np.mean(bleu))
    real = np.ravel(run.gan.discriminator(held_out))
    assert figures["discriminator"]["held-out real"]["real_accuracy"] == pytest.approx(np.mean(real > 0))
    seen = np.ravel(run.gan.discriminator(corpus.train_token_ids[:4]))
    assert figures["discriminator"]["training real"]["real_accuracy"] == pytest.approx(np.mean(seen > 0))


def test_the_texts_hold_no_unknown_word(text):
    for state in text.figures["states"].values():
        lines = [line for lines in state["texts"].values() for line in lines]
        assert len(lines) == 15
        assert {word for line in lines for word in line.split()} <= set(tiny_runs.WORDS)


def test_the_sweep_of_a_text_run_is_bleu_4_over_nll_test(text, states, base):
    run = states(tiny_runs.text_run(base).directory, STATES[1])
    references = without_padding(run.corpus.validation_token_ids)
    sweep = text.sweeps[STATES[1]]
    assert text.figures["sweep"]["quality"] == "BLEU-4"
    drawn = generate(run.gan.generator, 50, 5, 5, SamplingSettings(1 / sweep.alphas[2]))
    method_1 = SmoothingFunction().method1
    expected = np.mean([sentence_bleu(references, row, [0.25] * 4, method_1) for row in without_padding(drawn)])
    assert sweep.quality[0, 2] == pytest.approx(expected)


def test_real_lines_of_the_training_part_are_measured_as_samples_are(text, states, base):
    corpus = states(tiny_runs.text_run(base).directory, STATES[1]).corpus
    held_out, training = corpus.validation_token_ids, corpus.train_token_ids
    expected = metrics.sample_metrics(training[:4], held_out)
    known = {tuple(row) for row in training.tolist()}
    expected["share_copied"] = np.mean([tuple(row) in known for row in held_out.tolist()])
    assert text.figures["real"] == {"samples": pytest.approx(expected, nan_ok=True)}


# Another file, and no file


@pytest.fixture
def other_data(tmp_path):
    path = tmp_path / "other.txt"
    path.write_text("red cat\nred red red red red red\nblue dog sees\n")
    return path


def test_another_file_is_measured_with_the_tokenizer_of_the_run(other_data, base):
    directory = tiny_runs.text_run(base).directory
    settings = EvaluationSettings(samples=20)
    data = evaluation.read_evaluation_data(open_run(directory), settings, other_data)
    red, cat, blue, dog, sees = open_run(directory).tokenizer.encode(["red cat blue dog sees"])[0][:5]
    expected = [[red, cat, 0, -1, -1], [red] * 5, [blue, dog, sees, 0, -1]]
    assert data.held_out.tolist() == expected
    assert (data.num_cut, data.description) == (1, "3 lines of other.txt")
    assert np.array_equal(data.training, open_run(directory).corpus.train_token_ids)
    few = evaluation.read_evaluation_data(open_run(directory), EvaluationSettings(samples=2), other_data)
    assert few.held_out.tolist() == expected[:2]
    assert few.description == "2 lines of other.txt"


@pytest.mark.parametrize("how", ["missing", "changed"])
def test_measuring_on_another_file_does_not_need_the_data_of_the_run(how, other_data, base, tmp_path):
    text = tiny_runs.text_run(base)
    directory, data = shutil.copytree(text.directory, tmp_path / "run"), tmp_path / "words.txt"
    path = directory / "config.toml"
    path.write_text(path.read_text().replace(str(text.data), str(data)))
    if how == "changed":
        data.write_text("red cat\n" * 40)
    measured = evaluate(directory, EvaluationSettings(samples=20), other_data)
    assert measured.data.training is None
    assert (measured.figures["num_held_out"], measured.figures["num_cut"]) == (3, 1)
    assert measured.figures["real"] == {}
    run = open_run(directory)
    run.restore()
    for state in measured.figures["states"].values():
        assert list(state["discriminator"]) == ["held-out real"]
        assert "share_copied" not in state["samples"]
    nll = -log_likelihoods(run.gan.generator, measured.data.held_out).sum() / (3 + 5 + 4)
    assert state["likelihood"]["nll_test"] == pytest.approx(nll, rel=1e-5)
    with pytest.raises(ValueError, match="expected the text file"):
        evaluation.read_evaluation_data(run, EvaluationSettings())


# The reverse language model


def test_the_reverse_language_model_reads_samples_and_is_held_against_one_that_reads_training_sequences(
    base, monkeypatch
):
    calls = []

    def stand_in(generated, real, *settings, seed):
        calls.append((generated, real, settings, seed))
        return ReverseLanguageModel(float(len(calls)), 2, len(generated), len(real))

    monkeypatch.setattr(metrics, "reverse_language_model", stand_in)
    monkeypatch.setattr(evaluation, "ORACLE_SAMPLES", 500)
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
        *(measured.figures["states"][name]["reverse_lm"] for name in STATES),
        measured.figures["real"]["reverse_lm"],
    ]
    assert [figures["nll"] for figures in found] == [1.0, 2.0, 3.0]
    assert [(figures["num_generated"], figures["num_real"]) for figures in found] == [(30, 30), (30, 30), (10, 30)]
    assert "reverse_lm" not in evaluate(whole.directory, EvaluationSettings(30)).figures["real"]


# Plain values, and what is refused


def test_plain_values_are_what_json_has():
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
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message, base):
    run = open_run(tiny_runs.oracle_run(base).directory)
    with pytest.raises(ValueError, match=message):
        evaluation.read_evaluation_data(run, EvaluationSettings(**settings))


def test_another_file_is_refused_for_a_run_on_an_oracle_and_so_is_one_that_is_missing(base, tmp_path):
    settings = EvaluationSettings()
    run = open_run(tiny_runs.oracle_run(base).directory)
    with pytest.raises(ValueError, match=r"--data needs a run on text. Received: a run on an oracle"):
        evaluation.read_evaluation_data(run, settings, tiny_runs.text_run(base).data)
    run, path = open_run(tiny_runs.text_run(base).directory), tmp_path / "no.txt"
    with pytest.raises(ValueError, match=f"{path}: expected a text file that can be read"):
        evaluation.read_evaluation_data(run, settings, path)


def test_a_run_without_a_checkpoint_is_refused(base, tmp_path):
    whole = tiny_runs.oracle_run(base)
    directory = shutil.copytree(whole.directory, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints"))
    with pytest.raises(ValueError, match=f"{directory}: expected a checkpoint to resume from. Received: none"):
        evaluate(directory, EvaluationSettings(samples=20))
