"""Networks with one embedding of tokens, which can start from vectors that are given."""

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
