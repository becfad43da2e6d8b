"""Blanks between words and punctuation inside a TensorFlow graph, by the rules of `seqgan_tf.data.spacing`."""

from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from seqgan_tf.data.spacing import SpacingTables

NO_EXCEPTION = -1


class GraphSpacing(tf.Module):
    """The rules as functions of token ids.

    Args:
        tables: the rules by token id.

    Example:
    ```python
    import seqgan_tf as sg
    from seqgan_tf.serving.graph_spacing import GraphSpacing

    tokenizer = sg.TextTokenizer.train(["a cat's hat.", "a hat."], min_frequency=1)
    spacing = GraphSpacing(tokenizer.spacing_tables)
    print(spacing.joins(tokenizer.encode_padded(["a cat's hat."], 6)[0]))  # bool [1, 6]
    ```
    """

    def __init__(self, tables: "SpacingTables") -> None:
        super().__init__()
        self.size = tables.size
        self.sign, self.word_class = tf.constant(tables.sign), tf.constant(tables.word_class)
        self.rules = tf.constant(tables.rules)
        self.paired = tuple(tables.paired)
        pairs = list(tables.exceptions.items()) or [(-1, False)]
        keys, values = ([pair[i] for pair in pairs] for i in range(2))
        self.exceptions = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(keys, [int(value) for value in values], tf.int64, tf.int32),
            NO_EXCEPTION,
        )

    def joins(self, token_ids: tf.Tensor) -> tf.Tensor:
        """Whether no blank is before each token: bool [B, T] for token ids int32 [B, T]. The first of a row has none.

        Args:
            token_ids: int32 [B, T], in the vocabulary. What is beside an end token or padding has no meaning.
        """
        left, right = token_ids[:, :-1], token_ids[:, 1:]
        left_sign, right_sign = tf.gather(self.sign, left), tf.gather(self.sign, right)
        parity = tf.zeros_like(token_ids)  # of the earlier occurrences of a paired sign
        for sign in self.paired:
            is_sign = tf.cast(token_ids == sign, tf.int32)
            parity += is_sign * (tf.cumsum(is_sign, axis=1, exclusive=True) % 2)
        left_is_sign = left_sign >= 0
        index = [
            tf.maximum(tf.where(left_is_sign, left_sign, right_sign), 0),
            tf.cast(left_is_sign, tf.int32),  # the word is after the sign
            tf.where(left_is_sign, tf.gather(self.word_class, right), tf.gather(self.word_class, left)),
            tf.where(left_is_sign, parity[:, :-1], parity[:, 1:]),
        ]
        rule = tf.gather_nd(self.rules, tf.stack(index, axis=-1))
        exception = self.exceptions.lookup(tf.cast(left, tf.int64) * self.size + tf.cast(right, tf.int64))
        joined = tf.where(exception == NO_EXCEPTION, rule, exception == 1) & (left_is_sign != (right_sign >= 0))
        return tf.concat([tf.ones_like(token_ids[:, :1], tf.bool), joined], axis=1)
