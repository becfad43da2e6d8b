"""Every setting of a run, as dataclasses: one home for each default, the presets, and the ablations.

A setting named `kind` says which class is built; `runs.build` holds the classes by kind.
"""

import dataclasses
from pathlib import Path
from typing import Any, Literal

from seqgan_tf.core.validation import InputError


@dataclasses.dataclass(frozen=True)
class DataSettings:
    """The real sequences."""

    kind: Literal["oracle", "text"] | None = None
    """Default: text where --data is given, else the oracle."""
    vocabulary_size: int = 10_000
    """Text: the largest number of tokens; the most frequent ones are kept."""
    min_frequency: int = 2
    """Text: words and characters that occur less often are unknown."""
    validation_split: float = 0.1
    """Text: share of the lines that is held out."""
    sequence_length: int | None = None
    """Tokens, the end token included. Longer lines are cut. Default: 99 of 100 lines fit; 20 for the oracle."""
    oracle_sequences: int = 10_000
    """Oracle: sequences that it generates for training."""
    oracle_seed: int = 0
    """Oracle: seed of the built-in oracle's weights. The run's own seed does not change them."""


@dataclasses.dataclass(frozen=True)
class GeneratorSettings:
    """The generator."""

    kind: Literal["recurrent"] = "recurrent"
    embedding_dim: int = 32
    hidden_dim: int = 32
    cell: Literal["lstm", "gru"] = "lstm"
    num_layers: int = 1
    dropout: float = 0.0
    initializer_stddev: float | None = 0.1
    """Draw every weight from N(0, stddev), as the authors do. None: the initializers of Keras."""


@dataclasses.dataclass(frozen=True)
class DiscriminatorSettings:
    """The discriminator."""

    kind: Literal["cnn"] = "cnn"
    embedding_dim: int = 64
    embedding_range: float = 1.0
    """r; the initial embeddings are drawn from U(-r, r)."""
    widths: tuple[int, ...] | None = None
    """Window widths. Default: those of the paper (1 to 10, 15 and 20) that are not longer than the sequence."""
    filters: tuple[int, ...] | None = None
    """Number of filters for each width. Default: the paper's."""
    dropout: float = 0.25
    l2: float = 0.2
    """L2 regularization of the output layer."""


@dataclasses.dataclass(frozen=True)
class EstimatorSettings:
    """How the reward of each token is estimated."""

    kind: Literal["rollout", "terminal"] = "rollout"
    """Roll-outs complete every prefix; terminal gives each token the reward of its own whole sequence."""


@dataclasses.dataclass(frozen=True)
class RolloutSettings:
    """The reward of a sequence, and the roll-outs."""

    num_rollouts: int = 4
    """N, completions of every prefix."""
    update_rate: float = 0.0
    """Lag of the roll-out policy behind the generator, in [0, 1); 0 means no lag."""
    reward: Literal["log_odds", "probability"] = "probability"
    """What a whole sequence is worth: log-odds of the discriminator, or its probability (the paper's)."""
    clip: float = 3.0
    """Bound of the log-odds."""
    stride: int = 1
    """Complete only prefixes whose length is a multiple of this."""
    chunk_size: int = 64
    """Sequences whose roll-outs are in memory at once."""


@dataclasses.dataclass(frozen=True)
class PretrainSettings:
    """Maximum likelihood training of the generator, then training of the discriminator."""

    epochs: int = 20
    """The largest number of passes over the training data by the generator."""
    patience: int | None = None
    """Stop after this many epochs without a better held-out likelihood, and restore the best. Default: never."""
    learning_rate: float = 1e-2
    """Of the generator's maximum likelihood steps."""
    clip_norm: float = 5.0
    """Bound of the generator's gradient norm, in the adversarial phase too."""
    discriminator_steps: int = 300
    """Training steps of the discriminator before the adversarial phase."""
    discriminator_learning_rate: float = 1e-4
    """Of the discriminator, in the adversarial phase too."""


