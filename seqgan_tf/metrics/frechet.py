"""Frechet distance between two sets of sequences, as an embedder of the caller sees them."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class FrechetDistance:
    """What was measured, and on how much.

    Attributes:
        distance: float, at least 0; 0 where means and covariances agree.
        num_generated, num_real: int.
        dimensions: int, of an embedding. With fewer sequences than dimensions a covariance is singular and the
            distance biased upwards: compare only distances of equal counts.
    """

    distance: float
    num_generated: int
    num_real: int
    dimensions: int


def frechet_distance(generated, real, embed=None):
    """|mu_1 - mu_2|^2 + Tr(S_1 + S_2 - 2 (S_1 S_2)^(1/2)) (Dowson and Landau, 1982; Heusel et al., 2017).

    Args:
        generated, real: what `embed` takes, such as lists of text or int arrays [n, T]; with `embed` None, the
            embeddings themselves, float arrays [n, d]. At least two of each.
        embed: function that gives one vector a sequence: float array [n, d]. Defaults to None.

    Returns:
        `FrechetDistance`; covariances divide by n - 1.

    Raises:
        ValueError: fewer than two embeddings, two sets of different width, or numbers that are not finite.
    """
    sets = []
    for name, sequences in (("generated", generated), ("real", real)):
        vectors = np.asarray(sequences if embed is None else embed(sequences), np.float64)
        if vectors.ndim != 2 or len(vectors) < 2:
            raise ValueError(f"`{name}` must give embeddings of shape [n, d], n >= 2. Received: shape {vectors.shape}")
        if not np.isfinite(vectors).all():
            raise ValueError(f"`{name}` must give finite embeddings. Received: NaN or infinity")
        sets.append(vectors)
    a, b = sets
    if a.shape[1] != b.shape[1]:
        raise ValueError(
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
