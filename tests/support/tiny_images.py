"""Images of 10 x 12 pixels of one colour, with a bright left or right half, and files that name them."""

import json
import random

import numpy as np
import tensorflow as tf

COLOURS = {"red": (200, 30, 30), "green": (30, 160, 40), "blue": (40, 60, 210)}
SIDES = ("left", "right")
SIZE = (10, 12)


def image(colour, side, shade=0):
    """uint8 [10, 12, 3]."""
    pixels = np.tile(np.array(COLOURS[colour], np.uint8), (*SIZE, 1)) + np.uint8(shade)
    half = slice(0, 6) if side == "left" else slice(6, 12)
    pixels[:, half] = np.minimum(pixels[:, half].astype(int) + 40, 255)
    return pixels


def png(pixels):
    """The bytes of a PNG file."""
    return tf.io.encode_png(pixels).numpy()


def write_captions(folder, count=40, beside=None):
    """A folder of images, all different, with metadata.jsonl; `beside` "prompt" or "label" is a further condition."""
    folder.mkdir(parents=True, exist_ok=True)
    draw, lines = random.Random(3), []
    for i in range(count):
        colour, side = draw.choice([*COLOURS]), draw.choice(SIDES)
        name = f"{i:03}.png"
        (folder / name).write_bytes(png(image(colour, side, shade=i % 15)))
        fields = {"file_name": name, "text": f"{colour} {side}"}
        if beside:
            asked = draw.choice(["colour", "side"])
            fields |= {beside: asked if beside == "label" else f"which {asked} ?"}
            fields["text"] = colour if asked == "colour" else f"the {side}"
        lines.append(json.dumps(fields))
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def write_coco(folder, captions):
    """captions.json and the images that it names, of {file name: list of captions}; returns the .json file."""
    folder.mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for number, (name, texts) in enumerate(captions.items()):
        colour, side = [*COLOURS][number % 3], SIDES[number // 3 % 2]
        (folder / name).write_bytes(png(image(colour, side, shade=number % 15)))
        images.append({"id": 7 * number, "file_name": name, "height": 10})
        annotations += [{"id": len(annotations) + i, "image_id": 7 * number, "caption": t} for i, t in enumerate(texts)]
    path = folder / "captions.json"
    path.write_text(json.dumps({"info": {}, "images": images, "annotations": annotations}))
    return path
