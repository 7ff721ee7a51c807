"""Where research draws random numbers: always from a seed that the caller passes, so that a result can be had again.

The streams are NumPy's PCG64; a figure is the same for the same seed and the same release of NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Generator = np.random.Generator

CHUNK = 2_000_000
"""Numbers held at a time."""


def generator(seed: int | Sequence[int]) -> Generator:
    """Random numbers of ``seed``: an integer not below zero, or several that together name one stream."""
    return np.random.Generator(np.random.PCG64(seed))


def resamples(count: int, draws: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """``draws`` rows of ``count`` indices drawn with replacement from 0 to count - 1, in parts of some rows."""
    source = generator(seed)
    rows = max(1, CHUNK // count)
    for start in range(0, draws, rows):
        yield source.integers(0, count, size=(min(rows, draws - start), count))


def signs(count: int, draws: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """``draws`` rows of ``count`` signs, -1.0 or 1.0 with equal chance, in parts of some rows."""
    source = generator(seed)
    rows = max(1, CHUNK // count)
    for start in range(0, draws, rows):
        coins = source.integers(0, 2, size=(min(rows, draws - start), count))
        yield (2 * coins - 1).astype(np.float64)
