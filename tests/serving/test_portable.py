"""`next_token` and `score_tokens` in runtimes without TensorFlow, compared with numpy and Keras."""

import re
import sys

import keras
import numpy as np
import pytest
import small_models
from small_models import PLAIN_LENGTH, TEXT_LENGTH, pad

from seqgan_tf.core.validation import InputError, MissingExtraError
from seqgan_tf.models.generator import Generator
from seqgan_tf.models.recurrent_discriminator import RecurrentDiscriminator
from seqgan_tf.rewards.terminal import TerminalReward
from seqgan_tf.seqgan import SeqGAN

WRONG = {  # 13 tokens, end token 0, six positions
    "outside": [3, 13, 0, -1, -1, -1],
    "below": [3, -2, -1, -1, -1, -1],
    "far outside": [2**31 - 1, -(2**31), 3, -1, -1, -1],
    "padding inside": [3, -1, 4, -1, -1, -1],
    "token after the end": [3, 0, 4, 5, -1, -1],
}


@pytest.fixture(scope="module")
def onnx(tmp_path_factory):
    """Function of a SeqGAN: function of a signature's name and token ids."""
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")

    def export(gan):
        path = gan.export(tmp_path_factory.mktemp("onnx") / "m", format="onnx")
        assert {file.name for file in path.iterdir()} == {"next_token.onnx", "score_tokens.onnx"}
        sessions = {file.stem: runtime.InferenceSession(str(file)) for file in path.iterdir()}

        def ask(signature, token_ids):
            session = sessions[signature]
            assert [value.name for value in session.get_inputs()] == ["token_ids"]
            names = [value.name for value in session.get_outputs()]
            return dict(zip(names, session.run(None, {"token_ids": token_ids}), strict=True))

        return ask

    return export


@pytest.fixture(scope="module")
def litert(tmp_path_factory):
    """The same with LiteRT."""
    runtime = pytest.importorskip("ai_edge_litert.interpreter")

    def export(gan):
        path = gan.export(tmp_path_factory.mktemp("litert") / "m", format="litert")
        assert [file.name for file in path.iterdir()] == ["model.tflite"]
        interpreter = runtime.Interpreter(model_path=str(path / "model.tflite"))
        assert set(interpreter.get_signature_list()) == {"next_token", "score_tokens"}
        return lambda signature, token_ids: interpreter.get_signature_runner(signature)(token_ids=token_ids)

    return export


class Ported(small_models.Model):
    """A SeqGAN and its two functions in another runtime."""

    def __init__(self, export, gan):
        self.gan, self.ask = gan, export(gan)
        self.sequence_length = gan.discriminator.sequence_length
        self.vocabulary_size, self.end_token_id = gan.generator.vocabulary_size, gan.generator.end_token_id


@pytest.fixture(scope="module", params=["onnx", "litert"])
def words(request):
    return Ported(request.getfixturevalue(request.param), small_models.on_words()[0])


