"""The presets of the settings of a run, and the ablations of a run."""

import dataclasses
from typing import Any, Literal

from seqgan_tf.data.records import CAPTIONS, CODE, DIALOGUE, LABELS, MUSIC, PAIRS, TEXT
from seqgan_tf.runs.config import (
    AdversarialSettings,
    DataSettings,
    DiscriminatorSettings,
    EncoderSettings,
    EstimatorSettings,
    GeneratorSettings,
    PretrainSettings,
    RolloutSettings,
    RunSettings,
)

ORACLE = "oracle"
CONTROLS: tuple[Literal["constant", "noise", "likelihood"], ...] = ("constant", "noise", "likelihood")

RECURRENT = ("cell", "attention", "embedding_dropout", "recurrent_dropout", "output_dropout")
"""The settings that recurrent generators alone take."""


def preset(name: str, task: str) -> RunSettings:
    """The settings of a preset.

    Args:
        name: "quick" takes minutes on two cores; "paper" is the authors' own schedule, with their sizes, initializers,
            reward and roll-outs, and without a baseline.
        task: "oracle", or the task of the data, see `data.records`. On the oracle `quick` stops the pre-training at the
            best held-out likelihood, and takes the gradient with the least noise: the rewards of all next tokens, from
            a discriminator of pairs of tokens (docs/results.md). For text it has a larger generator, stops the
            pre-training as well, and uses a reward, a baseline and a learning rate that preserve diversity. It trains
            on sequences of similar length, from the frequencies of the tokens, and averages the weights; a token gets
            the reward of its own whole sequence, of more sequences, which costs less than roll-outs of fewer
            (docs/speed.md). Code is read as byte pairs in both presets. Other tasks value tokens by roll-outs.
    """
    if name == "paper":
        return RunSettings(
            level="bpe" if task == CODE else "word",
            rollout=RolloutSettings(num_rollouts=16, update_rate=0.8),
            pretrain=PretrainSettings(epochs=120, discriminator_steps=46_800),
            adversarial=AdversarialSettings(rounds=200, discriminator_steps=4_680, learning_rate=1e-2),
        )
    if task == CAPTIONS:
        return _captions()
    if task in (PAIRS, DIALOGUE, LABELS):
        return _conditional(task)
    if task == CODE:
        return _code()
    if task == MUSIC:
        return _music()
    if task == TEXT:
        return RunSettings(
            generator=GeneratorSettings(
                embedding_dim=256, hidden_dim=256, dropout=0.5, initializer_stddev=None, embedding_range=0.3
            ),
            discriminator=DiscriminatorSettings(embedding_range=0.2),
            estimator=EstimatorSettings("terminal"),
            rollout=RolloutSettings(reward="log_odds"),
            pretrain=PretrainSettings(
                patience=2,
                learning_rate=5e-3,
                weight_decay=0.01,
                ema_momentum=0.99,
                token_frequencies=True,
                by_length=True,
                discriminator_learning_rate=1e-3,
            ),
            adversarial=AdversarialSettings(
                rounds=20, generator_batch_size=256, learning_rate=1e-4, baseline="leave_one_out"
            ),
        )
    return _oracle()


def _oracle() -> RunSettings:
    """The preset `quick` on the oracle."""
    return RunSettings(
        generator=GeneratorSettings(embedding_dropout=0.2, recurrent_dropout=0.1),
        discriminator=DiscriminatorSettings("ngram"),
        estimator=EstimatorSettings("next_token"),
        pretrain=PretrainSettings(
            epochs=10,
            patience=1,
            ema_momentum=0.99,
            discriminator_steps=1_500,
            discriminator_learning_rate=2e-2,
            discriminator_weight_decay=0.3,
        ),
        adversarial=AdversarialSettings(
            rounds=3,
            generator_steps=40,
            generator_batch_size=128,
            discriminator_steps=750,
            learning_rate=1e-2,
            kl_weight=1.0,
            kl_reference="round",
            evaluate_every=1,
        ),
    )


def _oracle_as_published() -> RunSettings:
    """The preset `quick` on the oracle with rewards of sampled tokens, as in the paper.

    It has the paper's reward, one roll-out of each prefix (four cost more time, and NLL-oracle fell as far), and a
    pre-training that goes on a little beyond the best held-out likelihood, as all published runs do.
    """
    return RunSettings(
        rollout=RolloutSettings(num_rollouts=1), pretrain=PretrainSettings(epochs=12, discriminator_steps=150)
    )


