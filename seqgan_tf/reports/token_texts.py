"""Single tokens as a reader sees them."""

from typing import TYPE_CHECKING

import numpy as np

from seqgan_tf.core.padding import PADDING
from seqgan_tf.data.tokenizer import TextTokenizer

if TYPE_CHECKING:
    from seqgan_tf.runs.directory import Run

END = "<end>"
SIGNS = str.maketrans({"\n": "⏎", "\t": "⇥", "\r": "␍"})


def token_texts(run: "Run", token_ids: np.ndarray) -> list[str]:
    """Each of some tokens [n] of a run as text."""
    if run.tokenizer is not None:
        return texts_of(run.tokenizer, token_ids)
    labels = run.source.labels(token_ids)
    return [END if t == run.source.end_token_id else label for t, label in zip(token_ids, labels, strict=True)]


def texts_of(tokenizer: TextTokenizer, token_ids: np.ndarray) -> list[str]:
    """Each of some tokens [n] of a tokenizer of text, without line breaks; "" for padding."""
    texts = tokenizer.decode([[token] if token != PADDING else [] for token in token_ids])
    return [
        END if token == tokenizer.end_token_id else "" if token == PADDING else _visible(text) or f"<{token}>"
        for token, text in zip(token_ids, texts, strict=True)
    ]


def _visible(text: str) -> str:
    """A token without line breaks; a blank has a sign where there is nothing else."""
    text = text.translate(SIGNS)
    return text if text.strip() else text.replace(" ", "␣")
