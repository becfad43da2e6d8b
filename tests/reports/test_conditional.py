"""The evaluation of runs with conditions: every number is recomputed another way."""

import json
import shutil
import sys

import numpy as np
import pytest
import tiny_images
import tiny_runs
from evaluations import STATES, evaluate

import seqgan_tf as sg
from seqgan_tf.core.validation import InputError, MissingExtraError
from seqgan_tf.metrics import chrf, corpus_bleu, exact_match
from seqgan_tf.reports.conditional import evaluate_conditions, first_of_each, other_rows
from seqgan_tf.reports.conditional_page import conditional_parts
from seqgan_tf.reports.data import read_evaluation_data
from seqgan_tf.reports.settings import EvaluationSettings
from seqgan_tf.runs.directory import open_run


@pytest.fixture(scope="module")
def pairs(base):
    return evaluate(tiny_runs.pairs_run(base).directory, EvaluationSettings(samples=3))


def test_the_data_are_the_first_held_out_pairs(pairs):
    corpus = pairs.run.corpus
    assert pairs.data.given == list(corpus.held_out_given[:3])
    assert pairs.data.texts == list(corpus.held_out_texts[:3])
    assert np.array_equal(pairs.data.condition, corpus.held_out_condition[:3])
    assert np.array_equal(pairs.data.training_condition, corpus.train_condition)
    assert (pairs.report["num_samples"], pairs.report["num_held_out"]) == (3, 3)


def test_the_scores_are_those_of_the_texts_that_generate_gives(pairs):
    run, data = pairs.run, pairs.data  # with the weights of the last state
    found = pairs.report["states"][STATES[1]]["conditional"]
    arguments = {"greedy": {"temperature": 0.0}, "beam 4": {"num_beams": 4}, "sample": {}}
    for way, settings in arguments.items():
        token_ids = run.gan.generate(
            condition=data.condition, seed=1, suppress_tokens=run.source.suppressed_tokens, **settings
        )
        texts = run.decode(token_ids)
        scores = found["decodings"][way]
        assert scores["sacrebleu_4"] == corpus_bleu(texts, data.texts).value
        assert scores["chrf"] == chrf(texts, data.texts).value
        assert scores["exact_match"] == np.mean([a == b for a, b in zip(texts, data.texts, strict=True)])
        words = [token for row in token_ids for token in row if token >= 0]
        assert scores["distinct_1"] == pytest.approx(len(set(words)) / len(words))
        assert scores["share_of_conditions"] == np.mean([a == b for a, b in zip(texts, data.given, strict=True)])
        assert [row[way] for row in found["texts"]] == texts
    assert [(row["condition"], row["reference"]) for row in found["texts"]] == list(
        zip(data.given, data.texts, strict=True)
    )


def test_shuffled_conditions_are_those_of_other_rows(pairs):
    run, data = pairs.run, pairs.data
    wrong = data.condition[other_rows(3)]
    found = pairs.report["states"][STATES[1]]["conditional"]
    nll = sg.negative_log_likelihood(run.gan.generator, (wrong, data.held_out))
    assert found["nll_test_shuffled"] == pytest.approx(nll)
    assert nll != pairs.report["states"][STATES[1]]["likelihood"]["nll_test"]


def test_shuffling_leaves_no_condition_at_its_row():
    for count in range(2, 40):
        assert not np.any(other_rows(count) == np.arange(count))
        assert sorted(other_rows(count)) == list(range(count))


def test_the_likelihoods_are_given_the_conditions(pairs):
    run, data = pairs.run, pairs.data
    likelihood = pairs.report["states"][STATES[1]]["likelihood"]
    assert likelihood["nll_test"] == sg.negative_log_likelihood(run.gan.generator, (data.condition, data.held_out))
    generated = run.gan.generate(condition=data.condition, seed=1)
    entropy = sg.negative_log_likelihood(run.gan.generator, (data.condition, generated))
    assert likelihood["generator_entropy"] == entropy


def test_the_health_of_the_discriminator_is_given_the_conditions(pairs):
    run, data = pairs.run, pairs.data
    health = pairs.report["states"][STATES[1]]["discriminator"]["held-out real"]
    encoded = run.gan.discriminator.encode(data.condition)
    real = run.gan.discriminator(data.held_out, context=encoded).numpy()
    assert health["real_accuracy"] == np.mean(real > 0)
    wrong = run.gan.discriminator(np.roll(data.held_out, 1, axis=0), context=encoded).numpy()
    differs = np.any(data.condition != np.roll(data.condition, 1, axis=0), axis=1)
    assert health["mismatched_accuracy"] == np.mean(wrong[differs] <= 0)


