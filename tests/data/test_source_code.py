"""Functions in Python source files."""

import ast
import hashlib
import heapq
import inspect
import shelve
import textwrap
import warnings

import pytest

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.records import printed, read_records, task_of
from seqgan_tf.data.source_code import functions_of, normalised, source_files, syntax_tree

ONE = "def one(x):\n    return x\n"
TWO = "def two(x):\n\n    return x  \n"


def write(folder, **files):
    """Files by their names without suffix; "__" stands for a folder."""
    for name, content in files.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


# Functions


def without_comments_after(source):
    lines = textwrap.dedent(source).rstrip().split("\n")
    while lines[-1].lstrip().startswith("#"):
        lines = lines[:-1]
    return "\n".join(lines).rstrip()


@pytest.mark.parametrize("module", [textwrap, shelve, heapq, inspect])
def test_functions_are_those_that_python_finds(module):
    """Compared with `inspect.getsource`, which reads the tokens and knows nothing of syntax trees."""
    own = [value for value in vars(module).values() if getattr(value, "__module__", None) == module.__name__]
    members = [member for cls in own if inspect.isclass(cls) for member in vars(cls).values()]
    members = [getattr(member, "fget", None) or getattr(member, "__func__", member) for member in members]
    found = [inspect.unwrap(value) for value in [*own, *members] if inspect.isfunction(value)]
    expected = {without_comments_after(inspect.getsource(f)) for f in found if f.__module__ == module.__name__}
    functions = functions_of(inspect.getsource(module))
    assert len(expected) > 5
    assert expected - set(functions) == set()
    assert all(isinstance(ast.parse(text).body[0], ast.FunctionDef | ast.AsyncFunctionDef) for text in functions)


def test_decorators_comments_docstrings_and_inner_functions_belong_to_a_function():
    first = (
        '@wraps(\n    f)\n@g\nasync def f(a,\n  b):\n    """Doc."""\n    # comment\n    def inner():\n\n        return'
    )
    method = "def m(self):\n\tpass"
    source = f"import os\nif os.name:\n{textwrap.indent(first, '  ')}\n\n\nclass A:\n\tx = 1\n\t@property\n"
    source += textwrap.indent(method, "\t") + "  # end\n\tclass B:\n\t\tdef n(self): return 1; pass\n"
    assert functions_of(source) == [first, "@property\n" + method + "  # end", "def n(self): return 1; pass"]


def test_lines_that_are_indented_less_than_their_function_stay():
    source = 'class A:\n    def f(self):\n        return g("""x\n  y\n    z""",\n1)\n'
    assert functions_of(source) == ['def f(self):\n    return g("""x\n  y\nz""",\n1)']


# Text that is no Python


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def f(:", "invalid syntax (line 1)"),
        ("x = 1\n  y = 2", "unexpected indent (line 2)"),
        ("(" * 5000, "too many nested parentheses (line 1)"),
        ("-" * 100_000 + "1", "nested too deeply"),
        ("not " * 20_000 + "x", "nested too deeply"),
        ("x\0y", "source code string cannot contain null bytes"),
    ],
)
def test_what_is_no_python_is_an_error_of_one_line(text, message):
    with pytest.raises(ValueError, match="^" + message.replace("(", r"\(").replace(")", r"\)") + "$"):
        syntax_tree(text)


def test_parsing_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert syntax_tree("x = '\\d' is 1\nassert (x, 1)").body


# Files


def test_a_folder_has_its_python_files_but_for_those_of_others(tmp_path):
    names = ["b", "a", "sub__deep__c", ".venv__d", "sub__.hidden__e", "lib__site-packages__f", ".g"]
    write(tmp_path, **dict.fromkeys(names, ONE))
    (tmp_path / "note.txt").write_text("x")
    (tmp_path / "folder.py").mkdir()
    found = [path.relative_to(tmp_path).as_posix() for path in source_files(tmp_path)]
    assert found == [".g.py", "a.py", "b.py", "sub/deep/c.py"]


def test_a_pattern_has_the_files_that_fit(tmp_path):
    write(tmp_path, a=ONE, sub__b=ONE, sub__deep__c=ONE)
    (tmp_path / "x.pyw").write_text(ONE)
    for pattern, names in {
        "*.py": ["a.py"],
        "**/*.py": ["a.py", "b.py", "c.py"],
        "sub/?.py": ["b.py"],
        "*.pyw": ["x.pyw"],
        "a.py": ["a.py"],
    }.items():
        assert [path.name for path in source_files(tmp_path / pattern)] == names


