"""Frechet distance between the embeddings of two sets of sequences; the embedding is the caller's."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from seqgan_tf.core.validation import InputError


@dataclasses.dataclass(frozen=True)
class FrechetDistance:
    """Frechet distance, with the numbers that it was computed from.

    Attributes:
        distance: at least 0; 0 where means and covariances agree.
        num_generated: number of generated sequences.
        num_real: number of real sequences.
        dimensions: width of an embedding. With fewer sequences than dimensions a covariance is singular and the
            distance is biased upwards: compare only distances of equal counts.

    Example:
    ```python
    from seqgan_tf.metrics import frechet_distance

    found = frechet_distance(["ab", "abc"], ["abcd", "b", "bb"], embed=lambda texts: [[len(text)] for text in texts])
    print(found.distance)  # 0.701
    ```
    """

    distance: float
    num_generated: int
    num_real: int
    dimensions: int


def frechet_distance(
    generated: Any, real: Any, embed: Callable[[Any], Sequence[Sequence[float]] | np.ndarray] | None = None
) -> FrechetDistance:
    """|mu_1 - mu_2|^2 + Tr(S_1 + S_2 - 2 (S_1 S_2)^(1/2)) (Dowson and Landau, 1982; Heusel et al., 2017).

    Args:
        generated: what `embed` takes, such as texts or an int array [n, T]; with `embed` None, the embeddings
            themselves, float array [n, d]. At least two.
        real: the same, of real sequences.
        embed: function that returns one vector per sequence, float array [n, d]. Defaults to None.

    Returns:
        The distance; covariances divide by n - 1.

    Raises:
        InputError: fewer than two embeddings, two sets of different width, or numbers that are not finite.
    """
    sets = []
    for name, sequences in (("generated", generated), ("real", real)):
        vectors = np.asarray(sequences if embed is None else embed(sequences), np.float64)
        if vectors.ndim != 2 or len(vectors) < 2:
            raise InputError(f"`{name}` must give embeddings of shape [n, d], n >= 2. Received: shape {vectors.shape}")
        if not np.isfinite(vectors).all():
            raise InputError(f"`{name}` must give finite embeddings. Received: NaN or infinity")
        sets.append(vectors)
    a, b = sets
    if a.shape[1] != b.shape[1]:
        raise InputError(
            f"`generated` and `real` must be embedded in one space. Received: {a.shape[1]} and {b.shape[1]} dimensions"
        )
    covariance_a, covariance_b = (np.atleast_2d(np.cov(vectors, rowvar=False)) for vectors in sets)
    # Tr (S_1 S_2)^(1/2) is the sum of the roots of the eigenvalues of S_1^(1/2) S_2 S_1^(1/2), which is symmetric.
    values, vectors = np.linalg.eigh(covariance_a)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ covariance_b @ root), 0)).sum()
    difference = a.mean(axis=0) - b.mean(axis=0)
    distance = difference @ difference + np.trace(covariance_a) + np.trace(covariance_b) - 2 * cross
    return FrechetDistance(max(float(distance), 0.0), len(a), len(b), a.shape[1])
