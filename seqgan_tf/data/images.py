"""Conditions that are images, as arrays that an encoder takes, and the files that keep their rules.

Axes: n rows, H and W height and width in pixels.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from seqgan_tf.core.validation import InputError, image_size_of
from seqgan_tf.data.conditions import TextConditions, write_rules
from seqgan_tf.data.image_files import Features, Image, ImageFiles, content_of, read_images, row_digest
from seqgan_tf.data.memory import IndexedRows


class Images(TextConditions):
    """Images, decoded and resized: JPEG, PNG, GIF (its first frame), BMP and WebP.

    Grey images, palettes, CMYK and 16 bits become RGB with 8 bits; transparency is left out; the aspect ratio is not
    kept. Images that were read are remembered, so that a corpus decodes each file once.

    Args:
        image_size: height and width in pixels, or one number for both. Defaults to 64.
        features: an `ImageEncoder` with a frozen backbone: conditions are then its features, computed once. Defaults to
            None: the images themselves.
        cache: folder that keeps images, or features, for the next run, by the digests of their files. Defaults to None.

    Raises:
        InputError: `image_size` is out of its range.

    Example:
    ```python
    import tensorflow as tf

    from seqgan_tf.data.images import Images

    tf.io.write_file("red.png", tf.io.encode_png(tf.fill([9, 9, 3], tf.constant(200, tf.uint8))))
    print(Images(image_size=32).encode(["red.png"]).shape)  # (1, 32, 32, 3)
    ```
    """

    kind = "images"

    def __init__(
        self,
        image_size: int | Sequence[int] = 64,
        features: Features | None = None,
        cache: str | os.PathLike | None = None,
    ) -> None:
        self.image_size = image_size_of(image_size)
        self.features, self.cache = features, cache
        self._read: list[ImageFiles] = []
        self._names: dict[bytes, str] = {}

    def read(self, images: Iterable[Image]) -> ImageFiles:
        """Reads images and remembers them. Those that cannot be read are in `damage` of the result."""
        files = read_images(images, self.image_size, self.features, self.cache)
        self._read.append(files)
        return files

    def encode(self, texts: Iterable[Image]) -> np.ndarray | IndexedRows:  # type: ignore[override]
        """Images of files, or of encoded bytes.

        Args:
            texts: paths, or bytes.

        Returns:
            uint8 [n, H, W, 3], or features, float [n, h, w, F]. Large ones are `IndexedRows`.

        Raises:
            InputError: one cannot be read, or is no image.
        """
        images = list(texts)
        for files in self._read:
            if all(image in files.digests for image in images):
                return files.of(images)
        files = read_images(images, self.image_size, self.features)
        if files.damage:
            raise InputError(next(iter(files.damage.values())))
        self._names |= files.names
        return files.of(images)

    def decode(self, condition: np.ndarray) -> list[str]:
        """The file of each row of an array, where it was read before; else ""."""
        names = [self._names, *(files.names for files in self._read)]
        digests = [row_digest(row) for row in np.asarray(condition)]
        return [next((known[digest] for known in names if digest in known), "") for digest in digests]

    def digest(self, images: Iterable[Image]) -> str:
        """SHA-256 of the contents of images. One that cannot be read counts as an empty file."""
        total = hashlib.sha256()
        for image in dict.fromkeys(images):
            total.update(self.digest_of(image).encode())
        return total.hexdigest()

    def digest_of(self, image: Image) -> str:
        """SHA-256 of the content of an image, as in `digest`."""
        for files in self._read:
            if image in files.digests:
                return files.digests[image]
        try:
            return hashlib.sha256(content_of(image)).hexdigest()
        except InputError:
            return hashlib.sha256(b"").hexdigest()

    def save(self, directory: Path) -> None:
        write_rules(directory, {"kind": self.kind, "image_size": self.image_size})
