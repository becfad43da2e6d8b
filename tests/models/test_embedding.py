"""Networks that start from given embeddings."""

import keras
import keras_harness
import numpy as np
import pytest

import seqgan_tf as sg
from seqgan_tf.core.validation import InputError

V, E = 7, 3
NETWORKS = {
    "generator": lambda **settings: sg.Generator(V, E, 4, end_token_id=0, seed=1, **settings),
    "generator, start token inside": lambda **settings: sg.Generator(V, E, 4, start_token_id=0, seed=1, **settings),
    "discriminator": lambda **settings: sg.Discriminator(V, 5, E, widths=[1, 2], filters=[2, 3], seed=1, **settings),
    "recurrent discriminator": lambda **settings: sg.RecurrentDiscriminator(V, 5, E, seed=1, **settings),
    "n-gram discriminator": lambda **settings: sg.NgramDiscriminator(V, 5, E, seed=1, **settings),
    "encoder": lambda **settings: sg.SequenceEncoder(V, E, 4, seed=1, **settings),
}
TOKEN_IDS = np.array([[4, 1, 6, 2, 0], [3, 5, 0, -1, -1]])


@pytest.fixture(params=list(NETWORKS))
def make(request):
    return NETWORKS[request.param]


@pytest.fixture
def matrix(rng):
    return rng.normal(size=[V, E])


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_every_network_takes_the_matrix_and_keeps_all_other_weights(make, matrix, policy):
    network, same = make(dtype=policy), make(dtype=policy)
    network.start_from_embeddings(matrix)
    embedding, *rest = network.get_weights()
    before, *others = same.get_weights()
    np.testing.assert_array_equal(embedding[:V], np.float32(matrix))
    np.testing.assert_array_equal(embedding[V:], before[V:])  # a start token of its own
    assert all(np.array_equal(a, b) for a, b in zip(rest, others, strict=True))
    assert network.embedding.trainable


def test_outputs_are_those_of_the_new_embeddings(make, matrix):
    """Permuted embeddings and token ids give the outputs of before: the rows are those of the tokens."""
    network = make()
    network.start_from_embeddings(matrix)
    order = np.array([0, 3, 1, 2, 6, 4, 5])  # 0 stays, since it may be the start token
    permuted = make()
    permuted.set_weights(network.get_weights())
    permuted.start_from_embeddings(matrix[np.argsort(order)])
    moved = np.where(TOKEN_IDS < 0, -1, order[TOKEN_IDS])
    for a, b in zip(keras.tree.flatten(network(TOKEN_IDS)), keras.tree.flatten(permuted(moved)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


def test_a_saved_network_has_the_embeddings(make, matrix, tmp_path):
    network = make()
    network.start_from_embeddings(matrix)
    network.save(tmp_path / "n.keras")
    loaded = keras.saving.load_model(tmp_path / "n.keras")
    np.testing.assert_array_equal(loaded.embedding.embeddings[:V], np.float32(matrix))


@pytest.mark.parametrize("shape", [(V + 1, E), (V, E + 1), (V,), (E, V)])
def test_a_matrix_of_another_shape_is_refused(make, shape):
    with pytest.raises(InputError) as error:
        make().start_from_embeddings(np.zeros(shape))
    expected = f"`matrix` must be of shape [{V}, {E}], the vocabulary_size and the embedding_dim of the network."
    assert str(error.value) == f"{expected} Received: shape {shape}"


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(make, matrix, wrong):
    matrix[3, 1] = wrong
    with pytest.raises(InputError, match=r"^`matrix` must hold finite numbers. Received: NaN or infinity$"):
        make().start_from_embeddings(matrix)


# The embedding of a generator

DISCRIMINATORS = [name for name in NETWORKS if "discriminator" in name]


@pytest.fixture(params=DISCRIMINATORS)
def discriminator(request):
    return NETWORKS[request.param]()


@pytest.mark.parametrize("start_token_id", [None, 0])
def test_the_embedding_of_a_generator_is_copied_and_saved(start_token_id, discriminator, tmp_path):
    policy = sg.Generator(V, E, 4, start_token_id=start_token_id, seed=2)
    rows = policy.embedding.get_weights()[0][:V]
    others = discriminator.get_weights()[1:]
    discriminator.copy_embedding(policy)
    np.testing.assert_array_equal(discriminator.embedding.get_weights()[0], rows)
    assert all(np.array_equal(a, b) for a, b in zip(discriminator.get_weights()[1:], others, strict=True))
    keras_harness.check_save_and_load(discriminator, TOKEN_IDS, tmp_path)
    policy.embedding.set_weights([np.zeros_like(w) for w in policy.embedding.get_weights()])
    np.testing.assert_array_equal(discriminator.embedding.get_weights()[0], rows)


def test_a_copy_can_be_scaled(discriminator):
    policy = sg.Generator(V, E, 4, seed=2)
    rows = policy.embedding.get_weights()[0][:V]
    discriminator.copy_embedding(policy, stddev=0.5)
    np.testing.assert_allclose(discriminator.embedding.get_weights()[0], rows * 0.5 / np.std(rows), rtol=1e-5)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: sg.Generator(V, 5, 4), f"{V} and the embedding_dim {E} of the discriminator. Received: {V} and 5"),
        (lambda: sg.Generator(6, E, 4), f"{V} and the embedding_dim {E} of the discriminator. Received: 6 and {E}"),
        (
            lambda: keras.Sequential([keras.layers.Dense(2)]),
            "a built Keras `Embedding` as its attribute `embedding`. Received: an object of the class Sequential",
        ),
    ],
)
def test_an_embedding_of_another_size_is_not_copied(other, message, discriminator):
    before = discriminator.get_weights()
    with pytest.raises(InputError, match=f"`generator` must have (the vocabulary_size )?{message}"):
        discriminator.copy_embedding(other())
    assert all(np.array_equal(a, b) for a, b in zip(discriminator.get_weights(), before, strict=True))


def test_a_spread_that_is_not_above_0_is_refused(discriminator):
    with pytest.raises(InputError) as error:
        discriminator.copy_embedding(sg.Generator(V, E, 4), stddev=0.0)
    assert str(error.value) == "`stddev` must be above 0. Received: 0.0"
