"""Encoded lines in memory and in temporary files, and the memory that a large text needs."""

import subprocess
import sys

import numpy as np
import pytest

from seqgan_tf.data import lines as lines_module
from seqgan_tf.data import rows as rows_module
from seqgan_tf.data.rows import EncodedLines
from seqgan_tf.data.text import TextCorpus
from seqgan_tf.data.tokenizer import TextTokenizer

LINES = [" ".join(f"w{j % 7}" for j in range(i % 11)) + " end" for i in range(300)]


@pytest.fixture
def tokenizer():
    return TextTokenizer.train(LINES, "word", min_frequency=1)


def in_files(monkeypatch):
    monkeypatch.setattr(rows_module, "IN_MEMORY", 100)
    monkeypatch.setattr(rows_module, "CHUNK_LINES", 7)
    monkeypatch.setattr(rows_module, "FLUSH", 400)
    monkeypatch.setattr(lines_module, "IN_MEMORY", 100)


@pytest.mark.parametrize("length", [2, 5, 12, 20])
@pytest.mark.parametrize("is_large", [False, True])
def test_rows_are_those_of_the_tokenizer(tokenizer, length, is_large, monkeypatch):
    if is_large:
        in_files(monkeypatch)
    expected, cut = tokenizer.encode_padded(LINES, length)
    encoded = EncodedLines(tokenizer.ended_tokens, LINES, max(length, 15))
    padded = encoded.padded(length)
    assert isinstance(padded, np.memmap) == is_large
    assert padded.dtype == np.int32
    assert np.array_equal(padded, expected)
    assert np.count_nonzero(encoded.lengths > length) == cut


def test_no_lines_have_no_rows(tokenizer):
    assert EncodedLines(tokenizer.ended_tokens, [], 5).padded(5).shape == (0, 5)


@pytest.mark.parametrize("level", ["word", "whitespace", "char", "bpe"])
def test_a_large_file_gives_the_corpus_of_a_small_one(level, monkeypatch, tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(LINES))
    settings = {"level": level, "batch_size": 8, "vocabulary_size": 300, "seed": 4}
    small = TextCorpus.from_file(path, **settings)
    in_files(monkeypatch)
    large = TextCorpus.from_file(path, **settings)
    assert isinstance(large.train_token_ids, np.memmap)
    assert not isinstance(small.train_token_ids, np.memmap)
    for name in ("sequence_length", "vocabulary_size", "num_cut", "unknown_share", "digest", "notes"):
        assert getattr(large, name) == getattr(small, name)
    for name in ("train_token_ids", "validation_token_ids"):
        assert np.array_equal(getattr(large, name), getattr(small, name))
    for _ in range(2):
        for name in ("train", "validation"):
            pairs = zip(getattr(large, name), getattr(small, name), strict=True)
            assert all(np.array_equal(one, other) for one, other in pairs)


MEASURED = """
import resource, sys
import seqgan_tf as sg
import tensorflow as tf

peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = peak()
corpus = sg.TextCorpus.from_file(sys.argv[1])
list(corpus.train.take(20))
print(peak() - before)
"""


@pytest.mark.long
def test_a_text_of_200_mb_needs_less_memory_than_it_has_bytes_twice(tmp_path):
    path = tmp_path / "lines.txt"
    draw = np.random.default_rng(0)
    words = np.array([f"w{i:x}" for i in range(300_000)], object)
    with path.open("w") as file:
        while file.tell() < 200e6:
            drawn = words[np.minimum(draw.zipf(1.2, 1_000_000) - 1, len(words) - 1)]
            file.writelines(" ".join(drawn[i : i + 20]) + " .\n" for i in range(0, len(drawn), 20))
    done = subprocess.run([sys.executable, "-c", MEASURED, path], capture_output=True, text=True, check=True)
    assert float(done.stdout.split()[-1]) < 400  # MiB
