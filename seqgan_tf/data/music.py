"""MIDI files as training and validation data: tunes, cut into pieces of whole bars."""

from collections.abc import Sequence

import numpy as np

from seqgan_tf.core.validation import InputError, check_at_least, whole_number
from seqgan_tf.data.array_corpus import ArrayCorpus
from seqgan_tf.data.midi_files import Location
from seqgan_tf.data.music_files import ENCODINGS
from seqgan_tf.data.music_tokenizer import MusicTokenizer, Rows
from seqgan_tf.data.pieces import Pieces, shuffled
from seqgan_tf.data.pitch_steps import PitchTokenizer
from seqgan_tf.data.records import MUSIC, combined_digest
from seqgan_tf.data.remi import RemiTokenizer
from seqgan_tf.data.tune_files import TuneFiles

NAMED = 10
"""Names of skipped files in a note."""
MOST_SEMITONES = 11


class MusicCorpus(ArrayCorpus):
    """MIDI files as token ids, split into a training and a validation part.

    A tune is in one part as a whole. It is cut at bar lines into pieces, each of which is a sequence.

    Args:
        data: a folder, which is searched with all folders in it, a zip file, or a list of MIDI files.
        encoding: "remi", see `RemiTokenizer`, or "pitches", see `PitchTokenizer`. Defaults to "remi".
        tracks: "all", or "melody": of each tune only the track with the highest mean pitch. Defaults to "all".
        bars: number of bars of a piece. Defaults to None: as many whole bars as fit in `sequence_length` tokens.
        sequence_length: T, the end token included. Defaults to None: 128 tokens for "remi", 32 for "pitches"; with
            `bars`, the length that 99 of 100 training pieces do not exceed.
        transpose: the largest number of semitones by which copies of the training pieces are moved, up and down. With 2
            there are four copies of each piece; with 6, pieces in all keys. Defaults to 0: no copies.
        velocities: "remi": whether the loudness of notes has tokens. Defaults to False.
        step_seconds: "pitches": seconds per token. Defaults to 0.4.
        validation_split: share of the tunes that is held out, in (0, 1). Defaults to 0.1.
        batch_size: sequences per batch of the datasets. Defaults to 64.
        seed: seed of the split and of the order in training. Defaults to 0.
        tokenizer: a `RemiTokenizer` or a `PitchTokenizer`, whose rules then hold. Defaults to None: one that is made
            for the training part.
        validation: a folder, zip file or list of tunes that are held out, instead of a part of `data`. Defaults to
            None.
        test: the same, of tunes that metrics are reported on, and that choose nothing. Defaults to None.

    Attributes:
        train, train_by_length, validation: `tf.data.Dataset` of int32 [B, T], padded with -1 after the end token.
        train_token_ids: int32 array [n, T], the pieces of `train`, copies included, in random order.
        validation_token_ids: int32 array [m, T], the pieces of `validation`, in random order.
        test_token_ids: int32 array [k, T], likewise, or None where there is no test part.
        tokenizer: the tokenizer; its `scores`, `tunes` and `write` take token ids.
        vocabulary_size, sequence_length, end_token_id: V, T, and the token that ends a piece; None for "pitches".
        num_tunes: {part: number of tunes}, of "training", "validation" and "test".
        num_cut: number of pieces that were longer than T and were cut.
        skipped: {name of a file that is not used: why}.
        notes: what a user should know: skipped files, copies and cut pieces.
        digest: SHA-256 of the contents of the files.
        conditions, train_condition, validation_condition, held_out_condition: None.

    Raises:
        InputError: no tune can be read, too few pieces for a batch, or a setting outside its range.
        MissingExtraError: miditok or symusic is not installed.

    Example:
    ```python
    import symusic

    import seqgan_tf as sg

    for number in range(20):
        score = symusic.Score(480)  # ticks per quarter note
        notes = [symusic.Note(480 * i, 480, 60 + (number + 2 * i) % 12, 90) for i in range(16)]
        score.tracks.append(symusic.Track(notes=notes))
        score.dump_midi(f"tune{number}.mid")
    corpus = sg.MusicCorpus(".", bars=2, batch_size=8)
    print(corpus.train_token_ids.shape)  # (36, 29): 18 tunes of 4 bars
    print(corpus.decode(corpus.validation_token_ids[:1]))
    corpus.tokenizer.write(corpus.validation_token_ids[:2], "written")  # written/0001.mid and written/0002.mid
    ```
    """

    task = MUSIC

    def __init__(
        self,
        data: Location,
        encoding: str = "remi",
        tracks: str = "all",
        bars: int | None = None,
        sequence_length: int | None = None,
        transpose: int = 0,
        velocities: bool = False,
        step_seconds: float = 0.4,
        validation_split: float = 0.1,
        batch_size: int = 64,
        seed: int = 0,
        tokenizer: MusicTokenizer | None = None,
        validation: Location | None = None,
        test: Location | None = None,
    ):
        if encoding not in ENCODINGS:
            raise InputError(f"`encoding` must be one of {list(ENCODINGS)}. Received: {encoding!r}")
        if sequence_length is not None:
            check_at_least(2, sequence_length=sequence_length)
        if bars is not None:
            check_at_least(1, bars=bars)
            if not (tokenizer or ENCODINGS[encoding]).has_bars:
                raise InputError(f"`bars` must be None for the encoding {encoding!r}, which has none. Received: {bars}")
        if not 0 <= whole_number("transpose", transpose) <= MOST_SEMITONES:
            raise InputError(f"`transpose` must be from 0 to {MOST_SEMITONES} semitones. Received: {transpose}")
        self.batch_size, self.seed = batch_size, seed
        own, *others = (None if part is None else TuneFiles.read(part) for part in (data, validation, test))
        assert own is not None
        held_out = own.held_out(validation_split, seed) if others[0] is None else set()
        train = sorted(own.scores.keys() - held_out)  # by content, so that names and places change nothing
        if tokenizer is None:
            scores = [own.scores[digest] for digest in train]
            if encoding == RemiTokenizer.encoding:
                tokenizer = RemiTokenizer.of(scores, velocities, tracks)
            else:
                tokenizer = PitchTokenizer(step_seconds, tracks)
        self.tokenizer = tokenizer
        self.vocabulary_size, self.end_token_id = tokenizer.vocabulary_size, tokenizer.end_token_id
        parts = {"training": Pieces.of(own, train, tokenizer, bars, sequence_length)}
        self.sequence_length = parts["training"].token_ids.shape[1]
        self.num_tunes = {"training": len(train)}
        for name, files, digests in (
            ("validation", others[0] or own, None if others[0] else sorted(held_out)),
            ("test", others[1], None),
        ):
            if files is not None:
                parts[name] = Pieces.of(files, digests, tokenizer, bars, self.sequence_length)
                self.num_tunes[name] = len(files.scores if digests is None else digests)
        for name, pieces in parts.items():
            least = batch_size if name == "training" else 1
            if len(pieces.token_ids) < least:
                raise InputError(
                    f"{own.name}: expected at least {least} pieces of {self.sequence_length} tokens in the {name} part"
                    f"{', one batch' * (name == 'training')}. Received: {len(pieces.token_ids)}, of "
                    f"{self.num_tunes[name]} tunes"
                )
        self.num_cut = sum(pieces.num_cut for pieces in parts.values())
        self.num_dropped = sum(pieces.num_dropped for pieces in parts.values())
        self.transpose, self.num_pieces = transpose, len(parts["training"].token_ids)
        moved = _with_copies(tokenizer, parts["training"].token_ids, transpose)
        self.num_copies = len(moved) - self.num_pieces
        self.train_token_ids = shuffled(moved, seed)
        self.validation_token_ids = shuffled(parts["validation"].token_ids, seed)
        self.test_token_ids = shuffled(parts["test"].token_ids, seed) if "test" in parts else None
        read = [files for files in (own, *others) if files is not None]
        self.skipped = {name: reason for files in read for name, reason in files.skipped.items()}
        self.skipped |= {name: "no note in the vocabulary" for pieces in parts.values() for name in pieces.without}
        self.digest = combined_digest([files.digest for files in read])

    @property
    def notes(self) -> list[str]:
        """What a user should know: skipped files by their reason, copies in other keys, and pieces that were cut."""
        tunes = ", ".join(f"{count} {name} tunes" for name, count in self.num_tunes.items())
        found = [f"{tunes}; {self.num_pieces} training pieces"]
        reasons: dict[str, list[str]] = {}
        for name, reason in self.skipped.items():
            reasons.setdefault(reason, []).append(name)
        found += [skipped_note(names, reason) for reason, names in reasons.items()]
        if self.transpose:
            wanted = self.num_pieces * 2 * self.transpose
            left_out = f"; {wanted - self.num_copies} would leave the range of pitches and were left out"
            most = f"{self.transpose} semitone{'s' * (self.transpose > 1)}"
            found.append(
                f"{self.num_copies} copies of training pieces, at most {most} higher or lower, were added"
                f"{left_out * (self.num_copies < wanted)}"
            )
        if self.num_cut:
            found.append(f"{self.num_cut} pieces are longer than {self.sequence_length} tokens and were cut")
        if self.num_dropped:
            found.append(f"{self.num_dropped} ends of tunes are shorter than {self.sequence_length} tokens: left out")
        return found

    def decode(self, token_ids: Rows) -> list[str]:
        """A line of text for each row of token_ids [n, T], see `Tune.text`."""
        return self.tokenizer.decode(token_ids)


def skipped_note(names: Sequence[str], reason: str) -> str:
    """The line that reports skipped files.

    Args:
        names: their names, of which at most ten are shown.
        reason: why they were skipped.
    """
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{len(names)} file{'s' * (len(names) > 1)} skipped ({reason}): {', '.join(names[:NAMED])}{more}"


def _with_copies(tokenizer: MusicTokenizer, token_ids: np.ndarray, most: int) -> np.ndarray:
    """The pieces, and their copies in other keys."""
    shifts = [shift for shift in range(-most, most + 1) if shift]
    return np.concatenate([token_ids, *(tokenizer.transposed(token_ids, shift) for shift in shifts)])
