"""Blanks beside punctuation and unknown parts: the graph gives what the tokenizer in Python gives."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from seqgan_tf.data.spacing import Spacing
from seqgan_tf.data.tokenizer import TextTokenizer
from seqgan_tf.serving.graph_tokenizer import GraphTokenizer

LINES = [
    "the cat's hat, the dogs' hats.",
    'he said "a hat" and "the cat" (12).',
    'a "dog" sleeps, 1,000 dogs - well-known - eat.',
    "C#4 a/b 3 / 4 , yes !",
]
DATA = pathlib.Path(__file__).parents[3] / "shared/data"


def in_graph(tokenizer, tmp_path_factory):
    return GraphTokenizer(tokenizer, tmp_path_factory.mktemp("graph") / "vocabulary.txt")


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    tokenizer = TextTokenizer.train(LINES * 3, "word", min_frequency=1)
    assert tokenizer.spacing.paired  # quotation marks: the rules with a parity are tested too
    return tokenizer, in_graph(tokenizer, tmp_path_factory)


def decoded(graph, rows, length):
    padded = np.array([[*row, *[-1] * (length - len(row))] for row in rows], np.int32).reshape(-1, length)
    return [text.decode() for text in graph.decode(padded).numpy()]


@given(data=st.data())
def test_any_token_ids_have_the_same_text(both, data):
    tokenizer, graph = both
    tokens = st.integers(1, tokenizer.vocabulary_size - 1)
    rows = data.draw(st.lists(st.lists(tokens, max_size=9), min_size=1, max_size=9))
    assert decoded(graph, rows, 9) == tokenizer.decode(rows)


def test_exceptions_take_precedence(tmp_path_factory):
    tokenizer = TextTokenizer.train(["a - b - c - d, x-ray e - f"] * 2, "word", min_frequency=1)
    assert any(tokenizer.spacing.exceptions.values())
    graph = in_graph(tokenizer, tmp_path_factory)
    rows = tokenizer.encode(["a - b, x-ray - x"])
    assert decoded(graph, rows, 9) == tokenizer.decode(rows)
    assert "x-ray" in decoded(graph, rows, 9)[0]


def test_a_tokenizer_without_rules_is_decoded_as_the_library_decodes(tmp_path_factory):
    tokenizer = TextTokenizer.train(LINES, "word", min_frequency=1)
    old = TextTokenizer(tokenizer.backend_tokenizer)
    assert old.spacing is None
    rows = old.encode(["the cat's hat, ## ."])
    assert decoded(in_graph(old, tmp_path_factory), rows, 9) == old.decode(rows) == ["the cat ' s hat, <unk>."]


def test_a_vocabulary_of_words_alone_has_blanks_only(tmp_path_factory):
    tokenizer = TextTokenizer.train(["a b c"], "word", min_frequency=1)
    assert tokenizer.spacing == Spacing()
    rows = tokenizer.encode(["a b c"])
    assert decoded(in_graph(tokenizer, tmp_path_factory), rows, 4) == ["a b c"]


@pytest.fixture(scope="module", params=["word", "char", "whitespace", "bpe"])
def of_level(request, tmp_path_factory):
    lines = ["the cat's", "the hat", "a <b>"]
    tokenizer = TextTokenizer.train(lines, request.param, vocabulary_size=300, min_frequency=1)
    parts = in_graph(tokenizer, tmp_path_factory).unknown_parts
    return tokenizer, tf.function(parts, input_signature=[tf.TensorSpec([None], tf.string)])


@given(texts=st.lists(st.text(st.sampled_from("the cat's \"<>endunk\u3000é")) | st.text(max_size=6), max_size=6))
def test_unknown_parts_are_those_of_the_tokenizer(of_level, texts):
    tokenizer, unknown_parts = of_level
    named = [part.decode() for part in unknown_parts(tf.constant(texts, tf.string, [len(texts)])).numpy()]
    for text, found in zip(texts, named, strict=True):
        parts = tokenizer.unknown_parts(text)
        assert bool(parts) == bool(found)
        assert not parts or found.startswith(f"'{parts[0]}'")


@pytest.mark.long
@pytest.mark.skipif(not DATA.is_dir(), reason="the public data are not here")
@pytest.mark.parametrize(
    ("name", "level"),
    [
        *(
            (name, level)
            for name in ("image_coco/train.txt", "emnlp_news/train.txt")
            for level in ("word", "whitespace")
        ),
        *((name, level) for name in ("image_coco/train.txt", "emnlp_news/train.txt") for level in ("char", "bpe")),
        ("chinese_poems/tang_jueju5.txt", "char"),
    ],
)
def test_public_data_are_encoded_and_decoded_alike(name, level, tmp_path_factory):
    lines = (DATA / name).read_text(encoding="utf-8-sig").split("\n")[:10_000]
    tokenizer = TextTokenizer.train(lines, level, 20_000, 1)
    graph = in_graph(tokenizer, tmp_path_factory)
    for start in range(0, len(lines), 1_000):
        part = lines[start : start + 1_000]
        ids = tokenizer.encode(part)
        assert graph.encode(part).to_list() == ids
        assert decoded(graph, ids, max(map(len, ids))) == tokenizer.decode(ids)
