import keras_harness
import numpy as np
import pytest
import tensorflow as tf

from seqgan_tf.core.validation import InputError
from seqgan_tf.models.conv_discriminator import PAPER_FILTERS, Discriminator, Highway

TOKEN_IDS = np.array(  # B 4, T 6, lengths 6, 4, 1, 0
    [[2, 0, 4, 1, 6, 6], [3, 5, 5, 0, -1, -1], [0, -1, -1, -1, -1, -1], [-1] * 6], np.int32
)


def make(**settings):
    defaults = {"vocabulary_size": 7, "sequence_length": 8, "embedding_dim": 3, "widths": [1, 2, 5]}
    return Discriminator(**defaults | {"filters": [4, 2, 3], "seed": 1} | settings)


def spiky(**settings):
    """With weights, biases included, so large that every part has an effect."""
    discriminator, rng = make(**settings), np.random.default_rng(5)
    discriminator.set_weights([rng.normal(size=w.shape) for w in discriminator.get_weights()])
    return discriminator


def plain_logit(discriminator, tokens):
    """The logit of one sequence without its padding, in numpy: a loop over the windows."""
    weights = [np.float64(w) for w in discriminator.get_weights()]
    embeddings, convolutions = weights[0], weights[1:-6]
    w, b, w_gate, b_gate, w_out, b_out = weights[-6:]
    x, pooled = embeddings[tokens], []
    for kernel, bias in zip(convolutions[::2], convolutions[1::2], strict=True):
        missing = max(0, len(kernel) - len(x))
        filled = np.concatenate([x, np.zeros((missing, x.shape[1]))])
        windows = [filled[i : i + len(kernel)] for i in range(len(filled) - len(kernel) + 1)]
        responses = [np.maximum(np.einsum("we,wef->f", window, kernel) + bias, 0) for window in windows]
        pooled.append(np.max(responses, axis=0))
    x = np.concatenate(pooled)
    gate = 1 / (1 + np.exp(-(x @ w_gate + b_gate)))
    x = gate * np.maximum(x @ w + b, 0) + (1 - gate) * x
    return (x @ w_out + b_out).item()


@pytest.mark.parametrize("length", [6, 4, 2])
def test_logits_are_those_of_a_plain_numpy_implementation(length):
    discriminator, token_ids = spiky(), TOKEN_IDS[:, :length]
    logits = discriminator(token_ids)
    assert logits.shape == (4,)
    assert logits.dtype == tf.float32
    expected = [plain_logit(discriminator, row[row >= 0]) for row in token_ids]
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


def test_padding_does_not_change_the_logits():
    discriminator = spiky()
    longer = np.pad(TOKEN_IDS, [[0, 0], [0, 2]], constant_values=-1)
    np.testing.assert_allclose(discriminator(TOKEN_IDS), discriminator(longer), rtol=1e-5)
    shorter = TOKEN_IDS[1:3, :4]  # shorter than the widest window
    np.testing.assert_allclose(discriminator(shorter), discriminator(longer[1:3]), rtol=1e-5)


def test_every_position_has_an_effect_on_the_logit():
    discriminator = spiky()
    before = discriminator(TOKEN_IDS[:1]).numpy()
    for t in range(6):
        logits = [discriminator(np.where(np.arange(6) == t, token, TOKEN_IDS[:1])) for token in range(7)]
        assert np.abs(np.array(logits) - before).max() > 1e-3


def test_dropout_is_on_in_training_only():
    discriminator = spiky(dropout=0.5)
    np.testing.assert_array_equal(discriminator(TOKEN_IDS), spiky(dropout=0.0)(TOKEN_IDS))
    first, second = discriminator(TOKEN_IDS, training=True), discriminator(TOKEN_IDS, training=True)
    assert np.abs(first - second).max() > 1e-3


def test_l2_is_that_of_the_output_layer_only():
    discriminator = spiky(l2=0.3)
    *_, w, b = discriminator.get_weights()
    discriminator(TOKEN_IDS)
    assert float(tf.add_n(discriminator.losses)) == pytest.approx(0.3 / 2 * ((w**2).sum() + (b**2).sum()), rel=1e-5)
    assert make(l2=0.0).losses == []


