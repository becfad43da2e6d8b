"""A page of held-out images with their captions, and where the generator looked at for each word: one HTML file.

Axes: n images, H and W height and width in pixels, h and w the grid of the memory, T sequence length, S memory length.
"""

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seqgan_tf.core.conditions import first_rows
from seqgan_tf.core.files import write_text
from seqgan_tf.core.validation import InputError, whole_number
from seqgan_tf.data.captions import IMAGE, CaptionCorpus
from seqgan_tf.data.images import Images
from seqgan_tf.data.records import CAPTIONS
from seqgan_tf.reports import html, image_maps
from seqgan_tf.reports.conditional import GREEDY, first_of_each, rows_of

if TYPE_CHECKING:
    from seqgan_tf.reports.data import EvaluationData
    from seqgan_tf.runs.directory import Run
    from seqgan_tf.seqgan import SeqGAN

FILE = "captions.html"
COUNT, REFERENCE, GENERATED = 20, "reference", "generated"


@dataclasses.dataclass(frozen=True)
class Captioned:
    """An image on the page.

    Attributes:
        name: its file and what is beside it, one per line.
        image: uint8 [H, W, 3].
        texts: {what it is: text}, in the order of the page; a list of texts where there are several.
        words: the tokens of the text that the maps are of.
        maps: float [words, h, w], how much was read from each cell; None: there is no attention.

    Example:
    ```python
    import numpy as np

    from seqgan_tf.reports.captions_page import Captioned, captions_page

    image = np.zeros([8, 8, 3], np.uint8)
    page = captions_page([Captioned("night.png", image, {"generated": "it is dark"}, [], None)], "Captions")
    ```
    """

    name: str
    image: np.ndarray
    texts: Mapping[str, str | Sequence[str]]
    words: Sequence[str]
    maps: np.ndarray | None


def write_captions_page(path: str | os.PathLike, gan: "SeqGAN", corpus: CaptionCorpus, count: int = COUNT) -> None:
    """Writes a page of the first held-out images with the most likely caption of each.

    Args:
        path: the .html file; it needs nothing else to be shown.
        gan: the trained model.
        corpus: the images and their captions.
        count: number of images. Defaults to 20.

    Raises:
        InputError: the file cannot be written.

    Example:
    ```python
    import tensorflow as tf

    import seqgan_tf as sg

    for name, value in (("dark", 20), ("bright", 230)):
        tf.io.write_file(f"{name}.png", tf.io.encode_png(tf.fill([9, 9, 3], tf.constant(value, tf.uint8))))
    images, texts = ["dark.png", "bright.png"] * 50, ["a dark image", "a bright image"] * 50
    corpus = sg.CaptionCorpus(images, texts, validation_split=0.5, batch_size=32, image_size=8)
    V, T = corpus.vocabulary_size, corpus.sequence_length
    generator = sg.Generator(V, encoder=sg.ImageEncoder(8, filters=(4,)), attention="luong", end_token_id=0)
    gan = sg.SeqGAN(generator, sg.Discriminator(V, T), sg.TerminalReward())
    sg.write_captions_page("captions.html", gan, corpus)
    ```
    """
    count = min(whole_number("count", count), len(corpus.held_out_given))
    condition, unknown = first_rows(corpus.held_out_condition, count), corpus.unknown_token_id
    suppressed = [] if unknown is None else [unknown]
    token_ids = gan.generate(condition=condition, temperature=0.0, suppress_tokens=suppressed)
    rows = zip(corpus.held_out_texts[:count], corpus.decode(token_ids), strict=True)
    texts = [{REFERENCE: reference, GENERATED: text} for reference, text in rows]
    shown = captioned(gan.generator, corpus.decode, corpus.held_out_given[:count], condition, texts, token_ids)
    write_text(path, captions_page(shown, f"Captions of {corpus.name}"))


