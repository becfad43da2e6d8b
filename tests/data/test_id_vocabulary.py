"""The level "ids": integers in a text are the token ids of the model as they are."""

import json

import numpy as np
import pytest

from seqgan_tf.core.validation import InputError
from seqgan_tf.data import lines as lines_module
from seqgan_tf.data.pairs import DialogueCorpus, PairCorpus
from seqgan_tf.data.records import read_records
from seqgan_tf.data.text import TextCorpus
from seqgan_tf.data.tokenizer import TextTokenizer

EQUAL = ["3 0 4", "1 1 1", "0 4 0"]
RULES = "expected the rules that `TextTokenizer.train` sets. Received: "
UNEQUAL = ["3 0 4", "1 1", "0 4 0"]


def rows(lines):
    """The ids of lines, read by Python alone."""
    return [[int(token) for token in line.split()] for line in lines]


def test_ids_stay_as_they_are_without_an_end_token_where_all_lines_have_one_length():
    tokenizer = TextTokenizer.train(EQUAL, "ids")
    assert (tokenizer.vocabulary_size, tokenizer.end_token_id, tokenizer.unknown_token_id) == (5, None, None)
    assert tokenizer.tokens == ["0", "1", "2", "3", "4"]
    assert tokenizer.encode(EQUAL) == rows(EQUAL)
    assert tokenizer.decode(rows(EQUAL)) == EQUAL
    assert tokenizer.encode_padded(EQUAL, 3)[0].tolist() == rows(EQUAL)
    assert tokenizer.decode([[3, 4, -1]]) == ["3 4"]


def test_the_end_token_has_the_id_after_the_others_where_lengths_differ():
    tokenizer = TextTokenizer.train(UNEQUAL, "ids")
    assert (tokenizer.vocabulary_size, tokenizer.end_token_id) == (6, 5)
    assert tokenizer.tokens == ["0", "1", "2", "3", "4", "<end>"]
    padded, cut = tokenizer.encode_padded(UNEQUAL, 3)
    assert padded.tolist() == [[3, 0, 4], [1, 1, 5], [0, 4, 0]]
    assert cut == 2
    assert tokenizer.decode(padded) == UNEQUAL


@pytest.mark.parametrize(("lines", "size"), [(EQUAL, 9), (UNEQUAL, 10)])
def test_a_given_vocabulary_size_is_the_number_of_ids(lines, size):
    tokenizer = TextTokenizer.train(lines, "ids", vocabulary_size=9)
    assert tokenizer.vocabulary_size == size
    assert tokenizer.encode(["8 7"]) == [[8, 7]]


def test_blanks_of_any_kind_and_number_are_between_ids():
    tokenizer = TextTokenizer.train([" 3\t 0  4 ", "1\u30001 1"], "ids")
    assert tokenizer.end_token_id is None
    assert tokenizer.encode(["4\t\t0 "]) == [[4, 0]]


@pytest.mark.parametrize("lines", [EQUAL, UNEQUAL])
def test_a_saved_tokenizer_is_the_same(lines, tmp_path):
    tokenizer = TextTokenizer.train(lines, "ids")
    tokenizer.save(tmp_path / "t.json")
    loaded = TextTokenizer.load(tmp_path / "t.json")
    assert (loaded.level, loaded.tokens, loaded.end_token_id) == ("ids", tokenizer.tokens, tokenizer.end_token_id)
    assert loaded.unknown_mark == tokenizer.unknown_mark == loaded.vocabulary_size
    assert loaded.encode(lines) == rows(lines)


def test_a_whitespace_vocabulary_of_integers_is_no_vocabulary_of_ids(tmp_path):
    TextTokenizer.train(["0 0 7 7"], "whitespace").save(tmp_path / "t.json")
    assert TextTokenizer.load(tmp_path / "t.json").level == "whitespace"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda v: v.update({"1": 2, "2": 1}), f"{RULES}1 is not token 1"),
        (lambda v: v.update({"9": v.pop("4")}), f"{RULES}4 is not token 4"),
        (lambda v: v.update({"<unk>": 3, "3": 5}), f"{RULES}3 is not token 3"),
        (lambda v: v.pop("<unk>"), f"{RULES}<unk> is not token 5"),
        (lambda v: v.update({"4": 9}), "expected token ids 0 to 5, each once. Received: 9 for '4'"),
    ],
)
def test_an_edited_file_is_refused(edit, message, tmp_path):
    path = tmp_path / "t.json"
    TextTokenizer.train(EQUAL, "ids").save(path)
    content = json.loads(path.read_text())
    edit(content["model"]["vocab"])
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=f"^{path}: {message}$"):
        TextTokenizer.load(path)


