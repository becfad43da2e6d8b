"""Corpora with conditions: rows stay together, parts are the user's own, and what is unusual is noted."""

import numpy as np
import pytest
import tensorflow as tf

import seqgan_tf as sg
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.records import read_records

SOURCES = [f"eins{i % 7} zwei{i % 5} drei{i % 3}" for i in range(60)]
TARGETS = [f"one{i % 7} two{i % 5} three{i % 3}" for i in range(60)]
SETTINGS = {"batch_size": 8, "min_frequency": 1, "level": "whitespace"}


def translate(source):
    return source.replace("eins", "one").replace("zwei", "two").replace("drei", "three")


def decoded(corpus, condition, token_ids):
    return list(zip(corpus.conditions.decode(condition), corpus.decode(token_ids), strict=True))


@pytest.mark.parametrize("shared", [False, True])
def test_each_target_keeps_its_source(shared):
    corpus = sg.PairCorpus(SOURCES, TARGETS, shared_tokenizer=shared, seed=3, **SETTINGS)
    train = decoded(corpus, corpus.train_condition, corpus.train_token_ids)
    held_out = decoded(corpus, corpus.held_out_condition, corpus.held_out_token_ids)
    assert sorted(train + held_out) == sorted(zip(SOURCES, TARGETS, strict=True))
    assert len(held_out) == 6
    assert list(zip(corpus.held_out_given, corpus.held_out_texts, strict=True)) == held_out
    assert corpus.notes == []
    vocabularies = (corpus.vocabulary_size, corpus.conditions.vocabulary_size)
    assert (vocabularies[0] == vocabularies[1] == 32) if shared else vocabularies == (17, 17)


def test_the_datasets_hold_conditions_and_token_ids():
    corpus = sg.PairCorpus(SOURCES, TARGETS, **SETTINGS)
    for dataset, count in ((corpus.train, 54), (corpus.validation, 6), (corpus.train_by_length, 54)):
        seen = []
        for condition, token_ids in dataset:
            assert condition.dtype == token_ids.dtype == tf.int32
            seen += decoded(corpus, condition.numpy(), token_ids.numpy())
        assert len(seen) == count
        assert all(translate(source) == target for source, target in seen)


def test_parts_of_the_users_own():
    own, test = (["eins1 zwei1"], ["one1 two1"]), (["zwei2", "drei0"], ["two2", "three0"])
    corpus = sg.PairCorpus(SOURCES, TARGETS, validation=own, test=test, **SETTINGS)
    assert len(corpus.train_token_ids) == 60
    assert decoded(corpus, corpus.validation_condition, corpus.validation_token_ids) == [("eins1 zwei1", "one1 two1")]
    assert corpus.held_out_texts == test[1]
    assert decoded(corpus, corpus.held_out_condition, corpus.held_out_token_ids) == list(zip(*test, strict=True))


def test_what_is_unusual_is_noted():
    own = (["unbekannt"], ["one1"])
    corpus = sg.PairCorpus([*SOURCES, "neu " * 9], [*TARGETS, "new"], validation=own, source_length=4, **SETTINGS)
    cut, unknown = corpus.notes
    assert cut == "1 sources are longer than 3 tokens and were cut"
    assert unknown.startswith("50.0% of the tokens of the held-out sources are unknown (<unk>)")


def test_answers_of_a_dialogue_stay_in_one_part():
    dialogues = [[f"{d} a", f"{d} b", f"{d} c", f"{d} d"] for d in range(20)]
    corpus = sg.DialogueCorpus.from_dialogues(dialogues, turns=2, validation_split=0.2, **SETTINGS)
    assert len(corpus.train_token_ids) == 48
    assert len({text.split()[0] for text in corpus.held_out_texts}) == 4
    assert corpus.vocabulary_size == corpus.conditions.vocabulary_size
    for given, answer in zip(corpus.held_out_given, corpus.held_out_texts, strict=True):
        dialogue = dialogues[int(answer.split()[0])]
        place = dialogue.index(answer)
        assert given == "\n".join(dialogue[max(0, place - 2) : place])
    own = sg.DialogueCorpus.from_dialogues(dialogues, validation=[["x", "y", "z"]], test=[["u", "v"]], **SETTINGS)
    assert (len(own.validation_token_ids), own.held_out_given, own.held_out_texts) == (2, ["u"], ["v"])


