"""Exported models of the level "ids": texts of integers, and what is no id of the vocabulary is an error of its row."""

import numpy as np
import pytest
import small_models
import tensorflow as tf

import seqgan_tf as sg
from seqgan_tf.data.conditions import Sources
from seqgan_tf.serving.condition_inputs import ConditionInputs
from seqgan_tf.serving.graph_tokenizer import GraphTokenizer
from seqgan_tf.serving.signatures import Signatures

LINES = {"equal": ["0 11 2", "5 5 0"], "unequal": ["0 11 2", "5 5"]}
LENGTH = 3
WRONG = {"x": "'x'", "1 12": "'12'", "13": "'13'", "3 <end>": "'<end>'", "-1 01": "'-1', '01'"}
MESSAGE = "text holds ids that are not in the vocabulary: "


@pytest.fixture(params=list(LINES))
def tokenizer(request):
    return sg.TextTokenizer.train(LINES[request.param], "ids")


@pytest.fixture
def graph(tokenizer, tmp_path):
    return GraphTokenizer(tokenizer, tmp_path / "vocabulary.txt")


def test_the_graph_reads_and_writes_ids_as_the_tokenizer_does(tokenizer, graph):
    texts = ["", "0", " 3\t11  0\u3000", "11 11 11 11"]
    assert graph.encode(texts).to_list() == tokenizer.encode(texts) == [[], [0], [3, 11, 0], [11] * 4]
    rows = [[i, j, k] for i in (-1, 0, 11) for j in range(tokenizer.vocabulary_size) for k in (0, 7)]
    rows = [[j, k, i] for i, j, k in rows if j < 12]
    assert [text.decode() for text in graph.decode(tf.constant(rows)).numpy()] == tokenizer.decode(rows)
    if tokenizer.end_token_id:
        assert graph.decode(tf.constant([[3, 12, -1]])).numpy().tolist() == [b"3"]


def test_what_is_no_id_is_marked_and_named(tokenizer, graph):
    ids = graph.encode(list(WRONG)).to_list()
    assert ids == [
        [12 + (tokenizer.end_token_id is not None) if i < 0 else i for i in row]
        for row in ([-1], [1, -1], [-1], [3, -1], [-1, -1])
    ]
    assert [part.decode() for part in graph.unknown_parts(list(WRONG)).numpy()] == list(WRONG.values())


def test_signatures_refuse_the_rows_with_other_ids(tokenizer, graph):
    gan = small_models.make(tokenizer.vocabulary_size, LENGTH, end_token_id=tokenizer.end_token_id)
    signatures = Signatures(gan.generator, gan.discriminator, graph)
    texts = ["4 11", *WRONG, "4 11 0"]
    expected = ["", *(MESSAGE + part for part in WRONG.values()), ""]
    seeds, ones = tf.constant([[1, i] for i in range(len(texts))]), tf.ones([len(texts)])
    scored, completed = signatures.score(tf.constant(texts)), signatures.complete(tf.constant(texts), seeds, ones)
    for answer in (scored, completed):
        assert [error.decode() for error in answer["error"].numpy()] == expected
        np.testing.assert_array_equal(np.isnan(answer["log_prob"]), [bool(error) for error in expected])
    assert all(text.startswith(b"4 11") for text in completed["text"].numpy()[[0, -1]])
    # A text of 2 ids ends with the end token, where there is one.
    padded, _ = tokenizer.encode_padded(["4 11", "4 11 0"], LENGTH)
    by_ids = signatures.score_tokens(tf.constant(padded))
    np.testing.assert_allclose(scored["log_prob"].numpy()[[0, -1]], by_ids["log_prob"], rtol=1e-5)


def test_sources_of_other_ids_are_refused_in_their_row(tokenizer, tmp_path):
    sources = Sources(tokenizer, 4)
    inputs = ConditionInputs(sg.SequenceEncoder(tokenizer.vocabulary_size), sources, tmp_path)
    (values,) = inputs.ordinary.values()
    condition, errors = inputs.read(tf.constant([*values, "3 0 5", "x 1"]))
    found = [[message for is_wrong, message in errors if is_wrong[row]] for row in range(3)]
    assert found == [[], [], ["source holds tokens that are not in the vocabulary"]]
    assert condition.numpy()[:2].tolist() == sources.encode([*values, "3 0 5"]).tolist()
    if tokenizer.end_token_id is None:
        _, errors = inputs.read(tf.constant([""]))
        assert [message for is_wrong, message in errors if is_wrong[0]] == ["source must hold at least one token"]
