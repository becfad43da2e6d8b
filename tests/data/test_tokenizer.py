"""Vocabularies of characters, words and byte pairs."""

import subprocess
import sys

import numpy as np
import pytest
from tokenizers import pre_tokenizers

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.tokenizer import TextTokenizer
from seqgan_tf.data.tokenizer_file import COUNTED_LEVELS

LINES = ["the cat sees the dog.", "the dog, the old dog, sleeps!", "a cat sleeps.", "a dog sees a cat."]
POEMS = ["春 眠 不 觉 晓", "处 处 闻 啼 鸟", "春 眠 处 处 鸟"]


def test_characters_without_blanks_between_them_keep_their_blanks():
    tokenizer = TextTokenizer.train(LINES, "char", min_frequency=1)
    texts = ["the  cat, a", " dog. ", "!"]
    ids = tokenizer.encode(texts)
    assert [len(row) for row in ids] == [len(text) for text in texts]
    assert tokenizer.decode(ids) == texts


def test_single_characters_between_blanks_are_the_only_tokens():
    tokenizer = TextTokenizer.train(POEMS, "char", min_frequency=1)
    assert tokenizer.vocabulary_size == 2 + len(set("".join(POEMS)) - {" "})
    (ids,) = tokenizer.encode(["春 眠 不 觉 晓"])
    assert len(ids) == 5
    assert tokenizer.encode(["春眠不觉晓"]) == [ids]
    assert tokenizer.decode([ids]) == ["春眠不觉晓"]


def test_punctuation_is_decoded_without_a_blank_before_it():
    tokenizer = TextTokenizer.train(LINES, "word", min_frequency=1)
    assert len(tokenizer.encode(["the dog, sleeps!"])[0]) == 5
    assert tokenizer.decode(tokenizer.encode(LINES)) == LINES
    assert tokenizer.decode(tokenizer.encode(["the  dog , sleeps !"])) == ["the dog, sleeps!"]


def test_whitespace_splits_and_joins_at_blanks_alone():
    lines = ["C#4 d'8 <a> x=1;", "C#4 a.b"]
    tokenizer = TextTokenizer.train(lines, "whitespace", min_frequency=1)
    assert tokenizer.vocabulary_size == 2 + 5
    assert [len(ids) for ids in tokenizer.encode(lines)] == [4, 2]
    assert tokenizer.decode(tokenizer.encode(["C#4\t a.b\u3000<a> "])) == ["C#4 a.b <a>"]


def test_the_special_tokens_in_a_text_are_no_tokens_of_the_vocabulary():
    tokenizer = TextTokenizer.train(["a <end> b <unk> c<end>d"] * 3, "whitespace")
    assert tokenizer.tokens == ["<end>", "<unk>", "a", "b", "c", "d"]
    assert tokenizer.encode(["a <end> b<unk>", "c<end>d"]) == [[2, 1, 3, 1], [4, 1, 5]]


def test_the_end_token_in_a_text_of_byte_pairs_is_text():
    tokenizer = TextTokenizer.train(LINES, "bpe", vocabulary_size=300)
    assert tokenizer.decode(tokenizer.encode(["a <end>b<end>"])) == ["a <end>b<end>"]


def test_unknown_parts_are_named():
    names = TextTokenizer.train(["Anna", "Otto"], "char", min_frequency=1)
    assert names.unknown_parts("Anna Otto") == [" "]
    words = TextTokenizer.train(LINES, "word", min_frequency=1)
    assert words.unknown_parts("the bird, the <end> cat: bird") == ["bird", "<end>", ":"]
    assert words.unknown_parts("the cat") == []
    poems = TextTokenizer.train(POEMS, "char", min_frequency=1)
    assert poems.unknown_parts("春 x 眠") == ["x"]
    assert TextTokenizer.train(LINES, "bpe", vocabulary_size=300).unknown_parts("é 春") == []


def test_a_str_in_place_of_a_list_of_texts_is_refused():
    tokenizer = TextTokenizer.train(LINES, "word", min_frequency=1)
    with pytest.raises(InputError, match=r"`texts` must be a list of str. Received: a str"):
        tokenizer.encode("the cat")
    with pytest.raises(InputError, match=r"`texts` must be a list of str. Received: int"):
        tokenizer.encode(["the cat", 3])
    with pytest.raises(InputError, match=r"`lines` must be a list of str. Received: a str"):
        TextTokenizer.train("the cat")


