"""What a generator with attention read of its condition when it wrote each token.

Axes: n tokens of a sequence, S memory length, H and W height and width in pixels, h and w the grid of an image.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from seqgan_tf.data.conditions import Labels, Several, Sources, TextConditions
from seqgan_tf.data.images import Images
from seqgan_tf.reports.image_maps import grid_of
from seqgan_tf.reports.token_texts import texts_of

if TYPE_CHECKING:
    from seqgan_tf.runs.directory import Run


class Reading(NamedTuple):
    """What was read; all of it is None where nothing was.

    Attributes:
        source: the positions of the memory as text; of an image its cells, "(row, column)" from 1 on.
        attention: float [n][S], how much was read from each.
        image: uint8 [H, W, 3], the image among the conditions; None without one.
        grid: (h, w); the first h * w positions are the cells of the image, row by row. None as `image`.

    Example:
    ```python
    from seqgan_tf.reports.reading import Reading

    reading = Reading(["rot", "<end>"], [[0.75, 0.25]])
    ```
    """

    source: list[str] | None = None
    attention: list[list[float]] | None = None
    image: np.ndarray | None = None
    grid: tuple[int, int] | None = None


def reading_of(run: "Run", token_ids: np.ndarray, condition: Any) -> Reading:
    """What the generator of a run read for one sequence.

    Args:
        run: the run.
        token_ids: int32 [n], without padding.
        condition: its condition, a nest of arrays [1, ...]; None where there is none.
    """
    generator, conditions = run.gan.generator, run.source.conditions
    if condition is None or conditions is None or not getattr(generator, "attention", None):
        return Reading()
    weights = np.asarray(generator.attention_weights(token_ids[np.newaxis], generator.encode(condition)), np.float64)[0]
    # The encoders of several conditions are in the order of their names.
    parts = sorted(conditions.parts.items()) if isinstance(conditions, Several) else [("", conditions)]
    grid, image = grid_of(generator.encoder), None
    names: list[str] = []
    for name, rule in parts:
        given = np.asarray(condition[name] if name else condition)
        names += _positions(rule, given, grid)
        if isinstance(rule, Images):
            image = given[0]
    kept = [place for place, name in enumerate(names) if name]  # not the padding of a source
    return Reading([names[place] for place in kept], weights[:, kept].tolist(), image, grid)


def _positions(rule: TextConditions, given: np.ndarray, grid: tuple[int, int] | None) -> list[str]:
    """The positions of the memory that a condition [1, ...] has, as text; "" for padding."""
    if isinstance(rule, Sources):
        return texts_of(rule.tokenizer, given[0])
    if isinstance(rule, Labels):
        return rule.decode(given)
    assert grid is not None
    return [f"({row + 1}, {column + 1})" for row in range(grid[0]) for column in range(grid[1])]
