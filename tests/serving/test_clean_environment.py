"""An export runs where only TensorFlow is installed: without Keras, tokenizers and this package."""

import importlib.metadata
import sysconfig
import venv
from pathlib import Path

import numpy as np
import pytest
import served
import small_models
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ABSENT = ("keras", "tf_keras", "tensorflow_probability", "seqgan_tf", "tokenizers")
SEED = 5


def required(name, left_out):
    """A distribution and all that it requires, except for some."""
    found, names = {}, [name]
    while names:
        name = canonicalize_name(names.pop())
        if name in left_out or name in found:
            continue
        found[name] = importlib.metadata.distribution(name)
        needs = [Requirement(text) for text in found[name].requires or []]
        names += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return found.values()


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The Python of an environment of symbolic links: TensorFlow and what it requires, without Keras."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, symlinks=True, with_pip=False)
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    for distribution in required("tensorflow", left_out={"keras"}):
        for top in {file.parts[0] for file in distribution.files} - {"..", "__pycache__"}:
            if not (packages / top).exists():
                (packages / top).symlink_to(distribution.locate_file(top))
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def export(base):
    return served.export(base)


@pytest.fixture(scope="module")
def translator(base):
    return served.translator(base)


@pytest.fixture
def cli(python, export, tmp_path):
    """Runs TensorFlow's own command on a signature, with inputs as Python literals: {name: numpy array}."""

    def run(signature, version=export.version, **inputs):
        literals = ";".join(f"{name}={value!r}" for name, value in inputs.items())
        command = ["-m", "tensorflow.python.tools.saved_model_cli", "run", "--dir", version]
        flags = ["--tag_set", "serve", "--signature_def", signature, "--input_exprs", literals, "--outdir", tmp_path]
        result = served.run(python, *command, *flags, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        return {path.stem: np.load(path, allow_pickle=True) for path in tmp_path.glob("*.npy")}

    return run


def test_the_environment_has_neither_keras_nor_this_package(python, tmp_path):
    script = """
import importlib, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
        print(name, "is there")
    except ModuleNotFoundError as error:
        print(error.name, "is missing")
"""
    result = served.run(python, "-c", script, "tensorflow", *ABSENT, cwd=tmp_path)
    assert result.stdout.splitlines() == ["tensorflow is there", *(f"{name} is missing" for name in ABSENT)]


def test_generate_draws_what_the_model_draws(cli, export):
    temperatures = [0.5, 1.0, 1.5]
    seeds = [[SEED, i] for i in range(3)]
    found = cli("generate", seed=seeds, temperature=temperatures, top_p=[1.0, 1.0, 0.6])
    suppressed = [export.tokenizer.unknown_token_id]
    rows = []
    for i, (temperature, top_p) in enumerate(zip(temperatures, (None, None, 0.6), strict=True)):
        samples = export.gan.generate(i + 1, SEED, temperature=temperature, top_p=top_p, suppress_tokens=suppressed)
        rows.append(samples[i])
    token_ids = np.array(rows)
    np.testing.assert_array_equal(found["token_ids"], token_ids)
    assert [text.decode() for text in found["text"]] == export.tokenizer.decode(token_ids)
    np.testing.assert_allclose(found["log_prob"], small_models.log_probs(export.gan, token_ids).sum(axis=1), rtol=1e-4)
    assert found["error"].tolist() == [b""] * 3
    assert len(set(found["text"])) == 3


def test_complete_draws_what_the_model_draws(cli, export):
    texts, temperatures = ["red cat", "", "the bird", "blue dog sees"], [0.7, 1.0, 1.0, 1.3]
    found = cli("complete", text=texts, seed=[[SEED, i] for i in range(4)], temperature=temperatures)
    expected = []
    for i, (text, temperature) in enumerate(zip(texts, temperatures, strict=True)):
        (prompt,) = export.tokenizer.encode([text])
        settings = {"temperature": temperature, "suppress_tokens": [export.tokenizer.unknown_token_id]}
        expected.append(export.tokenizer.decode(export.gan.generate(i + 1, SEED, prompt=prompt, **settings))[i])
    expected[2] = ""
    assert [text.decode() for text in found["text"]] == expected
    assert [text.startswith(start) for text, start in zip(expected, texts, strict=True)] == [True, True, False, True]
    assert [error.decode() for error in found["error"]] == ["", "", served.UNKNOWN_WORDS, ""]
    assert np.isnan(found["log_prob"]).tolist() == [False, False, True, False]


def test_score_gives_the_likelihoods_and_probabilities_of_the_models(cli, export):
    texts = ["blue dog sees green bird", "red", "cat the dog", "dog likes red cat dog bird"]
    found = cli("score", text=texts)
    token_ids, cut = export.tokenizer.encode_padded(texts, served.LENGTH)
    assert (token_ids[:, -1] == export.tokenizer.end_token_id).tolist() == [True, False, False, False]
    assert cut == 1  # only its end token does not fit
    expected = small_models.log_probs(export.gan, token_ids)
    np.testing.assert_allclose(found["log_probs"], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found["log_prob"], expected.sum(axis=1), rtol=1e-4)
    logits = np.asarray(export.gan.discriminator(token_ids, training=False))
    np.testing.assert_allclose(found["real_probability"], 1 / (1 + np.exp(-logits)), rtol=1e-4)
    assert found["error"].tolist() == [b""] * 4


def test_next_token_gives_the_distribution_of_the_model(cli, export):
    token_ids = np.full([3, served.LENGTH], -1)
    token_ids[1, :2], token_ids[2, :5] = [3, 7], [2, 2, 9, 4, 5]
    found = cli("next_token", token_ids=token_ids.tolist())
    logits = np.asarray(export.gan.generator(token_ids, training=False), np.float64)[[0, 1, 2], [0, 2, 5]]
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found["probabilities"], expected, rtol=1e-4, atol=1e-7)
    assert found["probabilities"].shape == (3, export.tokenizer.vocabulary_size) == (3, 10)
    assert found["error"].tolist() == [b""] * 3


