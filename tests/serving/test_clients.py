"""The example clients as commands, with the stand-in for TensorFlow Serving (see stand_in.py)."""

import json
import math
import random
import re
import shutil
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest
import served

pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed")
import stand_in

TEXTS = ["red cat", "", "the bird", "blue dog sees"]


@pytest.fixture(scope="module")
def target(base, tmp_path_factory):
    """A served model of two versions: 2 is the tiny export, 1 another model."""
    export = served.export(base)
    target = tmp_path_factory.mktemp("two") / served.NAME
    shutil.copytree(export.version, target / "2")
    weights = export.gan.generator.get_weights()
    export.gan.generator.set_weights([-value for value in weights])
    export.gan.export(target, export.tokenizer, version=1)
    export.gan.generator.set_weights(weights)
    return target


@pytest.fixture(scope="module")
def server(target):
    with stand_in.StandIn(target) as server:
        yield server


@pytest.fixture
def unused_port():
    """A port without a server."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def client(name, *arguments):
    return served.run(sys.executable, served.EXAMPLES / name, *arguments)


def of(server, name, model=served.NAME):
    """The flags of a client for a server's model."""
    return ["--model", model, *(("--address", server.grpc) if name == "grpc_client.py" else ("--url", server.rest))]


CLIENTS = pytest.mark.parametrize("name", ["rest_client.py", "grpc_client.py"])


@CLIENTS
def test_a_client_prints_the_texts_of_the_model(server, target, name):
    result = client(name, *of(server, name), "--seed", 11, "--temperature", 0.7, *TEXTS)
    texts, errors = served.completions(target / "2", TEXTS, 11, 0.7)
    assert errors == ["", "", served.UNKNOWN_WORDS, ""]
    assert result.stdout.splitlines() == [text for text in texts if text is not None]
    assert served.own_lines(result.stderr) == [f"the bird: {served.UNKNOWN_WORDS}"]
    assert result.returncode == 1
    assert texts != served.completions(target / "1", TEXTS, 11, 0.7)[0]


def test_the_rest_client_has_default_settings(server, target):
    result = client("rest_client.py", *of(server, "rest_client.py"), "red", "green bird")
    assert result.stdout.splitlines() == served.completions(target / "2", ["red", "green bird"], 0, 1.0)[0]
    assert (result.returncode, served.own_lines(result.stderr)) == (0, [])


@CLIENTS
def test_a_client_gives_a_source_per_text(base, name):
    exported = served.translator(base)
    sources = ["ich seh du.", "ja, ich seh's"]
    flags = [flag for source in sources for flag in ("--source", source)]
    with stand_in.StandIn(exported.version.parent) as server:
        result = client(name, *of(server, name, "translator"), "--seed", 3, *flags)
        refused = client(name, *of(server, name, "translator"), *flags, "red")
    texts, errors = served.completions(exported.version, ["", ""], 3, 1.0, source=sources)
    assert result.stdout.splitlines() == texts
    assert not any(errors)
    assert texts != served.completions(exported.version, ["", ""], 3, 1.0, source=sources[::-1])[0]
    assert (result.returncode, served.own_lines(result.stderr)) == (0, [])
    assert "expected 1 times --source, once per text. Received: 2 times" in refused.stderr
    assert refused.returncode == 2


@CLIENTS
def test_a_client_reports_an_unknown_model_in_one_line(server, name):
    result = client(name, *of(server, name, "fish"), "red")
    (line,) = served.own_lines(result.stderr)
    assert line.endswith("Servable not found for request: Latest(fish)")
    assert (result.returncode, result.stdout) == (1, "")


@CLIENTS
def test_a_client_reports_a_missing_server_in_one_line(unused_port, name):
    address = f"127.0.0.1:{unused_port}"
    flags = ["--address", address] if name == "grpc_client.py" else ["--url", f"http://{address}"]
    result = client(name, "--model", served.NAME, *flags, "red")
    (line,) = served.own_lines(result.stderr)
    assert address in line
    assert "refused" in line
    assert (result.returncode, result.stdout) == (1, "")


def test_the_rest_client_reports_the_errors_of_the_server(server):
    result = client("rest_client.py", *of(server, "rest_client.py"), "--seed", 2**40, "red")
    (line,) = result.stderr.splitlines()
    assert line == f"{server.rest}/v1/models/birds:predict: 400: a value is not of expected type: int32"
    assert (result.returncode, result.stdout) == (1, "")


