import io
import pickle
import zipfile
from pathlib import Path

import keras_harness
import numpy as np
import pytest
import tensorflow as tf

from seqgan_tf.core import sampling
from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics.likelihood import negative_log_likelihood
from seqgan_tf.models.generator import Generator
from seqgan_tf.models.oracle import Oracle

TOKEN_IDS = np.array([[2, 0, 4, 1], [6, 6, 3, 5], [1, 2, 0, 0]], np.int32)
PUBLISHED = Path(__file__).parents[3] / "shared/data/oracle/target_params.npz"


def arrays(vocabulary_size=7, embedding_dim=3, hidden_dim=4):
    rng = np.random.default_rng(2)
    shapes = {"embeddings": (vocabulary_size, embedding_dim), "Wo": (hidden_dim, vocabulary_size)}
    shapes["bo"] = (vocabulary_size,)
    for gate in ("i", "f", "og", "c"):
        shapes |= {"W" + gate: (embedding_dim, hidden_dim), "U" + gate: (hidden_dim, hidden_dim)}
        shapes["b" + gate] = (hidden_dim,)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def plain_logits(a, token_ids):
    """The LSTM in the authors' form: separate weights for each of four gates, token 0 as the start token."""

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    h = c = np.zeros((len(token_ids), len(a["bi"])))
    fed, logits = np.concatenate([np.zeros((len(token_ids), 1), int), token_ids[:, :-1]], axis=1), []
    for t in range(token_ids.shape[1]):
        x = a["embeddings"][fed[:, t]]
        i, f, o, candidate = (x @ a["W" + g] + h @ a["U" + g] + a["b" + g] for g in ("i", "f", "og", "c"))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(candidate)
        h = sigmoid(o) * np.tanh(c)
        logits.append(h @ a["Wo"] + a["bo"])
    return np.stack(logits, axis=1)


def test_weights_are_standard_normal():
    weights = Oracle(500, 20, 30, seed=3).get_weights()
    every = np.concatenate([w.ravel() for w in weights])
    assert every.mean() == pytest.approx(0, abs=0.02)
    assert every.std() == pytest.approx(1, abs=0.02)
    for array in weights:
        assert array.std() == pytest.approx(1, abs=0.2)


def test_a_seed_reproduces_the_weights():
    first, again, other = (Oracle(9, 3, 4, seed=seed).get_weights() for seed in (1, 1, 2))
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.any(a != c)


def test_it_is_frozen():
    oracle = Oracle(9, 3, 4)
    assert oracle.trainable_variables == []
    assert len(oracle.weights) == 6
    assert (oracle.start_token_id, oracle.end_token_id) == (0, None)


def test_the_published_layout_gives_the_logits_of_a_plain_numpy_lstm(tmp_path):
    np.savez(tmp_path / "oracle.npz", **arrays())
    oracle = Oracle.from_npz(tmp_path / "oracle.npz")
    assert (oracle.vocabulary_size, oracle.embedding_dim, oracle.hidden_dim) == (7, 3, 4)
    np.testing.assert_allclose(oracle(TOKEN_IDS), plain_logits(arrays(), TOKEN_IDS), rtol=1e-4, atol=1e-5)


def test_config_and_file_round_trips(tmp_path):
    oracle = Oracle(9, 3, 4, seed=5)
    oracle.save_npz(tmp_path / "oracle.npz")
    np.testing.assert_array_equal(Oracle.from_npz(tmp_path / "oracle.npz")(TOKEN_IDS), oracle(TOKEN_IDS))
    loaded = keras_harness.check_save_and_load(oracle, TOKEN_IDS, tmp_path)
    assert loaded.trainable_variables == []
    keras_harness.check_config_round_trip(oracle)


def test_mixed_precision_gives_float32_logits_close_to_those_of_float32():
    keras_harness.check_dtype_policies(lambda dtype: Oracle(9, 3, 4, seed=5, dtype=dtype), TOKEN_IDS)


def test_the_suffix_of_an_npz_file_is_added(tmp_path):
    Oracle(9, 3, 4).save_npz(str(tmp_path / "oracle.v1"))
    assert [path.name for path in tmp_path.iterdir()] == ["oracle.v1.npz"]


