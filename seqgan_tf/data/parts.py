"""The training, validation and test parts of lines."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.line_sequence import Chain, LinesOf, Selected
from seqgan_tf.data.tokenizer_file import IDS


class Parts(NamedTuple):
    """The parts of a data set.

    Attributes:
        train: the lines to train on, in random order.
        validation: the lines that decide when training stops.
        test: the lines that metrics are reported on. None: there are none of their own.

    Example:
    ```python
    from seqgan_tf.data.parts import Parts

    parts = Parts.of([str(i) for i in range(10)], validation_split=0.2)
    print(len(parts.train), len(parts.validation))  # 8 2
    ```
    """

    train: Sequence[str]
    validation: Sequence[str]
    test: Sequence[str] | None

    @classmethod
    def of(
        cls,
        lines: Sequence[str],
        validation: Sequence[str] | None = None,
        test: Sequence[str] | None = None,
        validation_split: float = 0.1,
        seed: int = 0,
        groups: np.ndarray | None = None,
    ) -> "Parts":
        """Splits lines. Lines of equal number are in equal parts, for the same seed and groups.

        Args:
            lines: n lines.
            validation: the validation part. Defaults to None: a part of the lines.
            test: the test part. Defaults to None.
            validation_split: share of the lines in the validation part, in (0, 1). Defaults to 0.1.
            seed: seed of the split. Defaults to 0.
            groups: int array [n], of each line the group that it belongs to, such as its dialogue: a group is in one
                part as a whole, and the share is one of groups. Defaults to None: each line is on its own.

        Raises:
            InputError: `validation_split` is out of its range, or a part that is given has no line.
        """
        if not 0 < validation_split < 1:
            raise InputError(f"`validation_split` must be between 0 and 1. Received: {validation_split}")
        for name, part in (("validation", validation), ("test", test)):
            if part is not None and not len(part):
                raise InputError(f"`{name}` must hold at least one line. Received: none")
        order = np.random.default_rng(seed).permutation(len(lines))
        if validation is not None:
            held_out = np.zeros(0, order.dtype)
        elif groups is None:
            held_out, order = np.split(order, [max(1, round(validation_split * len(lines)))])
        else:
            numbers = np.random.default_rng(seed).permutation(np.unique(groups))
            is_held_out = np.isin(groups, numbers[: max(1, round(validation_split * len(numbers)))])[order]
            held_out, order = order[is_held_out], order[~is_held_out]
        small = np.int32 if len(lines) < 2**31 else np.int64  # half the memory
        train = Selected(lines, order.astype(small))
        return cls(train, Selected(lines, held_out.astype(small)) if validation is None else validation, test)

    def vocabulary_lines(self, level: str, are_split: bool = False) -> Iterable[str]:
        """What a vocabulary is made from: the training part; at the level "ids", whose tokens are given, all parts.

        Args:
            level: level of the tokenizer.
            are_split: whether texts of several lines are split into their lines, except at the level "ids". Defaults
                to False.
        """
        if level == IDS:
            return Chain(*(part for part in self if part is not None))
        return LinesOf(self.train) if are_split else self.train
