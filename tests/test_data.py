"""Batches, tokenizers, and the two kinds of corpus."""

import collections

import numpy as np
import pytest
import tensorflow as tf

from seqgan_tf.data import pipeline
from seqgan_tf.data.synthetic import OracleCorpus, write_token_ids
from seqgan_tf.data.text import TextCorpus, read_lines
from seqgan_tf.data.tokenizer import TextTokenizer
from seqgan_tf.models.oracle import Oracle

# Batches


def rows_of(dataset):
    return [tuple(row) for batch in dataset for row in batch.numpy().tolist()]


NUMBERED = np.arange(50)[:, None] * np.ones(3, int)  # row i is (i, i, i)


def test_batches_without_a_seed_keep_the_order_and_the_smaller_rest():
    batches = [batch.numpy() for batch in pipeline.batches(NUMBERED[:10], 4)]
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert np.concatenate(batches)[:, 0].tolist() == list(range(10))
    assert batches[0].dtype == np.int32


def test_batches_hold_every_row_once_a_pass():
    dataset = pipeline.batches(NUMBERED, 8, shuffle_seed=3)
    assert sorted(rows_of(dataset)) == [(i, i, i) for i in range(50)]


def test_batches_of_one_seed_come_in_one_order_and_each_pass_in_another():
    first, second = (pipeline.batches(NUMBERED, 8, shuffle_seed=3) for _ in range(2))
    passes = [rows_of(first), rows_of(first)]
    assert [rows_of(second), rows_of(second)] == passes
    assert passes[0] != passes[1]
    assert sorted(passes[0]) == sorted(passes[1])
    assert rows_of(pipeline.batches(NUMBERED, 8, shuffle_seed=4)) != passes[0]


def as_dataset(data, end_token_id=0, vocabulary_size=5, sequence_length=3):
    return pipeline.as_dataset(data, "data", 2, vocabulary_size, sequence_length, end_token_id)


@pytest.mark.parametrize("wrap", [np.array, lambda rows: tf.data.Dataset.from_tensor_slices(rows).batch(2)])
def test_as_dataset_pads_after_the_first_end_token(wrap):
    rows = [[1, 0, 2], [0, 0, 4], [3, 4, 0], [1, 2, 3], [1, 0, -1]]
    dataset = as_dataset(wrap(rows))
    assert rows_of(dataset) == [(1, 0, -1), (0, -1, -1), (3, 4, 0), (1, 2, 3), (1, 0, -1)]
    assert all(batch.dtype == tf.int32 for batch in dataset)
    assert rows_of(as_dataset(wrap(rows), end_token_id=None)) == [tuple(row) for row in rows]


def test_as_dataset_takes_a_dataset_of_int64_and_of_unknown_length():
    dataset = tf.data.Dataset.from_generator(
        lambda: iter([np.array([[1, 2, 3]])]), output_signature=tf.TensorSpec([None, None], tf.int64)
    )
    assert rows_of(as_dataset(dataset)) == [(1, 2, 3)]


@pytest.mark.parametrize("outside", [5, -2, 2**31 + 1])
def test_as_dataset_refuses_an_array_with_ids_outside_the_vocabulary_at_once(outside):
    with pytest.raises(ValueError, match=rf"`data` must be in \[0, 5\).*Received: {outside}"):
        as_dataset(np.array([[1, 2, outside]]))


@pytest.mark.parametrize("outside", [5, -2])
def test_as_dataset_refuses_a_dataset_with_ids_outside_the_vocabulary_when_it_is_read(outside):
    dataset = as_dataset(tf.data.Dataset.from_tensor_slices([[1, 2, outside]]).batch(1))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"`data` must hold token ids in \[0, 5\)"):
        list(dataset)


@pytest.mark.parametrize("data", [np.ones([4, 2], int), np.ones([3], int), np.ones([2, 3, 1], int)])
def test_as_dataset_refuses_another_shape(data):
    with pytest.raises(ValueError, match=r"`data` must be of shape \[batch, 3\]"):
        as_dataset(data)
    with pytest.raises(ValueError, match=r"`data` must be of shape \[batch, 3\]"):
        as_dataset(tf.data.Dataset.from_tensors(data))


def test_as_dataset_refuses_rows_of_another_length_that_show_only_in_the_data():
    dataset = tf.data.Dataset.from_generator(
        lambda: iter([np.array([[1, 2]])]), output_signature=tf.TensorSpec([None, None], tf.int32)
    )
    with pytest.raises(tf.errors.InvalidArgumentError):
        list(as_dataset(dataset))


