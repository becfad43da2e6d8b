"""Explanations of sequences of runs: what they say is what the networks compute."""

import numpy as np
import pytest
import tiny_music
import tiny_runs

import seqgan_tf as sg
from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics import sequence_log_likelihoods
from seqgan_tf.reports.explain import token_ids_of
from seqgan_tf.reports.explanation_text import explanation_markdown
from seqgan_tf.rewards.sequence_rewards import LogOdds, sequence_logits


@pytest.fixture(scope="module")
def text(base):
    run = sg.load_run(tiny_runs.text_run(base).directory)
    token_ids = run.gan.generate(2, seed=4)
    return run, token_ids, sg.explain(run, token_ids, num_rollouts=3, top_k=2)


@pytest.fixture(scope="module")
def pairs(base):
    run = sg.load_run(tiny_runs.pairs_run(base).directory)
    condition = run.source.conditions.encode(["rot katze", "blau"])
    token_ids = run.gan.generate(condition=condition, seed=4)
    return run, condition, token_ids, sg.explain(run, token_ids, condition, num_rollouts=2)


def test_the_parts_add_up_to_the_logit(text):
    run, token_ids, explanations = text
    logits = sequence_logits(run.gan.discriminator, token_ids).numpy()
    for found, logit in zip(explanations, logits, strict=True):
        assert found.logit == pytest.approx(float(logit), abs=1e-6)
        assert sum(token.logit_share for token in found.tokens) + found.rest + found.gap == pytest.approx(found.logit)
        assert sum(ngram.weight for ngram in found.ngrams) + found.base == pytest.approx(found.logit, abs=1e-4)
        assert found.probability_real == pytest.approx(1 / (1 + np.exp(-found.logit)))


def test_the_probabilities_are_those_of_the_generator(text):
    run, token_ids, explanations = text
    expected = sequence_log_likelihoods(run.gan.generator, token_ids)
    for found, log_likelihood in zip(explanations, expected, strict=True):
        total = sum(np.log(token.probability) for token in found.tokens)
        assert total == pytest.approx(float(log_likelihood), abs=1e-4)
    logits = run.gan.generator(token_ids).numpy()
    for row, found in enumerate(explanations):
        for t, token in enumerate(found.tokens):
            order = [int(i) for i in np.argsort(-logits[row, t]) if i != token.token_id]
            assert [other.token_id for other in token.alternatives] == order[:2]


def test_values_and_advantages(text):
    run, token_ids, explanations = text
    reward = run.gan.reward_estimator.sequence_reward
    whole = reward.of_logits(sequence_logits(run.gan.discriminator, token_ids)).numpy()
    for found, value in zip(explanations, whole, strict=True):
        assert found.tokens[-1].value == pytest.approx(float(value), abs=1e-5)
        assert found.tokens[-1].standard_error == 0
        assert any(token.standard_error > 0 for token in found.tokens)
        for token in found.tokens:
            others = [(other.probability, other.value, other.standard_error) for other in token.alternatives]
            total = sum(p for p, _, _ in others)
            mean = sum(p * q for p, q, _ in others) / total
            variance = token.standard_error**2 + sum((p / total * error) ** 2 for p, _, error in others)
            assert token.advantage == pytest.approx(token.value - mean)
            assert token.advantage_error == pytest.approx(variance**0.5)


def test_texts(text):
    _, token_ids, explanations = text
    for found, row in zip(explanations, token_ids, strict=True):
        names = [token.token for token in found.tokens]
        assert len(names) == (row >= 0).sum()
        assert " ".join(name for name in names if name != "<end>") == found.text
        assert [name == "<end>" for name in names] == [token == 0 for token in row if token >= 0]
        for ngram in found.ngrams:
            assert ngram.text == " ".join(names[ngram.start : ngram.start + ngram.width])
        page = explanation_markdown([found])
        assert page.count("\n| ") >= len(names) + len(found.ngrams[:10])
        assert f"probability of real {found.probability_real:.0%}" in page


def test_a_text_of_the_user(text):
    run = text[0]
    token_ids = token_ids_of(run, "red cat")
    assert token_ids.shape == (1, run.settings.sequence_length)
    assert run.decode(token_ids) == ["red cat"]
    (found,) = sg.explain(run, token_ids, num_rollouts=1)
    assert [token.token for token in found.tokens] == ["red", "cat", "<end>"]
    assert np.isnan(found.tokens[0].standard_error)


