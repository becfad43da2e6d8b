"""What the README shows works: its Python runs, its commands are commands, its settings are settings."""

import pathlib
import re
import shlex
import tomllib
from collections.abc import Iterable

import pytest
import tiny_runs

import seqgan_tf
from seqgan_tf.cli.main import parse
from seqgan_tf.runs import config, toml

ROOT = pathlib.Path(__file__).parent.parent
README, CHINESE = "README.md", "README.zh.md"
READMES = [README, CHINESE]

# What makes the Python of the README small enough for a test. Each text must occur in it.
SMALLER = {
    "embedding_dim=64, hidden_dim=128": "embedding_dim=3, hidden_dim=4",
    "sequence_length=corpus.sequence_length": "sequence_length=corpus.sequence_length, widths=(1, 2), filters=(2, 3)",
    "num_rollouts=16, update_rate=0.8)": "num_rollouts=1, update_rate=0.8), discriminator_steps=2",
    "epochs=20": "epochs=1",
    "steps=500": "steps=2",
    "epochs=60": "epochs=1",
}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def fenced(name: str) -> list[tuple[str, str]]:
    """(language, content) of the fenced blocks of a page, in order."""
    return re.findall(r"^```(\w*)[^\n]*\n(.*?)^```", read(name), flags=re.MULTILINE | re.DOTALL)


def blocks(*languages: str) -> list[str]:
    """The fenced blocks of the README in one of the languages, in order."""
    return [content for language, content in fenced(README) if language in languages]


def commands() -> list[list[str]]:
    """The lines of its shell blocks, without the prompt, comments and line breaks inside a command: lists of words."""
    lines = "".join(blocks("console", "bash", "sh", "shell")).replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line.removeprefix("$ "), comments=True))]


def links(name: str) -> list[str]:
    """The links of a page to files, without anchors."""
    return re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", read(name))


def missing(names: Iterable[str]) -> list[str]:
    return [name for name in names if not (ROOT / name).exists()]


@pytest.fixture
def in_folder_with_poems(tmp_path, monkeypatch):
    """An empty folder with poems.txt."""
    monkeypatch.chdir(tmp_path)
    return tiny_runs.write_lines(tmp_path / "poems.txt", count=100)


def test_the_python_of_the_readme_runs(in_folder_with_poems):
    """All blocks in order in one namespace: a later one may continue an earlier one."""
    source = blocks("python")
    assert source
    assert [text for text in SMALLER if not any(text in block for block in source)] == []
    namespace = {"__name__": "__main__"}
    for number, block in enumerate(source):
        for text, smaller in SMALLER.items():
            block = block.replace(text, smaller)
        exec(compile(block, f"README.md, python block {number + 1}", "exec"), namespace)


def prepare(arguments: list[str]) -> None:
    """Makes the files that a command line reads before it runs."""
    read = "--pretrained" if "--pretrained" in arguments else "--output-dir" if "--resume" in arguments else None
    if read:
        directory = pathlib.Path(arguments[arguments.index(read) + 1])
        directory.mkdir(parents=True, exist_ok=True)
        settings = config.RunSettings(corpus=config.DataSettings(sequence_length=20))
        (directory / "config.toml").write_text(toml.to_toml(settings, version=seqgan_tf.__version__))
    elif "--config" in arguments:
        path = pathlib.Path(arguments[arguments.index("--config") + 1])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(blocks("toml")[:1]))


def test_every_command_of_the_readme_can_be_parsed(in_folder_with_poems):
    ours = [words[1:] for words in commands() if words[0] == "seqgan-tf"]
    assert ours
    for arguments in ours:
        prepare(arguments)
        if {"--help", "-h"} & set(arguments):
            with pytest.raises(SystemExit, check=lambda exit: not exit.code):
                parse(arguments)
        else:
            parse(arguments)


def test_every_make_target_of_the_readme_exists():
    targets = set(re.findall(r"^([\w-]+):", read("Makefile"), flags=re.MULTILINE))
    named = {word for words in commands() if words[0] == "make" for word in words[1:] if "=" not in word}
    assert named
    assert named <= targets


def test_every_setting_of_the_readme_is_a_setting():
    for block in blocks("toml"):
        toml.override(config.RunSettings(), tomllib.loads(block), "README.md")


@pytest.mark.parametrize("name", READMES)
def test_every_file_that_the_readme_links_to_exists(name):
    assert links(name)
    scripts = [word for words in commands() for word in words if word.startswith("examples/")]
    assert missing(links(name) + scripts) == []


def test_the_readmes_link_to_each_other_at_their_top():
    for name, other in (READMES, READMES[::-1]):
        assert links(name)[0] == other


def test_the_readme_is_short():
    assert len(read(README).splitlines()) <= 150


def test_the_chinese_readme_has_the_code_blocks_of_the_readme():
    assert fenced(README)
    assert fenced(CHINESE) == fenced(README)


def test_the_chinese_readme_links_to_the_same_files():
    assert sorted(set(links(CHINESE)) - {README}) == sorted(set(links(README)) - {CHINESE})
