"""What an equity curve says, each figure by a stated formula.

A figure that cannot be computed is None, never 0 and never infinity; ``unknown`` then maps its field name to the reason
in words.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from engine.market.events import NANOS

TRADING_DAYS_PER_YEAR = 252
_DAY_NS = 86_400 * NANOS
_HOUR_NS = 3_600 * NANOS
_HALF_HOUR_NS = 1_800 * NANOS
_YEAR_NS = 365.25 * _DAY_NS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall of equity from a running peak (the initial cash is the first peak).

    ``ratio`` = max over t of (peak_t - equity_t) / peak_t; ``start_ns`` is the last moment at that peak, ``end_ns`` the
    trough, ``recovery_ns`` the first moment after it at or above the peak (None: not recovered by the end).
    ``money`` = max over t of peak_t - equity_t, which may belong to another fall than ``ratio``.
    Without any fall both are zero and the times None. ``start_ns`` is also None when the peak is the initial cash
    and no point of the curve stands at it. Source: Magdon-Ismail and Atiya, "Maximum Drawdown", Risk 17(10), 2004.
    """

    money: float
    ratio: float
    start_ns: int | None
    end_ns: int | None
    recovery_ns: int | None


@dataclass(frozen=True, slots=True)
class CurveStatistics:
    """Figures over the equity curve. ``r_d`` is the return of local day ``d``: last equity of the day over the last of
    the day before, minus one; the initial cash comes before the first day. Days without a point do not exist.

    - ``final_equity``: last point, money. ``total_return`` = final / initial - 1.
    - ``max_drawdown``: see `Drawdown`.
    - ``sharpe`` = mean(r) / s(r) * sqrt(252), s with n - 1, risk-free rate zero (W. F. Sharpe, "The Sharpe Ratio",
      Journal of Portfolio Management 21(1), 1994).
    - ``sortino`` = mean(r) / sqrt(mean(min(r, 0)^2)) * sqrt(252), target zero, over all days (F. A. Sortino and L. N.
      Price, "Performance Measurement in a Downside Risk Framework", Journal of Investing 3(3), 1994).
    - ``cagr`` = (final / initial)^(1 / years) - 1, years of 365.25 days from the first to the last point.
    """

    days: int
    final_equity: float | None
    total_return: float | None
    max_drawdown: Drawdown | None
    sharpe: float | None
    sortino: float | None
    cagr: float | None
    unknown: Mapping[str, str]


def curve_statistics(
    times_ns: array[int], equity: array[float], initial_cash: Decimal, timezone: str
) -> CurveStatistics:
    """Figures over an equity curve of equal-length ``times_ns`` (UTC ns, ascending) and ``equity`` (money).

    ``timezone`` (IANA name) decides where a day ends. Raises ValueError on unequal lengths or cash not above zero.
    """
    if len(times_ns) != len(equity):
        raise ValueError(f"equity curve: {len(times_ns)} times but {len(equity)} values")
    start = float(initial_cash)
    if start <= 0:
        raise ValueError(f"initial cash {initial_cash} must be above zero")
    if not len(equity):
        names = ("final_equity", "total_return", "max_drawdown", "sharpe", "sortino", "cagr")
        return CurveStatistics(0, None, None, None, None, None, None, dict.fromkeys(names, "no equity points"))
    times, values = np.frombuffer(times_ns, dtype=np.int64), np.frombuffer(equity, dtype=np.float64)
    unknown: dict[str, str] = {}
    closes = daily_closes(times, values, timezone)
    sharpe, sortino = _risk_adjusted(np.concatenate(([start], closes)), unknown)
    final = float(values[-1])
    return CurveStatistics(
        days=len(closes),
        final_equity=final,
        total_return=final / start - 1,
        max_drawdown=max_drawdown(times, values, start),
        sharpe=sharpe,
        sortino=sortino,
        cagr=_growth(final / start, int(times[-1] - times[0]), len(closes), unknown),
        unknown=unknown,
    )


