"""Floats to exact decimals as integers, rounded as Python's ``round`` and ``Decimal`` round them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.research.columns.machine.layout import NONE, TOO_FINE, TOO_LARGE

LARGEST = 8_000_000.0  # beyond it a double has no nine decimals
_SPLIT = 134_217_729.0  # 2**27 + 1
_NANO = 1e9
_NANO_HIGH = _SPLIT * _NANO - (_SPLIT * _NANO - _NANO)
_NANO_LOW = _NANO - _NANO_HIGH
EXACT = 1e15  # below it every integer over a power of ten has a double of its own


def nanos(run: Any, x: float) -> int:
    """``Decimal(repr(round(x, 9)))`` in units of 1e-9."""
    if not -LARGEST < x < LARGEST:
        run.status = TOO_LARGE
        return 0
    product = x * _NANO
    c = _SPLIT * x
    high = c - (c - x)
    low = x - high
    error = ((high * _NANO_HIGH - product) + high * _NANO_LOW + low * _NANO_HIGH) + low * _NANO_LOW
    nearest = np.rint(product)
    off = (product - nearest) + error
    found = int(nearest)
    if off > 0.5 or (off == 0.5 and found & 1 == 1):
        found += 1
    elif off < -0.5 or (off == -0.5 and found & 1 == 1):
        found -= 1
    return found


def fill_price(run: Any, x: float) -> int:
    """``Decimal(repr(x))`` to the nearest 1e-4, a half to the even one, in units of 1e-4."""
    if not -LARGEST < x < LARGEST:
        run.status = TOO_LARGE
        return 0
    found = int(np.rint(x * 1e4))
    above = (2 * found + 1) / 20_000.0
    below = (2 * found - 1) / 20_000.0
    if x > above or (x == above and found & 1 == 1):
        return found + 1
    if x < below or (x == below and found & 1 == 1):
        return found - 1
    return found


def decimals(x: float) -> int:
    """Into how many parts a unit must go so that the shortest decimal of ``x`` is whole: 1, 1e3, 1e6; 0 if finer."""
    scale = 1
    while scale <= 1_000_000:
        whole = np.rint(x * scale)
        if abs(whole) < EXACT and whole / scale == x:
            return scale
        scale *= 1000
    return 0


def room(run: Any, size: float, part: int, part_scale: int, lot: int) -> int:
    """Whole lots of ``part / part_scale`` of a market's size, in quantity units."""
    scale = decimals(size)
    if scale == 0:
        run.status = TOO_FINE
        return 0
    whole = int(np.rint(size * scale))
    if float(whole) * part * run.unit > 4e18 or float(scale) * part_scale * lot > 4e18:
        run.status = TOO_FINE
        return 0
    return whole * part * run.unit // (scale * part_scale * lot) * lot


def lots(run: Any, x: float, lot: int) -> int:
    """Whole lots of a quantity, in quantity units; towards zero."""
    exact = nanos(run, x)
    of_lot = lot * (1_000_000_000 // run.unit)
    if exact < 0:
        return -(-exact // of_lot) * lot
    return exact // of_lot * lot


def half_even(value: int, step: int) -> int:
    """The multiple of ``step`` nearest to ``value``, in steps; a half to the even one."""
    steps = value // step
    left = value - steps * step
    if 2 * left > step or (2 * left == step and steps & 1 == 1):
        steps += 1
    return steps


def on_grid(run: Any, symbol: Any, bands: Any, price: float, rounding: int) -> int:
    """A price on the grid, in units of 1e-9. ``rounding``: -1 down, 1 up, 0 to the nearest."""
    value = nanos(run, price)
    for b in range(symbol.bands_begin, symbol.bands_end):
        band = bands[b]
        if band.start <= value <= band.end:
            return band.start + _steps(value - band.start, band.step, rounding) * band.step
    return _steps(value, symbol.tick, rounding) * symbol.tick


def _steps(value: int, step: int, rounding: int) -> int:
    if rounding < 0:
        return value // step
    if rounding > 0:
        return -(-value // step)
    return half_even(value, step)


def unit_cost(symbol: Any, buys: bool, price: float) -> float:
    """Money that one unit of an entry ties up: ``engine.market.instrument.Instrument.unit_cost``."""
    return 1.0 - price if symbol.binary == 1 and not buys else price


def within(symbol: Any, price: int) -> int:
    """The nearest price that an order may have as far as the instrument's bounds go, in units of 1e-4."""
    if symbol.lowest != NONE and price < symbol.lowest:
        return int(symbol.lowest)
    if symbol.highest != NONE and price > symbol.highest:
        return int(symbol.highest)
    return price


def gcd(a: int, b: int) -> int:
    while b != 0:
        a, b = b, a % b
    return a


def seconds_between(run: Any, begin: int, end: int) -> float:
    """A span in seconds, rounded once."""
    span = end - begin
    if span % 1_000_000_000 == 0:
        return float(span // 1_000_000_000)
    if abs(span) > 9_007_199_254_740_992:
        run.status = TOO_LARGE
    return span / 1e9


def after(run: Any, now: int, seconds: float) -> int:
    """The instant ``seconds`` from now; whole nanoseconds, cut off."""
    if not abs(seconds) < 9e9:
        run.status = TOO_LARGE
        return now
    return now + math.trunc(seconds * 1e9)
