"""The C program among the examples: it needs only TensorFlow's library, and its texts are those of the model."""

import importlib.util
import shutil

import pytest
import served

pytestmark = pytest.mark.skipif(not shutil.which("gcc"), reason="gcc is not installed")
LINES = ["red cat", "", "the bird", "blue dog sees", "green"]


@pytest.fixture(scope="module")
def version(base):
    return served.export(base).version


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    """Function that runs the program on lines and arguments; it returns the finished process."""
    folder = importlib.util.find_spec("tensorflow").submodule_search_locations[0]
    program = tmp_path_factory.mktemp("c") / "complete"
    libraries = [f"-L{folder}", "-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2", f"-Wl,-rpath,{folder}"]
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", f"-I{folder}/include", served.EXAMPLES / "complete.c"]
    built = served.run("gcc", *flags, "-o", program, *libraries)
    assert built.returncode == 0, built.stderr
    return lambda text, *arguments: served.run(program, *arguments, text=text)


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
