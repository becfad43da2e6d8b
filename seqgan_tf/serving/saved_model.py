"""A generator as a SavedModel that TF Serving runs, with the server's own files beside its versions."""

import contextlib
import json
import tempfile
from pathlib import Path

import keras
import tensorflow as tf

from seqgan_tf.serving.signatures import Signatures
from seqgan_tf.serving.text import GraphTokenizer
from seqgan_tf.serving.versions import new_version
from seqgan_tf.serving.warmup import write_warmup

VOCABULARY, MODEL_CONFIG, BATCHING_CONFIG = "vocabulary.txt", "model.config", "batching.config"


def export_saved_model(target, generator, discriminator, tokenizer=None, version=None, warmup=False, jit_compile=False):
    """Writes a new version of a served model, see `Signatures` for what it answers.

    Args:
        target: path of the served model; the last part of it is the model's name.
        generator: a `Generator`.
        discriminator: a `Discriminator`.
        tokenizer: `TextTokenizer`. Defaults to None: token ids alone, without `complete` and `score`.
        version: see `new_version`.
        warmup: whether to write requests with which TF Serving warms up. Needs the extra `serving`.
        jit_compile: see `Signatures`.

    Returns:
        Path of the version.

    Raises:
        ValueError: see `new_version`; or a vocabulary that no graph can hold, see `GraphTokenizer`.
        ImportError: `warmup` without tensorflow-serving-api.
    """
    with new_version(target, version) as (folder, destination), tempfile.TemporaryDirectory() as assets:
        name = destination.parent.resolve().name
        text = tokenizer and GraphTokenizer(tokenizer, Path(assets) / VOCABULARY)
        signatures = Signatures(generator, discriminator, text, jit_compile)
        if warmup:
            write_warmup(folder, name, signatures)  # before the slow part, since it may lack its package
        save(signatures.functions, folder, signatures)
    for file_name, content in ((MODEL_CONFIG, _model_config(name)), (BATCHING_CONFIG, _BATCHING)):
        # What is there may have been edited.
        with contextlib.suppress(FileExistsError), open(destination.parent / file_name, "x", encoding="utf-8") as file:
            file.write(content)
    return destination


def save(functions, folder, signatures):
    """Writes functions as a SavedModel.

    Args:
        functions: {name: (function, its input specs)}; the first is `serving_default` too.
        folder: path.
        signatures: the module that they belong to, with its `generator`, `discriminator` and tables.
    """
    archive = keras.export.ExportArchive()
    for part in (signatures.generator, signatures.discriminator, signatures):
        archive.track(part)
    compiled = {name: tf.function(function, specs) for name, (function, specs) in functions.items()}
    with _without_cudnn(signatures.generator):
        for name, function in compiled.items():
            function.get_concrete_function()
            archive.add_endpoint(name, function)
        archive.add_endpoint("serving_default", next(iter(compiled.values())))
        archive.write_out(str(folder), verbose=False)


@contextlib.contextmanager
def _without_cudnn(model):
    """Where there is a GPU, Keras takes cuDNN's kernels, which would tie what is exported to such machines."""
    before = [(layer, layer.use_cudnn) for layer in model.layers if hasattr(layer, "use_cudnn")]
    for layer, _ in before:
        layer.use_cudnn = False
    try:
        yield
    finally:
        for layer, setting in before:
            layer.use_cudnn = setting


def _model_config(name):
    name, path = (json.dumps(text, ensure_ascii=False) for text in (name, f"/models/{name}"))
    return f"""model_config_list {{
  config {{
    name: {name}
    base_path: {path}
    model_platform: "tensorflow"
  }}
}}
"""


_BATCHING = """max_batch_size { value: 64 }
batch_timeout_micros { value: 2000 }
max_enqueued_batches { value: 1000 }
num_batch_threads { value: 2 }
"""
