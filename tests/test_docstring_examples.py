"""The examples in the docstrings of public classes run as they are written."""

import importlib
import inspect
import pathlib
import re
import textwrap

import pytest

import seqgan_tf

PACKAGE = pathlib.Path(seqgan_tf.__file__).parent
ROOMS = ("core", "models", "data", "rewards", "metrics", "serving", "seqgan", "callbacks")


def examples():
    """(Dotted name of a public class, source) of every example in the rooms; the source is None where there is none."""
    for room in ROOMS:
        paths = sorted((PACKAGE / room).glob("*.py")) or [PACKAGE / f"{room}.py"]
        for path in paths:
            name = ".".join(["seqgan_tf", *path.relative_to(PACKAGE).with_suffix("").parts])
            if path.stem == "__init__":
                continue
            module = importlib.import_module(name)
            for cls_name, cls in inspect.getmembers(module, inspect.isclass):
                if cls.__module__ == name and not cls_name.startswith("_"):
                    blocks = re.findall(r"```python\n(.*?)```", inspect.getdoc(cls) or "", re.DOTALL)
                    for block in blocks or [None]:
                        yield pytest.param(block, id=f"{name.removeprefix('seqgan_tf.')}.{cls_name}")


@pytest.mark.parametrize("source", examples())
def test_an_example_runs(source, tmp_path, monkeypatch):
    assert source is not None, "a public class needs an example: a ```python block in its docstring"
    monkeypatch.chdir(tmp_path)
    exec(compile(textwrap.dedent(source), "example", "exec"), {"__name__": "example"})
