"""Arguments of `SeqGAN.export` that are refused before anything is written."""

import re

import pytest
import small_models
from tiny import V, make

import seqgan_tf as sg
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.conditions import Labels


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tokenizer": "word"}, "`tokenizer` must be a `TextTokenizer`, such as `corpus.tokenizer`. Received: 'word'"),
        ({"version": "3"}, "`version` must be an int. Received: '3'"),
        ({"version": 1.0}, "`version` must be an int. Received: 1.0"),
        ({"version": 2**63}, "`version` must be at most 9223372036854775807. Received: 9223372036854775808"),
        ({"version": 0}, "`version` must be at least 1. Received: 0"),
        ({"filepath": 3}, "`filepath` must be a path. Received: 3"),
        ({"num_beams": 0}, "`num_beams` must be at least 1. Received: 0"),
        ({"num_beams": 2.0}, "`num_beams` must be an int. Received: 2.0"),
        (
            {"conditions": Labels(["sad", "happy"])},
            "`conditions` must be None for a generator without an encoder. Received: conditions",
        ),
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"conditions": "sources"},
            "`conditions` must be what 'ENCODER' takes, such as `corpus.conditions`. Received: 'str'",
        ),
        (
            {"conditions": Labels(["sad", "happy"])},
            "`conditions` must be what 'ENCODER' takes, such as `corpus.conditions`. Received: 'Labels'",
        ),
        (
            {"format": "litert"},
            "`conditions` must be given for this `format`, whose graph has one length of source. Received: none",
        ),
        (
            {"format": "onnx", "conditions": "sources"},
            "`conditions` must be what 'ENCODER' takes, such as `corpus.conditions`. Received: 'str'",
        ),
    ],
)
def test_conditions_that_cannot_work_are_refused(arguments, message, tmp_path):
    gan, tokenizer, _ = small_models.on_pairs()
    message = message.replace("ENCODER", gan.generator.encoder.name)
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        gan.export(tmp_path / "served", tokenizer, **arguments)
    assert not (tmp_path / "served").exists()