def test_as_dataset_refuses_what_holds_no_integers():
    with pytest.raises(ValueError, match=r"`data` must hold integers. Received: dtype float"):
        as_dataset(np.ones([2, 3]))
    for dataset in (
        tf.data.Dataset.from_tensor_slices(np.ones([2, 3])).batch(2),
        tf.data.Dataset.from_tensor_slices((np.ones([2, 3], int), np.ones([2], int))).batch(2),
    ):
        with pytest.raises(ValueError, match="`data` must be a dataset of int token ids"):
            as_dataset(dataset)


def test_rounds_drop_nothing_and_meet_each_sequence_equally_often_give_or_take_one():
    counts = collections.Counter({(i, i, i): 0 for i in range(7)})
    stream = pipeline.rounds(pipeline.batches(NUMBERED[:7], 3, shuffle_seed=1), 5)
    assert stream.element_spec.shape.as_list() == [5, 3]
    for number, element in enumerate(stream.take(14), start=1):
        counts.update(tuple(row) for row in element.numpy().tolist())
        assert sum(counts.values()) == 5 * number
        assert max(counts.values()) - min(counts.values()) <= 1
    assert set(counts.values()) == {10}  # 14 rounds of 5 are 10 passes over 7


def test_rounds_may_be_larger_than_the_data():
    (element,) = pipeline.rounds(pipeline.batches(NUMBERED[:2], 2), 5).take(1)
    assert element.numpy()[:, 0].tolist() == [0, 1, 0, 1, 0]


def test_count_sequences_counts_the_smaller_rest_too():
    assert pipeline.count_sequences(pipeline.batches(NUMBERED[:10], 4)) == 10


# Tokenizers

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


def test_words_and_signs_come_back_with_signs_drawn_to_their_word():
    tokenizer = TextTokenizer.train(LINES, "word", min_frequency=1)
    assert len(tokenizer.encode(["the dog, sleeps!"])[0]) == 5
    assert tokenizer.decode(tokenizer.encode(LINES)) == LINES
    assert tokenizer.decode(tokenizer.encode(["the  dog , sleeps !"])) == ["the dog, sleeps!"]


def test_byte_pairs_write_any_text():
    tokenizer = TextTokenizer.train(LINES, "bpe", vocabulary_size=300)
    texts = ["the cat sees", " two  blanks ", "ünïcode 春 😀\t!", ""]
    assert tokenizer.decode(tokenizer.encode(texts)) == texts
    assert tokenizer.unknown_token_id is None
    assert len(tokenizer.encode(["the cat"])[0]) < len("the cat")


@pytest.mark.parametrize(("level", "known", "unknown"), [("word", "cat", "zebra"), ("char", "c", "z")])
def test_what_the_vocabulary_lacks_is_token_1(level, known, unknown):
    tokenizer = TextTokenizer.train(LINES, level, min_frequency=1)
    assert tokenizer.unknown_token_id == 1
    assert tokenizer.encode([unknown]) == [[1]]
    assert tokenizer.encode([known])[0][0] > 1
    assert tokenizer.decode([[1]]) == ["<unk>"]


@pytest.mark.parametrize("level", ["char", "word", "bpe"])
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


def test_a_vocabulary_of_byte_pairs_has_the_size_that_is_asked_for():
    assert TextTokenizer.train(LINES * 5, "bpe", vocabulary_size=270).vocabulary_size == 270


@pytest.mark.parametrize("level", ["char", "word", "bpe"])
def test_the_same_lines_give_the_same_vocabulary(level, tmp_path):
    files = [tmp_path / str(i) for i in range(3)]
    for file in files:
        TextTokenizer.train(LINES, level, vocabulary_size=280, min_frequency=1).save(file)
    assert len({file.read_bytes() for file in files}) == 1


@pytest.mark.parametrize("level", ["char", "word", "bpe"])
def test_a_saved_tokenizer_gives_the_same_ids(level, tmp_path):
    tokenizer = TextTokenizer.train(LINES, level, min_frequency=1)
    tokenizer.save(tmp_path / "tokenizer.json")
    loaded = TextTokenizer.load(tmp_path / "tokenizer.json")
    ids = tokenizer.encode([*LINES, "zebra"])
    assert loaded.encode([*LINES, "zebra"]) == ids
    assert loaded.decode(ids) == tokenizer.decode(ids)
    for name in ("vocabulary_size", "end_token_id", "unknown_token_id"):
        assert getattr(loaded, name) == getattr(tokenizer, name)


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"model": 1', b"\xff\xfe"])
def test_a_missing_or_damaged_tokenizer_file_is_refused_by_name(content, tmp_path):
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{path}: expected a tokenizer file"):
        TextTokenizer.load(path)


