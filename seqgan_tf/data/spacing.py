"""Whether a punctuation token is written with a blank beside it: rules that are counted in the training text.

At the level "word" a text is split into runs of letters and digits (words) and runs of other signs (signs). Blanks are
not tokens. Two tokens can only have been written without a blank between them where one is a word and the other a sign.
So decoding has one decision per pair of a word and a sign. It is made by the majority of the training text.
"""

import collections
import dataclasses
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from seqgan_tf.core.validation import InputError

SIDES = ("before", "after")  # of the word, as seen from the sign
CLASSES = ("digits", "short", "long")  # of the word
SHORT = 2
MAX_LINES, MAX_CHARACTERS = 100_000, 1_000
MAX_PAIRED, MAX_EXCEPTIONS = 8, 20_000
SPECIAL = ("end", "unk")  # "<" is never joined to them: "<end>" and "<unk>" are tokens of their own

_SIGNS = re.compile(r"([^\w\s]+)")

Rule = tuple[str, str, str, int]
Counts = dict[tuple[str, str, str, int], list[int]]


def word_class(word: str) -> str:
    """The class of a word: "digits" where it begins with a digit, else "short" (1 or 2 characters) or "long"."""
    if word[:1].isdigit():
        return "digits"
    return "short" if len(word) <= SHORT else "long"


@dataclasses.dataclass(frozen=True)
class Spacing:
    """Rules for blanks between words and signs.

    Args:
        joined: (sign, side, class of the word, parity): the word on this side of the sign is joined to it without a
            blank. The parity is 1 where the sign has occurred an odd number of times before in the text, and counts for
            the signs in `paired` only, such as quotation marks.
        paired: signs whose first and second occurrence differ.
        exceptions: (left token, right token): whether they are joined. They take precedence over `joined`.

    Example:
    ```python
    from seqgan_tf.data.spacing import Spacing

    spacing = Spacing.count(["a woman's hat.", "two hats."], {"a", "woman", "'", "s", "hat", "hats", "two", "."})
    print(("'", "after", "short", 0) in spacing.joined)  # True
    ```
    """

    joined: frozenset[Rule] = frozenset()
    paired: tuple[str, ...] = ()
    exceptions: dict[tuple[str, str], bool] = dataclasses.field(default_factory=dict)

    @classmethod
    def count(cls, lines: Iterable[str], vocabulary: Iterable[str]) -> "Spacing":
        """The majority of the lines: at most the first 100,000, and of each at most the first 1,000 characters.

        Args:
            lines: the training text.
            vocabulary: the tokens that rules are needed for.
        """
        known = set(vocabulary)
        counts: Counts = collections.defaultdict(lambda: [0, 0])
        for line in itertools.islice(lines, MAX_LINES):
            seen: dict[str, int] = collections.defaultdict(int)
            parts = _SIGNS.split(line[:MAX_CHARACTERS])  # words, signs, words, ...
            for i in range(1, len(parts), 2):
                before, sign, after = parts[i - 1 : i + 2]
                parity = seen[sign] % 2
                seen[sign] += 1
                if before and not before.isspace():
                    counts[sign, "before", before.rsplit(None, 1)[-1], parity][not before[-1].isspace()] += 1
                if after and not after.isspace():
                    counts[sign, "after", after.split(None, 1)[0], parity][not after[0].isspace()] += 1
        by_sign: dict[str, Counts] = collections.defaultdict(dict)
        for (sign, *rest), both in counts.items():
            if sign in known:
                by_sign[sign][(sign, *rest)] = both  # type: ignore[index]
        paired = _paired(by_sign)
        joined: set[Rule] = set()
        gains: list[tuple[int, tuple[str, str], bool]] = []
        for sign, of_sign in by_sign.items():
            joined |= _rules(sign, of_sign, sign in paired)
            gains += _exceptions(of_sign, joined, sign in paired, known)
        gains.sort(key=lambda gain: (-gain[0], gain[1]))
        exceptions = {pair: is_joined for _, pair, is_joined in gains[:MAX_EXCEPTIONS]}
        for sign, word in itertools.product((sign for sign in by_sign if sign.endswith("<")), known & set(SPECIAL)):
            exceptions[sign, word] = False
        return cls(frozenset(joined), paired, dict(sorted(exceptions.items())))

    def to_json(self) -> dict[str, list]:
        """The rules as lists of strings, for a tokenizer file."""
        exceptions = [[left, right, is_joined] for (left, right), is_joined in self.exceptions.items()]
        return {"joined": sorted(map(list, self.joined)), "paired": list(self.paired), "exceptions": exceptions}

    @classmethod
    def from_json(cls, content: Any) -> "Spacing":
        """The rules that `to_json` wrote.

        Raises:
            InputError: the content has another form.
        """
        expected = "expected the rules of `spacing` that `TextTokenizer.train` sets"
        if not isinstance(content, dict) or set(content) != {"joined", "paired", "exceptions"}:
            raise InputError(f"{expected}. Received: {str(content)[:60]}")
        forms: dict[str, Callable[[Any], bool]] = {"joined": _is_rule, "paired": _is_text, "exceptions": _is_exception}
        for name, is_right in forms.items():
            items = content[name]
            wrong = [item for item in items if not is_right(item)] if isinstance(items, list) else [items]
            if wrong:
                raise InputError(f"{expected}. Received: {name} {str(wrong[0])[:60]}")
        exceptions = {(left, right): is_joined for left, right, is_joined in content["exceptions"]}
        return cls(frozenset(map(tuple, content["joined"])), tuple(content["paired"][:MAX_PAIRED]), exceptions)


