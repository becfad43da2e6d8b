"""CONTRIBUTING.md names files, names and commands that exist."""

import ast
import pathlib
import re

ROOT = pathlib.Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PLACES = re.compile(r"(?:\.?[\w-]+/)+(?:[\w-]+\.\w+)?|[A-Z][\w.]*\.md")  # folders end with a slash


def mentioned() -> list[str]:
    """What the page puts between backticks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", TEXT, flags=re.MULTILINE | re.DOTALL))


def sections() -> dict[str, str]:
    """The sections of the part "How to add", by their headings."""
    part = TEXT.split("## How to add")[1].split("\n## ")[0]
    heads = re.split(r"^### (.*)\n", part, flags=re.MULTILINE)[1:]
    return dict(zip(heads[::2], heads[1::2], strict=True))


def defined(path: pathlib.Path) -> set[str]:
    """The names that a module assigns or defines, those of methods and fields as "Class.name"."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names = names_of(node)
        found |= names
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{name}" for child in node.body for name in names_of(child)}
    return found


def names_of(node: ast.stmt) -> set[str]:
    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def test_every_path_exists():
    paths = [name for name in mentioned() if PLACES.fullmatch(name)]
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", TEXT)
    assert len(paths) > 40
    assert links
    assert [name for name in paths + links if not (ROOT / name).exists()] == []


def test_every_place_of_the_package_is_a_path():
    assert [name for name in mentioned() if "seqgan_tf/" in name and not PLACES.fullmatch(name)] == []


def test_every_make_target_exists():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    in_blocks = re.findall(r"^make ([a-z-]+)", TEXT, flags=re.MULTILINE)
    named = {*in_blocks, *(name.removeprefix("make ") for name in mentioned() if name.startswith("make "))}
    assert {"setup", "lint", "test", "test-long", "docs", "bench"} <= named
    assert named <= targets


def test_to_add_something_at_most_three_files_are_changed():
    steps = {head: re.findall(r"^\d\. (.*)", section, flags=re.MULTILINE) for head, section in sections().items()}
    assert len(steps) >= 6
    for lines in steps.values():
        assert 1 <= len([line for line in lines if not line.startswith("A new file in")]) <= 3


def test_the_registries_and_settings_are_where_the_page_says():
    """A name between backticks after a path of the package, in the same line of a list, is defined in that file."""
    checked = 0
    for section in sections().values():
        for step in re.split(r"^\d\. ", section, flags=re.MULTILINE)[1:]:
            path, *names = re.findall(r"`([^`\n]+)`", step.split("\n\n")[0])
            if not path.endswith(".py"):
                continue
            for name in names:
                if re.fullmatch(r"[A-Z_]+|[A-Z][a-z]\w*\.[a-z]\w*|held_out_metrics|sample_metrics|Source", name):
                    assert name in defined(ROOT / path), (path, name)
                    checked += 1
    assert checked >= 10


def test_the_reward_is_computed_where_the_page_says():
    assert "MonteCarloRollout.estimate" in defined(ROOT / "seqgan_tf/rewards/rollout.py")
    assert any(name.endswith(".generator_step") for name in defined(ROOT / "seqgan_tf/core/adversarial.py"))
    assert {"NAMED", "LogOdds", "Probability"} <= defined(ROOT / "seqgan_tf/rewards/sequence_rewards.py")
    assert "RolloutSettings.reward" in defined(ROOT / "seqgan_tf/runs/config.py")
