"""Builds the parts of a run from its settings: the class for each `kind`, and the compiled SeqGAN."""

import contextlib
import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from seqgan_tf.core.optimizers import FusedAdam, adam
from seqgan_tf.core.protocols import Discriminator, Generator, RewardEstimator
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.conditions import Labels, Several, Sources, TextConditions
from seqgan_tf.data.images import Images
from seqgan_tf.models.conv_discriminator import Discriminator as ConvDiscriminator
from seqgan_tf.models.encoders import ConcatenateEncoder, LabelEncoder, SequenceEncoder
from seqgan_tf.models.generator import Generator as RecurrentGenerator
from seqgan_tf.models.image_encoder import ImageEncoder
from seqgan_tf.models.ngram_discriminator import NgramDiscriminator
from seqgan_tf.models.recurrent_discriminator import RecurrentDiscriminator
from seqgan_tf.models.transformer_generator import TransformerGenerator
from seqgan_tf.rewards.controls import ConstantReward, ShuffledReward
from seqgan_tf.rewards.next_token import NextTokenReward
from seqgan_tf.rewards.rollout import MonteCarloRollout
from seqgan_tf.rewards.terminal import TerminalReward
from seqgan_tf.rewards.tree_search import MonteCarloTreeSearch
from seqgan_tf.runs.config import PretrainSettings, RunSettings
from seqgan_tf.runs.objectives import reward_of
from seqgan_tf.runs.source import Source
from seqgan_tf.seqgan import SeqGAN

EMBEDDINGS = "embeddings"
"""The setting that is no argument of a network: its weights are set after it is built, see `runs.embeddings`."""
GENERATORS: dict[str, Callable[..., Generator]] = {
    "recurrent": RecurrentGenerator,
    "transformer": TransformerGenerator,
}
DISCRIMINATORS = {"cnn": ConvDiscriminator, "recurrent": RecurrentDiscriminator, "ngram": NgramDiscriminator}
ESTIMATORS: dict[str, Callable[..., RewardEstimator]] = {
    "rollout": MonteCarloRollout,
    "tree": MonteCarloTreeSearch,
    "terminal": TerminalReward,
    "next_token": NextTokenReward,
}
CONTROLS: dict[str, Callable[[RewardEstimator], RewardEstimator]] = {
    "none": lambda estimator: estimator,
    "constant": ConstantReward,
    "noise": ShuffledReward,
}


def build_gan(
    settings: RunSettings,
    source: Source,
    run_eagerly: bool = False,
    strategy: tf.distribute.Strategy | None = None,
) -> SeqGAN:
    """The compiled SeqGAN of a run.

    Args:
        settings: settings of the run; `corpus.sequence_length` is set.
        source: where the sequences come from.
        run_eagerly: as in `keras.Model.compile`.
        strategy: the devices that train it. Defaults to None: one.

    Raises:
        InputError: a setting is out of its range.
    """
    with contextlib.nullcontext() if strategy is None else strategy.scope():
        return _build_gan(settings, source, run_eagerly)


def _build_gan(settings: RunSettings, source: Source, run_eagerly: bool) -> SeqGAN:
    adversarial, pretrain = settings.adversarial, settings.pretrain
    gan = SeqGAN(
        build_generator(settings, source),
        build_discriminator(settings, source),
        build_estimator(settings, source),
        batch_size=settings.batch_size,
        generator_batch_size=adversarial.generator_batch_size,
        generator_steps=adversarial.generator_steps,
        discriminator_steps=adversarial.discriminator_steps,
        likelihood_steps=adversarial.likelihood_steps,
        baseline=adversarial.baseline,
        entropy_weight=adversarial.entropy_weight,
        kl_weight=adversarial.kl_weight,
        kl_reference=adversarial.kl_reference,
        mismatched=adversarial.mismatched,
        seed=settings.seed,
    )
    gan.compile(
        generator_optimizer=FusedAdam(adversarial.learning_rate, global_clipnorm=pretrain.clip_norm),
        discriminator_optimizer=adam(pretrain.discriminator_learning_rate, pretrain.discriminator_weight_decay),
        pretrain_optimizer=build_pretrain_optimizer(pretrain),
        jit_compile=settings.jit_compile,
        run_eagerly=run_eagerly,
    )
    return gan


