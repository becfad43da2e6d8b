"""Source texts and labels as arrays."""

import numpy as np
import pytest

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.conditions import Labels, Several, Sources
from seqgan_tf.data.tokenizer import TextTokenizer

TOKENIZER = TextTokenizer.train(["red cat sees", "blue dog sees"], min_frequency=1)
END = TOKENIZER.end_token_id


def ids(text):
    return TOKENIZER.encode([text])[0]


def test_a_source_is_its_tokens_and_an_end_token():
    found = Sources(TOKENIZER, 4).encode(["red cat", "dog", "red cat sees blue"])
    assert found.dtype == np.int32
    assert found.tolist() == [[*ids("red cat"), END, -1], [*ids("dog"), END, -1, -1], ids("red cat sees blue")]


def test_lines_are_encoded_from_the_last_to_the_first_and_the_beginning_is_cut():
    sources = Sources(TOKENIZER, 5)
    found = sources.encode(["red cat\nblue dog", "red\n\ndog", "red"])
    assert found[0].tolist() == [*ids("blue dog"), END, *ids("red cat")]
    assert found[1].tolist() == [*ids("dog"), END, END, *ids("red"), END]
    assert sources.num_cut == 1
    assert sources.decode(found) == ["red cat\nblue dog", "red\n\ndog", "red"]


def test_the_length_fits_99_of_100_sources():
    texts = ["red"] * 995 + ["red cat sees blue dog"] * 5
    assert Sources.of(texts, TOKENIZER).source_length == 2
    assert Sources.of(["red cat sees blue dog"], TOKENIZER).source_length == 6
    assert Sources.of(["red " * 500], TOKENIZER).source_length == 100
    assert Sources.of(texts, TOKENIZER, 7).source_length == 7


def test_labels_are_numbered_in_their_alphabetical_order():
    labels = Labels.of(["sad", "happy", "sad", "angry"])
    found = labels.encode(["sad", "angry"])
    assert (found.tolist(), found.dtype) == ([2, 0], np.int32)
    assert labels.decode(found) == ["sad", "angry"]


def test_an_unknown_label():
    with pytest.raises(InputError, match=r"^expected one of the labels 'happy', 'sad'. Received: 'bored'$"):
        Labels(["happy", "sad"]).encode(["sad", "bored"])
    with pytest.raises(InputError, match=r"'19', ...\. Received: 'x'$"):
        Labels([str(i) for i in range(30)]).encode(["x"])


@pytest.mark.parametrize("labels", [[], ["a"], ["a", "a"]])
def test_too_few_labels(labels):
    with pytest.raises(InputError, match=r"expected at least 2 different labels. Received: "):
        Labels(labels)


def test_several_conditions_are_lines():
    several = Several({"mood": Labels(["happy", "sad"]), "source": Sources(TOKENIZER, 5)})
    texts = ["sad\nred cat", "happy\nblue\nred cat"]
    found = several.encode(texts)
    np.testing.assert_array_equal(found["mood"], [1, 0])
    np.testing.assert_array_equal(found["source"], Sources(TOKENIZER, 5).encode(["red cat", "blue\nred cat"]))
    assert several.decode(found) == texts
    with pytest.raises(InputError, match=r"^expected mood and source, a line each. Received: 'sad' alone$"):
        several.encode(["sad"])
