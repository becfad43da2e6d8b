"""A long text in pieces has the tokens of the whole text, and long lines do not delay training."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgan_tf.data import long_text
from seqgan_tf.data import tokenizer as tokenizer_module
from seqgan_tf.data.long_text import pieces, training_pieces
from seqgan_tf.data.text import TextCorpus
from seqgan_tf.data.tokenizer import TextTokenizer
from seqgan_tf.data.tokenizer_file import COUNTED_LEVELS

TEXT = "the cat's <end> a.b  don't <unk>x 12, é 春 3a\t_b ''s !'re\u3000z \x1c\x1c! a<b "
SIGNS = "ab1_ .,'<>-s\t\n\x1c\u3000é春!"


@pytest.fixture
def short_pieces(monkeypatch):
    """Pieces of 5 characters, so that short texts are long ones."""
    monkeypatch.setattr(long_text, "LONG", 5)
    monkeypatch.setattr(tokenizer_module, "LONG", 5)


@pytest.fixture(scope="module", params=COUNTED_LEVELS)
def tokenizer(request):
    return TextTokenizer.train([TEXT, TEXT], request.param, vocabulary_size=300, min_frequency=1)


@given(
    text=st.text(st.sampled_from(SIGNS)) | st.lists(st.sampled_from(["<end>", "<unk>", *TEXT.split(" ")])).map("".join)
)
def test_pieces_have_the_tokens_of_the_whole(tokenizer, short_pieces, text):
    parts = list(pieces(text, tokenizer.level))
    assert "".join(parts) == text
    whole = tokenizer._encode_batch([text])[0]
    assert [i for part in parts for i in tokenizer._encode_batch([part])[0]] == whole
    assert tokenizer.encode([text, "a"]) == [whole, tokenizer._encode_batch(["a"])[0]]


@given(text=st.text(st.sampled_from(SIGNS)), count=st.integers(1, 9))
def test_the_beginning_of_a_long_text_is_encoded_exactly(tokenizer, short_pieces, text, count):
    (whole,), (first,) = tokenizer.encode([text]), tokenizer.first_tokens([text], count)
    assert first == whole[: len(first)]
    assert len(first) > count or first == whole


def test_a_text_of_several_pieces_is_split(tokenizer, short_pieces):
    assert len(list(pieces("the cat, the dog. the bird", tokenizer.level))) > 2


def test_runs_without_a_blank_are_split_for_training_on_byte_pairs_alone():
    text = "a" * 2_500 + " b"
    assert list(map(len, training_pieces(text, "bpe"))) == [1_000, 1_000, 502]
    assert list(training_pieces(text, "word")) == [text]


@pytest.mark.parametrize("level", COUNTED_LEVELS)
@pytest.mark.parametrize("line", ["a" * 300_000, "a." * 150_000, "a cat " * 50_000])
def test_a_very_long_line_among_others_takes_seconds(level, line):
    lines = [*(f"a cat sees {i % 9} dogs." for i in range(100)), line]
    start = time.monotonic()
    corpus = TextCorpus(lines, level, sequence_length=30, vocabulary_size=500, batch_size=8)
    assert time.monotonic() - start < 30  # a BPE trainer that gets the whole run needs minutes
    assert corpus.num_cut <= 1


@pytest.mark.parametrize("level", COUNTED_LEVELS)
def test_a_vocabulary_does_not_depend_on_the_pieces(level, short_pieces):
    lines = [" ".join(random.Random(i).choices(["the", "cat's", "a.b", "12", "x-y"], k=30)) for i in range(20)]
    in_pieces = TextTokenizer.train(lines, level, 300, 1).tokens
    long_text.LONG = 10**6  # `short_pieces` resets it
    assert TextTokenizer.train(lines, level, 300, 1).tokens == in_pieces