def test_labels():
    corpus = sg.LabelledCorpus(["sad", "happy"] * 20, ["it rains", "it shines"] * 20, **SETTINGS)
    assert corpus.conditions.labels == ["happy", "sad"]
    for label, text in zip(corpus.train_condition, corpus.decode(corpus.train_token_ids), strict=True):
        assert (label, text) in ((0, "it shines"), (1, "it rains"))


def test_a_label_that_no_training_text_has():
    with pytest.raises(InputError, match=r"^lines: expected one of the labels 'happy', 'sad'. Received: 'new'$"):
        sg.LabelledCorpus(["sad", "happy"] * 20, ["a b"] * 40, validation=(["new"], ["a"]), **SETTINGS)


@pytest.mark.parametrize(("part", "name"), [("", ""), ("validation", "`validation`: "), ("test", "`test`: ")])
def test_different_numbers_of_conditions_and_texts(part, name):
    arguments = {part: (["a"], ["b", "c"])} if part else {}
    sources = SOURCES if part else SOURCES[:-1]
    counts = "1 and 2" if part else "59 and 60"
    with pytest.raises(InputError, match=f"^lines: {name}expected as many conditions as texts. Received: {counts}$"):
        sg.PairCorpus(sources, TARGETS, **arguments, **SETTINGS)


def test_a_corpus_of_files(tmp_path):
    path, own = tmp_path / "train.tsv", tmp_path / "own.tsv"
    pairs = "".join(f"{a}\t{b}\n" for a, b in zip(SOURCES, TARGETS, strict=True))
    path.write_text("prompt\tcompletion\n" + pairs)
    own.write_text("prompt\tcompletion\neins1\tone1\n")
    corpus = sg.PairCorpus.from_file(path, validation=own, **SETTINGS)
    assert (corpus.task, len(corpus.train_token_ids), corpus.held_out_texts[0]) == ("pairs", 60, "one1")
    assert corpus.digest != sg.PairCorpus.from_file(path, **SETTINGS).digest == read_records(path).digest
    with pytest.raises(InputError, match=f"^{path}: expected at least 80 lines for training"):
        sg.PairCorpus.from_file(path, **{**SETTINGS, "batch_size": 80})


def test_a_run_of_fit_on_a_corpus():
    corpus = sg.PairCorpus(SOURCES, TARGETS, **SETTINGS)
    encoders = [sg.SequenceEncoder(corpus.conditions.vocabulary_size, 4, 4, seed=i) for i in range(2)]
    generator = sg.Generator(
        corpus.vocabulary_size, 4, 4, end_token_id=0, encoder=encoders[0], attention="luong", seed=0
    )
    discriminator = sg.Discriminator(
        corpus.vocabulary_size, corpus.sequence_length, 4, widths=[1, 2], filters=[2, 2], encoder=encoders[1], seed=0
    )
    gan = sg.SeqGAN(generator, discriminator, sg.MonteCarloRollout(1), batch_size=8, discriminator_steps=1)
    gan.compile()
    generator.start_from_frequencies(corpus.train_token_ids)
    history = gan.pretrain_generator(corpus.train_by_length, epochs=2, validation_data=corpus.validation, verbose=0)
    assert history.history["nll"][1] < history.history["nll"][0]
    logged = gan.fit(corpus.train, steps_per_epoch=1, validation_data=corpus.validation, verbose=0).history
    assert np.isfinite(logged["val_nll"][0])
    assert "val_mismatched_accuracy" in logged
