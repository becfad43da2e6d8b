"""Monte Carlo search: the action value of every token, from completions of every prefix (paper, equation 4)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from seqgan_tf.core import replicas, seeds
from seqgan_tf.core.branching import branches_of
from seqgan_tf.core.conditions import Conditioned, condition_of, network_of, rows_of
from seqgan_tf.core.log_odds import CLIP
from seqgan_tf.core.validation import InputError, check_at_least, check_tensors, real_number, whole_number
from seqgan_tf.rewards.completions import complete
from seqgan_tf.rewards.estimator import (
    PrefixEstimator,
    evaluate,
    of_completions,
    on_tokens,
    reads_completions,
    scores_completions,
)
from seqgan_tf.rewards.sequence_rewards import SequenceReward, checked_token_ids, sequence_logits

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Discriminator, Generator

Scorer = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""Function of completed, int32 [K, R, T], and of rows, int32 [R], the sequences that they belong to: logits [K, R]."""


def _own_scorer(discriminator: Any) -> Callable[..., Scorer] | None:
    """`completion_scorer` of a discriminator, if it belongs to the `call` in force; else None.

    The first class in the order of inheritance that defines a way to score must define both ways: a subclass that
    overrides `call` alone inherits a scorer of another function, one that overrides `completion_scorer` alone may have
    been written for another `call`. An attribute of the instance counts as a class before all others.
    """
    calls = {"call", "__call__"}
    for names in (getattr(discriminator, "__dict__", {}), *map(vars, type(discriminator).__mro__)):
        if calls & set(names) or "completion_scorer" in names:
            both = calls & set(names) and "completion_scorer" in names
            return discriminator.completion_scorer if both else None
    return None


