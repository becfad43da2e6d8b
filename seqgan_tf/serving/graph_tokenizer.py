"""Text to token ids and back inside a TensorFlow graph, by the rules of a `TextTokenizer`.

The tokenizer's library cannot run inside a SavedModel. So its rules are implemented here a second time, as tensor
operations on tables that are computed from the library's tokenizer (`tokenizer_tables`).

A sign is one code point of a text, or the character that stands for a byte in a byte-level vocabulary.
"""

import os
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from seqgan_tf.core.files import write_text
from seqgan_tf.core.graphs import graph_function
from seqgan_tf.core.sequences import PADDING
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.tokenizer import END, UNKNOWN
from seqgan_tf.serving.graph_spacing import GraphSpacing
from seqgan_tf.serving.tokenizer_tables import (
    NO_MERGE,
    OTHER,
    SPACE,
    byte_signs,
    code_point_kinds,
    merge_tables,
    token_texts,
)

if TYPE_CHECKING:
    from seqgan_tf.data.tokenizer import TextTokenizer

NAMED, NAMED_CHARACTERS = 5, 40  # unknown parts of a text that a message names, and characters of each
CONTRACTIONS = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")  # tokens of their own in byte-level pre-tokenization


class GraphTokenizer(tf.Module):
    """The rules of a `TextTokenizer` as functions of string tensors.

    Args:
        tokenizer: a tokenizer of any level.
        vocabulary: file to write the vocabulary to, one token per line. A SavedModel copies it to its assets, so it has
            to exist until the SavedModel is written.

    Attributes:
        level, vocabulary_size, unknown_token_id: those of the tokenizer.
        end_token_id: the same; the padding where there is no end token.
        unknown_mark: the same; below the padding at the level "bpe", where nothing is unknown.

    Raises:
        InputError: a token has a line break, or the tokenizer has rules that are not implemented here.

    Example:
    ```python
    import pathlib
    import tempfile

    import seqgan_tf as sg
    from seqgan_tf.serving.graph_tokenizer import GraphTokenizer

    tokenizer = sg.TextTokenizer.train(["the cat sees a dog"] * 2)
    folder = pathlib.Path(tempfile.mkdtemp())
    token_ids = GraphTokenizer(tokenizer, folder / "vocabulary.txt").encode(["the dog", "a cat"])  # RaggedTensor
    ```
    """

    def __init__(self, tokenizer: "TextTokenizer", vocabulary: str | os.PathLike) -> None:
        super().__init__()
        self.level = tokenizer.level
        self.vocabulary_size = tokenizer.vocabulary_size
        self.end_token_id = PADDING if tokenizer.end_token_id is None else tokenizer.end_token_id
        self.unknown_token_id = tokenizer.unknown_token_id
        self.unknown_mark = PADDING - 1 if tokenizer.unknown_mark is None else tokenizer.unknown_mark
        tokens = tokenizer.tokens
        broken = [token for token in tokens if {"\r", "\n"} & set(token)]
        if broken:
            raise InputError(
                f"`tokenizer` must have no token with a line break to be exported. Received: {broken[0]!r}"
            )
        write_text(vocabulary, "".join(f"{token}\n" for token in tokens))
        lines = tf.lookup.TextFileIndex
        keys = tf.lookup.TextFileInitializer(
            str(vocabulary), tf.string, lines.WHOLE_LINE, tf.int64, lines.LINE_NUMBER, len(tokens)
        )
        self.ids = tf.lookup.StaticHashTable(keys, self.unknown_mark)
        kinds = code_point_kinds(tokenizer)
        changes = np.flatnonzero(np.diff(kinds, prepend=255))
        self.range_starts, self.range_kinds = tf.constant(changes, tf.int32), tf.constant(kinds[changes], tf.int32)
        if self.level == "bpe":
            self.byte_signs = tf.constant(byte_signs())
            self.merges, self.merged = merge_tables(tokenizer)
        tables = tokenizer.spacing_tables
        self.spacing = GraphSpacing(tables) if tables else None
        first, later = (tokens, [f" {token}" for token in tokens]) if tables else token_texts(tokenizer)
        self.first_pieces, self.later_pieces = tf.constant(first), tf.constant(later)
        self.longest_piece = max(map(len, later))
        # Compiled once, however many functions of an exported model read texts.
        self._encode = graph_function(self._encode_texts, input_signature=[tf.TensorSpec([None], tf.string)])
        self._check(tokenizer)

    def _check(self, tokenizer):
        """Compares the rules with the library's on the whole vocabulary: a tokenizer file may have been edited."""
        ids = [list(range(i, min(i + 20, self.vocabulary_size))) for i in range(1, self.vocabulary_size, 20)]
        texts = [form for text in tokenizer.decode(ids) for form in (text, text.swapcase())]
        for text, ours, theirs in zip(
            texts, self.encode(tf.constant(texts)).to_list(), tokenizer.encode(texts), strict=True
        ):
            if ours != theirs:
                raise InputError(
                    f"`tokenizer` must have the rules that `TextTokenizer.train` sets. Received: {text[:60]!r} differs"
                )

    def encode(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Token ids of texts, without an end token.

        Args:
            texts: string [B], UTF-8; invalid bytes count as U+FFFD.

        Returns:
            RaggedTensor, int32 [B, (tokens)]; an unknown part is `TextTokenizer.unknown_mark`.
        """
        return self._encode(texts)[0]

    def unknown_parts(self, texts: tf.Tensor) -> tf.Tensor:
        """The parts of texts that are not in the vocabulary, in quotes, at most 5 of each text.

        Args:
            texts: string [B], UTF-8.

        Returns:
            string [B], "" where all tokens are known.
        """
        ids, tokens = self._encode(texts)
        if tokens is None:
            return tf.fill(tf.shape(texts), "")
        unknown = tf.ragged.boolean_mask(tokens, ids == self.unknown_mark)[:, :NAMED]
        shown = tf.strings.substr(unknown.values, 0, NAMED_CHARACTERS, unit="UTF8_CHAR")
        return tf.strings.reduce_join(unknown.with_values("'" + shown + "'"), axis=1, separator=", ")

    def has_unknown(self, token_ids: tf.Tensor) -> tf.Tensor:
        """Whether rows of `encode`, int32 [B, T], hold an unknown part: bool [B]."""
        return tf.reduce_any(token_ids == self.unknown_mark, axis=1)

    def _encode_texts(self, texts):
        """(ids, tokens of the text) as ragged tensors; no tokens for byte pairs, of which none is unknown."""
        codes = tf.strings.unicode_decode(texts, "UTF-8")
        codes, rows = codes.values, tf.cast(codes.value_rowids(), tf.int32)
        # Where a text spells out the end token or the unknown token, the library first takes it as one token. The other
        # rules apply to each part between them.
        begins_part = rows != _shift(rows, -1)
        is_special = tf.zeros_like(begins_part)
        if self.level != "bpe":
            is_special = _is_inside(END, codes, rows) | _is_inside(UNKNOWN, codes, rows)
            begins_part |= _begins(END, codes, rows) | _begins(UNKNOWN, codes, rows)
            begins_part |= is_special != _shift(is_special, False)
        part = tf.cumsum(tf.cast(begins_part, tf.int32))

        kind = tf.gather(self.range_kinds, tf.searchsorted(self.range_starts, codes, side="right") - 1)
        begins = {"char": self._every, "bpe": self._byte_level}.get(self.level, self._runs)(codes, kind, part)
        word = tf.cumsum(tf.cast(begins & ~is_special | (part != _shift(part, -1)), tf.int32)) - 1
        if self.level == "bpe":
            ids, rows = self._merge(codes, word, rows)
            return _ragged(ids, rows, texts), None
        codes, rows, word = (tf.boolean_mask(v, kind != SPACE) for v in (codes, rows, word))
        _, word = tf.unique(word)
        count = tf.reduce_max(tf.concat([word + 1, [0]], axis=0))
        signs = tf.strings.unicode_encode(codes[:, tf.newaxis], "UTF-8")
        tokens = tf.strings.unsorted_segment_join(signs, word, count)
        rows = tf.math.unsorted_segment_max(rows, word, count)
        ids = self._lookup(tokens)
        ids = tf.where(ids == self.end_token_id, self.unknown_mark, ids)
        return _ragged(ids, rows, texts), _ragged(tokens, rows, texts)

    def exceed(self, texts: tf.Tensor, count: int) -> tf.Tensor:
        """Whether texts have more than `count` tokens for certain, without encoding them: bool [B] for string [B].

        Merging the byte pairs of a long text is slow. At the other levels a token may have any length.
        """
        if self.level != "bpe":
            return tf.fill(tf.shape(texts), False)
        return tf.strings.length(texts) > count * self.longest_piece

    def decode(self, token_ids: tf.Tensor) -> tf.Tensor:
        """Texts of token ids: string [B] for int32 [B, T]; the end token and padding are omitted."""
        shown = (token_ids != PADDING) & (token_ids != self.end_token_id)
        ids = tf.maximum(token_ids, 0)
        if self.spacing:
            pieces = tf.where(
                self.spacing.joins(ids), tf.gather(self.first_pieces, ids), tf.gather(self.later_pieces, ids)
            )
        else:
            first, later = tf.gather(self.first_pieces, ids[:, :1]), tf.gather(self.later_pieces, ids[:, 1:])
            pieces = tf.concat([first, later], axis=1)
        texts = tf.strings.reduce_join(tf.where(shown, pieces, ""), axis=1)
        return tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8") if self.level == "bpe" else texts

    def _lookup(self, tokens):
        return tf.cast(self.ids.lookup(tokens), tf.int32)

    # Where a token begins (of byte pairs: a stretch that is merged by itself): bool [n] for n code points

    def _every(self, codes, kind, part):
        return tf.ones_like(codes, tf.bool)

    def _runs(self, codes, kind, part):
        return kind != _shift(kind, -1)

    def _byte_level(self, codes, kind, part):
        """Runs of letters, digits and other signs, each with one space before it; runs of white space; contractions.

        Where something follows a run of white space, the last sign of the run is split off: a space joins what follows,
        any other sign stays alone.
        """
        is_first = part != _shift(part, -1)
        is_last = tf.concat([is_first[1:], [True]], axis=0)[: tf.size(codes)]
        next_kind = tf.where(is_last, SPACE, tf.concat([kind[1:], [SPACE]], axis=0)[: tf.size(codes)])
        before = tf.where(is_first, -1, _shift(kind, -1))
        is_space = kind == SPACE
        split_off = is_space & (next_kind != SPACE)
        joined = _shift(split_off & (codes == 32), False) & ~is_first
        begins = (kind != before) & ~joined | split_off
        for contraction in CONTRACTIONS:
            # An apostrophe inside a run of other signs, or after a space, belongs to it.
            at = _begins(contraction, codes, part) & (before != OTHER) & ~joined
            begins |= at
            after = at
            for _ in contraction[1:]:
                after = _shift(after, False)
                begins &= ~after
            begins |= _shift(after, False) & ~_shift(split_off, False)
        return begins

    def _merge(self, codes, word, rows):
        """Byte-pair merging: of the pairs in a word the one with the lowest rank is merged, until there is none."""
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
            # In a run of overlapping pairs (a a a) every second one is merged, from the left.
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


def _ragged(values, rows, texts):
    return tf.RaggedTensor.from_value_rowids(values, tf.cast(rows, tf.int64), tf.size(texts, tf.int64), validate=False)


def _shift(values, first):
    """The value before each value; `first` for the first one."""
    return tf.concat([tf.cast([first], values.dtype), values[:-1]], axis=0)[: tf.size(values)]


def _begins(text, codes, rows):
    """Whether a text begins at each code point and ends in the same row (or part of a row): bool [n]."""
    codes = tf.concat([codes, tf.fill([len(text)], -1)], axis=0)
    padded = tf.concat([rows, tf.fill([len(text)], -1)], axis=0)
    size = tf.size(rows)
    found = tf.fill([size], True)
    for j, sign in enumerate(text):
        found &= (codes[j : j + size] == ord(sign)) & (padded[j : j + size] == rows)
    return found


def _is_inside(text, codes, rows):
    """Whether each code point is part of an occurrence of a text: bool [n]."""
    at = inside = _begins(text, codes, rows)
    for _ in text[1:]:
        at = _shift(at, False)
        inside |= at
    return inside
