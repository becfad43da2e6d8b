"""A corpus of lines, and the text file that holds them."""

import numpy as np
import pytest

from seqgan_tf.core.protocols import Corpus
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.text import TextCorpus, read_lines
from seqgan_tf.data.tokenizer import TextTokenizer


def rows_of(dataset):
    return [tuple(row) for batch in dataset for row in batch.numpy().tolist()]


def numbered_lines(count):
    return [f"line number {i}" for i in range(count)]


def test_training_and_validation_part_are_disjoint_and_hold_every_line():
    lines = numbered_lines(50)
    corpus = TextCorpus(lines, "bpe", sequence_length=40, validation_split=0.2, batch_size=8)
    train, validation = (corpus.decode(part) for part in (corpus.train_token_ids, corpus.validation_token_ids))
    assert (len(train), len(validation)) == (40, 10)
    assert sorted(train + validation) == sorted(lines)
    assert corpus.num_cut == 0


def test_it_satisfies_the_protocol_of_a_corpus():
    corpus = TextCorpus(["a b"] * 12 + ["a b a b"] * 3, sequence_length=4, batch_size=8)
    assert isinstance(corpus, Corpus)
    assert corpus.held_out_token_ids is corpus.validation_token_ids
    assert corpus.notes == ["3 lines are longer than 3 tokens and were cut"]
    assert TextCorpus(["a b"] * 12, batch_size=8).notes == []


def test_the_datasets_hold_the_arrays():
    corpus = TextCorpus(numbered_lines(50), "bpe", sequence_length=40, batch_size=8)
    assert sorted(rows_of(corpus.train)) == sorted(map(tuple, corpus.train_token_ids.tolist()))
    assert rows_of(corpus.validation) == list(map(tuple, corpus.validation_token_ids.tolist()))


def test_the_split_depends_on_the_seed_alone():
    def held_out(seed):
        corpus = TextCorpus(numbered_lines(50), "bpe", sequence_length=40, batch_size=8, seed=seed)
        return corpus.decode(corpus.validation_token_ids)

    assert held_out(1) == held_out(1)
    assert held_out(1) != held_out(2)


def test_at_least_one_line_is_held_out():
    corpus = TextCorpus(numbered_lines(9), "bpe", validation_split=0.01, batch_size=8)
    assert len(corpus.validation_token_ids) == 1


def test_the_vocabulary_comes_from_the_training_part_alone():
    corpus = TextCorpus([f"w{i}" for i in range(50)], "word", min_frequency=1, validation_split=0.2, batch_size=8)
    assert corpus.vocabulary_size == 2 + 40
    assert not (corpus.train_token_ids == corpus.unknown_token_id).any()
    assert (corpus.validation_token_ids[:, 0] == corpus.unknown_token_id).all()


def test_the_default_sequence_length_fits_99_of_100_training_lines():
    rng = np.random.default_rng(0)
    lines = ["".join(rng.choice(["a", "b"], rng.integers(3, 60))) for _ in range(400)]
    whole = TextCorpus(lines, "char", sequence_length=60, batch_size=8)
    tokens = np.array([len(line) + 1 for line in whole.decode(whole.train_token_ids)])  # one for the end token
    length = TextCorpus(lines, "char", batch_size=8).sequence_length
    assert np.mean(tokens <= length) >= 0.99 > np.mean(tokens <= length - 1)


def test_the_default_sequence_length_is_at_most_100():
    assert TextCorpus(["ab" * 200] * 20, "char", batch_size=8).sequence_length == 100


def test_lines_that_are_cut_are_counted_in_both_parts():
    lines = ["a b"] * 10 + ["a b a"] * 7 + ["a b a b"] * 5  # 3, 4 and 5 tokens with the end
    corpus = TextCorpus(lines, sequence_length=4, batch_size=8, validation_split=0.3)
    assert corpus.num_cut == 5
    assert corpus.train_token_ids.shape[1] == corpus.sequence_length == 4


def test_a_given_tokenizer_is_used_as_it_is():
    tokenizer = TextTokenizer.train(["x y", "x y"], "word")
    corpus = TextCorpus(numbered_lines(50), tokenizer=tokenizer, batch_size=8)
    assert corpus.tokenizer is tokenizer
    assert (corpus.vocabulary_size, corpus.end_token_id, corpus.unknown_token_id) == (4, 0, 1)
    assert (corpus.train_token_ids[:, 0] == 1).all()


def test_too_few_lines_for_a_batch_are_refused_with_the_counts():
    with pytest.raises(InputError, match=r"poems: expected at least 19 lines .* Received: 20 lines, 2 of them held"):
        TextCorpus(numbered_lines(20), batch_size=19, name="poems")
    assert len(TextCorpus(numbered_lines(20), "bpe", batch_size=18).train_token_ids) == 18