SOURCES = ["Rotkehlchen, siehst du's?", "", "du, ich\nja (ich seh's)!", "ich " * 20 + "du"]


def test_beam_search_finds_what_the_model_finds(cli, translator):
    found = cli("beam_search", translator.version, source=SOURCES, length_penalty=[1.0] * 4)
    texts = served.translations(translator, SOURCES, 1.0)
    assert [text.decode() for text in found["text"]] == texts
    assert found["error"].tolist() == [b""] * 4
    assert len(set(texts)) > 2


def test_generate_draws_for_sources_what_the_model_draws(cli, translator):
    settings = {"seed": SEED, "suppress_tokens": [translator.tokenizer.unknown_token_id]}
    condition = translator.sources.encode(SOURCES)
    temperatures = [1.0, 0.0, 0.0, 1.0]
    seeds = [[SEED, i] for i in range(4)]
    found = cli(
        "generate", translator.version, source=SOURCES, seed=seeds, temperature=temperatures, top_p=[1.0, 1.0, 1.0, 1.0]
    )
    drawn, best = (translator.gan.generate(condition=condition, temperature=t, **settings) for t in (1, 0))
    np.testing.assert_array_equal(found["token_ids"], [drawn[0], best[1], best[2], drawn[3]])


def test_scores_depend_on_sources(cli, translator):
    condition = translator.sources.encode(SOURCES)
    token_ids = small_models.pad([[3, 4, 0], [3, 4, 0], [0], [2, 2, 2, 2, 2, 2]], small_models.TEXT_LENGTH)
    found = cli("score_tokens", translator.version, source=SOURCES, token_ids=token_ids.tolist())
    expected = small_models.log_probs(translator.gan, token_ids, condition)
    np.testing.assert_allclose(found["log_probs"], expected, rtol=1e-4, atol=1e-5)
    logits = small_models.logits(translator.gan.discriminator, token_ids, condition)
    np.testing.assert_allclose(found["real_probability"], 1 / (1 + np.exp(-logits)), rtol=1e-4)
    assert found["log_prob"][0] != found["log_prob"][1]
