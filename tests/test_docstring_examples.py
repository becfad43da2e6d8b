"""The examples in the docstrings of public classes run as they are written."""

import importlib
import inspect
import pathlib
import re
import shutil
import textwrap

import pytest
import tiny_runs

import seqgan_tf

PACKAGE = pathlib.Path(seqgan_tf.__file__).parent
ROOMS = ("core", "models", "data", "rewards", "metrics", "serving", "seqgan", "callbacks", "runs")
ROOMS += ("environments", "reports", "cli")
ROOMS_WITH_A_RUN = ("runs", "environments", "reports", "cli")  # their examples may read a finished run in runs/poems


def examples():
    """(Source, room) of every example of a public class in the rooms. The source is None if a class has no example."""
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
                        yield pytest.param(block, room, id=f"{name.removeprefix('seqgan_tf.')}.{cls_name}")


@pytest.mark.parametrize(("source", "room"), examples())
def test_an_example_runs(source, room, base, tmp_path, monkeypatch):
    assert source is not None, "a public class needs an example: a ```python block in its docstring"
    monkeypatch.chdir(tmp_path)
    if room in ROOMS_WITH_A_RUN:
        shutil.copytree(tiny_runs.text_run(base).directory, tmp_path / "runs" / "poems")
    exec(compile(textwrap.dedent(source), "example", "exec"), {"__name__": "example"})
