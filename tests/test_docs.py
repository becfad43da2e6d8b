"""What the site shows works: its Python runs, its commands and settings exist, its links lead somewhere.

The built site loads nothing from other hosts.
"""

import html.parser
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tomllib

import pytest
import tiny_runs

import seqgan_tf as sg

ROOT = pathlib.Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
DISCRIMINATOR = "sg.Discriminator(corpus.vocabulary_size, corpus.sequence_length, "

# Texts that make the Python of a page small enough for a test. Each must be in the page.
SMALLER = {
    "evaluation.md": {
        DISCRIMINATOR: f"{DISCRIMINATOR}widths=(1, 2), filters=(2, 3), ",
        "num_rollouts=4)": "num_rollouts=1), discriminator_steps=1",
        "corpus.vocabulary_size, 16, 16": "corpus.vocabulary_size, 3, 4",
        "gan.generate(200": "gan.generate(20",
        "num_samples=200": "num_samples=20",
        "seeds=(1, 2, 3)": "alphas=(1.0, 1.5), seeds=(1, 2)",
    },
    "keras-script.md": {
        "embedding_dim=64": "embedding_dim=3",
        "hidden_dim=128": "hidden_dim=4",
        "hidden_dim=64": "hidden_dim=3",
        DISCRIMINATOR: f"{DISCRIMINATOR}widths=(1, 2), filters=(2, 3), ",
        "num_rollouts=4), seed=1": "num_rollouts=1), discriminator_steps=1, seed=1",
        "epochs=20": "epochs=1",
        "steps=300": "steps=1",
        "epochs=10": "epochs=1",
        "epochs=4": "epochs=1",
        "100, seed=7": "20, seed=7",
        "num_samples=200": "num_samples=20",
    },
    "pretrained.md": {
        "num_rollouts=4": "num_rollouts=1",
        "discriminator_steps=4": "discriminator_steps=1",
        "epochs=2": "epochs=1",
        "steps=10": "steps=1",
        "gan.fit(corpus.train, epochs=1)": "gan.fit(corpus.train, epochs=1, steps_per_epoch=1)",
    },
    "serving.md": {DISCRIMINATOR: f"{DISCRIMINATOR}widths=(1, 2), filters=(2, 3), ", "16, 16": "3, 4"},
}
COMPLETE_BLOCKS = {"extending.md"}  # pages whose blocks each run alone; elsewhere a block continues the one before it


def read(page):
    return (DOCS / page).read_text(encoding="utf-8")


def blocks(page, *languages):
    """The fenced blocks of a page in one of the languages, in order."""
    fenced = re.findall(r"^```([^\n]*)\n(.*?)^```", read(page), flags=re.MULTILINE | re.DOTALL)
    return [content for language, content in fenced if language.strip() in languages]


