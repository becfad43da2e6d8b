"""The plan of the house: a module imports only from floors below its own."""

import ast
import itertools
import pathlib
import subprocess
import sys

import pytest

import seqgan_tf

PACKAGE = pathlib.Path(seqgan_tf.__file__).parent

# From the ground up. A module may import the modules of earlier lines, and of no other.
FLOORS = [
    ["__init__", "checks", "config", "refusal", "sequences"],
    ["losses"],
    ["sampling", "steps"],
    ["data.pipeline", "data.tokenizer", "models.generator", "models.window_tables"],
    ["models.discriminator"],
    ["data.synthetic", "data.text", "models.oracle"],
    ["generation", "phase", "rewards.transforms", "serving.signatures", "serving.text", "serving.versions"],
    ["serving.warmup"],
    ["serving.saved_model"],
    ["serving.portable"],
    ["metrics.calibration", "metrics.frechet", "metrics.likelihood", "metrics.ngrams"],
    ["metrics.divergence", "metrics.diversity", "metrics.reverse_lm", "metrics.sentence_bleu", "metrics.sweep"],
    ["metrics.samples", "rewards.controls", "rewards.rollout"],
    ["metrics"],
    ["seqgan"],
    ["training"],
    ["callbacks", "report", "run_directory"],
    ["evaluation", "plots"],
    ["comparison", "evaluation_report"],
    ["terminal"],
    ["commands"],
    ["cli"],
    ["__main__"],
]
FLOOR = {module: number for number, modules in enumerate(FLOORS) for module in modules}
CONSTANTS = {"__version__"}  # what a module may take from the package itself


FACADES = {"metrics"}  # folders that hand on what their modules define


def package_modules():
    """{dotted name inside the package: path}, without the files that only mark a folder as a package.

    The `__init__` of a facade stands under the name of its folder.
    """
    paths = {".".join(p.relative_to(PACKAGE).with_suffix("").parts): p for p in PACKAGE.rglob("*.py")}
    modules = {name: path for name, path in paths.items() if not name.endswith(".__init__")}
    return modules | {name: paths[f"{name}.__init__"] for name in FACADES}


MODULES = package_modules()


def imported(source):
    """The modules of the package that a source imports, wherever in it, and whatever else it takes from the package."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.removeprefix("seqgan_tf.") for alias in node.names if _is_ours(alias.name)}
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                found.add(f"relative import of {node.module}")
            elif _is_ours(node.module):
                home = node.module.removeprefix("seqgan_tf").removeprefix(".")
                for alias in node.names:
                    inner = f"{home}.{alias.name}".removeprefix(".")
                    if inner in MODULES:
                        found.add(inner)
                    elif home or alias.name not in CONSTANTS:
                        found.add(home or inner)
    return found


def _is_ours(name):
    return name is not None and name.split(".")[0] == "seqgan_tf"


def wrong_imports(module, source):
    """What a module imports that does not stand on a floor below its own."""
    return {name for name in imported(source) if FLOOR.get(name, len(FLOORS)) >= FLOOR[module]}


def test_every_module_has_a_floor_and_every_floor_its_modules():
    table = list(itertools.chain.from_iterable(FLOORS))
    assert sorted(table) == sorted(MODULES)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_from_floors_below_its_own(module):
    assert wrong_imports(module, MODULES[module].read_text(encoding="utf-8")) == set()


def test_files_that_mark_a_folder_as_a_package_hold_nothing():
    markers = [path for path in PACKAGE.rglob("*/__init__.py") if path.parent.name not in {PACKAGE.name, *FACADES}]
    assert len(markers) >= 3
    assert [path for path in markers if path.read_text().strip()] == []


@pytest.mark.parametrize("name", sorted(FACADES))
def test_a_facade_holds_a_docstring_and_what_it_hands_on_from_its_own_modules(name):
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    *imports, names = tree.body[1:]
    assert imports
    assert all(isinstance(node, ast.ImportFrom) and node.module.startswith(f"seqgan_tf.{name}.") for node in imports)
    assert isinstance(names, ast.Assign)
    assert [target.id for target in names.targets] == ["__all__"]
    handed_on = [alias.asname or alias.name for node in imports for alias in node.names]
    assert sorted(handed_on) == ast.literal_eval(names.value)


@pytest.mark.parametrize(
    ("module", "source", "wrong"),
    [
        ("sampling", "from seqgan_tf.seqgan import SeqGAN", {"seqgan"}),
        ("sampling", "from seqgan_tf import sequences, training", {"training"}),
        ("sampling", "def f():\n    import seqgan_tf.cli", {"cli"}),
        ("data.text", "from seqgan_tf.data import synthetic", {"data.synthetic"}),
        ("sequences", "from seqgan_tf.sequences import mask", {"sequences"}),
        ("metrics.samples", "from seqgan_tf import metrics", {"metrics"}),
        ("metrics.samples", "from seqgan_tf.metrics import bleu", {"metrics"}),
        ("metrics", "from seqgan_tf.seqgan import SeqGAN", {"seqgan"}),
        ("metrics", "from seqgan_tf.metrics.samples import sample_metrics", set()),
        ("training", "from .sequences import mask", {"relative import of sequences"}),
        ("training", "from seqgan_tf import SeqGAN", {"SeqGAN"}),
        ("training", "import seqgan_tf", {"seqgan_tf"}),
        ("training", "from seqgan_tf.new_module import f", {"new_module"}),
        ("training", "import keras\nfrom seqgan_tf import __version__\nfrom seqgan_tf.data import pipeline", set()),
    ],
)
def test_an_upward_import_is_noticed(module, source, wrong):
    assert wrong_imports(module, source) == wrong


def test_every_public_name_is_there():
    for name in seqgan_tf.__all__:
        assert getattr(seqgan_tf, name) is not None
    assert dir(seqgan_tf) == sorted(seqgan_tf.__all__)
    with pytest.raises(AttributeError, match="module 'seqgan_tf' has no attribute 'Discriminat'"):
        _ = seqgan_tf.Discriminat


def test_the_command_line_starts_without_tensorflow():
    slow = ("tensorflow", "keras", "tensorflow_probability", "matplotlib")
    code = f"import sys, seqgan_tf, seqgan_tf.cli; print([m for m in {slow} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
