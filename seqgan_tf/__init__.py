"""SeqGAN for TensorFlow and Keras: sequence generators trained by adversarial policy gradient."""

import importlib
import sys
from typing import TYPE_CHECKING

__version__ = "0.2.0.dev0"

if TYPE_CHECKING:
    from seqgan_tf import callbacks as callbacks
    from seqgan_tf import metrics as metrics
    from seqgan_tf.core import losses as losses
    from seqgan_tf.core import sampling as sampling
    from seqgan_tf.core import sequences as sequences
    from seqgan_tf.core.validation import InputError as InputError
    from seqgan_tf.data.captions import CaptionCorpus as CaptionCorpus
    from seqgan_tf.data.code_corpus import CodeCorpus as CodeCorpus
    from seqgan_tf.data.hub_tokenizer import HubTokenizer as HubTokenizer
    from seqgan_tf.data.music import MusicCorpus as MusicCorpus
    from seqgan_tf.data.music_files import load_music_tokenizer as load_music_tokenizer
    from seqgan_tf.data.oracle_corpus import OracleCorpus as OracleCorpus
    from seqgan_tf.data.pairs import DialogueCorpus as DialogueCorpus
    from seqgan_tf.data.pairs import LabelledCorpus as LabelledCorpus
    from seqgan_tf.data.pairs import PairCorpus as PairCorpus
    from seqgan_tf.data.pitch_steps import PitchTokenizer as PitchTokenizer
    from seqgan_tf.data.remi import RemiTokenizer as RemiTokenizer
    from seqgan_tf.data.text import TextCorpus as TextCorpus
    from seqgan_tf.data.tokenizer import TextTokenizer as TextTokenizer
    from seqgan_tf.data.word_vectors import WordVectors as WordVectors
    from seqgan_tf.metrics.likelihood import negative_log_likelihood as negative_log_likelihood
    from seqgan_tf.models.backbones import HubDiscriminator as HubDiscriminator
    from seqgan_tf.models.backbones import HubGenerator as HubGenerator
    from seqgan_tf.models.conv_discriminator import Discriminator as Discriminator
    from seqgan_tf.models.encoders import ConcatenateEncoder as ConcatenateEncoder
    from seqgan_tf.models.encoders import LabelEncoder as LabelEncoder
    from seqgan_tf.models.encoders import SequenceEncoder as SequenceEncoder
    from seqgan_tf.models.generator import Generator as Generator
    from seqgan_tf.models.image_encoder import ImageEncoder as ImageEncoder
    from seqgan_tf.models.ngram_discriminator import NgramDiscriminator as NgramDiscriminator
    from seqgan_tf.models.oracle import Oracle as Oracle
    from seqgan_tf.models.recurrent_discriminator import RecurrentDiscriminator as RecurrentDiscriminator
    from seqgan_tf.models.transformer_generator import TransformerGenerator as TransformerGenerator
    from seqgan_tf.reports.captions_page import write_captions_page as write_captions_page
    from seqgan_tf.reports.explain import explain as explain
    from seqgan_tf.rewards.controls import ConstantReward as ConstantReward
    from seqgan_tf.rewards.controls import ShuffledReward as ShuffledReward
    from seqgan_tf.rewards.next_token import NextTokenReward as NextTokenReward
    from seqgan_tf.rewards.objective import Objective as Objective
    from seqgan_tf.rewards.rollout import MonteCarloRollout as MonteCarloRollout
    from seqgan_tf.rewards.sequence_rewards import LogOdds as LogOdds
    from seqgan_tf.rewards.sequence_rewards import Probability as Probability
    from seqgan_tf.rewards.sequence_rewards import WeightedSum as WeightedSum
    from seqgan_tf.rewards.terminal import TerminalReward as TerminalReward
    from seqgan_tf.rewards.tree_search import MonteCarloTreeSearch as MonteCarloTreeSearch
    from seqgan_tf.runs.directory import load_run as load_run
    from seqgan_tf.seqgan import SeqGAN as SeqGAN

_HOMES = {
    "CaptionCorpus": "data.captions",
    "CodeCorpus": "data.code_corpus",
    "ConcatenateEncoder": "models.encoders",
    "ConstantReward": "rewards.controls",
    "DialogueCorpus": "data.pairs",
    "Discriminator": "models.conv_discriminator",
    "Generator": "models.generator",
    "HubDiscriminator": "models.backbones",
    "HubGenerator": "models.backbones",
    "HubTokenizer": "data.hub_tokenizer",
    "ImageEncoder": "models.image_encoder",
    "InputError": "core.validation",
    "LabelEncoder": "models.encoders",
    "LabelledCorpus": "data.pairs",
    "LogOdds": "rewards.sequence_rewards",
    "MonteCarloRollout": "rewards.rollout",
    "MonteCarloTreeSearch": "rewards.tree_search",
    "MusicCorpus": "data.music",
    "NextTokenReward": "rewards.next_token",
    "NgramDiscriminator": "models.ngram_discriminator",
    "Objective": "rewards.objective",
    "Oracle": "models.oracle",
    "OracleCorpus": "data.oracle_corpus",
    "PairCorpus": "data.pairs",
    "PitchTokenizer": "data.pitch_steps",
    "Probability": "rewards.sequence_rewards",
    "RecurrentDiscriminator": "models.recurrent_discriminator",
    "RemiTokenizer": "data.remi",
    "SeqGAN": "seqgan",
    "SequenceEncoder": "models.encoders",
    "ShuffledReward": "rewards.controls",
    "TerminalReward": "rewards.terminal",
    "TextCorpus": "data.text",
    "TextTokenizer": "data.tokenizer",
    "TransformerGenerator": "models.transformer_generator",
    "WeightedSum": "rewards.sequence_rewards",
    "WordVectors": "data.word_vectors",
    "explain": "reports.explain",
    "load_music_tokenizer": "data.music_files",
    "load_run": "runs.directory",
    "negative_log_likelihood": "metrics.likelihood",
    "write_captions_page": "reports.captions_page",
}
_MODULES = {
    "callbacks": "callbacks",
    "losses": "core.losses",
    "metrics": "metrics",
    "sampling": "core.sampling",
    "sequences": "core.sequences",
}
__all__ = ["__version__", *_HOMES, *_MODULES]


def __getattr__(name: str):
    """Imports a public name when it is first used: `seqgan-tf --help` must not wait for TensorFlow."""
    if name in _MODULES:
        found = importlib.import_module(f"{__name__}.{_MODULES[name]}")
    elif name in _HOMES:
        found = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _register()
    return found


def __dir__():
    return __all__


def _register() -> None:
    """Imports the classes that saved models consist of: `keras.saving.load_model` finds only what is imported.

    Where Keras is loaded that is cheap. Where it is not, a script imports Keras or one of our classes first.
    """
    if "keras" in sys.modules:
        for name in (
            "ConstantReward",
            "Discriminator",
            "HubGenerator",
            "ImageEncoder",
            "LogOdds",
            "MonteCarloRollout",
            "NextTokenReward",
            "NgramDiscriminator",
            "Objective",
            "Oracle",
            "RecurrentDiscriminator",
            "SeqGAN",
            "SequenceEncoder",
            "TerminalReward",
            "TransformerGenerator",
        ):
            importlib.import_module(f"{__name__}.{_HOMES[name]}")


_register()
