"""The source distribution holds what is needed to test it and to build its pages."""

import pathlib
import shutil
import subprocess
import sys
import tarfile

import pytest

ROOT = pathlib.Path(__file__).parents[1]
FOLDERS = ("seqgan_tf", "tests", "docs", "examples")
LEFT_OUT = ("__pycache__", "*.pyc", ".*")


@pytest.mark.skipif(not (ROOT / "MANIFEST.in").exists(), reason="no source tree")
def test_the_sdist_holds_package_tests_pages_and_examples(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    for path in ROOT.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copy(path, tree)
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
    command = [sys.executable, "setup.py", "-q", "sdist", "--dist-dir", str(tmp_path / "dist")]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]
    (archive,) = (tmp_path / "dist").iterdir()
    with tarfile.open(archive) as file:
        found = {"/".join(name.split("/")[1:]) for name in file.getnames()}
    expected = {"Makefile", "LICENSE", "README.md", "README.zh.md", "CHANGELOG.md", "CONTRIBUTING.md", "mkdocs.yml"}
    expected |= {"setup.py", "setup.cfg", "ruff.toml", "MANIFEST.in", "seqgan_tf/py.typed"}
    for folder in FOLDERS:
        paths = (tree / folder).rglob("*")
        expected |= {str(path.relative_to(tree)) for path in paths if path.is_file()}
    assert expected <= found, sorted(expected - found)[:9]
    assert not [name for name in found if name.endswith(".pyc") or "__pycache__" in name]
