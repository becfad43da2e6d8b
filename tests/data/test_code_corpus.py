"""Functions as training and validation data."""

import numpy as np
import pytest

import seqgan_tf as sg
from seqgan_tf.core.protocols import Corpus
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.code_corpus import CodeCorpus
from seqgan_tf.data.source_code import normalised

BODIES = ["return x", "if x:\n    \treturn y\n    return x", "x += 1\n\n    return f'é{x}\\n'  # \tx", "yield x"]


def function(i, body=None):
    return f"def f{i}(x, y={i}):\n    {body or BODIES[i % 4]}"


def write(folder, count, first=0):
    """Files of three functions each."""
    folder.mkdir(exist_ok=True)
    for i in range(first, first + count):
        (folder / f"m{i:03}.py").write_text("\n\n\n".join(function(3 * i + j) for j in range(3)) + "\n")
    return folder


@pytest.mark.parametrize("level", ["bpe", "char"])
def test_functions_come_back_exactly(level, tmp_path):
    settings = {"level": level, "batch_size": 8, "min_frequency": 1, "sequence_length": 80}
    corpus = CodeCorpus.from_file(write(tmp_path / "a", 20), **settings)
    assert isinstance(corpus, Corpus)
    texts = corpus.decode(corpus.train_token_ids) + corpus.decode(corpus.validation_token_ids)
    assert sorted(texts) == sorted(function(i) for i in range(60))
    assert sg.metrics.parse_share(texts).share == 1
    assert corpus.num_cut == 0


def test_the_functions_of_a_file_are_in_one_part(tmp_path):
    corpus = CodeCorpus.from_file(write(tmp_path / "a", 20), batch_size=8, validation_split=0.25, seed=3)
    train, held_out = (corpus.decode(part) for part in (corpus.train_token_ids, corpus.held_out_token_ids))
    files = [{int(text[5 : text.index("(")]) // 3 for text in part} for part in (train, held_out)]
    assert (len(files[0]), len(files[1])) == (15, 5)
    assert files[0] & files[1] == set()


def test_functions_that_are_too_long_are_left_out_of_every_part(tmp_path):
    lines = [function(i, "\n    ".join(f"x = x * {i}" for _ in range(i % 7 + 1))) for i in range(140)]
    whole = CodeCorpus(lines, batch_size=8, sequence_length=300)
    assert (whole.num_cut, len(whole.train_token_ids) + len(whole.held_out_token_ids)) == (0, 140)
    short = CodeCorpus(lines, batch_size=8, sequence_length=30, tokenizer=whole.tokenizer)
    for name in ("train_token_ids", "validation_token_ids"):
        rows = getattr(whole, name)
        kept = rows[(rows[:, :30] == 0).any(axis=1)]  # those whose end token is in the first 30
        assert 0 < len(kept) < len(rows)
        assert np.array_equal(getattr(short, name), kept[:, :30])
    left_out = 140 - len(short.train_token_ids) - len(short.held_out_token_ids)
    assert short.num_cut == left_out
    assert short.notes == [f"{left_out} functions are longer than 29 tokens and were left out"]


def test_what_is_in_a_held_out_file_is_not_trained_on(tmp_path):
    train, test = write(tmp_path / "a", 20), write(tmp_path / "b", 10, first=15)
    (test / "m015.py").write_text(function(45).replace("\n", "  \n\n"))  # the same but for blanks
    corpus = CodeCorpus.from_file(train, test=test, batch_size=8, sequence_length=60)
    held_out = {normalised(text) for text in corpus.decode(corpus.test_token_ids)}
    trained = [normalised(text) for text in corpus.decode([*corpus.train_token_ids, *corpus.validation_token_ids])]
    assert len(held_out) == 28
    assert len(trained) == 60 - 13
    assert held_out & set(trained) == set()


@pytest.mark.parametrize("level", ["word", "whitespace", "ids"])
def test_a_level_without_line_breaks_is_refused(level):
    with pytest.raises(InputError, match=rf"`level` must be one of \['bpe', 'char'\] for code. Received: '{level}'"):
        CodeCorpus([function(i) for i in range(40)], level=level, batch_size=8)
    tokenizer = sg.TextTokenizer.train(["a b a b"], "word")
    with pytest.raises(InputError, match=r"`level` must be one of .* Received: 'word'"):
        CodeCorpus([function(i) for i in range(40)], tokenizer=tokenizer, batch_size=8)


def test_too_few_functions_are_refused():
    functions = [function(i) for i in range(40)]
    with pytest.raises(InputError, match=r"code: expected at least 40 functions for training, .* Received: 40 f"):
        CodeCorpus(functions, batch_size=40, name="code")
    message = "code: expected at least 8 functions of at most 4 tokens for training, one batch. Received: 0$"
    with pytest.raises(InputError, match=message):
        CodeCorpus(functions, sequence_length=5, batch_size=8, name="code")
    long = [function(i, "return " + "x + " * 60 + "x") for i in range(9)]
    with pytest.raises(InputError, match=r"lines: expected at least 1 functions of at most 49 tokens held out. Rec"):
        CodeCorpus(functions, validation=long, sequence_length=50, batch_size=8, vocabulary_size=270)
