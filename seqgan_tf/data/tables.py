"""Files whose records have named fields: .csv and .tsv with a header, .jsonl, and .parquet; read as streams."""

import codecs
import csv
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from seqgan_tf.core.validation import InputError, require
from seqgan_tf.data.lines import open_blocks

Row = tuple[str, dict[str, Any] | str]
"""Where a record is, such as "line 7", and its fields, or in words why it cannot be read."""
Table = tuple[list[str], Iterator[Row]]
"""Names of the fields (of .jsonl those of the first object), and the records."""
FIELD_LIMIT = 2**27  # characters in a field; the library's own limit is 131,072


def is_table(path: str | os.PathLike) -> bool:
    """Whether the name of a file says that it has named fields."""
    return _suffix(path) in _READERS


def open_table(path: str | os.PathLike, observe: Callable[[bytes], object] = bytes) -> Table:
    """Opens a file with named fields.

    A .csv file may quote its fields, as spreadsheets write them. In a .tsv file quotes are text.

    Args:
        path: the file, or a pipe.
        observe: function that gets the content in blocks, such as the `update` of a digest. Of a .parquet file it gets
            nothing.

    Raises:
        InputError: the file cannot be read, or has no header or no record.
        MissingExtraError: the file is .parquet, and pyarrow is not installed.
    """
    return _READERS[_suffix(path)](path, observe)


def text_lines(path: str | os.PathLike, observe: Callable[[bytes], object] = bytes) -> Iterator[str]:
    """The lines of a UTF-8 file, empty ones too; bytes that are not UTF-8 become surrogates.

    Args:
        path: the file, or a pipe.
        observe: see `open_table`.

    Raises:
        InputError: the file cannot be read, or holds NUL.
    """
    decoder = io.IncrementalNewlineDecoder(
        codecs.getincrementaldecoder("utf-8-sig")(errors="surrogateescape"), translate=True
    )
    rest: list[str] = []
    for block in open_blocks(path)[0]:
        observe(block)
        if b"\0" in block:
            raise InputError(f"{path}: expected UTF-8 text. Received: a binary file (it holds NUL)")
        first, *others = decoder.decode(block).split("\n")
        rest.append(first)
        if others:
            yield "".join(rest)
            yield from others[:-1]
            rest = [others[-1]]
    rest.append(decoder.decode(b"", final=True))
    if last := "".join(rest).removesuffix("\n"):
        yield last


def field_text(value: Any, name: str) -> tuple[str, str | None]:
    """A field of a record as one line of text, and what is wrong with it; None where nothing is."""
    if value is None:
        return "", f"no field {name!r}"
    if not isinstance(value, str):
        return "", f"the field {name!r} is no text"
    if not value.isascii() and any("\ud800" <= sign <= "\udfff" for sign in value):
        return "", f"the field {name!r} is not UTF-8 text"
    line = " ".join(value.split("\n")).strip() if "\n" in value else value.strip()
    return line, None if line else f"the field {name!r} is empty"


def _suffix(path: str | os.PathLike) -> str:
    return Path(os.fspath(path)).suffix.lower()


def _delimited(path: str | os.PathLike, observe: Callable[[bytes], object]) -> Table:
    lines = (line + "\n" for line in text_lines(path, observe))
    is_csv = _suffix(path) == ".csv"
    reader = csv.reader(lines) if is_csv else csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    header = _next(reader)
    if not header:
        raise InputError(f"{path}: expected a header with the names of the fields. Received: an empty line or file")

    def rows() -> Iterator[Row]:
        while True:
            try:
                values = _next(reader)
            except csv.Error as error:
                yield f"line {reader.line_num}", str(error)
                continue
            if values is None:
                return
            place = f"line {reader.line_num}"
            if len(values) == len(header):
                yield place, dict(zip(header, values, strict=True))
            elif values:
                yield place, f"{len(values)} fields, and the header has {len(header)}"

    return [name.strip() for name in header], rows()


def _next(reader: Iterator[list[str]]) -> list[str] | None:
    """The next row, or None. The limit of a field's size is one of the process, so it is set back."""
    before = csv.field_size_limit(FIELD_LIMIT)
    try:
        return next(reader, None)
    finally:
        csv.field_size_limit(before)


def _json_lines(path: str | os.PathLike, observe: Callable[[bytes], object]) -> Table:
    def read() -> Iterator[Row]:
        for number, line in enumerate(text_lines(path, observe), start=1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield f"line {number}", f"no JSON ({error})"
            else:
                yield f"line {number}", value if isinstance(value, dict) else "no JSON object"

    rows = read()
    begun: list[Row] = []
    for row in rows:  # the names are those of the first object that can be read
        begun.append(row)
        if isinstance(row[1], dict):
            return list(row[1]), _chain(begun, rows)
    raise InputError(f"{path}: expected a JSON object per line. Received: none")


def _parquet(path: str | os.PathLike, observe: Callable[[bytes], object]) -> Table:
    require("pyarrow", "A .parquet file", "parquet")
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(os.fspath(path))
    except (OSError, pyarrow.ArrowException) as error:
        raise InputError(f"{path}: expected a .parquet file that can be read ({error})") from error

    def rows() -> Iterator[Row]:
        number = 0
        try:
            for batch in file.iter_batches(batch_size=1_000):
                for fields in batch.to_pylist():
                    number += 1
                    yield f"row {number}", fields
        except (OSError, pyarrow.ArrowException) as error:
            raise InputError(f"{path}: expected a .parquet file that can be read ({error})") from error

    return list(file.schema_arrow.names), rows()


def _chain(begun: list[Row], rows: Iterator[Row]) -> Iterator[Row]:
    yield from begun
    yield from rows


_READERS: dict[str, Callable[[str | os.PathLike, Callable[[bytes], object]], Table]] = {
    ".csv": _delimited,
    ".tsv": _delimited,
    ".jsonl": _json_lines,
    ".parquet": _parquet,
}
