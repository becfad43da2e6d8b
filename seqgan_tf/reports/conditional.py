"""What a run with conditions generates for held-out conditions, against the reference of each."""

from typing import TYPE_CHECKING, Any

import numpy as np

from seqgan_tf import metrics
from seqgan_tf.core.conditions import take_rows
from seqgan_tf.core.validation import require
from seqgan_tf.data.records import DIALOGUE
from seqgan_tf.metrics.diversity import distinct_shares
from seqgan_tf.metrics.references import EXTRA, chrf, corpus_bleu

if TYPE_CHECKING:
    from seqgan_tf.reports.data import EvaluationData
    from seqgan_tf.runs.directory import Run

NUM_BEAMS, SHOWN, SHUFFLE_SEED = 4, 10, 0
BATCH_SIZE = 250
DECODINGS: dict[str, dict[str, Any]] = {
    "greedy": {"temperature": 0.0},
    f"beam {NUM_BEAMS}": {"num_beams": NUM_BEAMS},
    "sample": {},
}
"""Arguments of `SeqGAN.generate` for each way to decode."""
SHUFFLED = "greedy, shuffled conditions"


def evaluate_conditions(run: "Run", data: "EvaluationData", seed: int) -> dict[str, Any]:
    """Metrics of a run with conditions that need the reference of each condition.

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
    gan, references = run.gan, list(data.texts)
    wrong = take_rows(data.condition, other_rows(len(references)))
    found: dict[str, Any] = {
        "nll_test_shuffled": metrics.negative_log_likelihood(gan.generator, (wrong, data.held_out)),
        "decodings": {},
    }
    orders = (1, 2, 3, 4) if run.settings.task == DIALOGUE else (4,)
    written: dict[str, list[str]] = {}
    cases = {name: (data.condition, arguments) for name, arguments in DECODINGS.items()}
    for name, (condition, arguments) in (cases | {SHUFFLED: (wrong, DECODINGS["greedy"])}).items():
        suppressed = run.source.suppressed_tokens
        token_ids = gan.generate(
            condition=condition, seed=seed, batch_size=BATCH_SIZE, suppress_tokens=suppressed, **arguments
        )
        texts = run.decode(token_ids)
        scores = {f"sacrebleu_{n}": corpus_bleu(texts, references, n) for n in orders}
        scores["chrf"] = chrf(texts, references)
        found["signatures"] = {key: score.signature for key, score in scores.items()}
        found["decodings"][name] = {key: score.value for key, score in scores.items()}
        found["decodings"][name] |= distinct_shares(token_ids)
        copied = [a == b for a, b in zip(texts, data.given, strict=True)]
        found["decodings"][name]["share_of_conditions"] = float(np.mean(copied))
        if name in DECODINGS:
            written[name] = texts
    shown = zip(data.given[:SHOWN], references[:SHOWN], *(texts[:SHOWN] for texts in written.values()), strict=True)
    found["texts"] = [dict(zip(("condition", "reference", *written), row, strict=True)) for row in shown]
    return found


def other_rows(count: int) -> np.ndarray:
    """For each row the index of another one: int array [count], count >= 2, the same every time."""
    order = np.random.default_rng(SHUFFLE_SEED).permutation(count)
    others = np.empty(count, int)
    others[order] = np.roll(order, 1)
    return others
