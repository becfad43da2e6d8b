"""At the level of characters the majority of the lines decides what a blank is."""

import pytest

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.blanks import BlanksReading, read_blanks
from seqgan_tf.data.text import TextCorpus
from seqgan_tf.data.tokenizer import TextTokenizer

POEM = "春 眠 不 觉 晓"


def test_one_odd_line_does_not_change_what_a_token_is():
    lines = [POEM, "处 处 闻 啼 鸟"] * 60 + ["a title"]
    corpus = TextCorpus(lines, "char", batch_size=8, validation_split=0.01)
    assert corpus.sequence_length == 6
    assert corpus.tokenizer.blanks == "separators"
    assert corpus.tokenizer.decode(corpus.tokenizer.encode([POEM])) == ["春眠不觉晓"]
    note = "blanks are separators, not tokens: 119 of 120 training lines are single characters separated by blanks"
    assert note in corpus.notes[0]


@pytest.mark.parametrize(("odd", "blanks"), [(0, "separators"), (5, "separators"), (6, "tokens"), (50, "tokens")])
def test_95_of_100_lines_decide(odd, blanks):
    tokenizer = TextTokenizer.train([POEM] * (100 - odd) + ["two words"] * odd, "char", min_frequency=1)
    assert tokenizer.blanks == blanks
    assert tokenizer.blanks_reading.num_separated == 100 - odd


def test_the_reading_as_tokens_is_noted_where_there_are_blanks():
    assert read_blanks(["a b", "two words", "abc"]).note == (
        "blanks are tokens: 1 of 3 training lines are single characters separated by blanks "
        "(95% of the lines or more make them separators)"
    )
    assert read_blanks(["Anna", "Otto"]).note == ""


@pytest.mark.parametrize(("blanks", "length"), [("tokens", 9), ("separators", 5)])
def test_the_reading_can_be_set(blanks, length):
    corpus = TextCorpus([POEM, "two words"] * 20, "char", batch_size=8, blanks=blanks)
    assert corpus.tokenizer.blanks == blanks
    assert len(corpus.tokenizer.encode([POEM])[0]) == length
    assert "(as set)" in corpus.notes[0]


def test_another_value_is_refused():
    with pytest.raises(InputError, match=r"`blanks` must be one of \['auto', 'tokens', 'separators'\]. Received: 'no'"):
        TextTokenizer.train([POEM], "char", blanks="no")


def test_the_reading_is_kept_in_the_file(tmp_path):
    tokenizer = TextTokenizer.train([POEM] * 30 + ["ab"], "char", min_frequency=1)
    tokenizer.save(tmp_path / "tokenizer.json")
    loaded = TextTokenizer.load(tmp_path / "tokenizer.json")
    assert (loaded.blanks, loaded.blanks_reading) == ("separators", tokenizer.blanks_reading)


@pytest.mark.parametrize("content", [None, {}, {"are_separators": 1}, "x"])
def test_another_reading_in_a_file_is_refused(content):
    with pytest.raises(InputError, match="expected the counts of `blanks`"):
        BlanksReading.from_json(content)


def test_other_levels_have_no_reading():
    assert TextTokenizer.train(["a b"], "word", min_frequency=1).blanks is None
