"""The page of captions: all of it is in one file, and its maps are those of the attention."""

import base64
import html.parser
import re

import numpy as np
import pytest
import tensorflow as tf
import tiny_images
import tiny_runs
from evaluations import STATES, evaluate

import seqgan_tf as sg
from seqgan_tf.core.validation import InputError
from seqgan_tf.reports.captions_page import Captioned, captioned, captions_page, pages_of_run
from seqgan_tf.reports.conditional import first_of_each
from seqgan_tf.reports.settings import EvaluationSettings


class Tags(html.parser.HTMLParser):
    """The tags of a page that has no unknown or unclosed ones: their counts, and the addresses of images."""

    def __init__(self, page):
        super().__init__()
        self.open, self.counts, self.addresses = [], {}, []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        if tag == "img":
            self.addresses.append(dict(attrs)["src"])
        elif tag not in ("meta", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def pixels(address):
    kind, content = address.split(",")
    assert kind == "data:image/png;base64"
    return tf.io.decode_png(base64.b64decode(content)).numpy()


def test_a_page_holds_its_images_and_texts():
    image = tiny_images.image("red", "left")
    maps = np.zeros([2, 2, 3])
    maps[0, 0, 0] = maps[1, 1, 2] = 1.0
    shown = [
        Captioned(
            "a&b.png\nwhat ?", image, {"reference": ["<red>", "a red image"], "new": "red"}, ["r<d", "left"], maps
        ),
        Captioned("c.png", image, {"reference": "x"}, [], None),
    ]
    page = captions_page(shown, "Captions of <runs>")
    tags = Tags(page)
    assert (tags.counts["section"], tags.counts["figure"]) == (2, 2)
    for text in ("Captions of &lt;runs&gt;", "a&amp;b.png<br>what ?", "&lt;red&gt;<br>a red image", "r&lt;d"):
        assert text in page
    assert "http" not in page
    np.testing.assert_array_equal(pixels(tags.addresses[0]), image)
    first, second = (pixels(address).astype(float).mean(axis=2) for address in tags.addresses[1:3])
    assert first[0, 0] > 0.9 * image[0, 0].mean()
    assert first[-1, -1] < 0.2 * image[-1, -1].mean()
    assert second[-1, -1] > 4 * second[0, 0]


def test_no_images():
    with pytest.raises(InputError, match=r"^`shown` must hold at least one image. Received: none$"):
        captions_page([], "Captions")


@pytest.fixture(scope="module", params=["captions_run", "questions_run"])
def found(base, request):
    return evaluate(getattr(tiny_runs, request.param)(base).directory, EvaluationSettings(samples=10))


def test_the_page_of_a_run_shows_both_states(found):
    page = pages_of_run(found.run, found.data, found.report)["captions.html"]
    tags = Tags(page)
    rows = first_of_each(found.data.given)[0]
    assert tags.counts["section"] == len(rows)
    for state in STATES:
        for row in found.report["states"][state]["conditional"]["texts"]:
            assert f"<dt>{state}, greedy</dt><dd>{row['greedy']}</dd>" in page
            assert row["condition"].split("\n")[0] in page


def test_maps_are_the_attention_of_the_image(found):
    run, data = found.run, found.data
    token_ids = run.gan.generate(condition=data.condition, seed=5)
    texts = [{"drawn": text} for text in run.decode(token_ids)]
    shown = captioned(run.gan.generator, run.decode, data.given, data.condition, texts, token_ids)
    generator, size = run.gan.generator, 2 * 2  # a grid of two by two for 8 x 8 pixels
    weights = generator.attention_weights(token_ids, generator.encode(data.condition)).numpy()
    assert weights.shape[2] == size if not isinstance(data.condition, dict) else weights.shape[2] > size
    for each, row, tokens in zip(shown, weights, token_ids, strict=True):
        words = [token for token in tokens if token > 0]  # neither padding nor the end token
        assert [*each.words] == run.decode([[token] for token in words])
        np.testing.assert_array_equal(each.maps, row[: len(words), :size].reshape(-1, 2, 2))
        assert " ".join(each.words) == each.texts["drawn"]


def test_another_run_has_no_page(base):
    other = evaluate(tiny_runs.pairs_run(base).directory, EvaluationSettings(samples=3))
    assert pages_of_run(other.run, other.data, other.report) == {}


@pytest.mark.parametrize("attention", [None, "luong"])
def test_a_page_of_a_keras_script(attention, tmp_path):
    folder = tiny_images.write_captions(tmp_path / "pictures")
    size = tiny_images.SIZE
    encoder = sg.ImageEncoder(size, filters=(3,), width=4, seed=1)
    corpus = sg.CaptionCorpus.from_file(folder, image_size=size, batch_size=8, min_frequency=1)
    generator = sg.Generator(corpus.vocabulary_size, 3, 4, end_token_id=0, encoder=encoder, attention=attention, seed=1)
    discriminator = sg.Discriminator(corpus.vocabulary_size, corpus.sequence_length, 3, widths=(1,), filters=(2,))
    gan = sg.SeqGAN(generator, discriminator, sg.TerminalReward())
    path = tmp_path / "page.html"
    sg.write_captions_page(path, gan, corpus, count=3)
    page = path.read_text(encoding="utf-8")
    tags = Tags(page)
    assert tags.counts["section"] == 3
    assert ("maps" in re.findall('class="(\\w+)"', page)) is (attention is not None)
    np.testing.assert_array_equal(
        pixels(tags.addresses[0]), tf.io.decode_png(tf.io.read_file(corpus.held_out_given[0]))
    )
    texts = corpus.decode(gan.generate(condition=corpus.held_out_condition[:3], temperature=0, suppress_tokens=[1]))
    for text, reference in zip(texts, corpus.held_out_texts, strict=False):
        assert f"<dt>generated</dt><dd>{text}</dd>" in page
        assert f"<dt>reference</dt><dd>{reference}</dd>" in page