@dataclasses.dataclass(frozen=True)
class AdversarialSettings:
    """The adversarial phase."""

    rounds: int = 15
    """Each round has policy gradient steps of the generator and training steps of the discriminator."""
    generator_steps: int = 1
    """Policy gradient steps per round."""
    generator_batch_size: int | None = None
    """Sequences per policy gradient step. Default: batch_size."""
    discriminator_steps: int = 10
    """Training steps of the discriminator per round."""
    likelihood_steps: int = 0
    """Maximum likelihood steps of the generator per round, at the learning rate of the pre-training."""
    learning_rate: float = 2e-2
    """Of the policy gradient steps."""
    baseline: Literal["none", "batch_mean", "leave_one_out", "moving_average"] = "none"
    """Subtracted from the rewards."""
    entropy_weight: float = 0.0
    """Weight of the mean entropy of the next-token distribution in the objective."""
    control: Literal["none", "constant", "noise"] = "none"
    """Ablation: replace the rewards by their mean over the batch, or by those of another sample."""
    evaluate_every: int = 5
    """Rounds between two evaluations."""


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """All settings of a run. Two runs with equal settings on one machine are equal."""

    data: Path | None = None
    """Text file to train on, one sequence per line. Default: an oracle generates the data."""
    level: Literal["char", "word", "bpe"] = "word"
    """What a token of text is: a character, a word, or a byte pair."""
    oracle_weights: Path | None = None
    """.npz file of oracle weights. Default: the built-in oracle, weights drawn from N(0, 1)."""
    seed: int = 0
    """Of everything that is drawn."""
    dtype_policy: Literal["float32", "mixed_bfloat16"] = "float32"
    """Keras dtype policy of both networks; the weights are float32 in both."""
    jit_compile: bool = False
    """Compile the training steps with XLA."""
    batch_size: int = 64
    """Real sequences per step."""
    corpus: DataSettings = DataSettings()
    generator: GeneratorSettings = GeneratorSettings()
    discriminator: DiscriminatorSettings = DiscriminatorSettings()
    estimator: EstimatorSettings = EstimatorSettings()
    rollout: RolloutSettings = RolloutSettings()
    pretrain: PretrainSettings = PretrainSettings()
    adversarial: AdversarialSettings = AdversarialSettings()

    @property
    def sequence_length(self) -> int:
        """The sequence length in use. Every run that was created has one.

        Raises:
            InputError: it is not known yet.
        """
        if self.corpus.sequence_length is None:
            raise InputError("expected corpus.sequence_length. Received: no such key")
        return self.corpus.sequence_length


PRESETS = ("quick", "paper")
CONTROLS: tuple[Literal["constant", "noise", "likelihood"], ...] = ("constant", "noise", "likelihood")
BRANCHING = ("adversarial.", "estimator.", "rollout.")
"""Settings in which a run may differ from the run whose pre-training it uses."""


def preset(name: str, text: bool) -> RunSettings:
    """The settings of a preset.

    Args:
        name: "quick", minutes on two cores, or "paper", the authors' own schedule. On the oracle both use the authors'
            sizes, initializers and reward, without a baseline, and `quick` trains a little beyond the best held-out
            likelihood, as all published runs do, so that its metrics can be compared with theirs.
        text: whether the data are text: `quick` then has a larger generator, stops the pre-training at the best
            held-out likelihood, and uses the reward, the baseline and the small steps that keep diversity.
    """
    if name == "paper":
        return RunSettings(
            rollout=RolloutSettings(num_rollouts=16, update_rate=0.8),
            pretrain=PretrainSettings(epochs=120, discriminator_steps=46_800),
            adversarial=AdversarialSettings(rounds=200, discriminator_steps=4_680, learning_rate=1e-2),
        )
    if text:
        return RunSettings(
            generator=GeneratorSettings(embedding_dim=64, hidden_dim=128, dropout=0.3, initializer_stddev=None),
            discriminator=DiscriminatorSettings(embedding_range=0.2),
            rollout=RolloutSettings(reward="log_odds"),
            pretrain=PretrainSettings(patience=2, learning_rate=5e-3, discriminator_learning_rate=1e-3),
            adversarial=AdversarialSettings(rounds=20, learning_rate=1e-4, baseline="leave_one_out"),
        )
    return RunSettings()


def control(settings: RunSettings, name: Literal["constant", "noise", "likelihood"]) -> RunSettings:
    """The settings of an ablation: as many updates of the generator, without the discriminator's signal.

    Args:
        settings: the run that is compared with it.
        name: "constant" or "noise", which replaces the rewards, or "likelihood": maximum likelihood steps instead of
            policy gradient steps.
    """
    adversarial = settings.adversarial
    if name == "likelihood":
        steps = adversarial.likelihood_steps + adversarial.generator_steps
        changed = dataclasses.replace(adversarial, generator_steps=0, likelihood_steps=steps)
    else:
        changed = dataclasses.replace(adversarial, control=name)
    return dataclasses.replace(settings, adversarial=changed)


def difference(settings: Any, others: Any, prefix: str = "") -> dict[str, tuple[Any, Any]]:
    """The settings that differ: {dotted key: (value of the first, value of the second)}."""
    found: dict[str, tuple[Any, Any]] = {}
    for field in dataclasses.fields(settings):
        a, b = getattr(settings, field.name), getattr(others, field.name)
        if dataclasses.is_dataclass(a):
            found |= difference(a, b, f"{prefix}{field.name}.")
        elif a != b:
            found[prefix + field.name] = (a, b)
    return found
