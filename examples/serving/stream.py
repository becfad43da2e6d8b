"""Prints a text word by word while it is drawn, over REST:

python examples/serving/stream.py --model captions --vocabulary captions/1/assets/vocabulary.txt a man

The server returns the distribution of the next token. This program applies a temperature, excludes the unknown token,
and draws the token.
"""

import argparse
import math
import random
import sys
from collections.abc import Set

from rest_client import call

END, UNKNOWN, PADDING = 0, "<unk>", -1


def draw(probabilities: list[float], temperature: float, excluded: Set[int], numbers: random.Random) -> int:
    """A token, drawn in proportion to p ** (1 / temperature)."""
    allowed = [0.0 if token in excluded else p for token, p in enumerate(probabilities)]
    largest = max(allowed)  # p / largest: otherwise all powers could underflow to 0
    return numbers.choices(range(len(allowed)), [(p / largest) ** (1 / temperature) for p in allowed])[0]


def main() -> None:
    parser = argparse.ArgumentParser(description="Print a text word by word while a served model draws it.")
    parser.add_argument("words", nargs="*", metavar="WORD", help="the first words of the text")
    parser.add_argument("--model", required=True, help="name of the served model")
    parser.add_argument("--vocabulary", required=True, help="assets/vocabulary.txt of the served version")
    parser.add_argument("--url", default="http://localhost:8501")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--between", default=" ", help="text between two tokens; '' for characters")
    arguments = parser.parse_args()
    if not 0 < arguments.temperature < math.inf:
        parser.error("--temperature must be a number above 0")

    try:
        with open(arguments.vocabulary, encoding="utf-8", newline="\n") as file:
            vocabulary = file.read().split("\n")[:-1]
    except OSError as error:
        sys.exit(f"{arguments.vocabulary}: {error.strerror}")
    ids = {token: i for i, token in enumerate(vocabulary)}
    unknown = [word for word in arguments.words if ids.get(word, END) == END or word == UNKNOWN]
    if unknown:
        sys.exit(f"{unknown[0]}: not in the vocabulary")
    excluded = {ids[UNKNOWN]} if UNKNOWN in ids else set()

    model = f"{arguments.url.rstrip('/')}/v1/models/{arguments.model}"
    signatures = call(f"{model}/metadata")["metadata"]["signature_def"]["signature_def"]
    length = int(signatures["next_token"]["inputs"]["token_ids"]["tensor_shape"]["dim"][1]["size"])
    if len(arguments.words) > length:
        sys.exit(f"a text of this model is at most {length} tokens")
    numbers = random.Random(arguments.seed)
    token_ids = [ids[word] for word in arguments.words]
    print(arguments.between.join(arguments.words), end="", flush=True)
    while len(token_ids) < length:
        row = token_ids + [PADDING] * (length - len(token_ids))
        (answer,) = call(f"{model}:predict", {"signature_name": "next_token", "instances": [row]})["predictions"]
        if answer["error"]:
            sys.exit(f"\n{answer['error']}")
        if len(answer["probabilities"]) != len(vocabulary):
            sys.exit(f"\n{arguments.vocabulary}: not the vocabulary of this model")
        token = draw(answer["probabilities"], arguments.temperature, excluded, numbers)
        if token == END:
            break
        print(arguments.between * bool(token_ids) + vocabulary[token], end="", flush=True)
        token_ids.append(token)
    print()


if __name__ == "__main__":
    main()
