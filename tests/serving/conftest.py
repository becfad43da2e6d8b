"""The exported models that the tests of serving share: each is written and loaded once per session."""

import pytest
import small_models


@pytest.fixture(scope="session")
def text_model(tmp_path_factory):
    """Words, with an unknown token and an end token; with warm-up requests."""
    return small_models.Model(tmp_path_factory.mktemp("served") / "words", *small_models.on_words(), warmup=True)


@pytest.fixture(scope="session")
def byte_model(tmp_path_factory):
    """Byte pairs: no word is unknown, and a sample need not be UTF-8."""
    return small_models.Model(tmp_path_factory.mktemp("served") / "bytes", *small_models.on_bytes())


@pytest.fixture(scope="session")
def plain_model(tmp_path_factory):
    """Token ids without text and without an end token."""
    return small_models.Model(tmp_path_factory.mktemp("served") / "plain", *small_models.on_token_ids())


@pytest.fixture(scope="session")
def pair_model(tmp_path_factory):
    """Texts for source texts of words and punctuation; with warm-up requests."""
    target = tmp_path_factory.mktemp("served") / "pairs"
    return small_models.ConditionalModel(target, *small_models.on_pairs(), warmup=True)


@pytest.fixture(scope="session")
def label_model(tmp_path_factory):
    """Token ids for names of labels."""
    return small_models.ConditionalModel(tmp_path_factory.mktemp("served") / "labels", *small_models.on_labels())


@pytest.fixture(scope="session")
def dict_model(tmp_path_factory):
    """Token ids for token ids of a source and the number of a label."""
    return small_models.ConditionalModel(tmp_path_factory.mktemp("served") / "dicts", *small_models.on_dicts())
