"""Tiny conditional networks. B, T, S, V and U (source tokens) all differ."""

import numpy as np

from seqgan_tf.core.optimizers import FusedAdam
from seqgan_tf.models.conv_discriminator import Discriminator
from seqgan_tf.models.encoders import SequenceEncoder
from seqgan_tf.models.generator import Generator
from seqgan_tf.models.recurrent_discriminator import RecurrentDiscriminator
from seqgan_tf.rewards.rollout import MonteCarloRollout
from seqgan_tf.seqgan import SeqGAN

B, T, S, V, U = 3, 4, 6, 5, 7
SOURCES = np.array([[1, 2, 3, 4, -1, -1], [5, -1, -1, -1, -1, -1], [6, 0, 2, 2, 1, 3]], np.int32)
TARGETS = np.array([[1, 4, 0, -1], [2, 2, 3, 1], [0, -1, -1, -1]], np.int32)


def encoder(seed=1, **settings):
    return SequenceEncoder(U, 3, 4, seed=seed, **settings)


def generator(vocabulary_size=V, attention="luong", **settings):
    settings = {"encoder": encoder(), "seed": 2, "initializer_stddev": 1.0, "end_token_id": 0} | settings
    return Generator(vocabulary_size, 3, 6, attention=attention, **settings)


def discriminator(vocabulary_size=V, length=T, **settings):
    settings = {"encoder": encoder(seed=3), "seed": 4, "widths": [1, 2], "filters": [3, 2]} | settings
    return Discriminator(vocabulary_size, length, 3, **settings)


def recurrent_discriminator(vocabulary_size=V, length=T, **settings):
    settings = {"encoder": encoder(seed=3), "seed": 4, "hidden_dim": 2, "embedding_range": 1.0} | settings
    return RecurrentDiscriminator(vocabulary_size, length, 3, **settings)


def data(rows):
    """Sources, and targets that are their first three tokens modulo V and an end token: (int [n, S], int [n, T])."""
    draw = np.random.default_rng(0)
    sources = draw.integers(1, U, (rows, S))
    targets = np.concatenate([1 + sources[:, :3] % (V - 1), np.zeros([rows, 1], int)], axis=1)
    return sources, targets


def make(update_rate=0.5, compiling=None, **settings):
    """A compiled conditional model with dropout in all parts."""
    networks = (
        generator(dropout=0.2, encoder=encoder(dropout=0.2)),
        discriminator(dropout=0.2, encoder=encoder(seed=3, dropout=0.2)),
    )
    estimator = MonteCarloRollout(2, update_rate=update_rate)
    model = SeqGAN(*networks, estimator, **{"batch_size": 4, "discriminator_steps": 2} | settings)
    model.compile(FusedAdam(0.01), FusedAdam(0.01), **compiling or {})
    return model
