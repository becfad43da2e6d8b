"""Files that belong to a trained generator of music: its tokenizer, and a tune that it continues."""

import itertools
import json
import os

import numpy as np

from seqgan_tf.core.files import read_text
from seqgan_tf.core.validation import InputError, check_at_least
from seqgan_tf.data.midi_files import read_midi_file
from seqgan_tf.data.music_tokenizer import OWN, MusicTokenizer
from seqgan_tf.data.pitch_steps import PitchTokenizer
from seqgan_tf.data.remi import RemiTokenizer
from seqgan_tf.data.tunes import require_music, score_of

ENCODINGS: dict[str, type[MusicTokenizer]] = {kind.encoding: kind for kind in (RemiTokenizer, PitchTokenizer)}


def load_music_tokenizer(path: str | os.PathLike) -> MusicTokenizer:
    """Reads a tokenizer that `MusicTokenizer.save` wrote, such as tokenizer.json of a run on music.

    Args:
        path: the JSON file.

    Returns:
        A `RemiTokenizer` or a `PitchTokenizer`.

    Raises:
        InputError: the file cannot be read, is damaged, or has rules that these classes do not set.
        MissingExtraError: miditok or symusic is not installed.
    """
    require_music()
    try:
        content = json.loads(read_text(path, "a tokenizer file"))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: expected a tokenizer file. Received: no JSON") from error
    own = content.get(OWN) if isinstance(content, dict) else None
    encoding = own.get("encoding") if isinstance(own, dict) else None
    if encoding not in list(ENCODINGS):
        raise InputError(f"{path}: expected a tokenizer of music. Received: encoding {str(encoding)[:80]!r}")
    try:
        return ENCODINGS[encoding].from_dict(content)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def read_prompt(path: str | os.PathLike, tokenizer: MusicTokenizer, length: int, bars: int | None = None) -> list[int]:
    """The token ids of the beginning of a tune, to be continued.

    Args:
        path: a MIDI file.
        tokenizer: the tokenizer.
        length: T, the length of the sequences that begin with it.
        bars: number of bars. Defaults to None: as many whole bars, or steps, as fit in half of T, at least one.

    Raises:
        InputError: the file cannot be read, has no notes that have tokens, or has fewer bars; or the prompt leaves no
            room for one token more and the end token.
    """
    require_music()
    if bars is not None:
        check_at_least(1, prompt_bars=bars)
        if not tokenizer.has_bars:
            raise InputError(f"`prompt_bars` must be None for the encoding {tokenizer.encoding!r}. Received: {bars}")
    content = read_midi_file(path)
    score = content if isinstance(content, str) else score_of(content)
    if isinstance(score, str):
        raise InputError(f"{path}: expected a MIDI file with notes. Received: {score}")
    units = tokenizer.units(score)
    if not units:
        raise InputError(f"{path}: expected notes in the vocabulary of the run. Received: none")
    if bars is not None and len(units) < bars:
        raise InputError(f"{path}: expected at least {bars} bars. Received: {len(units)}")
    if bars is None:
        ends = np.cumsum([len(unit) for unit in units])
        bars = max(1, int(np.count_nonzero(ends <= length // 2)))
    tokens = list(itertools.chain.from_iterable(units[:bars]))
    if len(tokens) > length - 2:
        raise InputError(
            f"{path}: expected a prompt of at most {length - 2} tokens, two less than a sequence. "
            f"Received: {len(tokens)} in {bars} bars"
        )
    return tokens
