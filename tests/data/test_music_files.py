"""Prompts: the beginning of a MIDI file as token ids."""

import pytest
import tiny_music
from tiny_music import symusic

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.music_files import read_prompt
from seqgan_tf.data.pitch_steps import PitchTokenizer
from seqgan_tf.data.remi import RemiTokenizer

REMI = RemiTokenizer()


@pytest.fixture
def tune(tmp_path):
    """A file of a tune of four bars, and its units."""
    tiny_music.tune(1).dump_midi(tmp_path / "a.mid")
    return tmp_path / "a.mid", REMI.units(symusic.Score(tmp_path / "a.mid"))


def joined(units):
    return [token for unit in units for token in unit]


def test_a_prompt_has_the_first_bars(tune):
    path, units = tune
    assert len(units) == 4
    assert read_prompt(path, REMI, 100, bars=3) == joined(units[:3])


@pytest.mark.parametrize("length", [10, 30, 60, 200])
def test_without_a_number_as_many_bars_as_fit_in_half_of_a_sequence(length, tune):
    path, units = tune
    if length == 10:
        with pytest.raises(
            InputError, match=r"expected a prompt of at most 8 tokens, two less than a sequence. Received: "
        ):
            read_prompt(path, REMI, length)
        return
    fitting = [count for count in range(1, 5) if len(joined(units[:count])) <= length // 2]
    assert read_prompt(path, REMI, length) == joined(units[: max([1, *fitting])])


def test_steps_are_continued_too(tune):
    path, _ = tune
    tokenizer = PitchTokenizer(0.5)
    assert read_prompt(path, tokenizer, 10) == joined(tokenizer.units(symusic.Score(path)))[:5]
    with pytest.raises(InputError, match=r"^`prompt_bars` must be None for the encoding 'pitches'. Received: 2$"):
        read_prompt(path, tokenizer, 10, bars=2)


def test_prompts_that_cannot_be_continued(tune, tmp_path):
    path, units = tune
    with pytest.raises(InputError) as error:
        read_prompt(path, REMI, 30, bars=4)
    count = len(joined(units))
    expected = f"expected a prompt of at most 28 tokens, two less than a sequence. Received: {count} in 4 bars"
    assert str(error.value) == f"{path}: {expected}"
    with pytest.raises(InputError, match=r"a.mid: expected at least 5 bars. Received: 4$"):
        read_prompt(path, REMI, 200, bars=5)
    with pytest.raises(InputError, match=r"^`prompt_bars` must be at least 1. Received: 0$"):
        read_prompt(path, REMI, 200, bars=0)
    (tmp_path / "a.txt").write_text("C D E")
    with pytest.raises(InputError, match=r"a.txt: expected a MIDI file with notes. Received: damaged$"):
        read_prompt(tmp_path / "a.txt", REMI, 200)
    tiny_music.drums().dump_midi(tmp_path / "drums.mid")
    with pytest.raises(InputError, match=r"drums.mid: expected a MIDI file with notes. Received: drums only$"):
        read_prompt(tmp_path / "drums.mid", REMI, 200)
    tiny_music.score([(0, 1, 60)], program=9).dump_midi(tmp_path / "bells.mid")
    with pytest.raises(InputError, match=r"bells.mid: expected notes in the vocabulary of the run. Received: none$"):
        read_prompt(tmp_path / "bells.mid", RemiTokenizer([0, 40]), 200)
    with pytest.raises(
        InputError, match=r"no.mid: expected a MIDI file that can be read \(No such file or directory\)$"
    ):
        read_prompt(tmp_path / "no.mid", REMI, 200)
