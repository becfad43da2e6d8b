"""Decoding: every format against another library, and damaged images among others."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from seqgan_tf.data.image_decoding import damage_of, decode_image, decode_images

H, W = 9, 14


@pytest.fixture
def picture():
    """A smooth image, so that lossy formats keep it nearly as it is."""
    y, x = np.mgrid[:H, :W]
    return Image.fromarray(np.stack([25 * y, 15 * x, 10 * (x + y)], axis=2).astype(np.uint8))


def encoded(picture, mode, kind, **settings):
    stream = io.BytesIO()
    picture.convert(mode).save(stream, kind, **settings)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("mode", "kind", "tolerance"),
    [
        ("RGB", "PNG", 0),
        ("L", "PNG", 0),
        ("1", "PNG", 0),
        ("P", "PNG", 0),
        ("LA", "PNG", 0),
        ("RGB", "BMP", 0),
        ("L", "BMP", 0),
        ("P", "GIF", 0),
        ("RGB", "JPEG", 6),
        ("L", "JPEG", 6),
        ("CMYK", "JPEG", 6),
        ("RGB", "WEBP", 8),
    ],
)
def test_an_image_of_any_kind_is_that_of_another_library(mode, kind, tolerance, picture):
    content = encoded(picture, mode, kind)
    expected = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), int)
    found = decode_image(tf.constant(content), (H, W))
    assert (found.dtype, found.shape) == (tf.uint8, (H, W, 3))
    assert np.abs(found.numpy() - expected).max() <= tolerance


def test_transparency_is_left_out(picture):
    picture.putalpha(40)
    found = decode_image(tf.constant(encoded(picture, "RGBA", "PNG")), (H, W))
    np.testing.assert_array_equal(found, np.asarray(picture)[..., :3])


def test_16_bits_become_8():
    values = np.arange(H * W, dtype=np.uint16).reshape(H, W) * 500
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG")
    found = decode_image(tf.constant(stream.getvalue()), (H, W)).numpy()
    np.testing.assert_array_equal(found, np.repeat((values >> 8)[..., np.newaxis], 3, axis=2))


def test_an_animation_is_its_first_frame(picture):
    frames = [picture.convert("P"), Image.new("P", (W, H))]
    stream = io.BytesIO()
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(
        decode_image(tf.constant(stream.getvalue()), (H, W)),
        decode_image(tf.constant(encoded(picture, "P", "GIF")), (H, W)),
    )


def test_a_smaller_image_is_the_mean_of_the_pixels():
    pixels = np.repeat(np.repeat(np.array([[10, 30], [50, 90]], np.uint8), 8, axis=0), 8, axis=1)
    content = tf.io.encode_png(np.repeat(pixels[..., np.newaxis], 3, axis=2))
    np.testing.assert_array_equal(decode_image(content, (1, 1)), [[[45, 45, 45]]])  # bilinear, with antialiasing


def test_a_damaged_image_does_not_end_the_others(picture):
    right = [encoded(picture, "RGB", kind) for kind in ("PNG", "JPEG", "BMP")]
    contents = [right[0], b"", right[1], right[0][:60], b"no image", right[2], right[1][:60]]
    images, is_image = tf.function(lambda values: decode_images(values, (4, 5)))(tf.constant(contents))
    np.testing.assert_array_equal(is_image, [True, False, True, False, False, True, False])
    for i, content in zip((0, 2, 5), right, strict=True):
        np.testing.assert_array_equal(images[i], decode_image(tf.constant(content), (4, 5)))
    assert not np.any(images.numpy()[[1, 3, 4, 6]])
    images, is_image = decode_images(tf.constant([b"x", b"y"]), (4, 5))
    assert (images.shape, is_image.numpy().tolist()) == ((2, 4, 5, 3), [False, False])
    assert decode_images(tf.constant([], tf.string), (4, 5))[0].shape == (0, 4, 5, 3)


def test_the_reason_is_one_of_the_decoder():
    assert damage_of(b"") == "Input is empty"
    assert damage_of(b"no image").startswith("Unknown image file format. One of JPEG, ")
    assert damage_of(tf.io.encode_png(np.zeros([9, 9, 3], np.uint8)).numpy()[:50]).startswith("Invalid PNG data")
