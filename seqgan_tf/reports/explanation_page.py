"""Explanations as a page of HTML."""

from collections.abc import Sequence

from seqgan_tf.reports import html, image_maps
from seqgan_tf.reports.explanation import Explanation
from seqgan_tf.reports.explanation_text import (
    COLUMNS,
    NGRAM_COLUMNS,
    NGRAMS,
    alternative,
    heading,
    notes,
    number,
    rest_of_ngrams,
)

STYLE = image_maps.STYLE
"""CSS of a page with explanations."""


def explanation_page(explanations: Sequence[Explanation], title: str) -> str:
    """A page of explained sequences that needs no other file.

    Args:
        explanations: the explanations.
        title: the heading.
    """
    parts = (f"<section>{''.join(explanation_parts(found))}</section>" for found in explanations)
    return html.page(title, parts, STYLE)


def explanation_parts(found: Explanation) -> list[str]:
    """An explained sequence in HTML: its text, colored by the shares of the logit, and its tables."""
    parts = [html.paragraph(found.condition)] if found.condition is not None else []
    if found.image is not None:
        parts.append(image_maps.whole(found.image))
    parts += [f"<pre>{html.escape(found.text)}</pre>", _strip(found), html.paragraph(heading(found)), _tokens(found)]
    parts.append(f'<p class="note">{html.escape(notes(found))}</p>')
    if found.ngrams is not None:
        shown = found.ngrams[:NGRAMS]
        largest = max((abs(ngram.weight) for ngram in shown), default=0.0)
        rows = [
            [
                str(ngram.start + 1),
                html.line(ngram.text),
                str(ngram.width),
                str(ngram.filters),
                html.colored(number(ngram.weight), ngram.weight, largest),
            ]
            for ngram in shown
        ]
        parts += [
            html.table(NGRAM_COLUMNS, rows, (0, 2, 3, 4)),
            f'<p class="note">{html.escape(rest_of_ngrams(found))}</p>',
        ]
    return parts + _reading(found)


def _reading(found: Explanation) -> list[str]:
    """What the generator read for each token: maps of the image, and a table of the positions that are not in it."""
    if found.source is None or found.attention is None:
        return []
    parts = []
    if found.image is not None:
        maps = image_maps.maps_of(found.image, [token.token for token in found.tokens], found.maps)
        parts += ["<p>The parts of the image that were read for each token are bright:</p>", maps]
    if names := found.source[found.cells :]:
        rows = [
            [html.line(token.token), *(html.colored(f"{w:.2f}", w, 1.0) for w in weights[found.cells :])]
            for token, weights in zip(found.tokens, found.attention, strict=True)
        ]
        parts += ["<p>What was read from each position of the source:</p>", html.table(["", *names], rows)]
    return parts


def _strip(found: Explanation) -> str:
    """The tokens in a row, colored by their shares of the logit."""
    largest = max((abs(token.logit_share) for token in found.tokens), default=0.0)
    spans = (
        f'<span style="background: {html.color(token.logit_share, largest)}" title="{number(token.logit_share)}">'
        f"{html.escape(token.token)}</span>"
        for token in found.tokens
    )
    return f'<p class="strip">{" ".join(spans)}</p>'


def _tokens(found: Explanation) -> str:
    shares = max((abs(token.logit_share) for token in found.tokens), default=0.0)
    advantages = max((abs(token.advantage) for token in found.tokens), default=0.0)
    rows = [
        [
            str(place + 1),
            html.line(token.token),
            f"{token.probability:.3f}",
            number(token.value, token.standard_error),
            html.colored(number(token.advantage, token.advantage_error), token.advantage, advantages),
            html.colored(number(token.logit_share), token.logit_share, shares),
            html.line(", ".join(map(alternative, token.alternatives))),
        ]
        for place, token in enumerate(found.tokens)
    ]
    return html.table(COLUMNS, rows, (0, 2, 3, 4, 5))
