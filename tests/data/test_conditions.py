"""Source texts and labels as arrays."""

import json

import numpy as np
import pytest

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.condition_files import load_conditions
from seqgan_tf.data.conditions import Labels, Sources
from seqgan_tf.data.tokenizer import TextTokenizer

TOKENIZER = TextTokenizer.train(["red cat sees", "blue dog sees"], min_frequency=1)
END = TOKENIZER.end_token_id


def ids(text):
    return TOKENIZER.encode([text])[0]


def test_a_source_is_its_tokens_and_an_end_token():
    found = Sources(TOKENIZER, 4).encode(["red cat", "dog", "red cat sees blue"])
    assert found.dtype == np.int32
    assert found.tolist() == [[*ids("red cat"), END, -1], [*ids("dog"), END, -1, -1], ids("red cat sees blue")]


def test_lines_are_encoded_from_the_last_to_the_first_and_the_beginning_is_cut():
    sources = Sources(TOKENIZER, 5)
    found = sources.encode(["red cat\nblue dog", "red\n\ndog", "red"])
    assert found[0].tolist() == [*ids("blue dog"), END, *ids("red cat")]
    assert found[1].tolist() == [*ids("dog"), END, END, *ids("red"), END]
    assert sources.num_cut == 1
    assert sources.decode(found) == ["red cat\nblue dog", "red\n\ndog", "red"]


def test_the_length_fits_99_of_100_sources():
    texts = ["red"] * 995 + ["red cat sees blue dog"] * 5
    assert Sources.of(texts, TOKENIZER).source_length == 2
    assert Sources.of(["red cat sees blue dog"], TOKENIZER).source_length == 6
    assert Sources.of(["red " * 500], TOKENIZER).source_length == 100
    assert Sources.of(texts, TOKENIZER, 7).source_length == 7


def test_labels_are_numbered_in_their_alphabetical_order():
    labels = Labels.of(["sad", "happy", "sad", "angry"])
    found = labels.encode(["sad", "angry"])
    assert (found.tolist(), found.dtype) == ([2, 0], np.int32)
    assert labels.decode(found) == ["sad", "angry"]


def test_an_unknown_label():
    with pytest.raises(InputError, match=r"^expected one of the labels 'happy', 'sad'. Received: 'bored'$"):
        Labels(["happy", "sad"]).encode(["sad", "bored"])
    with pytest.raises(InputError, match=r"'19', ...\. Received: 'x'$"):
        Labels([str(i) for i in range(30)]).encode(["x"])


@pytest.mark.parametrize("labels", [[], ["a"], ["a", "a"]])
def test_too_few_labels(labels):
    with pytest.raises(InputError, match=r"expected at least 2 different labels. Received: "):
        Labels(labels)


@pytest.mark.parametrize("conditions", [Sources(TOKENIZER, 5), Labels(["a", "ö\n"])])
def test_what_is_saved_is_loaded(conditions, tmp_path):
    conditions.save(tmp_path)
    loaded = load_conditions(tmp_path)
    texts = ["red cat\nblue"] if isinstance(conditions, Sources) else ["ö\n", "a"]
    assert np.array_equal(loaded.encode(texts), conditions.encode(texts))
    assert type(loaded) is type(conditions)


def test_a_directory_without_conditions(tmp_path):
    with pytest.raises(InputError, match=r"conditions.json: expected the rules of the conditions that can be read"):
        load_conditions(tmp_path)


@pytest.mark.parametrize(
    "content",
    ["", "[", "[]", "{}", '{"kind": "other"}', '{"kind": "sources", "source_length": "9"}', '{"kind": "labels"}']
    + ['{"kind": "labels", "labels": [1, 2]}', "[" * 100_000, '{"kind": "sources", "source_length": true}'],
)
def test_a_damaged_file(content, tmp_path):
    (tmp_path / "conditions.json").write_text(content)
    with pytest.raises(InputError, match=r"conditions.json: expected the rules of the conditions. Received: a damaged"):
        load_conditions(tmp_path)


def test_a_tokenizer_that_is_missing(tmp_path):
    Sources(TOKENIZER, 5).save(tmp_path)
    (tmp_path / "source_tokenizer.json").unlink()
    with pytest.raises(InputError, match=r"source_tokenizer.json"):
        load_conditions(tmp_path)


def test_the_file_names_its_kind(tmp_path):
    Sources(TOKENIZER, 5).save(tmp_path)
    assert json.loads((tmp_path / "conditions.json").read_text()) == {"kind": "sources", "source_length": 5}


@pytest.mark.parametrize("length", [1, 0])
def test_a_source_length_that_is_too_small(length):
    with pytest.raises(InputError, match=f"`source_length` must be at least 2. Received: {length}"):
        Sources(TOKENIZER, length)
