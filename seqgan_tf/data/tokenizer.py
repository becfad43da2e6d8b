"""Text to token ids and back, at the level of characters, words or byte pairs; one JSON file keeps it."""

from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from seqgan_tf.checks import check_at_least
from seqgan_tf.sequences import PADDING

LEVELS = ("char", "word", "bpe")
PRE_TOKENIZERS = {"Split": "char", "Whitespace": "word", "ByteLevel": "bpe"}
END, UNKNOWN = "<end>", "<unk>"


class TextTokenizer:
    """Token 0 ends a sequence. At the levels of characters and words token 1 stands for what the vocabulary lacks.

    Make one with `train` or `load`.

    Attributes:
        level: "char", "word" or "bpe".
        vocabulary_size: int.
        end_token_id: int, 0.
        unknown_token_id: int, 1, or None at the level of byte pairs, which lack nothing.
        backend_tokenizer: the `tokenizers.Tokenizer` that does the work.
    """

    def __init__(self, tokenizer):
        self.backend_tokenizer = tokenizer
        self.level = PRE_TOKENIZERS[type(tokenizer.pre_tokenizer).__name__]
        self.vocabulary_size = tokenizer.get_vocab_size()
        self.end_token_id = tokenizer.token_to_id(END)
        self.unknown_token_id = tokenizer.token_to_id(UNKNOWN)

    @classmethod
    def train(cls, lines, level="word", vocabulary_size=10_000, min_frequency=2):
        """Learns a vocabulary.

        Args:
            lines: list of str.
            level: "char": a character is a token. Where the lines write single characters separated by blanks, the
                blanks are no tokens, and decoding leaves them out. "word": runs of letters and digits, and runs of
                other signs. "bpe": byte pairs, which can write any text.
            vocabulary_size: int, at most so many tokens, the most frequent ones. Defaults to 10,000.
            min_frequency: int, words and characters that are seen less often are unknown. Defaults to 2.

        Raises:
            ValueError: an unknown level, or a vocabulary of fewer than two tokens beside the end and unknown tokens.
        """
        if level not in LEVELS:
            raise ValueError(f"`level` must be one of {list(LEVELS)}. Received: {level!r}")
        least = 257 if level == "bpe" else 1  # the end token and the 256 bytes
        check_at_least(least, vocabulary_size=vocabulary_size)
        check_at_least(1, min_frequency=min_frequency)
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
                tokenizer.decoder = decoders.WordPiece(
                    prefix="##", cleanup=True
                )  # joins, and draws signs to their word
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
            raise ValueError(
                f"expected at least 2 different tokens that occur {min_frequency} times or more. Received: {ordinary}"
            )
        return trained

    @classmethod
    def load(cls, path):
        """Reads what `save` wrote.

        Raises:
            ValueError: the file is missing, damaged, or not one of these tokenizers.
        """
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises bare Exception
            raise ValueError(f"{path}: expected a tokenizer file ({error})") from error
        if tokenizer.token_to_id(END) is None:
            raise ValueError(f"{path}: expected a tokenizer with an end token {END!r}")
        if type(tokenizer.pre_tokenizer).__name__ not in PRE_TOKENIZERS:
            raise ValueError(f"{path}: expected a tokenizer of the level {', '.join(map(repr, LEVELS))}")
        return cls(tokenizer)

    def save(self, path):
        """Writes the vocabulary and the rules as one JSON file."""
        Path(path).write_text(self.backend_tokenizer.to_str(pretty=True), encoding="utf-8")

    @property
    def tokens(self):
        """The vocabulary: list of str, by id. At the level of byte pairs signs stand for bytes, as in the JSON file."""
        return [self.backend_tokenizer.id_to_token(i) for i in range(self.vocabulary_size)]

    def encode(self, texts):
        """Token ids of each text, without an end token, even where the text spells one: a list of lists of int."""
        encodings = self.backend_tokenizer.encode_batch(list(texts))
        return [[i for i in encoding.ids if i != self.end_token_id] for encoding in encodings]

    def encode_padded(self, texts, sequence_length):
        """Token ids with the end token, cut or padded to one length.

        Args:
            texts: list of str.
            sequence_length: int, T. A longer text is cut to its first T tokens and has no end token.

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

    def decode(self, token_ids):
        """Texts of token ids: a list of str for int [n, T] or a list of lists; it stops at the end token.

        Raises:
            ValueError: an id is neither in the vocabulary nor padding.
        """
        texts = []
        for row in token_ids:
            ids = [int(i) for i in row]
            outside = [i for i in ids if not PADDING <= i < self.vocabulary_size]
            if outside:
                raise ValueError(
                    f"`token_ids` must be in [0, {self.vocabulary_size}), the vocabulary, or {PADDING}. "
                    f"Received: {outside[0]}"
                )
            ids = ids[: ids.index(self.end_token_id)] if self.end_token_id in ids else ids
            texts.append(self.backend_tokenizer.decode([i for i in ids if i != PADDING], skip_special_tokens=False))
        return texts
