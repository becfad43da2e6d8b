"""A corpus that an oracle writes."""

import collections

import numpy as np
import pytest
import tensorflow as tf

from seqgan_tf.core.protocols import Corpus
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.oracle_corpus import OracleCorpus, write_token_ids
from seqgan_tf.models.oracle import Oracle


def rows_of(dataset):
    return [tuple(row) for batch in dataset for row in batch.numpy().tolist()]


@pytest.fixture(scope="module")
def oracle():
    return Oracle(50, 4, 6, seed=3)


def oracle_corpus(oracle, seed=0):
    return OracleCorpus(oracle, sequence_length=7, num_train=600, num_held_out=300, batch_size=64, seed=seed)


@pytest.fixture(scope="module")
def corpus(oracle):
    return oracle_corpus(oracle)


def test_the_parts_have_the_requested_sizes(corpus):
    assert corpus.train_token_ids.shape == (600, 7)
    assert corpus.validation_token_ids.shape == corpus.test_token_ids.shape == (300, 7)
    assert (corpus.vocabulary_size, corpus.sequence_length, corpus.end_token_id) == (50, 7, None)
    assert {batch.shape[0] for batch in corpus.train} == {64, 600 % 64}
    assert sorted(rows_of(corpus.train)) == sorted(map(tuple, corpus.train_token_ids.tolist()))
    assert rows_of(corpus.validation) == list(map(tuple, corpus.validation_token_ids.tolist()))


def test_it_satisfies_the_protocol_of_a_corpus(corpus):
    assert isinstance(corpus, Corpus)
    assert corpus.held_out_token_ids is corpus.test_token_ids
    assert corpus.notes == []


def test_no_part_repeats_another(corpus):
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


def test_the_same_seed_gives_the_same_data(oracle, corpus):
    again, other = oracle_corpus(oracle), oracle_corpus(oracle, seed=1)
    for part in ("train_token_ids", "validation_token_ids", "test_token_ids"):
        assert np.array_equal(getattr(again, part), getattr(corpus, part))
        assert not np.array_equal(getattr(other, part), getattr(corpus, part))
    assert rows_of(again.train) == rows_of(oracle_corpus(oracle).train)


def test_token_ids_are_decoded_as_numbers(corpus):
    assert corpus.decode(np.array([[3, 1, 4], [0, 5, -1]])) == write_token_ids([[3, 1, 4], [0, 5, -1]])
    assert write_token_ids(np.array([[3, 1, 4], [0, 5, -1]])) == ["3 1 4", "0 5"]


def test_settings_outside_their_range_are_refused(oracle):
    with pytest.raises(InputError, match=r"`sequence_length` must be at least 2. Received: 1"):
        OracleCorpus(oracle, sequence_length=1)
    with pytest.raises(InputError, match=r"`num_train` must be at least 64, one batch. Received: 63"):
        OracleCorpus(oracle, num_train=63)
    with pytest.raises(InputError, match=r"`num_held_out` must be at least 0. Received: -1"):
        OracleCorpus(oracle, num_held_out=-1)