def test_attention_is_that_of_the_generator(pairs):
    run, condition, token_ids, explanations = pairs
    weights = run.gan.generator.attention_weights(token_ids, run.gan.generator.encode(condition)).numpy()
    for row, found in enumerate(explanations):
        assert found.source == [["rot", "katze", "<end>"], ["blau", "<end>"]][row]
        assert found.condition == ["rot katze", "blau"][row]
        count = len(found.tokens)
        np.testing.assert_allclose(found.attention, weights[row, :count, : len(found.source)], atol=1e-6)
        np.testing.assert_allclose(np.sum(found.attention, axis=1), 1, atol=1e-5)
    assert "| reads |" in explanation_markdown(explanations)


@pytest.mark.parametrize("make", ["captions_run", "questions_run"])
def test_an_image_is_read_in_its_cells(make, base):
    made = getattr(tiny_runs, make)(base)
    run = sg.load_run(made.directory)
    given = str(made.data / "003.png") + "\nwhich side ?" * (make == "questions_run")
    condition = run.source.conditions.encode([given])
    token_ids = run.gan.generate(condition=condition, seed=4)
    (found,) = sg.explain(run, token_ids, condition, num_rollouts=2)
    assert found.condition == given
    assert (found.grid, found.cells) == ((2, 2), 4)
    assert found.source[:4] == ["(1, 1)", "(1, 2)", "(2, 1)", "(2, 2)"]
    assert found.source[4:] == (["which", "side", "?", "<end>"] if make == "questions_run" else [])
    np.testing.assert_array_equal(found.image, condition["image"][0] if make == "questions_run" else condition[0])
    weights = run.gan.generator.attention_weights(token_ids, run.gan.generator.encode(condition)).numpy()[0]
    weights = weights[: len(found.tokens), : len(found.source)]
    np.testing.assert_allclose(found.attention, weights, atol=1e-6)
    np.testing.assert_allclose(found.maps, weights[:, :4].reshape(-1, 2, 2), atol=1e-6)


def test_a_label_is_read_by_its_name(base):
    run = sg.load_run(tiny_runs.labels_run(base).directory)
    condition = run.source.conditions.encode(["sad"])
    (found,) = sg.explain(run, run.gan.generate(condition=condition, seed=1), condition, num_rollouts=1)
    assert found.source == ["sad"]
    assert found.image is None


def test_tokens_of_music_have_names(base):
    run = sg.load_run(tiny_music.music_run(base).directory)
    (found,) = sg.explain(run, run.gan.generate(1, seed=1)[:, :4], num_rollouts=1, top_k=1)
    music = run.source.music
    assert [token.token for token in found.tokens] == music.labels([token.token_id for token in found.tokens])


@pytest.mark.parametrize("make", ["oracle_run", "code_run", "labels_run", "transformer_run"])
def test_other_runs(make, base):
    run = sg.load_run(getattr(tiny_runs, make)(base).directory)
    condition = None
    if run.source.conditions is not None:
        condition = run.source.conditions.encode(["sad" if make == "labels_run" else "rot"])
    token_ids = run.gan.generate(None if condition is not None else 1, seed=1, condition=condition)
    (found,) = sg.explain(run, token_ids[:, :6], condition, num_rollouts=2, top_k=1)
    assert found.text == run.decode(token_ids[:, :6])[0]
    if make == "oracle_run":
        assert [token.token for token in found.tokens] == [str(token) for token in token_ids[0]]
    has_attention = bool(getattr(run.gan.generator, "attention", None)) and condition is not None
    assert (found.attention is not None) == has_attention


def test_the_reward_is_that_of_the_run(text):
    run = text[0]
    assert text[2][0].reward == run.gan.reward_estimator.sequence_reward.log_name
    assert isinstance(run.gan.reward_estimator.sequence_reward, LogOdds)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("red wolf owl", r"--text must hold tokens of the vocabulary only. Received: 'wolf', 'owl'"),
        ("red cat sees red dog", r"--text must have at most 4 tokens, those of the model. Received: 5"),
    ],
)
def test_texts_that_do_not_fit(text, value, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        token_ids_of(text[0], value)


def test_a_text_for_a_run_without_text(base):
    run = sg.load_run(tiny_runs.oracle_run(base).directory)
    with pytest.raises(InputError, match=r"^--text needs a run on text. Received: a run on oracle$"):
        token_ids_of(run, "1 2 3 4 5")


def test_numbers(text):
    run, token_ids, _ = text
    for name in ("num_rollouts", "top_k"):
        with pytest.raises(InputError, match=rf"^`{name}` must be at least 1. Received: 0$"):
            sg.explain(run, token_ids, **{name: 0})
    with pytest.raises(InputError, match=r"^`token_ids` must be in \[0, \d+\), the vocabulary.* Received: 99$"):
        sg.explain(run, token_ids + (token_ids < 0) * 100)
