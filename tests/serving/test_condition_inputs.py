"""The inputs of conditions: text is read as Python reads it, and what is wrong is reported in its row."""

import functools
import types

import keras
import numpy as np
import pytest
import small_models
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import seqgan_tf as sg
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.conditions import Labels, Sources
from seqgan_tf.serving import condition_inputs
from seqgan_tf.serving.condition_inputs import ConditionInputs
from seqgan_tf.serving.row_checks import first_error

LENGTH = 9
WORDS = "the cat's hat, \"a hat\" and 'the hat' (12). don't aaaa ## 日本 né 😀 <end> <unk>"
CORPORA = {
    "word": [WORDS, "C#4 F#2 a/b 1,000 the dogs' hats."],
    "char": ["the cat's\t\u00a0<end> é 😀 日"],
    "separated": ["t h e < > \u0301 😀 1 ' s"],
    "whitespace": [f"{WORDS} x<end>y <unk>z"],
    "bpe": ["the cat's  don't   we're aaaa 12 123 \t\t \u00a0\u00a0 日本日本 😀😀"] * 9,
}
TEXTS = [
    "",
    "the cat",
    "the cat's hat, \"a hat\" and 'the hat' (12).",
    "the cat\nthe hat",
    "\n",
    "a\n\n\nthe",
    "\nthe cat\n",
    "the\r\ncat\x0bhat\x85a\u2028b",
    "a\n" * 20,
    "the cat the cat the cat the cat the cat the cat\na hat",
    "a hat\nthe cat the cat the cat the cat the cat the cat",
    "<end>\n<unk> the<end>\nx",
    "zebra\n日本日本 😀",
    " \u3000\n\t the  cat ",
]
LINES = st.text(st.sampled_from(list("the cat's,.12<end>unk \t\r\u00a0\u2028\x85日é😀\n\n\n")), max_size=30) | st.text(
    max_size=5
)


def tokenizer(name):
    level = "char" if name == "separated" else name
    return sg.TextTokenizer.train(CORPORA[name], level, vocabulary_size=320, min_frequency=1)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Function of a corpus's name: the rules of its sources, and the same in a graph."""

    @functools.cache
    def pair(name):
        sources = Sources(tokenizer(name), LENGTH)
        inputs = ConditionInputs(sg.SequenceEncoder(sources.vocabulary_size), sources, tmp_path_factory.mktemp(name))
        return types.SimpleNamespace(sources=sources, read=tf.function(inputs.read, input_signature=[inputs.specs]))

    return pair


def errors(found):
    return first_error(*found).numpy().tolist()


@pytest.mark.parametrize("name", list(CORPORA))
def test_a_source_is_read_as_in_python(pair, name):
    both = pair(name)
    ids, found = both.read(tf.constant(TEXTS))
    assert ids.dtype == tf.int32
    np.testing.assert_array_equal(ids, both.sources.encode(TEXTS))
    assert both.sources.num_cut > 2
    assert errors(found) == [b""] * len(TEXTS)


@pytest.mark.parametrize("name", list(CORPORA))
@given(texts=st.lists(LINES, min_size=1, max_size=8))
def test_any_source_is_read_as_in_python(pair, name, texts):
    both = pair(name)
    np.testing.assert_array_equal(both.read(tf.constant(texts))[0], both.sources.encode(texts))