def test_byte_pairs_encode_any_text():
    tokenizer = TextTokenizer.train(LINES, "bpe", vocabulary_size=300)
    texts = ["the cat sees", " two  blanks ", "ünïcode 春 😀\t!", ""]
    assert tokenizer.decode(tokenizer.encode(texts)) == texts
    assert tokenizer.unknown_token_id is None
    assert len(tokenizer.encode(["the cat"])[0]) < len("the cat")


@pytest.mark.parametrize(("level", "known", "unknown"), [("word", "cat", "zebra"), ("char", "c", "z")])
def test_unknown_words_and_characters_are_token_1(level, known, unknown):
    tokenizer = TextTokenizer.train(LINES, level, min_frequency=1)
    assert tokenizer.unknown_token_id == 1
    assert tokenizer.encode([unknown]) == [[1]]
    assert tokenizer.encode([known])[0][0] > 1
    assert tokenizer.decode([[1]]) == ["<unk>"]


@pytest.mark.parametrize("level", COUNTED_LEVELS)
def test_token_0_ends_a_text(level):
    tokenizer = TextTokenizer.train(LINES, level, min_frequency=1)
    (ids,) = tokenizer.encode(["cat"])
    assert tokenizer.end_token_id == 0
    assert 0 not in ids
    assert tokenizer.decode([[*ids, 0, *ids], [0, *ids], [*ids, -1, -1]]) == ["cat", "", "cat"]


def test_the_most_frequent_words_make_the_vocabulary():
    lines = ["w1 " * 1, "w2 " * 2, "w3 " * 3, "w4 " * 4]
    tokenizer = TextTokenizer.train(lines, "word", vocabulary_size=4, min_frequency=1)  # two of them special
    assert tokenizer.vocabulary_size == 4
    assert [ids[0] == 1 for ids in tokenizer.encode(["w1", "w2", "w3", "w4"])] == [True, True, False, False]


@pytest.mark.parametrize(("min_frequency", "vocabulary_size"), [(1, 6), (2, 5), (3, 4)])
def test_words_below_the_minimal_frequency_are_unknown(min_frequency, vocabulary_size):
    lines = ["w1 " * 1, "w2 " * 2, "w3 " * 3, "w4 " * 4]
    tokenizer = TextTokenizer.train(lines, "word", min_frequency=min_frequency)
    assert tokenizer.vocabulary_size == vocabulary_size
    assert (tokenizer.encode(["w2"]) == [[1]]) == (min_frequency > 2)


def test_a_vocabulary_of_byte_pairs_has_the_requested_size():
    assert TextTokenizer.train(LINES * 5, "bpe", vocabulary_size=270).vocabulary_size == 270


@pytest.mark.parametrize("level", COUNTED_LEVELS)
def test_the_same_lines_give_the_same_vocabulary(level, tmp_path):
    files = [tmp_path / str(i) for i in range(3)]
    for file in files:
        TextTokenizer.train(LINES, level, vocabulary_size=280, min_frequency=1).save(file)
    assert len({file.read_bytes() for file in files}) == 1


@pytest.mark.parametrize("level", COUNTED_LEVELS)
def test_a_saved_tokenizer_gives_the_same_ids(level, tmp_path):
    tokenizer = TextTokenizer.train(LINES, level, min_frequency=1)
    tokenizer.save(tmp_path / "tokenizer.json")
    loaded = TextTokenizer.load(tmp_path / "tokenizer.json")
    ids = tokenizer.encode([*LINES, "zebra"])
    assert loaded.encode([*LINES, "zebra"]) == ids
    assert loaded.decode(ids) == tokenizer.decode(ids)
    for name in ("vocabulary_size", "end_token_id", "unknown_token_id"):
        assert getattr(loaded, name) == getattr(tokenizer, name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "expected a tokenizer file that can be read .No such file or directory"),
        (b"", "expected a tokenizer file"),
        (b"{}", "expected a tokenizer file"),
        (b'{"model": 1', "expected a tokenizer file"),
        (b"\xff\xfe", "expected UTF-8 text. Received: byte 0xff at 0"),
    ],
)
def test_a_missing_or_damaged_tokenizer_file_is_refused_by_name(content, message, tmp_path):
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=rf"{path}: {message}"):
        TextTokenizer.load(path)


