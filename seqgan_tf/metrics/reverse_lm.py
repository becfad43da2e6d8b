"""Reverse language model: NLL of real data under a language model trained on generated samples."""

import dataclasses

import numpy as np

from seqgan_tf.core.optimizers import FusedAdam
from seqgan_tf.core.phases import fit_likelihood
from seqgan_tf.core.sequences import check_token_ids
from seqgan_tf.core.validation import InputError, check_at_least
from seqgan_tf.data import pipeline
from seqgan_tf.metrics.likelihood import negative_log_likelihood
from seqgan_tf.models.generator import Generator

BATCH_SIZE = 64


@dataclasses.dataclass(frozen=True)
class ReverseLanguageModel:
    """NLL of real sequences under a model trained on samples, with the numbers of sequences.

    Attributes:
        nll: negative log-likelihood of the real sequences, nats per token.
        epochs: epochs until the lowest NLL of the tenth of the samples that is kept for early stopping.
        num_generated: number of samples, the tenth for early stopping included.
        num_real: number of real sequences.

    Example:
    ```python
    import numpy as np

    from seqgan_tf.metrics import reverse_language_model

    draw = np.random.default_rng(0).integers
    found = reverse_language_model(draw(0, 5, (100, 6)), draw(0, 5, (20, 6)), vocabulary_size=5, max_epochs=2)
    print(found.nll)  # about log 5 = 1.609: the samples are noise
    ```
    """

    nll: float
    epochs: int
    num_generated: int
    num_real: int


def least_samples(batch_size: int = BATCH_SIZE) -> int:
    """The smallest number of samples that have a batch beside the tenth that is held out."""
    return max(batch_size + 1, 10 * (batch_size - 1) // 9 + 1)


def reverse_language_model(
    generated: np.ndarray,
    real: np.ndarray,
    vocabulary_size: int,
    end_token_id: int | None = None,
    embedding_dim: int = 32,
    hidden_dim: int = 32,
    learning_rate: float = 1e-2,
    max_epochs: int = 30,
    batch_size: int = BATCH_SIZE,
    seed: int = 0,
) -> ReverseLanguageModel:
    """NLL of real sequences under a new LSTM trained on samples (Zhao et al., 2018; Semeniuta et al., 2018).

    It is low where the samples are both likely and diverse. It depends on the size of the LSTM and on the number of
    samples: compare it with the same metric for an equal number of real training sequences instead of the samples.

    Args:
        generated: int array [n, T] of samples, padded with -1; nine tenths train the LSTM, one tenth serves early
            stopping.
        real: int array [m, T] of real sequences that the generator was not trained on.
        vocabulary_size: number of tokens.
        end_token_id: the token that ends a sequence. Defaults to None: sequences fill all T positions.
        embedding_dim: width of the embedding of the LSTM. Defaults to 32.
        hidden_dim: units of the LSTM. Defaults to 32.
        learning_rate: of Adam, with the global norm of the gradient clipped to 5. Defaults to 0.01.
        max_epochs: epochs at most; two epochs without a better NLL of the tenth end the training earlier. Defaults to
            30.
        batch_size: sequences per step. Defaults to 64.
        seed: int, of the split, the initial weights and the order of the samples. Defaults to 0.

    Returns:
        The NLL and the numbers of sequences.

    Raises:
        InputError: fewer samples than `least_samples`, another shape, ids outside the vocabulary, or `max_epochs` or
            `batch_size` < 1.
    """
    generated, real = np.asarray(generated), np.asarray(real)
    for name, token_ids in (("generated", generated), ("real", real)):
        check_token_ids(token_ids, vocabulary_size, name)
        if token_ids.ndim != 2 or not len(token_ids):
            raise InputError(f"`{name}` must be of shape [n, T], n >= 1. Received: shape {token_ids.shape}")
    check_at_least(1, max_epochs=max_epochs, batch_size=batch_size)
    if len(generated) < least_samples(batch_size):
        raise InputError(
            f"`generated` must hold at least {least_samples(batch_size)} sequences: a batch, beside the tenth that is "
            f"held out. Received: {len(generated)}"
        )
    held_out = max(1, len(generated) // 10)
    stop, train = np.split(np.random.default_rng(seed).permutation(generated), [held_out])
    generator = Generator(vocabulary_size, embedding_dim, hidden_dim, end_token_id=end_token_id, seed=seed)
    optimizer = FusedAdam(learning_rate, global_clipnorm=5.0)
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