def test_a_place_that_cannot_be_written_to_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=r"missing/oracle\.npz: expected a place to write to"):
        Oracle(9, 3, 4).save_npz(tmp_path / "missing" / "oracle.npz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bf": None}, "expected array 'bf' of shape .* Received: no such array"),
        ({"Wi": None}, "expected a matrix 'Wi' among the arrays"),
        ({"embeddings": np.zeros(7)}, "expected a matrix 'embeddings' among the arrays"),
        ({"Uog": np.zeros((4, 5))}, r"expected array 'Uog' of shape \(4, 4\). Received: \(4, 5\)"),
        ({"Wo": np.zeros((4, 8))}, r"expected array 'Wo' of shape \(4, 7\). Received: \(4, 8\)"),
        ({"bo": np.full(7, np.nan)}, "expected finite floats in array 'bo'"),
        ({"Uc": np.full((4, 4), np.inf)}, "expected finite floats in array 'Uc'"),
    ],
)
def test_missing_and_wrong_arrays_are_refused_by_name(change, message, tmp_path):
    changed = {name: array for name, array in (arrays() | change).items() if array is not None}
    np.savez(tmp_path / "oracle.npz", **changed)
    with pytest.raises(InputError, match=r"oracle\.npz: " + message):
        Oracle.from_npz(tmp_path / "oracle.npz")


def test_files_in_another_format_are_refused_by_name(tmp_path):
    (tmp_path / "text.npz").write_text("not an archive")
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 and no more")
    for name in ("missing.npz", "text.npz", "empty.npz", "cut.npz"):
        with pytest.raises(InputError, match=rf"{name}: expected a readable \.npz file of oracle weights"):
            Oracle.from_npz(tmp_path / name)


@pytest.mark.skipif(not PUBLISHED.exists(), reason=f"{PUBLISHED} is not there: the authors' weights are not shipped")
def test_the_authors_oracle_has_the_published_likelihood():
    oracle = Oracle.from_npz(PUBLISHED)
    samples = sampling.sample(oracle, 2000, 20, tf.constant([0, 0]))
    assert negative_log_likelihood(oracle, samples) == pytest.approx(5.755, abs=0.03)


def test_an_npy_file_is_refused_by_name(tmp_path):
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(InputError, match=r"one.npy: expected a readable .npz file of oracle weights"):
        Oracle.from_npz(tmp_path / "one.npy")


@pytest.mark.parametrize("seed", [0, 1])
def test_a_generator_of_the_same_seed_is_not_a_scaled_copy_of_the_oracle(seed):
    oracle = Oracle(40, 6, 7, seed=seed)
    generator = Generator(40, 6, 7, start_token_id=0, initializer_stddev=0.1, seed=seed)
    for truth, guess in zip(oracle.get_weights(), generator.get_weights(), strict=True):
        assert abs(np.corrcoef(truth.ravel(), guess.ravel())[0, 1]) < 0.6


def test_a_pickle_is_not_read_and_the_message_says_how_to_convert_it(tmp_path):
    path = tmp_path / "target_params.pkl"
    path.write_bytes(pickle.dumps([np.zeros(3)]))
    expected = rf"{path}: expected a readable .npz file of oracle weights \(it is a pickle: load it yourself and write"
    with pytest.raises(InputError, match=expected):
        Oracle.from_npz(path)


def test_a_small_file_of_huge_arrays_is_not_read(tmp_path):
    np.savez_compressed(tmp_path / "zeros.npz", embeddings=np.zeros([2000, 2000]))
    with pytest.raises(InputError, match=r"zeros.npz: expected a readable .npz file .* bytes that expand to 32000"):
        Oracle.from_npz(tmp_path / "zeros.npz")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**9)})
    with zipfile.ZipFile(tmp_path / "header.npz", "w") as file:
        file.writestr("embeddings.npy", header.getvalue())
    with pytest.raises(InputError, match=r"header.npz: expected a readable .npz file"):
        Oracle.from_npz(tmp_path / "header.npz")


@pytest.mark.parametrize(("place", "value"), [(8, 99), (6, 1), (8, 8)])
def test_a_file_with_another_compression_or_a_password_is_refused(place, value, tmp_path):
    path = tmp_path / "oracle.npz"
    Oracle(9, 3, 4).save_npz(path)
    content = bytearray(path.read_bytes())
    for mark, shift in ((b"PK\x03\x04", 0), (b"PK\x01\x02", 2)):  # the two headers of each array
        start = content.find(mark)
        while start >= 0:
            content[start + place + shift] = value
            start = content.find(mark, start + 1)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"oracle.npz: expected a readable .npz file of oracle weights"):
        Oracle.from_npz(path)
