"""Tokenizers of keras-hub in a `TextCorpus`."""

import re
import types

import hub
import keras
import numpy as np
import pytest

import seqgan_tf as sg
from seqgan_tf.core.validation import InputError, MissingExtraError

models = pytest.importorskip("keras_hub", reason="needs the extra hub").models

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LINES = ["ab a b", "b ab", "c a", "", "a<|endoftext|>b", "cab ab"]


def test_texts_become_token_ids_and_texts_again():
    tokenizer = sg.HubTokenizer(hub.tokenizer())
    rows = tokenizer.encode(LINES)
    assert rows == [[3, 5, 4, 2], [2, 4, 3], [6, 5], [], [1], [6, 3, 4, 3]]  # "a b" is merged before " a"
    assert tokenizer.ended_tokens(LINES[:2], 5) == [[3, 5, 4, 2, 0], [2, 4, 3, 0]]
    padded = [[3, 5, 4, 2, 0, -1], [2, 4, 3, 0, -1, -1], [0, 1, 1, 1, 1, 1], [6, -1, -1, -1, -1, -1]]
    assert tokenizer.decode(np.array(padded)) == ["ab a b", "b ab", "", "c"]
    assert tokenizer.decode([]) == tokenizer.encode([]) == []


def test_tokens_that_only_the_backbone_has_are_left_out_of_a_text():
    assert sg.HubTokenizer(hub.tokenizer()).decode([[1, 9, 2, 0]]) == ["ab"]


def test_word_pieces_end_with_their_separator():
    tokenizer = sg.HubTokenizer(models.BertTokenizer([*SPECIAL, "the", "cat", "##s"], lowercase=True))
    assert (tokenizer.vocabulary_size, tokenizer.end_token_id) == (8, 3)
    assert tokenizer.ended_tokens(["The cats"], 9) == [[5, 6, 7, 3]]
    assert tokenizer.decode([[5, 6, 7, 3, -1]]) == ["the cats"]


def test_a_corpus_trains_a_model_of_its_vocabulary():
    lm = hub.causal_lm(num_layers=1, preprocessor=hub.preprocessor())
    lines = ["ab a b", "b ab", "c a", "cab ab b"] * 5
    tokenizer = sg.HubTokenizer(lm.preprocessor.tokenizer)
    corpus = sg.TextCorpus(lines, tokenizer=tokenizer, sequence_length=4, batch_size=4)
    assert (corpus.vocabulary_size, corpus.end_token_id, corpus.unknown_share) == (7, 0, 0.0)
    assert sorted(np.unique(corpus.train_token_ids, axis=0).tolist()) == [
        [2, 4, 3, 0],
        [3, 5, 4, 2],  # cut before its end token, as the next one
        [6, 3, 4, 3],
        [6, 5, 0, -1],
    ]
    assert corpus.notes == [f"{corpus.num_cut} lines are longer than 3 tokens and were cut"]
    assert set(corpus.decode(corpus.validation_token_ids)) <= {"ab a b", "b ab", "c a", "cab ab"}
    generator = sg.HubGenerator(lm, corpus.sequence_length)
    discriminator = sg.Discriminator(7, 4, widths=[1, 2], filters=[2, 2])
    objective = sg.Objective(lambda completions: [text.count("b") for text in completions], corpus, name="b")
    gan = sg.SeqGAN(generator, discriminator, sg.TerminalReward(objective), batch_size=4, discriminator_steps=1)
    gan.compile(generator_optimizer=keras.optimizers.Adam(0.01), run_eagerly=True)
    gan.pretrain_generator(corpus.train, epochs=1, validation_data=corpus.validation, verbose=0)
    texts = corpus.decode(gan.generate(3, seed=1))
    assert [type(text) for text in texts] == [str] * 3


def test_an_export_does_not_take_it(tmp_path):
    tokenizer = sg.HubTokenizer(hub.tokenizer())
    gan = sg.SeqGAN(sg.Generator(7), sg.Discriminator(7, 4, widths=[1], filters=[2]), sg.TerminalReward())
    message = (
        rf"^`tokenizer` must be a `TextTokenizer`, such as `corpus.tokenizer`. Received: {re.escape(repr(tokenizer))}$"
    )
    with pytest.raises(InputError, match=message):
        gan.export(tmp_path / "served", tokenizer)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: sg.HubTokenizer("gpt2_base_en"),
            "`tokenizer` must be a keras-hub tokenizer, such as `causal_lm.preprocessor.tokenizer`. "
            "Received: an object of the class str",
        ),
        (
            lambda: sg.HubTokenizer(models.BertTokenizer(SPECIAL, sequence_length=8)),
            "`tokenizer` must have no sequence_length, which makes it pad. Received: 8",
        ),
        (
            lambda: sg.HubTokenizer(types.SimpleNamespace(detokenize=print, vocabulary_size=lambda: 5)),
            "`end_token_id` must be given for a tokenizer without an end token. Received: None",
        ),
        (
            lambda: sg.HubTokenizer(hub.tokenizer(), end_token_id=7),
            "`end_token_id` must be in [0, 7), the vocabulary. Received: 7",
        ),
        (
            lambda: sg.HubTokenizer(hub.tokenizer()).encode("ab"),
            "`texts` must be a list of str. Received: a str",
        ),
        (
            lambda: sg.HubTokenizer(hub.tokenizer()).encode(["ab", 3]),
            "`texts` must be a list of str. Received: int",
        ),
    ],
)
def test_what_cannot_work_is_refused(make, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        make()


def test_it_names_the_missing_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"^`HubTokenizer` needs keras_hub: pip install 'seqgan-tf\[hub\]'$"):
        sg.HubTokenizer(None)
