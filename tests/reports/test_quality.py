"""The metrics of samples that a temperature sweep can show, against an n-gram count and libraries."""

import collections
import typing

import numpy as np
import pytest
import tiny_runs
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from seqgan_tf.metrics.metric import METRICS
from seqgan_tf.reports import quality
from seqgan_tf.reports.settings import Quality
from seqgan_tf.runs.directory import open_run

EVERYWHERE = [name for name in typing.get_args(Quality) if name not in ("nll_oracle", "share_parsed")]


@pytest.fixture(scope="module")
def text(base):
    return open_run(tiny_runs.text_run(base).directory)


def without_padding(token_ids):
    return [[int(token) for token in row if token >= 0] for row in token_ids]


def test_every_quality_is_a_metric_with_better_values():
    for name in typing.get_args(Quality):
        assert METRICS[name].direction != "none"


@pytest.mark.parametrize("name", EVERYWHERE)
def test_all_runs_have_it(name, text):
    assert quality.quality_metric(text, name) is METRICS[name]


@pytest.mark.parametrize("name", ["nll_oracle", "share_parsed"])
def test_a_metric_of_other_data_is_refused(name, text):
    expected = "expected a quality that runs on these data have: bleu_4, or one that all have. Received: " + name
    with pytest.raises(ValueError, match=expected):
        quality.quality_metric(text, name)


@pytest.mark.parametrize("order", [2, 3, 4, 5])
def test_bleu_and_ms_jaccard_are_those_of_their_order(order, text):
    held_out, samples = text.corpus.validation_token_ids, text.corpus.train_token_ids[:7]
    references, method_1 = without_padding(held_out), SmoothingFunction().method1
    scores = [sentence_bleu(references, row, [1 / order] * order, method_1) for row in without_padding(samples)]
    assert quality.measure_quality(text, f"bleu_{order}", held_out)(samples) == pytest.approx(np.mean(scores))

    def counts(rows, n):
        grams = [tuple(row[i : i + n]) for row in rows for i in range(len(row) - n + 1)]
        return {gram: count / len(rows) for gram, count in collections.Counter(grams).items()}

    product = 1.0
    for n in range(1, order + 1):
        a, b = counts(without_padding(samples), n), counts(references, n)
        pairs = [(a.get(gram, 0), b.get(gram, 0)) for gram in {*a, *b}]
        product *= sum(map(min, pairs)) / sum(map(max, pairs))
    found = quality.measure_quality(text, f"ms_jaccard_{order}", held_out)(samples)
    assert found == pytest.approx(product ** (1 / order))


def test_the_reverse_language_model_has_the_sizes_of_the_generator(text, monkeypatch):
    asked = []

    def measure(*arguments, **settings):
        asked.append((arguments[2:], settings))
        return quality.ReverseLanguageModel(1.25, 3, 7, 4)

    monkeypatch.setattr(quality.metrics, "reverse_language_model", measure)
    held_out = text.corpus.validation_token_ids
    assert quality.measure_quality(text, "reverse_lm_nll", held_out)(held_out) == 1.25
    generator = text.gan.generator
    sizes = generator.vocabulary_size, generator.end_token_id, generator.embedding_dim, generator.hidden_dim
    assert asked == [((*sizes, text.settings.pretrain.learning_rate), {"seed": text.settings.seed})]


def test_without_a_name_it_is_that_of_the_data(text):
    held_out, samples = text.corpus.validation_token_ids, text.corpus.train_token_ids[:7]
    assert quality.quality_metric(text, None) is METRICS["bleu_4"]
    measured = [quality.measure_quality(text, name, held_out)(samples) for name in (None, "bleu_4")]
    assert measured[0] == measured[1]
