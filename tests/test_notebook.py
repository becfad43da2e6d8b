"""The notebook of examples/ is committed without outputs, uses public names only, and runs."""

import ast
import pathlib
import re
import sys

import nbformat
import pytest
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient import NotebookClient

import seqgan_tf

PATH = pathlib.Path(__file__).parent.parent / "examples" / "quickstart.ipynb"

# Replaces the cell tagged "parameters", so that the notebook runs in seconds.
SMALLER = """
VOCABULARY, LENGTH = 20, 5
NUM_TRAIN, NUM_HELD_OUT = 128, 64
WIDTHS, FILTERS = (1, 2), (2, 3)
ORACLE_EPOCHS, ORACLE_DISCRIMINATOR_STEPS, ORACLE_ROUNDS = 2, 2, 2
NUM_SENTENCES, NUM_SAMPLES = 200, 40
TEXT_EPOCHS, TEXT_DISCRIMINATOR_STEPS, TEXT_ROUNDS = 2, 2, 6
TEXT_WIDTHS, TEXT_FILTERS, TEXT_BATCH = (1, 2), (2, 3), 4
SWEEP_ALPHAS = (1.0, 1.5)
"""


class ThisInterpreter(KernelManager):
    """A kernel of the Python that runs the test, whichever kernels are installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="test", language="python")


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(PATH, as_version=4)


def sources(notebook: nbformat.NotebookNode, kind: str) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == kind]


def parameters(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    (cell,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    return cell


def assigned(source: str) -> set[str]:
    """The names to which a source assigns."""
    nodes = ast.walk(ast.parse(source))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def execute(notebook: nbformat.NotebookNode, folder: pathlib.Path) -> str:
    """Runs a notebook in a folder; returns what it printed."""
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=1200, km=ThisInterpreter(), resources=resources).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.text for output in outputs if output.get("name") == "stdout")


def num_pictures(notebook: nbformat.NotebookNode) -> int:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)


def phases(printed: str) -> list[str]:
    """The phases of the lines that `Measure.summary` printed."""
    return [line.split(",")[0] for line in printed.splitlines() if "NLL-test" in line]


def test_the_notebook_is_valid_and_small(notebook):
    nbformat.validate(notebook)
    assert PATH.stat().st_size < 40_000


def test_the_notebook_holds_no_outputs_and_nothing_of_a_machine(notebook):
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.language_info == {"name": "python"}
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags"}
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


def test_the_notebook_uses_public_names_only(notebook):
    for source in sources(notebook, "code"):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                allowed = {"keras", "matplotlib.pyplot", "seqgan_tf", *sys.stdlib_module_names}
                assert {alias.name for alias in node.names} <= allowed
            elif isinstance(node, ast.ImportFrom):
                assert node.module in sys.stdlib_module_names
            elif isinstance(node, ast.Attribute):
                assert not node.attr.startswith("_") or node.attr == "__init__"
                if isinstance(node.value, ast.Name) and node.value.id == "sg":
                    assert node.attr in seqgan_tf.__all__


def test_every_file_that_the_notebook_links_to_exists(notebook):
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", "\n".join(sources(notebook, "markdown")))
    assert links
    assert [link for link in links if not (PATH.parent / link).exists()] == []


def test_the_notebook_runs_at_a_small_size(notebook, tmp_path):
    cell = parameters(notebook)
    assert assigned(SMALLER) == assigned(cell.source)
    cell.source = SMALLER
    printed = execute(notebook, tmp_path)
    assert phases(printed) == ["untrained", "likelihood", "discriminator", "adversarial"] * 2
    assert "entropy of the grammar: 1." in printed
    assert num_pictures(notebook) == 4
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_the_notebook_runs_at_its_real_size(notebook, tmp_path):
    printed = execute(notebook, tmp_path)
    shares = [float(share) for share in re.findall(r"adversarial, .*correct ([\d.]+)", printed)]
    assert len(shares) == 1
    assert shares[0] > 0.8
