"""Memory-mapped arrays."""

import mmap

import numpy as np


def release(array: np.ndarray) -> None:
    """Gives the memory of a memory-mapped array back to the system; its content stays in the file."""
    mapped = getattr(array, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)
