"""Python source files as texts: one text per function or method, each once."""

import ast
import glob
import hashlib
import io
import os
import tokenize
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from seqgan_tf.core.validation import InputError
from seqgan_tf.data.tables import Row

Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = "functions"
INSTALLED = "site-packages"


def source_files(path: str | os.PathLike) -> list[Path]:
    """The files that a path names, in alphabetical order.

    Args:
        path: a folder: all .py files in it and in its folders, except folders whose name begins with a dot and
            site-packages, which hold packages of others; or a file; or a pattern such as "src/**/*.py", in which `**`
            stands for any number of folders.

    Raises:
        InputError: there is no such file.
    """
    if os.path.isdir(path):
        found = []
        for folder, folders, names in os.walk(os.fspath(path)):
            folders[:] = [name for name in folders if not name.startswith(".") and name != INSTALLED]
            found += [Path(folder, name) for name in names if name.endswith(".py")]
    else:
        found = [Path(name) for name in glob.glob(os.fspath(path), recursive=True)]
    found = sorted(file for file in found if file.is_file())
    if not found:
        raise InputError(
            f"{path}: expected a folder with .py files, or a pattern such as 'src/**/*.py' that fits some. "
            "Received: no such file"
        )
    return found


def read_functions(path: str | os.PathLike, observe: Callable[[bytes], object] = bytes) -> Iterator[Row]:
    """The functions of files, each once: of functions that differ in blanks alone, the first one.

    Args:
        path: see `source_files`.
        observe: function that gets the content of each file, such as the `update` of a digest.

    Yields:
        The name of a file, and {"functions": those that no file before it has}, or in words why it cannot be read.

    Raises:
        InputError: as for `source_files`.
    """
    seen: set[str] = set()
    for file in source_files(path):
        try:
            content = file.read_bytes()
            observe(content)
            functions = functions_of(_decoded(content))
        except OSError as error:
            yield str(file), str(error.strerror)
            continue
        except ValueError as error:
            yield str(file), str(error)
            continue
        new = {key: text for text in functions if (key := normalised(text)) not in seen}
        seen |= set(new)
        yield str(file), {FUNCTIONS: list(new.values())}


def functions_of(source: str) -> list[str]:
    """The functions of a module and the methods of its classes, without the indentation of the whole.

    Decorators, comments and docstrings belong to them, and so do functions inside them.

    Args:
        source: the text of a module.

    Raises:
        ValueError: it is no Python, see `syntax_tree`.
    """
    lines = source.split("\n")
    return [_lines_of(function, lines) for function in _functions(syntax_tree(source))]


def syntax_tree(source: str) -> ast.Module:
    """The syntax tree of Python source, by the parser of the running Python. Nothing is executed, and no warning shown.

    Args:
        source: the text.

    Raises:
        ValueError: it is no Python, or is nested too deeply; the message is one line.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except SyntaxError as error:
        place = "" if error.lineno is None else f" (line {error.lineno})"
        raise ValueError(f"{error.msg}{place}") from error
    except (RecursionError, MemoryError) as error:
        raise ValueError("nested too deeply") from error


def normalised(text: str) -> str:
    """A digest of a text that blanks at the ends of lines, and empty lines, do not change."""
    lines = (line.rstrip() for line in text.split("\n"))
    return hashlib.sha256("\n".join(filter(None, lines)).encode("utf-8", "surrogatepass")).hexdigest()


def _decoded(content: bytes) -> str:
    """The text of a source file in its own encoding, as `tokenize.open` reads it."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return io.TextIOWrapper(io.BytesIO(content), encoding, newline=None).read()
    except (SyntaxError, LookupError) as error:
        raise ValueError(str(error)) from error


def _functions(node: ast.AST) -> Iterator[Function]:
    """The functions below a node that are in no other function, in their order."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield child
        else:
            yield from _functions(child)


def _lines_of(function: Function, lines: list[str]) -> str:
    first = min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)]) - 1
    indentation = lines[first][: len(lines[first]) - len(lines[first].lstrip())]
    return "\n".join(line.removeprefix(indentation) for line in lines[first : function.end_lineno]).rstrip()
