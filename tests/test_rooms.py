"""The architecture: imports point to folders of lower rank, and the public interface has type hints and examples."""

import ast
import graphlib
import inspect
import pathlib
import subprocess
import sys

import pytest

import seqgan_tf

PACKAGE = pathlib.Path(seqgan_tf.__file__).parent

# A room is a folder or a module directly in the package. A module imports only from its own room and from rooms of
# lower rank. A new file in a folder needs no entry here; a new folder does.
RANKS = {
    "core": 0,
    "models": 1,
    "data": 1,
    "rewards": 2,
    "metrics": 2,
    "serving": 3,
    "seqgan": 4,
    "callbacks": 4,
    "runs": 5,
    "environments": 6,
    "reports": 6,
    "cli": 7,
    "__main__": 8,
}
NO_RANK = "has no rank: RANKS in tests/test_rooms.py gives every folder, and every module directly in the package, one"
RELATIVE = "relative import of"
OWN_CONSTANTS = {"__version__"}  # what a module may import from the package itself
PATHS = {".".join(p.relative_to(PACKAGE).with_suffix("").parts): p for p in sorted(PACKAGE.rglob("*.py"))}
MODULES = {name.removesuffix(".__init__"): path for name, path in PATHS.items() if name != "__init__"}
"""Dotted names inside the package, without the package's own `__init__`; a folder stands for its `__init__`."""
FOLDERS = {name: path for name, path in MODULES.items() if path.name == "__init__.py"}
FACADES = sorted(name for name, path in FOLDERS.items() if path.read_text(encoding="utf-8").strip())


def imports(source, modules=MODULES):
    """What a source imports from the package, anywhere in it: dotted names inside the package, or a problem."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.split(".")[0] == "seqgan_tf"]
            found |= {name.removeprefix("seqgan_tf.") for name in names}
        elif isinstance(node, ast.ImportFrom) and node.level:
            found.add(f"{RELATIVE} {node.module}")
        elif isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "seqgan_tf":
            home = node.module.removeprefix("seqgan_tf").removeprefix(".")
            for alias in node.names:
                inner = f"{home}.{alias.name}".removeprefix(".")
                if home and inner not in modules:
                    found.add(home)  # a name that the module defines
                elif inner not in OWN_CONSTANTS:
                    found.add(inner)
    return found


def room(module):
    return module.split(".")[0]


def wrong_imports(module, source):
    """{import: problem} of a module."""
    own, wrong = RANKS[room(module)], {}
    for name in imports(source):
        if name.startswith(RELATIVE):
            wrong[name] = "must be absolute, so that its rank can be read"
        elif room(name) not in RANKS:
            wrong[name] = NO_RANK
        elif room(name) != room(module) and RANKS[room(name)] >= own:
            wrong[name] = f"has rank {RANKS[room(name)]}, not below {own}"
    return wrong


def circle(graph):
    """The modules of one circle of {module: the modules that it imports}; [] where there is none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def source_of(module):
    return MODULES[module].read_text(encoding="utf-8")


# Ranks


def test_every_folder_and_module_of_the_package_has_a_rank():
    without = sorted({room(module) for module in MODULES} - RANKS.keys())
    assert not without, f"{without} {NO_RANK}"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_from_its_own_folder_and_from_lower_ranks(module):
    assert room(module) in RANKS, f"{room(module)} {NO_RANK}"
    assert wrong_imports(module, source_of(module)) == {}


def test_imports_form_no_circle():
    assert circle({module: imports(source_of(module)) for module in MODULES}) == []


@pytest.mark.parametrize(
    ("module", "source", "wrong"),
    [
        ("core.sampling", "from seqgan_tf.seqgan import SeqGAN", {"seqgan"}),
        ("core.sampling", "from seqgan_tf import callbacks, core", {"callbacks"}),
        ("core.sampling", "def f():\n    import seqgan_tf.cli.main", {"cli.main"}),
        ("core.sampling", "if TYPE_CHECKING:\n    from seqgan_tf.data import text", {"data.text"}),
        ("data.text", "from seqgan_tf.models.oracle import Oracle", {"models.oracle"}),
        ("data.text", "from seqgan_tf.data import tokenizer\nfrom seqgan_tf.data.new import f", set()),
        ("callbacks", "from seqgan_tf.seqgan import SeqGAN", {"seqgan"}),
        ("metrics.samples", "from seqgan_tf.rewards.rollout import f", {"rewards.rollout"}),
        ("metrics", "from seqgan_tf.seqgan import SeqGAN", {"seqgan"}),
        ("metrics", "from seqgan_tf.metrics.samples import sample_metrics", set()),
        ("runs.training", "from .sequences import mask", {"relative import of sequences"}),
        ("runs.training", "from seqgan_tf import SeqGAN", {"SeqGAN"}),
        ("runs.training", "import seqgan_tf", {"seqgan_tf"}),
        ("runs.training", "from seqgan_tf.new_folder import f", {"new_folder"}),
        (
            "runs.training",
            "import keras\nfrom seqgan_tf import __version__, seqgan\nfrom seqgan_tf.data import f",
            set(),
        ),
        ("__main__", "from seqgan_tf.cli.main import main", set()),
    ],
)
def test_an_upward_import_is_noticed(module, source, wrong):
    found = wrong_imports(module, source)
    assert found.keys() == wrong
    assert all("rank" in problem for problem in found.values())
    assert NO_RANK in wrong_imports("runs.training", "import seqgan_tf.new_folder")["new_folder"]


