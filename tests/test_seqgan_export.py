"""Arguments of `SeqGAN.export` that are refused before anything is written."""

import re

import pytest
from tiny import V, make

import seqgan_tf as sg
from seqgan_tf.core.validation import InputError


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tokenizer": "word"}, "`tokenizer` must be a `TextTokenizer`, such as `corpus.tokenizer`. Received: 'word'"),
        ({"version": "3"}, "`version` must be an int. Received: '3'"),
        ({"version": 1.0}, "`version` must be an int. Received: 1.0"),
        ({"version": 2**63}, "`version` must be at most 9223372036854775807. Received: 9223372036854775808"),
        ({"version": 0}, "`version` must be at least 1. Received: 0"),
        ({"filepath": 3}, "`filepath` must be a path. Received: 3"),
    ],
)
def test_arguments_that_cannot_work_are_refused(arguments, message, tmp_path):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        make().export(**{"filepath": tmp_path / "served"} | arguments)
    assert not (tmp_path / "served").exists()


def test_a_tokenizer_of_another_vocabulary_is_refused(tmp_path):
    tokenizer = sg.TextTokenizer.train(["a b c d e f g"] * 9)
    message = rf"^`tokenizer` must have the generator's {V} tokens\. Received: {tokenizer.vocabulary_size}$"
    with pytest.raises(InputError, match=message):
        make().export(tmp_path / "served", tokenizer)