def commands(page):
    """The commands of the console blocks of a page: lists of words, without comments."""
    lines = "".join(blocks(page, "console")).replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def pages_with(*languages):
    return [page for page in PAGES if blocks(page, *languages)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with poems.txt and no other file."""
    monkeypatch.chdir(tmp_path)
    tiny_runs.write_lines(tmp_path / "poems.txt", count=80)
    return tmp_path


@pytest.fixture
def folder_with_run(folder, base):
    """The same, with a finished run in runs/captions."""
    shutil.copytree(tiny_runs.text_run(base).directory, folder / "runs" / "captions")


def run_blocks(page):
    """Runs the Python of a page."""
    source, smaller = blocks(page, "python"), SMALLER.get(page, {})
    assert [text for text in smaller if not any(text in block for block in source)] == []
    namespace = {"__name__": "__main__"}
    for number, block in enumerate(source):
        for text, replacement in smaller.items():
            block = block.replace(text, replacement)
        if page in COMPLETE_BLOCKS:
            namespace = {"__name__": "__main__"}
        exec(compile(block, f"{page}, python block {number + 1}", "exec"), namespace)


@pytest.mark.parametrize("page", [page for page in pages_with("python") if "load_run" not in read(page)])
def test_python_of_page_runs(page, folder):
    run_blocks(page)


@pytest.mark.parametrize("page", [page for page in pages_with("python") if "load_run" in read(page)])
def test_python_of_page_about_runs_runs(page, folder_with_run):
    run_blocks(page)


def write_files_read_by(arguments):
    """Writes the files that a command line reads before it runs."""
    from seqgan_tf.runs import config, toml

    flags = [flag for flag in ("--pretrained", "--output-dir", "--config") if flag in arguments]
    named = {flag: arguments[arguments.index(flag) + 1] for flag in flags}
    settings = config.RunSettings(corpus=config.DataSettings(sequence_length=20))
    if "--resume" in arguments or "--pretrained" in named:
        directory = pathlib.Path(named["--output-dir"] if "--resume" in arguments else named["--pretrained"])
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "config.toml").write_text(toml.to_toml(settings, version=sg.__version__), encoding="utf-8")
    if "--config" in named:
        path = pathlib.Path(named["--config"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(blocks("command-line.md", "toml")[-1], encoding="utf-8")


@pytest.mark.parametrize("page", [page for page in pages_with("console") if "seqgan-tf" in read(page)])
def test_commands_of_page_can_be_parsed(page, folder):
    from seqgan_tf.cli.main import parse

    for words in commands(page):
        if words[0] != "seqgan-tf":
            continue
        arguments = words[1:]
        write_files_read_by(arguments)
        if {"--help", "--version"} & set(arguments):
            with pytest.raises(SystemExit, check=lambda exit: not exit.code):
                parse(arguments)
        else:
            assert parse(arguments) is not None


def test_flags_of_pages_exist():
    from seqgan_tf.cli.flags import names
    from seqgan_tf.cli.main import COMMANDS

    known = {"--help", "--version"}.union(*(names(command) for command in COMMANDS.values()))
    for page in PAGES:
        spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", read(page), flags=re.MULTILINE | re.DOTALL))
        words = [word for span in spans if not span.startswith("python ") for word in span.split()]
        assert {word.split("=")[0] for word in words if word.startswith("--")} <= known, page


def test_make_targets_of_pages_exist():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    for page in PAGES:
        named = {word for words in commands(page) if words[0] == "make" for word in words[1:] if "=" not in word}
        assert named | set(re.findall(r"`make ([\w-]+)`", read(page))) <= targets, page


@pytest.mark.parametrize("page", pages_with("toml"))
def test_settings_of_page_are_settings(page):
    from seqgan_tf.runs import config, toml

    for block in blocks(page, "toml"):
        toml.override(config.RunSettings(), tomllib.loads(block), page)


@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_of_page_exist(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", read(page))
    assert [link for link in links if not (DOCS / page).parent.joinpath(link).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_files_of_the_repository_that_page_names_exist(page):
    named = re.findall(r"\b(?:examples|tests)/[\w./]*\w", read(page))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_public_names_are_in_the_api_pages():
    shown = set(re.findall(r"^::: ([\w.]+)", "\n".join(read(page) for page in PAGES), flags=re.MULTILINE))
    modules = {"callbacks": sg.callbacks, "metrics": sg.metrics}
    names = {f"seqgan_tf.{name}" for name in sg.__all__ if name not in {"__version__", *modules}}
    for module, content in modules.items():
        public = getattr(content, "__all__", None) or [
            name for name, value in vars(content).items() if getattr(value, "__module__", "") == content.__name__
        ]
        names |= {f"seqgan_tf.{module}.{name}" for name in public if callable(getattr(content, name))}
    names -= {"seqgan_tf.negative_log_likelihood"}  # shown among the metrics
    assert names - shown == set()


def test_labels_of_metrics_are_in_the_guides():
    from seqgan_tf.metrics import METRICS

    guides = re.sub(
        r"\b((?:Self-)?BLEU|MS-Jaccard|distinct)-n\b", r"\1-1 \1-2 \1-3 \1-4 \1-5", "".join(map(read, PAGES))
    )
    assert [metric.label for metric in METRICS.values() if metric.label.lower() not in guides.lower()] == []


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site."""
    directory = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(directory)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return directory


class Loads(html.parser.HTMLParser):
    """Collects the addresses that a browser loads for a page; links to follow are not among them."""

    LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data", "use": "href"}

    def __init__(self):
        super().__init__()
        self.addresses = []
        self.classes = set()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.classes |= set((attributes.get("class") or "").split())
        name = "href" if tag == "link" and attributes.get("rel") not in ("prev", "next") else self.LOADED.get(tag)
        if attributes.get(name):
            self.addresses.append(attributes[name])


def test_site_loads_nothing_from_other_hosts(site):
    elsewhere = re.compile(r"(?:\w+:)?//")
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(PAGES)  # a page each, and the one for missing pages
    for page in pages:
        loads = Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        assert [address for address in loads.addresses if elsewhere.match(address)] == [], page
        assert "mermaid" not in loads.classes, page  # the theme fetches the program that draws such diagrams
    for sheet in site.rglob("*.css"):
        loaded = re.findall(r"""(?:url\(|@import\s+)["']?([^"')\s]+)""", sheet.read_text(encoding="utf-8"))
        assert [address for address in loaded if elsewhere.match(address)] == [], sheet


def test_site_can_be_searched(site):
    index = (site / "search" / "search_index.json").read_text(encoding="utf-8")
    for word in ("MonteCarloRollout", "NLL-test", "TF Serving"):
        assert word in index