def build_pretrain_optimizer(pretrain: PretrainSettings) -> keras.optimizers.Optimizer:
    """The optimizer of the likelihood steps. `Training` changes its learning rate as the schedule says."""
    arguments: dict[str, Any] = {"global_clipnorm": pretrain.clip_norm}
    if pretrain.ema_momentum is not None:
        arguments |= {"use_ema": True, "ema_momentum": pretrain.ema_momentum}
    return adam(pretrain.learning_rate, pretrain.weight_decay, **arguments)


def build_generator(settings: RunSettings, source: Source) -> Generator:
    """The generator that `generator.kind` names.

    Raises:
        InputError: a setting is out of its range, or one that only other kinds have is not at its default.
    """
    kind = GENERATORS[settings.generator.kind]
    arguments = _arguments(kind, "generator", settings)
    if not source.conditions and "attention" in arguments:
        arguments["attention"] = None
    return kind(
        source.vocabulary_size,
        start_token_id=source.start_token_id,
        end_token_id=source.end_token_id,
        encoder=build_encoder(settings, source, settings.seed),
        **arguments,
    )


def build_discriminator(settings: RunSettings, source: Source) -> Discriminator:
    """The discriminator that `discriminator.kind` names.

    Raises:
        InputError: a setting is out of its range, or one that only other kinds have is not at its default.
    """
    kind = DISCRIMINATORS[settings.discriminator.kind]
    return kind(
        source.vocabulary_size,
        encoder=build_encoder(settings, source, 2**31 - 1 - settings.seed),  # a seed that no encoder of a generator has
        **_arguments(kind, "discriminator", settings),
    )


def build_encoder(settings: RunSettings, source: Source, seed: int) -> keras.Model | None:
    """The encoder of the conditions of a run; None where there are none.

    Args:
        settings: settings of the run.
        source: where the sequences come from.
        seed: seed of the initial weights.
    """
    return None if source.conditions is None else _encoder(source.conditions, settings, seed)


def _encoder(conditions: TextConditions, settings: RunSettings, seed: int) -> keras.Model:
    """The encoder of conditions of a kind."""
    encoder = settings.encoder
    shared: dict[str, Any] = {"seed": seed, "dtype": settings.dtype_policy}
    if isinstance(conditions, Several):
        parts = {name: _encoder(part, settings, seed) for name, part in conditions.parts.items()}
        return ConcatenateEncoder(parts, encoder.hidden_dim, **shared)
    if isinstance(conditions, Labels):
        return LabelEncoder(len(conditions.labels), encoder.embedding_dim, **shared)
    if isinstance(conditions, Images):
        return ImageEncoder(
            conditions.image_size, encoder.filters, encoder.hidden_dim, dropout=encoder.dropout, **shared
        )
    assert isinstance(conditions, Sources)
    own = {name: value for name, value in dataclasses.asdict(encoder).items() if name not in ("filters", EMBEDDINGS)}
    return SequenceEncoder(conditions.vocabulary_size, **own, **shared)


def build_estimator(settings: RunSettings, source: Source) -> RewardEstimator:
    """The reward estimator that `estimator.kind` names, inside the ablation that `adversarial.control` names."""
    kind = ESTIMATORS[settings.estimator.kind]
    names = set(inspect.signature(kind).parameters)
    given = dataclasses.asdict(settings.estimator) | dataclasses.asdict(settings.rollout)
    own = {name: value for name, value in given.items() if name in names - {"reward", "clip"}}
    reward = reward_of(settings, source) if "reward" in names else {}
    return CONTROLS[settings.adversarial.control](kind(**own, **reward))


def _arguments(kind: Callable[..., Any], table: str, settings: RunSettings) -> dict[str, Any]:
    """The settings of a network that its class takes by name, with the seed and the dtype policy of the run.

    A class that takes a `sequence_length` gets that of the run.

    Raises:
        InputError: a setting that the class does not take is not at its default.
    """
    network, names, own = getattr(settings, table), inspect.signature(kind).parameters, {}
    for field in dataclasses.fields(network):
        value = getattr(network, field.name)
        if field.name in names:
            own[field.name] = value
        elif field.name not in ("kind", EMBEDDINGS) and value != field.default:
            flag = f"--{table}.{field.name.replace('_', '-')}"
            received = list(value) if isinstance(value, tuple) else value
            raise InputError(f"--{table}.kind {network.kind} takes no {flag}. Received: {received}")
    if "sequence_length" in names:
        own["sequence_length"] = settings.sequence_length
    return own | {"seed": settings.seed, "dtype": settings.dtype_policy}
