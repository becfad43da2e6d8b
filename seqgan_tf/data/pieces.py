"""Tunes, cut at bar lines into pieces of one length: the sequences of a corpus of music."""

import itertools
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from seqgan_tf.core.padding import PADDING
from seqgan_tf.data.music_tokenizer import MusicTokenizer
from seqgan_tf.data.tune_files import TuneFiles


class Pieces(NamedTuple):
    """The pieces of tunes, as token ids.

    Attributes:
        token_ids: int32 array [n, T], padded with -1.
        num_cut: number of pieces that were longer and were cut.
        num_dropped: number of pieces that were shorter than T, where tunes have no end token, and were left out.
        without: names of the tunes without a note that the tokenizer has tokens for.

    Example:
    ```python
    import symusic

    import seqgan_tf as sg
    from seqgan_tf.data.pieces import Pieces
    from seqgan_tf.data.tune_files import TuneFiles

    score = symusic.Score(480)
    score.tracks.append(symusic.Track(notes=[symusic.Note(480 * i, 480, 60, 90) for i in range(16)]))
    score.dump_midi("a.mid")
    pieces = Pieces.of(TuneFiles.read("a.mid"), None, sg.RemiTokenizer(), sequence_length=32)
    print(pieces.token_ids.shape)  # (2, 32): four bars of 14 tokens, two of which fit
    ```
    """

    token_ids: np.ndarray
    num_cut: int
    num_dropped: int
    without: tuple[str, ...]

    @classmethod
    def of(
        cls,
        files: TuneFiles,
        digests: Iterable[str] | None,
        tokenizer: MusicTokenizer,
        bars: int | None = None,
        sequence_length: int | None = None,
    ) -> "Pieces":
        """Cuts tunes into pieces.

        Args:
            files: the tunes.
            digests: of the tunes that are cut, in order; None for all, in the order of the digests.
            tokenizer: the tokenizer.
            bars: number of bars of a piece. Defaults to None: as many as fit in `sequence_length`.
            sequence_length: T, with the end token. Defaults to None: with `bars`, the length that 99 of 100 pieces do
                not exceed, else that of the tokenizer.
        """
        if bars is None and sequence_length is None:
            sequence_length = tokenizer.default_length
        end = [] if tokenizer.end_token_id is None else [tokenizer.end_token_id]
        limit = None if sequence_length is None or bars is not None else sequence_length - len(end)
        pieces: list[list[list[int]]] = []
        without = []
        for digest in sorted(files.scores) if digests is None else digests:
            units = tokenizer.units(files.scores[digest])
            if not units:
                without.append(files.names[digest])
            pieces += (piece for piece in _pieces(units, bars, limit) if tokenizer.has_notes(piece))
        if sequence_length is None:
            lengths = [sum(map(len, piece)) + len(end) for piece in pieces]
            sequence_length = max(2, int(np.quantile(lengths, 0.99, method="higher"))) if lengths else 2
        rows = [_fitting(piece, sequence_length, end) for piece in pieces]
        num_cut = sum(len(row) < sum(map(len, piece)) + len(end) for row, piece in zip(rows, pieces, strict=True))
        if not end:
            rows = [row for row in rows if len(row) == sequence_length]
        token_ids = np.full([len(rows), sequence_length], PADDING, np.int32)
        for i, row in enumerate(rows):
            token_ids[i, : len(row)] = row
        return cls(token_ids, num_cut, len(pieces) - len(rows), tuple(without))


def shuffled(token_ids: np.ndarray, seed: int) -> np.ndarray:
    """Pieces in random order, so that the first ones are of many tunes: metrics may take a part of them.

    Args:
        token_ids: int array [n, T].
        seed: seed of the order.
    """
    return token_ids[np.random.default_rng(seed).permutation(len(token_ids))]


def _pieces(units: list[list[int]], most: int | None, limit: int | None) -> Iterable[list[list[int]]]:
    """Units, one after the other, in pieces of at most `most` units and `limit` tokens, but of one unit at least."""
    piece: list[list[int]] = []
    length = 0
    for unit in units:
        if piece and (len(piece) == most or (limit is not None and length + len(unit) > limit)):
            yield piece
            piece, length = [], 0
        piece.append(unit)
        length += len(unit)
    if piece:
        yield piece


def _fitting(piece: list[list[int]], sequence_length: int, end: list[int]) -> list[int]:
    """The tokens of as many units as fit, with the end token; of a first unit that is too long, its first tokens."""
    ends = np.cumsum([len(unit) for unit in piece])
    count = int(np.count_nonzero(ends <= sequence_length - len(end)))
    return [*itertools.chain.from_iterable(piece[:count]), *end] if count else piece[0][:sequence_length]
