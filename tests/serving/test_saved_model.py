"""The files of an export: a version, whole or not at all, and the server's files beside it."""

import importlib
import shutil
import sys

import numpy as np
import pytest
import small_models
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from seqgan_tf.core.validation import InputError, MissingExtraError
from seqgan_tf.models.recurrent_discriminator import RecurrentDiscriminator
from seqgan_tf.rewards.terminal import TerminalReward
from seqgan_tf.seqgan import SeqGAN
from seqgan_tf.serving import portable, saved_model
from seqgan_tf.serving.versions import new_version

MODEL_CONFIG = """model_config_list {
  config {
    name: "words"
    base_path: "/models/words"
    model_platform: "tensorflow"
  }
}
"""


@pytest.fixture(scope="module")
def gan():
    return small_models.on_token_ids()[0]


@pytest.fixture
def quick(monkeypatch):
    """Writes a file instead of a SavedModel, which takes seconds, for tests that do not need one."""

    def save(functions, folder, signatures):
        (folder / "saved_model.pb").write_text("quick")

    monkeypatch.setattr(saved_model, "save", save)


def contents(folder):
    """{path inside the folder: bytes}, hidden files too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Layout


def test_a_version_has_the_files_that_tf_serving_reads(text_model, plain_model):
    files = set(contents(text_model.path))
    expected = {"saved_model.pb", "variables/variables.index", "assets/vocabulary.txt"}
    assert expected < files
    assert "variables/variables.data-00000-of-00001" in files
    assert text_model.path.name == "1"
    lines = (text_model.path / "assets" / "vocabulary.txt").read_text(encoding="utf-8")
    assert lines == "".join(f"{token}\n" for token in text_model.tokenizer.tokens)
    assert not [name for name in contents(plain_model.path) if name.startswith("assets")]


def test_the_target_has_no_other_files(text_model):
    target = text_model.path.parent
    assert {path.name for path in target.iterdir()} == {"1", "model.config", "batching.config"}


def test_a_version_can_be_moved(text_model, tmp_path):
    shutil.copytree(text_model.path, tmp_path / "elsewhere")
    loaded = tf.saved_model.load(str(tmp_path / "elsewhere"))
    answer = loaded.signatures["score"](text=tf.constant(["the cat", "zebra"]))
    expected = text_model.ask("score", text=["the cat", "zebra"])
    np.testing.assert_allclose(answer["log_prob"], expected["log_prob"], rtol=1e-6)


# Versions


def test_a_new_version_is_one_more_than_the_latest_version(gan, quick, tmp_path):
    target = tmp_path / "a" / "words"
    assert gan.export(target) == target / "1"
    assert gan.export(target) == target / "2"
    assert gan.export(target, version=7) == target / "7"
    assert gan.export(target, version=4) == target / "4"
    for name in ("notes", "-9", "9.5", "11x", "\u0662\u0662", ".hidden"):
        (target / name).mkdir()
    assert gan.export(target) == target / "8"
    assert gan.export(str(target)) == target / "9"
    assert (target / "9" / "saved_model.pb").read_text() == "quick"


def test_versions_of_every_format_are_counted_together(gan, quick, monkeypatch, tmp_path):
    monkeypatch.setattr(portable, "_write_litert", lambda signatures, folder: (folder / "model.tflite").write_text(""))
    assert gan.export(tmp_path / "m") == tmp_path / "m" / "1"
    assert gan.export(tmp_path / "m", format="litert") == tmp_path / "m" / "2"
    assert contents(tmp_path / "m" / "2") == {"model.tflite": b""}


def test_an_existing_version_is_refused_and_does_not_change(gan, quick, tmp_path):
    target = tmp_path / "words"
    gan.export(target, version=3)
    (target / "3" / "saved_model.pb").write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(InputError, match=r"expected a `version` that is not there yet. Received: 3") as error:
        gan.export(target, version=3)
    assert str(error.value).startswith(str(target))
    assert contents(tmp_path) == before


@pytest.mark.parametrize("version", [0, -1])
@pytest.mark.parametrize("format", ["saved_model", "litert"])
def test_a_version_below_one_is_refused(gan, tmp_path, version, format):
    with pytest.raises(InputError, match=f"`version` must be at least 1. Received: {version}"):
        gan.export(tmp_path / "words", version=version, format=format)
    assert not list(tmp_path.iterdir())


def test_a_target_that_is_a_file_is_refused(gan, quick, tmp_path):
    (tmp_path / "words").write_text("mine")
    with pytest.raises(InputError, match=r"words: expected a directory. Received: a file"):
        gan.export(tmp_path / "words")
    with pytest.raises(InputError, match="expected a place to write to"):
        gan.export(tmp_path / "words" / "inside")
    assert contents(tmp_path) == {"words": b"mine"}


@pytest.mark.parametrize("failure", [RuntimeError("broken"), KeyboardInterrupt()], ids=["error", "ctrl-c"])
@pytest.mark.parametrize("is_there", [False, True], ids=["new", "there"])
def test_a_failed_export_leaves_no_files(gan, quick, monkeypatch, tmp_path, failure, is_there):
    target = tmp_path / "served" / "words"
    if is_there:
        gan.export(target)
    before = contents(tmp_path)

    def fail(functions, folder, signatures):
        (folder / "saved_model.pb").write_text("half")
        raise failure

    monkeypatch.setattr(saved_model, "save", fail)
    with pytest.raises(type(failure)):
        gan.export(target)
    assert contents(tmp_path) == before
    assert target.exists() == target.parent.exists() == is_there
    assert not is_there or {path.name for path in target.iterdir()} == {"1", "model.config", "batching.config"}


def test_a_version_that_another_export_has_written_meanwhile_stays(tmp_path):
    def write_while_another_export_is_faster():
        with new_version(tmp_path / "words") as (folder, destination):
            (folder / "mine").touch()
            destination.mkdir()
            (destination / "theirs").touch()

    with pytest.raises(InputError, match=r"expected a `version` that is not there yet\. Received: 1"):
        write_while_another_export_is_faster()
    assert contents(tmp_path) == {"words/1/theirs": b""}


def test_a_full_disk_is_reported_with_the_path(gan, monkeypatch, tmp_path):
    def fail(functions, folder, signatures):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saved_model, "save", fail)
    with pytest.raises(InputError, match=r"words/1: expected a place to write to \(No space left on device\)"):
        gan.export(tmp_path / "words")
    assert not list(tmp_path.iterdir())


# The server's files


def test_the_servers_files_have_the_name_and_are_not_overwritten(gan, quick, monkeypatch, tmp_path):
    target = tmp_path / "words"
    gan.export(target)
    assert (target / "model.config").read_text() == MODEL_CONFIG
    batching = (target / "batching.config").read_text()
    assert all(line.endswith("}") and " { value: " in line for line in batching.splitlines())
    (target / "model.config").write_text("mine")
    (target / "batching.config").unlink()
    gan.export(target)
    assert (target / "model.config").read_text() == "mine"
    assert (target / "batching.config").read_text() == batching
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    gan.export(".")
    assert 'name: "here"' in (tmp_path / "here" / "model.config").read_text()


@pytest.mark.parametrize("name", ["words", 'so "called" \\ 詩'])
def test_the_servers_files_are_text_protocol_buffers_of_the_server(gan, quick, tmp_path, name):
    pytest.importorskip("tensorflow_serving")
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    target = gan.export(tmp_path / name).parent
    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse((target / "model.config").read_text(encoding="utf-8"), config)
    (model,) = config.model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == (name, f"/models/{name}", "tensorflow")


# Warm-up


def test_the_warmup_has_a_valid_request_for_each_signature(text_model):
    pytest.importorskip("tensorflow_serving")
    from tensorflow_serving.apis import prediction_log_pb2

    path = text_model.path / "assets.extra" / "tf_serving_warmup_requests"
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
    requests = [prediction_log_pb2.PredictionLog.FromString(record).predict_log.request for record in records]
    names = [request.model_spec.signature_name for request in requests]
    assert sorted(names) == ["complete", "generate", "next_token", "score", "score_tokens"]
    for request in requests:
        assert request.model_spec.name == "words"
        function = text_model.loaded.signatures[request.model_spec.signature_name]
        inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
        assert {name: value.dtype for name, value in inputs.items()} == {
            name: spec.dtype for name, spec in function.structured_input_signature[1].items()
        }
        assert function(**inputs)["error"].numpy().tolist() == [b""]


def test_no_warmup_is_written_by_default(plain_model):
    assert not (plain_model.path / "assets.extra").exists()


def test_a_warmup_without_the_servers_package_is_refused_and_leaves_no_files(gan, quick, monkeypatch, tmp_path):
    for name in [name for name in sys.modules if name.startswith("tensorflow_serving")] + ["tensorflow_serving"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        MissingExtraError, match=r"`warmup` needs tensorflow_serving: pip install 'seqgan-tf\[serving\]'"
    ):
        gan.export(tmp_path / "words", warmup=True)
    assert not list(tmp_path.iterdir())


# Formats


@pytest.mark.parametrize("settings", [{"warmup": True}, {"jit_compile": True}], ids=str)
@pytest.mark.parametrize("format", ["onnx", "litert"])
def test_warmup_and_xla_are_refused_with_other_formats(gan, tmp_path, settings, format):
    with pytest.raises(InputError, match=f"`warmup` and `jit_compile` are for `format` 'saved_model'.*'{format}'"):
        gan.export(tmp_path / "words", format=format, **settings)
    assert not list(tmp_path.iterdir())


def test_an_unknown_format_is_refused(gan, tmp_path):
    message = r"`format` must be one of \['saved_model', 'onnx', 'litert'\]. Received: 'pickle'"
    with pytest.raises(InputError, match=message):
        gan.export(tmp_path / "words", format="pickle")
    assert not list(tmp_path.iterdir())


def test_an_export_changes_no_weight(plain_model, gan):
    for exported, fresh in zip(plain_model.gan.get_weights(), gan.get_weights(), strict=True):
        np.testing.assert_array_equal(exported, fresh)


def test_a_model_that_is_exported_on_a_machine_with_a_gpu_needs_no_gpu(gan, monkeypatch, tmp_path):
    rnn = importlib.import_module("keras.src.backend.tensorflow.rnn")
    monkeypatch.setattr(rnn, "_is_gpu_available", lambda: True)
    judge = RecurrentDiscriminator(gan.generator.vocabulary_size, small_models.PLAIN_LENGTH, 3, hidden_dim=4)
    gan = SeqGAN(gan.generator, judge, TerminalReward())
    for network in (gan.generator, judge):
        graph = tf.function(network).get_concrete_function(tf.TensorSpec([None, 3], tf.int32)).graph
        assert any(
            "Cudnn" in operation.type for operation in graph.get_operations()
        )  # without the precaution of `save`
    model = saved_model_pb2.SavedModel()
    model.ParseFromString((gan.export(tmp_path / "words") / "saved_model.pb").read_bytes())
    functions = model.meta_graphs[0].graph_def.library.function
    assert any(node.op == "MatMul" for function in functions for node in function.node_def)
    assert not [node.op for function in functions for node in function.node_def if "Cudnn" in node.op]
    assert {layer.use_cudnn for layer in [*gan.generator.recurrent_layers, *judge.forward_layers]} == {"auto"}


def test_an_encoder_that_is_exported_on_a_machine_with_a_gpu_needs_no_gpu(monkeypatch, tmp_path):
    rnn = importlib.import_module("keras.src.backend.tensorflow.rnn")
    monkeypatch.setattr(rnn, "_is_gpu_available", lambda: True)
    gan, tokenizer, sources = small_models.on_pairs()
    model = saved_model_pb2.SavedModel()
    path = gan.export(tmp_path / "pairs", tokenizer, conditions=sources)
    model.ParseFromString((path / "saved_model.pb").read_bytes())
    functions = model.meta_graphs[0].graph_def.library.function
    assert not [node.op for function in functions for node in function.node_def if "Cudnn" in node.op]
    layers = [layer for network in (gan.generator, gan.discriminator) for layer in network.encoder.forward_layers]
    assert {layer.use_cudnn for layer in layers} == {"auto"}
