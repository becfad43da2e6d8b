"""Where a generator looked at in an image: the image once for each token, dark where little was read.

Axes: H and W height and width in pixels, h and w the grid of the memory.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from seqgan_tf.data.captions import IMAGE
from seqgan_tf.reports import html

DARKEST = 0.15
"""Brightness of a map where nothing was read."""
STYLE = """
.pair { display: flex; flex-wrap: wrap; gap: 0.5rem 1.5rem; }
.pair > div { flex: 1 1 14rem; min-width: 0; }
.whole { flex: none; width: 192px; height: fit-content; image-rendering: pixelated; }
.maps { display: flex; flex-wrap: wrap; gap: 0.4rem; }
figure { margin: 0; text-align: center; font-size: 0.85rem; }
figure img { width: 72px; display: block; }
"""
"""CSS of a page with images and their maps."""


def grid_of(encoder: Any) -> tuple[int, int] | None:
    """(h, w) of the image among the conditions of an encoder: the first h * w positions of its memory are the cells.

    None where there is no image.
    """
    # The encoders of several conditions are in the order of their names; "image" is the first.
    return getattr(getattr(encoder, "encoders", {IMAGE: encoder}).get(IMAGE), "grid", None)


def brightened(image: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """An image uint8 [H, W, 3], dark where little was read, for weights float [h, w]."""
    spread = np.asarray(tf.image.resize(cells[..., np.newaxis], image.shape[:2]))
    return (image * (DARKEST + (1 - DARKEST) * spread / max(float(spread.max()), 1e-9))).astype(np.uint8)


def whole(image: np.ndarray) -> str:
    """An image uint8 [H, W, 3] in HTML."""
    return html.image(_png(image), "image", "whole")


def maps_of(image: np.ndarray, words: Sequence[str], maps: Iterable[np.ndarray]) -> str:
    """The image brightened by the map of each word, with the word below it, in HTML."""
    tiles = (
        f"<figure>{html.image(_png(brightened(image, cells)), 'map')}<figcaption>{html.escape(word)}"
        "</figcaption></figure>"
        for word, cells in zip(words, maps, strict=True)
    )
    return f'<div class="maps">{"".join(tiles)}</div>'


def _png(image: np.ndarray) -> bytes:
    return tf.io.encode_png(image).numpy()
