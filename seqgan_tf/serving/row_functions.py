"""What the networks of an exported model compute for each row: samples, beam search, likelihoods, probabilities.

Axes: B batch, T sequence length, V vocabulary.
"""

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from seqgan_tf.core import losses, sampling
from seqgan_tf.core.beam_search import beam_search
from seqgan_tf.core.conditions import bound, condition_on, takes_condition
from seqgan_tf.core.graphs import graph_function
from seqgan_tf.core.sampling import SamplingSettings
from seqgan_tf.core.sequences import PADDING
from seqgan_tf.rewards.sequence_rewards import sequence_logits

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Discriminator, Generator


class RowFunctions:
    """The computations, each compiled once. A row's result depends on that row alone.

    Args:
        generator: the policy.
        discriminator: D.
        suppress_tokens: token ids that are never drawn. Defaults to none.
        num_beams: W, of `search`. Defaults to 1.
        jit_compile: whether XLA compiles them. Defaults to False.

    Example:
    ```python
    import tensorflow as tf

    import seqgan_tf as sg
    from seqgan_tf.serving.row_functions import RowFunctions

    generator = sg.Generator(50, encoder=sg.LabelEncoder(num_labels=3))
    rows = RowFunctions(generator, sg.Discriminator(50, sequence_length=4))
    context = rows.encode(tf.constant([2, 0]))
    print(rows.log_probs(tf.constant([[4, 7, 9, 1], [3, 8, 1, 1]]), context))  # [2, 4]
    ```
    """

    def __init__(
        self,
        generator: "Generator",
        discriminator: "Discriminator",
        suppress_tokens: tuple[int, ...] = (),
        num_beams: int = 1,
        jit_compile: bool = False,
    ) -> None:
        self.generator, self.discriminator = generator, discriminator
        self.sequence_length = discriminator.sequence_length
        self.suppress_tokens, self.num_beams = suppress_tokens, int(num_beams)
        compiled = {"jit_compile": True} if jit_compile else {}
        self._encode = graph_function(self._encode_rows, **compiled)
        self.sample = graph_function(self._sample, **compiled)
        self.search = graph_function(self._search, **compiled)
        self.log_probs = graph_function(self._log_probs, **compiled)
        self.real_probability = graph_function(self._real_probability, **compiled)

    def encode(self, condition: Any) -> Any:
        """The generator's context of B conditions, which the other functions take; None for None."""
        return self._encode(condition) if takes_condition(self.generator) else None

    def next_logits(self, token_ids: tf.Tensor, position: tf.Tensor, context: Any = None) -> tf.Tensor:
        """float32 [B, V] at a position, int32 [B], of token ids [B, T]."""
        logits = bound(self.generator, context)(token_ids, training=False)
        return tf.gather(logits, position, axis=1, batch_dims=1)

    def _encode_rows(self, condition):
        return self.generator.encode(condition)

    def _sample(self, seed, temperature, top_p, prompt, context=None):
        """`Drawn` [B, T] for seeds [B, 2], temperature and top_p [B, 1], and a prompt [B, T] or None."""
        settings = SamplingSettings(temperature, None, top_p, self.suppress_tokens)
        policy = bound(self.generator, context)
        return sampling.sample_scored(policy, tf.shape(seed)[0], self.sequence_length, seed, prompt, settings)

    def _search(self, length_penalty, context=None):
        """int32 [B, T] for length_penalty [B, 1]."""
        policy, size = bound(self.generator, context), tf.shape(length_penalty)[0]
        found, _ = beam_search(policy, size, self.sequence_length, self.num_beams, length_penalty, self.suppress_tokens)
        return found

    def _log_probs(self, token_ids, context=None):
        """float32 [B, T], nats, 0 on padding, for token ids [B, T]."""
        log_probs = losses.token_log_probs(bound(self.generator, context)(token_ids, training=False), token_ids)
        return tf.where(token_ids == PADDING, 0.0, log_probs)

    def _real_probability(self, token_ids, condition=None):
        """float32 [B] for token ids [B, T]."""
        return tf.sigmoid(sequence_logits(condition_on(self.discriminator, condition), token_ids))
