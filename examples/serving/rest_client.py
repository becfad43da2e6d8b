"""Completes texts over REST: python examples/serving/rest_client.py --model captions "a man" "two dogs" """

import argparse
import http.client
import json
import sys
import urllib.error
import urllib.request
from typing import Any


def call(url: str, body: dict[str, Any] | None = None) -> Any:
    """The JSON that a server answers with; an error ends the program with one line."""
    try:
        request = urllib.request.Request(url, body and json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        try:
            text = json.loads(text)["error"]
        except (ValueError, LookupError, TypeError):
            text = text.strip() or error.reason
        sys.exit(f"{url}: {error.code}: {text}")
    except (OSError, ValueError, http.client.HTTPException) as error:
        sys.exit(f"{url}: {getattr(error, 'reason', error)}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Complete texts with a served model, over REST.")
    parser.add_argument("texts", nargs="+", metavar="TEXT", help='beginning of a text; "" draws a whole text')
    parser.add_argument("--model", required=True, help="name of the served model")
    parser.add_argument("--url", default="http://localhost:8501")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0, help="text i, counted from 0, is drawn with the seed [SEED, i]")
    arguments = parser.parse_args()

    rows = [
        {"text": text, "seed": [arguments.seed, i], "temperature": arguments.temperature}
        for i, text in enumerate(arguments.texts)
    ]
    url = f"{arguments.url.rstrip('/')}/v1/models/{arguments.model}:predict"
    answers = call(url, {"signature_name": "complete", "instances": rows})["predictions"]
    for text, answer in zip(arguments.texts, answers, strict=True):
        if answer["error"]:
            print(f"{text}: {answer['error']}", file=sys.stderr)
        else:
            print(answer["text"])
    return int(any(answer["error"] for answer in answers))


if __name__ == "__main__":
    sys.exit(main())
