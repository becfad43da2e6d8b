"""Reads how conditions are read from the files of a run."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seqgan_tf.core.files import read_text
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.conditions import FILE, FOLDER, TOKENIZER_FILE, Labels, Several, Sources, TextConditions
from seqgan_tf.data.images import Images
from seqgan_tf.data.tokenizer import TextTokenizer


def load_conditions(directory: Path) -> TextConditions:
    """Reads the rules that `save` wrote to a directory.

    Raises:
        InputError: a file is missing or damaged.
    """
    path = directory / FILE
    try:
        found = json.loads(read_text(path, "the rules of the conditions"))
        return _LOADERS[found["kind"]](directory, found)
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"{path}: expected the rules of the conditions. Received: a damaged or foreign file"
        ) from error


def _load_sources(directory: Path, found: dict[str, Any]) -> TextConditions:
    if type(found["source_length"]) is not int:
        raise ValueError
    return Sources(TextTokenizer.load(directory / TOKENIZER_FILE), found["source_length"])


def _load_labels(directory: Path, found: dict[str, Any]) -> TextConditions:
    if not all(isinstance(label, str) for label in found["labels"]):
        raise ValueError
    return Labels(found["labels"])


def _load_images(directory: Path, found: dict[str, Any]) -> TextConditions:
    size = found["image_size"]
    if not isinstance(size, list) or len(size) != 2 or any(type(number) is not int or number < 1 for number in size):
        raise ValueError
    return Images(size)


def _load_several(directory: Path, found: dict[str, Any]) -> TextConditions:
    if not found["parts"] or not all(isinstance(name, str) and name.isidentifier() for name in found["parts"]):
        raise ValueError
    return Several({name: load_conditions(directory / FOLDER / name) for name in found["parts"]})


_LOADERS: dict[str, Callable[[Path, dict[str, Any]], TextConditions]] = {
    Sources.kind: _load_sources,
    Labels.kind: _load_labels,
    Several.kind: _load_several,
    Images.kind: _load_images,
}
