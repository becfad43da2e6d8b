"""Word vectors of text files, against a plain reading with numpy."""

import itertools

import numpy as np
import pytest

from seqgan_tf.core.validation import InputError
from seqgan_tf.data import lines as lines_module
from seqgan_tf.data import word_vectors as module
from seqgan_tf.data.word_vectors import WordVectors

TOKENS = ["<end>", "<unk>", "the", "cat", "春", "12", "dog", ". .", "1"]
FILE = "the 0.5 -1.25 3\n春 1e-2 2 -.5\nmouse 9 9 9\n12 4 5 6\n. . 7 8 9.5\ncat 0.1 0.2 0.3\ncat 9 9 9\n"
VECTORS = {"the": [0.5, -1.25, 3], "春": [0.01, 2, -0.5], "12": [4, 5, 6], ". .": [7, 8, 9.5], "cat": [0.1, 0.2, 0.3]}


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(lines_module, "BLOCK", 7)  # so that lines span several blocks
    return tmp_path / "vectors.txt"


@pytest.mark.parametrize("head", ["", "7 3\n", "\ufeff", "\ufeff7 3\n"], ids=["glove", "word2vec", "mark", "both"])
@pytest.mark.parametrize("end", ["\n", "\r\n", " \n"])
@pytest.mark.parametrize("is_ended", [True, False])
def test_words_of_the_vocabulary_have_the_first_vector_of_the_file(head, end, is_ended, path):
    content = (head + FILE).replace("\n", end)
    path.write_bytes((content if is_ended else content.removesuffix(end)).encode())
    vectors = WordVectors.read(path, TOKENS)
    assert (vectors.matrix.dtype, vectors.matrix.shape) == (np.float32, (9, 3))
    assert vectors.found.tolist() == [token in VECTORS for token in TOKENS]
    for token, vector in VECTORS.items():
        np.testing.assert_array_equal(vectors.matrix[TOKENS.index(token)], np.float32(vector))


def test_other_words_are_drawn_with_the_deviation_of_those_that_were_found(path):
    draw = np.random.default_rng(3)
    known = draw.normal(2.0, 0.3, [40, 50])
    tokens = [f"w{i}" for i in range(2_000)]
    path.write_text("".join(f"w{i} {' '.join(map(str, row))}\n" for i, row in enumerate(known)))
    one, same, other = (WordVectors.read(path, tokens, seed) for seed in (1, 1, 2))
    np.testing.assert_allclose(one.matrix[:40], known, rtol=1e-6)
    drawn = one.matrix[40:]
    assert abs(drawn.std() / known.std() - 1) < 0.01
    assert abs(drawn.mean()) < 0.01
    assert len(np.unique(drawn, axis=0)) == len(drawn)
    assert np.array_equal(one.matrix, same.matrix)
    assert not np.array_equal(one.matrix[40:], other.matrix[40:])
    assert np.array_equal(one.matrix[:40], other.matrix[:40])


def test_the_coverage_counts_words_and_not_the_end_token(path):
    path.write_text(FILE)
    vectors = WordVectors.read(path, TOKENS)
    assert vectors.coverage == 5 / 8
    rows = np.array([[2, 3, 2, 0, -1], [6, 1, 8, 4, 0], [0, -1, -1, -1, -1]])
    assert vectors.coverage_of(rows) == 4 / 7
    assert vectors.coverage_of(np.array([[0, -1]])) == 0


def test_a_word_that_looks_like_a_number_is_a_word(path):
    path.write_text("1 0.5 0.25\n12 3 4\nnan 1 2\n")
    vectors = WordVectors.read(path, ["<end>", "12", "nan", "1"])
    assert vectors.matrix[1:].tolist() == [[3, 4], [1, 2], [0.5, 0.25]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("the 1 2 3\ncat 1 2\n", "line 2: expected 3 numbers after the word, as in the first line. Received: 2"),
        ("the 1 2 3\nx 1 2 3 4\n", "line 2: expected 3 numbers after the word, as in the first line. Received: 4"),
        ("2 3\nthe 1 2 3\n\nx\n", "line 4: expected 3 numbers after the word, as in the first line. Received: 0"),
        (
            "some text\nmore text\n",
            "line 1: expected a word and its numbers, separated by blanks. Received: 'some text'",
        ),
        ("word\n", "line 1: expected a word and its numbers, separated by blanks. Received: 'word'"),
        ("the 1 2 3\ncat 1 x 3\n", "line 2: expected finite numbers. Received: b'1 x 3'"),
        ("the 1 2 3\ncat 1 nan 3\n", "line 2: expected finite numbers. Received: b'1 nan 3'"),
        ("bird 1 2\n", "expected vectors of words of the vocabulary, '<unk>', 'the', 'cat', '春', '12', 'dog', '. .',"),
        ("", "expected vectors of words of the vocabulary, '<unk>', 'the', 'cat', '春', '12', 'dog', '. .', '1' ..."),
        (b"the 1 2\ncaf\xe9 1 2\n", "line 2: expected UTF-8 text. Received: byte 0xe9"),
        (b"3 2\nthe \x00\x01\x02\n", "expected UTF-8 text. Received: a binary file (it holds NUL)"),
        (None, "expected a text file that can be read (No such file or directory)"),
    ],
)
def test_other_files_are_refused_with_their_line(content, message, path):
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as error:
        WordVectors.read(path, TOKENS)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


def test_a_file_without_lines_is_not_held_in_memory(path, monkeypatch):
    monkeypatch.setattr(module, "LONGEST", 50)
    path.write_text("x" * 10**6)
    blocks = itertools.count()
    read = module.open_blocks
    monkeypatch.setattr(module, "open_blocks", lambda path: ((b for b in read(path)[0] if next(blocks) >= 0), None))
    with pytest.raises(InputError, match=r"expected a word and its numbers per line. Received: a line of 56 bytes$"):
        WordVectors.read(path, TOKENS)
    assert next(blocks) < 10