def check_scores(model, token_ids):
    answer = model.ask("score_tokens", token_ids)
    assert set(answer) == {"log_prob", "log_probs", "real_probability"}
    expected = model.log_probs(token_ids)
    assert answer["log_probs"].shape == token_ids.shape
    np.testing.assert_allclose(answer["log_probs"], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(answer["log_prob"], expected.sum(axis=1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(answer["real_probability"], model.real_probabilities(token_ids), rtol=1e-4)


def check_next(model, token_ids):
    answer = model.ask("next_token", token_ids)
    assert set(answer) == {"probabilities"}
    np.testing.assert_allclose(answer["probabilities"], model.next_probabilities(token_ids), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(answer["probabilities"].sum(axis=1), np.ones(len(token_ids)), rtol=1e-5)


SEQUENCES = [[2, 5, 1, 7, 12, 3], [4, 0], [9, 9, 2, 0], [], [3, 11, 6, 8, 10, 0], [12, 4]]
BEGINNINGS = [[], [12], [2, 5, 1], [7, 7, 3, 4, 5], [1, 1], [8, 2, 11, 6]]


@pytest.mark.parametrize("rows", [slice(0, 1), slice(1, 4), slice(5, 6), slice(0, 6)], ids=["1", "3", "one", "6"])
def test_scores_and_next_tokens_are_those_of_the_models(words, rows):
    check_scores(words, pad(SEQUENCES[rows], TEXT_LENGTH))
    check_next(words, pad(BEGINNINGS[rows], TEXT_LENGTH))


@pytest.mark.parametrize("name", list(WRONG))
def test_an_invalid_row_gets_nan_and_changes_no_other_row(words, name):
    right = pad([[4, 7], [5]], TEXT_LENGTH)
    assert not words.is_sequence(WRONG[name])
    mixed = np.array([right[0], WRONG[name], right[1]], np.int32)
    for signature in ("score_tokens", "next_token"):
        answer, clean = words.ask(signature, mixed), words.ask(signature, right)
        for output, values in answer.items():
            assert np.isnan(values[1]).all()
            np.testing.assert_allclose(values[[0, 2]], clean[output], rtol=1e-5, atol=1e-6)
        alone = words.ask(signature, mixed[1:2])
        assert all(np.isnan(values).all() for values in alone.values())


def test_a_whole_sequence_has_no_next_token(words):
    token_ids = pad([[3, 0], [3, 4], [3, 4, 5, 6, 7, 8], [0]], TEXT_LENGTH)
    probabilities = words.ask("next_token", token_ids)["probabilities"]
    np.testing.assert_array_equal(np.isnan(probabilities).all(axis=1), [True, False, True, True])
    assert np.isfinite(probabilities[1]).all()


@pytest.mark.parametrize("runtime", ["onnx", "litert"])
def test_a_model_without_an_end_token_of_two_gru_layers(runtime, rng, request):
    model = Ported(request.getfixturevalue(runtime), small_models.on_token_ids()[0])  # of 7 tokens
    token_ids = rng.integers(0, 7, [3, PLAIN_LENGTH], dtype=np.int32)
    check_scores(model, token_ids)
    token_ids[0, 1:] = token_ids[1, 3:] = token_ids[2, 4:] = -1
    check_next(model, token_ids)
    token_ids[1, 1] = -1
    np.testing.assert_array_equal(np.isnan(model.ask("score_tokens", token_ids)["log_prob"]), [False, True, False])


@pytest.mark.parametrize("runtime", ["onnx", "litert"])
def test_a_recurrent_discriminator_is_unrolled(runtime, request):
    policy = Generator(9, 3, 4, end_token_id=0, initializer_stddev=0.8, seed=1)
    judge = RecurrentDiscriminator(9, TEXT_LENGTH, 3, hidden_dim=4, embedding_range=3.0, num_layers=2, seed=1)
    model = Ported(request.getfixturevalue(runtime), SeqGAN(policy, judge, TerminalReward()))
    check_scores(model, pad([[3, 4, 8, 1, 2, 5], [7, 2, 0], [0], [4, 4, 4, 4, 4, 0]], TEXT_LENGTH))
    assert not any(layer.unroll for layer in (*judge.forward_layers, *judge.backward_layers))


def test_operations_that_onnx_lacks_are_refused_and_leave_nothing(tmp_path):
    pytest.importorskip("tf2onnx")
    layers = [keras.layers.Embedding(5, 2), keras.layers.Flatten(), keras.layers.Dense(2, activation="gelu")]
    network = keras.Sequential([*layers, keras.layers.Dense(1)])
    gan = SeqGAN(Generator(5, 2, 2), network, TerminalReward(), sequence_length=3)
    message = (
        "`format` must be 'saved_model' for networks whose operations cannot be converted. Received: 'onnx' and Erfc"
    )
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        gan.export(tmp_path / "m", format="onnx")
    assert not list(tmp_path.rglob("*.onnx"))


def test_onnx_without_its_package_is_refused_and_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(MissingExtraError, match=r"the format onnx needs tf2onnx: pip install 'seqgan-tf\[onnx\]'"):
        small_models.on_token_ids()[0].export(tmp_path / "m", format="onnx")
    assert not list(tmp_path.iterdir())
