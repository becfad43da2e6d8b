"""Every setting of a run, as dataclasses, with the presets, and the TOML file that keeps them."""

import dataclasses
import json
import tomllib
import types
import typing
from pathlib import Path
from typing import Literal

from seqgan_tf import __version__


@dataclasses.dataclass(frozen=True)
class DataSettings:
    """What is learnt from. The first three matter for text, the last three for the oracle."""

    vocabulary_size: int = 10_000
    """At most so many tokens of text, the most frequent ones."""
    min_frequency: int = 2
    """Words and characters that are seen less often are unknown."""
    validation_split: float = 0.1
    """Share of the lines that is held out."""
    sequence_length: int | None = None
    """Tokens, the end token included. Longer lines are cut. Default: 99 of 100 lines fit; 20 for the oracle."""
    oracle_sequences: int = 10_000
    """Sequences that the oracle writes for training."""
    oracle_seed: int = 0
    """Seed of the built-in oracle's weights; the run's own seed leaves the oracle as it is."""


@dataclasses.dataclass(frozen=True)
class GeneratorSettings:
    """The generator."""

    embedding_dim: int = 32
    hidden_dim: int = 32
    cell: Literal["lstm", "gru"] = "lstm"
    num_layers: int = 1
    dropout: float = 0.0
    initializer_stddev: float | None = 0.1
    """Draw every weight from N(0, stddev), as the authors do. None: the initialisers of Keras."""


@dataclasses.dataclass(frozen=True)
class DiscriminatorSettings:
    """The discriminator."""

    embedding_dim: int = 64
    embedding_range: float = 1.0
    """The embeddings begin as U(-r, r)."""
    widths: tuple[int, ...] | None = None
    """Window widths. Default: the paper's 1 to 10, 15 and 20, less those longer than the sequence."""
    filters: tuple[int, ...] | None = None
    """Filters of each width. Default: the paper's."""
    dropout: float = 0.25
    l2: float = 0.2
    """Weight decay of the output layer."""


@dataclasses.dataclass(frozen=True)
class RolloutSettings:
    """The reward of a token."""

    num_rollouts: int = 4
    """N, completions of every prefix."""
    update_rate: float = 0.0
    """Lag of the roll-out policy; 0 is none."""
    reward: Literal["log_odds", "probability"] = "probability"
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
    """Passes over the training data by the generator, at most."""
    patience: int | None = None
    """Stop after so many epochs without a better held-out likelihood, and go back to the best. Default: never."""
    learning_rate: float = 1e-2
    clip_norm: float = 5.0
    """Bound of the gradient's norm, in the adversarial phase too."""
    discriminator_steps: int = 300
    discriminator_learning_rate: float = 1e-4
    """In the adversarial phase too."""


@dataclasses.dataclass(frozen=True)
class AdversarialSettings:
    """The rounds."""

    rounds: int = 15
    generator_steps: int = 1
    """Policy gradient steps a round."""
    generator_batch_size: int | None = None
    """Sequences of a policy gradient step. Default: batch_size."""
    discriminator_steps: int = 10
    """A round."""
    likelihood_steps: int = 0
    """Maximum likelihood steps of the generator a round, at the learning rate of the pre-training."""
    learning_rate: float = 2e-2
    """Of the generator."""
    baseline: Literal["none", "batch_mean", "leave_one_out", "moving_average"] = "none"
    entropy_weight: float = 0.0
    control: Literal["none", "constant", "noise"] = "none"
    """Replace the rewards by their mean over the batch, or by those of another sample, to see what they are worth."""
    evaluate_every: int = 5
    """Rounds between two evaluations."""


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """Everything that makes a run what it is. Two runs with equal settings on one machine are equal."""

    data: Path | None = None
    """Text file to learn, one sequence a line. Default: the oracle writes the data."""
    level: Literal["char", "word", "bpe"] = "word"
    """What a token of text is."""
    oracle_weights: Path | None = None
    """.npz file of oracle weights. Default: the built-in oracle, N(0, 1) from a seed."""
    seed: int = 0
    dtype_policy: Literal["float32", "mixed_bfloat16"] = "float32"
    """What the networks compute in; the weights are float32 in both."""
    batch_size: int = 64
    corpus: DataSettings = DataSettings()
    generator: GeneratorSettings = GeneratorSettings()
    discriminator: DiscriminatorSettings = DiscriminatorSettings()
    rollout: RolloutSettings = RolloutSettings()
    pretrain: PretrainSettings = PretrainSettings()
    adversarial: AdversarialSettings = AdversarialSettings()


@dataclasses.dataclass(frozen=True)
class EvaluationSettings:
    """What is measured of a run. The same settings on the same run give the same figures."""

    samples: int = 5_000
    """Samples; and at most so many held-out sequences."""
    seed: int = 1
    """Of the samples."""
    sweep: bool = False
    """Measure quality against NLL-test at 12 temperatures too."""
    sweep_seeds: int = 3
    """Sets of samples at each temperature of the sweep."""
    reverse_lm: bool = False
    """Train a language model on the samples and measure it on the held-out sequences too."""


