"""Exported models that take encoded images: the answers are those of the SeqGAN on the same files."""

import numpy as np
import pytest
import small_models
import tensorflow as tf
import tiny_images

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.conditions import Several, Sources
from seqgan_tf.data.images import Images
from seqgan_tf.data.tokenizer import TextTokenizer
from seqgan_tf.models.encoders import ConcatenateEncoder, LabelEncoder
from seqgan_tf.models.image_encoder import ImageEncoder
from seqgan_tf.serving.condition_inputs import ConditionInputs
from seqgan_tf.serving.graph_tokenizer import GraphTokenizer
from seqgan_tf.serving.signatures import Signatures

SIZE, QUESTIONS = (6, 8), ["which colour ?", "which side ?", ""]
ERROR = b"image must be an image that can be decoded: JPEG, PNG, GIF, BMP or WebP"
UNKNOWN = 1


@pytest.fixture(scope="module")
def images():
    """Encoded images: PNG, JPEG and GIF files."""
    pixels = [tiny_images.image(colour, "right") for colour in ("red", "green", "blue")]
    return [
        tiny_images.png(pixels[0]),
        tf.io.encode_jpeg(pixels[1]).numpy(),
        tiny_images.png(np.repeat(np.repeat(pixels[2], 3, axis=0), 2, axis=1)),
    ]


def image_encoder(seed):
    return ImageEncoder(SIZE, filters=(3, 4), width=4, seed=seed)


def made(encoder):
    """(SeqGAN, tokenizer)."""
    tokenizer = TextTokenizer.train(small_models.LINES)
    settings = {"end_token_id": tokenizer.end_token_id, "attention": "luong"}
    gan = small_models.make(tokenizer.vocabulary_size, small_models.TEXT_LENGTH, [0, 1], encoder=encoder, **settings)
    return gan, tokenizer


@pytest.fixture(scope="module")
def image_model(tmp_path_factory):
    target = tmp_path_factory.mktemp("served") / "images"
    return small_models.ConditionalModel(target, *made(image_encoder), Images(SIZE), warmup=True)


def drawing(rows):
    return {"seed": [[4, i] for i in range(rows)], "temperature": [1.0] * rows, "top_p": [1.0] * rows}


def test_captions_are_those_of_the_model(image_model, images):
    condition = Images(SIZE).encode(images)
    greedy = image_model.gan.generate(condition=condition, temperature=0, suppress_tokens=[UNKNOWN])
    found = image_model.ask("caption", image=images)
    np.testing.assert_array_equal(found["token_ids"], greedy)
    assert [text.decode() for text in found["text"]] == image_model.tokenizer.decode(greedy)
    assert found["error"].tolist() == [b""] * 3
    expected = image_model.log_probs(greedy, condition).sum(axis=1)
    np.testing.assert_allclose(found["log_prob"], expected, rtol=1e-4)
    drawn = image_model.gan.generate(condition=condition, seed=4, suppress_tokens=[UNKNOWN])
    np.testing.assert_array_equal(image_model.ask("generate", image=images, **drawing(3))["token_ids"], drawn)
    assert len({tuple(row) for row in np.concatenate([greedy, drawn])}) > 2


def test_captions_of_an_image_and_a_question(images, tmp_path):
    sources = Sources(TextTokenizer.train(QUESTIONS[:2], min_frequency=1), 5)

    def encoder(seed):
        question = small_models.source_encoder(sources.vocabulary_size)(seed)
        return ConcatenateEncoder({"image": image_encoder(seed), "prompt": question}, 4, seed=seed)

    gan, tokenizer = made(encoder)
    rules = Several({"image": Images(SIZE), "prompt": sources})
    inputs = ConditionInputs(gan.generator.encoder, rules, tmp_path)
    assert inputs.specs == {name: tf.TensorSpec([None], tf.string, name=name) for name in ("image", "prompt")}
    text = GraphTokenizer(tokenizer, tmp_path / "vocabulary.txt")
    signatures = Signatures(gan.generator, gan.discriminator, text, conditions=inputs)
    assert [spec for _, [*_, spec] in signatures.functions.values()] == [inputs.specs] * len(signatures.functions)
    condition = {"image": rules.parts["image"].encode(images), "prompt": sources.encode(QUESTIONS)}
    given = {"image": tf.constant(images), "prompt": tf.constant(QUESTIONS)}
    greedy = gan.generate(condition=condition, temperature=0, suppress_tokens=[UNKNOWN])
    np.testing.assert_array_equal(signatures.caption(given)["token_ids"], greedy)
    found = signatures.score_tokens(tf.constant(greedy), given)
    expected = small_models.log_probs(gan, greedy, condition).sum(axis=1)
    np.testing.assert_allclose(found["log_prob"], expected, rtol=1e-4)
    other = gan.generate(condition={**condition, "prompt": condition["prompt"][::-1]}, seed=4)
    assert np.any(other != gan.generate(condition=condition, seed=4))


