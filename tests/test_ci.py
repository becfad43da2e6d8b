"""The configurations of hosted runs and of pre-commit are YAML, and run the commands of the project."""

import pathlib
import re

import pytest
import yaml

ROOT = pathlib.Path(__file__).parent.parent


def load(name: str) -> dict:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


@pytest.fixture
def job() -> dict:
    (job,) = load(".github/workflows/ci.yml")["jobs"].values()
    return job


@pytest.fixture
def hooks() -> list[dict]:
    (repository,) = load(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"  # hooks of a repository on another host would need a network
    return repository["hooks"]


def recipe(target: str) -> str:
    """The lines of a target of the Makefile."""
    return re.search(rf"^{target}:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)[1]


def test_hosted_runs_call_the_commands_of_the_local_run(job):
    local = re.findall(r"^make [\w-]+", (ROOT / ".ci" / "run").read_text(), flags=re.MULTILINE)
    hosted = [step["run"] for step in job["steps"] if "run" in step]
    assert hosted == [f"{command} PYTHON=python" for command in local]
    for command in local:
        assert recipe(command.removeprefix("make "))


def test_hosted_runs_cover_the_supported_versions_of_python(job):
    supported = re.findall(r"Python :: (3\.\d+)", (ROOT / "setup.cfg").read_text())
    assert len(supported) == 3
    assert job["strategy"]["matrix"] == {"python-version": supported}
    (python,) = [step["with"] for step in job["steps"] if "setup-python" in step.get("uses", "")]
    assert python["python-version"] == "${{ matrix.python-version }}"
    assert python["cache"] == "pip"
    assert (ROOT / python["cache-dependency-path"]).exists()


def test_hooks_run_the_tools_of_the_linter_from_the_environment_of_the_project(hooks):
    commands = [re.match(r"\.venv/bin/([a-z]+(?: [a-z]+)?)", hook["entry"])[1] for hook in hooks]
    linter = re.findall(r"\$\(BIN\)/([a-z]+(?: [a-z]+)?)", recipe("lint"))
    assert commands == linter
    assert {hook["language"] for hook in hooks} == {"system"}
    assert len({hook["id"] for hook in hooks}) == len(hooks)
