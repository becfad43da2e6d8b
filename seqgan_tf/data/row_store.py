"""Arrays that were computed from files, a row for each, kept by the digests of the files.

In a folder they are there for the next run too: a file of rows that only grows, and an index of the digests with a
checksum of each row. A row whose checksum is wrong counts as missing. Without a folder they are in a temporary file.
"""

import contextlib
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from seqgan_tf.core.files import make_directory, read_text, write_text
from seqgan_tf.core.validation import InputError
from seqgan_tf.data.memory import IN_MEMORY


class RowStore:
    """Rows of one shape and dtype, by digest. Create it with `open_rows`.

    Args:
        file: the file of rows, opened for reading and writing.
        entries: {digest: (number of the row, its checksum)}. Defaults to None: there are none.
        shape, dtype: of a row. Default to None: there is no row yet.

    Attributes:
        num_damaged: number of rows that were found to be damaged.

    Example:
    ```python
    import numpy as np

    from seqgan_tf.data.row_store import open_rows

    for _ in range(2):
        with open_rows({"size": 3}, "cache") as store:
            print(store.has("digest of a file"))  # False, then True
            store.add(["digest of a file"], np.zeros([1, 3], np.uint8))
    ```
    """

    def __init__(
        self,
        file: BinaryIO,
        entries: dict[str, tuple[int, int]] | None = None,
        shape: tuple[int, ...] | None = None,
        dtype: np.dtype | None = None,
    ) -> None:
        self.file, self.entries, self.shape, self.dtype = file, entries or {}, shape, dtype
        self.num_damaged = 0
        self._count = 1 + max((number for number, _ in self.entries.values()), default=-1)

    @property
    def _row_bytes(self) -> int:
        return 0 if self.shape is None else int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize

    def has(self, digest: str) -> bool:
        """Whether there is a row for a digest. One that is damaged is forgotten."""
        if digest not in self.entries:
            return False
        number, checksum = self.entries[digest]
        self.file.seek(number * self._row_bytes)
        row = self.file.read(self._row_bytes)
        if len(row) == self._row_bytes and zlib.crc32(row) == checksum:
            return True
        del self.entries[digest]
        self.num_damaged += 1
        return False

    def add(self, digests: Sequence[str], rows: np.ndarray) -> None:
        """Adds rows, [n, ...], by their digests."""
        if self.shape is None:
            self.shape, self.dtype = rows.shape[1:], rows.dtype
        self.file.seek(self._count * self._row_bytes)
        for digest, row in zip(digests, rows, strict=True):
            content = np.ascontiguousarray(row, self.dtype).tobytes()
            self.file.write(content)
            self.entries[digest] = (self._count, zlib.crc32(content))
            self._count += 1

    def rows(self) -> np.ndarray:
        """All rows, [m, ...]: in memory, or where they are large, a `numpy.memmap`."""
        self.file.flush()
        if not self._count:
            return np.zeros([0, *(self.shape or ())], self.dtype)
        shape = (self._count, *(self.shape or ()))
        mapped: np.ndarray = np.memmap(self.file, self.dtype or np.uint8, "r", shape=shape)
        return mapped if mapped.nbytes > IN_MEMORY else np.array(mapped)


@contextlib.contextmanager
def open_rows(settings: dict[str, Any], folder: str | os.PathLike | None = None) -> Iterator[RowStore]:
    """The rows that were computed with some settings; what is added is kept when the block ends without an error.

    Args:
        settings: all that the rows depend on beside their files; values that JSON can hold.
        folder: where the rows are kept; it is created. Defaults to None: in a temporary file.

    Raises:
        InputError: the folder cannot be written to.
    """
    if folder is None:
        with tempfile.TemporaryFile() as file:
            yield RowStore(file)
        return
    import filelock

    name = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    index, path = (make_directory(folder) / f"{name}{suffix}" for suffix in (".json", ".rows"))
    try:
        with filelock.FileLock(f"{path}.lock"):
            known, num_damaged = _read_index(index)
            if not known or not path.exists():
                path.unlink(missing_ok=True)  # a run that still reads the old rows keeps them
                path.touch()
            with open(path, "r+b") as file:
                store = RowStore(file, **known)
                store.num_damaged = num_damaged
                yield store
                file.flush()
            if store.shape is not None:
                found = {"shape": store.shape, "dtype": np.dtype(store.dtype).str, "entries": store.entries}
                write_text(index, json.dumps({"settings": settings, **found}))
    except OSError as error:
        raise InputError(f"{folder}: expected a folder to write to ({error.strerror or error})") from error


def _read_index(index: Path) -> tuple[dict[str, Any], int]:
    """(arguments of `RowStore` for the rows of an index, 1 where the index is damaged, and there are none)."""
    if not index.exists():
        return {}, 0
    try:
        found = json.loads(read_text(index, "an index of rows"))
        entries = {str(digest): (int(number), int(checksum)) for digest, (number, checksum) in found["entries"].items()}
        return {"entries": entries, "shape": tuple(map(int, found["shape"])), "dtype": np.dtype(found["dtype"])}, 0
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}, 1
