"""The functions of an exported model. Every tensor in and out has a leading batch dimension.

A server batches the requests of several callers. So the answer to a row depends on that row alone, and an error is
reported in its row: `error` is "" where the row is valid, and one line otherwise; numbers are then NaN, texts empty and
token ids -1. Only wrong shapes, which make a request no batch at all, end the whole call with INVALID_ARGUMENT.

Axes: B batch, T sequence length, V vocabulary.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import tensorflow as tf

from seqgan_tf.core import losses, sampling
from seqgan_tf.core.sampling import SamplingSettings
from seqgan_tf.core.seeds import NON_NEGATIVE
from seqgan_tf.core.sequences import PADDING, mask
from seqgan_tf.rewards.sequence_rewards import sequence_logits
from seqgan_tf.serving.row_checks import batch, first_error, is_temperature, is_whole, or_nan, token_errors

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Discriminator, Generator
    from seqgan_tf.serving.graph_tokenizer import GraphTokenizer

Functions = dict[str, tuple[Callable[..., dict[str, tf.Tensor]], list[tf.TensorSpec]]]
"""{name: (function, its input specs)}."""

SEED = tf.TensorSpec([None, 2], tf.int32, name="seed")
TEMPERATURE = tf.TensorSpec([None], tf.float32, name="temperature")
TOP_P = tf.TensorSpec([None], tf.float32, name="top_p")
TEXT = tf.TensorSpec([None], tf.string, name="text")


class Signatures(tf.Module):
    """The served functions of a generator and a discriminator.

    Args:
        generator: the policy.
        discriminator: D.
        text: the tokenizer as tensor operations. Defaults to None: token ids alone; there is no `complete` and no
            `score`.
        jit_compile: whether XLA compiles sampling and scoring. Defaults to False: TF Serving has XLA for CPUs off by
            default, and XLA compiles again for every new batch size.

    Example:
    ```python
    import tensorflow as tf

    import seqgan_tf as sg
    from seqgan_tf.serving.signatures import Signatures

    generator = sg.Generator(vocabulary_size=50, end_token_id=0)
    signatures = Signatures(generator, sg.Discriminator(vocabulary_size=50, sequence_length=4))
    answer = signatures.score_tokens(tf.constant([[3, 4, 0, -1], [3, 0, 4, -1]]))
    answer["error"]  # [b"", b"token_ids must be -1 after the end token"]
    ```
    """

    def __init__(
        self,
        generator: "Generator",
        discriminator: "Discriminator",
        text: "GraphTokenizer | None" = None,
        jit_compile: bool = False,
    ) -> None:
        super().__init__()
        self.generator, self.discriminator, self.text = generator, discriminator, text
        self.sequence_length = discriminator.sequence_length
        unknown = text and text.unknown_token_id
        self.suppress_tokens = () if unknown is None else (unknown,)
        compiled = {"jit_compile": True} if jit_compile else {}
        self._sample = tf.function(self._sample_rows, **compiled)
        self._log_probs = tf.function(self._log_probs_of_rows, **compiled)
        self._real_probability = tf.function(self._real_probability_of_rows, **compiled)

    @property
    def functions(self) -> Functions:
        """{name: (function, its input specs)}; the first is served by default."""
        token_ids = tf.TensorSpec([None, self.sequence_length], tf.int32, name="token_ids")
        found: Functions = {
            "generate": (self.generate, [SEED, TEMPERATURE, TOP_P]),
            "score_tokens": (self.score_tokens, [token_ids]),
            "next_token": (self.next_token, [token_ids]),
        }
        if self.text:
            found |= {"complete": (self.complete, [TEXT, SEED, TEMPERATURE]), "score": (self.score, [TEXT])}
        return found

    def generate(self, seed: tf.Tensor, temperature: tf.Tensor, top_p: tf.Tensor) -> dict[str, tf.Tensor]:
        """Samples: those of `SeqGAN.generate` with the same seeds, where the unknown token is suppressed.

        Args:
            seed: int32 [B, 2]. Sample i of `gan.generate(n, seed=s)` has the seed [s, i].
            temperature: float32 [B], above 0.
            top_p: float32 [B], in (0, 1]; 1 keeps every token.

        Returns:
            {"token_ids" (int32 [B, T], -1 after the end token), "text" (string [B], only with a tokenizer),
            "log_prob" (float32 [B], nats, of the whole sequence at temperature 1), "error" (string [B])}.
        """
        seed, temperature, top_p = batch(seed=(seed, [2]), temperature=(temperature, []), top_p=(top_p, []))
        error = first_error(
            (~is_temperature(temperature), "temperature must be a number above 0"),
            (~((top_p > 0) & (top_p <= 1)), "top_p must be in (0, 1]"),
        )
        nothing = tf.fill([tf.shape(seed)[0], self.sequence_length], PADDING)
        token_ids = self._draw(seed, temperature, top_p, nothing, error)
        log_probs = self._log_probs(token_ids)
        answer = {
            "token_ids": token_ids,
            "log_prob": or_nan(tf.reduce_sum(log_probs, axis=1), error != ""),
            "error": error,
        }
        return answer | ({"text": self.text.decode(token_ids)} if self.text else {})

    def complete(self, text: tf.Tensor, seed: tf.Tensor, temperature: tf.Tensor) -> dict[str, tf.Tensor]:
        """Samples that begin with the given texts.

        Args:
            text: string [B], UTF-8, at most T tokens, none of them the unknown token; "" is a sample from its start.
            seed: int32 [B, 2].
            temperature: float32 [B], above 0.

        Returns:
            {"text" (string [B], the whole text as the tokenizer decodes it), "log_prob" (float32 [B], nats, of the
            added tokens at temperature 1), "error" (string [B])}.
        """
        assert self.text is not None
        text, seed, temperature = batch(text=(text, []), seed=(seed, [2]), temperature=(temperature, []))
        prompt, error = self._tokens(text)
        has_unknown = self._has_unknown(prompt)
        unknown = self.text.unknown_parts(tf.where(has_unknown, text, ""))
        error = first_error(
            (error != "", error),
            (~is_temperature(temperature), "temperature must be a number above 0"),
            (has_unknown, f"text holds {self._unit} that are not in the vocabulary: " + unknown),
        )
        token_ids = self._draw(seed, temperature, tf.ones_like(temperature), prompt, error)
        added = tf.where(prompt == PADDING, self._log_probs(token_ids), 0.0)
        log_prob = or_nan(tf.reduce_sum(added, axis=1), error != "")
        return {"text": self.text.decode(token_ids), "log_prob": log_prob, "error": error}

    def score(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Log-likelihood, and probability that a text is real; an unknown word is the unknown token.

        Args:
            text: string [B], UTF-8, at most T tokens. The end token is added, except to a text of exactly T tokens, as
                in training.

        Returns:
            As `score_tokens`.
        """
        assert self.text is not None
        (text,) = batch(text=(text, []))
        token_ids, error = self._tokens(text)
        count = tf.reduce_sum(mask(token_ids), axis=1)[:, tf.newaxis]
        at_end = tf.cast(tf.range(self.sequence_length), tf.float32) == count
        return self._score(tf.where(at_end, self.text.end_token_id, token_ids), error)

    def score_tokens(self, token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        """Log-likelihood, and probability that a sequence is real.

        Args:
            token_ids: int32 [B, T], -1 after the end token.

        Returns:
            {"log_prob" (float32 [B], nats), "log_probs" (float32 [B, T], of each token; 0 on padding),
            "real_probability" (float32 [B], the discriminator's), "error" (string [B])}.
        """
        (token_ids,) = batch(token_ids=(token_ids, [self.sequence_length]))
        return self._score(*self._valid(token_ids))

    def next_token(self, token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        """The distribution of the next token, for callers that sample by themselves.

        Args:
            token_ids: int32 [B, T], the tokens so far, then -1; fewer than T, none of them the end token.

        Returns:
            {"probabilities" (float32 [B, V], at temperature 1), "error" (string [B])}.
        """
        (token_ids,) = batch(token_ids=(token_ids, [self.sequence_length]))
        token_ids, error = self._valid(token_ids)
        complete = (is_whole(token_ids, self.generator), "token_ids are a complete sequence: it has no next token")
        error = first_error((error != "", error), complete)
        count = tf.reduce_sum(tf.cast(token_ids != PADDING, tf.int32), axis=1)
        position = tf.minimum(count, self.sequence_length - 1)
        logits = tf.gather(self.generator(token_ids, training=False), position, axis=1, batch_dims=1)
        return {"probabilities": or_nan(tf.nn.softmax(logits), error != ""), "error": error}

    # Steps of these functions

    def _draw(self, seed, temperature, top_p, prompt, error):
        is_right = error == ""
        temperature, top_p = (tf.where(is_right, value, 1.0)[:, tf.newaxis] for value in (temperature, top_p))
        seed = tf.bitwise.bitwise_and(seed, NON_NEGATIVE)
        return tf.where(is_right[:, tf.newaxis], self._sample(seed, temperature, top_p, prompt), PADDING)

    def _sample_rows(self, seed, temperature, top_p, prompt):
        settings = SamplingSettings(temperature, None, top_p, self.suppress_tokens)
        return sampling.sample(self.generator, tf.shape(seed)[0], self.sequence_length, seed, prompt, settings)

    def _score(self, token_ids, error):
        log_probs = or_nan(self._log_probs(token_ids), error != "")
        return {
            "log_prob": tf.reduce_sum(log_probs, axis=1),
            "log_probs": log_probs,
            "real_probability": or_nan(self._real_probability(token_ids), error != ""),
            "error": error,
        }

    def _log_probs_of_rows(self, token_ids):
        log_probs = losses.token_log_probs(self.generator(token_ids, training=False), token_ids)
        return tf.where(token_ids == PADDING, 0.0, log_probs)

    def _real_probability_of_rows(self, token_ids):
        rows = tf.shape(token_ids)[0]
        # TensorFlow's matrix products fail on a batch of no rows: it gets one.
        token_ids = tf.pad(token_ids, [[0, tf.cast(rows == 0, tf.int32)], [0, 0]], constant_values=PADDING)
        return tf.sigmoid(sequence_logits(self.discriminator, token_ids))[:rows]

    def _tokens(self, text):
        """(int32 [B, T] without an end token, error): padding where the text is not UTF-8 or too long."""
        is_utf8 = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8") == text
        is_long = self.text.exceed(text, self.sequence_length)  # it must not delay the whole batch
        ids = self.text.encode(tf.where(is_long, "", text))
        error = first_error(
            (~is_utf8, "text must be UTF-8"),
            (
                is_long | (ids.row_lengths() > self.sequence_length),
                f"text must be at most {self.sequence_length} tokens",
            ),
        )
        token_ids = ids.to_tensor(PADDING, shape=[None, self.sequence_length])
        return tf.where((error == "")[:, tf.newaxis], token_ids, PADDING), error

    def _valid(self, token_ids):
        """(token ids, error): padding where a row is no valid sequence."""
        error = first_error(*token_errors(token_ids, self.generator))
        return tf.where((error == "")[:, tf.newaxis], token_ids, PADDING), error

    def _has_unknown(self, token_ids):
        unknown = self.text.unknown_token_id
        return tf.reduce_any(token_ids == (PADDING - 1 if unknown is None else unknown), axis=1)

    @property
    def _unit(self):
        return "characters" if self.text.level == "char" else "words"