def test_the_rest_client_reports_an_answer_that_is_not_rest(server):
    result = client("rest_client.py", "--model", "birds", "--url", f"http://{server.grpc}", "red")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"http://{server.grpc}/v1/models/birds:predict: ")
    assert (result.returncode, result.stdout) == (1, "")


def test_the_grpc_client_names_a_missing_package(tmp_path):
    shutil.copy(served.EXAMPLES / "grpc_client.py", tmp_path)
    for name in ("grpc.py", "tensorflow.py"):
        (tmp_path / name).touch()
    result = served.run(sys.executable, "-S", tmp_path / "grpc_client.py")  # -S: without installed packages
    assert result.stderr.splitlines() == ["tensorflow_serving is missing: pip install 'seqgan-tf[serving]'"]
    assert result.returncode == 1


def stream(server, target, *arguments):
    return client("stream.py", *of(server, "stream.py"), *vocabulary_flag(target), *arguments)


def vocabulary_flag(target):
    return ["--vocabulary", target / "2" / "assets" / "vocabulary.txt"]


def drawn(export, target, words, temperature, seed):
    """The text that stream.py must print: inverse-CDF draws from the model's distributions."""
    vocabulary = export.tokenizer.tokens
    token_ids = [vocabulary.index(word) for word in words]
    chance = random.Random(seed)
    while len(token_ids) < served.LENGTH:
        row = token_ids + [-1] * (served.LENGTH - len(token_ids))
        (probabilities,) = served.answer(target / "2", "next_token", token_ids=[row])["probabilities"].astype(float)
        weights = probabilities ** (1 / temperature)
        weights[export.tokenizer.unknown_token_id] = 0
        bounds = np.cumsum(weights) / weights.sum()
        token_ids.append(int(np.searchsorted(bounds, chance.random(), side="right")))
        if token_ids[-1] == export.tokenizer.end_token_id:
            token_ids.pop()
            break
    return " ".join(vocabulary[i] for i in token_ids)


@pytest.mark.parametrize(("words", "temperature"), [(["red", "cat"], 1.0), ([], 0.6), (["dog"], 2.0)])
def test_a_stream_is_drawn_from_the_models_distributions(server, target, base, words, temperature):
    export = served.export(base)
    expected = [drawn(export, target, words, temperature, seed) for seed in range(4)]
    flags = ["--temperature", temperature, *words]
    results = [stream(server, target, "--seed", seed, *flags) for seed in range(4)]
    assert [result.stdout for result in results] == [f"{text}\n" for text in expected]
    assert [(result.returncode, result.stderr) for result in results] == [(0, "")] * 4
    assert len(set(expected)) > 1
    assert all(text.split()[: len(words)] == words for text in expected)


def test_a_stream_at_a_low_temperature_has_the_most_likely_tokens_except_the_unknown_token(server, target, base):
    tokenizer = served.export(base).tokenizer
    token_ids = [tokenizer.tokens.index("cat")]
    unknown = 0
    while len(token_ids) < served.LENGTH:
        row = token_ids + [-1] * (served.LENGTH - len(token_ids))
        (probabilities,) = served.answer(target / "2", "next_token", token_ids=[row])["probabilities"]
        unknown += probabilities.argmax() == tokenizer.unknown_token_id
        probabilities[tokenizer.unknown_token_id] = 0
        if (best := int(probabilities.argmax())) == tokenizer.end_token_id:
            break
        token_ids.append(best)
    result = stream(server, target, "--temperature", 1e-4, "cat")
    assert unknown
    assert result.stdout == " ".join(tokenizer.tokens[i] for i in token_ids) + "\n"


