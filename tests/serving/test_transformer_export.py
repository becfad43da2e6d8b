"""A transformer generator in each format of `export`, compared with the SeqGAN that was exported and with numpy."""

import numpy as np
import pytest
import small_models
import tensorflow as tf
from small_models import TEXT_LENGTH, pad

import seqgan_tf as sg
from seqgan_tf.serving.portable import PortableSignatures

SOURCES = ["Rotkehlchen, siehst du's?", "", "du, ich", "ich seh du.", "ich ich"]
UNKNOWN = 1
WHOLE = pad([[2, 5, 1, 7, 12, 3], [4, 0], [9, 9, 2, 0], [0], [12, 4, 0]], TEXT_LENGTH)
BEGINNINGS = pad([[], [12], [2, 5, 1], [7, 7, 3, 4, 5], [1, 1]], TEXT_LENGTH)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    target = tmp_path_factory.mktemp("served") / "transformer"
    return small_models.ConditionalModel(target, *small_models.on_pairs_with_a_transformer(), num_beams=3)


def test_a_saved_model_draws_and_searches_what_the_seqgan_does(served):
    condition, rows = served.condition({"source": SOURCES}), len(SOURCES)
    drawing = {"seed": [[4, i] for i in range(rows)], "temperature": [1.0] * rows, "top_p": [0.9] * rows}
    drawn = served.ask("generate", source=SOURCES, **drawing)
    expected = served.gan.generate(condition=condition, seed=4, top_p=0.9, suppress_tokens=[UNKNOWN])
    np.testing.assert_array_equal(drawn["token_ids"], expected)
    log_probs = served.log_probs(expected, condition)
    np.testing.assert_allclose(drawn["log_prob"], log_probs.sum(axis=1), rtol=1e-4)
    found = served.ask("beam_search", source=SOURCES, length_penalty=[1.0] * rows)
    expected = served.gan.generate(condition=condition, num_beams=3, suppress_tokens=[UNKNOWN])
    np.testing.assert_array_equal(found["token_ids"], expected)


def test_a_saved_model_continues_prompts_and_scores(served):
    condition, rows = served.condition({"source": SOURCES}), len(SOURCES)
    greedy = {"seed": [[7, i] for i in range(rows)], "temperature": [0.0] * rows}
    given = ["the cat", "", "a", "the dog", ", ,"]
    texts = served.ask("complete", source=SOURCES, text=given, **greedy)["text"]
    assert all(text.decode().startswith(start) for text, start in zip(texts, given, strict=True))
    scores = served.ask("score_tokens", source=SOURCES, token_ids=WHOLE)
    np.testing.assert_allclose(scores["log_probs"], served.log_probs(WHOLE, condition), rtol=1e-4, atol=1e-5)
    following = served.ask("next_token", source=SOURCES, token_ids=BEGINNINGS)["probabilities"]
    np.testing.assert_allclose(following, served.next_probabilities(BEGINNINGS, condition), rtol=1e-4, atol=1e-6)


def ask_onnx(path):
    pytest.importorskip("tf2onnx")
    runtime = pytest.importorskip("onnxruntime")
    sessions = {file.stem: runtime.InferenceSession(str(file)) for file in path.iterdir()}

    def ask(signature, **inputs):
        names = [value.name for value in sessions[signature].get_outputs()]
        return dict(zip(names, sessions[signature].run(None, inputs), strict=True))

    return ask


def ask_litert(path):
    runtime = pytest.importorskip("ai_edge_litert.interpreter")
    interpreter = runtime.Interpreter(model_path=str(path / "model.tflite"))
    return lambda signature, **inputs: interpreter.get_signature_runner(signature)(**inputs)


@pytest.mark.parametrize(("file_format", "load"), [("onnx", ask_onnx), ("litert", ask_litert)])
def test_other_formats_score_and_predict_what_the_seqgan_does(file_format, load, served, tmp_path):
    condition = served.conditions.encode(SOURCES)
    path = served.gan.export(tmp_path / "m", served.tokenizer, format=file_format, conditions=served.conditions)
    ask = load(path)
    scores = ask("score_tokens", token_ids=WHOLE, source=condition)
    np.testing.assert_allclose(scores["log_probs"], served.log_probs(WHOLE, condition), rtol=1e-4, atol=1e-5)
    context = ask("encode", source=condition)
    following = ask("next_token", token_ids=BEGINNINGS, **context)["probabilities"]
    np.testing.assert_allclose(following, served.next_probabilities(BEGINNINGS, condition), rtol=1e-4, atol=1e-6)


def test_their_graph_computes_all_positions_at_once_where_the_generator_has_no_loop():
    def number_of_operations(generator, length):
        judge = sg.Discriminator(7, length, 3, widths=[1], filters=[2])
        function, specs = PortableSignatures(generator, judge).functions["next_token"]
        return len(tf.function(function, specs).get_concrete_function().graph.get_operations())

    transformers = [number_of_operations(sg.TransformerGenerator(7, length), length) for length in (4, 8)]
    recurrent = [number_of_operations(sg.Generator(7, 3, 4), length) for length in (4, 8)]
    assert transformers[0] == transformers[1]
    assert recurrent[1] > 1.5 * recurrent[0]  # its steps are unrolled