def _music() -> RunSettings:
    """The preset `quick` for music. Pieces of 128 tokens are long, so few prefixes are completed."""
    return RunSettings(
        generator=GeneratorSettings(
            embedding_dim=64, hidden_dim=128, cell="gru", dropout=0.3, initializer_stddev=None, embedding_range=0.3
        ),
        discriminator=DiscriminatorSettings("recurrent", embedding_range=0.2),
        rollout=RolloutSettings(reward="log_odds", num_rollouts=2, stride=16),
        pretrain=PretrainSettings(
            epochs=10,
            patience=1,
            learning_rate=5e-3,
            token_frequencies=True,
            clip_norm=1.0,
            discriminator_steps=100,
            discriminator_learning_rate=1e-3,
        ),
        adversarial=AdversarialSettings(rounds=10, learning_rate=1e-4, baseline="leave_one_out", discriminator_steps=5),
    )


def for_kinds(
    settings: RunSettings, generator: str | None = None, discriminator: str | None = None, estimator: str | None = None
) -> RunSettings:
    """A preset that takes the kinds of parts that a user names.

    Args:
        settings: a preset, whose generator is recurrent.
        generator: `generator.kind` of the run. The settings that recurrent generators alone take get their defaults for
            another kind than the preset's. Defaults to None: the user names none.
        discriminator: `discriminator.kind`. Defaults to None.
        estimator: `estimator.kind`. Where the preset rewards all next tokens, another kind, or a discriminator that
            cannot score them, gives the preset with rewards of sampled tokens. Defaults to None.
    """
    rewards_all = settings.estimator.kind == "next_token"
    if rewards_all and (estimator or "next_token", discriminator or "ngram") != ("next_token", "ngram"):
        settings = _oracle_as_published()
    if generator in (None, settings.generator.kind):
        return settings
    own: dict[str, Any] = {
        field.name: field.default for field in dataclasses.fields(GeneratorSettings) if field.name in RECURRENT
    }
    return dataclasses.replace(settings, generator=dataclasses.replace(settings.generator, **own))


def _conditional(task: str) -> RunSettings:
    """The preset `quick` for sequences with conditions."""
    return RunSettings(
        batch_size=96,
        corpus=DataSettings(shared_tokenizer=task == DIALOGUE),
        generator=GeneratorSettings(
            embedding_dim=256,
            hidden_dim=256,
            cell="gru",
            dropout=0.3,
            initializer_stddev=None,
            embedding_range=0.3,
        ),
        encoder=EncoderSettings(embedding_dim=256, hidden_dim=128, dropout=0.3),
        discriminator=DiscriminatorSettings("recurrent", embedding_dim=128, embedding_range=0.2),
        rollout=RolloutSettings(reward="log_odds", num_rollouts=2, stride=2),
        pretrain=PretrainSettings(
            epochs=7,
            patience=1,
            learning_rate=2e-3,
            token_frequencies=True,
            by_length=True,
            clip_norm=1.0,
            discriminator_steps=400,
            discriminator_learning_rate=1e-3,
        ),
        adversarial=AdversarialSettings(rounds=10, learning_rate=1e-4, baseline="leave_one_out", discriminator_steps=5),
    )


def _code() -> RunSettings:
    """The preset `quick` for functions: few byte pairs, and roll-outs of every eighth prefix."""
    return RunSettings(
        level="bpe",
        corpus=DataSettings(vocabulary_size=1_000),
        generator=GeneratorSettings(
            embedding_dim=128, hidden_dim=256, cell="gru", dropout=0.2, initializer_stddev=None, embedding_range=0.3
        ),
        discriminator=DiscriminatorSettings(embedding_range=0.2),
        rollout=RolloutSettings(reward="log_odds", num_rollouts=2, stride=8),
        pretrain=PretrainSettings(
            epochs=10,
            patience=1,
            learning_rate=3e-3,
            token_frequencies=True,
            by_length=True,
            discriminator_learning_rate=1e-3,
        ),
        adversarial=AdversarialSettings(rounds=20, learning_rate=1e-4, baseline="leave_one_out", discriminator_steps=5),
    )


def _captions() -> RunSettings:
    """The preset `quick` for captions: an image needs more steps than a source text, and its encoder more width."""
    settings = _conditional(CAPTIONS)
    return dataclasses.replace(
        settings,
        batch_size=64,
        encoder=EncoderSettings(embedding_dim=64, hidden_dim=128),
        pretrain=dataclasses.replace(settings.pretrain, epochs=15, patience=2),
    )


def control(settings: RunSettings, name: Literal["constant", "noise", "likelihood"]) -> RunSettings:
    """The settings of an ablation: the same number of generator updates, without information from the discriminator.

    Args:
        settings: settings of the run that the ablation is compared with.
        name: "constant" and "noise" replace the rewards, see `AdversarialSettings.control`. "likelihood" replaces the
            policy gradient steps by maximum likelihood steps.
    """
    adversarial = settings.adversarial
    if name == "likelihood":
        steps = adversarial.likelihood_steps + adversarial.generator_steps
        changed = dataclasses.replace(adversarial, generator_steps=0, likelihood_steps=steps)
    else:
        changed = dataclasses.replace(adversarial, control=name)
    return dataclasses.replace(settings, adversarial=changed)
