"""The tokenizer inside the graph gives the same token ids and the same texts as the library, for any text."""

import functools
import types

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, normalizers, pre_tokenizers

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.tokenizer import TextTokenizer
from seqgan_tf.serving.graph_tokenizer import GraphTokenizer
from seqgan_tf.serving.tokenizer_tables import WHITE_SPACE

WORDS = "the cat's don't we're ## I'll aaaa 12 . , ?! n't do not end unk < > ' s 日本 e\u0301 né 😀 ٣ ½ _a"
CORPORA = {
    "word": ("word", [WORDS]),
    # Each of these characters is a token; none of them is a line break in the vocabulary's file.
    "char": ("char", ["the cat's\t\u00a0\x00\x0b\x85\u2028\u3000<end> <unk> 12 😀 e\u0301 \ufeff"]),
    "separated": ("char", ["t h e < > \u0301 😀 1 ' s"]),
    "whitespace": ("whitespace", [WORDS + " x<end>y <unk>z \x1c"]),
    "punctuation": (
        "word",
        ["the cat's hat, \"a hat\" and 'the hat' (12).", "C#4 F#2 a/b 1,000 2,50 the dogs' hats. "] * 2,
    ),
    "bpe": (
        "bpe",
        ["the cat's  don't   we're I'll aaaa aaaaa 's ''s !!' 12 123 \t\t \n\n \u00a0\u00a0 日本日本 😀😀 n'r"] * 9,
    ),
}
TEXTS = [
    "",
    " ",
    " \t \u00a0\u3000",
    "the cat",
    "  the   cat  ",
    "\n the\r\n\ncat\t ",
    "the\u00a0cat",
    "the\u3000cat\u2028dog\u200bx",
    "cat's don't we're we've I'll I'm she'd 'tis",
    "'s ''s 's's 'lll 're're !'s !' s \u00a0's  's",
    "rock'n'roll 'S 'Re \u2019s",
    "e\u0301 \u0301 a\u0301\u0302b",
    "😀😀 👩\u200d👩\u200d👧 \U0010ffff \ufffd \ufeffthe",
    "1 12 123 ٣ ٣٤ ½ ² Ⅷ 一 a1 1a _1",
    "a aa aaa aaaa aaaaa aaaaaaaaaaaaaaaaaaa",
    "aaaa aaab baaaa",
    "the cat , sees !? ... ## _a",
    "日本日本 日日本",
    "\x00\x01a\x00",
    "< end> <end <<end >> <un k>",
]
# Special tokens, which the library handles first
SPELT = [
    "<end>",
    "<unk>",
    "the<end>cat",
    "a <end> b",
    "<end><end>",
    "<<end>>",
    "<unk>the",
    "x<unk>y<unk><end>z",
    "<e<end>nd>",
    "<end>'s",
    "!<end>'ll  <end>\n<end>!",
    "the  <end> cat",
]
PIECES = ["<end>", "<unk>", "'s", "'ll", "'t", "the", "cat", "aa", "  ", "\t", "\u00a0", "😀", "e\u0301", "日本", "##"]
SIGNS = st.sampled_from(list("abst'lrevdm<>endunk12 \t\n\r\u00a0\u3000\u2028\x85\u200b\u0301é日😀٣½!?.,_-\x00"))


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Function of a corpus's name: a tokenizer, and the same in a graph."""

    @functools.cache
    def pair(name):
        level, lines = CORPORA[name]
        tokenizer = TextTokenizer.train(lines, level, vocabulary_size=320, min_frequency=1)
        # TensorFlow shares tables of files with the same path, so each gets its own folder.
        vocabulary = tmp_path_factory.mktemp(name) / "vocabulary.txt"
        graph = GraphTokenizer(tokenizer, vocabulary)
        return types.SimpleNamespace(
            tokenizer=tokenizer,
            vocabulary=vocabulary,
            graph=graph,
            encode=tf.function(graph.encode, input_signature=[tf.TensorSpec([None], tf.string)]),
            decode=tf.function(graph.decode, input_signature=[tf.TensorSpec([None, None], tf.int32)]),
        )

    return pair


@pytest.fixture(params=list(CORPORA))
def both(request, pair):
    return pair(request.param)


def texts():
    """Texts to which the rules are likely to apply."""
    mixed = st.lists(st.sampled_from(PIECES) | SIGNS | st.characters(codec="utf-8"), max_size=12).map("".join)
    return st.lists(st.text(SIGNS, max_size=20) | mixed | st.text(max_size=5), max_size=12)


def check_encoding(both, texts):
    ids = both.encode(tf.constant(texts, tf.string, [len(texts)]))
    assert ids.dtype == tf.int32
    assert ids.to_list() == both.tokenizer.encode(texts)


# Encoding


def test_texts_have_the_token_ids_that_the_library_gives_them(both):
    check_encoding(both, TEXTS)
    for text in TEXTS:
        check_encoding(both, [text])
    check_encoding(both, [])


def test_most_tokens_of_the_hand_picked_texts_are_known(both):
    """So that the tests with these texts cover the cases they are meant for."""
    ids = [i for row in both.tokenizer.encode(TEXTS) for i in row]
    assert len(set(ids)) > 8
    assert np.mean([i == both.tokenizer.unknown_token_id for i in ids]) < 0.8


def test_special_tokens_spelt_out_in_a_text_are_handled_first(both):
    check_encoding(both, SPELT)


@given(data=st.data())
def test_any_texts_have_the_token_ids_that_the_library_gives_them(both, data):
    check_encoding(both, data.draw(texts()))


