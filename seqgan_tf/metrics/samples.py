"""All n-gram metrics of a set of samples in one dict."""

import numpy as np

from seqgan_tf.metrics.diversity import distinct_shares, ms_jaccard, share_copied
from seqgan_tf.metrics.metric import ORDERS
from seqgan_tf.metrics.ngrams import Sequences, as_sequences
from seqgan_tf.metrics.sentence_bleu import bleu, self_bleu


def sample_metrics(samples: Sequences, test: Sequences, training: Sequences | None = None) -> dict[str, float]:
    """BLEU-2 to -5, Self-BLEU-2 to -5, MS-Jaccard-2 to -5, distinct-1 and -2, and the share of copies.

    Compare them with the same metrics of real sequences: `sample_metrics(some_training_sequences, test)`. All depend on
    the number of sequences: compare only sets of equal size.

    Args:
        samples: lists of token ids, or int array [n, T] padded with -1.
        test: the same: real sequences that were not used in training, the references of BLEU and MS-Jaccard.
        training: the same: the training sequences, among which copies are searched. Defaults to None: the share of
            copies is left out.

    Returns:
        Numbers by the keys of `METRICS`: "bleu_n", "self_bleu_n" and "ms_jaccard_n" for n = 2 to 5, "distinct_1",
        "distinct_2" and "share_copied"; and "num_samples" and "num_test", numbers of sequences. MS-Jaccard-n and
        distinct-n are NaN where every sequence is shorter than n (BLEU is smoothed).

    Raises:
        InputError: as `bleu` and `self_bleu`.
    """
    written, references = as_sequences(samples, "samples"), as_sequences(test, "test")
    values: dict[str, float] = {"num_samples": len(written), "num_test": len(references)}
    values |= {f"bleu_{n}": value for n, value in bleu(written, references, max(ORDERS)).bleu.items()}
    values |= {f"self_bleu_{n}": value for n, value in self_bleu(written, max(ORDERS)).bleu.items()}
    longest = min(max(len(sequence) for sequence in written + references), max(ORDERS))
    jaccard = ms_jaccard(written, references, longest).ms_jaccard
    values |= {f"ms_jaccard_{n}": jaccard.get(n, np.nan) for n in ORDERS}
    values |= distinct_shares(written)
    if training is not None:
        values["share_copied"] = share_copied(written, training).share
    return values
