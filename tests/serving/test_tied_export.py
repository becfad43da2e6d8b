"""Generators with tied embeddings that are exported, compared with the SeqGAN and with numpy."""

import numpy as np
import pytest
import small_models
from small_models import PLAIN_LENGTH, PLAIN_VOCABULARY, pad

import seqgan_tf as sg

WHOLE = pad([[2, 5, 1, 6, 3], [4, 0, 0, 2, 2], [3, 3, 6, 1, 0]], PLAIN_LENGTH)
BEGINNINGS = pad([[], [6], [2, 5, 1], [0, 3, 4, 5]], PLAIN_LENGTH)
GENERATORS = {
    "recurrent": lambda **settings: sg.Generator(PLAIN_VOCABULARY, 4, 4, cell="gru", recurrent_dropout=0.3, **settings),
    "transformer": lambda **settings: sg.TransformerGenerator(
        PLAIN_VOCABULARY, PLAIN_LENGTH, 4, 4, num_heads=2, **settings
    ),
}


def tied(kind):
    generator = GENERATORS[kind](initializer_stddev=0.8, seed=1, tie_embeddings=True)
    return sg.SeqGAN(generator, small_models.on_token_ids()[0].discriminator, sg.MonteCarloRollout(2))


def check(gan, ask):
    """The probabilities of `next_token` and `score_tokens` are those that numpy finds in the logits."""
    found = ask("score_tokens", token_ids=WHOLE)["log_probs"]
    np.testing.assert_allclose(found, small_models.log_probs(gan, WHOLE), rtol=1e-4, atol=1e-5)
    every = np.exp(small_models.log_softmax(small_models.logits(gan.generator, BEGINNINGS)))
    expected = [row[list(ids).index(-1)] for row, ids in zip(every, BEGINNINGS, strict=True)]
    found = ask("next_token", token_ids=BEGINNINGS)["probabilities"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_a_saved_model_draws_and_scores_what_the_seqgan_does(tmp_path):
    served = small_models.Model(tmp_path / "m", tied("transformer"), None)
    check(served.gan, served.ask)
    drawn = served.ask("generate", seed=[[4, i] for i in range(5)], temperature=[1.0] * 5, top_p=[1.0] * 5)
    np.testing.assert_array_equal(drawn["token_ids"], served.gan.generate(5, seed=4))


def test_onnx_scores_what_the_seqgan_does(tmp_path):
    pytest.importorskip("tf2onnx")
    runtime = pytest.importorskip("onnxruntime")
    gan = tied("recurrent")
    path = gan.export(tmp_path / "m", format="onnx")
    sessions = {file.stem: runtime.InferenceSession(str(file)) for file in path.iterdir()}

    def ask(signature, **inputs):
        names = [value.name for value in sessions[signature].get_outputs()]
        return dict(zip(names, sessions[signature].run(None, inputs), strict=True))

    check(gan, ask)
