"""The oracle: a random, frozen generator whose samples are the real data, so that their likelihood is known exactly."""

import os
import zipfile
import zlib
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np

from seqgan_tf.core import seeds
from seqgan_tf.core.files import write_file
from seqgan_tf.core.validation import InputError
from seqgan_tf.models.generator import Generator

GATES = ("i", "f", "c", "og")  # in the order of the Keras LSTM kernel; "og" is the output gate, "c" the candidate
MAX_EXPANSION = 100
# What NumPy and its zip reader raise for damaged files; RuntimeError for an encrypted file or an unknown compression.
UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    AttributeError,
    RuntimeError,
    MemoryError,
)


@keras.saving.register_keras_serializable(package="seqgan_tf")
class Oracle(Generator):
    """A frozen LSTM with weights from N(0, 1), whose samples are the training data (paper, section 4.1).

    Its start token is token 0, like the authors', and its sequences have no end token.

    Args:
        vocabulary_size: V. Defaults to 5000, the paper's.
        embedding_dim: size of a token's embedding. Defaults to 32, the paper's.
        hidden_dim: units of the LSTM. Defaults to 32, the paper's.
        seed: makes the weights reproducible. Defaults to 0.
        **kwargs: arguments of `keras.Model`, such as `name` and `dtype`.

    Raises:
        InputError: a size is out of its range.

    Example:
    ```python
    import seqgan_tf as sg

    oracle = sg.Oracle(vocabulary_size=20, embedding_dim=3, hidden_dim=4)
    corpus = sg.OracleCorpus(oracle, sequence_length=5, num_train=128, num_held_out=64)
    nll = sg.negative_log_likelihood(oracle, corpus.held_out_token_ids)  # nats per token: the oracle's entropy
    ```
    """

    weight_stream = seeds.WeightStream.ORACLE

    def __init__(
        self,
        vocabulary_size: int = 5000,
        embedding_dim: int = 32,
        hidden_dim: int = 32,
        seed: int | None = 0,
        **kwargs: Any,
    ) -> None:
        settings: dict[str, Any] = {"start_token_id": 0, "initializer_stddev": 1.0, "seed": seed}
        super().__init__(vocabulary_size, embedding_dim, hidden_dim, **settings, **kwargs)
        self.trainable = False

    @classmethod
    def from_npz(cls, path: str | os.PathLike) -> Self:
        """An oracle with the weights of a file that `save_npz` wrote; the authors published theirs in this layout.

        Arrays: embeddings [V, E]; for each gate g of i, f, og, c: Wg [E, H], Ug [H, H], bg [H]; Wo [H, V]; bo [V].

        Args:
            path: the .npz file.

        Raises:
            InputError: the file cannot be read, is no .npz file, or an array is missing or of another shape.
        """
        try:
            with np.load(path) as file:
                size, expanded = os.path.getsize(path), sum(part.file_size for part in file.zip.filelist)
                if expanded > MAX_EXPANSION * size:  # weights hardly get smaller when they are compressed
                    raise ValueError(f"{size} bytes that expand to {expanded}")
                arrays = {name: file[name] for name in file.files}
        except UNREADABLE as error:
            reason = " ".join(str(error).split()).split(" This file contains")[0]
            if "pickle" in reason:  # a pickle can run code, so it is not read
                reason = "it is a pickle: load it yourself and write its arrays with numpy.savez"
            raise InputError(f"{path}: expected a readable .npz file of oracle weights ({reason})") from error
        for name in ("embeddings", "Wi", "Wo"):
            if name not in arrays or arrays[name].ndim != 2:
                raise InputError(f"{path}: expected a matrix {name!r} among the arrays. Received: {sorted(arrays)}")
        (vocabulary_size, embedding_dim), hidden_dim = arrays["embeddings"].shape, arrays["Wi"].shape[1]
        oracle = cls(vocabulary_size, embedding_dim, hidden_dim)
        for name, shape in oracle._npz_shapes().items():
            received = arrays[name].shape if name in arrays else "no such array"
            if received != shape:
                raise InputError(f"{path}: expected array {name!r} of shape {shape}. Received: {received}")
            if arrays[name].dtype.kind != "f" or not np.all(np.isfinite(arrays[name])):
                raise InputError(
                    f"{path}: expected finite floats in array {name!r}. Received: NaN, infinity, or another type"
                )
        oracle.set_weights(
            [arrays["embeddings"]]
            + [np.concatenate([arrays[part + gate] for gate in GATES], axis=-1) for part in ("W", "U", "b")]
            + [arrays["Wo"], arrays["bo"]]
        )
        return oracle

    def save_npz(self, path: str | os.PathLike) -> None:
        """Writes the weights in the layout that `from_npz` reads.

        Args:
            path: the file; ".npz" is appended where the name does not end with it.

        Raises:
            InputError: the file cannot be written.
        """
        embeddings, kernel, recurrent_kernel, bias, projection, projection_bias = self.get_weights()
        gates = {
            part + gate: array
            for part, stacked in (("W", kernel), ("U", recurrent_kernel), ("b", bias))
            for gate, array in zip(GATES, np.split(stacked, len(GATES), axis=-1), strict=True)
        }
        arrays = {"embeddings": embeddings, **gates, "Wo": projection, "bo": projection_bias}
        path = Path(path)
        if path.suffix != ".npz":
            path = path.with_name(f"{path.name}.npz")
        write_file(path, lambda temporary: np.savez(temporary, **arrays))

    def _npz_shapes(self):
        v, e, h = self.vocabulary_size, self.embedding_dim, self.hidden_dim
        shapes = {"embeddings": (v, e), "Wo": (h, v), "bo": (v,)}
        for gate in GATES:
            shapes |= {"W" + gate: (e, h), "U" + gate: (h, h), "b" + gate: (h,)}
        return shapes

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {
            name: value
            for name, value in config.items()
            if name in ("name", "trainable", "dtype", "vocabulary_size", "embedding_dim", "hidden_dim", "seed")
        }
