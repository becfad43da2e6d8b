"""The settings of an evaluation."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class SampleSettings:
    """What is sampled from each generator. Equal settings on the same run give equal metrics."""

    samples: int = 5_000
    """Number of samples, and the largest number of held-out sequences."""
    seed: int = 1
    """Of the samples."""


@dataclasses.dataclass(frozen=True)
class EvaluationSettings(SampleSettings):
    """What is measured of a run."""

    sweep: bool = False
    """Measure quality against NLL-test at 12 temperatures too."""
    sweep_seeds: int = 3
    """Sets of samples at each temperature of the sweep."""
    reverse_lm: bool = False
    """Also train a language model on the samples and report its NLL of the held-out sequences."""
