"""The tunes in MIDI files: each once, those that cannot be used by name, and which of them are held out."""

import hashlib
import os
from typing import TYPE_CHECKING, NamedTuple

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.midi_files import Location, read_midi_files
from seqgan_tf.data.records import combined_digest
from seqgan_tf.data.tunes import require_music, score_of

if TYPE_CHECKING:
    from symusic import Score


class TuneFiles(NamedTuple):
    """The tunes in MIDI files, each once.

    Attributes:
        name: the name of the folder, of the zip file or of the first file.
        scores: {SHA-256 of its content: `symusic.Score`}.
        names: {SHA-256 of its content: name of the file}.
        skipped: {name of a file that is not used: why}.
        digest: SHA-256 of the contents of all files, whatever their names and their order.

    Example:
    ```python
    import symusic

    from seqgan_tf.data.tune_files import TuneFiles

    score = symusic.Score(480)
    score.tracks.append(symusic.Track(notes=[symusic.Note(0, 480, 60, 90)]))
    score.dump_midi("a.mid")
    files = TuneFiles.read("a.mid")
    print(list(files.names.values()), files.skipped)  # ['a.mid'] {}
    ```
    """

    name: str
    scores: "dict[str, Score]"
    names: dict[str, str]
    skipped: dict[str, str]
    digest: str

    @classmethod
    def read(cls, location: Location) -> "TuneFiles":
        """Reads a folder, a zip file, a MIDI file or a list of MIDI files, once.

        Raises:
            InputError: no file has a tune, or as for `midi_files.read_midi_files`.
            MissingExtraError: miditok or symusic is not installed.
        """
        require_music()
        name = os.fspath(location if isinstance(location, (str, os.PathLike)) else next(iter(location), "MIDI files"))
        scores: dict[str, Score] = {}
        names: dict[str, str] = {}
        skipped: dict[str, str] = {}
        digests: list[str] = []
        for file, content in read_midi_files(location):
            digest = hashlib.sha256(content if isinstance(content, bytes) else content.encode()).hexdigest()
            digests.append(digest)
            found = score_of(content) if isinstance(content, bytes) else content
            if isinstance(found, str):
                skipped[file] = found
            elif digest in scores:
                skipped[file] = "equal to another file"
            else:
                scores[digest], names[digest] = found, file
        if not scores:
            first, reason = next(iter(skipped.items()))
            raise InputError(
                f"{name}: expected a MIDI file with notes. Received: {len(skipped)} files, all skipped, the first "
                f"{first} ({reason})"
            )
        return cls(name, scores, names, skipped, combined_digest(sorted(digests)))

    def held_out(self, share: float, seed: int) -> set[str]:
        """The digests of the tunes that are held out.

        The digest of a tune decides, not its name or place. So the same tunes are held out from a folder and from a zip
        file of it, and a tune more or less changes at most one of the others.

        Raises:
            InputError: `share` is not between 0 and 1, or there is one tune only.
        """
        if not 0 < share < 1:
            raise InputError(f"`validation_split` must be between 0 and 1. Received: {share}")
        if len(self.scores) < 2:
            raise InputError(f"{self.name}: expected at least 2 tunes, one of them to be held out. Received: 1")
        order = sorted(self.scores, key=lambda digest: hashlib.sha256(f"{seed} {digest}".encode()).digest())
        return set(order[: min(max(1, round(share * len(order))), len(order) - 1)])
