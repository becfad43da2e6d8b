"""The answers of a SavedModel that takes conditions, compared with the SeqGAN that was exported and with numpy."""

import numpy as np
import pytest
import small_models
import tensorflow as tf
from small_models import LABELS, PLAIN_LENGTH, SOURCE_LENGTH, SOURCE_VOCABULARY, TEXT_LENGTH, pad

import seqgan_tf as sg
from seqgan_tf.data.conditions import Labels
from seqgan_tf.models.conv_discriminator import Discriminator
from seqgan_tf.serving.condition_inputs import ConditionInputs
from seqgan_tf.serving.graph_tokenizer import GraphTokenizer
from seqgan_tf.serving.signatures import Signatures

UNKNOWN = 1
SOURCES = [
    "Rotkehlchen, siehst du's?",
    "",
    "du, ich\nja (ich seh's)!\n\nich",
    "ich ich ich ich ich ich ich ich ich ich, du",
    "ein Unbekannter!",
    "ich seh du.",
]
GIVEN = {  # conditions of each model
    "pair_model": {"source": SOURCES},
    "label_model": {"label": [LABELS[i] for i in (2, 0, 1, 1, 0, 2)]},
    "dict_model": {
        "source": pad([[3, 4, 10], [0], [1, 2, 3, 4, 5, 6, 7], [9, 9], [5, 0, 5], [10]], SOURCE_LENGTH),
        "mood": [0, 1, 2, 2, 0, 1],
    },
}
ROWS = 6


@pytest.fixture(params=list(GIVEN))
def model(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def given(model, request):
    """The conditions of a request to the model."""
    return GIVEN[request.node.callspec.params["model"]]


def suppressed(model):
    return [] if model.tokenizer is None else [UNKNOWN]


def drawing(rows=ROWS, seed=4, temperature=1.0, top_p=1.0):
    return {"seed": [[seed, i] for i in range(rows)], "temperature": [temperature] * rows, "top_p": [top_p] * rows}


def beginnings(model):
    rows = [[], [3], [2, 5, 1], [6, 4, 4, 2], [1, 1], [2]]
    return pad(rows, model.sequence_length)


def whole(model):
    """Whole sequences, one per condition; some have an end token where the model has one."""
    rows = [[2, 5, 0], [0], [6, 3, 4, 1, 2], [1, 1, 0], [4, 2, 3, 0], [5, 5, 5, 5, 0]]
    if model.end_token_id is None:
        rows = [[*row, *[2] * (PLAIN_LENGTH - len(row))] for row in rows]
    return pad(rows, model.sequence_length)


def requests(model, given):
    """A request of six rows for each signature."""
    found = {
        "generate": drawing() | given,
        "beam_search": {"length_penalty": [0.0, 1.0, 2.0, -1.0, 0.5, 1.0]} | given,
        "score_tokens": {"token_ids": whole(model)} | given,
        "next_token": {"token_ids": beginnings(model)} | given,
    }
    if model.tokenizer:
        texts = ["the cat", "", "a dog sees the cat .", "the", ", ,", "a"]
        completing = {
            "text": texts,
            "seed": [[7, i] for i in range(ROWS)],
            "temperature": [1.0, 0.5, 0.0, 2.0, 1.0, 0.0],
        }
        found |= {"score": {"text": texts} | given, "complete": completing | given}
    return found


def assert_same(answer, expected):
    assert set(answer) == set(expected)
    for output, values in expected.items():
        if values.dtype == np.float32:
            np.testing.assert_allclose(answer[output], values, rtol=1e-4, atol=1e-5)
        else:
            np.testing.assert_array_equal(answer[output], values)


# The signatures


def test_every_signature_has_the_inputs_of_the_condition(model, given):
    shapes = {
        "source": [[None], tf.string] if model.tokenizer else [[None, None], tf.int32],
        "label": [[None], tf.string],
        "mood": [[None], tf.int32],
    }
    expected = set(requests(model, given)) | {"serving_default"}
    assert set(model.loaded.signatures) == expected
    for function in model.loaded.signatures.values():
        specs = function.structured_input_signature[1]
        assert {name: [specs[name].shape.as_list(), specs[name].dtype] for name in given} == {
            name: shapes[name] for name in given
        }


# generate


@pytest.mark.parametrize(
    "settings", [{}, {"temperature": 0.0}, {"temperature": 1.7, "top_p": 0.6}, {"temperature": 0.3}], ids=str
)
def test_generate_draws_what_the_seqgan_draws(model, given, settings):
    condition = model.condition(given)
    expected = model.gan.generate(condition=condition, seed=4, suppress_tokens=suppressed(model), **settings)
    answer = model.ask("generate", **drawing(**settings), **given)
    np.testing.assert_array_equal(answer["token_ids"], expected)
    np.testing.assert_allclose(answer["log_prob"], model.log_probs(expected, condition).sum(axis=1), rtol=1e-4)
    assert list(answer["error"]) == [b""] * ROWS
    if model.tokenizer:
        assert [text.decode() for text in answer["text"]] == model.tokenizer.decode(expected)


def test_samples_depend_on_their_conditions(model, given):
    same = {name: [values[0]] * ROWS for name, values in given.items()}
    for signature, settings in (
        ("generate", drawing(temperature=0.0)),
        ("beam_search", {"length_penalty": [1.0] * ROWS}),
    ):
        answers = [model.ask(signature, **settings, **condition)["token_ids"] for condition in (given, same)]
        assert len(np.unique(answers[0], axis=0)) > 2
        assert len(np.unique(answers[1], axis=0)) == 1
        np.testing.assert_array_equal(answers[0][0], answers[1][0])


# beam_search


@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.5, -1.0])
def test_beam_search_finds_what_the_seqgan_finds(model, given, length_penalty):
    condition = model.condition(given)
    settings = {"num_beams": 4, "length_penalty": length_penalty, "suppress_tokens": suppressed(model)}
    expected = model.gan.generate(condition=condition, **settings)
    answer = model.ask("beam_search", length_penalty=[length_penalty] * ROWS, **given)
    np.testing.assert_array_equal(answer["token_ids"], expected)
    np.testing.assert_allclose(answer["log_prob"], model.log_probs(expected, condition).sum(axis=1), rtol=1e-4)
    assert list(answer["error"]) == [b""] * ROWS
    if model.tokenizer:
        assert [text.decode() for text in answer["text"]] == model.tokenizer.decode(expected)


