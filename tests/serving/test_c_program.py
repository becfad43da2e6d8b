"""The C program among the examples: it needs TensorFlow's library alone, and says what the model says."""

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
    """The finished process of the program, for lines and arguments."""
    folder = importlib.util.find_spec("tensorflow").submodule_search_locations[0]
    program = tmp_path_factory.mktemp("c") / "complete"
    libraries = [f"-L{folder}", "-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2", f"-Wl,-rpath,{folder}"]
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", f"-I{folder}/include", served.EXAMPLES / "complete.c"]
    built = served.run("gcc", *flags, "-o", program, *libraries)
    assert built.returncode == 0, built.stderr
    return lambda text, *arguments: served.run(program, *arguments, text=text)


def test_it_completes_every_line_and_names_the_wrong_ones(complete, version):
    result = complete("\n".join(LINES), version, 7, 0.8)  # the last line has no end, as files sometimes do
    texts, errors = served.completions(version, LINES, 7, 0.8)
    assert errors == ["", "", served.STRANGE, "", ""]
    assert result.stdout.splitlines() == [text for text in texts if text is not None]
    assert served.own_lines(result.stderr) == [f"complete: the bird: {served.STRANGE}"]
    assert result.returncode == 1


def test_seed_temperature_and_place_decide_what_is_drawn(complete, version):
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


def test_long_lines_and_other_scripts_go_through(complete, version):
    lines = ["dog " * 2000, "红 鸟", "cat"]
    result = complete("".join(f"{line}\n" for line in lines), version, 1, 1)
    texts, errors = served.completions(version, lines, 1, 1.0)
    assert errors == [f"text must be at most {served.LENGTH} tokens", served.STRANGE, ""]
    assert result.stdout.splitlines() == texts[2:]
    assert served.own_lines(result.stderr) == [
        f"complete: {line}: {error}" for line, error in zip(lines[:2], errors[:2], strict=True)
    ]


def test_no_line_is_no_answer(complete, version):
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
def test_arguments_that_make_no_sense_are_named(complete, version, arguments, message):
    result = complete("red\n", *(version if argument == "VERSION" else argument for argument in arguments))
    assert (result.returncode, result.stdout) == (1, "")
    assert served.own_lines(result.stderr) == [f"complete: {message}"]


def test_a_missing_export_is_named(complete, version):
    missing = version.parent / "9"
    result = complete("red\n", missing, 7, 1)
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = served.own_lines(result.stderr)
    assert line.startswith(f"complete: {missing}: Could not find SavedModel")


def test_an_export_without_text_is_named(complete, base, tmp_path):
    version = served.export(base).gan.export(tmp_path / "numbers")
    result = complete("red\n", version, 7, 1)
    assert (result.returncode, result.stdout) == (1, "")
    assert served.own_lines(result.stderr) == [f"complete: {version}: the model has no signature `complete`"]
