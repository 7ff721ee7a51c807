"""Numbers out of text by the million: eight digits of every row at a time, in NumPy's integers.

What is read here is what ``int`` and ``float`` read, to the last bit; of what is not written as plain digits with at
most one point, nothing is read at all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.market.columns import Floats, Ints

Words = NDArray[np.uint64]
PADDING = 24  # bytes before and after a text, so that words may begin before it and end behind it
WORD = 8
MOST_DIGITS = 15  # below 2**53 all integers are doubles, so that one division rounds as ``float`` does
ASCII_ZEROS = np.uint64(0x3030303030303030)
TOO_HIGH = np.uint64(0x7676767676767676)  # added to a byte above 9, sets its highest bit
HIGHEST_BITS = np.uint64(0x8080808080808080)
LAST = np.array([0, *((2**64 - 1) << (64 - 8 * n) & (2**64 - 1) for n in range(1, WORD + 1))], dtype=np.uint64)
FIRST = np.array([(1 << 8 * n) - 1 for n in range(WORD + 1)], dtype=np.uint64)
POWERS = np.array([10**n for n in range(MOST_DIGITS + 1)], dtype=np.uint64)


class OddText(Exception):
    """Text that is read with more care elsewhere."""


class Text:
    """Bytes in which words can be looked up. ``places`` of bytes are counted from the beginning of ``data``."""

    def __init__(self, data: bytes) -> None:
        padded = b"\0" * PADDING + data + b"\0" * PADDING
        self.data = data
        self.bytes = np.frombuffer(data, dtype=np.uint8)
        # The eight bytes from each place on, as one number.
        self._words: Words = np.ndarray(len(padded) - WORD + 1, np.dtype("<u8"), padded, strides=(1,))
        self._points = self.bytes == ord(".")
        self._points_before = np.concatenate((np.zeros(1, dtype=np.int32), np.cumsum(self._points, dtype=np.int32)))
        self._point_at = np.flatnonzero(self._points)

    def word(self, place: Ints) -> Words:
        """The eight bytes from each place on, the first of them lowest."""
        found: Words = self._words[place + PADDING]
        return found

    def whole(self, begin: Ints, end: Ints, most: int = MOST_DIGITS) -> Words:
        """The integers between places; nothing is 0. Raises OddText for anything but up to ``most`` digits."""
        length = end - begin
        longest = int(length.max(initial=0))
        if longest > most:
            raise OddText
        total = np.zeros(len(begin), dtype=np.uint64)
        for n in range(0, longest, WORD):
            digits = (self.word(end - n - WORD) ^ ASCII_ZEROS) & LAST[np.clip(length - n, 0, WORD)]
            if ((digits + TOO_HIGH | digits) & HIGHEST_BITS).any():
                raise OddText
            total += _eight(digits) * np.uint64(10**n)
        return total

    def numbers(self, begin: Ints, end: Ints, empty: float | None = None) -> Floats:
        """The decimal numbers between places; ``empty`` is what nothing stands for. Raises OddText."""
        points = self._points_before[end] - self._points_before[begin]
        if (points > 1).any():
            raise OddText
        has_point = points == 1
        point = end.copy()
        point[has_point] = self._point_at[self._points_before[begin[has_point]]]
        decimals = np.maximum(end - point - 1, 0)
        digits = point - begin + decimals
        nothing = end == begin
        if digits.max(initial=0) > MOST_DIGITS or ((digits == 0) & ~nothing).any():
            raise OddText
        scale = POWERS[decimals]
        exact = self.whole(begin, point) * scale + self.whole(end - decimals, end)
        found: Floats = exact.astype(np.float64) / scale.astype(np.float64)
        if nothing.any():
            if empty is None:
                raise OddText
            found[nothing] = empty
        return found


def _eight(digits: Words) -> Words:
    """Eight digits, a byte each and the first of them lowest, as one number: pairs, fours, then all."""
    pairs = digits * np.uint64(2561) >> np.uint64(8) & np.uint64(0x00FF00FF00FF00FF)
    fours = pairs * np.uint64(6553601) >> np.uint64(16) & np.uint64(0x0000FFFF0000FFFF)
    return fours * np.uint64(42949672960001) >> np.uint64(32)
