"""An error of a row is reported in that row and changes no other row; wrong shapes end the call."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from small_models import PLAIN_LENGTH, PLAIN_VOCABULARY, TEXT_LENGTH, pad
from tensorflow.core.protobuf import config_pb2

import seqgan_tf as sg
from seqgan_tf.serving.graph_tokenizer import GraphTokenizer
from seqgan_tf.serving.signatures import Signatures

INT32 = st.integers(-(2**31), 2**31 - 1)
# Without subnormal numbers: TensorFlow treats them as 0.
FLOATS = st.floats(width=32, allow_subnormal=False)
TEMPERATURES = st.floats(0.125, 4, width=32) | st.sampled_from([0.0, -0.0, -1.0, np.nan, np.inf, -np.inf]) | FLOATS
TOP_PS = st.floats(0.125, 1, width=32) | st.sampled_from([0.0, 1.0, 1.0000001, 2.0, -0.5, np.nan, np.inf]) | FLOATS
WORDS = st.lists(st.sampled_from(["the", "cat", "dog", "a", "sees", ".", ",", "zebra", "don't"]), max_size=8)
TEXTS = WORDS.map(lambda words: " ".join(words).encode()) | st.text(max_size=4).map(str.encode) | st.binary(max_size=4)


def token_rows(length, vocabulary_size):
    """Rows of token ids: whole sequences, beginnings of sequences, and invalid rows."""
    ordinary = st.integers(0, vocabulary_size - 1)
    begun = st.lists(st.integers(1, vocabulary_size - 1), max_size=length)
    padded = begun.map(lambda ids: [*ids, *[-1] * (length - len(ids))])
    ended = begun.map(lambda ids: [*ids[:-1], 0, *[-1] * (length - len(ids[:-1]) - 1)])
    free = st.lists(ordinary | st.sampled_from([-1, -1, -2, vocabulary_size]) | INT32, min_size=length, max_size=length)
    return st.lists(padded | ended | free, min_size=1, max_size=8)


def check(model, signature, is_right, **inputs):
    """Wrong rows have an error and no values; the answers to right rows are those of a batch without the wrong ones."""
    answer = model.ask(signature, **inputs)
    right = np.flatnonzero(is_right)
    assert [error == b"" for error in answer["error"]] == list(is_right)
    assert all(b"\n" not in error for error in answer["error"])
    clean = model.ask(signature, **{name: values[right] for name, values in inputs.items()})
    for name, values in answer.items():
        wrong = np.delete(values, right, axis=0)
        if values.dtype == np.float32:
            np.testing.assert_allclose(values[right], clean[name], rtol=1e-5, atol=1e-6)
            assert np.isfinite(values[right]).all()
            assert np.isnan(wrong).all()
        else:
            np.testing.assert_array_equal(values[right], clean[name])
            assert name == "error" or (wrong == {"token_ids": -1, "text": b""}[name]).all()
    return answer


def is_temperature(value):
    return bool(value > 0 and np.isfinite(value))


def decoded(text):
    """The text, or None where it is not UTF-8."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return None


def fits(model, text):
    return decoded(text) is not None and len(model.tokenizer.encode([decoded(text)])[0]) <= model.sequence_length


@given(rows=st.lists(st.tuples(INT32, INT32, TEMPERATURES, TOP_PS), min_size=1, max_size=8))
def test_generate(text_model, plain_model, rows):
    first, second, temperature, top_p = (np.array(column) for column in zip(*rows, strict=True))
    is_right = [is_temperature(t) and bool(0 < p <= 1) for t, p in zip(temperature, top_p, strict=True)]
    seed = np.stack([first, second], axis=1)
    for model in (text_model, plain_model):
        answer = check(model, "generate", is_right, seed=seed, temperature=temperature, top_p=top_p)
        for row in np.flatnonzero(is_right):
            assert model.is_sequence(answer["token_ids"][row].tolist())
            assert answer["token_ids"][row, 0] >= 0


