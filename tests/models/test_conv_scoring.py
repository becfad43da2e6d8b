"""The scores of `completion_scorer` are those of `call`, for any choice of tables and any lengths of sequences."""

import numpy as np
import pytest
import tensorflow as tf

from seqgan_tf.models import conv_scoring
from seqgan_tf.models.conv_discriminator import Discriminator

V, T = 7, 6
WIDTHS, FILTERS = [1, 2, 5], [4, 2, 3]


def spiky(seed=5, dtype=None):
    """With weights, biases included, so large that every part has an effect."""
    discriminator = Discriminator(V, T, embedding_dim=3, widths=WIDTHS, filters=FILTERS, seed=1, dtype=dtype)
    rng = np.random.default_rng(seed)
    discriminator.set_weights([rng.normal(size=w.shape) for w in discriminator.get_weights()])
    return discriminator


def sequences(rng, shape, ending):
    """Random token ids [..., T]; with `ending` most have padding, some from the second position on."""
    token_ids = rng.integers(0, V, [*shape, T])
    lengths = rng.integers(1, T + 3, shape) if ending else np.full(shape, T)
    return np.where(np.arange(T) < lengths[..., None], token_ids, -1).astype(np.int32)


def completions_of(rng, token_ids, prefixes, rows, ending):
    """int32 [K, R, T]: row [k, r] has prefixes[k] tokens of its sequence, or is equal to it if it has ended."""
    completed = sequences(rng, (len(prefixes), len(rows)), ending)
    for k, prefix in enumerate(prefixes):
        given = token_ids[rows]
        completed[k, :, :prefix] = given[:, :prefix]
        ended = given[:, prefix - 1] == -1
        completed[k, ended] = given[ended]
    # A completion may end, but has no token after its end.
    after = np.cumsum(completed == -1, axis=2) > 0
    return np.where(after, -1, completed)


def assert_same_scores(discriminator, token_ids, completed, prefixes, rows, num_completions=50, rtol=1e-5):
    score = discriminator.completion_scorer(tf.constant(token_ids), prefixes, num_completions)
    expected = discriminator(completed.reshape(-1, completed.shape[2])).numpy().reshape(completed.shape[:2])
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(score(tf.constant(completed), tf.constant(rows)), expected, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("room", [2**29, 4 * (V + 1) * 4, 0], ids=["all tables", "the narrowest table", "no table"])
@pytest.mark.parametrize("ending", [False, True])
@pytest.mark.parametrize("prefixes", [[1, 2, 3, 4, 5], [2, 4], [5], [1]])
def test_scores_are_those_of_the_discriminator(rng, prefixes, ending, room, monkeypatch):
    monkeypatch.setattr(conv_scoring, "MAX_TABLE_BYTES", room)
    token_ids, rows = sequences(rng, (4,), ending), np.array([2, 0, 3, 3, 1, 2, 0])
    completed = completions_of(rng, token_ids, prefixes, rows, ending)
    assert_same_scores(spiky(), token_ids, completed, prefixes, rows)


def test_scores_of_sequences_shorter_than_a_window(rng):
    token_ids, rows, prefixes = sequences(rng, (3,), False)[:, :4], np.array([1, 2, 0, 0]), [1, 3]
    completed = sequences(rng, (2, 4), False)[:, :, :4]
    for k, prefix in enumerate(prefixes):
        completed[k, :, :prefix] = token_ids[rows, :prefix]
    assert_same_scores(spiky(), token_ids, completed, prefixes, rows)


def test_scores_under_xla(rng):
    discriminator, prefixes, rows = spiky(), [1, 3, 4], np.array([1, 0, 1, 2])
    token_ids = sequences(rng, (3,), True)
    completed = completions_of(rng, token_ids, prefixes, rows, True)
    make = tf.function(
        lambda ids, completed: discriminator.completion_scorer(ids, prefixes, 50)(completed, rows), jit_compile=True
    )
    expected = discriminator(completed.reshape(-1, T)).numpy().reshape(3, 4)
    np.testing.assert_allclose(make(tf.constant(token_ids), tf.constant(completed)), expected, rtol=1e-4, atol=1e-5)


def test_scores_are_equal_to_the_last_bit_in_every_call(rng):
    """At a size at which TensorFlow would rewrite a sum of many tensors to one in the order of their arrival."""
    vocabulary_size, length, batch_size = 60, 20, 64
    discriminator = Discriminator(vocabulary_size, length, seed=1)
    prefixes = list(range(1, length))
    token_ids = tf.constant(rng.integers(0, vocabulary_size, [batch_size, length]), tf.int32)
    completed = tf.constant(rng.integers(0, vocabulary_size, [len(prefixes), batch_size, length]), tf.int32)

    @tf.function
    def scores():
        return discriminator.completion_scorer(token_ids, prefixes, 16)(completed, tf.range(batch_size))

    assert len({scores().numpy().tobytes() for _ in range(6)}) == 1


def test_scores_in_mixed_precision(rng):
    token_ids, rows, prefixes = sequences(rng, (3,), True), np.array([1, 2, 0, 0]), [2, 4]
    completed = completions_of(rng, token_ids, prefixes, rows, True)
    assert_same_scores(spiky(dtype="mixed_bfloat16"), token_ids, completed, prefixes, rows, rtol=0.1)


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
def test_scores_of_a_quantized_discriminator(rng):
    discriminator = spiky()
    discriminator.quantize("int8")
    token_ids, rows, prefixes = sequences(rng, (3,), True), np.array([1, 2, 0, 0]), [2, 4]
    completed = completions_of(rng, token_ids, prefixes, rows, True)
    assert_same_scores(discriminator, token_ids, completed, prefixes, rows)


def test_a_table_holds_the_product_of_every_token_and_position(rng):
    embeddings, kernel = rng.normal(size=(V, 3)).astype("f"), rng.normal(size=(2, 3, 4)).astype("f")
    table = conv_scoring.make_table(embeddings, kernel).numpy()
    expected = np.concatenate([np.vstack([embeddings @ kernel[j], np.zeros((1, 4))]) for j in range(2)])
    np.testing.assert_allclose(table, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("vocabulary_size", "num_windows", "room", "chosen"),
    [
        (7, [14, 14, 14], 2**29, [True, True, True]),
        (7, [13, 14, 13], 2**29, [False, True, False]),
        (8, [14, 14, 14], 2**29, [False, False, False]),
        (7, [14, 14, 14], 4 * 8 * (1 * 4 + 2 * 2), [False, True, True]),
    ],
)
def test_tables_are_used_where_they_are_cheaper_and_fit_into_memory(
    vocabulary_size, num_windows, room, chosen, monkeypatch
):
    monkeypatch.setattr(conv_scoring, "MAX_TABLE_BYTES", room)
    kernels = [tf.zeros([5, 3, 3]), tf.zeros([1, 3, 4]), tf.zeros([2, 3, 2])]
    assert conv_scoring.worthwhile(kernels, vocabulary_size, num_windows) == chosen
