"""Evaluation of a run on text, and on another file: every metric equals the one computed here for the same samples."""

import shutil

import numpy as np
import pytest
import tiny_runs
from evaluations import STATES, evaluate, log_likelihoods
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from seqgan_tf import metrics
from seqgan_tf.core.generation import generate
from seqgan_tf.core.sampling import SamplingSettings
from seqgan_tf.reports.data import read_evaluation_data
from seqgan_tf.reports.settings import EvaluationSettings
from seqgan_tf.runs.directory import open_run

TEXT = EvaluationSettings(samples=50, seed=5, sweep=True, sweep_seeds=1)


@pytest.fixture(scope="module")
def text(base):
    """The finished run on text, measured."""
    return evaluate(tiny_runs.text_run(base).directory, TEXT)


def without_padding(sequences):
    return [[int(token) for token in row if token >= 0] for row in sequences]


def test_the_report_names_the_data(text):
    assert text.report["held_out"] == "4 held-out lines of words.txt"


def test_the_actual_number_of_held_out_sequences_is_reported(text):
    """A tenth of 40 lines is held out."""
    assert (text.report["num_held_out"], text.report["num_samples"]) == (4, 50)
    for state in text.report["states"].values():
        assert (state["likelihood"]["num_real"], state["likelihood"]["num_generated"]) == (4, 50)
        for kind in ("held-out real", "training real"):
            assert (state["discriminator"][kind]["num_real"], state["discriminator"][kind]["num_generated"]) == (4, 50)
    for sweep in text.sweeps.values():
        assert (sweep.num_test, sweep.num_generated) == (4, 50)


@pytest.mark.parametrize("name", STATES)
def test_the_metrics_of_a_text_run_are_those_of_the_state(name, text, states, base):
    run = states(tiny_runs.text_run(base).directory, name)
    corpus = run.corpus
    held_out, generated = corpus.validation_token_ids, run.gan.generate(50, seed=5)
    measured = text.report["states"][name]
    for key, sequences in (("nll_test", held_out), ("generator_entropy", generated)):
        expected = -log_likelihoods(run.gan.generator, sequences).sum() / (sequences >= 0).sum()
        assert measured["likelihood"][key] == pytest.approx(expected, rel=1e-5)
    assert "nll_oracle" not in measured["likelihood"]
    # As many samples as there are held-out lines: the metrics depend on their number.
    expected = metrics.sample_metrics(generated[:4], held_out, corpus.train_token_ids)
    assert measured["samples"] == pytest.approx(expected, nan_ok=True)
    method_1, references = SmoothingFunction().method1, without_padding(held_out)
    bleu = [sentence_bleu(references, own, [0.5, 0.5], method_1) for own in without_padding(generated[:4])]
    assert measured["samples"]["bleu_2"] == pytest.approx(np.mean(bleu))
    real = np.ravel(run.gan.discriminator(held_out))
    assert measured["discriminator"]["held-out real"]["real_accuracy"] == pytest.approx(np.mean(real > 0))
    seen = np.ravel(run.gan.discriminator(corpus.train_token_ids[:4]))
    assert measured["discriminator"]["training real"]["real_accuracy"] == pytest.approx(np.mean(seen > 0))


def test_the_texts_contain_no_unknown_token(text):
    for state in text.report["states"].values():
        lines = [line for lines in state["texts"].values() for line in lines]
        assert len(lines) == 15
        assert {word for line in lines for word in line.split()} <= set(tiny_runs.WORDS)


def test_the_sweep_of_a_text_run_is_bleu_4_over_nll_test(text, states, base):
    run = states(tiny_runs.text_run(base).directory, STATES[1])
    references = without_padding(run.corpus.validation_token_ids)
    sweep = text.sweeps[STATES[1]]
    assert text.report["sweep"]["quality"] == "BLEU-4"
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
    assert text.report["real"] == {"samples": pytest.approx(expected, nan_ok=True)}


# Another file


@pytest.fixture
def other_data(tmp_path):
    path = tmp_path / "other.txt"
    path.write_text("red cat\nred red red red red red\nblue dog sees\n")
    return path


def test_another_file_is_measured_with_the_tokenizer_of_the_run(other_data, base):
    directory = tiny_runs.text_run(base).directory
    settings = EvaluationSettings(samples=20)
    data = read_evaluation_data(open_run(directory), settings, other_data)
    red, cat, blue, dog, sees = open_run(directory).tokenizer.encode(["red cat blue dog sees"])[0][:5]
    expected = [[red, cat, 0, -1, -1], [red] * 5, [blue, dog, sees, 0, -1]]
    assert data.held_out.tolist() == expected
    assert (data.num_cut, data.description) == (1, "3 lines of other.txt")
    assert np.array_equal(data.training, open_run(directory).corpus.train_token_ids)
    few = read_evaluation_data(open_run(directory), EvaluationSettings(samples=2), other_data)
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
    assert (measured.report["num_held_out"], measured.report["num_cut"]) == (3, 1)
    assert measured.report["real"] == {}
    run = open_run(directory)
    run.restore()
    for state in measured.report["states"].values():
        assert list(state["discriminator"]) == ["held-out real"]
        assert "share_copied" not in state["samples"]
    nll = -log_likelihoods(run.gan.generator, measured.data.held_out).sum() / (3 + 5 + 4)
    assert state["likelihood"]["nll_test"] == pytest.approx(nll, rel=1e-5)
    with pytest.raises(ValueError, match="expected the text file"):
        read_evaluation_data(run, EvaluationSettings())
