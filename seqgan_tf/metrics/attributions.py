"""What each token of a sequence adds to the discriminator's logit.

The logit is not linear in what the network reads, so it is split along a straight line (integrated gradients,
Sundararajan, Taly and Yan, 2017, equation 1): the share of an input x_i is x_i times the mean of dlogit/dx_i over the
points a * x, a in (0, 1). The shares add up to the logit of x less the logit of 0.

The convolutional `Discriminator` is split in two parts. Its logit is a function of features, the maximum of each filter
over the windows: they are the inputs x_i above. A feature belongs to the window that won the maximum, and is linear in
the tokens of that window, so what follows from there on is exact. Other discriminators are split at the embeddings of
the tokens.

Axes: B batch, T sequence length, E size of the embeddings, W width of a window, F filters, A points of the line.
"""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from seqgan_tf.core.conditions import bound, check_rows, take_rows, takes_condition
from seqgan_tf.core.padding import PADDING
from seqgan_tf.core.sequences import check_length, check_token_ids, lengths
from seqgan_tf.core.validation import InputError, check_at_least, whole_number
from seqgan_tf.models.conv_discriminator import Discriminator

STEPS = 128
WINDOWS, GRADIENTS = "windows of the convolutions", "integrated gradients of the embeddings"


class Window(NamedTuple):
    """A window of a convolution that won the maximum of at least one filter.

    Attributes:
        start: its first position.
        width: W.
        filters: number of filters whose maximum it won.
        weight: what these add to the logit.

    Example:
    ```python
    import numpy as np

    import seqgan_tf as sg

    found = sg.metrics.logit_attributions(sg.Discriminator(50, 4), np.array([[4, 7, 9, 2]]))
    print(max(found.windows[0], key=lambda window: abs(window.weight)))
    ```
    """

    start: int
    width: int
    filters: int
    weight: float


@dataclasses.dataclass(frozen=True)
class Attributions:
    """The logits of B sequences, split: logits = tokens, summed over T, + rest + gap.

    Attributes:
        method: how they were split, in words.
        logits: float64 [B], log-odds that each sequence is real.
        tokens: float64 [B, T], what each token adds; 0 on padding.
        rest: float64 [B], what belongs to no token: biases, and what the network makes of padding.
        gap: float64 [B], the numerical error of the split.
        windows: of the convolutional `Discriminator`, for each sequence the windows that won a maximum, those of large
            weight first: logits = weights of the windows + base + gap. None for others.
        base: float64 [B], the logit where no feature is above 0; None where `windows` is.

    Example:
    ```python
    import numpy as np

    import seqgan_tf as sg

    found = sg.metrics.logit_attributions(sg.Discriminator(50, 4), np.array([[4, 7, 9, 2], [3, 0, -1, -1]]))
    print(found.tokens.sum(axis=1) + found.rest + found.gap - found.logits)  # [0, 0]
    ```
    """

    method: str
    logits: np.ndarray
    tokens: np.ndarray
    rest: np.ndarray
    gap: np.ndarray
    windows: list[list[Window]] | None = None
    base: np.ndarray | None = None


def logit_attributions(
    discriminator: keras.Model, token_ids: np.ndarray, condition: Any = None, steps: int = STEPS
) -> Attributions:
    """Splits the logits of a discriminator into what each token adds. Dropout is off.

    Args:
        discriminator: a `Discriminator`, or another one with one embedding of the tokens.
        token_ids: int [B, T], B >= 1, padded with -1.
        condition: the conditions, a nest of arrays [B, ...], for a discriminator with an encoder. Defaults to None.
        steps: A, points of the line. The gap falls with it. Defaults to 128.

    Returns:
        The logits and their parts. Positive numbers speak for "real", negative ones for "generated".

    Raises:
        InputError: ids outside the vocabulary, sequences that are too long, conditions that are missing or not
            expected, `steps` < 1, or a discriminator without an embedding of the tokens.

    Example:
    ```python
    import numpy as np

    import seqgan_tf as sg

    discriminator = sg.RecurrentDiscriminator(50, sequence_length=4, hidden_dim=8)
    found = sg.metrics.logit_attributions(discriminator, np.array([[4, 7, 9, 2], [3, 0, -1, -1]]))
    print(found.tokens)  # [2, 4]
    ```
    """
    steps = whole_number("steps", steps)
    check_at_least(1, steps=steps)
    check_token_ids(token_ids, discriminator.vocabulary_size)
    token_ids = np.asarray(token_ids, np.int32)
    if token_ids.ndim != 2 or not len(token_ids):
        raise InputError(f"`token_ids` must be of shape [B, T], B >= 1. Received: shape {token_ids.shape}")
    check_length(token_ids, discriminator.sequence_length)
    check_rows(discriminator, condition, len(token_ids))
    has_windows = isinstance(discriminator, Discriminator) and type(discriminator).call is Discriminator.call
    split = _by_windows if has_windows else _by_gradients
    found = []
    for row in range(len(token_ids)):  # one by one, because each has A copies
        context = None
        if takes_condition(discriminator):
            context = discriminator.encode(take_rows(condition, tf.constant([row])))
        found.append(split(discriminator, token_ids[row], context, steps))
    logits, tokens, rest = (np.stack([part[i] for part in found]) for i in range(3))
    gap = logits - tokens.sum(axis=1) - rest
    if not has_windows:
        return Attributions(GRADIENTS, logits, tokens, rest, gap)
    return Attributions(
        WINDOWS, logits, tokens, rest, gap, [part[3] for part in found], np.stack([p[4] for p in found])
    )


