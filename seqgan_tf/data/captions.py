"""Texts that are generated for images, and perhaps for a prompt or a label beside the image."""

import os
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.conditions import Labels, Several, Sources, TextConditions
from seqgan_tf.data.image_files import Features
from seqgan_tf.data.images import Images
from seqgan_tf.data.pairs import ConditionalCorpus, Pairs
from seqgan_tf.data.parts import Parts
from seqgan_tf.data.records import CAPTIONS, DAMAGED_SHARE, Records, combined_digest, read_records
from seqgan_tf.data.text import TextCorpus

IMAGE = "image"


class CaptionCorpus(ConditionalCorpus):
    """Texts for images: captions, or answers to questions about an image.

    All texts of images with the same content are in one part. A text whose image cannot be read, or is none, is left
    out, and `notes` names the first such image. Images are decoded once; those of more than 64 MiB are read from a file
    when they are needed.

    Args:
        images: the file of the image of each text; with `beside`, the file and in a further line what is beside it.
        texts: the texts.
        beside: "prompt" or "label", a further condition. The condition is then a dict with "image" and it. Defaults to
            None: the image is the condition.
        image_size, features, cache: see `Images`. By default images have 64 x 64 pixels.
        conditions: how conditions are read, `image_size` included. Defaults to None: by the arguments above.
        validation, test: (images, texts) of their own. Default to None.
        **settings: as for `ConditionalCorpus`.

    Attributes:
        images: how images are read, an `Images`.

    Raises:
        InputError: more than 1 of 100 texts have an image that cannot be read, or as for `ConditionalCorpus`.

    Example:
    ```python
    import tensorflow as tf

    import seqgan_tf as sg

    for name, value in (("dark", 20), ("bright", 230)):
        tf.io.write_file(f"{name}.png", tf.io.encode_png(tf.fill([9, 9, 3], tf.constant(value, tf.uint8))))
    images, texts = ["dark.png", "bright.png"] * 50, ["a dark image", "a bright image"] * 50
    corpus = sg.CaptionCorpus(images, texts, validation_split=0.5, batch_size=32, image_size=8)
    print(corpus.train_condition.shape)  # (50, 8, 8, 3)
    ```
    """

    task = CAPTIONS

    def __init__(
        self,
        images: Sequence[Any],
        texts: Sequence[str],
        beside: str | None = None,
        image_size: int | Sequence[int] = 64,
        features: Features | None = None,
        cache: str | os.PathLike | None = None,
        conditions: TextConditions | None = None,
        validation: Pairs | None = None,
        test: Pairs | None = None,
        **settings: Any,
    ):
        if beside not in (None, "prompt", "label"):
            raise InputError(f"`beside` must be 'prompt', 'label' or None. Received: {beside!r}")
        self.beside, name = beside, settings.get("name", "images")
        self.images = Images(image_size) if conditions is None else images_of(conditions, beside, name)
        self.images.features, self.images.cache = features, cache
        self.image_notes: list[str] = []
        given, texts = self._readable(images, texts, name)
        own, own_test = (None if pair is None else self._readable(*pair, name) for pair in (validation, test))
        settings["groups"] = self._groups(given)
        super().__init__(given, texts, conditions=conditions, validation=own, test=own_test, **settings)

    def _readable(self, images: Sequence[Any], texts: Sequence[str], name: str) -> tuple[list[Any], list[str]]:
        given, texts, notes = readable(self.images, images, texts, self.beside is not None, name)
        self.image_notes += notes
        return given, texts

    def _groups(self, given: Sequence[Any]) -> np.ndarray:
        """The number of the content of each image: an image under two names is in one part too."""
        numbers: dict[str, int] = {}
        digests = (self.images.digest_of(image_file(each, self.beside is not None)) for each in given)
        return np.array([numbers.setdefault(digest, len(numbers)) for digest in digests], np.int32)

    def read_conditions(self, level: str, *rules: Any) -> TextConditions:
        if self.beside is None:
            return self.images
        train, validation, test = self.given
        parts = Parts(_beside(train), _beside(validation), None if test is None else _beside(test))
        if self.beside == "label":
            return Several({IMAGE: self.images, self.beside: Labels.of(parts.train)})
        lines = parts.vocabulary_lines(level, are_split=True)
        tokenizer = TextCorpus.train_tokenizer(self, lines, level, *rules)
        return Several({IMAGE: self.images, self.beside: Sources.of(parts.train, tokenizer)})

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike,
        validation: str | os.PathLike | None = None,
        test: str | os.PathLike | None = None,
        images: str | os.PathLike | None = None,
        **settings: Any,
    ) -> Self:
        """Reads captions and their images.

        Args:
            path: a folder of images with metadata, the file of metadata itself, or a .json file in COCO's layout, see
                `data.caption_files`.
            validation, test: the same, for parts of their own. Default to None.
            images: the folder of all images. Defaults to None: of each path the folder that it is in.
            **settings: as for the class.

        Raises:
            InputError: a file cannot be read, or as for the class.
        """
        own, own_test = (
            None if each is None else read_records(each, task=cls.task, images=images) for each in (validation, test)
        )
        records = read_records(path, task=cls.task, images=images)
        return cls.from_records(records, own, own_test, **({"name": str(path)} | settings))

    @classmethod
    def _of(cls, records: Records, validation: Records | None, test: Records | None, **settings: Any) -> Self:
        for part in (validation, test):
            if part is not None and part.beside != records.beside:
                received = f"{records.beside} and {part.beside}"
                raise InputError(f"expected parts with the same field beside the image. Received: {received}")
        return super()._of(records, validation, test, beside=records.beside, **settings)

    @classmethod
    def from_records(
        cls, records: Records, validation: Records | None = None, test: Records | None = None, **settings: Any
    ) -> Self:
        """As for `TextCorpus`; the digest is one of the images too."""
        corpus = super().from_records(records, validation, test, **settings)
        read = [part for part in (records, validation, test) if part is not None]
        corpus.digest = combined_digest([captions_digest(part, corpus.images) for part in read])
        return corpus

    @property
    def notes(self) -> list[str]:
        """As for `ConditionalCorpus`, and which images could not be read."""
        return [*super().notes, *self.image_notes]


