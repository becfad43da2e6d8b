"""Images as conditions: read once, kept on disk by the digests of their files, and named when they are wrong."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import tiny_images
from tiny_images import SIZE, image, png

from seqgan_tf.core.validation import InputError
from seqgan_tf.data import image_files
from seqgan_tf.data.condition_files import load_conditions
from seqgan_tf.data.image_files import read_images
from seqgan_tf.data.images import Images
from seqgan_tf.data.memory import IndexedRows

COLOURS = list(tiny_images.COLOURS)
EXPECTED = "expected an image that can be decoded: JPEG, PNG, GIF, BMP or WebP. Received: another file"


@pytest.fixture
def paths(tmp_path):
    """Three images of the size of `SIZE`; the last has the content of the first."""
    found = [tmp_path / f"{name}.png" for name in ("a", "b", "c")]
    for path, colour in zip(found, ("red", "green", "red"), strict=True):
        path.write_bytes(png(image(colour, "left")))
    return [str(path) for path in found]


@pytest.fixture
def decodings(monkeypatch):
    """The numbers of images that were decoded at once."""
    counts, decoder = [], image_files._decoder

    def counting(size):
        return lambda contents: counts.append(len(contents)) or decoder(size)(contents)

    monkeypatch.setattr(image_files, "_decoder", counting)
    return counts


class Means:
    """Features of a test: the means of the channels; it counts the images that it got."""

    def __init__(self, name="means"):
        self.features_digest, self.counts = hashlib.sha256(name.encode()).hexdigest(), []

    def features(self, images):
        self.counts.append(len(images))
        return images.mean(axis=(1, 2), keepdims=True, dtype=np.float32)


def test_paths_and_bytes_are_images(paths):
    images = Images(SIZE)
    found = images.encode([paths[1], png(image("blue", "right")), paths[0]])
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, [image("green", "left"), image("blue", "right"), image("red", "left")])
    assert Images(4).encode(paths).shape == (3, 4, 4, 3)


def test_each_content_is_decoded_once(paths, decodings):
    images = Images(SIZE)
    files = images.read([*paths, *paths])
    assert files.rows.shape == (2, *SIZE, 3)
    expected = [image("red", "left"), image("green", "left"), image("red", "left")]
    np.testing.assert_array_equal(images.encode(paths), expected)
    assert decodings == [2]


def test_many_images_are_read_from_a_file(paths, monkeypatch):
    monkeypatch.setattr(image_files, "IN_MEMORY", 100)
    images = Images(SIZE)
    images.read(paths)
    found = images.encode([paths[2], paths[1]])
    assert isinstance(found, IndexedRows)
    np.testing.assert_array_equal(found, [image("red", "left"), image("green", "left")])
    assert images.decode(found) == [paths[0], paths[1]]  # the first file of that content


def test_images_are_decoded_in_batches(tmp_path, monkeypatch, decodings):
    monkeypatch.setattr(image_files, "BATCH", 4)
    paths = []
    for i in range(10):
        paths.append(tmp_path / f"{i}.png")
        paths[-1].write_bytes(b"damaged" if i == 5 else png(image("blue", "left", shade=i)))
    files = read_images(paths, SIZE)
    assert decodings == [4, 4, 2]
    assert list(files.damage) == [paths[5]]
    for i in (0, 4, 6, 9):
        np.testing.assert_array_equal(files.of([paths[i]]), [image("blue", "left", shade=i)])


def test_a_cache_keeps_images_until_their_files_change(paths, tmp_path, decodings):
    cache = tmp_path / "cache"
    for _ in range(2):
        np.testing.assert_array_equal(read_images(paths, SIZE, cache=cache).of(paths[:1]), [image("red", "left")])
    assert decodings == [2]
    with open(paths[0], "wb") as file:
        file.write(png(image("blue", "right")))
    found = read_images(paths, SIZE, cache=cache).of(paths)
    np.testing.assert_array_equal(found, [image("blue", "right"), image("green", "left"), image("red", "left")])
    read_images(paths, (4, 4), cache=cache)  # another size has images of its own
    assert decodings == [2, 1, 3]


def test_a_damaged_cache_is_made_anew_and_says_so(paths, tmp_path):
    cache = tmp_path / "cache"
    expected = read_images(paths, SIZE, cache=cache).of(paths)
    (path,) = cache.glob("*.rows")
    content = bytearray(path.read_bytes())
    content[7] ^= 1
    path.write_bytes(content)
    files = read_images(paths, SIZE, cache=cache)
    assert files.num_damaged == 1
    np.testing.assert_array_equal(files.of(paths), expected)
    assert read_images(paths, SIZE, cache=cache).num_damaged == 0


def test_features_are_computed_once_for_each_content(paths, tmp_path):
    cache, means = tmp_path / "cache", Means()
    expected = [[[image(colour, "left").mean(axis=(0, 1))]] for colour in ("red", "green", "red")]
    for _ in range(2):
        images = Images(SIZE, means, cache)
        images.read(paths)
        found = images.encode(paths)
        assert (found.dtype, found.shape) == (np.float32, (3, 1, 1, 3))
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert means.counts == [2]
    with open(paths[1], "wb") as file:
        file.write(png(image("blue", "left")))
    np.testing.assert_allclose(
        read_images(paths, SIZE, means, cache).of(paths[1:2]), [[[image("blue", "left").mean(axis=(0, 1))]]], rtol=1e-5
    )
    other = Means("other")
    read_images(paths, SIZE, other, cache)  # other features have rows of their own
    assert (means.counts, other.counts) == ([2, 1], [2])


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "Input is empty"), (b"no image", "Unknown image file format.*"), (None, "No such file or directory")],
)
def test_what_is_no_image_is_named(content, reason, tmp_path):
    path = tmp_path / "a.png"
    expected = rf"{path}: expected an image that can be read \({reason}\)"
    if content is not None:
        path.write_bytes(content)
        expected = rf"{path}: {EXPECTED} \({reason}\)"
    with pytest.raises(InputError, match=f"^{expected}$"):
        Images(SIZE).encode([path])
    if content is not None:
        with pytest.raises(InputError, match=f"^an image of {len(content)} bytes: {EXPECTED}"):
            Images(SIZE).encode([content])


def test_a_device_is_no_image():
    with pytest.raises(InputError, match=r"^/dev/zero: expected an image. Received: a device or a pipe$"):
        Images(SIZE).encode(["/dev/zero"])


def test_images_that_were_read_before_are_named(paths):
    images = Images(SIZE)
    images.read(paths[:2])
    other = image("blue", "right")
    assert images.decode(np.stack([image("green", "left"), other])) == [paths[1], ""]


def test_images_that_were_encoded_are_named(paths):
    images = Images(SIZE)
    assert images.decode(images.encode(paths[:2])) == paths[:2]


def test_the_digest_is_one_of_the_contents(paths, tmp_path):
    images = Images(SIZE)
    first = images.digest(paths)
    images.read(paths)
    moved = [tmp_path / f"moved{i}.png" for i in range(3)]
    for path, source in zip(moved, paths, strict=True):
        path.write_bytes(Path(source).read_bytes())
    assert images.digest(paths) == images.digest(moved) == Images(4).digest(moved) == first
    moved[1].write_bytes(b"damaged")
    assert images.digest(moved) != first


def test_the_rules_are_saved_and_loaded(tmp_path):
    Images((5, 7)).save(tmp_path)
    loaded = load_conditions(tmp_path)
    assert isinstance(loaded, Images)
    assert (loaded.image_size, loaded.features, loaded.cache) == ((5, 7), None, None)


@pytest.mark.parametrize("size", ["[5]", "[5, 0]", "5", "[5, 7.5]", '"big"', "null"])
def test_damaged_rules_are_named(size, tmp_path):
    path = tmp_path / "conditions.json"
    path.write_text(f'{{"kind": "images", "image_size": {size}}}')
    expected = f"{path}: expected the rules of the conditions. Received: a damaged or foreign file"
    with pytest.raises(InputError, match=f"^{expected}$"):
        load_conditions(tmp_path)
