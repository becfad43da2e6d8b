"""Image files, read once: decoded and resized, or as features, in one array with a row for each different image."""

import dataclasses
import functools
import hashlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from seqgan_tf.core.files import read_bytes
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.memory import IN_MEMORY, IndexedRows
from seqgan_tf.data.row_store import RowStore, open_rows

BATCH = 64  # images that are decoded, or whose features are computed, at once
LAYOUT = 1  # a cache of another one is not read

Image = str | os.PathLike | bytes
"""The file of an image, or its encoded bytes."""


class Features(Protocol):
    """What makes features of images, such as an `ImageEncoder` with a frozen backbone.

    Example:
    ```python
    import hashlib

    class Brightness:
        features_digest = hashlib.sha256(b"brightness").hexdigest()

        def features(self, images):
            return images.mean(axis=(1, 2), keepdims=True)
    ```
    """

    features_digest: str

    def features(self, images: Any) -> Any:
        """float [B, h, w, F] of images, uint8 [B, H, W, 3]."""


@dataclasses.dataclass(frozen=True)
class ImageFiles:
    """Images that were read.

    Attributes:
        rows: uint8 [m, H, W, 3], or float [m, h, w, F]: features.
        row_of: {digest: row}.
        digests: {image: SHA-256 of its content}, of those that could be read and decoded.
        damage: {image: why it could not}.
        num_damaged: number of rows of the cache that were damaged and computed anew.

    Example:
    ```python
    import tensorflow as tf

    from seqgan_tf.data.image_files import read_images

    tf.io.write_file("red.png", tf.io.encode_png(tf.fill([9, 9, 3], tf.constant(200, tf.uint8))))
    files = read_images(["red.png"], (4, 4))
    print(files.of(["red.png", "red.png"]).shape)  # (2, 4, 4, 3)
    ```
    """

    rows: np.ndarray
    row_of: dict[str, int]
    digests: dict[Image, str]
    damage: dict[Image, str]
    num_damaged: int

    def of(self, images: Sequence[Image]) -> np.ndarray | IndexedRows:
        """The rows of images that could be read, [n, ...]: in memory, or where they are large, `IndexedRows`."""
        indices = np.array([self.row_of[self.digests[image]] for image in images], np.int64)
        rows = IndexedRows(self.rows, indices)
        size = len(rows) * int(np.prod(rows.shape[1:])) * rows.dtype.itemsize
        return rows if size > IN_MEMORY else np.asarray(rows)

    @functools.cached_property
    def names(self) -> dict[bytes, str]:
        """{digest of a row: the image that it was made of}."""
        images = {self.row_of[digest]: image for image, digest in reversed(self.digests.items())}
        return {row_digest(self.rows[row]): name_of(image) for row, image in images.items()}


def read_images(
    images: Iterable[Image],
    image_size: tuple[int, int],
    features: Features | None = None,
    cache: str | os.PathLike | None = None,
) -> ImageFiles:
    """Reads images, each different content once.

    Args:
        images: files, or encoded bytes.
        image_size: (H, W).
        features: makes features of them. Defaults to None: the images themselves.
        cache: folder in which the rows are kept, with the digests of the files: a file that has changed is read anew.
            Defaults to None: nothing is kept.

    Raises:
        InputError: the cache cannot be written to.
    """
    digests: dict[Image, str] = {}
    damage: dict[Image, str] = {}
    wrong: dict[str, str] = {}
    for image in dict.fromkeys(images):
        try:
            digests[image] = hashlib.sha256(content_of(image)).hexdigest()
        except InputError as error:
            damage[image] = str(error)
    settings: dict[str, Any] = {"layout": LAYOUT, "image_size": list(image_size)}
    settings["features"] = None if features is None else features.features_digest
    with open_rows(settings, cache) as store:
        missing = {digest: image for image, digest in digests.items()}
        missing = {digest: image for digest, image in missing.items() if not store.has(digest)}
        for batch in _batches(missing.items()):
            wrong |= _read_batch(store, dict(batch), image_size, features)
        rows = store.rows()
        row_of = {digest: number for digest, (number, _) in store.entries.items()}
        num_damaged = store.num_damaged
    damage |= {image: wrong[digest] for image, digest in digests.items() if digest in wrong}
    digests = {image: digest for image, digest in digests.items() if digest in row_of}
    return ImageFiles(rows, row_of, digests, damage, num_damaged)


def _read_batch(
    store: RowStore, images: dict[str, Image], image_size: tuple[int, int], features: Features | None
) -> dict[str, str]:
    """Adds the rows of images, {digest: image}; returns {digest: why it could not be decoded}."""
    import tensorflow as tf

    from seqgan_tf.data.image_decoding import EXPECTED, damage_of

    contents = [content_of(image) for image in images.values()]
    decoded, is_image = _decoder(image_size)(tf.constant(contents))
    kept = is_image.numpy()
    digests = np.array(list(images))
    if kept.any():
        rows = decoded.numpy()[kept]
        store.add(digests[kept].tolist(), rows if features is None else np.asarray(features.features(rows)))
    return {
        digest: f"{name_of(images[digest])}: expected {EXPECTED}. Received: another file ({damage_of(content)})"
        for digest, content, is_right in zip(images, contents, kept, strict=True)
        if not is_right
    }


@functools.cache
def _decoder(image_size: tuple[int, int]) -> Callable[[Any], tuple[Any, Any]]:
    import tensorflow as tf

    from seqgan_tf.core.graphs import graph_function
    from seqgan_tf.data.image_decoding import decode_images

    return graph_function(
        lambda contents: decode_images(contents, image_size), input_signature=[tf.TensorSpec([None], tf.string)]
    )


def content_of(image: Image) -> bytes:
    """The encoded bytes of an image.

    Raises:
        InputError: the file cannot be read.
    """
    return image if isinstance(image, bytes) else read_bytes(image, "an image")


def name_of(image: Image) -> str:
    """What an image is called in messages."""
    return f"an image of {len(image)} bytes" if isinstance(image, bytes) else os.fspath(image)


def row_digest(row: np.ndarray) -> bytes:
    """What tells one row from another."""
    return hashlib.sha256(np.ascontiguousarray(row).tobytes()).digest()


def _batches(items: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """Tuples of `BATCH` items; `itertools.batched` is of Python 3.12."""
    iterator = iter(items)
    while batch := tuple(itertools.islice(iterator, BATCH)):
        yield batch
