"""The order of `tf.data.Dataset.shuffle`, without its buffer.

A buffer of n elements needs about 200 bytes per element: 2 GB for ten million lines. Here the order needs 4. It is the
same for the same seed: the random numbers are those of TensorFlow's generator, Philox 4x32-10 (Salmon et al., 2011),
and the elements are drawn as in `shuffle_dataset_op.cc`.
"""

from array import array
from collections.abc import Iterator

import numpy as np

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_BLOCKS = 2**14  # of four numbers that are computed at a time


def random_numbers(seed: int, seed2: int) -> Iterator[np.ndarray]:
    """The random numbers of TensorFlow's generator for two seeds, in arrays of uint32."""
    seed, seed2 = seed % 2**64, seed2 % 2**64
    first = 0
    while True:
        count = np.arange(first, first + _BLOCKS, dtype=np.uint64)
        counter = [count & _LOW, count >> np.uint64(32)]
        counter += [np.full(_BLOCKS, part, np.uint64) for part in (seed2 & 0xFFFFFFFF, seed2 >> 32)]
        key = [seed & 0xFFFFFFFF, seed >> 32]
        for _ in range(10):
            a, b = counter[0] * _MULTIPLIERS[0], counter[2] * _MULTIPLIERS[1]
            counter = [
                (b >> np.uint64(32)) ^ counter[1] ^ np.uint64(key[0]),
                b & _LOW,
                (a >> np.uint64(32)) ^ counter[3] ^ np.uint64(key[1]),
                a & _LOW,
            ]
            key = [(part + step) & 0xFFFFFFFF for part, step in zip(key, _WEYL, strict=True)]
        yield np.stack(counter, axis=1).reshape(-1).astype(np.uint32)
        first += _BLOCKS


class ShuffleOrder:
    """The passes over a dataset of n elements that `shuffle(n, seed)` shuffles: each has another order.

    Args:
        size: n.
        seed: the first seed of the dataset operation; `tf.compat.v1.get_seed` gives both.
        seed2: the second seed.

    Example:
    ```python
    import tensorflow as tf

    from seqgan_tf.data.shuffle_order import ShuffleOrder

    order = ShuffleOrder(10, *tf.compat.v1.get_seed(3))
    dataset = tf.data.Dataset.range(10).shuffle(10, seed=3)
    assert next(order.next_pass(10)).tolist() == [i.numpy() for i in dataset]
    ```
    """

    def __init__(self, size: int, seed: int, seed2: int) -> None:
        self.size = size
        self._seeds = (int(number) for numbers in random_numbers(seed, seed2) for number in numbers)

    def next_pass(self, batch_size: int) -> Iterator[np.ndarray]:
        """The order of the next pass: int32 arrays of `batch_size` indices; the last one may be smaller.

        Args:
            batch_size: indices per array.
        """
        numbers = (number for part in random_numbers(next(self._seeds), next(self._seeds)) for number in part.tolist())
        buffer = array("i", np.arange(self.size, dtype=np.int32).tobytes())
        for start in range(0, self.size, batch_size):
            end = min(start + batch_size, self.size)
            for i in range(start, end):
                j = i + next(numbers) % (self.size - i)
                buffer[i], buffer[j] = buffer[j], buffer[i]
            yield np.array(buffer[start:end], np.int32)
