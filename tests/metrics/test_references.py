"""BLEU and chrF against references: against arithmetic by hand, and a plain implementation."""

import collections
import math
import sys

import pytest

from seqgan_tf.core.validation import InputError, MissingExtraError
from seqgan_tf.metrics import chrf, corpus_bleu, exact_match

TEXTS = ["the cat sits on a mat", "red dog"]
REFERENCES = ["the cat sits on the mat", "a red dog runs"]


def plain_bleu(texts, references, order):
    """Corpus BLEU of words (Papineni et al., 2002), for texts in which every order has a match."""
    log_precision = 0.0
    for n in range(1, order + 1):
        matches = total = 0
        for text, reference in zip(texts, references, strict=True):
            grams = [
                collections.Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
                for words in (text.split(), reference.split())
            ]
            matches += sum((grams[0] & grams[1]).values())
            total += sum(grams[0].values())
        log_precision += math.log(matches / total) / order
    lengths = [sum(len(text.split()) for text in side) for side in (texts, references)]
    return 100 * math.exp(log_precision + min(0.0, 1 - lengths[1] / lengths[0]))


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_bleu_equals_a_plain_implementation(order):
    found = corpus_bleu(TEXTS, REFERENCES, order)
    assert found.value == pytest.approx(plain_bleu(TEXTS, REFERENCES, order), abs=1e-9)
    assert "smooth:exp" in found.signature


def test_bleu_by_hand():
    # 7 of 8 words match, and the texts are two words shorter than their references.
    assert corpus_bleu(TEXTS, REFERENCES, 1).value == pytest.approx(100 * 7 / 8 * math.exp(1 - 10 / 8))


def test_equal_texts_have_the_highest_score():
    assert corpus_bleu(TEXTS[:1], TEXTS[:1]).value == pytest.approx(100)
    assert chrf(TEXTS, TEXTS).value == pytest.approx(100)


def test_chrf_by_hand():
    # "ab" against "abc": precision 1 for 1- and 2-grams; recall 2/3 and 1/2. Only these orders exist in both.
    scores = [(1, 2 / 3), (1, 1 / 2)]
    precision, recall = (sum(side) / 2 for side in zip(*scores, strict=True))
    assert chrf(["ab"], ["abc"]).value == pytest.approx(100 * 5 * precision * recall / (4 * precision + recall))


@pytest.mark.parametrize("metric", [corpus_bleu, chrf])
@pytest.mark.parametrize(
    ("texts", "references", "counts"), [(["a"], ["a", "b"], "1 and 2"), ([], [], "0 and 0"), ("a", ["a"], "1 and 1")]
)
def test_lists_of_different_lengths(metric, texts, references, counts):
    expected = rf"`texts` and `references` must be lists of as many str each, at least 1. Received: {counts}$"
    with pytest.raises(InputError, match=expected):
        metric(texts, references)


def test_an_order_below_1():
    with pytest.raises(InputError, match=r"`order` must be at least 1. Received: 0"):
        corpus_bleu(TEXTS, REFERENCES, 0)


@pytest.mark.parametrize("metric", [corpus_bleu, chrf])
def test_without_the_library(metric, monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(MissingExtraError, match=r"needs sacrebleu: pip install 'seqgan-tf\[bleu\]'"):
        metric(TEXTS, REFERENCES)


def test_several_references_of_each_text():
    texts = ["the cat sits on a mat", "red dog"]
    references = [["the cat sits on the mat", "a cat sits on a mat", "x"], ["a red dog"]]
    # By hand: 6 of 6 and 2 of 2 words are in a reference; the closest lengths are 6 and 3.
    assert corpus_bleu(texts, references, 1).value == pytest.approx(100 * math.exp(1 - 9 / 8))
    one = corpus_bleu(texts, [row[0] for row in references], 1).value
    assert (
        one
        == corpus_bleu(texts, [row[:1] for row in references], 1).value
        == pytest.approx(100 * 7 / 8 * math.exp(1 - 9 / 8))
    )
    assert chrf(["ab", "x"], [["abc", "ab"], ["x"]]).value == pytest.approx(100)
    assert "nrefs:var" in corpus_bleu(texts, references).signature


def test_exact_match_counts_any_reference():
    assert exact_match(["a", "b", "c", "d"], [["x", "a"], ["b"], ["cc"], ["a", "b"]]) == 0.5
    assert exact_match(["a", "b"], ["a", "c"]) == 0.5
    with pytest.raises(
        InputError, match=r"^`references` must hold at least one str for each text. Received: none for one"
    ):
        exact_match(["a", "b"], [["a"], []])
    with pytest.raises(InputError, match=r"must be lists of as many str each, at least 1. Received: 1 and 2"):
        exact_match(["a"], ["a", "b"])