def pages_of_run(run: "Run", data: "EvaluationData", report: Mapping[str, Any]) -> dict[str, str]:
    """{name of the file: the page} of an evaluation of a run on captions; {} of another run.

    Args:
        run: the run, with the weights of the last state of the report.
        data: the images and texts that it was measured on.
        report: as `evaluate.evaluate_run` returns it.
    """
    if run.settings.task != CAPTIONS:
        return {}
    assert data.given is not None
    states = {name: state["conditional"]["texts"] for name, state in report["states"].items()}
    rows = list(zip(*states.values(), strict=True))
    texts = [
        {
            REFERENCE: row[0]["reference"].splitlines(),
            **{f"{name}, {GREEDY}": each[GREEDY] for name, each in zip(states, row, strict=True)},
        }
        for row in rows
    ]
    first = first_of_each(data.given)[0][: len(rows)]
    condition = rows_of(data.condition, first)
    token_ids = run.gan.generate(condition=condition, temperature=0.0, suppress_tokens=run.source.suppressed_tokens)
    given = [data.given[row] for row in first]
    shown = captioned(run.gan.generator, run.decode, given, condition, texts, token_ids)
    return {FILE: captions_page(shown, f"Captions of {run.directory}")}


def captioned(
    generator: Any,
    decode: Callable[[np.ndarray], list[str]],
    given: Sequence[str],
    condition: Any,
    texts: Sequence[Mapping[str, str | Sequence[str]]],
    token_ids: np.ndarray,
) -> list[Captioned]:
    """What the page shows of n images.

    Args:
        generator: the generator.
        decode: makes texts of token ids.
        given: the file of each image, and in further lines what is beside it.
        condition: the conditions, a nest of arrays [n, ...].
        texts: what to show beside each image.
        token_ids: int32 [n, T], the text of each image that maps are shown of, if there is attention.
    """
    encoder, images = generator.encoder, _images(generator.encoder, condition, given)
    grid = image_maps.grid_of(encoder)
    maps: list[Any] = [None] * len(given)
    if grid is not None and getattr(generator, "attention", None):
        weights = np.asarray(generator.attention_weights(token_ids, generator.encode(condition)))
        maps = [row[:, : grid[0] * grid[1]].reshape(-1, *grid) for row in weights]
    shown = []
    for name, image, lines, row, tokens in zip(given, images, texts, maps, token_ids, strict=True):
        kept = tokens[tokens >= 0]
        if kept.size and kept[-1] == generator.end_token_id:
            kept = kept[:-1]
        words = decode(kept[:, np.newaxis]) if row is not None and kept.size else []
        shown.append(Captioned(name, image, lines, words, None if row is None else row[: len(words)]))
    return shown


def _images(encoder: Any, condition: Any, given: Sequence[str]) -> np.ndarray:
    """uint8 [n, H, W, 3]; where the conditions are features, the images are read again."""
    images = condition[IMAGE] if isinstance(condition, Mapping) else condition
    if images.ndim == 4 and images.shape[3] == 3:
        return np.asarray(images).astype(np.uint8)
    part = encoder.encoders[IMAGE] if isinstance(condition, Mapping) else encoder
    return np.asarray(Images(part.image_size).encode([name.split("\n", 1)[0] for name in given]))


def captions_page(shown: Iterable[Captioned], title: str) -> str:
    """The page as HTML, with all images in it.

    Args:
        shown: the images and their captions.
        title: the heading.
    """
    shown = list(shown)
    if not shown:
        raise InputError("`shown` must hold at least one image. Received: none")
    note = f"The first {len(shown)} held-out images; nothing was chosen."
    if any(each.maps is not None for each in shown):
        note += " Above each word: the parts of the image that the generator read when it wrote the word are bright."
    return html.page(title, [f"<p>{note}</p>", *map(_figure, shown)], image_maps.STYLE + _STYLE)


def _figure(each: Captioned) -> str:
    lines = "\n".join(
        f"<dt>{html.escape(kind)}</dt><dd>{html.lines([text] if isinstance(text, str) else text)}</dd>"
        for kind, text in each.texts.items()
    )
    name = html.lines(each.name.split("\n"))
    maps = "" if each.maps is None else image_maps.maps_of(each.image, each.words, each.maps)
    return (
        f'<section class="pair">{image_maps.whole(each.image)}<div><p class="name">{name}</p>'
        f"<dl>{lines}</dl>{maps}</div></section>"
    )


_STYLE = """
.name { margin: 0; color: #666; font-size: 0.85rem; word-break: break-all; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; margin: 0.3rem 0; }
dt { color: #666; }
dd { margin: 0; }
"""
