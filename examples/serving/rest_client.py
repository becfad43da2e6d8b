"""Completes texts over REST: python examples/serving/rest_client.py --model captions "a man" "two dogs" """

import argparse
import http.client
import json
import sys
import urllib.error
import urllib.request
from typing import Any

from rows import add_arguments, rows


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
    add_arguments(parser)
    parser.add_argument("--url", default="http://localhost:8501")
    arguments = parser.parse_args()

    instances = rows(parser, arguments)
    url = f"{arguments.url.rstrip('/')}/v1/models/{arguments.model}:predict"
    answers = call(url, {"signature_name": "complete", "instances": instances})["predictions"]
    for row, answer in zip(instances, answers, strict=True):
        if answer["error"]:
            print(f"{row['text']}: {answer['error']}", file=sys.stderr)
        else:
            print(answer["text"])
    return int(any(answer["error"] for answer in answers))


if __name__ == "__main__":
    sys.exit(main())