WRONG = [
    ("x", "expected integers of at least 0 with blanks between them. Received: 'x'"),
    ("-1", "expected integers of at least 0 with blanks between them. Received: '-1'"),
    ("1.5", "expected integers of at least 0 with blanks between them. Received: '1.5'"),
    ("007", "expected integers of at least 0 with blanks between them. Received: '007'"),
    ("٣", "expected integers of at least 0 with blanks between them. Received: '٣'"),
    ("<end>", "expected integers of at least 0 with blanks between them. Received: '<end>'"),
    ("2147483648", "expected ids below 999998, the largest size of the vocabulary. Received: '2147483648'"),
    ("9" * 5000, f"expected ids below 999998, the largest size of the vocabulary. Received: '{'9' * 40}'"),
]


@pytest.fixture(params=["memory", "file"])
def where(request, monkeypatch):
    """Whether the lines of a file are held in memory or read again, in short blocks."""
    if request.param == "file":
        monkeypatch.setattr(lines_module, "IN_MEMORY", 5)
        monkeypatch.setattr(lines_module, "BLOCK", 7)


@pytest.mark.parametrize(("token", "message"), WRONG)
def test_what_is_no_id_is_refused_with_its_file_and_line(token, message, where, tmp_path):
    path = tmp_path / "ids.txt"
    path.write_text("1 2 3\r\n" * 9 + f"\n\r4 {token} 5\n" + "1 2 3\n" * 9)
    with pytest.raises(InputError) as error:
        TextCorpus.from_file(path, level="ids", batch_size=4)
    assert str(error.value) == f"{path}: line 12: {message}"


def test_an_id_beyond_the_given_size_is_refused_with_its_file_and_line(tmp_path):
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text("1 2 3\n" * 9)
    test.write_text("1 2 3\n\n1 7 3\n")
    settings = {"level": "ids", "batch_size": 4, "vocabulary_size": 7}
    with pytest.raises(InputError, match=rf"^{test}: line 3: expected ids below 7, the size of the .* Received: '7'$"):
        TextCorpus.from_file(train, test=test, **settings)
    tokenizer = TextTokenizer.train(["6 6"], "ids")
    with pytest.raises(InputError, match=rf"^{test}: line 3: expected ids below 7, the size of the .* Received: '7'$"):
        TextCorpus.from_file(train, test=test, tokenizer=tokenizer, sequence_length=3, batch_size=4)


def test_texts_of_a_table_are_named_by_their_number(tmp_path):
    path = tmp_path / "ids.jsonl"
    path.write_text('{"text": "1 2"}\n{"text": "1 2 y"}\n')
    with pytest.raises(InputError, match=rf"^{path}: text 2: expected integers .* Received: 'y'$"):
        TextCorpus.from_records(read_records(path), level="ids", batch_size=1)


@pytest.mark.parametrize("lines", [[], [""], ["", " "]])
def test_no_id_at_all_is_refused(lines):
    with pytest.raises(InputError, match=r"^expected integers of at least 0 with blanks between them. Received: none$"):
        TextTokenizer.train(lines, "ids")


@pytest.mark.parametrize(("size", "message"), [(0, "at least 1"), (10**6, "at most 999998 at the level 'ids'")])
def test_a_vocabulary_size_outside_its_range_is_refused(size, message):
    with pytest.raises(InputError, match=f"`vocabulary_size` must be {message}. Received: {size}"):
        TextTokenizer.train(["0 0"], "ids", vocabulary_size=size)


def test_a_vocabulary_of_one_id_is_refused():
    with pytest.raises(InputError, match=r"expected at least 2 different tokens in the vocabulary. Received: 1"):
        TextTokenizer.train(["0 0"], "ids")


def test_a_text_of_other_ids_is_not_encoded():
    tokenizer = TextTokenizer.train(UNEQUAL, "ids")
    for wrong in ("5", "6", "x", "<end>", "<unk>", "03"):
        assert tokenizer.unknown_parts(f"1 {wrong} {wrong} 2") == [wrong]
        with pytest.raises(InputError, match=f"^expected ids below 5, the size of the .* Received: '{wrong}'$"):
            tokenizer.encode(["1", f"1 {wrong} 2"])
    with pytest.raises(InputError, match=r"`token_ids` must be in \[0, 6\), the vocabulary, or -1. Received: 6"):
        tokenizer.decode([[6]])


