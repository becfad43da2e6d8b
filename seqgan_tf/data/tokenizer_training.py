"""Training of the library's tokenizer: the rules of each level, and a vocabulary that is counted in lines of text."""

from collections.abc import Iterable, Iterator
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from seqgan_tf.core.validation import InputError, check_at_least
from seqgan_tf.data.blanks import BLANKS, BlanksReading, read_blanks
from seqgan_tf.data.id_vocabulary import ids_backend
from seqgan_tf.data.long_text import training_pieces
from seqgan_tf.data.tokenizer_file import END, IDS, LEVELS, MAX_TOKENS, UNKNOWN, special_tokens

DEFAULT_SIZE = 10_000
"""Largest vocabulary, where none is set."""


def train_backend(
    lines: Iterable[str], level: str, vocabulary_size: int | None, min_frequency: int, blanks: str
) -> tuple[Tokenizer, BlanksReading | None]:
    """The library's tokenizer with its vocabulary, and at the level "char" how blanks were read.

    Args:
        lines: the text; it is read twice at the level "char".
        level: see `TextTokenizer.train`.
        vocabulary_size: see `TextTokenizer.train`.
        min_frequency: see `TextTokenizer.train`.
        blanks: see `TextTokenizer.train`.

    Raises:
        InputError: an unknown level or reading of blanks, or a limit that is too small.
    """
    for name, value, allowed in (("level", level, LEVELS), ("blanks", blanks, BLANKS)):
        if value not in allowed:
            raise InputError(f"`{name}` must be one of {list(allowed)}. Received: {value!r}")
    least = 257 if level == "bpe" else 1  # the end token and the 256 bytes
    if vocabulary_size is not None:
        check_at_least(least, vocabulary_size=vocabulary_size)
    check_at_least(1, min_frequency=min_frequency)
    if level == IDS:
        return ids_backend(lines, vocabulary_size), None
    reading = read_blanks(lines, blanks) if level == "char" else None
    tokenizer = _rules(level, reading)
    settings: dict[str, Any] = {
        "vocab_size": min(vocabulary_size or DEFAULT_SIZE, MAX_TOKENS),
        "special_tokens": special_tokens(level),
        "show_progress": False,
    }
    trainer: trainers.BpeTrainer | trainers.WordLevelTrainer
    if level == "bpe":
        trainer = trainers.BpeTrainer(initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), **settings)
    else:
        trainer = trainers.WordLevelTrainer(min_frequency=min_frequency, **settings)
    tokenizer.train_from_iterator(_training_text(lines, level), trainer)
    return tokenizer, reading


def _rules(level: str, reading: BlanksReading | None) -> Tokenizer:
    """A tokenizer without a vocabulary."""
    if level == "bpe":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        return tokenizer
    tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
    if level == "char":
        if reading and reading.are_separators:
            tokenizer.normalizer = normalizers.Replace(Regex(r"\s"), "")
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
        tokenizer.decoder = decoders.Fuse()
    elif level == "word":
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        tokenizer.decoder = decoders.WordPiece(prefix=" ", cleanup=False)  # it joins by blanks; no token has the prefix
    return tokenizer


def _training_text(lines: Iterable[str], level: str) -> Iterator[str]:
    for line in lines:
        if level == "whitespace":  # the special tokens are in the vocabulary already
            line = line.replace(END, " ").replace(UNKNOWN, " ")
        yield from training_pieces(line, level)
