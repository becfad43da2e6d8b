"""The share of texts that are Python."""

import pathlib

import numpy as np
import pytest

from seqgan_tf.core.validation import InputError
from seqgan_tf.metrics import METRICS, parse_share

PYTHON = ["x = 1", "def f(x):\n    return x", "class A: pass", "await x", "x = '\\d'", "assert (1, 'x')", "1 is 1"]
OTHER = [
    "",
    "\n\n",
    "# comment",
    "def f(:",
    "print 'x'",
    "x = 1\n  y",
    "(" * 500,
    "-" * 100_000 + "1",
    "a\0b",
    "\ud800",
]


def test_the_share_is_that_of_the_texts_that_parse():
    share = parse_share(PYTHON + OTHER)
    assert (share.part, share.whole) == (len(PYTHON), len(PYTHON) + len(OTHER))
    assert share.share == len(PYTHON) / (len(PYTHON) + len(OTHER))
    assert [parse_share([text]).part for text in PYTHON] == [1] * len(PYTHON)
    assert [parse_share([text]).part for text in OTHER] == [0] * len(OTHER)


def test_nothing_is_executed(tmp_path):
    path = tmp_path / "made"
    assert parse_share([f"import pathlib\npathlib.Path({str(path)!r}).touch()"]).share == 1
    assert not path.exists()


def test_it_falls_as_signs_are_lost():
    """On a file of this package: with more signs removed at random, fewer of its functions parse."""
    from seqgan_tf.data.source_code import functions_of

    functions = functions_of(pathlib.Path(__file__).read_text()) * 20
    draw = np.random.default_rng(0)
    shares = []
    for removed in (0, 1, 5):
        texts = ["".join(np.delete(list(text), draw.choice(len(text), removed, replace=False))) for text in functions]
        shares.append(parse_share(texts).share)
    assert shares[0] == 1 > shares[1] > shares[2]


@pytest.mark.parametrize("texts", [[], "def f(): pass"])
def test_no_text_is_refused(texts):
    with pytest.raises(InputError, match=r"`texts` must be a list of at least one str. Received: "):
        parse_share(texts)


def test_more_is_better():
    assert METRICS["share_parsed"].gain(0.1) == 0.1