# Corpora


def test_a_corpus_has_the_lines_as_arrays():
    draw = np.random.default_rng(3)
    array = draw.integers(0, 30, [40, 7])
    lines = [" ".join(map(str, row)) for row in array]
    corpus = TextCorpus(lines, "ids", batch_size=8, min_frequency=99)
    assert (corpus.sequence_length, corpus.vocabulary_size, corpus.end_token_id) == (7, array.max() + 1, None)
    found = [*corpus.train_token_ids.tolist(), *corpus.validation_token_ids.tolist()]
    assert sorted(found) == sorted(array.tolist())
    assert sorted(corpus.decode(found)) == sorted(lines)
    assert (corpus.notes, corpus.unknown_share) == ([], 0)


def test_the_ids_of_held_out_lines_are_in_the_vocabulary():
    corpus = TextCorpus(["1 2 3"] * 9, "ids", validation=["1 2 9"], test=["1 2 3", "4 12 1"], batch_size=8)
    assert corpus.vocabulary_size == 13
    assert corpus.test_token_ids.tolist() == [[1, 2, 3], [4, 12, 1]]
    longer = TextCorpus(["1 2 3"] * 9, "ids", validation=["1 2 9 1"], batch_size=8)
    assert (longer.vocabulary_size, longer.end_token_id) == (11, 10)


def test_lines_are_cut_where_they_are_longer_than_the_sequence_length():
    corpus = TextCorpus(["1 2 3 4"] * 20, "ids", sequence_length=3, batch_size=8)
    assert corpus.train_token_ids.tolist() == [[1, 2, 3]] * 18
    assert corpus.notes == ["20 lines are longer than 3 tokens and were cut"]


def test_a_sequence_length_that_the_lines_do_not_fill_is_refused():
    message = "ids: expected at least 5 ids in every line, the sequence length, since there is no end token. Received: "
    with pytest.raises(InputError, match=f"^{message}a line with 4$"):
        TextCorpus(["1 2 3 4"] * 20, "ids", sequence_length=5, batch_size=8, name="ids")
    tokenizer = TextTokenizer.train(["1 2 3 4 5"], "ids")
    with pytest.raises(InputError, match=f"^{message}a line with 1$"):
        TextCorpus(["1 2 3 4 5"] * 20 + ["1"], sequence_length=5, batch_size=8, name="ids", tokenizer=tokenizer)


@pytest.mark.parametrize("is_shared", [False, True])
def test_pairs_of_ids(is_shared):
    sources, targets = ["7 7 7"] * 19 + ["1 8 1"], ["1 2"] * 10 + ["2 1"] * 10
    corpus = PairCorpus(sources, targets, "ids", batch_size=8, shared_tokenizer=is_shared)
    assert corpus.conditions.vocabulary_size == (10 if is_shared else 9)
    assert corpus.vocabulary_size == (10 if is_shared else 3)
    assert corpus.end_token_id == (9 if is_shared else None)
    assert corpus.conditions.decode(corpus.conditions.encode(["1 2 3", "4 5 6"])) == ["1 2 3", "4 5 6"]
    source = corpus.train_condition[0].tolist()
    assert source in ([7, 7, 7], [1, 8, 1]) if not is_shared else source in ([7, 7, 7, 9], [1, 8, 1, 9])


def test_turns_of_one_length_are_told_apart_by_the_end_token():
    dialogues = [["1 2", "3 4", "5 6"]] * 20
    corpus = DialogueCorpus.from_dialogues(dialogues, level="ids", batch_size=8)
    assert (corpus.vocabulary_size, corpus.end_token_id) == (8, 7)
    assert corpus.conditions.decode(corpus.conditions.encode(["1 2\n3 4"])) == ["1 2\n3 4"]


def test_a_source_of_other_ids_is_named(tmp_path):
    source, target = tmp_path / "a.txt", tmp_path / "b.txt"
    source.write_text("1 2\n" * 20 + "1 z\n")
    target.write_text("1 2\n" * 21)
    with pytest.raises(InputError, match=rf"^{source}: text 21: expected integers .* Received: 'z'$"):
        PairCorpus.from_records(read_records(source, target), level="ids", batch_size=8)
    source.write_text("1 2\n" * 21)
    target.write_text("1 2\n" * 20 + "1 z\n")
    with pytest.raises(InputError, match=rf"^{target}: text 21: expected integers .* Received: 'z'$"):
        PairCorpus.from_records(read_records(source, target), level="ids", batch_size=8)
