import math

import numpy as np
import pytest
import scipy.linalg

from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics.frechet import frechet_distance


def normal(rng, count, dimensions, shift=0.0):
    return rng.normal(size=(count, dimensions)) @ rng.normal(size=(dimensions, dimensions)) + shift


@pytest.mark.parametrize(("count", "real_count", "dimensions"), [(50, 70, 4), (31, 12, 7), (5, 9, 2)])
def test_the_distance_is_that_of_the_matrix_root(rng, count, real_count, dimensions):
    a, b = normal(rng, count, dimensions), normal(rng, real_count, dimensions, shift=1.5)
    s, t = np.cov(a.T), np.cov(b.T)
    expected = np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2)
    expected += np.trace(s + t - 2 * np.real(scipy.linalg.sqrtm(s @ t)))
    found = frechet_distance(a, b)
    assert found.distance == pytest.approx(expected, rel=1e-6)
    assert found.distance == pytest.approx(frechet_distance(b, a).distance, rel=1e-9)
    assert (found.num_generated, found.num_real, found.dimensions) == (count, real_count, dimensions)


def test_fewer_sequences_than_dimensions_have_a_distance_too(rng):
    a, b = normal(rng, 4, 9), normal(rng, 6, 9)
    x, y = ((rows - rows.mean(axis=0)) / math.sqrt(len(rows) - 1) for rows in (a, b))
    # The roots of the eigenvalues of S_1 S_2 are the singular values of x y^T; no root of a singular matrix is taken.
    cross = np.linalg.svd(x @ y.T, compute_uv=False).sum()
    expected = np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2) + np.sum(x**2) + np.sum(y**2) - 2 * cross
    assert frechet_distance(a, b).distance == pytest.approx(expected, rel=1e-6)


def test_in_one_dimension_means_and_deviations_are_subtracted():
    # Means 2 and 4, variances 2 and 16.
    found = frechet_distance([[1], [3]], [[0], [4], [8]])
    assert found.distance == pytest.approx((2 - 4) ** 2 + (math.sqrt(2) - 4) ** 2)


def test_a_set_is_at_no_distance_from_itself_in_another_order(rng):
    a = normal(rng, 20, 5)
    assert frechet_distance(a, a[::-1]).distance == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, a + 3).distance == pytest.approx(5 * 3**2)


def test_the_embedding_gets_the_sequences_of_the_caller():
    def embed(lines):
        return [[len(line), line.count("a")] for line in lines]

    generated, real = ["a", "ba", "bbb"], ["aaa", "b", "ab", "abba"]
    expected = frechet_distance([[1, 1], [2, 1], [3, 0]], [[3, 3], [1, 0], [2, 1], [4, 2]])
    found = frechet_distance(generated, real, embed)
    assert found == expected
    assert (found.num_generated, found.num_real, found.dimensions) == (3, 4, 2)


GOOD = [[0.0, 1.0], [1.0, 0.0]]


@pytest.mark.parametrize(
    ("generated", "real", "message"),
    [
        (GOOD[:1], GOOD, r"`generated` must give embeddings of shape \[n, d\], n >= 2. Received: shape \(1, 2\)"),
        (GOOD, [1.0, 2.0], r"`real` must give embeddings of shape \[n, d\], n >= 2. Received: shape \(2,\)"),
        (GOOD, [GOOD, GOOD], r"`real` must give embeddings of shape.* Received: shape \(2, 2, 2\)"),
        ([[0, np.nan], [1, 1]], GOOD, "`generated` must give finite embeddings. Received: NaN or infinity"),
        (GOOD, [[0, np.inf], [1, 1]], "`real` must give finite embeddings. Received: NaN or infinity"),
        (GOOD, [[1], [2]], "must be embedded in one space. Received: 2 and 1 dimensions"),
    ],
)
def test_invalid_embeddings_are_refused(generated, real, message):
    with pytest.raises(InputError, match=message):
        frechet_distance(generated, real)
