"""`seqgan-tf export`: prints where the version is, or one line that says why there is none."""

import functools
import shutil
import sys

import numpy as np
import pytest
import tensorflow as tf
import tiny_runs

from seqgan_tf.runs.directory import load_run
from seqgan_tf.serving import saved_model


@pytest.fixture
def export(run):
    """Runs `export`, as `run` does."""
    return functools.partial(run, "export")


@pytest.fixture
def refuse(refused):
    """Runs `export` where it must be refused, as `refused` does."""
    return functools.partial(refused, "export")


@pytest.fixture
def quick(monkeypatch):
    """Writes a file instead of a SavedModel, for refusals."""
    monkeypatch.setattr(
        saved_model, "save", lambda functions, folder, *_, **__: (folder / "saved_model.pb").write_text("quick")
    )


@pytest.fixture(scope="module")
def text(base):
    """A finished run on text; not to be written to."""
    return tiny_runs.text_run(base).directory


def test_a_run_on_text_is_exported_with_its_last_weights_and_its_tokenizer(export, text, tmp_path):
    pytest.importorskip("tensorflow_serving")
    target = tmp_path / "models" / "words"
    code, out, err = export(text, target, "--warmup")
    assert (code, out, err) == (0, f"{target / '1'}\n", "")
    assert (target / "1" / "assets.extra" / "tf_serving_warmup_requests").stat().st_size > 0
    assert 'name: "words"' in (target / "model.config").read_text()

    opened = load_run(text)
    expected = opened.gan.generate(7, seed=3, suppress_tokens=opened.source.suppressed_tokens)
    loaded = tf.saved_model.load(str(target / "1"))
    answer = loaded.signatures["generate"](
        seed=tf.constant([[3, i] for i in range(7)]), temperature=tf.ones([7]), top_p=tf.ones([7])
    )
    np.testing.assert_array_equal(answer["token_ids"], expected)
    assert [line.decode("utf-8") for line in answer["text"].numpy()] == opened.decode(expected)
    assert "complete" in loaded.signatures


def test_a_run_on_pairs_is_exported_with_its_sources(export, base, tmp_path):
    directory = tiny_runs.pairs_run(base).directory
    assert export(directory, tmp_path / "m", "--num-beams", 2) == (0, f"{tmp_path / 'm' / '1'}\n", "")
    opened = load_run(directory)
    given = ["rot katze", "blau\ngruen hund", "", "forelle\n\nrot", *opened.corpus.held_out_given]
    loaded = tf.saved_model.load(str(tmp_path / "m" / "1"))
    answer = loaded.signatures["beam_search"](source=tf.constant(given), length_penalty=tf.ones([len(given)]))
    condition = opened.source.conditions.encode(given)
    expected = opened.gan.generate(condition=condition, num_beams=2, suppress_tokens=opened.source.suppressed_tokens)
    np.testing.assert_array_equal(answer["token_ids"], expected)
    assert [line.decode("utf-8") for line in answer["text"].numpy()] == opened.decode(expected)


def test_a_run_on_labels_is_exported_with_its_labels(export, base, tmp_path):
    directory = tiny_runs.labels_run(base).directory
    assert export(directory, tmp_path / "m") == (0, f"{tmp_path / 'm' / '1'}\n", "")
    opened = load_run(directory)
    loaded = tf.saved_model.load(str(tmp_path / "m" / "1"))
    answer = loaded.signatures["generate"](
        label=tf.constant(["sad", "happy", "angry"]),
        seed=tf.constant([[3, i] for i in range(3)]),
        temperature=tf.ones([3]),
        top_p=tf.ones([3]),
    )
    settings = {"seed": 3, "suppress_tokens": opened.source.suppressed_tokens}
    expected = opened.gan.generate(condition=opened.source.conditions.encode(["sad", "happy"]), **settings)
    np.testing.assert_array_equal(answer["token_ids"][:2], expected)
    assert list(answer["error"].numpy()) == [b"", b"", b"label must be one of 'happy', 'sad'"]


