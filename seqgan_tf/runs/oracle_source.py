"""The oracle as the source of a run."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from seqgan_tf.core.files import write_file
from seqgan_tf.core.protocols import Corpus
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.oracle_corpus import OracleCorpus, write_token_ids
from seqgan_tf.metrics.likelihood import negative_log_likelihood
from seqgan_tf.metrics.metric import METRICS
from seqgan_tf.models.oracle import Oracle
from seqgan_tf.runs.config import RunSettings
from seqgan_tf.runs.source import Source

ORACLE_LENGTH = 20


class OracleSource(Source):
    """Sequences that an oracle generates. Its weights are saved as oracle.npz.

    Args:
        oracle: the oracle.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.core.generation import generate
    from seqgan_tf.runs.oracle_source import OracleSource

    source = OracleSource(sg.Oracle(vocabulary_size=50, seed=1))
    print(source.decode(generate(source.oracle, 2, 10, seed=3)))
    ```
    """

    FILE = "oracle.npz"
    tokenizer = None
    conditions = None
    start_token_id = 0  # as in the authors' code
    suppressed_tokens: tuple[int, ...] = ()
    quality = METRICS["nll_oracle"]
    items, files = "sequences", "the oracle"

    oracle: Oracle

    def __init__(self, oracle: Oracle):
        self.oracle = oracle
        self.vocabulary_size, self.end_token_id = oracle.vocabulary_size, oracle.end_token_id

    @classmethod
    def begin(cls, settings: RunSettings) -> tuple["OracleSource", Corpus]:
        if settings.data:
            raise InputError(f"--task oracle takes no file. Received: --data {settings.data}")
        weights, seed = settings.oracle_weights, settings.corpus.oracle_seed
        source = cls(Oracle.from_npz(weights) if weights else Oracle(seed=seed))
        return source, source.corpus(settings)

    @classmethod
    def load(cls, directory: Path, settings: RunSettings) -> "OracleSource":
        return cls(Oracle.from_npz(directory / cls.FILE))

    def save(self, directory: Path) -> None:
        write_file(directory / self.FILE, self.oracle.save_npz)

    def corpus(self, settings: RunSettings, data: Path | None = None) -> Corpus:
        if data is not None:
            raise InputError("--data needs a run on text. Received: a run on an oracle")
        length = settings.corpus.sequence_length
        return OracleCorpus(
            self.oracle,
            ORACLE_LENGTH if length is None else length,
            settings.corpus.oracle_sequences,
            batch_size=settings.batch_size,
            seed=settings.seed,
        )

    def digest(self, settings: RunSettings) -> str:
        return hashlib.sha256(b"".join(weight.tobytes() for weight in self.oracle.get_weights())).hexdigest()

    def name(self, settings: RunSettings) -> str:
        return "the oracle"

    def decode(self, token_ids: np.ndarray) -> list[str]:
        return write_token_ids(token_ids)

    def measure_quality(self, held_out: np.ndarray) -> Callable[[np.ndarray], float]:
        return lambda samples: negative_log_likelihood(self.oracle, samples)
