"""The C programs among the examples: they need only TensorFlow's library, and their texts are those of the model."""

import importlib.util
import shutil

import pytest
import served

pytestmark = pytest.mark.skipif(not shutil.which("gcc"), reason="gcc is not installed")
LINES = ["red cat", "", "the bird", "blue dog sees", "green"]


@pytest.fixture(scope="module")
def version(base):
    return served.export(base).version


def build(name, target):
    """Function that runs a program on lines and arguments; it returns the finished process."""
    folder = importlib.util.find_spec("tensorflow").submodule_search_locations[0]
    libraries = [f"-L{folder}", "-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2", f"-Wl,-rpath,{folder}"]
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", f"-I{folder}/include", served.EXAMPLES / f"{name}.c"]
    built = served.run("gcc", *flags, "-o", target / name, *libraries)
    assert built.returncode == 0, built.stderr
    return lambda text, *arguments: served.run(target / name, *arguments, text=text)


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    return build("complete", tmp_path_factory.mktemp("c"))


@pytest.fixture(scope="module")
def translate(tmp_path_factory):
    return build("translate", tmp_path_factory.mktemp("c"))


def test_every_line_is_completed_or_reported(complete, version):
    result = complete("\n".join(LINES), version, 7, 0.8)  # without a newline at the end
    texts, errors = served.completions(version, LINES, 7, 0.8)
    assert errors == ["", "", served.UNKNOWN_WORDS, "", ""]
    assert result.stdout.splitlines() == [text for text in texts if text is not None]
    assert served.own_lines(result.stderr) == [f"complete: the bird: {served.UNKNOWN_WORDS}"]
    assert result.returncode == 1


def test_texts_depend_on_seed_temperature_and_line_number(complete, version):
    texts = ["dog"] * 12
    drawn = {}
    for settings in ((3, 1.5), (4, 1.5), (3, 0.01)):
        result = complete("dog\n" * len(texts), version, *settings)
        drawn[settings] = result.stdout.splitlines()
        assert drawn[settings] == served.completions(version, texts, *settings)[0]
        assert result.returncode == 0
    assert len(set(drawn[3, 1.5])) > 3
    assert drawn[3, 1.5] != drawn[4, 1.5]
    assert len(set(drawn[3, 0.01])) == 1


def test_long_lines_and_other_scripts_are_read(complete, version):
    lines = ["dog " * 2000, "红 鸟", "cat"]
    result = complete("".join(f"{line}\n" for line in lines), version, 1, 1)
    texts, errors = served.completions(version, lines, 1, 1.0)
    unknown = served.UNKNOWN_WORDS.replace("'the'", "'红', '鸟'")
    assert errors == [f"text must be at most {served.LENGTH} tokens", unknown, ""]
    assert result.stdout.splitlines() == texts[2:]
    assert served.own_lines(result.stderr) == [
        f"complete: {line}: {error}" for line, error in zip(lines[:2], errors[:2], strict=True)
    ]


def test_no_lines_give_no_output(complete, version):
    result = complete("", version, 7, 0.8)
    assert (result.returncode, result.stdout, served.own_lines(result.stderr)) == (0, "", [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "usage: complete EXPORT/VERSION SEED TEMPERATURE < lines of text"),
        (["VERSION", "7x", "1"], "7x: not a seed"),
        (["VERSION", "4294967296", "1"], "4294967296: not a seed"),
        (["VERSION", "7", "warm"], "warm: not a temperature"),
        (["VERSION", "7", "0"], "red: temperature must be a number above 0"),
    ],
)
def test_wrong_arguments_are_reported(complete, version, arguments, message):
    result = complete("red\n", *(version if argument == "VERSION" else argument for argument in arguments))
    assert (result.returncode, result.stdout) == (1, "")
    assert served.own_lines(result.stderr) == [f"complete: {message}"]


def test_a_missing_export_is_reported(complete, version):
    missing = version.parent / "9"
    result = complete("red\n", missing, 7, 1)
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = served.own_lines(result.stderr)
    assert line.startswith(f"complete: {missing}: Could not find SavedModel")


def test_an_export_without_text_is_reported(complete, base, tmp_path):
    version = served.export(base).gan.export(tmp_path / "numbers")
    result = complete("red\n", version, 7, 1)
    assert (result.returncode, result.stdout) == (1, "")
    assert served.own_lines(result.stderr) == [f"complete: {version}: the model has no signature `complete`"]


SOURCES = ["Rotkehlchen, siehst du's?", "", "ich " * 3000, "Unbekanntes (红 鸟)", "ich seh du."]


@pytest.mark.parametrize("length_penalty", [1, 0])
def test_every_line_is_translated(translate, base, length_penalty):
    exported = served.translator(base)
    result = translate("\n".join(SOURCES), exported.version, length_penalty)
    expected = served.translations(exported, SOURCES, length_penalty)
    assert result.stdout.splitlines() == expected
    assert (result.returncode, served.own_lines(result.stderr)) == (0, [])
    assert len(set(expected)) > 2


def test_lines_that_cannot_be_translated_are_reported(translate, base):
    exported = served.translator(base)
    result = translate(f"ich\n{'ich ' * 17000}\ndu\n", exported.version, 1)
    assert result.stdout.splitlines() == served.translations(exported, ["ich", "du"], 1)
    (line,) = served.own_lines(result.stderr)
    assert line.endswith(" : source must be at most 65536 bytes")
    assert result.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "usage: translate EXPORT/VERSION LENGTH_PENALTY < lines of text"),
        (["VERSION", "long"], "long: not a length penalty"),
        (["VERSION", "nan"], "ich: length_penalty must be a finite number"),
        (["OTHER", "1"], "OTHER: the model has no signature `beam_search`"),
    ],
)
def test_wrong_arguments_of_a_translation_are_reported(translate, base, version, arguments, message):
    paths = {"VERSION": served.translator(base).version, "OTHER": version}
    result = translate("ich\n", *(paths.get(argument, argument) for argument in arguments))
    assert (result.returncode, result.stdout) == (1, "")
    assert served.own_lines(result.stderr) == [f"translate: {message.replace('OTHER', str(version))}"]
