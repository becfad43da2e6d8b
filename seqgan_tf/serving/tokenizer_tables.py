"""Tables that `GraphTokenizer` computes from a `TextTokenizer`: kinds of code points, byte pairs, texts of tokens.

The library itself is asked which code points are letters and digits. A sign is one code point of a text, or the
character that stands for a byte in a byte-level vocabulary.
"""

import json
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from seqgan_tf.data.tokenizer import TextTokenizer

WHITE_SPACE = (*range(9, 14), 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
CODE_POINTS, SURROGATES = 0x110000, range(0xD800, 0xE000)
SPACE, OTHER, LETTER, NUMBER = range(4)
PROBES = {"word": {LETTER: "a"}, "bpe": {LETTER: "a", NUMBER: "1"}}
NO_MERGE = int(np.iinfo(np.int32).max)


def code_point_kinds(tokenizer: "TextTokenizer") -> np.ndarray:
    """The kind of every code point: uint8 [CODE_POINTS].

    At the level of characters only two kinds matter: SPACE is dropped, OTHER is kept.
    """
    kinds = np.full(CODE_POINTS, OTHER, np.uint8)
    if tokenizer.level == "char":
        if tokenizer.backend_tokenizer.normalizer:
            kinds[list(WHITE_SPACE)] = SPACE
        return kinds
    kinds[list(WHITE_SPACE)] = SPACE
    if tokenizer.level not in PROBES:
        return kinds
    left_out = {*WHITE_SPACE, *SURROGATES}
    codes = np.array([code for code in range(CODE_POINTS) if code not in left_out])
    text = "".join(map(chr, codes))
    split = tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str
    for _, (start, end) in split(text):  # runs of one kind, since there is no white space between them
        for kind, sign in PROBES[tokenizer.level].items():
            if len(split(sign + text[start])) == 1:
                kinds[codes[start:end]] = kind
    return kinds


def byte_signs() -> list[str]:
    """The sign of each byte in a byte-level vocabulary: printable bytes stand for themselves, others are U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    signs = {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}
    return [signs[byte] for byte in range(256)]


def merge_tables(tokenizer: "TextTokenizer") -> tuple[tf.lookup.StaticHashTable, tf.Tensor]:
    """(table: first * V + second -> rank of the merge, int32 [merges]: merged token of each rank)."""
    ids = {token: i for i, token in enumerate(tokenizer.tokens)}
    pairs = [tuple(pair) for pair in json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]]
    keys = [ids[a] * tokenizer.vocabulary_size + ids[b] for a, b in pairs]
    ranks = tf.lookup.KeyValueTensorInitializer(keys or [-1], tf.range(max(len(keys), 1)), tf.int64, tf.int32)
    merged = [ids[a + b] for a, b in pairs]
    return tf.lookup.StaticHashTable(ranks, NO_MERGE), tf.constant(merged or [0], tf.int32)


def token_texts(tokenizer: "TextTokenizer") -> tuple[list, list]:
    """The text of each token at the start of a text, and elsewhere: two lists of V strings or bytes."""
    if tokenizer.level == "bpe":
        byte_of = {sign: byte for byte, sign in enumerate(byte_signs())}
        texts = [bytes(byte_of[sign] for sign in token) for token in tokenizer.tokens]
        return texts, texts
    decode = tokenizer.backend_tokenizer.decode_batch
    ids = range(tokenizer.vocabulary_size)
    first = decode([[i] for i in ids], skip_special_tokens=False)
    later = decode([[0, i] for i in ids], skip_special_tokens=False)
    return first, [pair.removeprefix(first[0]) for pair in later]
