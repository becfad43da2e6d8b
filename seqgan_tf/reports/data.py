"""The sequences that a run is measured on: held-out ones of its own, or those of another file."""

import contextlib
import dataclasses
from collections.abc import Sequence, Sized
from pathlib import Path
from typing import Any

import numpy as np

from seqgan_tf.core.conditions import first_rows
from seqgan_tf.core.elements import join_condition
from seqgan_tf.core.validation import InputError, check_at_least
from seqgan_tf.data.captions import images_of, readable
from seqgan_tf.data.code_corpus import PLAIN_CORPORA
from seqgan_tf.data.line_sequence import Selected
from seqgan_tf.data.pairs import ConditionalCorpus
from seqgan_tf.data.records import CAPTIONS, TEXT, read_records
from seqgan_tf.data.rows import EncodedLines
from seqgan_tf.data.text import TextCorpus
from seqgan_tf.metrics.reverse_lm import least_samples
from seqgan_tf.reports.settings import EvaluationSettings
from seqgan_tf.runs.directory import Run


@dataclasses.dataclass(frozen=True)
class EvaluationData:
    """The sequences that a run is measured on.

    Attributes:
        held_out: int32 array [n, T].
        training: int32 array [m, T], the training data of the run; None if they cannot be read.
        description: number and origin of the held-out sequences, in words.
        num_cut: number of held-out lines that were too long and were cut. Defaults to 0.
        unknown_share: share of unknown tokens among the tokens of the held-out lines, in [0, 1]. Defaults to 0.
        condition: the conditions of `held_out`, an array [n, ...]. Defaults to None: there are none.
        training_condition: the same of `training`. Defaults to None.
        given: the conditions of `held_out` as text. Defaults to None.
        texts: `held_out` as text, with nothing cut. Defaults to None.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.reports.data import read_evaluation_data
    from seqgan_tf.reports.evaluate import evaluate_run
    from seqgan_tf.reports.settings import EvaluationSettings

    run, settings = sg.load_run("runs/poems"), EvaluationSettings(samples=20)
    data = read_evaluation_data(run, settings)
    print(data.description)
    report, sweeps = evaluate_run(run, data, settings)
    ```
    """

    held_out: np.ndarray
    training: np.ndarray | None
    description: str
    num_cut: int = 0
    unknown_share: float = 0.0
    condition: Any = None
    training_condition: Any = None
    given: Sequence[str] | None = None
    texts: Sequence[str] | None = None

    @property
    def real(self) -> Any:
        """The held-out sequences, with their conditions if there are any."""
        return join_condition(self.condition, self.held_out)


def read_evaluation_data(
    run: Run,
    settings: EvaluationSettings,
    data: Path | None = None,
    target: Path | None = None,
    images: Path | None = None,
) -> EvaluationData:
    """Reads the data for an evaluation, with at most `settings.samples` held-out sequences.

    Args:
        run: the run.
        settings: settings of the evaluation.
        data: a file to measure on. Defaults to None: the held-out part of the run's own data.
        target: a text file with the targets of the lines of `data`. Defaults to None.
        images: of captions, the folder of the images that `data` names. Defaults to None: that of `data`.

    Raises:
        InputError: a setting is out of its range, a file cannot be read, or `data` is given for a run on an oracle.
    """
    check_at_least(2, samples=settings.samples)
    check_at_least(1, sweep_seeds=settings.sweep_seeds)
    if settings.reverse_lm and settings.samples < least_samples():
        raise InputError(
            f"`samples` must be at least {least_samples()} with `reverse_lm`, to train a language model on them. "
            f"Received: {settings.samples}"
        )
    if data is None:
        if target is not None:
            raise InputError("--target needs --data, its source. Received: none")
        corpus, n = run.corpus, settings.samples
        held_out = corpus.held_out_token_ids[:n]
        kind = f"held-out {run.source.items} of {run.source.name(run.settings)}"
        if run.oracle:
            kind = "fresh sequences of the oracle"
        unknown_share = run.tokenizer.unknown_share(held_out) if run.tokenizer else 0.0
        found = EvaluationData(held_out, corpus.train_token_ids, f"{len(held_out)} {kind}", unknown_share=unknown_share)
        if isinstance(corpus, ConditionalCorpus):
            condition, train = first_rows(corpus.held_out_condition, n), corpus.train_condition
            given, texts = list(corpus.held_out_given[:n]), list(corpus.held_out_texts[:n])
            found = dataclasses.replace(found, condition=condition, training_condition=train, given=given, texts=texts)
        return found
    if run.tokenizer is None:
        held_out, num_cut = run.source.read_other(data, run.settings)
        held_out = held_out[: settings.samples]
        _check_count(held_out, data, run.source.items)
        description = f"{len(held_out)} {run.source.items} of {data.name}"
        return EvaluationData(held_out, _training_of(run)[0], description, num_cut)
    records = read_records(data, target, run.settings.task, run.settings.corpus.turns, images)
    lines: Sequence[str] = Selected(records.texts, np.arange(min(settings.samples, len(records.texts))))
    given, notes = list((records.conditions or ())[: settings.samples]), list[str]()
    if records.task == CAPTIONS:
        assert run.source.conditions is not None
        reader = images_of(run.source.conditions, records.beside, str(data))
        given, lines, notes = readable(reader, given, lines, records.beside is not None, str(data))
    length, items = run.settings.sequence_length, run.source.items
    encoded = EncodedLines(run.tokenizer.ended_tokens, lines, length)
    held_out = PLAIN_CORPORA.get(run.settings.task or TEXT, TextCorpus).rows(encoded, length)
    _check_count(held_out, data, items)
    num_cut = len(held_out) - int(np.count_nonzero(encoded.lengths <= length))
    unknown_share = run.tokenizer.unknown_share(held_out)
    training, training_condition = _training_of(run)
    description = "; ".join([f"{len(held_out)} {items} of {data.name}", *notes])
    found = EvaluationData(held_out, training, description, num_cut, unknown_share)
    if run.source.conditions is None:
        return found
    condition = run.source.conditions.encode(given)
    return dataclasses.replace(
        found, condition=condition, training_condition=training_condition, given=given, texts=list(lines)
    )


def _training_of(run: Run) -> tuple[np.ndarray | None, Any]:
    """The training data of a run and their conditions, None where they cannot be read: other data do not need them."""
    with contextlib.suppress(InputError):
        return run.corpus.train_token_ids, run.corpus.train_condition
    return None, None


def _check_count(held_out: Sized, data: Path, items: str) -> None:
    if len(held_out) < 2:
        raise InputError(f"{data}: expected at least 2 {items} to measure on. Received: {len(held_out)}")