@given(rows=st.lists(st.tuples(TEXTS, INT32, INT32, TEMPERATURES), min_size=1, max_size=8))
def test_complete(text_model, rows):
    text, first, second, temperature = zip(*rows, strict=True)
    is_right = [
        fits(text_model, t) and 1 not in text_model.tokenizer.encode([decoded(t)])[0] and is_temperature(value)
        for t, value in zip(text, temperature, strict=True)
    ]
    seed = np.stack([first, second], axis=1)
    inputs = {"text": np.array(text, object), "seed": seed, "temperature": np.array(temperature)}
    check(text_model, "complete", is_right, **inputs)


@given(texts=st.lists(TEXTS, min_size=1, max_size=8))
def test_score(text_model, byte_model, texts):
    for model in (text_model, byte_model):
        is_right = [fits(model, text) for text in texts]
        check(model, "score", is_right, text=np.array(texts, object))


@given(rows=token_rows(TEXT_LENGTH, 13))
def test_token_ids_with_an_end_token(text_model, rows):
    token_ids = np.array(rows, np.int32)
    check(text_model, "score_tokens", [text_model.is_sequence(row) for row in rows], token_ids=token_ids)
    check(text_model, "next_token", [text_model.is_beginning(row) for row in rows], token_ids=token_ids)


@given(rows=token_rows(PLAIN_LENGTH, PLAIN_VOCABULARY))
def test_token_ids_without_an_end_token(plain_model, rows):
    token_ids = np.array(rows, np.int32)
    check(plain_model, "score_tokens", [plain_model.is_sequence(row) for row in rows], token_ids=token_ids)
    check(plain_model, "next_token", [plain_model.is_beginning(row) for row in rows], token_ids=token_ids)


# The messages

OUTSIDE = b"token_ids must be in [0, 13), or -1 after the end token"
CONTINUES = b"token_ids must be -1 after the end token"
WHOLE = b"token_ids are a complete sequence: it has no next token"


def test_the_messages_of_token_ids(text_model):
    token_ids = np.array([[3, 13, 0, -1, -1, -1], [-2, 3, 4, 5, 6, 7], [3, -1, 4, 0, -1, -1], [3, 0, 4, -1, -1, -1]])
    whole = np.array([[3, 0, -1, -1, -1, -1], [3, 4, 5, 6, 7, 8], [3, 4, -1, -1, -1, -1]])
    token_ids = np.concatenate([token_ids, whole])
    errors = [OUTSIDE, OUTSIDE, CONTINUES, CONTINUES]
    assert list(text_model.ask("score_tokens", token_ids=token_ids)["error"]) == [*errors, b"", b"", b""]
    assert list(text_model.ask("next_token", token_ids=token_ids)["error"]) == [*errors, WHOLE, WHOLE, b""]


def test_the_messages_of_texts_and_settings(text_model):
    texts = [b"a\xffb", b"a " * 7, b"a zebra", b"the cat", b""]
    answer = text_model.ask("complete", text=texts, seed=[[1, 0]] * 5, temperature=[1, 1, 1, 0, 1])
    temperature = b"temperature must be a number above 0"
    unknown = b"text holds words that are not in the vocabulary: 'zebra'"
    assert list(answer["error"]) == [b"text must be UTF-8", b"text must be at most 6 tokens", unknown, temperature, b""]
    answer = text_model.ask("generate", seed=[[1, 0]] * 4, temperature=[1, np.nan, 1, 1], top_p=[1, 0, 0, 1.5])
    assert list(answer["error"]) == [b"", temperature, b"top_p must be in (0, 1]", b"top_p must be in (0, 1]"]


def test_a_blank_that_is_no_token_is_named(tmp_path):
    tokenizer = sg.TextTokenizer.train(["Anna", "Bob", "Otto"], "char", min_frequency=1)
    generator = sg.Generator(tokenizer.vocabulary_size, 4, 4, end_token_id=0, seed=1)
    discriminator = sg.Discriminator(tokenizer.vocabulary_size, 6, widths=(1,), filters=(2,), seed=1)
    signatures = Signatures(generator, discriminator, GraphTokenizer(tokenizer, tmp_path / "vocabulary.txt"))
    text = tf.constant(["A B", "Axy", "Ab"])
    error = signatures.complete(text, tf.constant([[1, 0]] * 3), tf.ones([3]))["error"].numpy().tolist()
    unknown = b"text holds characters that are not in the vocabulary: "
    assert error == [unknown + b"' '", unknown + b"'x', 'y'", b""]