def _by_windows(discriminator, row, context, steps):
    """(logit, tokens [T], rest, windows, base) of a sequence [T], split at the features of the windows."""
    length = int(np.count_nonzero(row != PADDING))
    missing = max(max(discriminator.widths) - len(row), 0)  # as `call` pads
    token_ids = tf.constant(np.pad(row, [0, missing], constant_values=PADDING)[np.newaxis])
    x = discriminator.embed(token_ids)  # [1, T, E]
    values = [discriminator.windows(layer, x, lengths(token_ids))[0] for layer in discriminator.convolutions]
    starts = [np.argmax(_float(value), axis=0) for value in values]  # of the window that won each filter
    features = tf.nn.relu(tf.concat([tf.reduce_max(value, axis=0) for value in values], axis=0))  # [F]

    def classify(some):
        return discriminator.classify(some, context)

    slopes = _mean_gradient(classify, features, steps)
    logit = float(classify(features[tf.newaxis])[0])
    base = float(classify(tf.zeros_like(features)[tf.newaxis])[0])
    slopes = np.where(_float(features) > 0, slopes, 0.0)  # a feature of 0 adds nothing, nor does its bias
    tokens, rest, windows, first = np.zeros(len(row) + missing), base, list[Window](), 0
    vectors = _float(x[0])
    for layer, width, start in zip(discriminator.convolutions, discriminator.widths, starts, strict=True):
        here = slice(first, first + layer.filters)
        first += layer.filters
        kernel, slope = _float(layer.kernel), slopes[here]  # [W, E, filters], [filters]
        rest += float(slope @ _float(layer.bias))
        for j in range(width):
            added = np.einsum("fe,ef,f->f", vectors[start + j], kernel[j], slope)
            np.add.at(tokens, start + j, added)
        weights = slope * _float(features[here])
        for place in np.unique(start[slope != 0]):
            won = (start == place) & (slope != 0)
            windows.append(Window(int(place), width, int(won.sum()), float(weights[won].sum())))
    windows.sort(key=lambda window: -abs(window.weight))
    tokens = tokens[: len(row)]
    assert not tokens[length:].any()  # the embedding of padding is 0
    return logit, tokens, rest, windows, base


def _by_gradients(discriminator, row, context, steps):
    """(logit, tokens [T], rest) of a sequence [T], split at the embeddings of its tokens."""
    score = bound(discriminator, context)
    alphas = np.concatenate([(np.arange(steps) + 0.5) / steps, [0.0, 1.0]])
    with _scaled(_embedding_of(discriminator), tf.constant(alphas, tf.float32)) as seen, tf.GradientTape() as tape:
        logits = score(np.tile(row, [len(alphas), 1]), training=False)
        inputs = seen["scaled"]
        total = tf.reduce_sum(logits[:steps])
    gradient = tape.gradient(total, inputs)
    if isinstance(gradient, tf.IndexedSlices):
        gradient = tf.convert_to_tensor(gradient)
    slopes = _float(gradient)[:steps].mean(axis=0)  # [T', E]
    added = np.einsum("te,te->t", slopes, _float(inputs[-1]))
    tokens = np.where(row != PADDING, added[: len(row)], 0.0)  # a network may have been given more positions
    zero, logit = _float(logits[-2:])
    return logit, tokens, zero + (added.sum() - tokens.sum())


def _mean_gradient(function, inputs: tf.Tensor, steps: int) -> np.ndarray:
    """The mean of the gradient of a function at A points between 0 and the inputs [F]: float64 [F]."""
    alphas = tf.cast((np.arange(steps) + 0.5) / steps, inputs.dtype)
    points = alphas[:, tf.newaxis] * inputs
    with tf.GradientTape() as tape:
        tape.watch(points)
        total = tf.reduce_sum(function(points))
    return _float(tape.gradient(total, points)).mean(axis=0)


@contextlib.contextmanager
def _scaled(embedding: keras.layers.Layer, alphas: tf.Tensor) -> Iterator[dict[str, tf.Tensor]]:
    """Context in which an embedding multiplies its vectors of row r by alphas[r].

    Its first output is "scaled" in the dict that the context gives: gradients with respect to it can be taken. No other
    way leads to all networks: a functional model, for one, calls its own layers.
    """
    original, seen = embedding.call, dict[str, tf.Tensor]()

    def call(inputs, *args, **kwargs):
        found = original(inputs, *args, **kwargs)
        if "scaled" not in seen:
            found = found * tf.cast(alphas, found.dtype)[:, tf.newaxis, tf.newaxis]
            seen["scaled"] = found = tf.identity(found)
        return found

    embedding.call = call
    try:
        yield seen
    finally:
        embedding.call = original


def _embedding_of(discriminator: keras.Model) -> keras.layers.Embedding:
    layers = [getattr(discriminator, "embedding", None), *discriminator._flatten_layers()]
    for layer in layers:
        if isinstance(layer, keras.layers.Embedding) and layer.input_dim == discriminator.vocabulary_size:
            return layer
    raise InputError(
        f"`discriminator` must have a Keras `Embedding` of its {discriminator.vocabulary_size} tokens. "
        f"Received: an object of the class {type(discriminator).__name__} without one"
    )


def _float(tensor: Any) -> np.ndarray:
    return np.asarray(tf.cast(tensor, tf.float32), np.float64)
