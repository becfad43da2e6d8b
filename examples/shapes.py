"""Draws the images of captions.py and visual_questions.py: python examples/shapes.py FOLDER

An image shows one or two groups of shapes. metadata.jsonl has a caption of each, questions.jsonl a question and its
answer. Of the 96 combinations of colour, shape and place, 24 are in FOLDER/test alone, and the others in FOLDER/train.
"""

import itertools
import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

NUMBERS, PLURALS = ("one", "two", "three"), {"circle": "s", "square": "s", "triangle": "s", "cross": "es"}
COLOURS = {"red": (220, 40, 40), "green": (40, 170, 60), "blue": (50, 80, 220), "yellow": (230, 210, 40)}
COLOURS |= {"purple": (150, 50, 170), "orange": (240, 140, 30)}
PLACES = {"top left": (0, 0), "top right": (0, 32), "bottom left": (32, 0), "bottom right": (32, 32)}
COMBINATIONS = list(itertools.product(COLOURS, PLURALS, PLACES))


def scene(draw: np.random.Generator, combinations: list) -> dict:
    """One or two groups in different places: {place: (number, colour, shape)}."""
    chosen = draw.choice(len(combinations), draw.integers(1, 3), replace=False)
    groups = {combinations[i][2]: (int(draw.integers(1, 4)), *combinations[i][:2]) for i in chosen}
    return {place: groups[place] for place in PLACES if place in groups}


def image(draw: np.random.Generator, groups: dict) -> np.ndarray:
    """Shapes of different sizes on a grey ground with noise: uint8 [64, 64, 3]."""
    pixels = draw.integers(215, 250) + draw.normal(0, 6, (64, 64, 3))
    for place, (number, colour, shape) in groups.items():
        for cell in draw.permutation(4)[:number]:
            centre = np.array(PLACES[place]) + 8 + 16 * np.array(divmod(cell, 2)) + draw.integers(-1, 2, 2)
            (y, x), r = np.mgrid[:64, :64] - centre[:, None, None], draw.integers(5, 8)
            inside = {
                "circle": y**2 + x**2 <= r**2,
                "square": np.maximum(abs(y), abs(x)) <= 0.85 * r,
                "triangle": (abs(y) <= r) & (2 * abs(x) <= y + r),
                "cross": (np.maximum(abs(y), abs(x)) <= r) & (3 * np.minimum(abs(y), abs(x)) <= r),
            }[shape]
            pixels[inside] = np.array(COLOURS[colour]) * draw.uniform(0.85, 1.05)
    return pixels.clip(0, 255).astype(np.uint8)


def write(folder: Path, draw: np.random.Generator, count: int, combinations: list) -> None:
    """Images as PNG files, their captions, and a question about each."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "metadata.jsonl").open("w") as captions, (folder / "questions.jsonl").open("w") as questions:
        for name in (f"{i}.png" for i in range(count)):
            groups = scene(draw, combinations)
            tf.io.write_file(str(folder / name), tf.io.encode_png(image(draw, groups)))
            words = {place: f"{NUMBERS[n - 1]} {c} {s}{PLURALS[s] * (n > 1)}" for place, (n, c, s) in groups.items()}
            caption = " and ".join(f"{what} at the {place}" for place, what in words.items())
            captions.write(json.dumps({"file_name": name, "text": caption}) + "\n")
            place = str(draw.choice(list(words)))
            question = {"prompt": f"what is at the {place} ?", "text": words[place]}
            if draw.integers(2):
                question = {"prompt": f"where do you see {words[place]} ?", "text": f"at the {place}"}
            questions.write(json.dumps({"file_name": name, **question}) + "\n")


draw, folder = np.random.default_rng(0), Path(sys.argv[1])
order = draw.permutation(len(COMBINATIONS))
write(folder / "train", draw, 10_000, [COMBINATIONS[i] for i in order[24:]])
write(folder / "test", draw, 1_000, [COMBINATIONS[i] for i in order[:24]])
