"""Encoded images as arrays of one size, by tf.io and tf.image. The same function reads files and requests to a server.

Axes: B batch, H and W height and width in pixels.
"""

import re

import tensorflow as tf

from seqgan_tf.core.graphs import mapped

EXPECTED = "an image that can be decoded: JPEG, PNG, GIF, BMP or WebP"
PARALLEL = 4  # images of a batch that are decoded at once


def decode_image(content: tf.Tensor, image_size: tuple[int, int]) -> tf.Tensor:
    """One encoded image, decoded and resized; its aspect ratio is not kept.

    Grey images, palettes, CMYK and 16 bits become RGB with 8 bits. Transparency is left out. An animation is its first
    frame.

    Args:
        content: string scalar, the bytes of a file.
        image_size: (H, W).

    Returns:
        uint8 [H, W, 3].
    """
    image = tf.io.decode_image(content, channels=3, expand_animations=False)
    resized = tf.image.resize(image, image_size, antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)


def decode_images(contents: tf.Tensor, image_size: tuple[int, int]) -> tuple[tf.Tensor, tf.Tensor]:
    """Encoded images, each decoded on its own, so that one which is damaged does not end the others.

    Args:
        contents: string [B].
        image_size: (H, W).

    Returns:
        (uint8 [B, H, W, 3], black where there is no image; whether there is one, bool [B]).
    """
    count = tf.size(contents, tf.int64)
    numbered = tf.data.Dataset.from_tensor_slices(contents).enumerate()
    decoded = mapped(numbered, lambda i, content: (i, decode_image(content, image_size)), num_parallel_calls=PARALLEL)
    # Damaged images are left out. A last, black one stands for them.
    black = tf.data.Dataset.from_tensors((count, tf.zeros([*image_size, 3], tf.uint8)))
    options = tf.data.Options()
    options.autotune.enabled = False  # its thread would delay the end of the iteration
    dataset = decoded.ignore_errors().concatenate(black).batch(count + 1).with_options(options)
    numbers, images = dataset.get_single_element()
    wanted = tf.range(count)
    found = tf.searchsorted(numbers, wanted)
    is_image = tf.gather(numbers, found) == wanted
    last = tf.size(numbers) - 1
    return tf.ensure_shape(tf.gather(images, tf.where(is_image, found, last)), [None, *image_size, 3]), is_image


def damage_of(content: bytes) -> str:
    """Why an image cannot be decoded, in the words of the decoder."""
    try:
        decode_image(tf.constant(content), (1, 1))
    except tf.errors.OpError as error:
        return re.sub(r"^\{\{.*?\}\} | \[Op:.*$", "", error.message).strip().rstrip(".")
    return "it has changed"