def test_a_damaged_image_is_an_error_of_its_row(image_model, images):
    wrong = [images[0], b"no image", images[1][:40], images[2], b""]
    found = image_model.ask("caption", image=wrong)
    assert found["error"].tolist() == [b"", ERROR, ERROR, b"", ERROR]
    alone = image_model.ask("caption", image=[images[0], images[2]])
    np.testing.assert_array_equal(found["token_ids"][[0, 3]], alone["token_ids"])
    np.testing.assert_array_equal(found["token_ids"][[1, 2, 4]], -1)
    assert np.isnan(found["log_prob"][[1, 2, 4]]).all()
    assert found["text"].tolist()[1] == b""


def test_no_images(image_model):
    found = image_model.ask("caption", image=[])
    assert found["token_ids"].shape == (0, small_models.TEXT_LENGTH)


def test_the_signature_is_there_for_images_alone(image_model):
    assert list(image_model.loaded.signatures["caption"].structured_input_signature[1]) == ["image"]
    assert not ConditionInputs(LabelEncoder(3)).has_image


def test_a_session_loads_it_too(image_model, images):
    """As TF Serving and the C API do."""
    expected = image_model.ask("caption", image=[*images, b"damaged"])
    graph = tf.Graph()
    with tf.compat.v1.Session(graph=graph) as session:
        meta = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(image_model.path))
        signature = meta.signature_def["caption"]
        (given,) = signature.inputs.values()
        outputs = {name: info.name for name, info in signature.outputs.items()}
        found = session.run(outputs, {given.name: [*images, b"damaged"]})
    np.testing.assert_array_equal(found["token_ids"], expected["token_ids"])
    assert found["error"].tolist() == [b"", b"", b"", ERROR]


def test_warm_up_requests_hold_an_image(image_model):
    from tensorflow_serving.apis import prediction_log_pb2

    (path,) = (image_model.path / "assets.extra").iterdir()
    names = set()
    for record in tf.data.TFRecordDataset(str(path)):
        request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        names.add(request.model_spec.signature_name)
        values = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        assert image_model.ask(request.model_spec.signature_name, **values)["error"].tolist() == [b""]
    assert "caption" in names


def test_without_rules_the_input_is_what_the_encoder_takes():
    inputs = ConditionInputs(image_encoder(1))
    assert inputs.specs == tf.TensorSpec([None, *SIZE, 3], tf.uint8, name="image")
    assert ConditionInputs(image_encoder(1), Images(SIZE)).specs == inputs.specs  # a graph without strings
    pixels = np.zeros([2, *SIZE, 3], np.uint8)
    found, errors = inputs.read(tf.constant(pixels))
    np.testing.assert_array_equal(found, pixels)
    assert errors == []


def test_rules_that_do_not_fit(tmp_path):
    expected = r"^`conditions` must be images of the encoder's 6 x 8 pixels. Received: \(8, 8\)$"
    with pytest.raises(InputError, match=expected):
        ConditionInputs(image_encoder(1), Images(8), tmp_path)
    with pytest.raises(InputError, match=r"^`conditions` must be what 'label_encoder.*' takes, .*Received: 'Images'$"):
        ConditionInputs(LabelEncoder(3), Images(8), tmp_path)


@pytest.mark.parametrize("kind", ["onnx", "litert"])
def test_other_formats_take_pixels(kind, image_model, images, tmp_path):
    pixels = Images(SIZE).encode(images)
    path = image_model.gan.export(tmp_path / kind, format=kind, conditions=Images(SIZE))
    sequences = image_model.gan.generate(condition=pixels, seed=4)
    if kind == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path / "score_tokens.onnx"))
        names = [output.name for output in session.get_outputs()]
        given = {each.name: sequences if "token" in each.name else pixels for each in session.get_inputs()}
        found = dict(zip(names, session.run(None, given), strict=True))
        (scores,) = (value for name, value in found.items() if value.ndim == 2)
    else:
        interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter(str(path / "model.tflite"))
        scores = interpreter.get_signature_runner("score_tokens")(token_ids=sequences, image=pixels)["log_probs"]
    np.testing.assert_allclose(scores, image_model.log_probs(sequences, pixels), rtol=1e-3, atol=1e-4)
