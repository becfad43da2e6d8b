"""The contracts between the parts. An object with these methods and attributes can replace the package's own classes.

`SeqGAN` runs parts of other classes once, on two short sequences, and names what does not keep its contract
(`core.contracts`).

A generator or a discriminator that takes conditions has a further attribute `encoder`, which is not None, and a method
`encode(condition, training=False) -> context`, a nest of tensors with a leading axis B. `__call__`, `initial_state` and
`step` then take a further keyword argument `context`; where they get R rows, row r belongs to condition r mod B. All
other parts get such networks bound to their conditions (`core.conditions.Conditioned`), with the methods below.

Axes: B batch, T sequence length, V vocabulary, R rows. `token_ids` are int32, -1 after the end token.
"""

from typing import Any, Protocol, runtime_checkable

import numpy as np
import tensorflow as tf


@runtime_checkable
class Generator(Protocol):
    """The policy G(y_t | Y_1:t-1): a `keras.Model` that predicts whole sequences (`call`) and single tokens (`step`).

    `call` and `step` must agree: the logits of `call` at position t are those that `step` returns after the start token
    and token_ids[:, :t] (to 1e-5).

    It may have an attribute `sequence_length`, the longest sequence that `step` can go through, such as the size of a
    cache: longer ones are refused. Exports to ONNX and LiteRT then run its `call`, which must have no loop.

    Attributes:
        vocabulary_size: V.
        start_token_id: the token that is fed first; it is not part of a sequence.
        end_token_id: the token that ends a sequence; None where sequences fill all T positions.

    It may have an attribute `sequence_length`, the longest sequence that it takes. The methods of `BranchingGenerator`
    make roll-outs of a generator with a large state cheaper.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.core.protocols import Generator

    assert isinstance(sg.Generator(50), Generator)
    ```
    """

    vocabulary_size: int
    start_token_id: int
    end_token_id: int | None

    def __call__(self, token_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Logits float32 [B, T, V] of token_ids [B, T]: position t is predicted from the tokens before it."""
        ...

    def initial_state(self, batch_size: int | tf.Tensor) -> Any:
        """The state before the start token: a nested structure of tensors whose first axis is the batch.

        It may hold scalars that all rows share, such as the position in a cache of keys and values. Roll-outs then
        complete the prefixes of different lengths one after another, which takes longer, unless the generator is a
        `BranchingGenerator`.
        """
        ...

    def step(self, token_ids: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any]:
        """Feeds token_ids [R]; returns the logits float32 [R, V] of the next token, and the next state.

        The next state has the structure, the shapes and the dtypes of the state.
        """
        ...


@runtime_checkable
class BranchingGenerator(Generator, Protocol):
    """A generator whose roll-outs do not copy its state once per prefix: optional methods of a `Generator`.

    Roll-outs complete every prefix of B sequences. Of another generator they keep the state before every token, and a
    completion starts with a copy of one. Where the state grows with the sequence, such as a cache of keys and values,
    that would be T caches per sequence. A generator with these methods computes once per sequence what all its
    prefixes need (`encode_prefixes`). A row that completes a prefix reads that, and its own state holds only what
    follows the prefix.

    A generator that takes conditions gets the keyword argument `context` in `encode_prefixes`, as in `step`.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.core.protocols import BranchingGenerator

    assert isinstance(sg.TransformerGenerator(50, sequence_length=20), BranchingGenerator)
    assert not isinstance(sg.Generator(50), BranchingGenerator)
    ```
    """

    def encode_prefixes(self, token_ids: tf.Tensor) -> Any:
        """What the prefixes of given sequences need, a nest of tensors with a leading axis B.

        Args:
            token_ids: int32 [B, P].
        """
        ...

    def branch_state(self, batch_size: int | tf.Tensor, num_steps: int) -> Any:
        """The state of R = `batch_size` rows that have begun no sequence, and will take at most `num_steps` steps."""
        ...

    def branch(self, state: Any, begins: tf.Tensor, counts: tf.Tensor) -> Any:
        """The state in which some rows begin to continue a sequence. A row may begin several times, at any step.

        Args:
            state: what `branch_state`, `branch` or `step` returned.
            begins: bool [R], the rows that begin. The others stay as they are.
            counts: int32 [R], below P. A row that begins continues sequence r mod B after the start token and the first
                counts[r] tokens: the next step feeds it the token after these.
        """
        ...

    def step(self, token_ids: tf.Tensor, state: Any, prefixes: Any = None) -> tuple[tf.Tensor, Any]:
        """As that of `Generator`. For a state of `branch_state`, `prefixes` is what `encode_prefixes` returned.

        The logits of a row that has begun no sequence have no meaning, but must not fail.
        """
        ...


@runtime_checkable
class Discriminator(Protocol):
    """D(Y): a `keras.Model` that gives the logit of the probability that a whole sequence is real. Real is 1.

    It may have `completion_scorer(token_ids, prefixes, num_completions)`, a faster way to score many completions of few
    prefixes, see `models.conv_discriminator`. It is used only where the same class also defines the `call` that the
    object uses.

    It may have `next_token_logits(token_ids) -> float32 [B, T, V]`, what each possible token would add to the logit of
    the tokens before it. `NextTokenReward` needs it, and `NgramDiscriminator` has it.

    It may be an ensemble, with an attribute `members`, an int M above 1. Under training=True it then returns the logits
    of all members, [B, M], each of which learns by a loss of its own; otherwise one logit of a sequence, such as their
    mean.

    Attributes:
        vocabulary_size: V.
        sequence_length: the longest sequence that it takes, T.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.core.protocols import Discriminator

    assert isinstance(sg.Discriminator(50, sequence_length=20), Discriminator)
    ```
    """

    vocabulary_size: int
    sequence_length: int

    def __call__(self, token_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Logits float32 [B] of token_ids [B, T]."""
        ...


@runtime_checkable
class RewardEstimator(Protocol):
    """The reward of every token of sampled sequences. The same arguments and seed give the same rewards.

    It may have these attributes too:

    - `update_rate`, a float in [0, 1): above 0, the policy that it gets lags behind the generator;
    - `log_names`, names of logs of the generator steps that `estimate` reports with `core.logs.report`;
    - `objectives`, the `rewards.objective.Objective`s that it evaluates.

    A `NextTokenEstimator` also rewards all tokens that could be next.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.core.sequences import mask

    class Length:
        def estimate(self, token_ids, generator, discriminator, seed):
            return mask(token_ids)  # 1 per token, so that long sequences are preferred

    gan = sg.SeqGAN(sg.Generator(50, end_token_id=0), sg.Discriminator(50, sequence_length=20), Length())
    ```
    """

    def estimate(
        self, token_ids: tf.Tensor, generator: Generator, discriminator: Discriminator, seed: tf.Tensor
    ) -> tf.Tensor:
        """Rewards float32 [B, T] of token_ids [B, T], 0 on padding.

        Args:
            token_ids: int32 [B, T], sampled by the generator.
            generator: the policy that completes prefixes.
            discriminator: it scores whole sequences, with dropout off.
            seed: a stateless seed, int32 [2].
        """
        ...


@runtime_checkable
class NextTokenEstimator(RewardEstimator, Protocol):
    """An estimator that also rewards every token that could be next, for networks without conditions.

    The generator's steps then take the exact mean over next tokens, see `core.steps.next_token_gradient_step`, and do
    not call `estimate`.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.core.protocols import NextTokenEstimator

    assert isinstance(sg.NextTokenReward(), NextTokenEstimator)
    assert not isinstance(sg.TerminalReward(), NextTokenEstimator)
    ```
    """

    def next_token_rewards(
        self, token_ids: tf.Tensor, generator: Generator, discriminator: Discriminator, seed: tf.Tensor
    ) -> tf.Tensor:
        """Rewards float32 [B, T, V] of token_ids [B, T]: at [b, t, v] that of token v after the first t tokens of b.

        The arguments are those of `estimate`.
        """
        ...


@runtime_checkable
class Corpus(Protocol):
    """Real sequences, split into a training part and one or more held-out parts.

    Attributes:
        train: `tf.data.Dataset` of int32 [B, T], for Keras.
        validation: the same for the validation part.
        train_token_ids: int32 array [n, T], the sequences of `train`.
        validation_token_ids: int32 array [m, T], the sequences of `validation`. They decide when training stops.
        held_out_token_ids: int32 array [k, T], the sequences that metrics are reported on: the test part where there
            is one, else the validation part.
        task: what the sequences are generated for, such as "text".
        conditions: an object with `encode(texts)` and `decode(condition)`; None where there are no conditions.
        train_condition, validation_condition, held_out_condition: the conditions of these sequences, a nest of arrays
            with a row per sequence; None where there are none. `train` and `validation` then hold (condition, token
            ids).
        vocabulary_size: V.
        sequence_length: T.
        end_token_id: the token that ends a sequence; None where sequences fill all T positions.
        notes: what a user should know about the data, one line per item, such as how many lines were cut.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.core.protocols import Corpus

    corpus = sg.OracleCorpus(sg.Oracle(50), num_train=64, num_held_out=10)
    assert isinstance(corpus, Corpus)
    ```
    """

    train_token_ids: np.ndarray
    validation_token_ids: np.ndarray
    task: str
    conditions: Any
    train_condition: Any
    validation_condition: Any
    held_out_condition: Any
    vocabulary_size: int
    sequence_length: int

    @property
    def train(self) -> tf.data.Dataset: ...

    @property
    def validation(self) -> tf.data.Dataset: ...

    @property
    def end_token_id(self) -> int | None: ...

    @property
    def held_out_token_ids(self) -> np.ndarray: ...

    @property
    def notes(self) -> list[str]: ...

    def decode(self, token_ids: np.ndarray) -> list[str]:
        """A text for each row of token_ids [n, T]."""
        ...
