"""What an exported model answers: functions of tensors, every one with a leading batch dimension.

A server batches the requests of many callers. So a row's answer depends on that row alone, and what is wrong with a
row is said in that row: `error` is "" where all is well, and one line otherwise; figures are then NaN, texts empty and
token ids -1. Only what makes a request no batch at all, wrong shapes, ends the whole call with INVALID_ARGUMENT.

Axes: B batch, T sequence length, V vocabulary.
"""

import tensorflow as tf

from seqgan_tf import losses, sampling
from seqgan_tf.sequences import PADDING, mask

SEED = tf.TensorSpec([None, 2], tf.int32, name="seed")
TEMPERATURE = tf.TensorSpec([None], tf.float32, name="temperature")
TOP_P = tf.TensorSpec([None], tf.float32, name="top_p")
TEXT = tf.TensorSpec([None], tf.string, name="text")


class Signatures(tf.Module):
    """The functions of a generator and a discriminator that are served.

    Args:
        generator: a `Generator`.
        discriminator: a `Discriminator`.
        text: `GraphTokenizer`. Defaults to None: sequences have no text; there is no `complete` and no `score`.
        jit_compile: whether XLA compiles what draws and scores. Defaults to False: a server has XLA for CPUs off, and
            with it compiles anew for every batch size.
    """

    def __init__(self, generator, discriminator, text=None, jit_compile=False):
        super().__init__()
        self.generator, self.discriminator, self.text = generator, discriminator, text
        self.sequence_length = discriminator.sequence_length
        unknown = text and text.unknown_token_id
        self.suppress_tokens = () if unknown is None else (unknown,)
        compiled = {"jit_compile": True} if jit_compile else {}
        self._sample = tf.function(self._sample, **compiled)
        self._likelihood = tf.function(self._likelihood, **compiled)
        self._verdict = tf.function(self._verdict, **compiled)

    @property
    def functions(self):
        """{name: (function, its input specs)}, the one that is served by default first."""
        token_ids = tf.TensorSpec([None, self.sequence_length], tf.int32, name="token_ids")
        found = {
            "generate": (self.generate, [SEED, TEMPERATURE, TOP_P]),
            "score_tokens": (self.score_tokens, [token_ids]),
            "next_token": (self.next_token, [token_ids]),
        }
        if self.text:
            found |= {"complete": (self.complete, [TEXT, SEED, TEMPERATURE]), "score": (self.score, [TEXT])}
        return found

    def generate(self, seed, temperature, top_p):
        """Samples: what `SeqGAN.generate` draws with the same seeds, without the token for unknown words.

        Args:
            seed: int32 [B, 2]. Sample i of `gan.generate(n, seed=s)` has the seed [s, i].
            temperature: float32 [B], above 0.
            top_p: float32 [B], in (0, 1]; 1 keeps every token.

        Returns:
            {"token_ids" (int32 [B, T], -1 after the end), "text" (string [B], where there is a tokenizer), "log_prob"
            (float32 [B], nats, of the whole sequence under the model at temperature 1), "error" (string [B])}.
        """
        seed, temperature, top_p = _batch(seed=(seed, [2]), temperature=(temperature, []), top_p=(top_p, []))
        error = _first_error(
            (~_is_temperature(temperature), "temperature must be a number above 0"),
            (~((top_p > 0) & (top_p <= 1)), "top_p must be in (0, 1]"),
        )
        nothing = tf.fill([tf.shape(seed)[0], self.sequence_length], PADDING)
        token_ids = self._draw(seed, temperature, top_p, nothing, error)
        log_probs = self._likelihood(token_ids)
        answer = {
            "token_ids": token_ids,
            "log_prob": or_nan(tf.reduce_sum(log_probs, axis=1), error != ""),
            "error": error,
        }
        return answer | ({"text": self.text.decode(token_ids)} if self.text else {})

    def complete(self, text, seed, temperature):
        """Texts that begin with the given ones.

        Args:
            text: string [B], UTF-8, at most T tokens, all of them known; "" begins anywhere.
            seed: int32 [B, 2].
            temperature: float32 [B], above 0.

        Returns:
            {"text" (string [B], the whole as the tokenizer writes it), "log_prob" (float32 [B], nats, of what was
            added, at temperature 1), "error"}.
        """
        text, seed, temperature = _batch(text=(text, []), seed=(seed, [2]), temperature=(temperature, []))
        prompt, error = self._tokens(text)
        error = _first_error(
            (error != "", error),
            (~_is_temperature(temperature), "temperature must be a number above 0"),
            (self._holds_unknown(prompt), "text holds what the model has not learnt"),
        )
        token_ids = self._draw(seed, temperature, tf.ones_like(temperature), prompt, error)
        added = tf.where(prompt == PADDING, self._likelihood(token_ids), 0.0)
        log_prob = or_nan(tf.reduce_sum(added, axis=1), error != "")
        return {"text": self.text.decode(token_ids), "log_prob": log_prob, "error": error}

    def score(self, text):
        """How likely texts are, and how real: unknown words count as such, and the end counts.

        Args:
            text: string [B], UTF-8, at most T tokens. One of exactly T tokens has no end token, as in training.

        Returns:
            As `score_tokens`.
        """
        (text,) = _batch(text=(text, []))
        token_ids, error = self._tokens(text)
        count = tf.reduce_sum(mask(token_ids), axis=1)[:, tf.newaxis]
        at_end = tf.cast(tf.range(self.sequence_length), tf.float32) == count
        return self._score(tf.where(at_end, self.text.end_token_id, token_ids), error)

    def score_tokens(self, token_ids):
        """How likely sequences are, and how real.

        Args:
            token_ids: int32 [B, T], -1 after the end.

        Returns:
            {"log_prob" (float32 [B], nats), "log_probs" (float32 [B, T], of each token; 0 on padding),
            "real_probability" (float32 [B], the discriminator's), "error" (string [B])}.
        """
        (token_ids,) = _batch(token_ids=(token_ids, [self.sequence_length]))
        return self._score(*self._valid(token_ids))

    def next_token(self, token_ids):
        """The distribution of the next token, for callers that draw themselves.

        Args:
            token_ids: int32 [B, T], the tokens so far, then -1; fewer than T, none of them the end token.

        Returns:
            {"probabilities" (float32 [B, V], at temperature 1), "error" (string [B])}.
        """
        (token_ids,) = _batch(token_ids=(token_ids, [self.sequence_length]))
        token_ids, error = self._valid(token_ids)
        whole = (is_whole(token_ids, self.generator), "token_ids are a whole sequence: nothing follows")
        error = _first_error((error != "", error), whole)
        count = tf.reduce_sum(tf.cast(token_ids != PADDING, tf.int32), axis=1)
        position = tf.minimum(count, self.sequence_length - 1)
        logits = tf.gather(self.generator(token_ids, training=False), position, axis=1, batch_dims=1)
        return {"probabilities": or_nan(tf.nn.softmax(logits), error != ""), "error": error}

    # What they are made of

    def _draw(self, seed, temperature, top_p, prompt, error):
        is_right = error == ""
        temperature, top_p = (tf.where(is_right, value, 1.0)[:, tf.newaxis] for value in (temperature, top_p))
        seed = tf.bitwise.bitwise_and(seed, sampling.NON_NEGATIVE)
        return tf.where(is_right[:, tf.newaxis], self._sample(seed, temperature, top_p, prompt), PADDING)

    def _sample(self, seed, temperature, top_p, prompt):
        warping = {"temperature": temperature, "top_p": top_p, "suppress_tokens": self.suppress_tokens}
        return sampling.sample(self.generator, tf.shape(seed)[0], self.sequence_length, seed, prompt, **warping)

    def _score(self, token_ids, error):
        log_probs = or_nan(self._likelihood(token_ids), error != "")
        return {
            "log_prob": tf.reduce_sum(log_probs, axis=1),
            "log_probs": log_probs,
            "real_probability": or_nan(self._verdict(token_ids), error != ""),
            "error": error,
        }

    def _likelihood(self, token_ids):
        log_probs = losses.token_log_probs(self.generator(token_ids, training=False), token_ids)
        return tf.where(token_ids == PADDING, 0.0, log_probs)

    def _verdict(self, token_ids):
        rows = tf.shape(token_ids)[0]
        # On a batch of no rows the products of TensorFlow fail: it gets one.
        token_ids = tf.pad(token_ids, [[0, tf.cast(rows == 0, tf.int32)], [0, 0]], constant_values=PADDING)
        return tf.sigmoid(self.discriminator(token_ids, training=False))[:rows]

    def _tokens(self, text):
        """(int32 [B, T] without an end token, error): padding where the text is no text or too long."""
        is_utf8 = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8") == text
        is_long = self.text.exceed(text, self.sequence_length)  # it must not keep the whole batch waiting
        ids = self.text.encode(tf.where(is_long, "", text))
        error = _first_error(
            (~is_utf8, "text must be UTF-8"),
            (
                is_long | (ids.row_lengths() > self.sequence_length),
                f"text must be at most {self.sequence_length} tokens",
            ),
        )
        token_ids = ids.to_tensor(PADDING, shape=[None, self.sequence_length])
        return tf.where((error == "")[:, tf.newaxis], token_ids, PADDING), error

    def _valid(self, token_ids):
        """(token ids, error): padding where a row is no sequence."""
        error = _first_error(*token_errors(token_ids, self.generator))
        return tf.where((error == "")[:, tf.newaxis], token_ids, PADDING), error

    def _holds_unknown(self, token_ids):
        unknown = self.text.unknown_token_id
        return tf.reduce_any(token_ids == (PADDING - 1 if unknown is None else unknown), axis=1)


