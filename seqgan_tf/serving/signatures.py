"""The functions of an exported model. Every tensor in and out has a leading batch dimension.

A server batches the requests of several callers. So the answer to a row depends on that row alone, and an error is
reported in its row: `error` is "" where the row is valid, and one line otherwise; numbers are then NaN, texts empty and
token ids -1. Only wrong shapes, which make a request no batch at all, end the whole call with INVALID_ARGUMENT.

Of a generator that takes conditions, every function has the condition of each row as a further input, or several.

Axes: B batch, T sequence length, V vocabulary.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from seqgan_tf.core.sampling import Drawn
from seqgan_tf.core.seeds import NON_NEGATIVE
from seqgan_tf.core.sequences import PADDING, mask
from seqgan_tf.serving.condition_inputs import ConditionInputs
from seqgan_tf.serving.row_checks import (
    any_number_of_rows,
    batch,
    first_error,
    is_whole,
    or_nan,
    temperature_error,
    token_errors,
    utf8_error,
)
from seqgan_tf.serving.row_functions import RowFunctions

if TYPE_CHECKING:
    from seqgan_tf.core.protocols import Discriminator, Generator
    from seqgan_tf.serving.graph_tokenizer import GraphTokenizer

Functions = dict[str, tuple[Callable[..., dict[str, tf.Tensor]], list[Any]]]
"""{name: (function, its input specs)}; the last spec may be a nest, that of a condition."""

SEED = tf.TensorSpec([None, 2], tf.int32, name="seed")
TEMPERATURE = tf.TensorSpec([None], tf.float32, name="temperature")
TOP_P = tf.TensorSpec([None], tf.float32, name="top_p")
LENGTH_PENALTY = tf.TensorSpec([None], tf.float32, name="length_penalty")
TEXT = tf.TensorSpec([None], tf.string, name="text")


class Signatures:
    """The served functions of a generator and a discriminator.

    Args:
        generator: the policy.
        discriminator: D.
        text: the tokenizer as tensor operations. Defaults to None: token ids alone; there is no `complete` and no
            `score`.
        jit_compile: whether XLA compiles sampling and scoring. Defaults to False: TF Serving has XLA for CPUs off by
            default, and XLA compiles again for every new batch size.
        conditions: what the condition is read from, for a generator that takes one. Defaults to None: what its encoder
            takes.
        num_beams: W, of `beam_search`. Defaults to 4.

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
        conditions: ConditionInputs | None = None,
        num_beams: int = 4,
    ) -> None:
        self.generator, self.discriminator, self.text = generator, discriminator, text
        self.sequence_length = discriminator.sequence_length
        self.conditions = conditions or ConditionInputs.of(generator)
        unknown = text and text.unknown_token_id
        suppressed = () if unknown is None else (unknown,)
        self._rows = RowFunctions(generator, discriminator, suppressed, num_beams, jit_compile)

    @property
    def tables(self) -> list[tf.Module]:
        """What a SavedModel has to track beside the networks."""
        return [*([self.text] if self.text else []), *(self.conditions.tables if self.conditions else [])]

    @property
    def ordinary(self) -> dict[str, Any]:
        """{name of an input: a batch of one valid row}."""
        token_ids = [[PADDING] * self.sequence_length]
        own = {"seed": [[1, 0]], "temperature": [1.0], "top_p": [1.0], "length_penalty": [1.0], "text": [""]}
        return {**own, "token_ids": token_ids, **(self.conditions.ordinary if self.conditions else {})}

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
        if self.conditions:
            found["beam_search"] = (self.beam_search, [LENGTH_PENALTY])
            if self.conditions.has_image:
                found["caption"] = (self.caption, [])
            condition = self.conditions.specs
            found = {name: (function, [*specs, condition]) for name, (function, specs) in found.items()}
        return found

    @any_number_of_rows
    def generate(
        self, seed: tf.Tensor, temperature: tf.Tensor, top_p: tf.Tensor, condition: Any = None
    ) -> dict[str, tf.Tensor]:
        """Samples: those of `SeqGAN.generate` with the same seeds, where the unknown token is suppressed.

        Args:
            seed: int32 [B, 2]. Sample i of `gan.generate(n, seed=s)` has the seed [s, i].
            temperature: float32 [B], above 0; of a generator that takes conditions at least 0, where 0 takes the most
                likely token at each position.
            top_p: float32 [B], in (0, 1]; 1 keeps every token.
            condition: what `conditions` reads. Defaults to None, for a generator that takes none.

        Returns:
            {"token_ids" (int32 [B, T], -1 after the end token), "text" (string [B], only with a tokenizer),
            "log_prob" (float32 [B], nats, of the whole sequence at temperature 1), "error" (string [B])}.
        """
        (seed, temperature, top_p), condition, errors = self._given(
            condition, seed=(seed, [2]), temperature=(temperature, []), top_p=(top_p, [])
        )
        error = first_error(
            *errors,
            self._temperature_error(temperature),
            (~((top_p > 0) & (top_p <= 1)), "top_p must be in (0, 1]"),
        )
        context = self._rows.encode(condition)
        return self._sequences(self._draw(seed, temperature, top_p, None, context, error), error)

    def caption(self, condition: Any) -> dict[str, tf.Tensor]:
        """The captions of images, of which nothing else is asked: `generate` at temperature 0.

        Args:
            condition: what `conditions` reads.

        Returns:
            As `generate`.
        """
        rows = tf.shape(tf.nest.flatten(condition)[0])[0]
        return self.generate(tf.zeros([rows, 2], tf.int32), tf.zeros([rows]), tf.ones([rows]), condition)

    @any_number_of_rows
    def beam_search(self, length_penalty: tf.Tensor, condition: Any) -> dict[str, tf.Tensor]:
        """The most likely sequences: those of `SeqGAN.generate` with `num_beams`, without the unknown token.

        Args:
            length_penalty: float32 [B]; 0 compares log-likelihoods, 1 log-likelihoods per token.
            condition: what `conditions` reads.

        Returns:
            As `generate`.
        """
        (length_penalty,), condition, errors = self._given(condition, length_penalty=(length_penalty, []))
        is_wrong = ~tf.math.is_finite(length_penalty)
        error = first_error(*errors, (is_wrong, "length_penalty must be a finite number"))
        context = self._rows.encode(condition)
        found = self._rows.search(tf.where(is_wrong, 1.0, length_penalty)[:, tf.newaxis], context)
        token_ids = tf.where((error == "")[:, tf.newaxis], found, PADDING)
        return self._sequences(Drawn(token_ids, self._rows.log_probs(token_ids, context)), error)

    @any_number_of_rows
    def complete(
        self, text: tf.Tensor, seed: tf.Tensor, temperature: tf.Tensor, condition: Any = None
    ) -> dict[str, tf.Tensor]:
        """Samples that begin with the given texts.

        Args:
            text: string [B], UTF-8, at most T tokens, none of them the unknown token; "" is a sample from its start.
            seed, temperature, condition: as for `generate`.

        Returns:
            {"text" (string [B], the whole text as the tokenizer decodes it), "log_prob" (float32 [B], nats, of the
            added tokens at temperature 1), "error" (string [B])}.
        """
        assert self.text is not None
        (text, seed, temperature), condition, errors = self._given(
            condition, text=(text, []), seed=(seed, [2]), temperature=(temperature, [])
        )
        prompt, error = self._tokens(text, [*errors, self._temperature_error(temperature)], with_unknown=False)
        context = self._rows.encode(condition)
        drawn = self._draw(seed, temperature, tf.ones_like(temperature), prompt, context, error)
        added = tf.where(prompt == PADDING, drawn.log_probs, 0.0)
        log_prob = or_nan(tf.reduce_sum(added, axis=1), error != "")
        return {"text": self.text.decode(drawn.token_ids), "log_prob": log_prob, "error": error}

    @any_number_of_rows
    def score(self, text: tf.Tensor, condition: Any = None) -> dict[str, tf.Tensor]:
        """Log-likelihood, and probability that a text is real; an unknown word is the unknown token.

        Args:
            text: string [B], UTF-8, at most T tokens. The end token is added, except to a text of exactly T tokens, as
                in training. At the level "ids", which has no unknown token, all are ids of the vocabulary.
            condition: as for `generate`.

        Returns:
            As `score_tokens`.
        """
        assert self.text is not None
        (text,), condition, errors = self._given(condition, text=(text, []))
        token_ids, error = self._tokens(text, errors, with_unknown=self.text.unknown_token_id is not None)
        count = tf.reduce_sum(mask(token_ids), axis=1)[:, tf.newaxis]
        at_end = tf.cast(tf.range(self.sequence_length), tf.float32) == count
        return self._score(tf.where(at_end, self.text.end_token_id, token_ids), error, condition)

    @any_number_of_rows
    def score_tokens(self, token_ids: tf.Tensor, condition: Any = None) -> dict[str, tf.Tensor]:
        """Log-likelihood, and probability that a sequence is real.

        Args:
            token_ids: int32 [B, T], -1 after the end token.
            condition: as for `generate`.

        Returns:
            {"log_prob" (float32 [B], nats), "log_probs" (float32 [B, T], of each token; 0 on padding),
            "real_probability" (float32 [B], the discriminator's), "error" (string [B])}.
        """
        (token_ids,), condition, errors = self._given(condition, token_ids=(token_ids, [self.sequence_length]))
        token_ids, error = self._valid(token_ids, errors)
        return self._score(token_ids, error, condition)

    @any_number_of_rows
    def next_token(self, token_ids: tf.Tensor, condition: Any = None) -> dict[str, tf.Tensor]:
        """The distribution of the next token, for callers that sample by themselves.

        Args:
            token_ids: int32 [B, T], the tokens so far, then -1; fewer than T, none of them the end token.
            condition: as for `generate`.

        Returns:
            {"probabilities" (float32 [B, V], at temperature 1), "error" (string [B])}.
        """
        (token_ids,), condition, errors = self._given(condition, token_ids=(token_ids, [self.sequence_length]))
        token_ids, error = self._valid(token_ids, errors)
        complete = (is_whole(token_ids, self.generator), "token_ids are a complete sequence: it has no next token")
        error = first_error((error != "", error), complete)
        count = tf.reduce_sum(tf.cast(token_ids != PADDING, tf.int32), axis=1)
        position = tf.minimum(count, self.sequence_length - 1)
        logits = self._rows.next_logits(token_ids, position, self._rows.encode(condition))
        return {"probabilities": or_nan(tf.nn.softmax(logits), error != ""), "error": error}

    # Steps of these functions

    def _given(self, condition, **inputs):
        """(the inputs, the condition that the encoder takes, its errors) of a request, whose shapes are checked."""
        if self.conditions is None:
            return batch(**inputs), None, []
        tensors = batch(**inputs, **self.conditions.rows(condition))
        return tensors[: len(inputs)], *self.conditions.read(tensors[len(inputs) :])

    def _temperature_error(self, temperature):
        return temperature_error(temperature, can_be_zero=self.conditions is not None)

    def _draw(self, seed, temperature, top_p, prompt, context, error):
        is_right = error == ""
        temperature, top_p = (tf.where(is_right, value, 1.0)[:, tf.newaxis] for value in (temperature, top_p))
        seed = tf.bitwise.bitwise_and(seed, NON_NEGATIVE)
        drawn = self._rows.sample(seed, temperature, top_p, prompt, context)
        return drawn._replace(token_ids=tf.where(is_right[:, tf.newaxis], drawn.token_ids, PADDING))

    def _sequences(self, drawn, error):
        log_prob = or_nan(tf.reduce_sum(drawn.log_probs, axis=1), error != "")
        answer = {"token_ids": drawn.token_ids, "log_prob": log_prob, "error": error}
        return answer | ({"text": self.text.decode(drawn.token_ids)} if self.text else {})

    def _score(self, token_ids, error, condition):
        log_probs = or_nan(self._rows.log_probs(token_ids, self._rows.encode(condition)), error != "")
        return {
            "log_prob": tf.reduce_sum(log_probs, axis=1),
            "log_probs": log_probs,
            "real_probability": or_nan(self._rows.real_probability(token_ids, condition), error != ""),
            "error": error,
        }

    def _tokens(self, text, errors, with_unknown):
        """(int32 [B, T] without an end token, error): padding where there is an error."""
        is_long = self.text.exceed(text, self.sequence_length)  # it must not delay the whole batch
        ids = self.text.encode(tf.where(is_long, "", text))
        is_long |= ids.row_lengths() > self.sequence_length
        token_ids = ids.to_tensor(PADDING, shape=[None, self.sequence_length])
        errors = [*errors, utf8_error(text, "text"), (is_long, f"text must be at most {self.sequence_length} tokens")]
        if not with_unknown:
            has_unknown = self.text.has_unknown(token_ids)
            unknown = self.text.unknown_parts(tf.where(has_unknown, text, ""))
            errors.append((has_unknown, f"text holds {self._unit} that are not in the vocabulary: " + unknown))
        error = first_error(*errors)
        return tf.where((error == "")[:, tf.newaxis], token_ids, PADDING), error

    def _valid(self, token_ids, errors):
        """(token ids, error): padding where there is an error."""
        error = first_error(*errors, *token_errors(token_ids, self.generator))
        return tf.where((error == "")[:, tf.newaxis], token_ids, PADDING), error

    @property
    def _unit(self):
        return {"char": "characters", "ids": "ids"}.get(self.text.level, "words")
