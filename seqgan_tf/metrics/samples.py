"""The n-gram figures of a set of samples in one table, and the same figures of real sequences to hold them against."""

import numpy as np

from seqgan_tf.metrics.diversity import distinct, ms_jaccard, share_copied
from seqgan_tf.metrics.ngrams import as_sequences
from seqgan_tf.metrics.sentence_bleu import bleu, self_bleu

ORDERS = (2, 3, 4, 5)


def sample_metrics(samples, test, training=None):
    """BLEU-2 to -5, Self-BLEU-2 to -5, MS-Jaccard-2 to -5, distinct-1 and -2, and the share of copies.

    Put the same figures of real sequences beside them: `sample_metrics(training_part, test)`. All depend on the number
    of sequences; compare only equal counts.

    Args:
        samples: list of lists of token ids, or int array [n, T] padded with -1.
        test: the same, real sequences not seen in training: the references of BLEU and MS-Jaccard.
        training: the same, what the share of copies is looked up in. Defaults to None: it is left out.

    Returns:
        dict of numbers: "num_samples" and "num_test"; "bleu_n", "self_bleu_n" and "ms_jaccard_n" for n = 2 to 5;
        "distinct_1", "distinct_2" and "share_copied". NaN where no sequence is long enough for MS-Jaccard-n or
        distinct-n (BLEU is smoothed).

    Raises:
        ValueError: as `bleu` and `self_bleu`.
    """
    samples, test = as_sequences(samples, "samples"), as_sequences(test, "test")
    figures = {"num_samples": len(samples), "num_test": len(test)}
    figures |= {f"bleu_{n}": value for n, value in bleu(samples, test).bleu.items()}
    figures |= {f"self_bleu_{n}": value for n, value in self_bleu(samples).bleu.items()}
    longest = min(max(len(s) for s in samples + test), max(ORDERS))
    jaccard = ms_jaccard(samples, test, longest).ms_jaccard
    figures |= {f"ms_jaccard_{n}": jaccard.get(n, np.nan) for n in ORDERS}
    longest_sample = max(len(s) for s in samples)
    figures |= {f"distinct_{n}": distinct(samples, n).share if longest_sample >= n else np.nan for n in (1, 2)}
    if training is not None:
        figures["share_copied"] = share_copied(samples, training).share
    return figures