def token_errors(token_ids, generator):
    """What can be wrong with token ids [B, T]: a list of (bool [B], message)."""
    outside = tf.reduce_any((token_ids < PADDING) | (token_ids >= generator.vocabulary_size), axis=1)
    is_over = _is_over(token_ids, generator)
    after = tf.cumsum(tf.cast(is_over, tf.int32), axis=1, exclusive=True) > 0
    goes_on = tf.reduce_any(after & (token_ids != PADDING), axis=1)
    return [
        (outside, f"token_ids must be in [0, {generator.vocabulary_size}), or -1 after the end"),
        (goes_on, "token_ids must be -1 after the end"),
    ]


def is_whole(token_ids, generator):
    """Whether nothing can follow token ids [B, T]: bool [B]."""
    has_ended = tf.reduce_any(_is_over(token_ids, generator) & (token_ids != PADDING), axis=1)
    return has_ended | (token_ids[:, -1] != PADDING)


def _is_over(token_ids, generator):
    is_over = token_ids == PADDING
    return is_over if generator.end_token_id is None else is_over | (token_ids == generator.end_token_id)


def _is_temperature(temperature):
    return (temperature > 0) & tf.math.is_finite(temperature)


def _first_error(*errors):
    """string [B]: for each row the message of the first of the (bool [B], message) pairs that is true, else ""."""
    found = tf.fill(tf.shape(errors[0][0]), "")
    for is_wrong, message in reversed(errors):
        found = tf.where(is_wrong, message, found)
    return found


def or_nan(values, is_wrong):
    """float32 [B, ...] with NaN in the rows that are wrong, bool [B]."""
    return tf.where(tf.reshape(is_wrong, [-1] + [1] * (values.shape.rank - 1)), float("nan"), values)


def _batch(**inputs):
    """The inputs, {name: (tensor, shape of a row)}, in order; unless they have these shapes, the call ends before."""
    (first, (reference, _)), *_ = inputs.items()
    checks = []
    for name, (tensor, row) in inputs.items():
        message = f"`{name}` must have the shape [B{''.join(f', {n}' for n in row)}]"
        message += "" if name == first else f", B as `{first}` has it"
        expected = tf.concat([tf.shape(reference)[:1], row], axis=0)
        checks.append(tf.debugging.assert_equal(tf.shape(tensor), expected, message))
    with tf.control_dependencies([check for check in checks if check is not None]):  # in eager mode they are None
        return [tf.identity(tensor) for tensor, _ in inputs.values()]
