"""The arguments that the clients share, and the rows of a request that they describe."""

import argparse
from typing import Any

CONDITIONS = ("source", "label")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The model, the beginnings of texts, their conditions, and how they are drawn."""
    parser.add_argument("texts", nargs="*", metavar="TEXT", help='beginning of a text; "" draws a whole text')
    parser.add_argument("--model", required=True, help="name of the served model")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0, help="text i, counted from 0, is drawn with the seed [SEED, i]")
    for name in CONDITIONS:
        text = f"{name} of a text, for a model that takes one; once per text, without texts for whole texts"
        parser.add_argument(f"--{name}", action="append", default=[], help=text)


def rows(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """A row per text: the inputs of the signature `complete`."""
    given = {name: getattr(arguments, name) for name in CONDITIONS if getattr(arguments, name)}
    texts = arguments.texts or [""] * len(next(iter(given.values()), []))
    if not texts:
        parser.error("expected a text, a --source or a --label")
    for name, values in given.items():
        if len(values) != len(texts):
            parser.error(f"expected {len(texts)} times --{name}, once per text. Received: {len(values)} times")
    return [
        {"text": text, "seed": [arguments.seed, i], "temperature": arguments.temperature}
        | {name: values[i] for name, values in given.items()}
        for i, text in enumerate(texts)
    ]
