"""Reverse language model: what a model that has only read samples makes of real sequences."""

import dataclasses

import keras
import numpy as np

from seqgan_tf.checks import check_at_least
from seqgan_tf.data import pipeline
from seqgan_tf.metrics.likelihood import negative_log_likelihood
from seqgan_tf.models.generator import Generator
from seqgan_tf.phase import fit_likelihood
from seqgan_tf.sequences import check_token_ids


@dataclasses.dataclass(frozen=True)
class ReverseLanguageModel:
    """What was measured, and on how much.

    Attributes:
        nll: float, nats a token of the real sequences.
        epochs: int, passes over the samples until the best likelihood of the held-out tenth of them.
        num_generated: int, samples that the model has read, the held-out tenth included.
        num_real: int, sequences that it was measured on.
    """

    nll: float
    epochs: int
    num_generated: int
    num_real: int


def reverse_language_model(
    generated,
    real,
    vocabulary_size,
    end_token_id=None,
    embedding_dim=32,
    hidden_dim=32,
    learning_rate=1e-2,
    max_epochs=30,
    batch_size=64,
    seed=0,
):
    """NLL of real sequences under a fresh model trained on samples (Zhao et al., 2018; Semeniuta et al., 2018).

    Low where the samples are both likely and diverse. Compare it with the same figure of as many real training
    sequences in place of the samples; it depends on the size of the model and on how many samples it reads.

    Args:
        generated: int array [n, T] of samples, padded with -1; nine tenths train, one tenth says when to stop.
        real: int array [m, T], not seen by the generator.
        vocabulary_size: int.
        end_token_id: int. Defaults to None: sequences do not end before position T.
        embedding_dim, hidden_dim: int, of the LSTM. Default to 32.
        learning_rate: float, of Adam with the gradient's norm clipped to 5. Defaults to 0.01.
        max_epochs: int. Defaults to 30; two epochs without a better held-out likelihood end the training before.
        batch_size: int. Defaults to 64.
        seed: int. Defaults to 0.

    Returns:
        `ReverseLanguageModel`.

    Raises:
        ValueError: fewer samples than a batch and the held-out tenth, or ids outside the vocabulary.
    """
    generated, real = np.asarray(generated), np.asarray(real)
    for name, token_ids in (("generated", generated), ("real", real)):
        check_token_ids(token_ids, vocabulary_size, name)
        if token_ids.ndim != 2 or not len(token_ids):
            raise ValueError(f"`{name}` must be of shape [n, T], n >= 1. Received: shape {token_ids.shape}")
    check_at_least(1, max_epochs=max_epochs)
    held_out = max(1, len(generated) // 10)
    if len(generated) - held_out < batch_size:
        raise ValueError(
            f"`generated` must hold at least {batch_size} sequences beside the held-out tenth. "
            f"Received: {len(generated)} in all"
        )
    stop, train = np.split(np.random.default_rng(seed).permutation(generated), [held_out])
    generator = Generator(vocabulary_size, embedding_dim, hidden_dim, end_token_id=end_token_id, seed=seed)
    optimizer = keras.optimizers.Adam(learning_rate, global_clipnorm=5.0)
    optimizer.build(generator.trainable_variables)
    history = fit_likelihood(
        generator,
        optimizer,
        pipeline.batches(train, batch_size, shuffle_seed=seed),
        max_epochs,
        pipeline.batches(stop, batch_size),
        verbose=0,
    )
    epochs = int(np.argmin(history.history["val_nll"])) + 1
    return ReverseLanguageModel(negative_log_likelihood(generator, real), epochs, len(generated), len(real))
