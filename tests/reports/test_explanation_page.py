"""Explanations as a page and as a picture."""

import dataclasses

import browser
import numpy as np
import pytest
import tensorflow as tf

from seqgan_tf.core.validation import InputError
from seqgan_tf.reports import heat_map, html, image_maps, plots
from seqgan_tf.reports.explanation import Alternative, ExplainedToken, Explanation, Ngram
from seqgan_tf.reports.explanation_page import explanation_page
from seqgan_tf.reports.heat_map import plot_explanations


def with_image(source=("(1, 1)", "(2, 1)", "rot")):
    """A red image of two cells; the first is read, and of the second nothing."""
    image, weights = np.full([8, 8, 3], [200, 0, 0], np.uint8), [[0.9, 0.0, 0.1][: len(source)]] * 3
    return dataclasses.replace(explanation(source=source), image=image, grid=(2, 1), attention=weights)


def explanation(words=("<b>", "$x$", "&"), source=("rot", "<end>")):
    tokens = [
        ExplainedToken(word, i, 0.5, -0.3, 0.1, 0.2 - 0.3 * i, 0.4 - i, 0.12, [Alternative("other", 9, 0.2, 0.6, 0.0)])
        for i, word in enumerate(words)
    ]
    return Explanation(
        text=" ".join(words),
        condition="rot",
        reward="log_odds",
        num_rollouts=4,
        logit=-0.5,
        probability_real=0.378,
        method="windows of the convolutions",
        tokens=tokens,
        rest=-0.2,
        gap=0.0,
        ngrams=[Ngram(" ".join(words[:2]), 0, 2, 3, -0.6)],
        base=0.1,
        source=list(source) or None,
        attention=[[0.75, 0.25]] * len(words) if source else None,
    )


@pytest.mark.parametrize("width", [400, 1400])
def test_a_browser_shows_the_page(width, tmp_path):
    page = explanation_page([explanation(), explanation(["long"] * 60)], "Explained by <run>")
    shown = browser.assert_complete(page, tmp_path, pictures=0, width=width)
    for text in ("Explained by <run>", "<b> $x$ &", "-0.300 ± 0.100", "other (0.20, +0.60)", "probability of real 38%"):
        assert text in shown
    assert "http" not in page


@pytest.mark.parametrize("width", [400, 1400])
def test_the_page_of_an_image_has_a_map_for_each_token(width, tmp_path):
    page = explanation_page([with_image(), with_image(["(1, 1)", "(2, 1)"])], "Explained")
    shown = browser.assert_complete(page, tmp_path, pictures=2 * (1 + 3), width=width)
    assert shown.count("The parts of the image that were read for each token are bright:") == 2
    assert shown.count("What was read from each position of the source:") == 1
    assert "(1, 1)" not in shown


def test_a_map_is_bright_where_much_was_read():
    image = np.full([8, 8, 3], 200, np.uint8)
    found = image_maps.brightened(image, np.array([[1.0, 0.0], [0.0, 0.0]]))
    assert found[0, 0, 0] == 200
    assert found[-1, -1, 0] == 0.15 * 200


def test_colors():
    assert html.color(2.0, 2.0) == "rgba(26, 110, 190, 0.75)"
    assert html.color(-1.0, 2.0) == "rgba(205, 60, 40, 0.38)"
    assert html.color(0.0, 0.0).endswith(" 0.00)")


def test_the_heat_map_shows_the_numbers(tmp_path, monkeypatch):
    found, save = [], plots.save_figure
    monkeypatch.setattr(heat_map, "save_figure", lambda figure, path: (found.extend(figure.axes), save(figure, path)))
    path = tmp_path / "map.png"
    plot_explanations([explanation(), explanation(["long"] * 70, source=())], path)
    assert tf.io.decode_png(path.read_bytes()).shape[2] in (3, 4)
    first, second = found
    assert [label.get_text() for label in first.get_yticklabels()] == [
        "advantage",
        "logit share",
        "reads rot",
        "reads <end>",
    ]
    assert [text.get_text() for text in first.texts[:6]] == ["+0.40", "-0.60", "-1.60", "+0.20", "-0.10", "-0.40"]
    assert [label.get_text() for label in first.get_xticklabels()] == ["<b>", r"\$x\$", "&"]
    assert len(second.get_xticklabels()) == 60
    assert second.get_title().endswith(", first 60 of 70 tokens")


def test_the_heat_map_draws_images(tmp_path, monkeypatch):
    found = []
    monkeypatch.setattr(heat_map, "save_figure", lambda figure, path: found.extend(figure.axes))
    plot_explanations([with_image()], tmp_path / "map.png")
    (axes,) = found
    assert [label.get_text() for label in axes.get_yticklabels()] == ["advantage", "logit share", "reads rot", "reads"]
    _, *pictures = axes.get_images()
    for column, picture in enumerate(pictures):
        left, right, bottom, top = picture.get_extent()
        assert (left + right) / 2 == column
        assert 2.5 <= top < bottom <= 4.5
        np.testing.assert_array_equal(picture.get_array()[0, 0], [200, 0, 0])
    assert (len(pictures), axes.get_ylim()) == (3, (4.5, -0.5))


def test_no_explanations(tmp_path):
    with pytest.raises(InputError, match=r"^`explanations` must hold at least one. Received: none$"):
        plot_explanations([], tmp_path / "map.png")
