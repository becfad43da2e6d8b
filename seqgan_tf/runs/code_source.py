"""Python source files as the data of a run."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from seqgan_tf.core.files import read_bytes
from seqgan_tf.data.code_corpus import CodeCorpus
from seqgan_tf.data.source_code import source_files
from seqgan_tf.metrics.metric import METRICS
from seqgan_tf.metrics.source_code import parse_share
from seqgan_tf.runs.text_source import TextSource


class CodeSource(TextSource):
    """Functions of Python source files. Its files are those of a `TextSource`.

    Args:
        tokenizer: the tokenizer of the functions.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.runs.code_source import CodeSource

    tokenizer = sg.TextTokenizer.train(["def f(x):\\n    return x"], level="bpe")
    source = CodeSource(tokenizer)
    token_ids, _ = tokenizer.encode_padded(["def f(x):\\n    return x", "def f("], 20)
    print(source.sample_metrics(token_ids, token_ids))  # {"share_parsed": 0.5}
    ```
    """

    quality = METRICS["share_parsed"]
    items, files = CodeCorpus.unit, "the source files"

    @staticmethod
    def digest_of_file(path: Path) -> str:
        """SHA-256 of the content of all files that a path names."""
        digest = hashlib.sha256()
        for file in source_files(path):
            digest.update(read_bytes(file, "a source file of the run"))
        return digest.hexdigest()

    def sample_metrics(self, samples: np.ndarray, held_out: np.ndarray) -> dict[str, float]:
        return {"share_parsed": parse_share(self.decode(samples)).share}

    def measure_quality(self, held_out: np.ndarray) -> Callable[[np.ndarray], float]:
        return lambda samples: self.sample_metrics(samples, held_out)["share_parsed"]
