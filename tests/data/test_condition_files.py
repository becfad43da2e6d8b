"""How conditions are read, from the files that a run keeps."""

import json

import numpy as np
import pytest

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.condition_files import load_conditions
from seqgan_tf.data.conditions import Labels, Several, Sources
from seqgan_tf.data.tokenizer import TextTokenizer

TOKENIZER = TextTokenizer.train(["red cat sees", "blue dog sees"], min_frequency=1)


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


def test_several_conditions_are_saved_and_loaded(tmp_path):
    several = Several({"mood": Labels(["happy", "sad"]), "source": Sources(TOKENIZER, 5)})
    several.save(tmp_path)
    loaded = load_conditions(tmp_path)
    assert list(loaded.parts) == ["mood", "source"]
    found = loaded.encode(["sad\nred cat"])
    np.testing.assert_array_equal(found["source"], Sources(TOKENIZER, 5).encode(["red cat"]))
    np.testing.assert_array_equal(found["mood"], [1])


@pytest.mark.parametrize("parts", ["[]", '["../x"]', "[3]", "null"])
def test_damaged_rules_of_several_conditions(parts, tmp_path):
    path = tmp_path / "conditions.json"
    path.write_text(f'{{"kind": "several", "parts": {parts}}}')
    expected = f"{path}: expected the rules of the conditions. Received: a damaged or foreign file"
    with pytest.raises(InputError, match=f"^{expected}$"):
        load_conditions(tmp_path)