class SpacingTables:
    """The rules of a `Spacing` by token id, for one vocabulary.

    Args:
        spacing: the rules.
        tokens: the vocabulary by id.
        is_sign: function of a token: whether it is a run of signs.

    Attributes:
        sign: int32 [V], row of `rules` of each sign; -1 for words.
        word_class: int32 [V], index in `CLASSES` of each word; 0 for signs.
        rules: bool [rows, 2 sides, 3 classes, 2 parities], whether they are joined.
        paired: ids of the paired signs.
        exceptions: {left id * V + right id: whether they are joined}.

    Example:
    ```python
    from seqgan_tf.data.spacing import Spacing, SpacingTables

    spacing = Spacing.count(["a hat."] * 2, {"a", "hat", "."})
    tables = SpacingTables(spacing, ["a", "hat", "."], lambda token: token == ".")
    print(tables.join([0, 1, 2]))  # a hat.
    ```
    """

    def __init__(self, spacing: Spacing, tokens: Sequence[str], is_sign: Callable[[str], bool]) -> None:
        size = len(tokens)
        ids = {token: i for i, token in enumerate(tokens)}
        signs = [i for i, token in enumerate(tokens) if is_sign(token)]
        self.size, self.tokens = size, list(tokens)
        self.sign, self.word_class = np.full(size, -1, np.int32), np.zeros(size, np.int32)
        self.sign[signs] = np.arange(len(signs))
        words = np.flatnonzero(self.sign < 0)
        self.word_class[words] = [CLASSES.index(word_class(tokens[i])) for i in words.tolist()]
        self.rules = np.zeros([max(len(signs), 1), len(SIDES), len(CLASSES), 2], bool)
        self.paired = [ids[sign] for sign in spacing.paired if sign in ids and self.sign[ids[sign]] >= 0]
        for sign, side, kind, parity in spacing.joined:
            row = self.sign[ids[sign]] if sign in ids else -1
            if row >= 0:
                self.rules[row, SIDES.index(side), CLASSES.index(kind), parity] = True
        self.exceptions = {
            ids[left] * size + ids[right]: is_joined
            for (left, right), is_joined in spacing.exceptions.items()
            if left in ids and right in ids and (self.sign[ids[left]] < 0) != (self.sign[ids[right]] < 0)
        }
        self._rows = (self.sign.tolist(), self.word_class.tolist(), self.rules.tolist())

    def join(self, ids: Sequence[int]) -> str:
        """The text of token ids."""
        joins = self.joins(ids)
        return "".join(
            self.tokens[i] if is_joined else f" {self.tokens[i]}" for i, is_joined in zip(ids, joins, strict=True)
        )

    def joins(self, ids: Iterable[int]) -> Iterator[bool]:
        """For each token of a text: whether no blank is before it."""
        sign, kind, rules = self._rows
        seen = dict.fromkeys(self.paired, 0)  # how often each paired sign has occurred
        previous = None
        for token in ids:
            is_joined = previous is None
            if previous is not None and (sign[previous] < 0) != (sign[token] < 0):
                exception = self.exceptions.get(previous * self.size + token)
                if exception is not None:
                    is_joined = exception
                elif sign[token] < 0:
                    is_joined = rules[sign[previous]][1][kind[token]][(seen.get(previous, 1) - 1) % 2]
                else:
                    is_joined = rules[sign[token]][0][kind[previous]][seen.get(token, 0) % 2]
            if token in seen:
                seen[token] += 1
            yield is_joined
            previous = token