def test_a_tokenizer_of_other_making_is_refused(tmp_path):
    path = tmp_path / "tokenizer.json"
    TextTokenizer.train(LINES, "word", min_frequency=1).save(path)
    path.write_text(path.read_text().replace("<end>", "<fin>"))
    with pytest.raises(ValueError, match=r"expected a tokenizer with an end token '<end>'"):
        TextTokenizer.load(path)


def test_an_unknown_level_is_refused():
    with pytest.raises(ValueError, match=r"`level` must be one of .*'char'.* Received: 'syllable'"):
        TextTokenizer.train(LINES, "syllable")


@pytest.mark.parametrize("lines", [["spam spam spam"], ["a b c d"], []])
def test_a_vocabulary_of_one_or_none_is_refused(lines):
    with pytest.raises(ValueError, match=r"expected at least 2 different tokens that occur 2 times or more"):
        TextTokenizer.train(lines, "word")


@pytest.mark.parametrize("outside", [-2, 99])
def test_decoding_refuses_ids_outside_the_vocabulary(outside):
    tokenizer = TextTokenizer.train(LINES, "word", vocabulary_size=6)
    with pytest.raises(ValueError, match=rf"`token_ids` must be in \[0, 6\).*Received: {outside}"):
        tokenizer.decode([[2, outside]])


def test_a_text_is_padded_after_its_end_token_or_cut_without_one():
    tokenizer = TextTokenizer.train(["a b c d"], "word", min_frequency=1)
    a, b, c, d = (tokenizer.encode([word])[0][0] for word in "abcd")
    padded, num_cut = tokenizer.encode_padded(["a", "a b c", "a b c d", ""], 4)
    assert padded.tolist() == [[a, 0, -1, -1], [a, b, c, 0], [a, b, c, d], [0, -1, -1, -1]]
    assert padded.dtype == np.int32
    assert num_cut == 1


# A corpus of text


def numbered_lines(count):
    return [f"line number {i}" for i in range(count)]


def test_training_and_validation_part_are_disjoint_and_hold_every_line():
    lines = numbered_lines(50)
    corpus = TextCorpus(lines, "bpe", sequence_length=40, validation_split=0.2, batch_size=8)
    train, validation = (corpus.decode(part) for part in (corpus.train_token_ids, corpus.validation_token_ids))
    assert (len(train), len(validation)) == (40, 10)
    assert sorted(train + validation) == sorted(lines)
    assert corpus.num_cut == 0


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
    with pytest.raises(ValueError, match=r"poems: expected at least 19 lines .* Received: 20 lines, 2 of them held"):
        TextCorpus(numbered_lines(20), batch_size=19, name="poems")
    assert len(TextCorpus(numbered_lines(20), "bpe", batch_size=18).train_token_ids) == 18


def test_a_corpus_of_one_word_is_refused_by_name():
    with pytest.raises(ValueError, match=r"poems: expected at least 2 different tokens .* Received: 1"):
        TextCorpus(["spam spam"] * 20, batch_size=4, name="poems")


@pytest.mark.parametrize("share", [0, 1, 1.5, -0.1])
def test_a_validation_split_outside_0_and_1_is_refused(share):
    with pytest.raises(ValueError, match=rf"`validation_split` must be between 0 and 1. Received: {share}"):
        TextCorpus(numbered_lines(20), validation_split=share, batch_size=4)


@pytest.mark.parametrize("length", [1, 0, -3])
def test_a_sequence_length_below_2_is_refused(length):
    with pytest.raises(ValueError, match=rf"`sequence_length` must be at least 2. Received: {length}"):
        TextCorpus(numbered_lines(20), sequence_length=length, batch_size=4)


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
        (b"", "expected one sequence a line. Received: no line of text"),
        (b" \n\r\n\t\n", "expected one sequence a line. Received: no line of text"),
        (b"text\0text\n", "expected UTF-8 text. Received: a binary file"),
        (b"caf\xe9\n", "expected UTF-8 text. Received: byte 0xe9 at 3"),
    ],
)
def test_a_file_that_is_no_text_is_refused_by_name(content, message, tmp_path):
    path = tmp_path / "poems.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{path}: {message}"):
        TextCorpus.from_file(path)


def test_a_directory_in_place_of_a_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected a text file that can be read"):
        read_lines(tmp_path)


def test_what_is_wrong_with_the_lines_of_a_file_is_said_with_its_name(tmp_path):
    path = tmp_path / "poems.txt"
    path.write_text("one line\n")
    with pytest.raises(ValueError, match=f"{path}: expected at least 64 lines"):
        TextCorpus.from_file(path)


# A corpus that an oracle writes


@pytest.fixture(scope="module")
def oracle():
    return Oracle(50, 4, 6, seed=3)


def oracle_corpus(oracle, seed=0):
    return OracleCorpus(oracle, sequence_length=7, num_train=600, num_held_out=300, batch_size=64, seed=seed)


