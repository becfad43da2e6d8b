"""What a blank is at the level of characters: a token, or a separator between characters, as in `春 眠 不 觉 晓`."""

import dataclasses
import re
from collections.abc import Iterable
from typing import Any

from seqgan_tf.core.validation import InputError

BLANKS = ("auto", "tokens", "separators")
MAJORITY = 0.95
_SEPARATED = re.compile(r"\s*+\S?(?:\s++\S)*+\s*+")
_BLANK = re.compile(r"\S\s++\S")


@dataclasses.dataclass(frozen=True)
class BlanksReading:
    """How blanks were read, and why.

    Args:
        are_separators: whether blanks are separators.
        num_lines: number of lines of the training text.
        num_separated: number of lines in which all characters are separated by blanks.
        num_with_blanks: number of lines with a blank.
        is_given: whether the user has chosen the reading.

    Example:
    ```python
    from seqgan_tf.data.blanks import read_blanks

    print(read_blanks(["a b c", "b c d"]).note)
    ```
    """

    are_separators: bool
    num_lines: int
    num_separated: int
    num_with_blanks: int
    is_given: bool = False

    @property
    def note(self) -> str:
        """The reading and its reason in one line; "" where the text has no blanks."""
        if not self.num_with_blanks:
            return ""
        reading = "blanks are separators, not tokens" if self.are_separators else "blanks are tokens"
        counted = f"{self.num_separated} of {self.num_lines} training lines are single characters separated by blanks"
        reason = "as set" if self.is_given else f"{MAJORITY:.0%} of the lines or more make them separators"
        return f"{reading}: {counted} ({reason})"

    def to_json(self) -> dict[str, Any]:
        """The reading for a tokenizer file."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, content: Any) -> "BlanksReading":
        """The reading that `to_json` wrote.

        Raises:
            InputError: the content has another form.
        """
        kinds = {field.name: bool if field.type is bool else int for field in dataclasses.fields(cls)}
        is_right = isinstance(content, dict) and {key: type(value) for key, value in content.items()} == kinds
        if not is_right:
            raise InputError(
                f"expected the counts of `blanks` that `TextTokenizer.train` sets. Received: {content!r:.60}"
            )
        return cls(**content)


def read_blanks(lines: Iterable[str], blanks: str = "auto") -> BlanksReading:
    """Decides what a blank is.

    Args:
        lines: the training text.
        blanks: "tokens", "separators", or "auto": separators where at least 95 of 100 lines consist of single
            characters separated by blanks. Defaults to "auto".
    """
    count = separated = with_blanks = 0
    for line in lines:
        count += 1
        separated += _SEPARATED.fullmatch(line) is not None
        with_blanks += _BLANK.search(line) is not None
    are_separators = separated >= MAJORITY * count if blanks == "auto" else blanks == "separators"
    return BlanksReading(are_separators, count, separated, with_blanks, blanks != "auto")