def image_file(given: Any, has_more: bool) -> Any:
    """The image of a condition: the condition itself, or where there is more beside the image, its first line."""
    return given.split("\n", 1)[0] if has_more else given


def _beside(given: Sequence[str]) -> list[str]:
    """What is beside the image of each condition: all but its first line."""
    return [each.split("\n", 1)[1] for each in given]


def images_of(conditions: TextConditions, beside: str | None, name: str) -> Images:
    """The `Images` among the conditions of a run, for further data.

    Args:
        conditions: how the conditions of the run are read.
        beside: what the data have beside the image.
        name: name of the data in messages.

    Raises:
        InputError: the data have other conditions.
    """
    parts = conditions.parts if isinstance(conditions, Several) else {IMAGE: conditions}
    expected, received = (" and ".join(names) for names in (parts, [IMAGE, *filter(None, [beside])]))
    found = parts.get(IMAGE)
    if expected != received or not isinstance(found, Images):
        raise InputError(f"{name}: expected the conditions {expected}. Received: {received}")
    return found


def readable(
    images: Images, given: Sequence[Any], texts: Sequence[str], has_more: bool, name: str
) -> tuple[list[Any], list[str], list[str]]:
    """Leaves out the texts whose image cannot be read.

    Args:
        images: reads the images, and remembers them.
        given: the condition of each text: an image, or a text whose first line is the file of the image.
        texts: the texts.
        has_more: whether there is more beside the image.
        name: name of the data in messages.

    Returns:
        (the conditions that are kept, their texts, notes).

    Raises:
        InputError: different numbers of conditions and texts, or more than 1 of 100 are left out.
    """
    if len(given) != len(texts):
        raise InputError(f"{name}: expected as many conditions as texts. Received: {len(given)} and {len(texts)}")
    files = images.read(image_file(each, has_more) for each in given)
    kept = [i for i, each in enumerate(given) if image_file(each, has_more) not in files.damage]
    lost, notes = len(given) - len(kept), []
    if lost > DAMAGED_SHARE * len(given):
        raise InputError(
            f"{name}: expected at most 1 of 100 texts to have an image that cannot be read. "
            f"Received: {lost} of {len(given)}; {next(iter(files.damage.values()))}"
        )
    if lost:
        first = next(iter(files.damage.values()))
        notes.append(f"{name}: {lost} of {len(given)} texts have an image that cannot be read; {first}")
    if files.num_damaged:
        notes.append(f"{images.cache}: damaged; {files.num_damaged} entries were made anew")
    return [given[i] for i in kept], [texts[i] for i in kept], notes


def captions_digest(records: Records, images: Images) -> str:
    """SHA-256 of captions and of the contents of their images.

    Args:
        records: the captions.
        images: reads the images; those that it has read before are not read again.
    """
    files = (given.split("\n", 1)[0] for given in records.conditions or ())
    return combined_digest([records.digest, images.digest(files)])
