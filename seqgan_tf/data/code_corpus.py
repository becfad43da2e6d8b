"""Python functions as training and validation data."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.line_sequence import Selected
from seqgan_tf.data.records import CODE, TEXT, Records
from seqgan_tf.data.rows import EncodedLines
from seqgan_tf.data.source_code import normalised
from seqgan_tf.data.text import TextCorpus

LEVELS = ("bpe", "char")
"""The levels at which line breaks and indentation are tokens."""


class CodeCorpus(TextCorpus):
    """The functions of Python source files as token ids. Line breaks and indentation come back exactly.

    `CodeCorpus.from_file` reads a folder, or the files that fit a pattern; `data.source_code` says what a function is.
    A function occurs once in all parts, and with 10 files or more the functions of a file are in one part. Functions of
    more than T tokens, the end token included, are left out of all parts: a part of a function is rarely Python.

    Args:
        functions: the functions; at least `batch_size` of those to train on must fit into T tokens.
        level: "bpe" or "char". Defaults to "bpe".
        **settings: as for `TextCorpus`.

    Attributes:
        num_cut: number of functions that were left out since they are longer than T tokens.

    Raises:
        InputError: another level, too few functions that fit, or as for `TextCorpus`.

    Example:
    ```python
    import sysconfig

    import seqgan_tf as sg

    pattern = sysconfig.get_paths()["stdlib"] + "/[a-d]*.py"
    corpus = sg.CodeCorpus.from_file(pattern, vocabulary_size=500, sequence_length=64)
    print(corpus.decode(corpus.train_token_ids[:1])[0])
    ```
    """

    task = CODE
    unit, fate = "functions", "left out"

    def __init__(self, functions: Sequence[str], level: str = "bpe", **settings: Any) -> None:
        level = getattr(settings.get("tokenizer"), "level", level)  # a `HubTokenizer` has none
        if level not in LEVELS:
            raise InputError(f"`level` must be one of {list(LEVELS)} for code. Received: {level!r}")
        super().__init__(functions, level, **settings)
        for name, part, least in (
            ("for training, one batch", self.train_token_ids, self.batch_size),
            ("held out", self.held_out_token_ids, 1),
            ("held out", self.validation_token_ids, 1),
        ):
            if len(part) < least:
                raise InputError(
                    f"{self.name}: expected at least {least} functions of at most "
                    f"{self.tokenizer.capacity(self.sequence_length)} tokens {name}. Received: {len(part)}"
                )

    @staticmethod
    def rows(encoded: EncodedLines, sequence_length: int) -> np.ndarray:
        """The functions that fit into a sequence: int32 array [n, T]."""
        return encoded.padded(sequence_length)[encoded.lengths <= sequence_length]

    @classmethod
    def _of(cls, records: Records, validation: Records | None, test: Records | None, **settings: Any) -> Self:
        """The corpus of records; what is in a held-out file is not trained on."""
        held_out = {normalised(text) for part in (validation, test) if part is not None for text in part.texts}
        if held_out:
            kept = np.flatnonzero([normalised(text) not in held_out for text in records.texts])
            groups = None if records.groups is None else records.groups[kept]
            records = Records(CODE, Selected(records.texts, kept), None, groups, records.digest)
        return super()._of(records, validation, test, **settings)


PLAIN_CORPORA: dict[str, type[TextCorpus]] = {TEXT: TextCorpus, CODE: CodeCorpus}
"""The corpora of texts without conditions, by their task."""
