"""Text to token ids and back, at the level of characters, words or byte pairs. One JSON file holds a tokenizer."""

import os
from collections.abc import Iterable, Sequence

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from seqgan_tf.core.files import read_text, write_text
from seqgan_tf.core.padding import PADDING
from seqgan_tf.core.validation import InputError, check_at_least

LEVELS = ("char", "word", "bpe")
PRE_TOKENIZERS = {"Split": "char", "Whitespace": "word", "ByteLevel": "bpe"}
END, UNKNOWN = "<end>", "<unk>"


class TextTokenizer:
    """A vocabulary and its rules. Token 0 ends a sequence; for characters and words, token 1 is the unknown token.

    Create one with `train` or `load`.

    Args:
        tokenizer: a `tokenizers.Tokenizer` that `train` has created.

    Attributes:
        level: "char", "word" or "bpe".
        vocabulary_size: V, the number of tokens.
        end_token_id: 0.
        unknown_token_id: 1, or None at the level "bpe", which can write any text.
        backend_tokenizer: the `tokenizers.Tokenizer`.

    Raises:
        InputError: the tokenizer has no end token, or another kind of pre-tokenizer.

    Example:
    ```python
    import seqgan_tf as sg

    tokenizer = sg.TextTokenizer.train(["the cat sees the dog.", "the dog sees a cat."], level="word")
    ids = tokenizer.encode(["the dog sees the bird."])
    print(tokenizer.decode(ids))  # ['the dog sees the <unk>.']
    tokenizer.save("tokenizer.json")
    ```
    """

    def __init__(self, tokenizer: Tokenizer):
        end_token_id = tokenizer.token_to_id(END)
        if end_token_id is None:
            raise InputError(f"expected a tokenizer with an end token {END!r}")
        kind = type(tokenizer.pre_tokenizer).__name__
        if kind not in PRE_TOKENIZERS:
            raise InputError(f"expected a tokenizer of the level {', '.join(map(repr, LEVELS))}. Received: {kind}")
        self.backend_tokenizer = tokenizer
        self.level = PRE_TOKENIZERS[kind]
        self.vocabulary_size = tokenizer.get_vocab_size()
        self.end_token_id = end_token_id
        self.unknown_token_id = tokenizer.token_to_id(UNKNOWN)

    @classmethod
    def train(
        cls, lines: Sequence[str], level: str = "word", vocabulary_size: int = 10_000, min_frequency: int = 2
    ) -> "TextTokenizer":
        """Builds a vocabulary from lines of text.

        Args:
            lines: the text.
            level: "char": each character is a token. Where all lines are single characters separated by blanks, blanks
                are not tokens, and decoding leaves them out. "word": runs of letters and digits, and runs of other
                characters. "bpe": byte pairs, which can write any text. Defaults to "word".
            vocabulary_size: largest number of tokens; the most frequent ones are kept. Defaults to 10,000.
            min_frequency: words and characters that are less frequent are unknown. Defaults to 2.

        Raises:
            InputError: an unknown level, a limit that is too small, or fewer than two tokens beside the end token and
                the unknown token.
        """
        if level not in LEVELS:
            raise InputError(f"`level` must be one of {list(LEVELS)}. Received: {level!r}")
        least = 257 if level == "bpe" else 1  # the end token and the 256 bytes
        check_at_least(least, vocabulary_size=vocabulary_size)
        check_at_least(1, min_frequency=min_frequency)
        trainer: trainers.BpeTrainer | trainers.WordLevelTrainer
        if level == "bpe":
            tokenizer = Tokenizer(models.BPE())
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
            tokenizer.decoder = decoders.ByteLevel()
            trainer = trainers.BpeTrainer(
                vocab_size=vocabulary_size,
                special_tokens=[END],
                initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                show_progress=False,
            )
        else:
            tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
            if level == "word":
                tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
                # It joins words by blanks, without a blank before punctuation.
                tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
            else:
                if all(len(word) == 1 for line in lines for word in line.split()):
                    tokenizer.normalizer = normalizers.Replace(Regex(r"\s"), "")
                tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
                tokenizer.decoder = decoders.Fuse()
            trainer = trainers.WordLevelTrainer(
                vocab_size=vocabulary_size,
                min_frequency=min_frequency,
                special_tokens=[END, UNKNOWN],
                show_progress=False,
            )
        tokenizer.train_from_iterator(lines, trainer)
        trained = cls(tokenizer)
        ordinary = trained.vocabulary_size - len(trainer.special_tokens)
        if ordinary < 2:
            raise InputError(
                f"expected at least 2 different tokens that occur {min_frequency} times or more. Received: {ordinary}"
            )
        return trained

    @classmethod
    def load(cls, path: str | os.PathLike) -> "TextTokenizer":
        """Reads a file that `save` wrote.

        Args:
            path: the JSON file.

        Raises:
            InputError: the file cannot be read, is damaged, or holds another kind of tokenizer.
        """
        content = read_text(path, "a tokenizer file")
        try:
            tokenizer = Tokenizer.from_str(content)
        except Exception as error:  # the library raises bare Exception
            raise InputError(f"{path}: expected a tokenizer file ({error})") from error
        try:
            return cls(tokenizer)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error

    def save(self, path: str | os.PathLike) -> None:
        """Writes the vocabulary and the rules as one JSON file.

        Args:
            path: the file. Its directory must exist.

        Raises:
            InputError: the file cannot be written.
        """
        write_text(path, self.backend_tokenizer.to_str(pretty=True))

    @property
    def tokens(self) -> list[str]:
        """The vocabulary by id. At the level "bpe" single characters stand for bytes, as in the JSON file."""
        return [self.backend_tokenizer.id_to_token(i) or "" for i in range(self.vocabulary_size)]

    def encode(self, texts: Iterable[str]) -> list[list[int]]:
        """Token ids of each text, without an end token, even where a text contains the characters of the end token."""
        encodings = self.backend_tokenizer.encode_batch(list(texts))
        return [[i for i in encoding.ids if i != self.end_token_id] for encoding in encodings]

    def encode_padded(self, texts: Sequence[str], sequence_length: int) -> tuple[np.ndarray, int]:
        """Token ids with the end token, cut or padded to one length.

        Args:
            texts: n texts.
            sequence_length: T. A longer text is cut to its first T tokens and then has no end token.

        Returns:
            (int32 array [n, T] padded with -1, number of texts that were cut).
        """
        padded = np.full([len(texts), sequence_length], PADDING, np.int32)
        cut = 0
        for row, ids in zip(padded, self.encode(texts), strict=True):
            ids = [*ids, self.end_token_id]
            cut += len(ids) > sequence_length
            row[: len(ids)] = ids[:sequence_length]
        return padded, cut

    def decode(self, token_ids: np.ndarray | Iterable[Iterable[int]]) -> list[str]:
        """A text for each row of token ids, up to its end token.

        Args:
            token_ids: int array [n, T], or rows of different lengths.

        Raises:
            InputError: an id is neither in the vocabulary nor padding.
        """
        texts = []
        for row in token_ids:
            ids = [int(i) for i in row]
            outside = [i for i in ids if not PADDING <= i < self.vocabulary_size]
            if outside:
                raise InputError(
                    f"`token_ids` must be in [0, {self.vocabulary_size}), the vocabulary, or {PADDING}. "
                    f"Received: {outside[0]}"
                )
            ids = ids[: ids.index(self.end_token_id)] if self.end_token_id in ids else ids
            texts.append(self.backend_tokenizer.decode([i for i in ids if i != PADDING], skip_special_tokens=False))
        return texts