@pytest.fixture(scope="module")
def corpus(oracle):
    return oracle_corpus(oracle)


def test_an_oracle_writes_as_many_sequences_as_asked_for(corpus):
    assert corpus.train_token_ids.shape == (600, 7)
    assert corpus.validation_token_ids.shape == corpus.test_token_ids.shape == (300, 7)
    assert (corpus.vocabulary_size, corpus.sequence_length, corpus.end_token_id) == (50, 7, None)
    assert {batch.shape[0] for batch in corpus.train} == {64, 600 % 64}
    assert sorted(rows_of(corpus.train)) == sorted(map(tuple, corpus.train_token_ids.tolist()))
    assert rows_of(corpus.validation) == list(map(tuple, corpus.validation_token_ids.tolist()))


def test_no_part_of_what_an_oracle_wrote_repeats_another(corpus):
    parts = (corpus.train_token_ids, corpus.validation_token_ids, corpus.test_token_ids)
    rows = collections.Counter(tuple(row) for part in parts for row in part.tolist())
    assert len(rows) > 0.95 * 1200  # 1,200 draws; a repeated stream would leave 700 or fewer


def test_the_samples_follow_the_oracle(oracle, corpus):
    logits, _ = oracle.step(tf.constant([0]), oracle.initial_state(1))
    expected = np.exp(logits[0]) / np.sum(np.exp(logits[0]))
    everything = np.concatenate([corpus.train_token_ids, corpus.validation_token_ids, corpus.test_token_ids])
    observed = np.bincount(everything[:, 0], minlength=50) / len(everything)
    assert np.abs(observed - expected).max() < 5 * np.sqrt(expected.max() / len(everything))
    assert expected.max() > 3 / 50  # far from uniform, so that the bound means something


def test_the_same_seed_writes_the_same_data(oracle, corpus):
    again, other = oracle_corpus(oracle), oracle_corpus(oracle, seed=1)
    for part in ("train_token_ids", "validation_token_ids", "test_token_ids"):
        assert np.array_equal(getattr(again, part), getattr(corpus, part))
        assert not np.array_equal(getattr(other, part), getattr(corpus, part))
    assert rows_of(again.train) == rows_of(oracle_corpus(oracle).train)


def test_sequences_without_text_are_written_as_numbers(corpus):
    assert corpus.decode(np.array([[3, 1, 4], [0, 5, -1]])) == write_token_ids([[3, 1, 4], [0, 5, -1]])
    assert write_token_ids(np.array([[3, 1, 4], [0, 5, -1]])) == ["3 1 4", "0 5"]


def test_an_oracle_corpus_refuses_what_makes_no_sense(oracle):
    with pytest.raises(ValueError, match=r"`sequence_length` must be at least 2. Received: 1"):
        OracleCorpus(oracle, sequence_length=1)
    with pytest.raises(ValueError, match=r"`num_train` must be at least 64, one batch. Received: 63"):
        OracleCorpus(oracle, num_train=63)


def test_an_end_token_written_in_a_text_is_no_end():
    tokenizer = TextTokenizer.train(["a <end> b", "a b"] * 2, "word")
    padded, _ = tokenizer.encode_padded(["a <end> b"], 8)
    ends = np.flatnonzero(padded[0] == 0)
    assert len(ends) == 1
    assert (padded[0, ends[0] + 1 :] == -1).all()


def test_as_dataset_takes_unsigned_ids():
    dataset = tf.data.Dataset.from_tensor_slices(np.array([[1, 2, 3]], np.uint8)).batch(1)
    (batch,) = pipeline.as_dataset(dataset, "data", 1, 5, 3, None)
    assert batch.numpy().tolist() == [[1, 2, 3]]


@pytest.mark.parametrize("name", ["vocabulary_size", "min_frequency"])
def test_negative_limits_of_a_vocabulary_are_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        TextTokenizer.train(["a b a b"], "word", **{name: -1})


def test_a_vocabulary_below_the_256_bytes_is_refused_for_byte_pairs():
    with pytest.raises(ValueError, match="`vocabulary_size` must be at least 257"):
        TextTokenizer.train(["a b a b"], "bpe", vocabulary_size=100)


def test_only_line_ends_end_a_line(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_bytes("one\u2028line\none\x0cline\r\nlast\u0085line\n".encode())
    assert len(read_lines(path)) == 3


def test_the_tuner_of_pipelines_which_an_iteration_may_wait_for_is_off():
    stream = pipeline.rounds(pipeline.batches(np.zeros([7, 3], np.int32), 2, shuffle_seed=1), 4)
    assert stream.skip(1).options().autotune.enabled is False
