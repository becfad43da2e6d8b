"""Conditions: source texts, labels and several of them as arrays that an encoder takes, and the files of their rules.

Axes: n rows, S source length.
"""

import abc
import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqgan_tf.core.files import make_directory, write_text
from seqgan_tf.core.validation import InputError, check_at_least
from seqgan_tf.data.rows import LONGEST_DEFAULT, EncodedLines, fitting_length
from seqgan_tf.data.tokenizer import TextTokenizer

FILE, TOKENIZER_FILE, FOLDER = "conditions.json", "source_tokenizer.json", "conditions"


class TextConditions(abc.ABC):
    """How the conditions of a data set are read: from text to arrays and back.

    Attributes:
        kind: name of the kind.
        num_cut: number of conditions that the last call of `encode` cut.

    Example:
    ```python
    from seqgan_tf.data.conditions import Labels, TextConditions

    labels: TextConditions = Labels.of(["sad", "happy", "sad"])
    print(labels.encode(["happy"]), labels.decode([1]))  # [0] ['sad']
    ```
    """

    kind: str
    num_cut = 0

    @abc.abstractmethod
    def encode(self, texts: Iterable[str]) -> Any:
        """The conditions of n texts, an array [n, ...] or a nest of them."""

    @abc.abstractmethod
    def decode(self, condition: Any) -> list[str]:
        """A text for each row of what `encode` returned."""

    @abc.abstractmethod
    def save(self, directory: Path) -> None:
        """Writes the rules to a directory."""


class Sources(TextConditions):
    """Source texts as token ids.

    A source may have several lines, such as the turns of a dialogue. They are encoded from the last to the first, each
    with an end token. So where a source is too long, its beginning is cut, and the last turn is read first.

    Args:
        tokenizer: the tokenizer of the sources.
        source_length: S.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.data.conditions import Sources

    sources = Sources(sg.TextTokenizer.train(["red cat", "red dog"], min_frequency=1), source_length=4)
    print(sources.encode(["red cat", "dog"]))  # int32 [2, 4]
    ```
    """

    kind = "sources"

    def __init__(self, tokenizer: TextTokenizer, source_length: int) -> None:
        check_at_least(2, source_length=source_length)
        self.tokenizer, self.source_length = tokenizer, source_length

    @classmethod
    def of(cls, texts: Iterable[str], tokenizer: TextTokenizer, source_length: int | None = None) -> "Sources":
        """The rules for some sources.

        Args:
            texts: the sources of the training part.
            tokenizer: their tokenizer.
            source_length: S, the end tokens included. Defaults to None: the length that 99 of 100 sources do not
                exceed, and at most 100.
        """
        if source_length is None:
            source_length = fitting_length(EncodedLines(_encoder(tokenizer), texts, LONGEST_DEFAULT).lengths)
        return cls(tokenizer, source_length)

    @property
    def vocabulary_size(self) -> int:
        """Number of tokens of the sources."""
        return self.tokenizer.vocabulary_size

    def encode(self, texts: Iterable[str]) -> np.ndarray:
        """Token ids, int32 [n, S], padded with -1."""
        encoded = EncodedLines(_encoder(self.tokenizer), texts, self.source_length)
        self.num_cut = int(np.count_nonzero(encoded.lengths > self.source_length))
        return encoded.padded(self.source_length)

    def decode(self, condition: np.ndarray) -> list[str]:
        """The sources, up to what was cut."""
        end = self.tokenizer.end_token_id
        texts = []
        for row in np.asarray(condition):
            lines: list[list[int]] = []
            line: list[int] = []
            for token in [token for token in row.tolist() if token >= 0]:
                if token == end:
                    lines.append(line)
                    line = []
                else:
                    line.append(token)
            lines += [line] if line else []
            texts.append("\n".join(reversed(self.tokenizer.decode(lines))))
        return texts

    def save(self, directory: Path) -> None:
        self.tokenizer.save(directory / TOKENIZER_FILE)
        write_rules(directory, {"kind": self.kind, "source_length": self.source_length})