def test_a_corpus_of_one_word_is_refused_by_name():
    with pytest.raises(InputError, match=r"poems: expected at least 2 different tokens .* Received: 1"):
        TextCorpus(["spam spam"] * 20, batch_size=4, name="poems")


@pytest.mark.parametrize("share", [0, 1, 1.5, -0.1])
def test_a_validation_split_outside_0_and_1_is_refused(share):
    with pytest.raises(InputError, match=rf"`validation_split` must be between 0 and 1. Received: {share}"):
        TextCorpus(numbered_lines(20), validation_split=share, batch_size=4)


@pytest.mark.parametrize("length", [1, 0, -3])
def test_a_sequence_length_below_2_is_refused(length):
    with pytest.raises(InputError, match=rf"`sequence_length` must be at least 2. Received: {length}"):
        TextCorpus(numbered_lines(20), sequence_length=length, batch_size=4)


def test_a_str_in_place_of_a_list_of_lines_is_refused():
    with pytest.raises(InputError, match=r"`lines` must be a list of str.* Received: a str"):
        TextCorpus("poems.txt")


# Unknown tokens


def test_the_share_of_unknown_tokens_is_reported_for_both_parts():
    lines = [f"a w{i}x w{i}y the" for i in range(100)]
    corpus = TextCorpus(lines, batch_size=8)
    assert corpus.unknown_share == corpus.held_out_unknown_share == 0.4  # 2 of 4 words and the end token
    for part, note in zip(("training", "held-out"), corpus.notes, strict=True):
        assert note.startswith(f"40.0% of the tokens of the {part} lines are unknown (<unk>); ")


def test_the_share_is_that_of_the_array():
    lines = [f"a b c{i % 40}" for i in range(90)]
    corpus = TextCorpus(lines, batch_size=8, min_frequency=3)
    for share, ids in (
        (corpus.unknown_share, corpus.train_token_ids),
        (corpus.held_out_unknown_share, corpus.validation_token_ids),
    ):
        assert share == np.mean(ids[ids != -1] == corpus.unknown_token_id)


def test_few_unknown_tokens_are_not_noted():
    lines = ["the cat sees a dog now"] * 100 + ["the bird"]
    corpus = TextCorpus(lines, batch_size=8)
    assert 0 < corpus.unknown_share + corpus.held_out_unknown_share < 0.02
    assert corpus.unknown_share < 0.01
    assert not any("training" in note for note in corpus.notes)


def test_byte_pairs_have_no_unknown_tokens():
    assert TextCorpus(numbered_lines(50), "bpe", batch_size=8).unknown_share == 0


# A text file


def test_a_byte_order_mark_windows_line_ends_and_empty_lines_do_not_count(tmp_path):
    path = tmp_path / "poems.txt"
    path.write_bytes(b"\xef\xbb\xbf  first line \r\n\r\n \t \r\nsecond\r\nthird")
    assert read_lines(path) == ["first line", "second", "third"]


def test_a_file_gives_the_corpus_of_its_lines(tmp_path):
    path = tmp_path / "poems.txt"
    path.write_text("\n".join(numbered_lines(50)))
    corpus = TextCorpus.from_file(path, level="bpe", batch_size=8, seed=5)
    expected = TextCorpus(numbered_lines(50), level="bpe", batch_size=8, seed=5)
    assert np.array_equal(corpus.train_token_ids, expected.train_token_ids)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "expected a text file that can be read .No such file"),
        (b"", "expected one sequence per line. Received: no line of text"),
        (b" \n\r\n\t\n", "expected one sequence per line. Received: no line of text"),
        (b"text\0text\n", "expected UTF-8 text. Received: a binary file"),
        (b"caf\xe9\n", "expected UTF-8 text. Received: byte 0xe9 at 3"),
    ],
)
def test_a_file_that_is_not_text_is_refused_by_name(content, message, tmp_path):
    path = tmp_path / "poems.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=f"{path}: {message}"):
        TextCorpus.from_file(path)


def test_a_directory_in_place_of_a_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected a text file that can be read"):
        read_lines(tmp_path)


def test_errors_about_the_lines_of_a_file_name_the_file(tmp_path):
    path = tmp_path / "poems.txt"
    path.write_text("one line\n")
    with pytest.raises(InputError, match=f"{path}: expected at least 64 lines"):
        TextCorpus.from_file(path)


def test_only_line_ends_end_a_line(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_bytes("one\u2028line\none\x0cline\r\nlast\u0085line\n".encode())
    assert len(read_lines(path)) == 3
