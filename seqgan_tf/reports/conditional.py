"""What a run with conditions generates for held-out conditions, against the references of each."""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from seqgan_tf import metrics
from seqgan_tf.core.validation import require
from seqgan_tf.data.records import CAPTIONS, DIALOGUE
from seqgan_tf.metrics.diversity import distinct_shares
from seqgan_tf.metrics.references import EXTRA, chrf, corpus_bleu, exact_match

if TYPE_CHECKING:
    from seqgan_tf.reports.data import EvaluationData
    from seqgan_tf.runs.directory import Run

NUM_BEAMS, SHOWN, SHUFFLE_SEED = 4, 10, 0
SHOWN_IMAGES = 20
BATCH_SIZE = 250
GREEDY = "greedy"
DECODINGS: dict[str, dict[str, Any]] = {
    GREEDY: {"temperature": 0.0},
    f"beam {NUM_BEAMS}": {"num_beams": NUM_BEAMS},
    "sample": {},
}
"""Arguments of `SeqGAN.generate` for each way to decode."""
SHUFFLED = f"{GREEDY}, shuffled conditions"


def evaluate_conditions(run: "Run", data: "EvaluationData", seed: int) -> dict[str, Any]:
    """Metrics of a run with conditions that need the references of each condition.

    A text is generated for each image once, and compared with all captions of the image that are held out.

    Args:
        run: the run; its models have the weights that are measured.
        data: held-out sequences with their conditions and texts.
        seed: seed of the samples.

    Returns:
        A dict of plain values: "nll_test_shuffled", the NLL-test given the condition of another sequence;
        "decodings", {way: {metric: value}}; "signatures" of
        the scores; "texts", the first held-out conditions with the reference and each text for them.

    Raises:
        MissingExtraError: sacrebleu is not installed.
    """
    require("sacrebleu", "The evaluation of a run with conditions", EXTRA)
    assert data.given is not None
    assert data.texts is not None
    gan, task = run.gan, run.settings.task
    rows, group_of = first_of_each(data.given) if task == CAPTIONS else (np.arange(len(data.given)),) * 2
    references: list[list[str]] = [[] for _ in rows]
    for group, text in zip(group_of, data.texts, strict=True):
        references[group].append(text)
    given, condition = [data.given[int(row)] for row in rows], rows_of(data.condition, rows)
    others = rows[other_rows(len(rows))]
    found: dict[str, Any] = {
        "nll_test_shuffled": metrics.negative_log_likelihood(
            gan.generator, (rows_of(data.condition, others[group_of]), data.held_out)
        ),
        "decodings": {},
    }
    orders = (1, 2, 3, 4) if task == DIALOGUE else (4,)
    written: dict[str, list[str]] = {}
    cases = {name: (condition, arguments) for name, arguments in DECODINGS.items()}
    cases[SHUFFLED] = (rows_of(data.condition, others), DECODINGS[GREEDY])
    for name, (condition, arguments) in cases.items():
        suppressed = run.source.suppressed_tokens
        token_ids = gan.generate(
            condition=condition, seed=seed, batch_size=BATCH_SIZE, suppress_tokens=suppressed, **arguments
        )
        texts = run.decode(token_ids)
        scores = {f"sacrebleu_{n}": corpus_bleu(texts, references, n) for n in orders}
        scores["chrf"] = chrf(texts, references)
        found["signatures"] = {key: score.signature for key, score in scores.items()}
        found["decodings"][name] = {key: score.value for key, score in scores.items()}
        found["decodings"][name]["exact_match"] = exact_match(texts, references)
        found["decodings"][name] |= distinct_shares(token_ids)
        copied = [a == b for a, b in zip(texts, given, strict=True)]
        found["decodings"][name]["share_of_conditions"] = float(np.mean(copied))
        if name in DECODINGS:
            written[name] = texts
    columns = {"condition": given, "reference": ["\n".join(lines) for lines in references], **written}
    shown = zip(*columns.values(), strict=True)
    count = SHOWN_IMAGES if task == CAPTIONS else SHOWN
    found["texts"] = [dict(zip(columns, row, strict=True)) for row in itertools.islice(shown, count)]
    return found


def first_of_each(given: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """(the first row of each different text, of each row the number of its text among them)."""
    numbers: dict[str, int] = {}
    group_of = np.array([numbers.setdefault(text, len(numbers)) for text in given], int)
    return np.unique(group_of, return_index=True)[1], group_of


def rows_of(condition: Any, rows: np.ndarray) -> Any:
    """Some rows of a nest of arrays."""
    return tf.nest.map_structure(lambda array: array[rows], condition)


def other_rows(count: int) -> np.ndarray:
    """For each row the index of another one: int array [count], count >= 2, the same every time."""
    order = np.random.default_rng(SHUFFLE_SEED).permutation(count)
    others = np.empty(count, int)
    others[order] = np.roll(order, 1)
    return others