class Labels(TextConditions):
    """Labels as numbers.

    Args:
        labels: the names of the labels, each once.

    Example:
    ```python
    from seqgan_tf.data.conditions import Labels

    labels = Labels(["happy", "sad"])
    print(labels.encode(["sad", "happy"]))  # [1 0]
    ```
    """

    kind = "labels"

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = list(labels)
        self._numbers = {label: number for number, label in enumerate(self.labels)}
        if len(self.labels) < 2 or len(self._numbers) != len(self.labels):
            raise InputError(f"expected at least 2 different labels. Received: {len(self._numbers)}")

    @classmethod
    def of(cls, labels: Iterable[str]) -> "Labels":
        """The rules for the labels of some texts; they are numbered in their alphabetical order."""
        return cls(sorted(set(labels)))

    @property
    def known(self) -> str:
        """The names of the labels, of many the first ones, for messages."""
        return ", ".join(map(repr, self.labels[:20])) + (", ..." if len(self.labels) > 20 else "")

    def encode(self, texts: Iterable[str]) -> np.ndarray:
        """Numbers of labels, int32 [n].

        Raises:
            InputError: a label is not known.
        """
        texts = list(texts)
        for text in texts:
            if text not in self._numbers:
                raise InputError(f"expected one of the labels {self.known}. Received: {text!r}")
        return np.array([self._numbers[text] for text in texts], np.int32)

    def decode(self, condition: np.ndarray) -> list[str]:
        """The names of the labels."""
        return [self.labels[number] for number in np.asarray(condition).tolist()]

    def save(self, directory: Path) -> None:
        write_rules(directory, {"kind": self.kind, "labels": self.labels})


class Several(TextConditions):
    """Several conditions of each sequence, such as an image and a question.

    As a text they are lines: a line for each condition, the rest of the lines for the last one.

    Args:
        parts: {name: how the condition of that name is read}, in the order of the lines.

    Example:
    ```python
    from seqgan_tf.data.conditions import Labels, Several

    several = Several({"mood": Labels(["happy", "sad"]), "weather": Labels(["rain", "sun"])})
    print(several.encode(["sad\\nrain"]))  # {"mood": [1], "weather": [0]}
    ```
    """

    kind = "several"

    def __init__(self, parts: Mapping[str, TextConditions]) -> None:
        self.parts = dict(parts)

    def encode(self, texts: Iterable[str]) -> dict[str, Any]:
        """{name: the condition of that name}.

        Raises:
            InputError: a text has fewer lines than there are conditions.
        """
        lines = [text.split("\n", len(self.parts) - 1) for text in texts]
        for line in lines:
            if len(line) < len(self.parts):
                raise InputError(f"expected {' and '.join(self.parts)}, a line each. Received: {line[0]!r} alone")
        found = {
            name: part.encode(column)
            for (name, part), column in zip(self.parts.items(), zip(*lines, strict=True), strict=True)
        }
        self.num_cut = sum(part.num_cut for part in self.parts.values())
        return found

    def decode(self, condition: Mapping[str, Any]) -> list[str]:
        """The texts: a line for each condition."""
        columns = [part.decode(condition[name]) for name, part in self.parts.items()]
        return ["\n".join(lines) for lines in zip(*columns, strict=True)]

    def save(self, directory: Path) -> None:
        write_rules(directory, {"kind": self.kind, "parts": list(self.parts)})
        for name, part in self.parts.items():
            part.save(make_directory(directory / FOLDER / name))


def parts_of(conditions: TextConditions, condition: Any) -> list[tuple[TextConditions, Any]]:
    """(how it is read, what was read) of each of several conditions; of a single one, that one."""
    if not isinstance(conditions, Several):
        return [(conditions, condition)]
    return [(part, condition[name]) for name, part in conditions.parts.items()]


def write_rules(directory: Path, rules: dict[str, Any]) -> None:
    """Writes the rules of conditions, which `condition_files.load_conditions` reads, to a directory."""
    write_text(directory / FILE, json.dumps(rules, ensure_ascii=False, indent=1) + "\n")


def _encoder(tokenizer: TextTokenizer) -> Callable[[list[str], int], list[list[int]]]:
    """The tokens of sources: the lines of each from the last to the first, each with an end token."""

    def encode(texts: list[str], limit: int) -> list[list[int]]:
        sources = [text.split("\n")[::-1] for text in texts]
        ended = iter(tokenizer.ended_tokens(itertools.chain.from_iterable(sources), limit))
        return [list(itertools.chain.from_iterable(itertools.islice(ended, len(lines)))) for lines in sources]

    return encode