def test_a_tokenizer_without_an_end_token_is_refused(tmp_path):
    path = tmp_path / "tokenizer.json"
    TextTokenizer.train(LINES, "word", min_frequency=1).save(path)
    path.write_text(path.read_text().replace("<end>", "<fin>"))
    with pytest.raises(InputError, match=rf"{path}: expected a tokenizer with an end token '<end>'"):
        TextTokenizer.load(path)


def test_a_tokenizer_with_another_pre_tokenizer_is_refused(tmp_path):
    backend = TextTokenizer.train(LINES, "word", min_frequency=1).backend_tokenizer
    backend.pre_tokenizer = pre_tokenizers.Digits()
    message = "expected a tokenizer of the level 'char', 'word', 'whitespace', 'bpe', 'ids'. Received: Digits"
    with pytest.raises(InputError, match=f"^{message}"):
        TextTokenizer(backend)
    path = tmp_path / "tokenizer.json"
    backend.save(str(path))
    with pytest.raises(InputError, match=f"{path}: {message}"):
        TextTokenizer.load(path)


def test_a_tokenizer_is_saved_whole_or_not_at_all(tmp_path):
    tokenizer = TextTokenizer.train(LINES, "word", min_frequency=1)
    with pytest.raises(InputError, match=rf"{tmp_path}/none/t.json: expected a place to write to .No such file"):
        tokenizer.save(tmp_path / "none" / "t.json")
    odd = tmp_path / "a b [1] é.json"
    for _ in range(2):  # the second time over the first
        tokenizer.save(odd)
    assert TextTokenizer.load(odd).tokens == tokenizer.tokens
    assert [path.name for path in tmp_path.iterdir()] == [odd.name]


def test_text_is_read_and_encoded_without_tensorflow(tmp_path):
    (tmp_path / "lines.txt").write_text("the cat\nthe cat\n")
    code = (
        "import sys, seqgan_tf as sg\n"
        "from seqgan_tf.data.text import read_lines\n"
        "tokenizer = sg.TextTokenizer.train(read_lines('lines.txt'))\n"
        "print(tokenizer.encode(['the dog']), [m for m in ('tensorflow', 'keras') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert result.stdout.strip().endswith("1]] []")


def test_an_unknown_level_is_refused():
    with pytest.raises(InputError, match=r"`level` must be one of .*'char'.* Received: 'syllable'"):
        TextTokenizer.train(LINES, "syllable")


@pytest.mark.parametrize("lines", [["spam spam spam"], ["a b c d"], []])
def test_a_vocabulary_of_one_or_none_is_refused(lines):
    with pytest.raises(InputError, match=r"expected at least 2 different tokens that occur 2 times or more"):
        TextTokenizer.train(lines, "word")


@pytest.mark.parametrize("outside", [-2, 99])
def test_decoding_refuses_ids_outside_the_vocabulary(outside):
    tokenizer = TextTokenizer.train(LINES, "word", vocabulary_size=6)
    with pytest.raises(InputError, match=rf"`token_ids` must be in \[0, 6\).*Received: {outside}"):
        tokenizer.decode([[2, outside]])


def test_a_text_is_padded_after_its_end_token_or_cut_without_one():
    tokenizer = TextTokenizer.train(["a b c d"], "word", min_frequency=1)
    a, b, c, d = (tokenizer.encode([word])[0][0] for word in "abcd")
    padded, num_cut = tokenizer.encode_padded(["a", "a b c", "a b c d", ""], 4)
    assert padded.tolist() == [[a, 0, -1, -1], [a, b, c, 0], [a, b, c, d], [0, -1, -1, -1]]
    assert padded.dtype == np.int32
    assert num_cut == 1


def test_the_characters_of_the_end_token_in_a_text_do_not_end_it():
    tokenizer = TextTokenizer.train(["a <end> b", "a b"] * 2, "word")
    padded, _ = tokenizer.encode_padded(["a <end> b"], 8)
    ends = np.flatnonzero(padded[0] == 0)
    assert len(ends) == 1
    assert (padded[0, ends[0] + 1 :] == -1).all()


@pytest.mark.parametrize("name", ["vocabulary_size", "min_frequency"])
def test_negative_limits_of_a_vocabulary_are_refused(name):
    with pytest.raises(InputError, match=f"`{name}` must be"):
        TextTokenizer.train(["a b a b"], "word", **{name: -1})


def test_a_vocabulary_below_the_256_bytes_is_refused_for_byte_pairs():
    with pytest.raises(InputError, match="`vocabulary_size` must be at least 257"):
        TextTokenizer.train(["a b a b"], "bpe", vocabulary_size=100)
