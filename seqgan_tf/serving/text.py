"""Text to token ids and back inside a TensorFlow graph, by the rules of a `TextTokenizer`.

The tokenizer's library can not run inside a SavedModel. So its rules are written down here once more, in tensor
operations; what counts as a letter or a digit is asked of the library when the graph is made, not assumed.
"""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from seqgan_tf.data.tokenizer import END, UNKNOWN
from seqgan_tf.sequences import PADDING

WHITE_SPACE = (*range(9, 14), 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
CODE_POINTS, SURROGATES = 0x110000, range(0xD800, 0xE000)
SPACE, OTHER, LETTER, NUMBER = range(4)
PROBES = {"word": {LETTER: "a"}, "bpe": {LETTER: "a", NUMBER: "1"}}
CONTRACTIONS = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")  # tokens of their own in byte-level pre-tokenization
NO_MERGE = np.iinfo(np.int32).max


class GraphTokenizer(tf.Module):
    """The rules of a `TextTokenizer` as functions of string tensors.

    Args:
        tokenizer: `TextTokenizer` of any level.
        vocabulary: path of the file to write the vocabulary to, a token a line. A SavedModel takes it among its assets,
            so it has to stay until that is written.

    Raises:
        ValueError: a token holds a line break, or the tokenizer has rules that are not written down here.
    """

    def __init__(self, tokenizer, vocabulary):
        super().__init__()
        self.level = tokenizer.level
        self.vocabulary_size = tokenizer.vocabulary_size
        self.end_token_id = tokenizer.end_token_id
        self.unknown_token_id = tokenizer.unknown_token_id
        tokens = tokenizer.tokens
        broken = [token for token in tokens if {"\r", "\n"} & set(token)]
        if broken:
            raise ValueError(f"a vocabulary with line breaks can not be exported. Received: {broken[0]!r}")
        Path(vocabulary).write_text("".join(f"{token}\n" for token in tokens), encoding="utf-8", newline="\n")
        lines = tf.lookup.TextFileIndex
        keys = tf.lookup.TextFileInitializer(
            str(vocabulary), tf.string, lines.WHOLE_LINE, tf.int64, lines.LINE_NUMBER, len(tokens)
        )
        self.ids = tf.lookup.StaticHashTable(keys, -1 if self.unknown_token_id is None else self.unknown_token_id)
        kinds = _kinds(tokenizer)
        changes = np.flatnonzero(np.diff(kinds, prepend=255))
        self.range_starts, self.range_kinds = tf.constant(changes, tf.int32), tf.constant(kinds[changes], tf.int32)
        if self.level == "bpe":
            self.byte_signs = tf.constant(_byte_signs())
            self.merges, self.merged = _merges(tokenizer)
        first, later = _pieces(tokenizer)
        self.first_pieces, self.later_pieces = tf.constant(first), tf.constant(later)
        self.longest_piece = max(map(len, later))
        self._check(tokenizer)

    def _check(self, tokenizer):
        """Holds the rules against the library's on the whole vocabulary: a tokenizer file may have been edited."""
        ids = [list(range(i, min(i + 20, self.vocabulary_size))) for i in range(1, self.vocabulary_size, 20)]
        texts = [form for text in tokenizer.decode(ids) for form in (text, text.swapcase())]
        for text, ours, theirs in zip(
            texts, self.encode(tf.constant(texts)).to_list(), tokenizer.encode(texts), strict=True
        ):
            if ours != theirs:
                raise ValueError(
                    f"the tokenizer must have the rules that `TextTokenizer.train` gives it: {text[:60]!r} differs"
                )

    def encode(self, texts):
        """Token ids of texts, without an end token.

        Args:
            texts: string [B], UTF-8; what is not counts as U+FFFD.

        Returns:
            RaggedTensor, int32 [B, (tokens)].
        """
        codes = tf.strings.unicode_decode(texts, "UTF-8")
        codes, rows = codes.values, tf.cast(codes.value_rowids(), tf.int32)
        # The library takes its own tokens out first, where a text spells them, and splits each part between them.
        is_end = _spelt(END, codes, rows)
        begins_part = (rows != _shift(rows, -1)) | (is_end != _shift(is_end, False))
        is_unknown = tf.zeros_like(is_end)
        if self.unknown_token_id is not None:
            is_unknown = _spelt(UNKNOWN, codes, rows)
            begins_part |= _spelt_at(UNKNOWN, codes, rows) | (is_unknown != _shift(is_unknown, False))
        part = tf.cumsum(tf.cast(begins_part, tf.int32))
        codes, rows, part, is_unknown = (tf.boolean_mask(v, ~is_end) for v in (codes, rows, part, is_unknown))

        kind = tf.gather(self.range_kinds, tf.searchsorted(self.range_starts, codes, side="right") - 1)
        begins = {"char": self._every, "word": self._runs, "bpe": self._byte_level}[self.level](codes, kind, part)
        word = tf.cumsum(tf.cast(begins & ~is_unknown | (part != _shift(part, -1)), tf.int32)) - 1
        if self.level == "bpe":
            ids, rows = self._merge(codes, word, rows)
        else:
            codes, rows, word = (tf.boolean_mask(v, kind != SPACE) for v in (codes, rows, word))
            _, word = tf.unique(word)
            count = tf.reduce_max(tf.concat([word + 1, [0]], axis=0))
            signs = tf.strings.unicode_encode(codes[:, tf.newaxis], "UTF-8")
            ids = self._lookup(tf.strings.unsorted_segment_join(signs, word, count))
            rows = tf.math.unsorted_segment_max(rows, word, count)
        return tf.RaggedTensor.from_value_rowids(ids, tf.cast(rows, tf.int64), tf.size(texts, tf.int64))

    def exceed(self, texts, count):
        """Whether texts have more than `count` tokens for sure, at a glance: bool [B] for string [B].

        Merging the byte pairs of a text takes time. At the other levels a word may have any length.
        """
        if self.level != "bpe":
            return tf.fill(tf.shape(texts), False)
        return tf.strings.length(tf.strings.regex_replace(texts, END, "")) > count * self.longest_piece

    def decode(self, token_ids):
        """Texts of token ids: string [B] for int32 [B, T]; the end token and padding are left out."""
        shown = (token_ids != PADDING) & (token_ids != self.end_token_id)
        ids = tf.maximum(token_ids, 0)
        pieces = tf.concat([tf.gather(self.first_pieces, ids[:, :1]), tf.gather(self.later_pieces, ids[:, 1:])], axis=1)
        texts = tf.strings.reduce_join(tf.where(shown, pieces, ""), axis=1)
        return tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8") if self.level == "bpe" else texts

    def _lookup(self, tokens):
        return tf.cast(self.ids.lookup(tokens), tf.int32)

    # Where a token, or what byte pairs are merged within, begins: bool [n] for n code points

    def _every(self, codes, kind, part):
        return tf.ones_like(codes, tf.bool)

    def _runs(self, codes, kind, part):
        return kind != _shift(kind, -1)

    def _byte_level(self, codes, kind, part):
        """Runs of letters, of digits, of other signs, each with one blank before it, and of white space; contractions.

        Of a run of white space that something follows, the last sign is parted from the rest: a blank goes to what
        follows, another one stands alone.
        """
        is_first = part != _shift(part, -1)
        is_last = tf.concat([is_first[1:], [True]], axis=0)[: tf.size(codes)]
        next_kind = tf.where(is_last, SPACE, tf.concat([kind[1:], [SPACE]], axis=0)[: tf.size(codes)])
        before = tf.where(is_first, -1, _shift(kind, -1))
        is_space = kind == SPACE
        parted = is_space & (next_kind != SPACE)
        glued = _shift(parted & (codes == 32), False) & ~is_first
        begins = (kind != before) & ~glued | parted
        for contraction in CONTRACTIONS:
            # An apostrophe inside a run of signs, or after a blank, belongs to these.
            at = _spelt_at(contraction, codes, part) & (before != OTHER) & ~glued
            begins |= at
            after = at
            for _ in contraction[1:]:
                after = _shift(after, False)
                begins &= ~after
            begins |= _shift(after, False) & ~_shift(parted, False)
        return begins

    def _merge(self, codes, word, rows):
        """Byte pairs: the pair that was learnt first is merged wherever it stands in a word, until none is left."""
        signs = tf.strings.unicode_encode(codes[:, tf.newaxis], "UTF-8")
        split = tf.strings.bytes_split(signs)
        sign = split.value_rowids()
        byte = tf.reshape(tf.cast(tf.io.decode_raw(split.values, tf.uint8), tf.int32), [-1])
        ids = self._lookup(tf.gather(self.byte_signs, byte))
        word, rows = tf.gather(word, sign), tf.gather(rows, sign)

        def merge(ids, word, rows, _):
            key = tf.cast(ids[:-1], tf.int64) * self.vocabulary_size + tf.cast(ids[1:], tf.int64)
            rank = tf.where(word[:-1] == word[1:], self.merges.lookup(key), NO_MERGE)
            rank = tf.concat([rank, tf.fill([tf.minimum(tf.size(ids), 1)], NO_MERGE)], axis=0)
            words = tf.reduce_max(tf.concat([word, [0]], axis=0)) + 1
            first = tf.gather(tf.math.unsorted_segment_min(rank, word, words), word)
            candidate = (rank == first) & (rank != NO_MERGE)
            # In a run of pairs that overlap (a a a) every other one is taken, from the left.
            run = tf.cumsum(tf.cast(candidate & ~_shift(candidate, False), tf.int32))
            position = tf.range(tf.size(ids))
            begin = tf.math.unsorted_segment_min(
                tf.where(candidate, position, tf.size(ids)), run, tf.reduce_max(tf.concat([run, [0]], axis=0)) + 1
            )
            taken = candidate & ((position - tf.gather(begin, run)) % 2 == 0)
            ids = tf.where(taken, tf.gather(self.merged, tf.where(taken, rank, 0)), ids)
            kept = ~_shift(taken, False)
            ids, word, rows = (tf.boolean_mask(values, kept) for values in (ids, word, rows))
            return ids, word, rows, tf.reduce_any(taken)

        open_shape = tf.TensorShape([None])
        ids, _, rows, _ = tf.while_loop(
            lambda *state: state[3],
            merge,
            (ids, word, rows, tf.constant(True)),
            shape_invariants=(open_shape, open_shape, open_shape, tf.TensorShape([])),
        )
        return ids, rows


def _shift(values, first):
    """Each value's predecessor; `first` before the first."""
    return tf.concat([tf.cast([first], values.dtype), values[:-1]], axis=0)[: tf.size(values)]


def _spelt_at(text, codes, rows):
    """Whether a text begins at a code point, and ends in the same row (or part of one): bool [n]."""
    codes = tf.concat([codes, tf.fill([len(text)], -1)], axis=0)
    padded = tf.concat([rows, tf.fill([len(text)], -1)], axis=0)
    size = tf.size(rows)
    found = tf.fill([size], True)
    for j, sign in enumerate(text):
        found &= (codes[j : j + size] == ord(sign)) & (padded[j : j + size] == rows)
    return found


def _spelt(text, codes, rows):
    """Whether a code point is part of a text: bool [n]."""
    at = inside = _spelt_at(text, codes, rows)
    for _ in text[1:]:
        at = _shift(at, False)
        inside |= at
    return inside


def _kinds(tokenizer):
    """What every code point is: uint8 [CODE_POINTS]; at the level of characters, whether it is dropped."""
    kinds = np.full(CODE_POINTS, OTHER, np.uint8)
    if tokenizer.level == "char":
        if tokenizer.backend_tokenizer.normalizer:
            kinds[list(WHITE_SPACE)] = SPACE
        return kinds
    kinds[list(WHITE_SPACE)] = SPACE
    left_out = {*WHITE_SPACE, *SURROGATES}
    codes = np.array([code for code in range(CODE_POINTS) if code not in left_out])
    text = "".join(map(chr, codes))
    split = tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str
    for _, (start, end) in split(text):  # runs of one kind, since nothing stands between them
        for kind, sign in PROBES[tokenizer.level].items():
            if len(split(sign + text[start])) == 1:
                kinds[codes[start:end]] = kind
    return kinds


def _byte_signs():
    """The sign that stands for each byte in a byte-level vocabulary: printable ones for themselves, then U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    signs = {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}
    return [signs[byte] for byte in range(256)]


def _merges(tokenizer):
    """(table from first * V + second to the rank of the merge, int32 [merges] token of each rank)."""
    ids = {token: i for i, token in enumerate(tokenizer.tokens)}
    pairs = [tuple(pair) for pair in json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]]
    keys = [ids[a] * tokenizer.vocabulary_size + ids[b] for a, b in pairs]
    ranks = tf.lookup.KeyValueTensorInitializer(keys or [-1], tf.range(max(len(keys), 1)), tf.int64, tf.int32)
    merged = [ids[a + b] for a, b in pairs]
    return tf.lookup.StaticHashTable(ranks, NO_MERGE), tf.constant(merged or [0], tf.int32)


def _pieces(tokenizer):
    """What each token writes as the first of a text, and as a later one: two lists of V strings or bytes."""
    if tokenizer.level == "bpe":
        byte_of = {sign: byte for byte, sign in enumerate(_byte_signs())}
        pieces = [bytes(byte_of[sign] for sign in token) for token in tokenizer.tokens]
        return pieces, pieces
    decode = tokenizer.backend_tokenizer.decode_batch
    ids = range(tokenizer.vocabulary_size)
    first = decode([[i] for i in ids], skip_special_tokens=False)
    later = decode([[tokenizer.end_token_id, i] for i in ids], skip_special_tokens=False)
    return first, [pair.removeprefix(END) for pair in later]