@pytest.mark.parametrize("num_beams", [1, 2, np.int64(3)])
def test_the_number_of_beams_is_that_of_the_export(num_beams):
    gan, *_ = small_models.on_dicts()
    signatures = Signatures(gan.generator, gan.discriminator, num_beams=num_beams)
    condition = {name: tf.constant(values) for name, values in GIVEN["dict_model"].items()}
    found = signatures.beam_search(tf.ones([ROWS]), condition)["token_ids"]
    settings = {"num_beams": num_beams} if num_beams > 1 else {"temperature": 0}
    np.testing.assert_array_equal(found, gan.generate(condition=condition, **settings))


# complete, score, score_tokens, next_token


def test_complete_draws_what_the_seqgan_draws(pair_model):
    for temperature in (1.5, 0.0):
        (ids,) = pair_model.tokenizer.encode(["the cat"])
        settings = {"prompt": ids, "temperature": temperature, "suppress_tokens": [UNKNOWN]}
        condition = pair_model.conditions.encode(SOURCES)
        expected = pair_model.gan.generate(condition=condition, seed=9, **settings)
        inputs = drawing(seed=9, temperature=temperature)
        answer = pair_model.ask(
            "complete", text=["the cat"] * ROWS, source=SOURCES, seed=inputs["seed"], temperature=inputs["temperature"]
        )
        assert [text.decode() for text in answer["text"]] == pair_model.tokenizer.decode(expected)
        added = pair_model.log_probs(expected, condition)[:, 2:].sum(axis=1)
        np.testing.assert_allclose(answer["log_prob"], added, rtol=1e-4, atol=1e-5)