@pytest.mark.parametrize("name", ["word", "bpe"])
def test_sources_that_are_no_text_or_very_long_are_errors_of_their_rows(pair, name):
    both, longest = pair(name), condition_inputs.LONGEST_SOURCE
    texts = [b"the cat", b"the\xffcat", b"a " * (longest // 2), b"a " * (longest // 2) + b"a", "\ud7ff".encode() * 3]
    ids, found = both.read(tf.constant(texts))
    assert errors(found) == [b"", b"source must be UTF-8", b"", b"source must be at most 65536 bytes", b""]
    harmless = ["" if error else text.decode() for text, error in zip(texts, errors(found), strict=True)]
    np.testing.assert_array_equal(ids, both.sources.encode(harmless))


def test_a_label_is_read_as_in_python():
    labels = Labels(small_models.LABELS)
    inputs = ConditionInputs(sg.LabelEncoder(3), labels, "unused")
    names = [*small_models.LABELS, "Happy", "", "happy "]
    numbers, found = inputs.read(tf.constant(names))
    np.testing.assert_array_equal(numbers[:3], labels.encode(names[:3]))
    assert numbers.numpy()[3:].tolist() == [0, 0, 0]
    message = "label must be one of 'happy', 'sad', \"trübe 'n' grau\""
    assert errors(found) == [b"", b"", b""] + [message.encode()] * 3


def test_many_labels_are_not_all_named():
    labels = Labels([f"line\n{i}" for i in range(25)])
    _, found = ConditionInputs(sg.LabelEncoder(25), labels, "unused").read(tf.constant(["x"]))
    (message,) = errors(found)
    assert message.startswith(b"label must be one of 'line\\n0', 'line\\n1', ")
    assert message.endswith(b"'line\\n19', ...")
    with pytest.raises(InputError) as error:
        labels.encode(["x"])
    assert message.decode().removeprefix("label must be one of ") in str(error.value)


def test_token_ids_of_sources_are_checked():
    inputs = ConditionInputs(sg.SequenceEncoder(5))
    assert inputs.specs == tf.TensorSpec([None, None], tf.int32, name="source")
    rows = [[1, 4, -1], [0, 0, 0], [1, 5, -1], [-2, 1, 1], [1, -1, 2], [-1, -1, -1], [-1, 1, -1]]
    ids, found = inputs.read(tf.constant(rows))
    outside, gap, empty = (
        b"source must be in [0, 5), or -1 after the last token",
        b"source must be -1 after the last token",
        b"source must hold at least one token",
    )
    assert errors(found) == [b"", b"", outside, outside, gap, empty, gap]
    assert ids.numpy()[:2].tolist() == rows[:2]
    assert ids.numpy()[2:].tolist() == [[0, 0, 0]] * 5
    ids, found = inputs.read(tf.zeros([2, 0], tf.int32))
    assert (ids.numpy().tolist(), errors(found)) == ([[0], [0]], [empty] * 2)


def test_numbers_of_labels_are_checked():
    inputs = ConditionInputs(sg.LabelEncoder(3))
    assert inputs.specs == tf.TensorSpec([None], tf.int32, name="label")
    numbers, found = inputs.read(tf.constant([2, 3, -1, 0]))
    assert numbers.numpy().tolist() == [2, 0, 0, 0]
    assert errors(found) == [b"", b"label must be in [0, 3)", b"label must be in [0, 3)", b""]


def test_a_dict_of_conditions_has_an_input_for_each_of_its_names(tmp_path):
    inner = sg.ConcatenateEncoder({"age": sg.LabelEncoder(9), "place": sg.LabelEncoder(2)})
    sources = Sources(tokenizer("word"), LENGTH)
    encoder = sg.ConcatenateEncoder(
        {"tone": sg.LabelEncoder(3), "question": sg.SequenceEncoder(sources.vocabulary_size), "who": inner}
    )
    inputs = ConditionInputs(encoder, {"question": sources, "who": {"place": Labels(["here", "there"])}}, tmp_path)
    specs = {
        "question": tf.TensorSpec([None], tf.string, name="question"),
        "tone": tf.TensorSpec([None], tf.int32, name="tone"),
        "who": {
            "age": tf.TensorSpec([None], tf.int32, name="who_age"),
            "place": tf.TensorSpec([None], tf.string, name="who_place"),
        },
    }
    assert inputs.specs == specs
    assert inputs.ordinary == {"question": [""], "tone": [0], "who_age": [0], "who_place": ["here"]}
    condition, found = inputs.read([tf.constant(values) for values in (["the cat"], [2], [8], ["there"])])
    np.testing.assert_array_equal(condition["question"], sources.encode(["the cat"]))
    assert [condition["tone"][0], condition["who"]["age"][0], condition["who"]["place"][0]] == [2, 8, 1]
    assert errors(found) == [b""]
    encoder(condition)


class Pictures(keras.layers.Layer):
    """An encoder of a user."""

    memory_dim = summary_dim = 4
    condition_spec = tf.TensorSpec([None, 2, 2, 1], tf.float32, name="picture")


def test_an_encoder_of_another_class_says_what_it_takes():
    encoder = Pictures()
    inputs = ConditionInputs(encoder)
    assert inputs.specs == Pictures.condition_spec
    assert np.shape(inputs.ordinary["picture"]) == (1, 2, 2, 1)
    pictures = tf.random.stateless_uniform([3, 2, 2, 1], [1, 2])
    condition, found = inputs.read(pictures)
    np.testing.assert_array_equal(condition, pictures)
    assert found == []
    encoder.condition_spec = {"size": tf.TensorSpec([None], tf.int32), "picture": Pictures.condition_spec}
    assert [spec.name for spec in tf.nest.flatten(ConditionInputs(encoder).specs)] == ["picture", "size"]
    encoder.condition_spec = tf.TensorSpec([None], tf.int32)
    assert ConditionInputs(encoder).specs.name == "condition"
    names = Labels(["a", "b"])
    assert ConditionInputs(encoder, names, "unused").specs == tf.TensorSpec([None], tf.string, name="label")


UNKNOWN = (
    "`encoder` must have the attribute `condition_spec`, a `tf.TensorSpec` of the shape [None, ...] or a dict of them, "
    "to be exported. Received: 'pictures' with "
)
TAKEN = (
    "`encoder` must have conditions with names of their own, other than seed, temperature, top_p, length_penalty, "
    "text, token_ids, memory, mask, summary, to be exported. Received: "
)


@pytest.mark.parametrize("spec", [None, "[B]", tf.TensorSpec([2, 3]), tf.TensorSpec([]), tf.TensorSpec(None)], ids=str)
def test_an_encoder_whose_condition_is_not_known_is_refused(spec):
    encoder = Pictures(name="pictures")
    encoder.condition_spec = spec
    with pytest.raises(InputError) as error:
        ConditionInputs(encoder)
    assert str(error.value) == f"{UNKNOWN}{spec}"


@pytest.mark.parametrize("name", ["seed", "text", "memory", "two words", "größe", "_x", "3"])
def test_a_name_that_cannot_be_an_input_is_refused(name):
    with pytest.raises(InputError) as error:
        ConditionInputs(sg.ConcatenateEncoder({name: sg.LabelEncoder(2)}))
    assert str(error.value) == f"{TAKEN}{name!r}"


def test_two_inputs_of_one_name_are_refused():
    inner = sg.ConcatenateEncoder({"b": sg.LabelEncoder(2)})
    with pytest.raises(InputError, match=r"Received: 'a_b'$"):
        ConditionInputs(sg.ConcatenateEncoder({"a": inner, "a_b": sg.LabelEncoder(2)}))


SOURCES = Sources(tokenizer("word"), LENGTH)
SIZE = SOURCES.vocabulary_size


@pytest.mark.parametrize(
    ("encoder", "conditions", "message"),
    [
        (sg.SequenceEncoder(5), SOURCES, f"sources with the encoder's 5 tokens. Received: {SIZE}"),
        (sg.LabelEncoder(4), Labels(["a", "b"]), "the encoder's 4 labels. Received: 2"),
        (
            sg.LabelEncoder(4, name="mood"),
            SOURCES,
            "what 'mood' takes, such as `corpus.conditions`. Received: 'Sources'",
        ),
        (
            sg.SequenceEncoder(5, name="words"),
            Labels(["a", "b"]),
            "what 'words' takes, such as `corpus.conditions`. Received: 'Labels'",
        ),
        (
            sg.SequenceEncoder(5, name="words"),
            "rules",
            "what 'words' takes, such as `corpus.conditions`. Received: 'str'",
        ),
        (
            sg.ConcatenateEncoder({"a": sg.LabelEncoder(2), "b": sg.LabelEncoder(2)}),
            {"c": Labels(["a", "b"])},
            "a dict with names of ['a', 'b']. Received: ['c']",
        ),
        (
            sg.ConcatenateEncoder({"a": sg.LabelEncoder(2)}),
            Labels(["a", "b"]),
            "a dict with names of ['a']. Received: 'Labels'",
        ),
    ],
)
def test_conditions_that_do_not_fit_the_encoder_are_refused(encoder, conditions, message, tmp_path):
    with pytest.raises(InputError) as error:
        ConditionInputs(encoder, conditions, tmp_path)
    assert str(error.value) == f"`conditions` must be {message}"