PRESETS = ("quick", "paper")
CONTROLS = ("constant", "noise", "likelihood")
BRANCHING = ("adversarial.", "rollout.")  # settings that a run may have otherwise than the one that it branches from
HEADER = ("version", "data_sha256")  # keys of a run's file that are no settings


def preset(name, text):
    """The settings of a preset.

    Args:
        name: "quick", minutes on two cores, or "paper", the authors' own schedule. On the oracle both use the authors'
            sizes, initialisers, reward and missing baseline, and `quick` goes on a little beyond the best held-out
            likelihood, as all published runs do, so that its figures can be held against theirs.
        text: bool, whether the data are text: `quick` then takes a larger generator, keeps the best held-out
            likelihood, and goes on with the reward, baseline and small steps that keep diversity.

    Returns:
        `RunSettings`.
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


def control(settings, name):
    """The settings of a control: the same updates of the generator from what the discriminator can not have told it.

    Args:
        settings: `RunSettings`.
        name: "constant" or "noise", what replaces the rewards, or "likelihood": maximum likelihood steps in place of
            policy gradient steps.

    Returns:
        `RunSettings`.
    """
    adversarial = settings.adversarial
    if name == "likelihood":
        steps = adversarial.likelihood_steps + adversarial.generator_steps
        changed = dataclasses.replace(adversarial, generator_steps=0, likelihood_steps=steps)
    else:
        changed = dataclasses.replace(adversarial, control=name)
    return dataclasses.replace(settings, adversarial=changed)


def difference(settings, others, prefix=""):
    """What two settings differ in: {dotted key: (value of the first, value of the second)}."""
    found = {}
    for field in dataclasses.fields(settings):
        a, b = getattr(settings, field.name), getattr(others, field.name)
        if dataclasses.is_dataclass(a):
            found |= difference(a, b, f"{prefix}{field.name}.")
        elif a != b:
            found[prefix + field.name] = (a, b)
    return found


def to_toml(settings, **header):
    """Settings as TOML text; None is written as "none".

    Args:
        settings: a dataclass of scalars, tuples and further dataclasses.
        **header: str values that stand before them.
    """
    lines = [f"{name} = {json.dumps(value)}" for name, value in header.items()]
    tables = []
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            tables += ["", f"[{field.name}]", to_toml(value).rstrip()]
        else:
            value = "none" if value is None else str(value) if isinstance(value, Path) else value
            value = list(value) if isinstance(value, tuple) else value
            lines.append(f"{field.name} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f"))
    return "\n".join(lines + tables) + "\n"


def read_toml(path):
    """The tables of a TOML file.

    Raises:
        ValueError: the file is missing or is no TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: expected a TOML file that can be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: expected TOML ({error})") from error


def read_run(path):
    """The settings of a run, from its config.toml.

    Raises:
        ValueError: the file is missing or damaged, or of a run of another version.
    """
    table = read_toml(path)
    if table.get("version") != __version__:
        raise ValueError(f"{path}: expected a run of version {__version__}. Received: {table.get('version')}")
    return override(RunSettings(), without_header(table), path)


def without_header(table):
    """A table of a run's file with nothing but settings in it."""
    return {key: value for key, value in table.items() if key not in HEADER}


def override(settings, table, path, prefix=""):
    """Settings with the values of a TOML table in place of their own.

    Args:
        settings: a dataclass.
        table: dict, as `read_toml` gives it.
        path: the file, for messages.

    Raises:
        ValueError: a key that is no setting, or a value of another type.
    """
    hints = typing.get_type_hints(type(settings))
    changes = {}
    for key, value in table.items():
        if key not in hints:
            raise ValueError(f"{path}: unknown key {prefix + key!r}. Expected one of {sorted(hints)}")
        current = getattr(settings, key)
        if dataclasses.is_dataclass(current):
            if not isinstance(value, dict):
                raise ValueError(f"{path}: expected a table [{prefix + key}]. Received: {value!r}")
            changes[key] = override(current, value, path, f"{prefix}{key}.")
        else:
            changes[key] = _convert(value, hints[key], f"{path}: {prefix}{key}")
    return dataclasses.replace(settings, **changes)


def _convert(value, hint, where):
    """A TOML value as the type that a field is annotated with."""
    if value == "none" and types.NoneType in typing.get_args(hint):
        return None
    choices = [h for h in typing.get_args(hint) if h is not types.NoneType] if _is_union(hint) else [hint]
    for choice in choices:
        origin, arguments = typing.get_origin(choice), typing.get_args(choice)
        if origin is Literal and value in arguments:
            return value
        if origin is tuple and isinstance(value, list) and all(type(item) is arguments[0] for item in value):
            return tuple(value)
        if choice is Path and isinstance(value, str):
            return Path(value)
        if choice is float and type(value) in (int, float):
            return float(value)
        if choice in (int, str, bool) and type(value) is choice:
            return value
    expected = ", ".join(str(typing.get_args(c) or c.__name__) for c in choices)
    raise ValueError(f"{where}: expected {expected}. Received: {value!r}")


def _is_union(hint):
    return typing.get_origin(hint) in (typing.Union, types.UnionType)
