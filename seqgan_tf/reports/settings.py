"""The settings of an evaluation."""

import dataclasses


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
