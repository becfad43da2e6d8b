"""Texts against the references of each: exact match, and BLEU and chrF of a corpus by sacrebleu (extra `bleu`)."""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

from seqgan_tf.core.validation import InputError, check_at_least, require

EXTRA = "bleu"

References = Sequence[str] | Sequence[Sequence[str]]
"""The reference of each text, or the references of each, as many as there are."""


class Score(NamedTuple):
    """A score of a corpus.

    Attributes:
        value: the score, in [0, 100].
        signature: what the library computed, as publications give it.

    Example:
    ```python
    from seqgan_tf.metrics.references import Score

    score = Score(31.2, "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0")
    ```
    """

    value: float
    signature: str


def corpus_bleu(texts: Sequence[str], references: References, order: int = 4) -> Score:
    """BLEU of a corpus (Papineni et al., 2002), with the library's own tokenization and smoothing ("exp").

    Args:
        texts: generated texts, n of them.
        references: the reference of each, or a list of references of each, as for captions of images.
        order: the longest n-grams that count. Defaults to 4.

    Returns:
        The score; in publications it is called sacreBLEU.

    Raises:
        InputError: different numbers of texts, or none; or a text without a reference.
        MissingExtraError: sacrebleu is not installed.

    Example:
    ```python
    from seqgan_tf.metrics import corpus_bleu

    print(corpus_bleu(["the cat sees a dog"], ["the cat sees a bird"]).value)
    ```
    """
    streams = _streams(texts, references)
    check_at_least(1, order=order)
    from sacrebleu.metrics import BLEU

    metric = BLEU(max_ngram_order=order, force=True)  # texts that are tokenized already are no fault
    return Score(metric.corpus_score(list(texts), streams).score, str(metric.get_signature()))


def chrf(texts: Sequence[str], references: References) -> Score:
    """chrF2 of a corpus: F-score of character n-grams up to 6, recall counts twice (Popovic, 2015).

    Args:
        texts, references: see `corpus_bleu`.

    Raises:
        InputError: as for `corpus_bleu`.
        MissingExtraError: sacrebleu is not installed.
    """
    streams = _streams(texts, references)
    from sacrebleu.metrics import CHRF

    metric = CHRF()
    return Score(metric.corpus_score(list(texts), streams).score, str(metric.get_signature()))


def exact_match(texts: Sequence[str], references: References) -> float:
    """Share of the texts that are equal to a reference of theirs, in [0, 1].

    Args:
        texts, references: see `corpus_bleu`.

    Raises:
        InputError: as for `corpus_bleu`.

    Example:
    ```python
    from seqgan_tf.metrics import exact_match

    print(exact_match(["a cat", "two dogs"], [["a cat", "one cat"], ["two birds"]]))  # 0.5
    ```
    """
    rows = _rows(texts, references)
    return sum(text in row for text, row in zip(texts, rows, strict=True)) / len(texts)


def _streams(texts: Sequence[str], references: References) -> Any:
    """References as sacrebleu takes them: the first of each text, the second, and so on; None where there is none."""
    rows = _rows(texts, references)
    require("sacrebleu", "BLEU and chrF against references", EXTRA)
    return [list(stream) for stream in itertools.zip_longest(*rows)]


def _rows(texts: Sequence[str], references: References) -> list[list[str]]:
    """The references of each text."""
    if isinstance(texts, str) or isinstance(references, str) or len(texts) != len(references) or not len(texts):
        raise InputError(
            "`texts` and `references` must be lists of as many str each, at least 1. "
            f"Received: {len(texts)} and {len(references)}"
        )
    rows = [[each] if isinstance(each, str) else list(each) for each in references]
    if not all(rows):
        raise InputError("`references` must hold at least one str for each text. Received: none for one of them")
    return rows
