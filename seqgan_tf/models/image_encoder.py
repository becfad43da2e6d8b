"""An encoder of images: convolutions of its own, or a Keras model that makes features of images.

Axes: B batch, H and W height and width in pixels, h and w the grid of features, F features, C width.
"""

import functools
import hashlib
import json
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqgan_tf.core import seeds
from seqgan_tf.core.optimizers import check_policy
from seqgan_tf.core.random_state import RandomStateModel
from seqgan_tf.core.validation import InputError, check_at_least, image_size_of, real_number, whole_number
from seqgan_tf.models.attention import Context

PREPROCESSING = (None, "tf", "caffe", "torch")


@keras.saving.register_keras_serializable(package="seqgan_tf")
class ImageEncoder(RandomStateModel):
    """Images as contexts: a position of the memory for each cell of a grid over the image.

    Its own network halves the image with each convolution of `filters`, and has one convolution more. With a backbone,
    any Keras model of images with a grid of features as output, the encoder reads these features. The memory is
    LayerNorm(relu(W f + p)) of the features f of a cell and a trained vector p for its position. The summary is the
    mean and the maximum of the memory over the cells.

    A backbone runs in inference mode, so that batch normalization uses its stored statistics: the context of an image
    never depends on the other images of a batch. The features of a frozen backbone can be computed once: `call` takes
    them too, see `CaptionCorpus`.

    Args:
        image_size: height and width in pixels, or one number for both. Defaults to 64.
        filters: number of filters of each of its own convolutions with stride 2. Defaults to (32, 64, 128): a grid of
            8 x 8 for 64 x 64 pixels. Without effect where there is a backbone.
        width: C, the width of the memory; the summary has 2 C. Defaults to 128.
        backbone: a Keras model of images, float [B, H, W, 3], with an output [B, h, w, F], such as a model of
            `keras.applications` with `include_top=False`. Defaults to None.
        preprocessing: how the backbone takes the values of pixels: "tf", "caffe" or "torch", the modes of
            `keras.applications.imagenet_utils.preprocess_input`. Defaults to None: 0 to 255, for models that scale them
            by themselves (EfficientNet, MobileNetV3, ConvNeXt).
        trainable_backbone: whether the backbone is trained too. Defaults to False: it is frozen.
        dropout: rate in [0, 1), on the features, under `training=True`. Defaults to 0.
        seed: makes the initial weights and the dropout reproducible, those of a backbone excepted. Defaults to None:
            drawn.
        **kwargs: arguments of `keras.Model`, such as `name` and `dtype`.

    Raises:
        InputError: a setting is out of its range, or the backbone does not map images to a grid of features.

    Example:
    ```python
    import numpy as np

    import seqgan_tf as sg

    encoder = sg.ImageEncoder(image_size=32, filters=(8, 16), width=24)
    memory, mask, summary = encoder(np.zeros([2, 32, 32, 3], np.uint8))  # [2, 64, 24], [2, 64], [2, 48]
    ```
    """

    built: bool

    def __init__(
        self,
        image_size: int | Sequence[int] = 64,
        filters: Sequence[int] = (32, 64, 128),
        width: int = 128,
        backbone: keras.Model | None = None,
        preprocessing: str | None = None,
        trainable_backbone: bool = False,
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_policy(self.dtype_policy)
        self.image_size = image_size_of(image_size)
        self.filters = tuple(whole_number("filters", count) for count in filters)
        self.width, self.dropout = whole_number("width", width), real_number("dropout", dropout)
        self.seed = None if seed is None else whole_number("seed", seed)
        check_at_least(1, width=self.width, filters=min(self.filters, default=0))
        if not 0 <= self.dropout < 1:
            raise InputError(f"`dropout` must be in [0, 1). Received: {dropout}")
        if preprocessing not in PREPROCESSING:
            raise InputError(f"`preprocessing` must be one of {list(PREPROCESSING)}. Received: {preprocessing!r}")
        if preprocessing is not None and backbone is None:
            raise InputError(f"`preprocessing` needs a `backbone`. Received: {preprocessing!r} without one")
        self.backbone, self.preprocessing, self.trainable_backbone = backbone, preprocessing, bool(trainable_backbone)
        ints = seeds.integers(self.seed, seeds.WeightStream.ENCODER)
        self.convolutions = []
        if backbone is None:
            self.convolutions = [
                keras.layers.Conv2D(
                    count,
                    3,
                    strides=stride,
                    padding="same",
                    activation="relu",
                    kernel_initializer=keras.initializers.HeNormal(seed=next(ints)),
                    dtype=self.dtype_policy,
                    name=f"convolution_{i}",
                )
                for i, (count, stride) in enumerate([*((n, 2) for n in self.filters), (self.filters[-1], 1)])
            ]
        else:
            backbone.trainable = self.trainable_backbone
        self.features_shape = self._features_shape()
        self.dropout_layer = keras.layers.Dropout(self.dropout, seed=next(ints), dtype=self.dtype_policy)
        self.projection = keras.layers.Dense(
            self.width,
            kernel_initializer=keras.initializers.GlorotUniform(seed=next(ints)),
            dtype=self.dtype_policy,
            name="projection",
        )
        self.normalization = keras.layers.LayerNormalization(dtype=self.dtype_policy, name="normalization")
        self.projection.build((None, None, self.features_shape[2]))
        self.normalization.build((None, None, self.width))
        self.positions = self.add_weight(
            shape=(self.features_shape[0] * self.features_shape[1], self.width),
            initializer=keras.initializers.RandomNormal(stddev=0.5, seed=next(ints)),
            name="positions",
        )
        self.built = True

    @property
    def memory_dim(self) -> int:
        """C."""
        return self.width

    @property
    def summary_dim(self) -> int:
        """2 C."""
        return 2 * self.width

    @property
    def grid(self) -> tuple[int, int]:
        """(h, w): position i of the memory is the cell (i // w, i % w)."""
        return self.features_shape[:2]

    @property
    def condition_spec(self) -> tf.TensorSpec:
        """What an exported model takes where it does not decode images."""
        return tf.TensorSpec([None, *self.image_size, 3], tf.uint8, name="image")

    @functools.cached_property
    def features_digest(self) -> str:
        """SHA-256 of all that the features of a frozen backbone depend on: they are computed once for each digest.

        Raises:
            InputError: there is no backbone, or it is trained.
        """
        if self.backbone is None or self.trainable_backbone:
            raise InputError("`features` must be an `ImageEncoder` with a frozen backbone. Received: another encoder")
        digest = hashlib.sha256(json.dumps([self.image_size, self.preprocessing, self.features_shape]).encode())
        digest.update(json.dumps(self.backbone.get_config(), sort_keys=True, default=str).encode())
        for weight in self.backbone.get_weights():
            digest.update(np.ascontiguousarray(weight).tobytes())
        return digest.hexdigest()

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """The features of images, by its own convolutions or the backbone.

        Args:
            images: uint8 or float [B, H, W, 3], values from 0 to 255.

        Returns:
            float [B, h, w, F].
        """
        x = tf.cast(images, tf.float32)
        if self.backbone is None:
            x = tf.cast(x / 127.5 - 1, self.compute_dtype)
            for convolution in self.convolutions:
                x = convolution(x)
            return x
        if self.preprocessing is not None:
            x = keras.applications.imagenet_utils.preprocess_input(x, mode=self.preprocessing)
        return tf.cast(self.backbone(x, training=False), self.compute_dtype)

    def call(self, condition: tf.Tensor, training: bool = False) -> Context:
        """The context of images.

        Args:
            condition: images, uint8 or float [B, H, W, 3], values from 0 to 255; or what `features` made of them, float
                [B, h, w, F].
            training: whether dropout is on.

        Returns:
            `Context` with memory [B, h * w, C], mask [B, h * w] and summary [B, 2 * C].

        Raises:
            InputError: images of another size.
        """
        shape = condition.shape[1:]
        if tuple(shape) != self.features_shape:
            if tuple(shape) != (*self.image_size, 3):
                raise InputError(
                    f"`condition` must be images [B, {self.image_size[0]}, {self.image_size[1]}, 3], or their features "
                    f"{['B', *self.features_shape]}. Received: shape {tuple(condition.shape)}".replace("'", "")
                )
            condition = self.features(condition)
        x = self.dropout_layer(tf.cast(condition, self.compute_dtype), training=training)
        x = tf.reshape(x, [-1, self.positions.shape[0], self.features_shape[2]])
        x = self.normalization(tf.nn.relu(self.projection(x) + tf.cast(self.positions, self.compute_dtype)))
        summary = tf.concat([tf.reduce_mean(x, axis=1), tf.reduce_max(x, axis=1)], axis=1)
        return Context(x * self.width**-0.5, tf.ones_like(x[..., 0], tf.float32), summary)

    def _features_shape(self) -> tuple[int, int, int]:
        """(h, w, F)."""
        shape = tuple(self.features(tf.zeros([1, *self.image_size, 3])).shape[1:])  # makes the weights too
        if len(shape) != 3:
            raise InputError(
                "`backbone` must return a grid of features [B, h, w, F], as with `include_top=False`. "
                f"Received: shape {('B', *shape)}".replace("'", "")
            )
        return shape

    def get_config(self) -> dict[str, Any]:
        names = ("image_size", "filters", "width", "preprocessing", "trainable_backbone", "dropout", "seed")
        backbone = None if self.backbone is None else keras.saving.serialize_keras_object(self.backbone)
        return {**super().get_config(), **{name: getattr(self, name) for name in names}, "backbone": backbone}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> "ImageEncoder":
        backbone = keras.saving.deserialize_keras_object(config["backbone"], custom_objects)
        return cls(**config | {"backbone": backbone})