def test_a_stream_prints_each_token_before_it_asks_for_the_next(target):
    asked, allowed = threading.Semaphore(0), threading.Semaphore(0)

    def wait(_):
        asked.release()
        allowed.acquire()

    with stand_in.StandIn(target, before=wait) as server:
        words = ["red", "cat", "sees"]
        command = [served.EXAMPLES / "stream.py", *of(server, "stream.py"), *vocabulary_flag(target), *words]
        command = [sys.executable, *map(str, command)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=served.ENVIRONMENT) as process:
            assert asked.acquire(timeout=60)
            # The server has not answered yet: what is read now was printed before.
            assert process.stdout.read(len("red cat sees")) == b"red cat sees"
            for _ in range(served.LENGTH):
                allowed.release()
            rest = process.stdout.read()
    assert process.returncode == 0
    assert re.fullmatch(rb"( [a-z]+){0,3}\n", rest)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["red", "trout"], "trout: not in the vocabulary"),
        (["<unk>"], "<unk>: not in the vocabulary"),
        (["<end>"], "<end>: not in the vocabulary"),
        (["red"] * 7, "a text of this model is at most 6 tokens"),
        (["--temperature", "0"], "--temperature must be a number above 0"),
        (["--vocabulary", "nowhere.txt"], "nowhere.txt: No such file or directory"),
    ],
)
def test_a_stream_reports_wrong_arguments(server, target, arguments, message):
    result = stream(server, target, *arguments)
    assert result.stderr.splitlines()[-1].endswith(message)
    assert result.returncode in (1, 2)
    assert result.stdout == ""


def test_a_stream_needs_the_vocabulary_of_the_model(server, target, tmp_path):
    lines = (target / "2" / "assets" / "vocabulary.txt").read_text().splitlines(keepends=True)
    (tmp_path / "other.txt").write_text("".join(lines[:-1]))
    result = stream(server, target, "--vocabulary", tmp_path / "other.txt", lines[2].strip())
    assert result.stderr.splitlines()[-1] == f"{tmp_path / 'other.txt'}: not the vocabulary of this model"
    assert result.returncode == 1


def post(server, path, body):
    """(status, text) of the answer to a request."""
    request = urllib.request.Request(
        f"{server.rest}{path}", body if isinstance(body, bytes) else json.dumps(body).encode()
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_stand_in_has_the_row_format_and_the_column_format(server, target):
    path, texts = "/v1/models/birds:predict", ["red", "trout", "blue cat"]
    expected = served.answer(target / "2", "score", text=texts)
    status, text = post(server, path, {"signature_name": "score", "instances": texts})
    rows = json.loads(text)["predictions"]
    assert status == 200
    np.testing.assert_array_equal([row["log_probs"] for row in rows], expected["log_probs"])
    status, text = post(server, path, {"signature_name": "score", "inputs": {"text": texts}})
    columns = json.loads(text)["outputs"]
    assert status == 200
    assert set(columns) == set(rows[0]) == set(expected)
    np.testing.assert_array_equal(columns["log_prob"], [row["log_prob"] for row in rows])


def test_the_stand_in_writes_nan_as_the_server_does(server):
    row = {"text": "trout", "seed": [1, 2], "temperature": 1}
    status, text = post(server, "/v1/models/birds:predict", {"signature_name": "complete", "instances": [row]})
    assert status == 200
    assert '"log_prob": NaN' in text
    assert math.isnan(json.loads(text)["predictions"][0]["log_prob"])


def test_the_stand_in_serves_a_version_by_its_number(server, target):
    rows = [{"text": "red", "seed": [1, i], "temperature": 1.0} for i in range(5)]
    body = {"signature_name": "complete", "instances": rows}
    found = [
        [row["text"] for row in json.loads(post(server, f"/v1/models/birds{version}:predict", body)[1])["predictions"]]
        for version in ("", "/versions/1", "/versions/2")
    ]
    first, second = (served.completions(target / str(version), ["red"] * 5, 1, 1.0)[0] for version in (1, 2))
    assert found == [second, first, second]
    assert first != second


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("fish:predict", {}, 404, "Servable not found for request: Latest(fish)"),
        ("birds/versions/3:predict", {}, 404, "Servable not found for request: Specific(birds, 3)"),
        ("birds:guess", {}, 400, "Malformed request: POST /v1/models/birds:guess"),
        ("birds:predict", b"{", 400, "JSON Parse error"),
        (
            "birds:predict",
            {"signature_name": "sing", "instances": [1]},
            400,
            'Serving signature name: "sing" not found',
        ),
        ("birds:predict", {"signature_name": "complete", "instances": ["red"]}, 400, "input keys must be"),
        (
            "birds:predict",
            {"signature_name": "next_token", "instances": [[1, 2]]},
            400,
            "`token_ids` must have the shape",
        ),
    ],
)
def test_the_stand_in_reports_errors_as_json(server, path, body, status, message):
    found, text = post(server, f"/v1/models/{path}", body)
    assert found == status
    assert message in json.loads(text)["error"]
