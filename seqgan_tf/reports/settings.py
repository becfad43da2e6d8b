"""The settings of an evaluation."""

import dataclasses
from typing import Literal

Quality = Literal[
    "nll_oracle",
    "share_parsed",
    "reverse_lm_nll",
    "bleu_2",
    "bleu_3",
    "bleu_4",
    "bleu_5",
    "ms_jaccard_2",
    "ms_jaccard_3",
    "ms_jaccard_4",
    "ms_jaccard_5",
]


@dataclasses.dataclass(frozen=True)
class SampleSettings:
    """The samples of each generator. Equal settings on the same run give equal metrics.

    Example:
    ```python
    from seqgan_tf.reports.settings import SampleSettings

    settings = SampleSettings(samples=500, seed=2)
    ```
    """

    samples: int = 5_000
    """Number of samples, and maximum number of held-out sequences."""
    seed: int = 1
    """Random seed of the samples."""
    quality: Quality | None = None
    """Metric of samples at each temperature. None: nll_oracle on an oracle, share_parsed on code, else bleu_4."""


@dataclasses.dataclass(frozen=True)
class EvaluationSettings(SampleSettings):
    """The metrics of an evaluation that are optional, and its samples.

    Example:
    ```python
    from seqgan_tf.reports.settings import EvaluationSettings

    settings = EvaluationSettings(samples=500, sweep=True, sweep_seeds=5)
    ```
    """

    sweep: bool = False
    """Also measure quality against NLL-test at 12 temperatures."""
    sweep_seeds: int = 3
    """Number of sets of samples at each temperature of the sweep."""
    reverse_lm: bool = False
    """Also report the held-out NLL of a language model that is trained on the samples."""
