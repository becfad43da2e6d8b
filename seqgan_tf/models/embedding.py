"""Networks with one embedding of tokens, which can start from vectors that are given."""

from typing import Any

import keras
import numpy as np

from seqgan_tf.core.random_state import RandomStateModel
from seqgan_tf.core.validation import InputError


class EmbeddingModel(RandomStateModel):
    """A network with the attributes `vocabulary_size`, `embedding_dim` and a built `embedding`.

    Example:
    ```python
    import numpy as np

    import seqgan_tf as sg

    matrix = np.random.default_rng(1).normal(size=[50, 8])
    for network in (sg.Generator(50, embedding_dim=8), sg.SequenceEncoder(50, embedding_dim=8)):
        network.start_from_embeddings(matrix)
    ```
    """

    vocabulary_size: int
    embedding_dim: int
    embedding: keras.layers.Embedding
    embedding_range: float

    def uniform_embedding(self, seed: int | None, copies: int = 1) -> keras.layers.Embedding:
        """An embedding of the tokens, not built yet, whose weights are drawn from U(-r, r), r being `embedding_range`.

        Args:
            seed: makes the weights reproducible. None: drawn.
            copies: number of vectors of a token, side by side. Defaults to 1.
        """
        bound = self.embedding_range
        return keras.layers.Embedding(
            self.vocabulary_size,
            copies * self.embedding_dim,
            embeddings_initializer=keras.initializers.RandomUniform(-bound, bound, seed=seed),
            dtype=self.dtype_policy,
            name="embedding",
        )

    def start_from_embeddings(self, matrix: np.ndarray) -> None:
        """Sets the embeddings of the tokens, which are then trained as all weights are.

        A start token that is no part of the vocabulary keeps its own. Call it before the pre-training.

        Args:
            matrix: float array [V, E], such as `WordVectors.matrix`.

        Raises:
            InputError: another shape, or numbers that are not finite.
        """
        matrix = np.asarray(matrix)
        shape = (self.vocabulary_size, self.embedding_dim)
        if matrix.shape != shape:
            raise InputError(
                f"`matrix` must be of shape [{shape[0]}, {shape[1]}], the vocabulary_size and the embedding_dim of the "
                f"network. Received: shape {matrix.shape}"
            )
        if not np.isfinite(matrix).all():
            raise InputError("`matrix` must hold finite numbers. Received: NaN or infinity")
        rows = np.array(self.embedding.embeddings)
        rows[: self.vocabulary_size] = matrix
        self.embedding.embeddings.assign(rows)

    def copy_embedding(self, generator: Any, stddev: float | None = None) -> None:
        """Copies the token embeddings of a generator, as they are now. Both networks train their own from then on.

        The copy is part of the weights, so it is saved and loaded with them. Call it on a discriminator after the
        generator's pre-training and before its own.

        Args:
            generator: a `Generator` with the same `vocabulary_size` and `embedding_dim`, or a model with a Keras
                `Embedding` of these sizes as its attribute `embedding`.
            stddev: the copy is scaled to this standard deviation, above 0. Defaults to None: an exact copy.

        Raises:
            InputError: it has no such embedding, or one of other sizes; or `stddev` is not above 0.
        """
        embedding = getattr(generator, "embedding", None)
        if not isinstance(embedding, keras.layers.Embedding) or not embedding.built:
            raise InputError(
                "`generator` must have a built Keras `Embedding` as its attribute `embedding`. "
                f"Received: an object of the class {type(generator).__name__}"
            )
        expected = (generator.vocabulary_size, embedding.output_dim)
        if expected != (self.vocabulary_size, self.embedding_dim):
            raise InputError(
                f"`generator` must have the vocabulary_size {self.vocabulary_size} and the embedding_dim "
                f"{self.embedding_dim} of the discriminator. Received: {expected[0]} and {expected[1]}"
            )
        # A start token that is no part of a sequence has the last row.
        matrix = np.asarray(embedding.embeddings)[: self.vocabulary_size]
        if stddev is not None:
            if not stddev > 0:
                raise InputError(f"`stddev` must be above 0. Received: {stddev}")
            matrix = matrix * (stddev / matrix.std())
        self.start_from_embeddings(matrix)