def _paired(by_sign: dict[str, Counts]) -> tuple[str, ...]:
    """The signs where the number of wrong decisions falls by at least a tenth when the parity counts."""
    gains = {}
    for sign, of_sign in by_sign.items():
        without, with_parity = (
            sum(min(both) for both in _by_class(of_sign, parities).values()) for parities in (False, True)
        )
        if without - with_parity >= max(2, without / 10):
            gains[sign] = without - with_parity
    return tuple(sorted(sorted(gains), key=lambda sign: -gains[sign])[:MAX_PAIRED])


def _by_class(of_sign: Counts, with_parity: bool) -> Counts:
    total: Counts = collections.defaultdict(lambda: [0, 0])
    for (sign, side, word, parity), (apart, joined) in of_sign.items():
        both = total[sign, side, word_class(word), parity if with_parity else 0]
        both[0] += apart
        both[1] += joined
    return total


def _rules(sign: str, of_sign: Counts, is_paired: bool) -> set[Rule]:
    """The majority for each side, class and parity; where there is none, that of the side."""
    total = _by_class(of_sign, is_paired)
    found = set()
    for side, parity in itertools.product(SIDES, (0, 1)):
        used = parity if is_paired else 0
        of_side = [both for (_, a_side, _, a_parity), both in total.items() if (a_side, a_parity) == (side, used)]
        fallback = [sum(apart for apart, _ in of_side), sum(joined for _, joined in of_side)]
        for kind in CLASSES:
            apart, joined = total.get((sign, side, kind, used), fallback)
            if joined > apart:
                found.add((sign, side, kind, parity))
    return found


def _exceptions(
    of_sign: Counts, joined: set[Rule], is_paired: bool, known: set[str]
) -> list[tuple[int, tuple[str, str], bool]]:
    """(wrong decisions that it saves, pair of tokens, whether they are joined) for the words that differ."""
    by_word: dict[tuple[str, str, str], list[int]] = collections.defaultdict(lambda: [0, 0, 0])
    for (sign, side, word, parity), (apart, together) in of_sign.items():
        if word in known:
            entry = by_word[sign, side, word]
            entry[0] += apart
            entry[1] += together
            entry[2] += apart if (sign, side, word_class(word), parity) in joined else together
    found = []
    for (sign, side, word), (apart, together, wrong) in by_word.items():
        gain = wrong - min(apart, together)
        if gain >= (2 if is_paired else 1):
            found.append((gain, (word, sign) if side == "before" else (sign, word), together > apart))
    return found


def _is_text(item: Any) -> bool:
    return isinstance(item, str)


def _is_rule(item: Any) -> bool:
    return (
        isinstance(item, list)
        and len(item) == 4
        and isinstance(item[0], str)
        and (item[1], item[2]) in itertools.product(SIDES, CLASSES)
        and type(item[3]) is int
        and item[3] in (0, 1)
    )


def _is_exception(item: Any) -> bool:
    return isinstance(item, list) and len(item) == 3 and all(map(_is_text, item[:2])) and isinstance(item[2], bool)