def max_drawdown(times: Ints, equity: Floats, initial_cash: float) -> Drawdown:
    """The deepest fall of a curve with at least one point; see `Drawdown`. ``initial_cash`` is above zero."""
    peaks = np.maximum(np.maximum.accumulate(equity), initial_cash)
    falls = peaks - equity
    ratios = falls / peaks
    trough = int(np.argmax(ratios))
    if ratios[trough] <= 0:
        return Drawdown(0.0, 0.0, None, None, None)
    peak = peaks[trough]
    at_peak = np.flatnonzero(equity[:trough] == peak)
    recovered = np.flatnonzero(equity[trough:] >= peak)
    return Drawdown(
        money=float(falls.max()),
        ratio=float(ratios[trough]),
        start_ns=int(times[at_peak[-1]]) if len(at_peak) else None,
        end_ns=int(times[trough]),
        recovery_ns=int(times[trough + recovered[0]]) if len(recovered) else None,
    )


def local_days(times: Ints, timezone: str) -> Ints:
    """Local calendar day of each instant, as days since 1970-01-01 in ``timezone``. Same shape as ``times``."""
    days: Ints = _local(times, timezone) // _DAY_NS
    return days


def local_hours(times: Ints, timezone: str) -> Ints:
    """Local clock hour of each instant, as hours since 1970-01-01 in ``timezone``. Same shape as ``times``."""
    hours: Ints = _local(times, timezone) // _HOUR_NS
    return hours


def _local(times: Ints, timezone: str) -> Ints:
    """Nanoseconds since the epoch as a local clock shows them."""
    # No zone shifts inside a UTC half hour, so one look-up serves all instants of it.
    half_hours, inverse = np.unique(times // _HALF_HOUR_NS, return_inverse=True)
    zone = ZoneInfo(timezone)
    offsets = [_offset_ns(int(half_hour) * _HALF_HOUR_NS, zone) for half_hour in half_hours]
    local: Ints = times + np.array(offsets, dtype=np.int64)[inverse]
    return local


def daily_closes(times: Ints, equity: Floats, timezone: str) -> Floats:
    """Last equity of each local day that has a point, in order."""
    days = local_days(times, timezone)
    last_of_day = np.append(np.flatnonzero(np.diff(days)), len(days) - 1)
    closes: Floats = equity[last_of_day]
    return closes


def buy_and_hold_return(first_and_last: Sequence[tuple[float, float]]) -> float | None:
    """Return of putting equal money into each symbol at its first price and holding to its last, without costs.

    Mean over symbols of last / first - 1; None without symbols or when a first price is not above zero.
    """
    if not first_and_last or any(first <= 0 for first, _ in first_and_last):
        return None
    return sum(last / first - 1 for first, last in first_and_last) / len(first_and_last)


def _offset_ns(time_ns: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(time_ns // NANOS, UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds()) * NANOS


def _risk_adjusted(closes: Floats, unknown: dict[str, str]) -> tuple[float | None, float | None]:
    """Sharpe and Sortino from daily closing equity, the initial cash first."""
    if len(closes) < 3:
        unknown["sharpe"] = unknown["sortino"] = "fewer than 2 days"
        return None, None
    if closes.min() <= 0:
        unknown["sharpe"] = unknown["sortino"] = "equity fell to zero or below"
        return None, None
    returns = closes[1:] / closes[:-1] - 1
    mean, scale = float(returns.mean()), math.sqrt(TRADING_DAYS_PER_YEAR)
    sharpe = sortino = None
    # Equal returns leave a spread of rounding noise, not of exactly zero.
    if np.ptp(returns) > 1e-12:
        sharpe = mean / float(returns.std(ddof=1)) * scale
    else:
        unknown["sharpe"] = "daily returns do not vary"
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    if downside > 0:
        sortino = mean / downside * scale
    else:
        unknown["sortino"] = "no losing day"
    return sharpe, sortino


def _growth(multiple: float, span_ns: int, days: int, unknown: dict[str, str]) -> float | None:
    if days < 2:
        unknown["cagr"] = "fewer than 2 days"
        return None
    if multiple <= 0:
        unknown["cagr"] = "equity fell to zero or below"
        return None
    try:
        return math.expm1(math.log(multiple) * _YEAR_NS / span_ns)
    except OverflowError:
        unknown["cagr"] = "too short a span to extrapolate to a year"
        return None