def test_scores_are_those_of_both_networks(model, given):
    token_ids, condition = whole(model), model.condition(given)
    answer = model.ask("score_tokens", token_ids=token_ids, **given)
    expected = model.log_probs(token_ids, condition)
    np.testing.assert_allclose(answer["log_probs"], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(answer["log_prob"], expected.sum(axis=1), rtol=1e-4)
    real = model.real_probabilities(token_ids, condition)
    np.testing.assert_allclose(answer["real_probability"], real, rtol=1e-4)
    others = {name: [*values[1:], values[0]] for name, values in given.items()}
    other = model.ask("score_tokens", token_ids=token_ids, **others)
    assert np.abs(other["log_prob"] - answer["log_prob"]).max() > 0.1
    assert np.abs(other["real_probability"] - answer["real_probability"]).max() > 0.01


def test_score_of_texts_is_that_of_their_token_ids(pair_model):
    texts = ["the cat sees a dog .", "the", "", "a bird", ", ,", "don't"]
    token_ids, _ = pair_model.tokenizer.encode_padded(texts, TEXT_LENGTH)
    answer = pair_model.ask("score", text=texts, source=SOURCES)
    assert_same(answer, pair_model.ask("score_tokens", token_ids=token_ids, source=SOURCES))


def test_next_token_is_the_softmax_at_the_next_position(model, given):
    token_ids = beginnings(model)
    answer = model.ask("next_token", token_ids=token_ids, **given)
    expected = model.next_probabilities(token_ids, model.condition(given))
    np.testing.assert_allclose(answer["probabilities"], expected, rtol=1e-4, atol=1e-6)


# Rows


def test_the_answer_to_a_row_does_not_depend_on_the_other_rows(model, given):
    for signature, request in requests(model, given).items():
        answer = model.ask(signature, **request)
        for rows in ([0], [3, 1], [5, 4, 2]):
            part = {name: [values[row] for row in rows] for name, values in request.items()}
            assert_same(model.ask(signature, **part), {name: values[rows] for name, values in answer.items()})


def test_the_answer_to_a_row_does_not_depend_on_the_width_of_the_sources(dict_model):
    given = GIVEN["dict_model"]
    for signature, request in requests(dict_model, given).items():
        answer = dict_model.ask(signature, **request)
        wider = {"source": np.pad(given["source"], [[0, 0], [0, 5]], constant_values=-1)}
        assert_same(dict_model.ask(signature, **request | wider), answer)
        narrow = {name: np.asarray(values)[:1] for name, values in request.items()} | {"source": [[3, 4, 10]]}
        assert_same(dict_model.ask(signature, **narrow), {name: values[:1] for name, values in answer.items()})


def test_a_batch_of_no_rows_has_empty_answers(model, given):
    for signature, request in requests(model, given).items():
        answer = model.ask(signature, **request)
        specs = model.loaded.signatures[signature].structured_input_signature[1]
        nothing = {name: np.zeros([0, *np.shape(values)[1:]]) for name, values in request.items()}
        nothing = {name: values.astype(specs[name].dtype.as_numpy_dtype) for name, values in nothing.items()}
        assert_same(model.ask(signature, **nothing), {name: values[:0] for name, values in answer.items()})


WRONG = {
    "pair_model": ({"source": b"\xff"}, b"source must be UTF-8"),
    "label_model": ({"label": "angry"}, b"label must be one of 'happy', 'sad', \"tr\xc3\xbcbe 'n' grau\""),
    "dict_model": ({"mood": 3}, b"mood must be in [0, 3)"),
}


def test_a_wrong_condition_is_an_error_of_its_row(model, given, request):
    (wrong, message) = WRONG[request.node.callspec.params["model"]]
    for signature, inputs in requests(model, given).items():
        expected = model.ask(signature, **inputs)
        changed = {name: [*values[:2], wrong[name], *values[3:]] for name, values in given.items() if name in wrong}
        answer = model.ask(signature, **inputs | changed)
        assert list(answer["error"]) == [b"", b"", message, b"", b"", b""]
        right = [0, 1, 3, 4, 5]
        assert_same(
            {name: values[right] for name, values in answer.items()},
            {name: values[right] for name, values in expected.items()},
        )
        for name, values in answer.items():
            if values.dtype == np.float32:
                assert np.isnan(values[2]).all()
            elif name != "error":
                assert np.all(values[2] == {"text": b"", "token_ids": -1}[name])


def test_the_messages_of_settings(pair_model):
    temperature, penalty = b"temperature must be a number of at least 0", b"length_penalty must be a finite number"
    top_p = b"top_p must be in (0, 1]"
    settings = {"temperature": [0, -0.5, np.nan, np.inf, 1, 0], "top_p": [1, 1, 1, 1, 0, 0.5], "seed": [[1, 0]] * ROWS}
    answer = pair_model.ask("generate", **settings, source=SOURCES)
    assert list(answer["error"]) == [b"", temperature, temperature, temperature, top_p, b""]
    answer = pair_model.ask("beam_search", length_penalty=[np.nan, np.inf, -np.inf, 0, -3, 1e9], source=SOURCES)
    assert list(answer["error"]) == [penalty, penalty, penalty, b"", b"", b""]
    answer = pair_model.ask("score", text=["a " * 7, "a"] * 3, source=[b"\xff", *SOURCES[1:]])
    long = b"text must be at most 6 tokens"
    assert list(answer["error"]) == [b"source must be UTF-8", b"", long, b"", long, b""]


@pytest.mark.parametrize(
    ("signature", "inputs"),
    [
        ("beam_search", {"length_penalty": [1.0], "source": [[1, 2]] * 2, "mood": [0]}),
        ("beam_search", {"length_penalty": [1.0, 1.0], "source": [[1, 2]] * 2, "mood": [0]}),
        ("beam_search", {"length_penalty": [1.0], "source": [1], "mood": [0]}),
        ("beam_search", {"length_penalty": [1.0], "source": [[1]], "mood": [[0]]}),
        ("next_token", {"token_ids": [[-1] * PLAIN_LENGTH] * 2, "source": [[1]], "mood": [0, 0]}),
        ("score_tokens", {"token_ids": np.zeros([0, PLAIN_LENGTH]), "source": [[1]], "mood": [0]}),
    ],
)
def test_wrong_shapes_end_the_call(dict_model, signature, inputs):
    with pytest.raises(tf.errors.InvalidArgumentError):
        dict_model.ask(signature, **inputs)


# What else an export has


@pytest.mark.parametrize("level", ["char", "bpe", "whitespace"])
def test_sources_of_every_level_give_the_samples_of_the_seqgan(level, tmp_path):
    gan, tokenizer, sources = small_models.on_pairs(level)
    text = GraphTokenizer(tokenizer, tmp_path / "vocabulary.txt")
    inputs = ConditionInputs(gan.generator.encoder, sources, tmp_path)
    signatures = Signatures(gan.generator, gan.discriminator, text, conditions=inputs)
    condition = sources.encode(SOURCES)
    assert len(np.unique(condition, axis=0)) == ROWS
    settings = {"condition": condition, "suppress_tokens": [UNKNOWN]}
    found = signatures.beam_search(tf.ones([ROWS]), tf.constant(SOURCES))["token_ids"]
    np.testing.assert_array_equal(found, gan.generate(num_beams=4, **settings))
    seed = tf.constant([[5, i] for i in range(ROWS)])
    found = signatures.generate(seed, tf.ones([ROWS]), tf.ones([ROWS]), tf.constant(SOURCES))["token_ids"]
    np.testing.assert_array_equal(found, gan.generate(seed=5, **settings))


def test_a_discriminator_without_an_encoder_ignores_the_condition():
    gan, *_ = small_models.on_dicts()
    discriminator = Discriminator(gan.generator.vocabulary_size, PLAIN_LENGTH, 3, widths=[1], filters=[2], seed=1)
    signatures = Signatures(gan.generator, discriminator)
    token_ids = tf.constant([[1, 2, 0, -1, -1]] * ROWS)
    condition = {name: tf.constant(values) for name, values in GIVEN["dict_model"].items()}
    answer = signatures.score_tokens(token_ids, condition)
    np.testing.assert_allclose(answer["real_probability"], tf.sigmoid(discriminator(token_ids)), rtol=1e-6)
    assert len(np.unique(answer["log_prob"])) == ROWS


def test_the_warmup_has_a_valid_request_for_each_signature(pair_model):
    pytest.importorskip("tensorflow_serving")
    from tensorflow_serving.apis import prediction_log_pb2

    path = pair_model.path / "assets.extra" / "tf_serving_warmup_requests"
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
    requests = [prediction_log_pb2.PredictionLog.FromString(record).predict_log.request for record in records]
    assert {request.model_spec.signature_name for request in requests} == {
        *("beam_search", "complete", "generate", "next_token", "score", "score_tokens")
    }
    for request in requests:
        inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
        answer = pair_model.loaded.signatures[request.model_spec.signature_name](**inputs)
        assert answer["error"].numpy().tolist() == [b""]


@pytest.mark.parametrize(
    ("encoder", "conditions"),
    [
        (sg.SequenceEncoder(SOURCE_VOCABULARY), None),
        (sg.LabelEncoder(3), None),
        (sg.LabelEncoder(3), Labels(LABELS)),
    ],
)
def test_the_ordinary_rows_are_valid(encoder, conditions, tmp_path):
    inputs = ConditionInputs(encoder, conditions, tmp_path)
    (values,) = inputs.ordinary.values()
    _, errors = inputs.read(tf.constant(values, inputs.specs.dtype))
    assert not any(is_wrong.numpy().any() for is_wrong, _ in errors)


def test_the_assets_have_both_vocabularies(pair_model):
    assets = {
        path.name: path.read_text(encoding="utf-8").splitlines() for path in (pair_model.path / "assets").iterdir()
    }
    assert assets == {
        "vocabulary.txt": pair_model.tokenizer.tokens,
        "source_vocabulary.txt": pair_model.conditions.tokenizer.tokens,
    }


def test_answers_with_xla_are_the_same(dict_model, tmp_path):
    compiled = small_models.ConditionalModel(tmp_path / "m", *small_models.on_dicts(), jit_compile=True)
    for signature, request in requests(dict_model, GIVEN["dict_model"]).items():
        assert_same(compiled.ask(signature, **request), dict_model.ask(signature, **request))