def test_the_default_widths_and_filters_are_the_papers_up_to_the_sequence_length():
    def defaults(sequence_length):
        discriminator = Discriminator(7, sequence_length, embedding_dim=2, seed=0)
        return dict(zip(discriminator.widths, discriminator.filters, strict=True))

    assert defaults(20) == PAPER_FILTERS
    assert sum(defaults(20).values()) == 1720
    assert defaults(16) == {width: count for width, count in PAPER_FILTERS.items() if width <= 15}
    assert defaults(2) == {1: 100, 2: 200}
    assert make(widths=[1, 3], filters=None).filters == [100, 200]


def test_a_seed_reproduces_the_weights():
    first, again, other = (make(seed=seed).get_weights() for seed in (4, 4, 5))
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.any(a != c) or a.ndim == 1  # biases start at constants
    transform, gate = make().highway.transform, make().highway.gate
    assert np.any(transform.get_weights()[0] != gate.get_weights()[0])


def test_initial_embeddings_are_in_their_range():
    for settings, expected in (({}, 0.2), ({"embedding_range": 3.0}, 3.0)):
        embeddings = make(vocabulary_size=500, **settings).embedding.get_weights()[0]
        assert 0.97 * expected < np.abs(embeddings).max() <= expected
        assert embeddings.std() == pytest.approx(expected / np.sqrt(3), rel=0.1)


@pytest.mark.parametrize(
    "settings", [{}, {"embedding_range": 0.7, "widths": None, "filters": None, "dropout": 0.5, "l2": 0.0}]
)
def test_config_and_file_round_trips(settings, tmp_path):
    discriminator = spiky(**settings)
    keras_harness.check_config_round_trip(discriminator)
    keras_harness.check_save_and_load(discriminator, TOKEN_IDS, tmp_path)


def test_mixed_precision_gives_float32_logits_close_to_those_of_float32():
    keras_harness.check_dtype_policies(lambda dtype: spiky(dtype=dtype), TOKEN_IDS)


def test_a_highway_layer_is_its_formula_and_passes_the_checks_of_every_layer(rng, tmp_path):
    x = rng.normal(size=(3, 6)).astype(np.float32)
    highway = Highway(seed=3)
    found = highway(x).numpy()
    (w, b), (w_gate, b_gate) = highway.transform.get_weights(), highway.gate.get_weights()
    gate = 1 / (1 + np.exp(-(x @ w_gate + b_gate)))
    np.testing.assert_allclose(found, gate * np.maximum(x @ w + b, 0) + (1 - gate) * x, rtol=1e-5, atol=1e-6)
    assert keras_harness.check_config_round_trip(highway).seed == 3
    keras_harness.check_save_and_load(highway, x, tmp_path)
    keras_harness.check_dtype_policies(lambda dtype: Highway(seed=3, dtype=dtype), x, output_dtype=None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vocabulary_size": 1}, "`vocabulary_size` must be at least 2. Received: 1"),
        ({"sequence_length": 1, "widths": [1], "filters": [2]}, "`sequence_length` must be at least 2. Received: 1"),
        ({"widths": [1, 2, 9]}, r"`widths` must be in \[1, 8\], the sequence length. Received: \[1, 2, 9\]"),
        ({"widths": [0, 1, 2]}, r"`widths` must be in \[1, 8\], the sequence length. Received: \[0, 1, 2\]"),
        ({"widths": []}, r"`widths` must be in \[1, 8\], the sequence length. Received: \[\]"),
        ({"filters": [1, 2]}, r"`filters` must be 3 positive numbers, one per width. Received: \[1, 2\]"),
        ({"filters": [1, 2, 0]}, r"`filters` must be 3 positive numbers, one per width. Received: \[1, 2, 0\]"),
        (
            {"sequence_length": 12, "widths": [1, 12], "filters": None},
            "`filters` must be given, one number per width, for widths like 12",
        ),
        ({"embedding_range": 0.0}, "`embedding_range` must be above 0. Received: 0.0"),
        ({"dropout": 1.0}, r"`dropout` must be in \[0, 1\). Received: 1.0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        make(**settings)


def test_wrong_token_ids_are_refused():
    discriminator = make()
    with pytest.raises(InputError, match=r"must be at most 8 long.* Received: shape \(2, 9\)"):
        discriminator(np.zeros((2, 9), np.int32))
    with pytest.raises(InputError, match=r"must be in \[0, 7\), the vocabulary.* Received: 7"):
        discriminator(np.array([[0, 7]]))
    with pytest.raises(InputError, match="must hold integers"):
        discriminator(np.array([[0.0, 1.0]]))
