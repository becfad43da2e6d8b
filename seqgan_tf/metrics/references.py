"""Texts against the reference of each: BLEU and chrF of a corpus, by the library sacrebleu (extra `bleu`)."""

from collections.abc import Sequence
from typing import NamedTuple

from seqgan_tf.core.validation import InputError, check_at_least, require

EXTRA = "bleu"


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


def corpus_bleu(texts: Sequence[str], references: Sequence[str], order: int = 4) -> Score:
    """BLEU of a corpus (Papineni et al., 2002), with the library's own tokenization and smoothing ("exp").

    Args:
        texts: generated texts, n of them.
        references: the reference of each.
        order: the longest n-grams that count. Defaults to 4.

    Returns:
        The score; in publications it is called sacreBLEU.

    Raises:
        InputError: different numbers of texts, or none.
        MissingExtraError: sacrebleu is not installed.

    Example:
    ```python
    from seqgan_tf.metrics import corpus_bleu

    print(corpus_bleu(["the cat sees a dog"], ["the cat sees a bird"]).value)
    ```
    """
    _check(texts, references)
    check_at_least(1, order=order)
    from sacrebleu.metrics import BLEU

    metric = BLEU(max_ngram_order=order, force=True)  # texts that are tokenized already are no fault
    return Score(metric.corpus_score(list(texts), [list(references)]).score, str(metric.get_signature()))


def chrf(texts: Sequence[str], references: Sequence[str]) -> Score:
    """chrF2 of a corpus: F-score of character n-grams up to 6, recall counts twice (Popovic, 2015).

    Args:
        texts, references: see `corpus_bleu`.

    Raises:
        InputError: as for `corpus_bleu`.
        MissingExtraError: sacrebleu is not installed.
    """
    _check(texts, references)
    from sacrebleu.metrics import CHRF

    metric = CHRF()
    return Score(metric.corpus_score(list(texts), [list(references)]).score, str(metric.get_signature()))


def _check(texts: Sequence[str], references: Sequence[str]) -> None:
    if isinstance(texts, str) or isinstance(references, str) or len(texts) != len(references) or not len(texts):
        raise InputError(
            "`texts` and `references` must be lists of as many str each, at least 1. "
            f"Received: {len(texts)} and {len(references)}"
        )
    require("sacrebleu", "BLEU and chrF against references", EXTRA)
