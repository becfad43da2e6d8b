"""Small MIDI files for tests. They need the extra `music`."""

import functools
import random
import shlex
import zipfile

import pytest
import tiny_runs

symusic = pytest.importorskip("symusic", reason="the extra music is not installed: pip install 'seqgan-tf[music]'")
pytest.importorskip("miditok", reason="the extra music is not installed: pip install 'seqgan-tf[music]'")

TICKS = 480  # per quarter note
FLAGS = shlex.split("--discriminator.kind cnn --corpus.bars 1 --corpus.sequence-length 20 --rollout.stride 8")


def score(notes, program=0, is_drum=False, signature=(4, 4), ticks=TICKS, qpm=None):
    """A score of one track; notes are (start, duration, pitch), times in quarter notes."""
    found = symusic.Score(ticks)
    found.time_signatures.append(symusic.TimeSignature(0, *signature))
    if qpm:
        found.tempos.append(symusic.Tempo(0, qpm))
    add_track(found, notes, program, is_drum)
    return found


def add_track(found, notes, program=0, is_drum=False):
    """A further track."""
    ticks = [
        symusic.Note(round(start * found.tpq), round(length * found.tpq), pitch, 90) for start, length, pitch in notes
    ]
    found.tracks.append(symusic.Track("", program, is_drum, ticks))
    return found


def tune(number, bars=4):
    """A score of quarter and half notes of a scale, another one for each number."""
    draw, notes, time = random.Random(number), [], 0
    while time < 4 * bars:
        length = draw.choice([1, 1, 2])
        length = min(length, 4 - time % 4)
        notes.append((time, length, 60 + draw.choice([0, 2, 4, 5, 7, 9, 11])))
        time += length
    return score(notes)


def write_tunes(folder, count=16, bars=4):
    """A folder of tunes."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        tune(number, bars).dump_midi(folder / f"tune{number:02}.mid")
    return folder


def drums():
    """A score of drums alone."""
    return score([(beat, 0.5, 36) for beat in range(8)], is_drum=True)


def zipped(path, contents):
    """A zip file with these contents, {name: bytes}."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def notes_of(found):
    """The (start, duration, pitch, is drum) of a score, in quarter notes, sorted."""
    return sorted(
        (note.time / found.tpq, note.duration / found.tpq, note.pitch, track.is_drum)
        for track in found.tracks
        for note in track.notes
    )


@functools.cache
def music_run(base):
    """A finished run on a folder of 16 tunes, made through the command line, as `tiny_runs.text_run`."""
    folder = write_tunes(base / "tunes")
    return tiny_runs.train(base / "music-run", "--data", folder, more=FLAGS)