def test_a_run_on_pairs_is_exported_in_another_format(export, base, tmp_path):
    runtime = pytest.importorskip("ai_edge_litert.interpreter")
    directory = tiny_runs.pairs_run(base).directory
    code, _, err = export(directory, tmp_path / "m", "--format", "litert")
    assert code == 0
    assert "Traceback" not in err
    opened = load_run(directory)
    interpreter = runtime.Interpreter(model_path=str(tmp_path / "m" / "1" / "model.tflite"))
    condition = opened.source.conditions.encode(["rot katze", "blau\ngruen hund"])
    memory, mask, summary = opened.gan.generator.encode(condition)
    answer = interpreter.get_signature_runner("encode")(source=condition)
    for name, values in {"memory": memory, "mask": mask, "summary": summary}.items():
        np.testing.assert_allclose(answer[name], values, rtol=1e-4, atol=1e-6)


def test_a_run_on_an_oracle_is_exported_in_another_format(export, whole, tmp_path):
    runtime = pytest.importorskip("ai_edge_litert.interpreter")
    code, out, err = export(whole.directory, tmp_path / "oracle", "--format", "litert", "--version", "7")
    assert (code, out) == (0, f"{tmp_path / 'oracle' / '7'}\n")
    assert "Traceback" not in err
    interpreter = runtime.Interpreter(model_path=str(tmp_path / "oracle" / "7" / "model.tflite"))
    token_ids = whole.gan.generate(1, seed=2)
    answer = interpreter.get_signature_runner("score_tokens")(token_ids=token_ids)
    logits = np.asarray(whole.gan.generator(token_ids), np.float64)[0]
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    expected = sum(log_probs[t, token] for t, token in enumerate(token_ids[0]))
    np.testing.assert_allclose(answer["log_prob"], [expected], rtol=1e-4)


def test_versions_count_up_and_one_that_is_there_is_refused(export, refuse, quick, whole, tmp_path):
    target = tmp_path / "oracle"
    assert export(whole.directory, target)[:2] == (0, f"{target / '1'}\n")
    assert export(whole.directory, target, "--jit")[:2] == (0, f"{target / '2'}\n")
    line = refuse(whole.directory, target, "--version", "2")
    assert line == f"seqgan-tf: {target}: expected a `version` that is not there yet. Received: 2\n"
    assert "`version` must be at least 1. Received: 0" in refuse(whole.directory, target, "--version", "0")
    assert "`num_beams` must be at least 1. Received: 0" in refuse(whole.directory, target, "--num-beams", "0")
    assert {path.name for path in target.iterdir()} == {"1", "2", "model.config", "batching.config"}


def test_what_is_no_run_is_refused(refuse, tmp_path):
    assert str(tmp_path / "nothing") in refuse(tmp_path / "nothing", tmp_path / "target")
    (tmp_path / "empty").mkdir()
    refuse(tmp_path / "empty", tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_a_damaged_checkpoint_is_refused(refuse, whole, tmp_path):
    shutil.copytree(whole.directory, tmp_path / "run")
    _, path = tiny_runs.only_checkpoint(tmp_path / "run", "data")
    path.write_bytes(path.read_bytes()[:50])
    refuse(tmp_path / "run", tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_a_target_that_is_a_file_is_refused(refuse, whole, tmp_path):
    (tmp_path / "target").write_text("mine")
    assert "expected a directory. Received: a file" in refuse(whole.directory, tmp_path / "target")
    assert (tmp_path / "target").read_text() == "mine"


def test_what_needs_a_package_that_is_missing_is_refused(refuse, quick, whole, monkeypatch, tmp_path):
    for name in [name for name in sys.modules if name.startswith("tensorflow_serving")] + ["tensorflow_serving"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    assert "pip install 'seqgan-tf[serving]'" in refuse(whole.directory, tmp_path / "target", "--warmup")
    assert "pip install 'seqgan-tf[onnx]'" in refuse(whole.directory, tmp_path / "target", "--format", "onnx")
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("flag", ["--warmup", "--jit"])
def test_flags_of_one_format_are_refused_with_another(refuse, whole, tmp_path, flag):
    line = refuse(whole.directory, tmp_path / "target", "--format", "litert", flag)
    assert "are for `format` 'saved_model'. Received: 'litert'" in line


def test_an_unknown_format_and_a_missing_target_are_refused(refuse, whole, tmp_path):
    assert "pickle" in refuse(whole.directory, tmp_path / "target", "--format", "pickle")
    refuse(whole.directory)