def test_the_message_of_a_very_long_text_is_the_same(byte_model):
    answer = byte_model.ask("score", text=[b"", b"the cat" * 150_000, b"the cat"])
    assert [b"text must be at most" in error for error in answer["error"]] == [False, True, False]


# Wrong shapes


def ones(*shape):
    return np.ones(shape, np.float32)


WRONG_SHAPES = [
    ("generate", {"seed": np.ones([2, 3]), "temperature": ones(2), "top_p": ones(2)}),
    ("generate", {"seed": np.ones([2, 2]), "temperature": ones(3), "top_p": ones(2)}),
    ("generate", {"seed": np.ones([2, 2]), "temperature": ones(2), "top_p": ones(1)}),
    ("generate", {"seed": np.ones([2, 2]), "temperature": ones(2, 1), "top_p": ones(2)}),
    ("generate", {"seed": np.ones([2]), "temperature": ones(2), "top_p": ones(2)}),
    ("score_tokens", {"token_ids": np.ones([2, TEXT_LENGTH - 1])}),
    ("score_tokens", {"token_ids": np.ones([2, TEXT_LENGTH + 1])}),
    ("next_token", {"token_ids": np.ones([TEXT_LENGTH])}),
    ("complete", {"text": ["the"], "seed": np.ones([2, 2]), "temperature": ones(2)}),
    ("score", {"text": [["the", "cat"]]}),
]


@pytest.mark.parametrize(("signature", "inputs"), WRONG_SHAPES)
def test_wrong_shapes_end_the_call(text_model, signature, inputs):
    with pytest.raises(tf.errors.InvalidArgumentError):
        text_model.ask(signature, **inputs)


@pytest.fixture(scope="module")
def session(text_model):
    """Function of a signature's name and inputs, in a session as in TF Serving, which does not check shapes before."""
    graph = tf.Graph()
    with graph.as_default():
        session = tf.compat.v1.Session()
        signatures = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(text_model.path)).signature_def

    def ask(name, **inputs):
        signature = signatures[name]
        outputs = {output: tensor.name for output, tensor in signature.outputs.items()}
        # `run` checks shapes in Python; a callable, like the sessions of TF Serving, does not.
        options = config_pb2.CallableOptions()
        options.feed.extend(signature.inputs[name].name for name in inputs)
        options.fetch.extend(outputs.values())
        dtypes = [tf.as_dtype(signature.inputs[name].dtype).as_numpy_dtype for name in inputs]
        values = [np.asarray(value, dtype) for value, dtype in zip(inputs.values(), dtypes, strict=True)]
        found = session._make_callable_from_options(options)(*values)
        return dict(zip(outputs, found, strict=True))

    yield ask
    session.close()


def test_a_session_and_the_loaded_functions_give_the_same_answers(text_model, session):
    inputs = {"text": [b"the cat", b"", b"zebra"], "seed": [[3, 0], [3, 1], [3, 2]], "temperature": [1.0, 0.5, 1.0]}
    requests = {
        "complete": inputs,
        "score": {"text": inputs["text"]},
        "next_token": {"token_ids": pad([[2, 3], [], [0]], TEXT_LENGTH)},
    }
    for name, request in requests.items():
        answer, expected = session(name, **request), text_model.ask(name, **request)
        assert set(answer) == set(expected)
        for output, values in expected.items():
            if values.dtype == np.float32:
                np.testing.assert_allclose(answer[output], values, rtol=1e-5, atol=1e-6)
            else:
                assert list(answer[output]) == list(values)


@pytest.mark.parametrize(("signature", "inputs"), WRONG_SHAPES)
def test_wrong_shapes_end_the_call_of_a_session(session, signature, inputs):
    with pytest.raises(tf.errors.InvalidArgumentError):
        session(signature, **inputs)
