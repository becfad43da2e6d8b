"""A tokenizer file that was edited is refused in one line, within seconds."""

import json
import re
import time

import pytest

from seqgan_tf.core.validation import InputError
from seqgan_tf.data import tokenizer_file
from seqgan_tf.data.tokenizer import TextTokenizer
from seqgan_tf.data.tokenizer_file import COUNTED_LEVELS

LINES = ["the cat's hat, a dog.", "a cat , a dog ##x"] * 2
EVIL = {"Regex": "(a+)+$"}
RULES = "expected the rules that `TextTokenizer.train` sets. Received: "


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tokenizer.json"


def write(path, level="word", edit=None):
    TextTokenizer.train(LINES, level, vocabulary_size=300, min_frequency=1).save(path)
    data = json.loads(path.read_text())
    if edit:
        edit(data, data["model"]["vocab"])
        path.write_text(json.dumps(data))
    return data


def refused(path):
    start = time.monotonic()
    with pytest.raises(InputError) as error:
        TextTokenizer.load(path)
    assert time.monotonic() - start < 10
    message = str(error.value)
    assert "\n" not in message
    assert len(message) < 400
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize("level", COUNTED_LEVELS)
@pytest.mark.parametrize("new", [3, -1, 4_000_000_000, 2**70, 1.0, "1", None, True])
def test_ids_are_0_to_v_minus_1_each_once(level, new, path):
    data = write(path, level, lambda _, vocabulary: vocabulary.update({"new": new}))
    size = len(data["model"]["vocab"])
    found = refused(path)
    assert re.match(rf"expected token ids 0 to {size - 1}, each once. Received: .+ for '.+'$", found)


@pytest.mark.parametrize("level", COUNTED_LEVELS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("normalizer", {"type": "Lowercase"}),
        ("normalizer", {"type": "Replace", "pattern": EVIL, "content": ""}),
        ("decoder", {"type": "Replace", "pattern": EVIL, "content": ""}),
        ("decoder", None),
        ("post_processor", {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}),
        ("truncation", {"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 0}),
        ("padding", {"strategy": "BatchLongest"}),
    ],
)
def test_rules_that_training_does_not_set_are_refused(level, name, value, path):
    write(path, level, lambda data, _: data.update({name: value}))
    assert refused(path).startswith(RULES + name)


def test_a_pre_tokenizer_with_another_expression_is_refused(path):
    split = {"type": "Split", "pattern": EVIL, "behavior": "Isolated", "invert": False}
    write(path, "char", lambda data, _: data.update(pre_tokenizer=split))
    assert refused(path).startswith(RULES + "pre_tokenizer {'type': 'Split'")
    write(path, "word", lambda data, _: data.update(pre_tokenizer={"type": "Sequence", "pretokenizers": []}))
    assert "expected a tokenizer of the level" in refused(path)


@pytest.mark.parametrize(("name", "value"), [("dropout", 0.5), ("type", "Unigram"), ("unk_token", "a"), ("extra", 1)])
@pytest.mark.parametrize("level", ["word", "bpe"])
def test_another_model_is_refused(level, name, value, path):
    write(path, level, lambda data, _: data["model"].update({name: value}))
    assert refused(path).startswith(f"{RULES}model ")


@pytest.mark.parametrize("pair", ["a b", ["a"], ["a", "zz"], ["zz", "a"], [1, 2], None])
def test_merges_of_no_token_are_refused(pair, path):
    write(path, "bpe", lambda data, _: data["model"]["merges"].append(pair))
    assert refused(path).startswith("expected pairs of tokens that are merged to a token. Received: ")


def test_a_byte_without_a_token_is_refused(path):
    def edit(_, vocabulary):
        vocabulary["new"] = vocabulary.pop("z")

    write(path, "bpe", edit)
    assert refused(path) == "expected a token for each byte. Received: none for 'z'"


@pytest.mark.parametrize("level", COUNTED_LEVELS)
def test_special_tokens_have_the_first_ids(level, path):
    def swap(_, vocabulary):
        vocabulary["<end>"], vocabulary["a"] = vocabulary["a"], 0

    write(path, level, swap)
    assert refused(path).startswith("expected the first tokens ['<end>'")
    write(path, level, lambda data, _: data["added_tokens"].append(data["added_tokens"][0] | {"content": "a"}))
    assert refused(path).startswith("expected the added tokens ['<end>'")


@pytest.mark.parametrize("token", ["", "two words", "\u3000"])
def test_tokens_without_text_are_refused(token, path):
    write(path, "word", lambda _, vocabulary: vocabulary.update({token: len(vocabulary)}))
    assert refused(path) == f"expected tokens without blanks. Received: {token!r}"


def test_two_million_tokens_are_refused(path):
    write(
        path, "word", lambda _, vocabulary: vocabulary.update({f"t{i}": i for i in range(len(vocabulary), 2_000_000)})
    )
    assert refused(path) == "expected a tokenizer of at most 1000000 tokens. Received: 2000000"


def test_a_large_file_is_refused_without_reading_it(path, monkeypatch):
    monkeypatch.setattr(tokenizer_file, "MAX_BYTES", 100)
    path.write_bytes(bytes(101))
    assert refused(path) == "expected a tokenizer file of at most 100 bytes. Received: 101 bytes"


@pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' * 100_000, "[" * 10**6 + "]" * 10**6])
def test_deeply_nested_json_is_refused(content, path):
    path.write_text(content)
    assert refused(path).startswith("expected a tokenizer file")


@pytest.mark.parametrize(
    "content", ["null", "[]", "1" * 5000, '{"model": {}}', '{"model": [], "pre_tokenizer": {}}', '"\\ud800"']
)
def test_other_json_is_refused(content, path):
    path.write_text(content)
    assert refused(path).startswith("expected a tokenizer file")


@pytest.mark.parametrize("own", [[1], {"spacing": 1}, {"blanks": {"are_separators": "yes"}}])
def test_other_rules_for_blanks_are_refused(own, path):
    write(path, "word", lambda data, _: data.update(seqgan_tf=own))
    assert refused(path).startswith("expected the ")


def test_an_unknown_key_is_refused(path):
    write(path, "word", lambda data, _: data.update(extra=1))
    assert refused(path) == f"{RULES}keys ['extra']"


def test_a_device_is_refused():
    with pytest.raises(InputError, match=r"/dev/zero: expected a tokenizer file"):
        TextTokenizer.load("/dev/zero")


def test_files_of_version_0_1_0_are_decoded_as_before(path):
    """Their JSON has no rules for blanks, and the decoder of word pieces."""

    def make_old(data, _):
        del data["seqgan_tf"]
        data["decoder"]["prefix"] = "##"

    write(path, "word", make_old)
    old = TextTokenizer.load(path)
    assert old.decode(old.encode(["a cat's hat, a dog."])) == ["a cat ' s hat, a dog."]
    assert old.decode(old.encode(["a ##x"])) == ["a ## x"]