@given(texts=st.lists(st.text("ab", max_size=40), min_size=1, max_size=15))
def test_byte_pairs_that_overlap_are_merged_in_the_librarys_order(pair, texts):
    check_encoding(pair("bpe"), texts)


def test_byte_pairs_that_can_be_merged_in_two_ways(tmp_path):
    lines = ["abcabcabab", "abababcc", "bcabcbcabc", "aabbccabcabc"] * 2
    tokenizer = TextTokenizer.train(lines, "bpe", vocabulary_size=285)
    graph = GraphTokenizer(tokenizer, tmp_path / "vocabulary.txt")
    draw = np.random.default_rng(0)
    texts = ["".join(draw.choice(list("abc"), draw.integers(1, 40))) for _ in range(300)]
    assert graph.encode(texts).to_list() == tokenizer.encode(texts)


def test_a_byte_that_is_not_utf_8_counts_as_the_replacement_character(pair):
    both = pair("bpe")
    ids = both.encode([b"the\xff cat", b"\xc3(", b"the cat"]).to_list()
    assert ids == both.tokenizer.encode(["the\ufffd cat", "\ufffd(", "the cat"])


def test_white_space_is_what_the_library_drops():
    drop = normalizers.Replace(Regex(r"\s"), "").normalize_str
    codes = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    # Each between two letters, so that one call checks all of them.
    left = set(drop("a".join(map(chr, codes))))
    dropped = [code for code in codes if chr(code) not in left]
    assert sorted(WHITE_SPACE) == dropped
    assert len(WHITE_SPACE) == len(set(WHITE_SPACE))


@given(data=st.data())
def test_a_text_that_exceeds_a_number_of_tokens_has_more_tokens(both, data):
    some, count = data.draw(texts()), data.draw(st.integers(0, 3))
    counts = [len(ids) for ids in both.tokenizer.encode(some)]
    exceed = both.graph.exceed(tf.constant(some, tf.string, [len(some)]), count).numpy()
    assert all(n > count for n, is_long in zip(counts, exceed, strict=True) if is_long)
    assert both.graph.exceed(["the cat " * 1_000], 3).numpy() == (both.tokenizer.level == "bpe")


# Decoding


def rows_of(tokenizer):
    """Sequences like those of a model: tokens, then an end token and padding, or T tokens."""
    tokens = st.integers(1, tokenizer.vocabulary_size - 1)
    whole = st.lists(tokens, min_size=7, max_size=7)
    ended = st.lists(tokens, max_size=6).map(lambda ids: [*ids, tokenizer.end_token_id, *[-1] * (6 - len(ids))])
    begun = st.lists(tokens, max_size=7).map(lambda ids: [*ids, *[-1] * (7 - len(ids))])
    return st.lists(whole | ended | begun, max_size=12)


@given(data=st.data())
def test_token_ids_have_the_texts_that_the_library_gives_them(both, data):
    rows = data.draw(rows_of(both.tokenizer))
    texts = both.decode(np.array(rows, np.int32).reshape(-1, 7)).numpy()
    assert [text.decode("utf-8") for text in texts] == both.tokenizer.decode(rows)


def test_every_token_has_the_librarys_text_at_the_start_and_later(both):
    rows = [[i, j] for i in range(1, both.tokenizer.vocabulary_size) for j in (i, 2)]
    texts = [text.decode("utf-8") for text in both.decode(rows).numpy()]
    assert texts == both.tokenizer.decode(rows)
    assert len(set(texts)) > 20


def test_words_are_joined_as_the_library_joins_them(pair):
    both = pair("word")
    texts = ["the cat's ## , do not .", "don't , n't ?!", "##", ". ."]
    rows = [[*ids, *[-1] * (9 - len(ids))] for ids in both.tokenizer.encode(texts)]
    decoded = [text.decode("utf-8") for text in both.decode(rows).numpy()]
    assert decoded == both.tokenizer.decode(rows)
    assert decoded[0] == "the cat's ## , do not ."  # as in the text that the rules were counted in


# The vocabulary file


def test_the_vocabulary_is_written_one_token_per_line(both):
    content = both.vocabulary.read_bytes().decode("utf-8")
    assert content.split("\n") == [*both.tokenizer.tokens, ""]


@pytest.mark.parametrize("broken", ["\n", "\r"])
def test_a_vocabulary_with_line_breaks_is_refused(tmp_path, broken):
    tokenizer = TextTokenizer.train([f"the cat{broken}"], "char", min_frequency=1)
    with pytest.raises(InputError, match="`tokenizer` must have no token with a line break to be exported") as error:
        GraphTokenizer(tokenizer, tmp_path / "v.txt")
    assert str(error.value).endswith(f"Received: {broken!r}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("level", "edit"),
    [
        ("word", lambda library: setattr(library, "normalizer", normalizers.Lowercase())),
        ("bpe", lambda library: setattr(library, "pre_tokenizer", pre_tokenizers.ByteLevel(add_prefix_space=True))),
    ],
)
def test_rules_that_training_never_sets_are_refused(tmp_path, level, edit):
    tokenizer = TextTokenizer.train(["the Cat sees the dog"] * 3, level, vocabulary_size=270, min_frequency=1)
    edit(tokenizer.backend_tokenizer)
    with pytest.raises(InputError, match="`tokenizer` must have the rules"):
        GraphTokenizer(tokenizer, tmp_path / "vocabulary.txt")
