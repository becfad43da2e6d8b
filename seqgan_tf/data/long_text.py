"""Long texts in pieces: the tokens of the pieces, one after the other, are the tokens of the whole text."""

import re
from collections.abc import Iterator

LONG = 8_192
"""A text of more characters is split into pieces of about this length."""

RUN = 1_000
"""Vocabularies of byte pairs are trained on runs of at most this many characters: the time of the library's trainer
grows with the square of the length of a run without a blank."""

_AFTER_BLANK = re.compile(r"(?<=[ \t\n\r\u3000])")
_CUTS = {
    # Every place between two characters.
    "char": re.compile(""),
    # A blank, or the place between a letter or digit and a punctuation character. Only ASCII: other characters may be
    # in another class for the library.
    "word": re.compile(
        r"(?<=[ \t\n\r\u3000])|(?<=[A-Za-z0-9_])(?=[!-/:-@\[-^`{-~])|(?<=[!-/:-@\[-^`{-~])(?=[A-Za-z0-9_])"
    ),
    "whitespace": _AFTER_BLANK,
    "ids": _AFTER_BLANK,
    # Before a single space, which is joined to what follows it, and as above, without the apostrophe of contractions.
    "bpe": re.compile(r"(?<=\S)(?= \S)|(?<=[A-Za-z0-9])(?=[!-&(-/:-@\[-`{-~])|(?<=[!-&(-/:-@\[-`{-~])(?=[A-Za-z0-9])"),
}
_RUN = re.compile(rf"\S{{{RUN}}}(?=\S)|\s{{{RUN}}}(?=\s)")
_SPECIAL = re.compile("<(?:end|unk)>")


def pieces(text: str, level: str) -> Iterator[str]:
    """The text in pieces of at least `LONG` characters, except the last one.

    Args:
        text: the text.
        level: level of the tokenizer.

    Yields:
        Parts of the text. Joined they are the text. A text of at most `LONG` characters is one piece, and so is a text
        without a place to split it, such as one long word.
    """
    start = 0
    while len(text) - start > LONG:
        cut = _next_cut(text, level, start + LONG)
        if cut is None:
            break
        yield text[start:cut]
        start = cut
    yield text[start:]


def training_pieces(text: str, level: str) -> Iterator[str]:
    """Pieces of a text to train a vocabulary on; at the level "bpe" long runs without a blank are split as well."""
    for piece in pieces(text, level):
        start = 0
        if level == "bpe" and len(piece) > RUN:
            for run in _RUN.finditer(piece):
                yield piece[start : run.end()]
                start = run.end()
        yield piece[start:]


def _next_cut(text: str, level: str, start: int) -> int | None:
    """The first place from `start` on where the text can be split, outside "<end>" and "<unk>"."""
    for match in _CUTS[level].finditer(text, start):
        cut = match.start()
        around = _SPECIAL.search(text, max(cut - 4, 0), cut + 4)
        if cut < len(text) and not (around and around.start() < cut < around.end()):
            return cut
    return None
