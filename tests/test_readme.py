"""What the README shows works: its Python runs, its commands are commands, its settings are settings."""

import pathlib
import re
import shlex
import tomllib

import pytest
import tiny_runs

import seqgan_tf
from seqgan_tf import cli, config

ROOT = pathlib.Path(__file__).parent.parent

# What makes the Python of the README small enough for a test. Each text must stand in it.
SMALLER = {
    "embedding_dim=64, hidden_dim=128": "embedding_dim=3, hidden_dim=4",
    "sequence_length=corpus.sequence_length": "sequence_length=corpus.sequence_length, widths=(1, 2), filters=(2, 3)",
    "num_rollouts=16, update_rate=0.8)": "num_rollouts=1, update_rate=0.8), discriminator_steps=2",
    "epochs=20": "epochs=1",
    "steps=500": "steps=2",
    "epochs=60": "epochs=1",
    "gan.generate(200)": "gan.generate(20)",
    "num_samples=200": "num_samples=20",
}


def blocks(*languages):
    """The fenced blocks of the README in one of the languages, in order."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    fenced = re.findall(r"^```(\w*)[^\n]*\n(.*?)^```", readme, flags=re.MULTILINE | re.DOTALL)
    return [content for language, content in fenced if language in languages]


def commands():
    """The lines of its shell blocks, without the prompt, comments and line breaks inside a command: list of words."""
    lines = "".join(blocks("console", "bash", "sh", "shell")).replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line.removeprefix("$ "), comments=True))]


@pytest.fixture
def in_a_folder_of_a_reader(tmp_path, monkeypatch):
    """An empty folder with poems.txt."""
    monkeypatch.chdir(tmp_path)
    return tiny_runs.write_lines(tmp_path / "poems.txt", count=100)


def test_the_python_of_the_readme_runs(in_a_folder_of_a_reader):
    """All blocks in order in one namespace: a later one may go on where an earlier one ended."""
    source = blocks("python")
    assert source
    assert [text for text in SMALLER if not any(text in block for block in source)] == []
    namespace = {"__name__": "__main__"}
    for number, block in enumerate(source):
        for text, smaller in SMALLER.items():
            block = block.replace(text, smaller)
        exec(compile(block, f"README.md, python block {number + 1}", "exec"), namespace)


def prepare(arguments):
    """Makes the files that a command line reads before it runs."""
    read = "--pretrained" if "--pretrained" in arguments else "--output-dir" if "--resume" in arguments else None
    if read:
        directory = pathlib.Path(arguments[arguments.index(read) + 1])
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "config.toml").write_text(config.to_toml(config.RunSettings(), version=seqgan_tf.__version__))
    elif "--config" in arguments:
        path = pathlib.Path(arguments[arguments.index("--config") + 1])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(blocks("toml")[:1]))


def test_every_command_of_the_readme_can_be_parsed(in_a_folder_of_a_reader):
    ours = [words[1:] for words in commands() if words[0] == "seqgan-tf"]
    assert ours
    for arguments in ours:
        prepare(arguments)
        if {"--help", "-h"} & set(arguments):
            with pytest.raises(SystemExit, check=lambda exit: not exit.code):
                cli._parse(arguments)
        else:
            cli._parse(arguments)


def test_every_make_target_of_the_readme_exists():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {word for words in commands() if words[0] == "make" for word in words[1:] if "=" not in word}
    assert named
    assert named <= targets


def test_every_setting_of_the_readme_is_a_setting():
    for block in blocks("toml"):
        config.override(config.RunSettings(), tomllib.loads(block), "README.md")


def test_every_file_that_the_readme_links_to_exists():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", readme)
    scripts = [word for words in commands() for word in words if word.startswith("examples/")]
    assert [name for name in links + scripts if not (ROOT / name).exists()] == []
