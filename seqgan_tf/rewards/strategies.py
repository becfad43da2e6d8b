"""Ways to generate that a reward of whole sequences guides: `strategy` of `SeqGAN.generate`.

Axes: B rows, T sequence length, V vocabulary.
"""

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import tensorflow as tf

from seqgan_tf.core.conditions import condition_of, condition_on
from seqgan_tf.core.generation import SAMPLE, Decoder, Rows
from seqgan_tf.core.graphs import graph_function
from seqgan_tf.core.keras_arguments import check_names
from seqgan_tf.core.resampling import resample
from seqgan_tf.core.sampling import SamplingSettings
from seqgan_tf.core.tree_decoding import decode_by_search
from seqgan_tf.core.validation import InputError, check_at_least, real_number, whole_number
from seqgan_tf.rewards.estimator import value_of
from seqgan_tf.rewards.sequence_rewards import SequenceReward, as_reward

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Discriminator, Generator


class TreeSearch(NamedTuple):
    """`strategy="mcts"`: each token is the action that a tree search visits most often, see `core.tree_decoding`.

    Attributes:
        simulations: completed sequences per token, at least `num_actions`. Defaults to 64.
        exploration: c of PUCT, in units of the reward. Defaults to 2.0.
        num_actions: tokens that are tried after a prefix, the most probable ones. Defaults to 8; the whole vocabulary
            where that is smaller.
        reward: what a whole sequence is worth: "log_odds" (log D/(1-D), clipped to [-3, 3]), "probability" (D), or an
            object: `LogOdds`, `Probability`, `Objective` or `WeightedSum`. Defaults to "log_odds".

    Example:
    ```python
    import seqgan_tf as sg

    gan = sg.SeqGAN(sg.Generator(50, seed=1), sg.Discriminator(50, 8, seed=1), sg.MonteCarloRollout())
    samples = gan.generate(3, seed=1, strategy="mcts", simulations=16, num_actions=4)  # [3, 8]
    ```
    """

    simulations: int = 64
    exploration: float = 2.0
    num_actions: int = 8
    reward: SequenceReward | str = "log_odds"

    def decoder(self, discriminator: "Discriminator", vocabulary_size: int) -> Decoder:
        """The decoder, which scores with the discriminator.

        Raises:
            InputError: a setting is out of its range.
        """
        simulations, actions = (whole_number(name, getattr(self, name)) for name in ("simulations", "num_actions"))
        exploration = real_number("exploration", self.exploration)
        check_at_least(1, simulations=simulations, num_actions=actions)
        check_at_least(0, exploration=exploration)
        actions = min(actions, vocabulary_size)
        if simulations < actions:
            raise InputError(f"`simulations` must be at least `num_actions`, {actions}. Received: {simulations}")
        as_reward(self.reward)
        settings = TreeSearch(simulations, tf.constant(exploration, tf.float32), actions, self.reward)
        return Decoder(functools.partial(_search, discriminator=discriminator, search=settings))


class Resampling(NamedTuple):
    """`strategy="resample"`: each row is one of several samples, chosen with weights exp(reward): `core.resampling`.

    With "log_odds" the weights are D/(1-D), so that rows follow G * D/(1-D) as the number of particles grows. This is
    the distribution of real data where D is optimal.

    Attributes:
        particles: samples per row. Defaults to 32.
        reward: as for `TreeSearch`. Defaults to "log_odds".

    Example:
    ```python
    import seqgan_tf as sg

    gan = sg.SeqGAN(sg.Generator(50, seed=1), sg.Discriminator(50, 8, seed=1), sg.MonteCarloRollout())
    found = gan.generate(3, seed=1, strategy="resample", particles=16, return_dict=True)
    print(found["token_ids"].shape, found["effective_sample_size"])  # (3, 8), three numbers from 1 to 16
    ```
    """

    particles: int = 32
    reward: SequenceReward | str = "log_odds"

    def decoder(self, discriminator: "Discriminator", vocabulary_size: int) -> Decoder:
        """The decoder, which scores with the discriminator.

        Raises:
            InputError: a setting is out of its range.
        """
        particles = whole_number("particles", self.particles)
        check_at_least(1, particles=particles)
        as_reward(self.reward)
        settings = Resampling(particles, self.reward)
        return Decoder(functools.partial(_resample, discriminator=discriminator, resampling=settings), particles)


STRATEGIES: dict[str, Any] = {"sample": None, "mcts": TreeSearch, "resample": Resampling}
"""The values of `strategy`."""


def decoder_of(
    strategy: str, arguments: Mapping[str, Any], discriminator: "Discriminator", vocabulary_size: int
) -> tuple[Decoder, SamplingSettings]:
    """What the arguments of `SeqGAN.generate` choose.

    Args:
        strategy: a name in `STRATEGIES`.
        arguments: settings of the strategy, and of sampling.
        discriminator: D.
        vocabulary_size: V.

    Raises:
        InputError: another name, or a setting out of its range.
    """
    if strategy not in STRATEGIES:
        raise InputError(f"`strategy` must be one of {list(STRATEGIES)}. Received: {strategy!r}")
    kind = STRATEGIES[strategy]
    names = () if kind is None else kind._fields
    note = "" if kind is None else f" with `strategy` {strategy!r}"
    check_names("generate", arguments, (*SamplingSettings._fields, *names), note)
    known = {name: value for name, value in arguments.items() if name in SamplingSettings._fields}
    own = {name: value for name, value in arguments.items() if name in names}
    decoder = SAMPLE if kind is None else kind(**own).decoder(discriminator, vocabulary_size)
    return decoder, SamplingSettings(**known)


def _value(
    reward: SequenceReward | str, policy: Any, discriminator: "Discriminator", condition: Any
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Function of whole sequences, row r of condition r mod B: their values."""
    judge = condition_on(discriminator, condition)
    return lambda token_ids: value_of(as_reward(reward), token_ids, judge, condition_of(policy))


@graph_function
def _search(
    generator: "Generator",
    rows: Rows,
    length: int,
    settings: SamplingSettings,
    condition: Any,
    discriminator: "Discriminator",
    search: TreeSearch,
) -> dict[str, tf.Tensor]:
    policy = condition_on(generator, condition)
    value, budget = _value(search.reward, policy, discriminator, condition), search[:3]
    return {"token_ids": decode_by_search(policy, length, rows.seeds(), value, *budget, rows.prompts(), settings)}


@graph_function
def _resample(
    generator: "Generator",
    rows: Rows,
    length: int,
    settings: SamplingSettings,
    condition: Any,
    discriminator: "Discriminator",
    resampling: Resampling,
) -> dict[str, tf.Tensor]:
    policy = condition_on(generator, condition)
    value, particles = _value(resampling.reward, policy, discriminator, condition), resampling.particles
    token_ids, effective = resample(policy, length, rows.seeds(), value, particles, rows.prompts(), settings)
    return {"token_ids": token_ids, "effective_sample_size": effective}
