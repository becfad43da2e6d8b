"""The oracle: a random, frozen generator that plays the real data, so that likelihoods can be measured exactly."""

import zipfile

import keras
import numpy as np

from seqgan_tf.models.generator import Generator

GATES = ("i", "f", "c", "og")  # in the order of the Keras LSTM kernel; "og" is the output gate, "c" the candidate

SEEDS_OF_ORACLES = 1_000_000


@keras.saving.register_keras_serializable(package="seqgan_tf")
class Oracle(Generator):
    """A frozen LSTM with weights from N(0, 1), whose samples are the training data (paper, section 4.1).

    Its sequences have no end token and begin, like the authors', with token 0 as start token.

    Args:
        vocabulary_size: int. Defaults to 5000, the paper's.
        embedding_dim: int. Defaults to 32, the paper's.
        hidden_dim: int. Defaults to 32, the paper's.
        seed: int. Defaults to 0.
    """

    def __init__(self, vocabulary_size=5000, embedding_dim=32, hidden_dim=32, seed=0, **kwargs):
        # Weights of its own: a generator of the same seed must not begin as a scaled copy of the truth.
        settings = {"start_token_id": 0, "initializer_stddev": 1.0, "seed": SEEDS_OF_ORACLES + seed}
        super().__init__(vocabulary_size, embedding_dim, hidden_dim, **settings, **kwargs)
        self.seed = seed
        self.trainable = False

    @classmethod
    def from_npz(cls, path):
        """Reads the weights that `save_npz` writes; the authors' own are published in this layout too.

        Arrays: embeddings [V, E]; for each gate g of i, f, og, c: Wg [E, H], Ug [H, H], bg [H]; Wo [H, V]; bo [V].

        Raises:
            ValueError: the file is missing, is no .npz, or lacks an array or holds one of another shape.
        """
        try:
            with np.load(path) as file:
                arrays = {name: file[name] for name in file.files}
        except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, AttributeError) as error:
            raise ValueError(f"{path}: expected a readable .npz file of oracle weights ({error})") from error
        for name in ("embeddings", "Wi", "Wo"):
            if name not in arrays or arrays[name].ndim != 2:
                raise ValueError(f"{path}: expected a matrix {name!r} among the arrays. Received: {sorted(arrays)}")
        (vocabulary_size, embedding_dim), hidden_dim = arrays["embeddings"].shape, arrays["Wi"].shape[1]
        oracle = cls(vocabulary_size, embedding_dim, hidden_dim)
        for name, shape in oracle._npz_shapes().items():
            received = arrays[name].shape if name in arrays else "no such array"
            if received != shape:
                raise ValueError(f"{path}: expected array {name!r} of shape {shape}. Received: {received}")
            if arrays[name].dtype.kind != "f" or not np.all(np.isfinite(arrays[name])):
                raise ValueError(
                    f"{path}: expected finite floats in array {name!r}. Received: NaN, infinity, or another type"
                )
        oracle.set_weights(
            [arrays["embeddings"]]
            + [np.concatenate([arrays[part + gate] for gate in GATES], axis=-1) for part in ("W", "U", "b")]
            + [arrays["Wo"], arrays["bo"]]
        )
        return oracle

    def save_npz(self, path):
        """Writes the weights in the layout that `from_npz` reads."""
        embeddings, kernel, recurrent_kernel, bias, projection, projection_bias = self.get_weights()
        gates = {
            part + gate: array
            for part, stacked in (("W", kernel), ("U", recurrent_kernel), ("b", bias))
            for gate, array in zip(GATES, np.split(stacked, len(GATES), axis=-1), strict=True)
        }
        np.savez(path, embeddings=embeddings, **gates, Wo=projection, bo=projection_bias)

    def _npz_shapes(self):
        v, e, h = self.vocabulary_size, self.embedding_dim, self.hidden_dim
        shapes = {"embeddings": (v, e), "Wo": (h, v), "bo": (v,)}
        for gate in GATES:
            shapes |= {"W" + gate: (e, h), "U" + gate: (h, h), "b" + gate: (h,)}
        return shapes

    def get_config(self):
        config = super().get_config()
        return {
            name: value
            for name, value in config.items()
            if name in ("name", "trainable", "dtype", "vocabulary_size", "embedding_dim", "hidden_dim", "seed")
        }
