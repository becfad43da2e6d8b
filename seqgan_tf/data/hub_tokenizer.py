"""Tokenizers of keras-hub for a `TextCorpus`: the texts of a pre-trained model become the token ids that it knows."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from seqgan_tf.core.padding import PADDING
from seqgan_tf.core.validation import InputError, require, whole_number


class HubTokenizer:
    """A tokenizer of keras-hub as the `tokenizer` of a `TextCorpus`.

    The corpus then holds token ids of the pre-trained model, each text with an end token, padded with -1. `export` does
    not take such a tokenizer: a served model reads and returns token ids, and its clients tokenize.

    Args:
        tokenizer: a `keras_hub.tokenizers.Tokenizer` without a `sequence_length`, such as
            `causal_lm.preprocessor.tokenizer`.
        end_token_id: the token that ends a sequence. Defaults to None: the tokenizer's end token.

    Attributes:
        vocabulary_size: V, of the tokenizer. The vocabulary of a backbone may be larger.
        end_token_id: id of the end token.
        unknown_token_id: None. Unknown tokens, which only some of these tokenizers have, are not counted.

    Raises:
        MissingExtraError: keras-hub is not installed.
        InputError: the tokenizer is none, pads, or has no end token, or the end token is outside its vocabulary.

    Example:
    ```python
    import keras_hub

    import seqgan_tf as sg

    vocabulary = {"<|endoftext|>": 0, "a": 1, "b": 2, "ab": 3, "Ġ": 4}
    tokenizer = keras_hub.models.GPT2Tokenizer(vocabulary, merges=["a b"])  # or GPT2Tokenizer.from_preset(...)
    corpus = sg.TextCorpus(["ab a", "b ab ab"] * 40, tokenizer=sg.HubTokenizer(tokenizer), batch_size=8)
    print(corpus.decode(corpus.validation_token_ids[:2]))
    ```
    """

    unknown_token_id = None
    blanks_reading = None

    def __init__(self, tokenizer: Any, end_token_id: int | None = None) -> None:
        require("keras_hub", "`HubTokenizer`", extra="hub")
        if not callable(getattr(tokenizer, "detokenize", None)):
            raise InputError(
                "`tokenizer` must be a keras-hub tokenizer, such as `causal_lm.preprocessor.tokenizer`. "
                f"Received: an object of the class {type(tokenizer).__name__}"
            )
        if getattr(tokenizer, "sequence_length", None) is not None:
            raise InputError(
                f"`tokenizer` must have no sequence_length, which makes it pad. Received: {tokenizer.sequence_length}"
            )
        if end_token_id is None:
            end_token_id = getattr(tokenizer, "end_token_id", None)
        if end_token_id is None:
            raise InputError("`end_token_id` must be given for a tokenizer without an end token. Received: None")
        self.tokenizer = tokenizer
        self.vocabulary_size = int(tokenizer.vocabulary_size())
        self.end_token_id = whole_number("end_token_id", end_token_id)
        if not 0 <= self.end_token_id < self.vocabulary_size:
            raise InputError(
                f"`end_token_id` must be in [0, {self.vocabulary_size}), the vocabulary. Received: {end_token_id}"
            )

    def encode(self, texts: Iterable[str]) -> list[list[int]]:
        """Token ids of each text, without an end token; a text that contains the end token is cut there.

        Raises:
            InputError: the texts are no list of str.
        """
        wrong = "a str" if isinstance(texts, str) else None
        texts = list(texts)
        wrong = wrong or next((type(text).__name__ for text in texts if not isinstance(text, str)), None)
        if wrong:
            raise InputError(f"`texts` must be a list of str. Received: {wrong}")
        rows = [[int(token) for token in row] for row in self.tokenizer(texts)] if texts else []
        return [self._before_end(row) for row in rows]

    def ended_tokens(self, texts: Iterable[str], count: int | None = None) -> list[list[int]]:
        """As `encode`, with an end token after each text. Whole texts are encoded, whatever `count` is."""
        return [[*row, self.end_token_id] for row in self.encode(texts)]

    def capacity(self, sequence_length: int) -> int:
        """The number of tokens of a text that fit into a sequence beside the end token."""
        return sequence_length - 1

    def unknown_share(self, token_ids: Any) -> float:
        """0: unknown tokens are not counted."""
        return 0.0

    def decode(self, token_ids: np.ndarray | Iterable[Iterable[int]]) -> list[str]:
        """A text for each row of token ids, up to its end token.

        Args:
            token_ids: int array [n, T], or rows of different lengths. Ids that a backbone has and the tokenizer does
                not, are left out.
        """
        rows = [self._before_end([int(token) for token in row]) for row in token_ids]
        known = [[token for token in row if PADDING < token < self.vocabulary_size] for row in rows]
        return list(self.tokenizer.detokenize(known)) if known else []

    def _before_end(self, row: Sequence[int]) -> list[int]:
        return list(row[: row.index(self.end_token_id)] if self.end_token_id in row else row)
