"""Corpora of images and texts: rows stay together, an image is in one part, and what cannot be read is named."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tiny_images

import seqgan_tf as sg
from seqgan_tf.core.validation import InputError
from seqgan_tf.data import image_files
from seqgan_tf.data.conditions import Several
from seqgan_tf.data.images import Images
from seqgan_tf.data.memory import IndexedRows

SETTINGS = {"batch_size": 8, "min_frequency": 1, "image_size": tiny_images.SIZE}


@pytest.fixture
def folder(tmp_path):
    return tiny_images.write_captions(tmp_path / "pictures")


def texts_of(folder):
    """{path of the image: its record}."""
    lines = (folder / "metadata.jsonl").read_text().splitlines()
    return {str(folder / line["file_name"]): line for line in map(json.loads, lines)}


def pixels_of(folder, name):
    return tf.io.decode_png((folder / name).read_bytes()).numpy()


def test_each_caption_keeps_its_image(folder):
    corpus = sg.CaptionCorpus.from_file(folder, **SETTINGS)
    records = texts_of(folder)
    seen = []
    for images, token_ids in (
        (corpus.train_condition, corpus.train_token_ids),
        (corpus.held_out_condition, corpus.held_out_token_ids),
    ):
        assert images.dtype == np.uint8
        for pixels, path, text in zip(images, corpus.conditions.decode(images), corpus.decode(token_ids), strict=True):
            np.testing.assert_array_equal(pixels, pixels_of(folder, path))
            same = [other for other in records if np.array_equal(pixels_of(folder, other), pixels)]
            assert text in {records[other]["text"] for other in same}
            seen.append(text)
    assert sorted(seen) == sorted(record["text"] for record in records.values())
    assert len(corpus.held_out_texts) == len(corpus.held_out_given) == len(corpus.held_out_token_ids)
    assert corpus.notes == []
    assert (corpus.task, corpus.beside) == ("captions", None)


def test_the_datasets_hold_images_and_token_ids(folder):
    corpus = sg.CaptionCorpus.from_file(folder, **SETTINGS)
    for dataset in (corpus.train, corpus.train_by_length, corpus.validation):
        images, token_ids = next(iter(dataset))
        assert (images.dtype, token_ids.dtype) == (tf.uint8, tf.int32)
        assert images.shape[1:] == (*tiny_images.SIZE, 3)


@pytest.mark.parametrize("seed", range(4))
def test_all_captions_of_an_image_are_in_one_part(seed, tmp_path):
    captions = {f"{i:02}.png": [f"text {i} {j}" for j in range(1 + i % 3)] for i in range(20)}
    path = tiny_images.write_coco(tmp_path, captions)
    (tmp_path / "copy.png").write_bytes((tmp_path / "00.png").read_bytes())  # the same image under another name
    content = json.loads(path.read_text())
    content["images"].append({"id": 1000, "file_name": "copy.png"})
    content["annotations"].append({"image_id": 1000, "caption": "text copy"})
    path.write_text(json.dumps(content))
    corpus = sg.CaptionCorpus.from_file(path, seed=seed, validation_split=0.4, **SETTINGS)
    parts = [{tuple(row.ravel()) for row in np.asarray(c)} for c in (corpus.train_condition, corpus.held_out_condition)]
    assert not parts[0] & parts[1]
    held_out = corpus.held_out_texts[:]
    for i in range(20):
        counts = [sum(text.startswith(f"text {i} ") for text in held_out), len(captions[f"{i:02}.png"])]
        assert counts[0] in (0, counts[1])
    assert ("text copy" in held_out) == ("text 0 0" in held_out)
    assert len(corpus.train_token_ids) + len(held_out) == 1 + sum(map(len, captions.values()))


@pytest.mark.parametrize("beside", ["prompt", "label"])
def test_a_condition_beside_the_image(beside, tmp_path):
    folder = tiny_images.write_captions(tmp_path / "pictures", beside=beside)
    corpus = sg.CaptionCorpus.from_file(folder, **SETTINGS)
    assert isinstance(corpus.conditions, Several)
    assert list(corpus.conditions.parts) == ["image", beside]
    records = texts_of(folder)
    given = zip(corpus.conditions.decode(corpus.train_condition), corpus.decode(corpus.train_token_ids), strict=True)
    for condition, text in given:
        asked = condition.split("\n")[1]
        same = [each for each in records.values() if each[beside] == asked and each["text"] == text]
        assert same
    condition, token_ids = next(iter(corpus.train))
    assert {name: tensor.dtype for name, tensor in condition.items()} == {"image": tf.uint8, beside: tf.int32}
    assert token_ids.shape[0] == condition["image"].shape[0] == condition[beside].shape[0] == 8
    assert corpus.notes == []


def test_parts_of_the_users_own(tmp_path, folder):
    test = tiny_images.write_captions(tmp_path / "test", count=3)
    corpus = sg.CaptionCorpus.from_file(folder, test=test, **SETTINGS)
    assert list(corpus.held_out_texts) == [each["text"] for each in texts_of(test).values()]
    assert list(corpus.held_out_given) == list(texts_of(test))
    for pixels, path in zip(corpus.held_out_condition, texts_of(test), strict=True):
        np.testing.assert_array_equal(pixels, pixels_of(test, path))
    assert len(corpus.validation_token_ids) == 4
    asked = tiny_images.write_captions(tmp_path / "asked", count=3, beside="prompt")
    expected = "^expected parts with the same field beside the image. Received: None and prompt$"
    with pytest.raises(InputError, match=expected):
        sg.CaptionCorpus.from_file(folder, test=asked, **SETTINGS)


def test_many_images_stay_in_their_file(folder, monkeypatch):
    small = sg.CaptionCorpus.from_file(folder, seed=3, **SETTINGS)
    monkeypatch.setattr(image_files, "IN_MEMORY", 1000)
    corpus = sg.CaptionCorpus.from_file(folder, seed=3, **SETTINGS)
    assert isinstance(corpus.train_condition, IndexedRows)
    np.testing.assert_array_equal(corpus.train_condition, small.train_condition)
    for found, expected in ((corpus.train, small.train), (corpus.validation, small.validation)):
        for (images, token_ids), (others, other_ids) in zip(found, expected, strict=True):
            np.testing.assert_array_equal(images, others)
            np.testing.assert_array_equal(token_ids, other_ids)


def test_the_digest_is_one_of_the_images_too(folder, tmp_path):
    first = sg.CaptionCorpus.from_file(folder, **SETTINGS).digest
    moved = folder.rename(tmp_path / "moved")
    assert sg.CaptionCorpus.from_file(moved, **SETTINGS).digest == first
    (moved / "003.png").write_bytes(tiny_images.png(tiny_images.image("blue", "left", shade=99)))
    assert sg.CaptionCorpus.from_file(moved, **SETTINGS).digest != first


def test_images_that_cannot_be_read_are_named_skipped_and_counted(tmp_path):
    folder = tiny_images.write_captions(tmp_path / "pictures", count=100)
    (folder / "007.png").write_text("no image")
    corpus = sg.CaptionCorpus.from_file(folder, **SETTINGS)
    assert len(corpus.train_token_ids) + len(corpus.held_out_token_ids) == 99
    (note,) = corpus.notes
    assert note.startswith(
        f"{folder}: 1 of 100 texts have an image that cannot be read; {folder}/007.png: expected an image that can be "
        "decoded: JPEG, PNG, GIF, BMP or WebP. Received: another file (Unknown image file format."
    )
    (folder / "008.png").write_text("")
    expected = (
        f"^{folder}: expected at most 1 of 100 texts to have an image that cannot be read. Received: 2 of 100; "
        f"{folder}/007.png: expected an image"
    )
    with pytest.raises(InputError, match=expected):
        sg.CaptionCorpus.from_file(folder, **SETTINGS)


def test_a_damaged_cache_is_noted(folder, tmp_path):
    cache = tmp_path / "cache"
    first = sg.CaptionCorpus.from_file(folder, cache=cache, **SETTINGS)
    (path,) = cache.glob("*.rows")
    path.write_bytes(b"\0" * path.stat().st_size)
    corpus = sg.CaptionCorpus.from_file(folder, cache=cache, **SETTINGS)
    (note,) = corpus.notes
    assert note.startswith(f"{cache}: damaged; ")
    assert note.endswith(" entries were made anew")
    np.testing.assert_array_equal(corpus.train_condition, first.train_condition)


def test_features_of_a_frozen_backbone(folder, tmp_path):
    import keras

    size = tiny_images.SIZE
    model = keras.Sequential([keras.layers.Input((*size, 3)), keras.layers.Conv2D(2, 5, strides=5)])
    encoder = sg.ImageEncoder(size, width=4, backbone=model, seed=1)
    settings = SETTINGS | {"features": encoder, "cache": tmp_path / "cache"}
    corpus = sg.CaptionCorpus.from_file(folder, **settings)
    plain = sg.CaptionCorpus.from_file(folder, **SETTINGS)
    assert corpus.train_condition.shape == (36, 2, 2, 2)
    for part, other in zip(encoder(corpus.train_condition), encoder(plain.train_condition), strict=True):
        np.testing.assert_allclose(part, other, atol=1e-5)
    model.layers[0].bias.assign([100.0, 100.0])  # another network, other features
    changed = sg.CaptionCorpus.from_file(folder, **settings | {"features": sg.ImageEncoder(size, backbone=model)})
    np.testing.assert_allclose(changed.train_condition, corpus.train_condition + 100, rtol=1e-4)


def test_rules_of_another_run(folder, tmp_path):
    asked = tiny_images.write_captions(tmp_path / "asked", beside="prompt")
    rules = sg.CaptionCorpus.from_file(asked, **SETTINGS).conditions
    again = sg.CaptionCorpus.from_file(asked, **SETTINGS | {"conditions": rules, "image_size": 99})
    assert again.conditions is rules
    assert again.train_condition["image"].shape[1:3] == tiny_images.SIZE
    with pytest.raises(InputError, match=f"^{folder}: expected the conditions image and prompt. Received: image$"):
        sg.CaptionCorpus.from_file(folder, conditions=rules, **SETTINGS)
    with pytest.raises(InputError, match=f"^{asked}: expected the conditions image. Received: image and prompt$"):
        sg.CaptionCorpus.from_file(asked, conditions=Images(8), **SETTINGS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["a.png"], ["a", "b"]), "images: expected as many conditions as texts. Received: 1 and 2"),
        ((["a.png"], ["a"], "question"), "`beside` must be 'prompt', 'label' or None. Received: 'question'"),
    ],
)
def test_arguments_that_make_no_sense(arguments, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        sg.CaptionCorpus(*arguments)


def test_encoded_images_are_taken_too():
    images = [tiny_images.png(tiny_images.image(colour, "left")) for colour in tiny_images.COLOURS] * 10
    corpus = sg.CaptionCorpus(images, [*tiny_images.COLOURS] * 10, validation_split=0.4, **SETTINGS)
    assert corpus.train_condition.shape == (20, *tiny_images.SIZE, 3)  # two of three different images
    for pixels, text in zip(corpus.train_condition, corpus.decode(corpus.train_token_ids), strict=True):
        np.testing.assert_array_equal(pixels, tiny_images.image(text, "left"))
