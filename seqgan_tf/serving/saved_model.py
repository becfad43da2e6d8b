"""A generator and a discriminator as a SavedModel for TF Serving, with the server's own files beside its versions."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from seqgan_tf.core.conditions import takes_condition
from seqgan_tf.core.files import write_text
from seqgan_tf.core.graphs import graph_function
from seqgan_tf.serving.condition_inputs import ConditionInputs, Conditions
from seqgan_tf.serving.graph_tokenizer import GraphTokenizer
from seqgan_tf.serving.signatures import Functions, Signatures
from seqgan_tf.serving.versions import new_version
from seqgan_tf.serving.warmup import write_warmup

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Discriminator, Generator
    from seqgan_tf.data.tokenizer import TextTokenizer

VOCABULARY, MODEL_CONFIG, BATCHING_CONFIG = "vocabulary.txt", "model.config", "batching.config"


def export_saved_model(
    target: str | os.PathLike,
    generator: "Generator",
    discriminator: "Discriminator",
    tokenizer: "TextTokenizer | None" = None,
    version: int | None = None,
    warmup: bool = False,
    jit_compile: bool = False,
    conditions: Conditions | None = None,
    num_beams: int = 4,
) -> Path:
    """Writes a new version of a served model, see `Signatures` for the functions that it has.

    Args:
        target: folder of the served model; the last part of the path is the model's name.
        generator: the policy.
        discriminator: D.
        tokenizer: tokenizer of the data. Defaults to None: token ids alone, without `complete` and `score`.
        version: see `new_version`.
        warmup: whether to write warm-up requests for TF Serving. Needs the extra `serving`.
        jit_compile: see `Signatures`.
        conditions: how conditions are read from text, see `ConditionInputs`. Defaults to None: the inputs are what the
            encoder takes.
        num_beams: see `Signatures`.

    Returns:
        Path of the version.

    Raises:
        InputError: see `new_version`; a tokenizer that a graph cannot reproduce, see `GraphTokenizer`; or see
            `ConditionInputs`.
        MissingExtraError: `warmup` without tensorflow-serving-api.
    """
    with new_version(target, version) as (folder, destination), tempfile.TemporaryDirectory() as assets:
        name = destination.parent.resolve().name
        text = GraphTokenizer(tokenizer, Path(assets) / VOCABULARY) if tokenizer else None
        given = ConditionInputs.of(generator, conditions, Path(assets))
        signatures = Signatures(generator, discriminator, text, jit_compile, given, num_beams)
        if warmup:
            write_warmup(folder, name, signatures)  # before the slow part, since its package may be missing
        save(signatures.functions, folder, signatures)
    for file_name, content in ((MODEL_CONFIG, _model_config(name)), (BATCHING_CONFIG, _BATCHING)):
        path = destination.parent / file_name
        if not path.exists():  # the user may have edited it
            write_text(path, content)
    return destination


def save(functions: Functions, folder: str | os.PathLike, signatures: Any) -> None:
    """Writes functions as a SavedModel.

    Args:
        functions: {name: (function, its input specs)}; the first is `serving_default` too.
        folder: where to write.
        signatures: what the functions belong to, with its `generator`, `discriminator` and `tables`.
    """
    archive = keras.export.ExportArchive()
    networks = (signatures.generator, signatures.discriminator)
    for part in (*_tracked(networks), *signatures.tables):
        archive.track(part)
    # On a machine with a GPU, Keras uses the kernels of cuDNN, and the exported model would need a GPU too.
    with layers_with(networks, use_cudnn=False):
        for name, (function, specs) in functions.items():
            # TensorFlow traces an endpoint again while it saves: here that is one call of what was traced.
            traced = graph_function(function, input_signature=specs).get_concrete_function()
            archive.add_endpoint(name, traced, specs)
        archive.write_out(str(folder), verbose=False)


def _tracked(networks: Iterable[keras.Model]) -> Iterator[keras.Layer]:
    """What is searched for tables: the networks; of one that takes conditions the layers, since Keras would call it."""
    for network in networks:
        if takes_condition(network):
            yield from (layer for layer in network._flatten_layers() if not isinstance(layer, keras.Model))
        else:
            yield network


@contextlib.contextmanager
def layers_with(networks: Iterable[keras.Model], **settings: Any) -> Iterator[None]:
    """Attributes of all layers that have them, inside a `with` block.

    Args:
        networks: where the layers are.
        **settings: their values by the name of the attribute.
    """
    layers = [layer for network in networks for layer in network._flatten_layers()]
    before = [(layer, name, getattr(layer, name)) for layer in layers for name in settings if hasattr(layer, name)]
    for layer, name, _ in before:
        setattr(layer, name, settings[name])
    try:
        yield
    finally:
        for layer, name, value in before:
            setattr(layer, name, value)


def _model_config(name: str) -> str:
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
