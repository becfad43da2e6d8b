"""Lines that are read when they are needed, and that can say where they are from."""

import abc
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np

from seqgan_tf.core.validation import InputError


class LineError(InputError):
    """An error in a line. The message begins with the place of the line.

    Example:
    ```python
    from seqgan_tf.data.line_sequence import LineError

    print(LineError("ids.txt: line 7: expected integers. Received: 'x'"))
    ```
    """


class Located(Iterable[str]):
    """Lines, each of which has a place.

    Example:
    ```python
    from seqgan_tf.data.line_sequence import Chain, Located

    lines: Located = Chain(["red cat"], ["red dog"])
    print(lines.place(1))  # line 1
    ```
    """

    @abc.abstractmethod
    def place(self, index: int) -> str:
        """Where a line is, for messages."""


def place(lines: Iterable[str], index: int) -> str:
    """Where a line is, for messages.

    Args:
        lines: the lines.
        index: number of the line, from 0.
    """
    return lines.place(index) if isinstance(lines, Located) else f"line {index + 1}"


class LineSequence(Located, Sequence[str]):
    """Lines that are read one at a time.

    Example:
    ```python
    from seqgan_tf.data.line_sequence import LineSequence

    class Numbers(LineSequence):
        def __len__(self):
            return 3

        def line(self, index):
            return str(index)

    print(Numbers()[1:])  # ['1', '2']
    ```
    """

    @abc.abstractmethod
    def line(self, index: int) -> str:
        """The line of an index."""

    def place(self, index: int) -> str:
        return f"line {index + 1}"

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self.line(i) for i in range(*index.indices(len(self)))]
        return self.line(index)


class Selected(LineSequence):
    """Some of the lines, by index.

    Args:
        lines: the lines.
        indices: int array, the indices in the order of the selection.

    Example:
    ```python
    import numpy as np

    from seqgan_tf.data.line_sequence import Selected

    print(list(Selected(["red", "blue", "green"], np.array([2, 0]))))  # ['green', 'red']
    ```
    """

    def __init__(self, lines: Sequence[str], indices: np.ndarray) -> None:
        self.lines, self.indices = lines, indices

    def __len__(self) -> int:
        return len(self.indices)

    def line(self, index: int) -> str:
        return self.lines[self.indices[index]]

    def place(self, index: int) -> str:
        return place(self.lines, int(self.indices[index]))

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self.indices), 8_192):
            for i in self.indices[start : start + 8_192].tolist():
                yield self.lines[i]


class Chain(Located):
    """Lines after lines; they can be read more than once.

    Args:
        *parts: the lines.

    Example:
    ```python
    from seqgan_tf.data.line_sequence import Chain

    print(list(Chain(["red cat"], ["red dog", "blue dog"])))  # ['red cat', 'red dog', 'blue dog']
    ```
    """

    def __init__(self, *parts: Iterable[str]) -> None:
        self.parts = parts

    def __iter__(self) -> Iterator[str]:
        for part in self.parts:
            yield from part

    def place(self, index: int) -> str:
        for part in self.parts[:-1]:
            count = sum(1 for _ in part)
            if index < count:
                return place(part, index)
            index -= count
        return place(self.parts[-1], index)


class LinesOf(Located):
    """The lines of texts of several lines.

    Args:
        texts: the texts.

    Example:
    ```python
    from seqgan_tf.data.line_sequence import LinesOf

    print(list(LinesOf(["red cat\\nred dog", "blue dog"])))  # ['red cat', 'red dog', 'blue dog']
    ```
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = texts

    def __iter__(self) -> Iterator[str]:
        for text in self.texts:
            yield from text.split("\n")

    def place(self, index: int) -> str:
        counts = (text.count("\n") + 1 for text in self.texts)
        for number, count in enumerate(counts):
            if index < count:
                return place(self.texts, number)
            index -= count
        raise IndexError(index)