@keras.saving.register_keras_serializable(package="seqgan_tf")
class MonteCarloRollout(PrefixEstimator):
    """Q(Y_1:t-1, y_t) = 1/N sum_n r(Y^n), Y^n completed from Y_1:t by the roll-out policy; r(Y) for t = T.

    Args:
        num_rollouts: N, completions of each prefix. Defaults to 16, the paper's.
        update_rate: in [0, 1), the lag of the roll-out policy behind the generator: after each policy gradient step
            beta <- update_rate * beta + (1 - update_rate) * theta. `SeqGAN` keeps the lagged copy. Defaults to 0.0:
            the generator itself completes the prefixes. The paper's is 0.8.
        reward: r, what a whole sequence is worth: "log_odds" (log D/(1-D), clipped), "probability" (D, the paper's), or
            an object: `LogOdds`, `Probability`, `Objective` or `WeightedSum`. It is applied to each completion, before
            the mean. Defaults to "log_odds".
        clip: bound of the log-odds, where `reward` is a name. Defaults to 3.0.
        stride: only prefixes whose length is a multiple of it are completed. Each token gets the value of the shortest
            completed prefix that contains it (or of the whole sequence), which keeps the gradient unbiased. Defaults to
            1: every prefix.
        chunk_size: sequences whose roll-outs are in memory at once. The random numbers depend on it. Defaults to 64.

    Raises:
        InputError: a setting is out of its range.

    Example:
    ```python
    import seqgan_tf as sg

    generator = sg.Generator(vocabulary_size=50, end_token_id=0)
    discriminator = sg.Discriminator(vocabulary_size=50, sequence_length=20)
    gan = sg.SeqGAN(generator, discriminator, sg.MonteCarloRollout(num_rollouts=4, update_rate=0.8))
    ```
    """

    def __init__(
        self,
        num_rollouts: int = 16,
        update_rate: float = 0.0,
        reward: SequenceReward | str = "log_odds",
        clip: float = CLIP,
        stride: int = 1,
        chunk_size: int = 64,
    ) -> None:
        num_rollouts, update_rate = whole_number("num_rollouts", num_rollouts), real_number("update_rate", update_rate)
        check_at_least(1, num_rollouts=num_rollouts)
        if not 0 <= update_rate < 1:
            raise InputError(f"`update_rate` must be in [0, 1). Received: {update_rate}")
        super().__init__(reward, clip, stride, chunk_size)
        self.num_rollouts = num_rollouts
        self.update_rate = update_rate

    def estimate(
        self, token_ids: tf.Tensor, generator: "Generator", discriminator: "Discriminator", seed: tf.Tensor
    ) -> tf.Tensor:
        """Action values of sampled sequences.

        Args:
            token_ids: int32 [B, T], padded after the end token.
            generator: the roll-out policy G_beta.
            discriminator: D; it scores with dropout off.
            seed: int32 [2].

        Returns:
            float32 [B, T]; 0 on padding. The value of an end token, and of token T, is the reward of the sequence
            itself.

        Raises:
            InputError: token ids or logits of another rank, (where values are at hand) an id outside the vocabulary, or
                an objective fails.
        """
        token_ids = checked_token_ids(token_ids, generator.vocabulary_size)
        prefixes = self.prefixes(token_ids.shape[1])
        rollouts: dict[str, tf.Tensor] = {}
        if prefixes:
            rollouts = self._roll_out(token_ids, prefixes, generator, discriminator, seed)
        condition, completed = condition_of(generator), rollouts.pop("completed", None)
        whole, others = evaluate(self.sequence_reward, token_ids, discriminator, condition, completed)
        values = whole[tf.newaxis]
        if prefixes:
            parts = [*rollouts.values(), *([] if others is None else [others])]
            grouped = [len(prefixes), self.num_rollouts, tf.shape(token_ids)[0]]
            means = tf.reduce_mean(tf.reshape(tf.add_n(parts), grouped), axis=1)
            values = tf.concat([means, values], axis=0)
        return on_tokens(values, prefixes, token_ids)

    def completions(
        self, token_ids: tf.Tensor, prefixes: list[int], generator: "Generator", seed: tf.Tensor
    ) -> tf.Tensor:
        """Completes each prefix of each sequence once: int32 [K, B, T], see `rewards.completions.complete`."""
        return complete(token_ids, prefixes, branches_of(generator, token_ids[:, :-1]), seed)

    def _roll_out(self, token_ids, prefixes, generator, discriminator, seed):
        """What the reward needs of N completions of K prefixes, each at [k * N + n, b].

        "scored": float32 [K * N, B], the part of their value that is of the discriminator's logits, where there is one.
        "completed": int32 [K * N, B, T], the completions themselves, where a term reads them.
        """
        reward, batch_size = self.sequence_reward, tf.shape(token_ids)[0]
        branches = branches_of(generator, token_ids[:, :-1])
        rows = self.chunks(token_ids, self.num_rollouts)
        num_chunks = tf.shape(rows)[0]
        score = self._scorer(discriminator, token_ids, prefixes) if scores_completions(reward) else None
        keeps = reads_completions(reward)

        def chunk(inputs):
            index, rows = inputs
            given, drawing = tf.gather(token_ids, rows), seeds.fold_in(seed, index)
            completed = complete(given, prefixes, branches.rows(rows), drawing)
            found = {"completed": completed} if keeps else {}
            if score is not None:
                logits = score(completed, rows)
                axes = {"K": len(prefixes), "R": completed.shape[1]}
                check_tensors(axes, **{"completion_scorer(...)": (logits, "KR")})
                found["scored"] = of_completions(reward, logits)
            return found

        kinds = {"completed": tf.int32} if keeps else {}
        if score is not None:
            kinds["scored"] = tf.float32
        own = replicas.rows(rows)  # the chunks are divided among the replicas
        inputs = own.take((tf.range(num_chunks), rows))
        found = tf.map_fn(chunk, inputs, fn_output_signature=kinds, parallel_iterations=1)
        found = {name: own.gather(chunks) for name, chunks in found.items()}

        def in_order(chunks):  # [num_chunks, K, size, ...] -> [K * N, B, ...]
            rest = chunks.shape[3:].as_list()
            chunks = tf.transpose(chunks, [1, 0, 2, *range(3, chunks.shape.rank)])
            chunks = tf.reshape(chunks, [len(prefixes), tf.size(rows), *rest])[:, : self.num_rollouts * batch_size]
            return tf.reshape(chunks, [len(prefixes) * self.num_rollouts, batch_size, *rest])

        return {name: in_order(chunks) for name, chunks in found.items()}

    def _scorer(self, discriminator, token_ids, prefixes) -> Scorer:
        bound = isinstance(discriminator, Conditioned)
        own = _own_scorer(network_of(discriminator))
        if own is not None and token_ids.shape[0] is not None:
            given = {"context": discriminator.context} if bound else {}
            return own(token_ids, prefixes, self.num_rollouts, **given)

        def score(completed, rows):
            whole = tf.reshape(completed, [-1, completed.shape[2]])
            return tf.reshape(sequence_logits(rows_of(discriminator, rows), whole), tf.shape(completed)[:2])

        return score

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_rollouts": self.num_rollouts,
            "update_rate": self.update_rate,
        }
