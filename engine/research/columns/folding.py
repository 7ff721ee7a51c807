"""What a chunk of the equity curve adds to the figures kept of it; compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.plan.arrays import Floats, Ints

PEAK, RATIO, MONEY = 0, 1, 2  # of the figures


def fold(curve: Floats, count: int, days: Ints, closes: Floats, figures: Floats) -> None:
    """Take in ``count`` values of the account's worth (money): the deepest fall from the peak so far, as a share and in
    money, in ``figures``; the last worth of each of ``days`` (numbers in ``closes``).
    """
    peak, ratio, money = figures[PEAK], figures[RATIO], figures[MONEY]
    for t in range(count):
        worth = curve[t]
        closes[days[t]] = worth
        if worth > peak:
            peak = worth
        fall = peak - worth
        if fall > money:
            money = fall
        # Dividing takes longer than all the rest, and is only worth while near the deepest fall so far.
        if fall > 0.0 and fall > 0.999999 * ratio * peak and fall / peak > ratio:
            ratio = fall / peak
    figures[PEAK], figures[RATIO], figures[MONEY] = peak, ratio, money
