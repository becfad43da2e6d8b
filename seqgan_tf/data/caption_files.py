"""Files that name images and the texts that belong to them.

A folder with metadata.jsonl, metadata.csv or metadata.parquet, whose records have the fields `file_name` and `text` (as
ImageFolder of the library datasets has them); or a .json file in COCO's layout of captions.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from seqgan_tf.core.files import read_bytes
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.tables import Row, Table, field_text

METADATA = ("metadata.jsonl", "metadata.csv", "metadata.parquet")
FILE_NAME, TEXT = "file_name", "text"
BESIDE = ("prompt", "label")
"""Fields that are a further condition beside the image; the first that a file has."""


def metadata_of(path: str | os.PathLike) -> str | os.PathLike:
    """The file that names images: the path itself, or of a folder its metadata.

    Raises:
        InputError: the path is a folder without metadata.
    """
    if not Path(path).is_dir():
        return path
    for name in METADATA:
        if (Path(path) / name).is_file():
            return Path(path) / name
    raise InputError(f"{path}: expected a file, or a folder of images with {' or '.join(METADATA)}. Received: neither")


def is_coco(path: str | os.PathLike) -> bool:
    """Whether the name of a file says that it is in COCO's layout."""
    return Path(path).suffix.lower() == ".json"


def is_captions(path: str | os.PathLike) -> bool:
    """Whether a path is a folder of images with metadata, or by its name a file in COCO's layout."""
    return is_coco(path) or any((Path(path) / name).is_file() for name in METADATA)


def caption_fields(found: Sequence[str]) -> tuple[str, ...]:
    """The fields that are read of those that a file has: the image, what is beside it if there is any, and the text."""
    return (FILE_NAME, *[name for name in BESIDE if name in found][:1], TEXT)


def open_coco(path: str | os.PathLike, observe: Callable[[bytes], object] = bytes) -> Table:
    """The captions of a file in COCO's layout, as records with `file_name` and `text`.

    Args:
        path: the file: an object with "images" (`id`, `file_name`) and "annotations" (`image_id`, `caption`).
        observe: function that gets the content, such as the `update` of a digest.

    Raises:
        InputError: the file cannot be read, or has another layout.
    """
    content = read_bytes(path, "a .json file in COCO's layout")
    observe(content)
    try:
        found = json.loads(content)
        names = {image["id"]: image["file_name"] for image in found["images"]}
        annotations = [(each["image_id"], each.get("caption")) for each in found["annotations"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else "another layout, or no JSON"
        raise InputError(
            f"{path}: expected a .json file in COCO's layout: 'images' with 'id' and 'file_name', 'annotations' with "
            f"'image_id' and 'caption'. Received: {reason}"
        ) from error

    def rows() -> Iterator[Row]:
        for number, (image, caption) in enumerate(annotations, start=1):
            is_known = isinstance(image, (int, str)) and image in names
            fields: dict[str, Any] | str = f"no image with the id {image!r}"
            if is_known:
                fields = {FILE_NAME: names[image], TEXT: caption}
            yield f"annotation {number}", fields

    return [FILE_NAME, TEXT], rows()


def caption(fields: dict[str, Any], names: Sequence[str], folder: Path) -> list[tuple[str | None, str]] | str:
    """The condition and the text of a record, or why there is none.

    Args:
        fields: the record.
        names: see `caption_fields`.
        folder: the folder that the names of images are in.

    Returns:
        [(the path of the image and, in a further line, what is beside it; the text)], or what is damaged, in words.
    """
    lines = []
    for name in names:
        value = fields.get(name)
        line, damage = field_text(str(value) if name == "label" and isinstance(value, int) else value, name)
        if damage:
            return damage
        lines.append(line)
    image, *beside, text = lines
    if not (folder / image).is_file():
        return f"there is no file {str(folder / image)!r}"
    return [("\n".join([str(folder / image), *beside]), text)]
