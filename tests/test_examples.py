"""The scripts of examples/ are short, use public names only, and run."""

import ast
import pathlib
import runpy
import subprocess
import sys

import pytest
import tiny_runs

import seqgan_tf

EXAMPLES = sorted((pathlib.Path(__file__).parent.parent / "examples").glob("*.py"))
NAMES = [path.name for path in EXAMPLES]

# What makes a script small enough for the fast suite. Each text must stand in it.
SMALLER = {
    "oracle.py": {
        "sg.Oracle(seed=0)": "sg.Oracle(20, 3, 4, seed=0)",
        "sequence_length=20": "sequence_length=5, num_train=128, num_held_out=64",
        "embedding_dim=32, hidden_dim=32": "embedding_dim=3, hidden_dim=4",
        "corpus.sequence_length, seed=1)": "corpus.sequence_length, widths=(1, 2), filters=(2, 3), seed=1)",
        "discriminator_steps=15": "discriminator_steps=2",
        "gan.generate(5000": "gan.generate(50",
        "epochs=20, validation_data": "epochs=2, validation_data",
        "steps=300": "steps=2",
        "epochs=20, steps_per_epoch=1": "epochs=2, steps_per_epoch=1",
    },
    "poems.py": {
        "embedding_dim=64": "embedding_dim=3",
        "hidden_dim=128": "hidden_dim=4",
        "corpus.sequence_length, seed=1)": "corpus.sequence_length, widths=(1, 2), filters=(2, 3), seed=1)",
        "num_rollouts=4, update_rate=0.8)": "num_rollouts=1, update_rate=0.8), discriminator_steps=2",
        "epochs=15": "epochs=2",
        "steps=200": "steps=2",
        "epochs=4": "epochs=1",
    },
}


@pytest.mark.parametrize("path", EXAMPLES, ids=NAMES)
def test_an_example_is_under_60_lines(path):
    assert len(path.read_text().splitlines()) < 60


@pytest.mark.parametrize("path", EXAMPLES, ids=NAMES)
def test_an_example_says_what_it_does(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", EXAMPLES, ids=NAMES)
def test_an_example_uses_public_names_only(path):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
            assert names <= {"keras", "seqgan_tf", *sys.stdlib_module_names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module in {"seqgan_tf", *sys.stdlib_module_names}
        elif isinstance(node, ast.Attribute):
            assert not node.attr.startswith("_")
            if isinstance(node.value, ast.Name) and node.value.id == "sg":
                assert node.attr in seqgan_tf.__all__


def test_there_are_examples_and_each_has_its_smaller_size():
    assert sorted(SMALLER) == NAMES


@pytest.mark.parametrize("path", EXAMPLES, ids=NAMES)
def test_an_example_runs(path, tmp_path, monkeypatch, capsys):
    source = path.read_text()
    for text, smaller in SMALLER[path.name].items():
        assert text in source
        source = source.replace(text, smaller)
    script = tmp_path / path.name
    script.write_text(source)
    tiny_runs.write_lines(tmp_path / "poems.txt", count=100)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [path.name, "poems.txt"])
    runpy.run_path(str(script), run_name="__main__")
    out = capsys.readouterr().out
    if path.name == "oracle.py":
        assert [line.split(":")[0] for line in out.splitlines() if "NLL-oracle" in line] == [
            "untrained",
            "maximum likelihood",
            "after 20 adversarial rounds",
        ]
    if path.name == "poems.py":
        assert "samples after epoch 1:\n" in out
        assert (tmp_path / "poems.keras").stat().st_size > 0


@pytest.mark.long
@pytest.mark.parametrize("path", EXAMPLES, ids=NAMES)
def test_an_example_runs_at_its_real_size(path, tmp_path):
    tiny_runs.write_lines(tmp_path / "poems.txt", count=2000)
    result = subprocess.run([sys.executable, path, "poems.txt"], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) >= 4
