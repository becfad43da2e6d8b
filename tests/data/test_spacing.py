"""Blanks beside punctuation are written as the training text has them."""

import pathlib

import pytest

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.spacing import MAX_EXCEPTIONS, Spacing, word_class
from seqgan_tf.data.tokenizer import TextTokenizer

DATA = pathlib.Path(__file__).parents[3] / "shared/data"

SPACINGS = [
    ["a woman's hat, a man's hat.", "the dogs' hats aren't red!"],
    ["a woman 's hat , a man 's hat .", "they ' re red !"],
    ["play C#4 and F#2", "the well-known x-ray, 1/2 of it"],
    ['he said "red" and "blue" to me', 'a "dog" (a cat) sees "it"'],
    ["1,000 dogs cost $5 or 3.50", "so , what $ is it"],
    ["x=1; y=2", "f(x)=y"],
    ["«oui», dit-il", "l'homme: «non»"],
    ["a ## b", "a ##b", "## a"][:1],
]


def round_trip(lines):
    tokenizer = TextTokenizer.train(lines * 3, "word", min_frequency=1)
    return tokenizer.decode(tokenizer.encode(lines))


@pytest.mark.parametrize("lines", SPACINGS)
def test_a_text_that_is_spaced_in_one_way_comes_back(lines):
    assert round_trip(lines) == lines


def test_the_majority_decides():
    lines = ["a hat ."] + ["a hat."] * 2
    assert round_trip(lines) == ["a hat."] * 3
    assert round_trip(["a hat ."] * 2 + ["a hat."]) == ["a hat ."] * 3


def test_no_token_is_dropped():
    tokenizer = TextTokenizer.train(["a ## b", "x ##y"] * 3, "word", 1000, 1)
    assert tokenizer.decode(tokenizer.encode(["a ## b"])) == ["a ## b"]


def test_a_sign_that_was_not_counted_beside_a_kind_of_word_is_written_as_beside_others():
    spacing = Spacing.count(["a dog's hat", "the cat's hat"], {"'", "s", "long"})
    assert ("'", "after", "long", 0) in spacing.joined
    assert spacing.exceptions == {}


def test_single_words_may_differ_from_their_class():
    spacing = Spacing.count(["red - blue - green - dog", "an x-ray"] * 2, {"-", "x", "ray", "red"})
    assert spacing.exceptions == {("-", "ray"): True}
    assert ("-", "after", "long", 0) not in spacing.joined


def test_words_outside_the_vocabulary_have_no_rules():
    assert Spacing.count(["a-b", "c.d"], {"a", "b", "."}).to_json()["exceptions"] == []
    assert {rule[0] for rule in Spacing.count(["a-b", "c.d"], {"a", "b", "."}).joined} == {"."}


def test_the_characters_of_a_special_token_are_never_joined():
    lines = ["a <b> <c> x<y", "< end of > < unk >"]
    tokenizer = TextTokenizer.train(lines * 5, "word", min_frequency=1)
    text = tokenizer.decode(tokenizer.encode(["< end > < unk >"]))
    assert tokenizer.encode(text) == tokenizer.encode(["< end > < unk >"])


def test_classes_of_words():
    assert list(map(word_class, ["s", "re", "the", "12", "1st", "\u0663"])) == [
        *("short", "short", "long"),
        *("digits", "digits", "digits"),
    ]


def test_the_rules_are_written_and_read():
    for lines in SPACINGS:
        spacing = Spacing.count(lines, set(" ".join(lines).split()) | set("'\",.-()«»"))
        assert Spacing.from_json(spacing.to_json()) == spacing


@pytest.mark.parametrize(
    "content",
    [
        None,
        {},
        {"joined": [], "paired": []},
        {"joined": {}, "paired": [], "exceptions": []},
        {"joined": [["'", "left", "long", 0]], "paired": [], "exceptions": []},
        {"joined": [["'", "before", "long", 2]], "paired": [], "exceptions": []},
        {"joined": [["'", "before", ["long"], 0]], "paired": [], "exceptions": []},
        {"joined": [], "paired": [1], "exceptions": []},
        {"joined": [], "paired": [], "exceptions": [["a", "b", 1]]},
    ],
)
def test_other_content_is_refused(content):
    with pytest.raises(InputError, match=r"^expected the rules of `spacing` that `TextTokenizer.train` sets. Received"):
        Spacing.from_json(content)


@pytest.mark.skipif(not DATA.is_dir(), reason="the public data are not here")
@pytest.mark.parametrize("name", ["image_coco", "emnlp_news"])
def test_99_of_100_lines_of_public_data_come_back(name):
    lines = [line.strip() for line in (DATA / name / "train.txt").read_text(encoding="utf-8-sig").splitlines()]
    tokenizer = TextTokenizer.train(lines, "word", 10**6, min_frequency=1)
    texts = tokenizer.decode(tokenizer.encode(lines))
    assert sum(text == line for text, line in zip(texts, lines, strict=True)) >= 0.99 * len(lines)
    assert len(tokenizer.spacing.exceptions) < MAX_EXCEPTIONS
