"""BLEU, Self-BLEU and diversity against nltk and plain counting."""

import collections
import math

import numpy as np
import pytest
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics.diversity import Share, distinct, distinct_shares, ms_jaccard, share_copied
from seqgan_tf.metrics.sentence_bleu import bleu, self_bleu

METHOD_1 = SmoothingFunction().method1


@pytest.fixture
def texts(rng):
    """Sequences of 1 to 11 tokens of 6, so that some are shorter than n, and some n-grams repeat in one."""

    def draw(count):
        return [rng.integers(0, 6, rng.integers(1, 12)).tolist() for _ in range(count)]

    return draw


def nltk_bleu(references, hypothesis, n):
    return sentence_bleu(references, hypothesis, [1 / n] * n, smoothing_function=METHOD_1)


def ngrams(sequence, n):
    return collections.Counter(zip(*(sequence[i:] for i in range(n)), strict=False))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_bleu_is_that_of_nltk(texts):
    hypotheses, references = texts(50), texts(30)
    scores = bleu(hypotheses, references)
    assert set(scores.bleu) == {2, 3, 4, 5}
    for n in scores.bleu:
        expected = [nltk_bleu(references, hypothesis, n) for hypothesis in hypotheses]
        np.testing.assert_allclose(scores.sentences[n], expected, rtol=0, atol=1e-9)
        assert scores.bleu[n] == pytest.approx(np.mean(expected), abs=1e-9)
    assert (scores.num_hypotheses, scores.num_references) == (50, 30)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_self_bleu_is_that_of_nltk_without_the_sentence_itself(texts):
    sequences = texts(40)
    sequences.append(sequences[0])  # a repeated sequence scores 1 against its copy
    scores = self_bleu(sequences)
    for n in scores.bleu:
        others = [sequences[:i] + sequences[i + 1 :] for i in range(len(sequences))]
        expected = [nltk_bleu(rest, sequence, n) for rest, sequence in zip(others, sequences, strict=True)]
        np.testing.assert_allclose(scores.sentences[n], expected, rtol=0, atol=1e-9)
    assert scores.num_references == 40


def test_padding_and_large_ids_change_no_score(texts):
    hypotheses, references = texts(9), texts(7)
    padded = np.full([9, 15], -1)
    for row, hypothesis in zip(padded, hypotheses, strict=True):
        row[: len(hypothesis)] = hypothesis
    assert bleu(padded, references).bleu == bleu(hypotheses, references).bleu
    larger = [[[token * 10**9 for token in sequence] for sequence in part] for part in (hypotheses, references)]
    assert bleu(*larger).bleu == bleu(hypotheses, references).bleu


def test_distinct_against_plain_counting(texts):
    sequences = texts(20)
    for n in (1, 2, 3):
        counts = sum((ngrams(sequence, n) for sequence in sequences), collections.Counter())
        assert distinct(sequences, n) == Share(len(counts) / counts.total(), len(counts), counts.total())
    assert distinct([[1, 2, 1], [2, 1]], 2) == Share(2 / 3, 2, 3)


def test_share_copied_counts_whole_sequences():
    training = [[1, 2, 3], [4, 5]]
    assert share_copied([[1, 2, 3], [1, 2], [4, 5], [5, 4], [6]], training) == Share(0.4, 2, 5)
    assert share_copied(np.array([[4, 5, -1], [1, 2, -1]]), training) == Share(0.5, 1, 2)


def test_ms_jaccard_against_plain_counting(texts):
    generated, real = texts(20), texts(13)
    product = 1.0
    for n, score in ms_jaccard(generated, real, max_n=3).ms_jaccard.items():
        a, b = (
            {k: c / len(part) for k, c in sum((ngrams(s, n) for s in part), collections.Counter()).items()}
            for part in (generated, real)
        )
        keys = a.keys() | b.keys()
        product *= sum(min(a.get(k, 0), b.get(k, 0)) for k in keys) / sum(max(a.get(k, 0), b.get(k, 0)) for k in keys)
        assert score == pytest.approx(product ** (1 / n))
    assert ms_jaccard(real, real).ms_jaccard[5] == pytest.approx(1.0)
    assert ms_jaccard([[1, 2]], [[3, 4]], max_n=2).ms_jaccard == {1: 0.0, 2: 0.0}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bleu([], [[1]]), "`hypotheses` must hold at least one sequence. Received: none"),
        (lambda: bleu([[1]], [[1], []]), "`references` must hold sequences of at least one token.* empty one at 1"),
        (lambda: bleu([[1.5]], [[1]]), "`hypotheses` must hold sequences of int token ids"),
        (lambda: bleu([[-2]], [[1]]), "`hypotheses` must hold token ids of 0 and above. Received: -2"),
        (lambda: bleu([[1]], [[1]], max_n=1), "`max_n` must be at least 2. Received: 1"),
        (lambda: self_bleu([[1, 2]]), "`sequences` must hold at least 2 sequences"),
        (lambda: distinct([[1, 2]], 3), "`sequences` must hold a sequence of at least 3 tokens"),
        (lambda: ms_jaccard([[1, 2]], [[1]], 3), "`max_n` must be at most the longest sequence. Received: 3"),
        (lambda: share_copied([], [[1]]), "`sequences` must hold at least one sequence"),
    ],
)
def test_invalid_sequences_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_distinct_shares_are_those_of_distinct_or_nan():
    rows = [[1, 2, 1], [2, 1]]
    assert distinct_shares(rows) == {"distinct_1": 2 / 5, "distinct_2": 2 / 3}
    short = distinct_shares([[1], [1]])
    assert short["distinct_1"] == 1 / 2
    assert math.isnan(short["distinct_2"])
