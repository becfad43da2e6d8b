"""The layers of a network have the same names however many networks were made before it.

TensorFlow sorts the terms of a sum in a graph by the names of the layers that they come from. With names that Keras
numbers, "dense_9" and "dense_10" would change places, and a network would train another last bit than its equal.
"""

import numpy as np
import pytest

import seqgan_tf as sg

V, T = 7, 4


def encoder():
    return sg.SequenceEncoder(V, 3, 4, seed=1)


NETWORKS = {
    "generator": lambda: sg.Generator(V, 3, 5, num_layers=2, seed=1),
    "generator with attention": lambda: sg.Generator(V, 3, 5, encoder=encoder(), attention="luong", seed=1),
    "transformer": lambda: sg.TransformerGenerator(
        V, T, embedding_dim=3, hidden_dim=4, num_heads=2, positions="learned", encoder=encoder(), seed=1
    ),
    "discriminator": lambda: sg.Discriminator(V, T, 3, widths=[1, 2], filters=[3, 2], encoder=encoder(), seed=1),
    "recurrent discriminator": lambda: sg.RecurrentDiscriminator(V, T, 3, hidden_dim=2, encoder=encoder(), seed=1),
    "n-gram discriminator": lambda: sg.NgramDiscriminator(V, T, 3, distances=2, encoder=encoder(), seed=1),
    "labels": lambda: sg.LabelEncoder(3, 4, seed=1),
    "images": lambda: sg.ImageEncoder(8, filters=(2, 3), width=4, seed=1),
}


def layer_names(network):
    """The path of each variable below the networks, which Keras may number."""
    numbered = {part.name for part in (network, getattr(network, "encoder", None)) if part is not None}
    return ["/".join(part for part in weight.path.split("/") if part not in numbered) for weight in network.variables]


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_the_names_of_two_equal_networks_are_equal(make):
    first, second = make(), make()
    names = layer_names(first)
    # Random states belong to no sum.
    assert [n for n in names if "seed" not in n] == [n for n in layer_names(second) if "seed" not in n]


def test_equal_models_train_to_the_last_bit_whatever_was_made_before():
    data = np.random.default_rng(0).integers(0, V, [24, T]).astype(np.int32)
    weights = []
    for _ in range(4):
        gan = sg.SeqGAN(
            sg.Generator(V, 3, 4, seed=2),
            sg.Discriminator(V, T, 3, widths=[1, 2], filters=[3, 2], seed=1),
            sg.MonteCarloRollout(2),
            batch_size=3,
            discriminator_steps=2,
        )
        gan.compile()
        gan.fit(data, steps_per_epoch=2, verbose=0)
        weights.append(gan.get_weights())
    for other in weights[1:]:
        for a, b in zip(weights[0], other, strict=True):
            np.testing.assert_array_equal(a, b)