@pytest.mark.parametrize("name", ["empty", "none", "*.py", "none/**/*.py"])
def test_a_folder_or_a_pattern_without_files_is_refused(name, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as error:
        read_records(tmp_path / name, task="code")
    expected = "expected a folder with .py files, or a pattern such as 'src/**/*.py' that fits some."
    assert str(error.value) == f"{tmp_path / name}: {expected} Received: no such file"


# Records


def test_a_function_is_read_once(tmp_path):
    again = "class A:\n" + textwrap.indent(TWO.replace("\n\n", "\n"), "    ")
    write(tmp_path, a=TWO + "\n\n" + ONE, b=again + "def three(): pass\n", c=ONE)
    records = read_records(tmp_path, task="code")
    assert list(records.texts) == [TWO.rstrip(), ONE.rstrip(), "def three(): pass"]
    assert (records.task, records.conditions, records.groups, records.notes) == ("code", None, None, ())
    content = b"".join((tmp_path / f"{name}.py").read_bytes() for name in "abc")
    assert records.digest == hashlib.sha256(content).hexdigest()


def test_functions_are_equal_where_blanks_at_line_ends_and_empty_lines_alone_differ():
    assert normalised("def f():\n    return 1") == normalised("def f():  \n\n    return 1\n")
    assert normalised("def f():\n    return 1") != normalised("def f():\n     return 1")
    assert normalised("def f():\n    return 1") != normalised("def f():    return 1")


def test_the_functions_of_a_file_are_a_group_where_there_are_many_files(tmp_path):
    files = {f"f{i}": f"def f{i}(): pass\ndef g{i}(): pass\n" for i in range(10)}
    assert read_records(write(tmp_path, **files), task="code").groups.tolist() == [
        i for i in range(1, 11) for _ in "fg"
    ]


def test_files_are_read_in_their_own_encoding(tmp_path):
    text = "def f():\n    return 'é'"
    write(
        tmp_path,
        a=f"# -*- coding: latin-1 -*-\n{text}\n".encode("latin-1"),
        b=b"\xef\xbb\xbf" + text.replace("f()", "g()").encode(),
        c=text.replace("f()", "h()").replace("\n", "\r\n").encode(),
    )
    texts = list(read_records(tmp_path, task="code").texts)
    assert texts == [text, text.replace("f()", "g()"), text.replace("f()", "h()")]


def test_a_file_that_is_no_python_is_skipped_counted_and_the_first_one_named(tmp_path):
    files = {f"f{i:02}": f"def f{i}(): pass\n" for i in range(50)}
    write(tmp_path, **files, a1="print 'x'\n", a2=b"# coding: none\n", a3=b"\xe9 = 1\n", a4="x = '\0'", a5="-" * 99_999)
    records = read_records(tmp_path, task="code")
    assert len(records.texts) == 50
    (note,) = records.notes
    skipped = f"5 of 55 files are damaged and were skipped, the first in {tmp_path / 'a1.py'}: Missing parentheses in"
    assert note.startswith(f"{tmp_path}: {skipped}")


def test_more_than_one_damaged_file_in_ten_ends_the_reading(tmp_path):
    write(tmp_path, **{f"f{i}": f"def f{i}(): pass\n" for i in range(9)}, a="def f(")
    assert len(read_records(tmp_path, task="code").texts) == 9
    write(tmp_path, b="def f(")
    with pytest.raises(InputError) as error:
        read_records(tmp_path, task="code")
    received = f"Received: 2 of 11, the first in {tmp_path / 'a.py'}: '(' was never closed (line 1)"
    assert str(error.value) == f"{tmp_path}: expected at most 1 of 10 files to be damaged. {received}"


def test_files_without_functions_are_refused(tmp_path):
    with pytest.raises(InputError, match=f"^{tmp_path}: expected functions. Received: none$"):
        read_records(write(tmp_path, a="x = 1\n"), task="code")


def test_a_second_file_is_refused(tmp_path):
    write(tmp_path, a=ONE)
    with pytest.raises(InputError, match=r"a.py: expected no second file for the task 'code'. Received: one"):
        read_records(tmp_path, tmp_path / "a.py", task="code")


def test_the_task_is_named():
    assert task_of("anything", task="code") == "code"


def test_functions_are_printed_after_a_line_each():
    assert printed(["def f():\n    pass", ""], "code") == ["# %%\ndef f():\n    pass", "# %%\n"]
    assert printed(["a b"], "text") == printed(["a b"], None) == ["a b"]