def test_a_circle_is_noticed():
    sources = {
        "core.a": "def f():\n    from seqgan_tf.core import b",
        "core.b": "if TYPE_CHECKING:\n    from seqgan_tf.core.a import f",
        "core.c": "from seqgan_tf.core.a import f",
    }
    graph = {module: imports(source, sources) for module, source in sources.items()}
    assert set(circle(graph)) == {"core.a", "core.b"}
    assert set(circle({"metrics": {"metrics.a"}, "metrics.a": {"metrics"}})) == {"metrics", "metrics.a"}
    assert circle({"core.a": {"core.b"}, "core.b": set()}) == []


# Folders


def test_a_folder_is_empty_or_a_facade():
    assert len(FOLDERS) > 5
    assert len(FACADES) < len(FOLDERS)


@pytest.mark.parametrize("name", FACADES)
def test_a_facade_holds_a_docstring_and_names_of_its_own_modules(name):
    tree = ast.parse(source_of(name))
    assert ast.get_docstring(tree)
    *own_imports, names = tree.body[1:]
    assert own_imports
    assert all(
        isinstance(node, ast.ImportFrom) and node.module.startswith(f"seqgan_tf.{name}.") for node in own_imports
    )
    assert isinstance(names, ast.Assign)
    assert [target.id for target in names.targets] == ["__all__"]
    imported = [alias.asname or alias.name for node in own_imports for alias in node.names]
    assert sorted(imported) == ast.literal_eval(names.value)


def test_functions_are_compiled_in_one_place():
    """`tf.function` would bring AutoGraph back."""
    found = {
        name
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("tf.function", "tf.autograph")
    }
    assert found == {"core.graphs"}


# The public interface


def test_every_public_name_is_there():
    for name in seqgan_tf.__all__:
        assert getattr(seqgan_tf, name) is not None
    assert dir(seqgan_tf) == sorted(seqgan_tf.__all__)
    with pytest.raises(AttributeError, match="module 'seqgan_tf' has no attribute 'Discriminat'"):
        _ = seqgan_tf.Discriminat


def public_classes():
    """{name: class} of the classes that `seqgan_tf.__all__` names, and of the public ones of the modules it names."""
    found = {}
    for name in seqgan_tf.__all__:
        item = getattr(seqgan_tf, name)
        if inspect.isclass(item):
            found[name] = item
        elif inspect.ismodule(item):
            classes = inspect.getmembers(item, inspect.isclass)
            found |= {
                f"{name}.{inner}": cls
                for inner, cls in classes
                if cls.__module__ == item.__name__ and not inner.startswith("_")
            }
    return found


def test_every_public_class_has_an_example():
    classes = public_classes()
    assert {"SeqGAN", "TextCorpus", "callbacks.SampleMetrics", "sampling.SamplingSettings"} <= classes.keys()
    assert [name for name, cls in classes.items() if "Example" not in (cls.__doc__ or "")] == []


def public_functions(tree):
    """(name, function) of the public functions and methods of a module, and of the `__init__` of its public classes."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
            yield node.name, node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for inner in node.body:
                if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)) and (
                    not inner.name.startswith("_") or inner.name in ("__init__", "__call__")
                ):
                    yield f"{node.name}.{inner.name}", inner


def missing_hints(name, function):
    """Names of the parameters without a hint, and "return"."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    is_static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in function.decorator_list)
    if "." in name and not is_static:
        positional = positional[1:]  # self or cls
    parameters = [*positional, *arguments.kwonlyargs, *filter(None, [arguments.vararg, arguments.kwarg])]
    missing = [parameter.arg for parameter in parameters if parameter.annotation is None]
    return missing + ["return"] * (function.returns is None and function.name != "__init__")


@pytest.mark.parametrize("module", ["__init__", *sorted(MODULES)])
def test_every_public_function_has_type_hints(module):
    tree = ast.parse((MODULES | {"__init__": PACKAGE / "__init__.py"})[module].read_text(encoding="utf-8"))
    found = {name: missing_hints(name, function) for name, function in public_functions(tree)}
    assert {name: missing for name, missing in found.items() if missing} == {}


def test_a_missing_hint_is_noticed():
    source = (
        "def f(a, b: int, *c, d=1, **e) -> int: ...\n"
        "def _g(a): ...\n"
        "class A:\n"
        "    def __init__(self, a): ...\n"
        "    def f(self, a: int): ...\n"
        "    @staticmethod\n"
        "    def g(a) -> int: ...\n"
        "    def _h(self, a): ...\n"
        "class _B:\n"
        "    def f(self, a): ...\n"
    )
    found = {name: missing_hints(name, function) for name, function in public_functions(ast.parse(source))}
    assert found == {"f": ["a", "d", "c", "e"], "A.__init__": ["a"], "A.f": ["return"], "A.g": ["a"]}


# What an import loads


def loaded_by(statement, prefixes):
    """The prefixes of which a module is loaded after a statement, in a new interpreter."""
    code = (
        f"import sys\n{statement}\n"
        f"print([p for p in {list(prefixes)} if any(m == p or m.startswith(p + '.') for m in sys.modules)])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return ast.literal_eval(result.stdout.strip().splitlines()[-1])


def test_the_command_line_starts_without_tensorflow():
    slow = ("tensorflow", "keras", "tensorflow_probability", "matplotlib")
    assert loaded_by("import seqgan_tf, seqgan_tf.cli.main", slow) == []


def test_training_does_not_load_what_only_exports_need():
    assert loaded_by("import seqgan_tf.seqgan", ("seqgan_tf.serving", "seqgan_tf.data")) == ["seqgan_tf.data"]
