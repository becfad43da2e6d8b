"""SeqGAN for TensorFlow and Keras: sequence generators trained by adversarial policy gradient."""

import importlib

__version__ = "0.1.0"

_HOMES = {
    "ConstantReward": "rewards.controls",
    "Discriminator": "models.discriminator",
    "Generator": "models.generator",
    "MonteCarloRollout": "rewards.rollout",
    "Oracle": "models.oracle",
    "OracleCorpus": "data.synthetic",
    "SeqGAN": "seqgan",
    "ShuffledReward": "rewards.controls",
    "TextCorpus": "data.text",
    "TextTokenizer": "data.tokenizer",
    "negative_log_likelihood": "metrics.likelihood",
}
_MODULES = ("callbacks", "losses", "metrics", "sampling", "sequences")
__all__ = ["__version__", *_HOMES, *_MODULES]


def __getattr__(name):
    """Imports a public name when it is first used: `seqgan-tf --help` must not wait for TensorFlow."""
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
