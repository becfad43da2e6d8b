"""Models that take conditions in runtimes without TensorFlow, compared with numpy and Keras."""

import numpy as np
import pytest
import small_models
from small_models import LABELS, TEXT_LENGTH, pad

SOURCES = ["Rotkehlchen, siehst du's?", "", "du, ich\nja (ich seh's)!\n\nich", "ich " * 20, "ich seh du."]
WRONG = {  # of sources of seven positions
    "outside": [3, 99, -1, -1, -1, -1, -1],
    "below": [-2, 1, -1, -1, -1, -1, -1],
    "padding inside": [3, -1, 4, -1, -1, -1, -1],
    "empty": [-1] * 7,
}


def ask_onnx(path):
    """(function of a signature and its inputs, {signature: names of its inputs}) of an export."""
    runtime = pytest.importorskip("onnxruntime")
    sessions = {file.stem: runtime.InferenceSession(str(file)) for file in path.iterdir()}

    def ask(signature, **inputs):
        names = [value.name for value in sessions[signature].get_outputs()]
        return dict(zip(names, sessions[signature].run(None, inputs), strict=True))

    return ask, {name: {value.name for value in session.get_inputs()} for name, session in sessions.items()}


def ask_litert(path):
    """The same with LiteRT."""
    runtime = pytest.importorskip("ai_edge_litert.interpreter")
    interpreter = runtime.Interpreter(model_path=str(path / "model.tflite"))
    inputs = {name: set(signature["inputs"]) for name, signature in interpreter.get_signature_list().items()}
    return lambda signature, **inputs: interpreter.get_signature_runner(signature)(**inputs), inputs


ASK = {"onnx": ask_onnx, "litert": ask_litert}


class Ported(small_models.Model):
    """A SeqGAN that takes conditions, and its functions in another runtime."""

    def __init__(self, file_format, folder, gan, tokenizer, conditions):
        if file_format == "onnx":
            pytest.importorskip("tf2onnx")
        self.ask, self.inputs = ASK[file_format](
            gan.export(folder / "m", tokenizer, format=file_format, conditions=conditions)
        )
        self.gan, self.conditions = gan, conditions


@pytest.fixture(scope="module", params=list(ASK))
def pairs(request, tmp_path_factory):
    return Ported(request.param, tmp_path_factory.mktemp("pairs"), *small_models.on_pairs())


@pytest.fixture(scope="module", params=list(ASK))
def labels(request, tmp_path_factory):
    return Ported(request.param, tmp_path_factory.mktemp("labels"), *small_models.on_labels())


def check(model, token_ids, beginnings, **given):
    """Compares all functions with the networks, row by row of the conditions."""
    (condition,) = given.values()
    answer = model.ask("score_tokens", token_ids=token_ids, **given)
    expected = model.log_probs(token_ids, condition)
    np.testing.assert_allclose(answer["log_probs"], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(answer["log_prob"], expected.sum(axis=1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(answer["real_probability"], model.real_probabilities(token_ids, condition), rtol=1e-4)
    context = model.ask("encode", **given)
    for name, values in context.items():
        np.testing.assert_allclose(values, getattr(model.gan.generator.encode(condition), name), rtol=1e-4, atol=1e-6)
    answer = model.ask("next_token", token_ids=beginnings, **context)
    expected = model.next_probabilities(beginnings, condition)
    np.testing.assert_allclose(answer["probabilities"], expected, rtol=1e-4, atol=1e-6)


WHOLE = pad([[2, 5, 1, 7, 12, 3], [4, 0], [9, 9, 2, 0], [0], [12, 4, 0]], TEXT_LENGTH)
BEGINNINGS = pad([[], [12], [2, 5, 1], [7, 7, 3, 4, 5], [1, 1]], TEXT_LENGTH)


@pytest.mark.parametrize("rows", [slice(0, 1), slice(1, 4), slice(0, 5)], ids=["1", "3", "5"])
def test_a_source_is_encoded_once_and_its_context_is_an_input(pairs, rows):
    context = {"memory", "mask", "summary"}
    expected = {
        "encode": {"source"},
        "next_token": {"token_ids"} | context,
        "score_tokens": {"token_ids", "source"},
    }
    assert pairs.inputs == expected
    check(pairs, WHOLE[rows], BEGINNINGS[rows], source=pairs.conditions.encode(SOURCES[rows]))


@pytest.mark.parametrize("name", list(WRONG))
def test_an_invalid_source_gets_nan_and_changes_no_other_row(pairs, name):
    right = pairs.conditions.encode(SOURCES[:2])
    mixed = np.array([right[0], WRONG[name], right[1]], np.int32)
    scores = pairs.ask("score_tokens", token_ids=WHOLE[:3], source=mixed)
    clean = pairs.ask("score_tokens", token_ids=WHOLE[[0, 2]], source=right)
    following = pairs.ask("next_token", token_ids=BEGINNINGS[:3], **pairs.ask("encode", source=mixed))
    expected = pairs.next_probabilities(BEGINNINGS[[0, 2]], right)
    assert all(np.isnan(values[1]).all() for values in (*scores.values(), following["probabilities"]))
    np.testing.assert_allclose(following["probabilities"][[0, 2]], expected, rtol=1e-4, atol=1e-6)
    for output, values in scores.items():
        np.testing.assert_allclose(values[[0, 2]], clean[output], rtol=1e-4, atol=1e-6)


def test_without_attention_the_context_is_the_summary(labels, rng):
    assert labels.inputs["next_token"] == {"token_ids", "summary"}
    token_ids = rng.integers(0, 7, [3, 5], dtype=np.int32)
    beginnings = token_ids.copy()
    beginnings[0, 1:] = beginnings[1, 3:] = beginnings[2, 4:] = -1
    check(labels, token_ids, beginnings, label=labels.conditions.encode([LABELS[2], LABELS[0], LABELS[1]]))
    answer = labels.ask("score_tokens", token_ids=token_ids, label=np.array([0, 3, -1], np.int32))
    np.testing.assert_array_equal(np.isnan(answer["log_prob"]), [False, True, True])


def test_layers_are_as_before_an_export(pairs):
    layers = [layer for part in (pairs.gan.generator, pairs.gan.discriminator) for layer in part.encoder.forward_layers]
    assert [(layer.unroll, layer.use_cudnn) for layer in layers] == [(False, "auto")] * 2
