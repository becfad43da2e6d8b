"""Arrays that are read from files when they are needed."""

import mmap
from typing import Any

import numpy as np

IN_MEMORY = 2**26
"""An array of more bytes is not held in memory."""


class IndexedRows:
    """Rows of an array by their index, such as an image for each of its captions. They are read when they are needed.

    An int gives a row, a slice or an array of ints further `IndexedRows`. `numpy.asarray` reads all rows.

    Args:
        array: the array, [m, ...], often a memory-mapped file.
        indices: int array [n], the row of the array that each row is.

    Example:
    ```python
    import numpy as np

    from seqgan_tf.data.memory import IndexedRows

    rows = IndexedRows(np.array([[1, 2], [3, 4]]), np.array([1, 0, 1]))
    print(rows.shape, np.asarray(rows[1:]))  # (3, 2) [[1 2] [3 4]]
    ```
    """

    def __init__(self, array: np.ndarray, indices: np.ndarray) -> None:
        self.array, self.indices = array, np.asarray(indices)

    @property
    def shape(self) -> tuple[int, ...]:
        """[n, ...]."""
        return (len(self.indices), *self.array.shape[1:])

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.array.ndim

    @property
    def dtype(self) -> np.dtype:
        """That of the array."""
        return self.array.dtype

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, key: Any) -> Any:
        found = self.indices[key]
        return IndexedRows(self.array, found) if np.ndim(found) else np.asarray(self.array[found])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.array[self.indices], dtype)

    def __repr__(self) -> str:
        return f"IndexedRows(shape={self.shape}, dtype={self.dtype})"


def is_in_file(array: Any) -> bool:
    """Whether the rows of an array are read when they are needed."""
    return isinstance(array, (np.memmap, IndexedRows))


def release(array: np.ndarray | IndexedRows) -> None:
    """Gives the memory of a memory-mapped array back to the system; its content stays in the file."""
    mapped = getattr(array.array if isinstance(array, IndexedRows) else array, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)
