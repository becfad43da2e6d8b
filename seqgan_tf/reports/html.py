"""Pages of HTML that need nothing else to be shown: one file, with its style and its pictures in it."""

import base64
import html
from collections.abc import Iterable, Sequence

STRONGEST = 0.75
"""Opacity of the colour of the largest number."""
POSITIVE, NEGATIVE = "26, 110, 190", "205, 60, 40"
"""Red, green and blue of numbers above and below 0."""

escape = html.escape


def page(title: str, parts: Iterable[str], style: str = "") -> str:
    """A page.

    Args:
        title: the heading, as text.
        parts: HTML of what is below it.
        style: rules of CSS beside those of all pages.
    """
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width">',
            # Else a browser asks the server of the page for one.
            '<link rel="icon" href="data:,">',
            f"<title>{escape(title)}</title>\n<style>{_STYLE}{style}</style>\n<h1>{escape(title)}</h1>",
            *parts,
            "</html>\n",
        ]
    )


def lines(texts: Iterable[str]) -> str:
    """Texts below each other."""
    return "<br>".join(map(escape, texts))


def paragraph(text: str) -> str:
    """A paragraph of text."""
    return f"<p>{lines(text.splitlines())}</p>"


def image(png: bytes, alt: str, kind: str = "") -> str:
    """A picture.

    Args:
        png: the contents of a PNG file.
        alt: what it shows.
        kind: class of CSS. Defaults to "": none.
    """
    named = f' class="{kind}"' if kind else ""
    return f'<img{named} src="data:image/png;base64,{base64.b64encode(png).decode()}" alt="{escape(alt)}">'


def plot(png: bytes, alt: str) -> str:
    """A plot, see `image`. Where the page is narrow, it keeps a size at which it can be read, and scrolls by itself."""
    return f'<div class="wide">{image(png, alt, "plot")}</div>'


def table(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table. Where the page is narrow, it scrolls by itself.

    Args:
        header: names of the columns, as text.
        rows: HTML of the cells, or cells as `colored` and `line` return them.
        numbers: the columns that are aligned to the right.
    """

    def cell(tag, column, content):
        if content.startswith("<td"):
            return content
        kind = ' class="number"' if column in numbers else ""
        return f"<{tag}{kind}>{content}</{tag}>"

    head = "".join(cell("th", i, escape(name)) for i, name in enumerate(header))
    body = "\n".join(f"<tr>{''.join(cell('td', i, each) for i, each in enumerate(row))}</tr>" for row in rows)
    return f'<div class="wide"><table>\n<tr>{head}</tr>\n{body}\n</table></div>'


def colored(content: str, value: float, largest: float) -> str:
    """A cell of a table, blue for a value above 0 and red below, as strong as its share of the largest value."""
    return f'<td class="number" style="background: {color(value, largest)}">{content}</td>'


def line(text: str) -> str:
    """A cell of a table with a text that is not broken into lines."""
    return f'<td class="line">{escape(text)}</td>'


def color(value: float, largest: float) -> str:
    """The colour of a value in CSS."""
    share = min(abs(value) / largest, 1.0) if largest > 0 else 0.0
    return f"rgba({POSITIVE if value > 0 else NEGATIVE}, {STRONGEST * share:.2f})"


_STYLE = """
body { font: 16px/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222; }
h1, p, dd, pre { overflow-wrap: anywhere; }
pre { white-space: pre-wrap; background: #f5f5f5; padding: 0.5rem; margin: 0.3rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; margin: 0.5rem 0; }
th, td { padding: 0.15rem 0.6rem; text-align: left; border-bottom: 1px solid #ddd; vertical-align: top; }
th { color: #666; font-weight: normal; vertical-align: bottom; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.line { white-space: nowrap; }
.note { color: #666; font-size: 0.9rem; }
.strip { line-height: 2; }
.strip span { padding: 0.15rem 0.25rem; margin-right: 0.15rem; border-radius: 0.2rem; }
img.plot { max-width: 100%; min-width: 38rem; height: auto; }
section { padding: 1rem 0; border-top: 1px solid #ccc; }
"""