def test_dialogues_have_a_score_for_each_order(base):
    found = evaluate(tiny_runs.dialogue_run(base).directory, EvaluationSettings(samples=4))
    scores = found.report["states"][STATES[1]]["conditional"]["decodings"]["greedy"]
    assert {f"sacrebleu_{n}" for n in range(1, 5)} < set(scores)
    page = "\n".join(conditional_parts(found.report))
    shown = [line.split(": ", 1)[1] for line in page.splitlines() if line.strip().startswith("condition: ")]
    assert shown[:4] == [text.replace("\n", " | ") for text in found.data.given]
    assert any(" | " in text for text in shown)


def test_a_sweep_is_given_the_conditions(base):
    found = evaluate(tiny_runs.labels_run(base).directory, EvaluationSettings(samples=4, sweep=True, sweep_seeds=1))
    sweep = found.sweeps[STATES[1]]
    at_one = int(abs(sweep.alphas - 1).argmin())
    assert sweep.nll_test[0, at_one] == pytest.approx(
        found.report["states"][STATES[1]]["likelihood"]["nll_test"], abs=1e-6
    )
    assert (sweep.num_test, sweep.num_generated) == (4, 4)


def test_another_file(base, tmp_path):
    run = open_run(tiny_runs.pairs_run(base).directory)
    path = tmp_path / "other.tsv"
    path.write_text("prompt\tcompletion\nrot katze\tred cat\nblau\tblue\n")
    data = read_evaluation_data(run, EvaluationSettings(samples=10), path)
    assert (data.given, data.texts) == (["rot katze", "blau"], ["red cat", "blue"])
    assert run.source.conditions.decode(data.condition) == data.given
    sides = [tmp_path / "a.de", tmp_path / "a.en"]
    for side, text in zip(sides, ("rot\nblau\n", "red\nblue\n"), strict=True):
        side.write_text(text)
    assert read_evaluation_data(run, EvaluationSettings(samples=10), *sides).texts == ["red", "blue"]
    with pytest.raises(InputError, match=r"expected a .tsv, .* file for the task 'pairs'. Received: text"):
        read_evaluation_data(run, EvaluationSettings(), sides[0])
    with pytest.raises(InputError, match=r"^--target needs --data, its source. Received: none$"):
        read_evaluation_data(run, EvaluationSettings(), None, sides[0])


def test_the_data_of_the_run_may_be_gone(base, tmp_path):
    directory = shutil.copytree(tiny_runs.pairs_run(base).directory, tmp_path / "run")
    config = directory / "config.toml"
    config.write_text(config.read_text().replace("train.de", "gone.de"))
    path = tmp_path / "other.tsv"
    path.write_text("prompt\tcompletion\nrot katze\tred cat\nblau\tblue\n")
    data = read_evaluation_data(open_run(directory), EvaluationSettings(samples=10), path)
    assert (data.training, data.training_condition) == (None, None)


def test_an_evaluation_without_its_library(base, monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    expected = r"The evaluation of a run with conditions needs sacrebleu: pip install 'seqgan-tf\[bleu\]'"
    with pytest.raises(MissingExtraError, match=expected):
        evaluate(tiny_runs.pairs_run(base).directory, EvaluationSettings(samples=3))


def test_the_page_shows_scores_conditions_and_texts(pairs):
    page = "\n\n".join(conditional_parts(json.loads(json.dumps(pairs.report))))
    found = pairs.report["states"][STATES[0]]["conditional"]
    assert f"| pre-trained, greedy | {found['decodings']['greedy']['sacrebleu_4']:.3f} |" in page
    assert "sacreBLEU: nrefs:1|" in page
    assert f"{found['nll_test_shuffled']:.3f}" in page
    assert f"condition: {pairs.data.given[0]}" in page


def test_an_image_with_several_captions_gets_one_text(base, tmp_path):
    """Its references are all its captions, and a shuffled image is never the same one."""
    run = open_run(tiny_runs.captions_run(base).directory)
    run.restore()
    captions = {f"{i}.png": [f"red {i}", "blue left", "green"][: 1 + i] for i in range(3)}
    path = tiny_images.write_coco(tmp_path, captions)
    data = read_evaluation_data(run, EvaluationSettings(samples=50), path)
    found = evaluate_conditions(run, data, seed=1)
    assert [row["condition"] for row in found["texts"]] == [str(tmp_path / name) for name in captions]
    assert [row["reference"].split("\n") for row in found["texts"]] == list(captions.values())
    for way in ("greedy", "sample"):
        texts = [row[way] for row in found["texts"]]
        scores = found["decodings"][way]
        assert scores["sacrebleu_4"] == corpus_bleu(texts, list(captions.values())).value
        assert scores["exact_match"] == exact_match(texts, list(captions.values()))
    rows, group_of = first_of_each(data.given)
    assert (rows.tolist(), group_of.tolist()) == ([0, 1, 3], [0, 1, 1, 2, 2, 2])
    wrong = rows[other_rows(3)][group_of]
    assert not np.any(group_of[wrong] == group_of)
    nll = sg.negative_log_likelihood(run.gan.generator, (data.condition[wrong], data.held_out))
    assert found["nll_test_shuffled"] == pytest.approx(nll)
