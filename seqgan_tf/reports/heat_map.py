"""A picture of explanations: each token of each sequence, coloured by what it is worth."""

import os
from collections.abc import Sequence

import numpy as np

from seqgan_tf.core.validation import InputError
from seqgan_tf.reports.explanation import Explanation
from seqgan_tf.reports.image_maps import brightened
from seqgan_tf.reports.plots import new_figure, save_figure

ROWS = (("advantage", "advantage"), ("logit share", "logit_share"))
LONGEST = 60
"""Most tokens in a picture; further ones are left out, which it says."""
IMAGE_ROWS = 2
"""Rows that an image takes: a token's column is twice as wide as a row is high."""


def plot_explanations(explanations: Sequence[Explanation], path: str | os.PathLike) -> None:
    """Draws the advantage of each token and its share of the discriminator's logit; with attention, that too.

    Attention to an image is drawn as the image, dark where little was read.

    Args:
        explanations: explained sequences, one below the other, at least one.
        path: PNG file to write.

    Raises:
        MissingExtraError: matplotlib is not installed.
        InputError: there is no explanation, or the file cannot be written.
    """
    if not explanations:
        raise InputError("`explanations` must hold at least one. Received: none")
    longest = min(max(len(found.tokens) for found in explanations), LONGEST)
    names = [[] if found.source is None else found.source[found.cells :] for found in explanations]
    rows = [
        len(ROWS) + len(sources) + IMAGE_ROWS * (found.image is not None)
        for sources, found in zip(names, explanations, strict=True)
    ]
    heights = [0.9 + 0.35 * count for count in rows]
    figure = new_figure(figsize=(2.5 + 0.75 * longest, sum(h + 0.9 for h in heights)), layout="constrained")
    panels = np.atleast_1d(figure.subplots(len(explanations), 1, height_ratios=heights))
    for axes, found, sources, height in zip(panels, explanations, names, rows, strict=True):
        tokens = found.tokens[:longest]
        values = [np.array([getattr(token, name) for token in tokens]) for _, name in ROWS]
        shown = [row / max(np.abs(row).max(), 1e-9) for row in values]
        labels = [label for label, _ in ROWS]
        if sources:
            weights = np.array(found.attention)[:longest, found.cells :].T
            values += [*weights]
            shown += [*weights]
            labels += [f"reads {name}" for name in sources]
        axes.imshow(np.array(shown), cmap="RdBu", vmin=-1.3, vmax=1.3, aspect="auto")
        for row, numbers in enumerate(values):
            for column, value in enumerate(numbers):
                text = f"{value:+.2f}" if row < len(ROWS) else f"{value:.2f}"
                tone = "white" if abs(shown[row][column]) > 0.8 else "black"
                axes.text(column, row, text, ha="center", va="center", fontsize=8, color=tone)
        places = [*range(len(labels))]
        if found.image is not None:
            labels.append("reads")
            places.append(height - (1 + IMAGE_ROWS) / 2)
            for column, cells in enumerate(found.maps[:longest]):
                extent = (column - 0.46, column + 0.46, height - 0.54, height - 0.46 - IMAGE_ROWS)
                axes.imshow(brightened(found.image, cells), extent=extent, aspect="auto")
            axes.set(xlim=(-0.5, len(tokens) - 0.5), ylim=(height - 0.5, -0.5))
        axes.set_yticks(places, [_plain(label) for label in labels])
        texts = [_plain(token.token) for token in tokens]
        axes.set_xticks(range(len(tokens)), texts, rotation=30, ha="right", rotation_mode="anchor")
        cut = f", first {longest} of {len(found.tokens)} tokens" if len(found.tokens) > longest else ""
        axes.set_title(f"logit {found.logit:+.2f}, of which no token has {found.rest:+.2f}{cut}", fontsize=9)
    save_figure(figure, path)


def _plain(text: str) -> str:
    """A text in which matplotlib finds no formula."""
    return text.replace("$", r"\$")
