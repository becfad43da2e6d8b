"""Text to token ids and back: characters, words, byte pairs, or integers as they are. One JSON file per tokenizer."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from tokenizers import Tokenizer, decoders

from seqgan_tf.core.files import write_text
from seqgan_tf.core.padding import PADDING
from seqgan_tf.core.validation import InputError
from seqgan_tf.data import tokenizer_file
from seqgan_tf.data.blanks import BlanksReading
from seqgan_tf.data.long_text import LONG, pieces
from seqgan_tf.data.memory import release
from seqgan_tf.data.spacing import Spacing, SpacingTables
from seqgan_tf.data.tokenizer_file import END, IDS, LEVELS, UNKNOWN, WITHOUT_UNKNOWN
from seqgan_tf.data.tokenizer_training import train_backend

__all__ = ["END", "LEVELS", "UNKNOWN", "TextTokenizer"]


class TextTokenizer:
    """A vocabulary and its rules. Token 0 ends a sequence; except for byte pairs, token 1 is the unknown token.

    At the level "ids" a text consists of integers, which are the token ids as they are. The end token has the id after
    them; there is none where all texts have the same length.

    Create one with `train` or `load`.

    Args:
        tokenizer: a `tokenizers.Tokenizer` that `train` has created.
        spacing: rules for blanks beside punctuation, at the level "word". Defaults to None: a blank before every token
            except punctuation such as a full stop, as in version 0.1.0.
        blanks_reading: how blanks between characters were read, at the level "char". Defaults to None: not known.

    Attributes:
        level: "char", "word", "whitespace", "bpe" or "ids".
        vocabulary_size: V, the number of tokens.
        end_token_id: 0; at the level "ids" V - 1, or None.
        unknown_token_id: 1, or None at the levels "bpe", which can write any text, and "ids".
        unknown_mark: what stands for an unknown part of a text: the unknown token; at the level "ids" V, which refuses
            the text; None at the level "bpe".
        blanks: "tokens" or "separators", at the level "char": what blanks between characters are. None at the others.
        spacing: the rules for blanks beside punctuation, a `seqgan_tf.data.spacing.Spacing` or None.
        blanks_reading: why `blanks` is what it is, or None.
        backend_tokenizer: the `tokenizers.Tokenizer`.

    Raises:
        InputError: the tokenizer has no end token, or another kind of pre-tokenizer.

    Example:
    ```python
    import seqgan_tf as sg

    tokenizer = sg.TextTokenizer.train(["the cat sees the dog.", "the dog sees a cat."], level="word")
    ids = tokenizer.encode(["the dog sees the bird."])
    print(tokenizer.decode(ids))  # ['the dog sees the <unk>.']
    print(tokenizer.unknown_parts("the dog sees the bird."))  # ['bird']
    tokenizer.save("tokenizer.json")
    ```
    """

    def __init__(
        self, tokenizer: Tokenizer, spacing: Spacing | None = None, blanks_reading: BlanksReading | None = None
    ):
        self.backend_tokenizer = tokenizer
        self.end_token_id: int | None = tokenizer.token_to_id(END)
        self.level = tokenizer_file.level_of(type(tokenizer.pre_tokenizer).__name__, tokenizer.token_to_id)
        if self.end_token_id is None and self.level != IDS:
            raise InputError(f"expected a tokenizer with an end token {END!r}")
        self.unknown_mark = tokenizer.token_to_id(UNKNOWN) if self.level != "bpe" else None
        self.unknown_token_id = self.unknown_mark if self.level not in WITHOUT_UNKNOWN else None
        self.vocabulary_size: int = tokenizer.get_vocab_size() - (self.level == IDS)
        self.spacing = spacing
        self.blanks_reading = blanks_reading
        self.blanks: str | None = None
        if self.level == "char":
            self.blanks = "separators" if tokenizer.normalizer else "tokens"
        elif self.level == "bpe":
            tokenizer.encode_special_tokens = True  # "<end>" in a text is text
        elif self.level == "word":
            # It joins words by blanks, without a blank before punctuation. No token has the prefix: with "##", which
            # version 0.1.0 wrote, the decoder drops it from a text.
            tokenizer.decoder = decoders.WordPiece(prefix=" ", cleanup=True)
        self._tables: SpacingTables | None = None

    @classmethod
    def train(
        cls,
        lines: Iterable[str],
        level: str = "word",
        vocabulary_size: int | None = None,
        min_frequency: int = 2,
        blanks: str = "auto",
    ) -> "TextTokenizer":
        """Builds a vocabulary from lines of text.

        Args:
            lines: the text; it is read more than once.
            level: "char": each character is a token. "word": runs of letters and digits, and runs of other characters;
                decoding writes blanks beside punctuation as the majority of the lines does. "whitespace": what is
                between blanks. "bpe": byte pairs, which can write any text. "ids": integers between blanks are the
                token ids themselves. Defaults to "word".
            vocabulary_size: largest number of tokens, at most 1,000,000; the most frequent ones are kept. At the level
                "ids" the number of ids, without the end token. Defaults to None: 10,000; at the level "ids" the largest
                id, plus 1.
            min_frequency: words and characters that are less frequent are unknown. It has no effect at the levels
                "bpe" and "ids". Defaults to 2.
            blanks: what blanks are at the level "char". "tokens": tokens, as other characters. "separators": not
                tokens; decoding leaves them out. "auto": separators where at least 95 of 100 lines are single
                characters separated by blanks. Defaults to "auto".

        Raises:
            InputError: an unknown level, a limit that is too small, fewer than two tokens beside the end token and the
                unknown token, or at the level "ids" a text that does not consist of ids below the limit.
        """
        _check_texts(lines, "lines")
        backend, reading = train_backend(lines, level, vocabulary_size, min_frequency, blanks)
        trained = cls(backend, blanks_reading=reading)
        if level == "word":
            trained.spacing = Spacing.count(lines, backend.get_vocab())
        special = {trained.end_token_id, trained.unknown_token_id} - {None}
        ordinary = trained.vocabulary_size - len(special)
        if ordinary < 2:
            expected = f"that occur {min_frequency} times or more" if level != IDS else "in the vocabulary"
            raise InputError(f"expected at least 2 different tokens {expected}. Received: {ordinary}")
        return trained

    @classmethod
    def load(cls, path: str | os.PathLike) -> "TextTokenizer":
        """Reads a file that `save` wrote.

        Args:
            path: the JSON file.

        Raises:
            InputError: the file cannot be read, is damaged, or has rules or token ids that `train` does not set.
        """
        tokenizer, own = tokenizer_file.read(path)
        try:
            return cls(
                tokenizer,
                Spacing.from_json(own["spacing"]) if "spacing" in own else None,
                BlanksReading.from_json(own["blanks"]) if "blanks" in own else None,
            )
        except InputError as error:
            raise InputError(f"{path}: {error}") from error

    def save(self, path: str | os.PathLike) -> None:
        """Writes the vocabulary and the rules as one JSON file.

        Args:
            path: the file. Its directory must exist.

        Raises:
            InputError: the file cannot be written.
        """
        own: dict[str, Any] = {}
        if self.spacing is not None:
            own["spacing"] = self.spacing.to_json()
        if self.blanks_reading is not None:
            own["blanks"] = self.blanks_reading.to_json()
        write_text(path, tokenizer_file.write(self.backend_tokenizer, own))

    @property
    def tokens(self) -> list[str]:
        """The vocabulary by id. At the level "bpe" single characters stand for bytes, as in the JSON file."""
        return [self.backend_tokenizer.id_to_token(i) or "" for i in range(self.vocabulary_size)]

    @property
    def spacing_tables(self) -> SpacingTables | None:
        """The rules of `spacing` by token id; None where there are none."""
        if self.spacing is not None and self._tables is None:
            split = self.backend_tokenizer.pre_tokenizer.pre_tokenize_str
            starts: dict[str, bool] = {}

            def is_sign(token: str) -> bool:
                start = token[:1]
                if start not in starts:
                    starts[start] = len(split("a" + start)) == 2
                return starts[start] and token not in (END, UNKNOWN)

            self._tables = SpacingTables(self.spacing, self.tokens, is_sign)
        return self._tables

    def encode(self, texts: Iterable[str]) -> list[list[int]]:
        """Token ids of each text, without an end token.

        At the level "bpe" the characters "<end>" in a text are text. At the others "<end>" is the unknown token.

        Raises:
            InputError: at the level "ids" a text does not consist of ids of the vocabulary.
        """
        return self._encode(texts)

    def encode_padded(self, texts: Sequence[str], sequence_length: int) -> tuple[np.ndarray, int]:
        """Token ids with the end token, cut or padded to one length.

        Args:
            texts: n texts.
            sequence_length: T. A longer text is cut to its first T tokens and then has no end token.

        Returns:
            (int32 array [n, T] padded with -1, number of texts that were cut). `unknown_share` gives the share of
            unknown tokens in the array.
        """
        padded = np.full([len(texts), sequence_length], PADDING, np.int32)
        cut = 0
        for row, ids in zip(padded, self.ended_tokens(texts, sequence_length), strict=True):
            cut += len(ids) > sequence_length
            row[: len(ids)] = ids[:sequence_length]
        return padded, cut

    def first_tokens(self, texts: Iterable[str], count: int) -> list[list[int]]:
        """As `encode`, but of a long text only the beginning is encoded: at least `count` tokens where it has them."""
        return self._encode(texts, count)

    def ended_tokens(self, texts: Iterable[str], count: int) -> list[list[int]]:
        """As `first_tokens`, with an end token after each text, where there is one."""
        end = [] if self.end_token_id is None else [self.end_token_id]
        return [ids + end for ids in self.first_tokens(texts, count)]

    def capacity(self, sequence_length: int) -> int:
        """The number of tokens of a text that fit into a sequence beside the end token, where there is one."""
        return sequence_length - (self.end_token_id is not None)

    def unknown_parts(self, text: str) -> list[str]:
        """The parts of a text that are not in the vocabulary, each once, in their order; [] where all are known."""
        encoding = self.backend_tokenizer.encode(text)
        unknown = (self.unknown_mark, self.end_token_id) if self.unknown_mark is not None else ()
        return list(
            dict.fromkeys(text[a:b] for i, (a, b) in zip(encoding.ids, encoding.offsets, strict=True) if i in unknown)
        )

    def unknown_share(self, token_ids: np.ndarray | Sequence[Sequence[int]]) -> float:
        """The share of unknown tokens among the tokens of an array [n, T], end tokens included, in [0, 1]."""
        unknown = count = 0
        token_ids = np.asanyarray(token_ids)
        for start in range(0, len(token_ids), 100_000):  # no large temporary arrays
            part = token_ids[start : start + 100_000]
            count += int(np.count_nonzero(part != PADDING))
            unknown += 0 if self.unknown_token_id is None else int(np.count_nonzero(part == self.unknown_token_id))
            release(token_ids)
        return unknown / max(count, 1)

    def decode(self, token_ids: np.ndarray | Iterable[Iterable[int]]) -> list[str]:
        """A text for each row of token ids, up to its end token.

        Args:
            token_ids: int array [n, T], or rows of different lengths.

        Raises:
            InputError: an id is neither in the vocabulary nor padding.
        """
        texts = []
        tables = self.spacing_tables
        for row in token_ids:
            ids = [int(i) for i in row]
            outside = [i for i in ids if not PADDING <= i < self.vocabulary_size]
            if outside:
                raise InputError(
                    f"`token_ids` must be in [0, {self.vocabulary_size}), the vocabulary, or {PADDING}. "
                    f"Received: {outside[0]}"
                )
            ids = ids[: ids.index(self.end_token_id)] if self.end_token_id in ids else ids
            ids = [i for i in ids if i != PADDING]
            texts.append(tables.join(ids) if tables else self.backend_tokenizer.decode(ids, skip_special_tokens=False))
        return texts

    def _encode(self, texts: Iterable[str], count: int | None = None) -> list[list[int]]:
        _check_texts(texts, "texts")
        texts = list(texts)
        long = {i: text for i, text in enumerate(texts) if isinstance(text, str) and len(text) > LONG}
        short = [[] if i in long else ids for i, ids in enumerate(self._encode_batch(_without(texts, long)))]
        for i, text in long.items():
            for piece in pieces(text, self.level):
                short[i] += self._encode_batch([piece])[0]
                if count is not None and len(short[i]) > count:
                    break
        return short

    def _encode_batch(self, texts: list[str]) -> list[list[int]]:
        try:
            encodings = self.backend_tokenizer.encode_batch_fast(texts)
        except TypeError as error:
            wrong = next((text for text in texts if not isinstance(text, str)), texts)
            raise InputError(f"`texts` must be a list of str. Received: {type(wrong).__name__}") from error
        end, unknown = self.end_token_id, self.unknown_mark
        rows = [encoding.ids for encoding in encodings]
        if unknown is None:
            return rows
        rows = [[unknown if i == end else i for i in ids] if end in ids else ids for ids in rows]
        if self.unknown_token_id is None:
            for text, ids in zip(texts, rows, strict=True):
                if unknown in ids:
                    received = self.unknown_parts(text)[0][:40]
                    size = self.vocabulary_size - (end is not None)
                    raise InputError(f"expected ids below {size}, the size of the vocabulary. Received: {received!r}")
        return rows


def _without(texts: list[str], long: dict[int, str]) -> list[str]:
    return ["" if i in long else text for i, text in enumerate(texts)] if long else texts


def _check_texts(texts: Iterable[str], name: str) -> None:
    if isinstance(texts, str):
        raise InputError(f"`{name}` must be a list of str. Received: a str")
