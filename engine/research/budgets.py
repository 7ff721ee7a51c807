"""Whether rules fired as often as their pack expects (``expect: {cross: 0..3/day}``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

import numpy as np

from engine.research.statistics import Ints, local_days, local_hours
from engine.ruleset.rules import FiringBudget, Ruleset

_EPOCH = date(1970, 1, 1)
_EPOCH_MONDAY = -3  # the Monday before the epoch, in days since it


def outside_budget(ruleset: Ruleset, fired: Mapping[str, Sequence[int]], times: Sequence[int]) -> dict[str, int]:
    """Remarks on rules that fired less or more often than expected, each with how many periods it concerns. Hours, days
    and weeks are those of the pack's timezone.

    ``fired``: instants (UTC ns) by rule key; ``times``: all instants that were looked at, in order.
    """
    found: dict[str, int] = {}
    seen = np.asarray(times, dtype=np.int64)
    for pack in ruleset.packs.values():
        for rule, budget in pack.expect.items() if len(seen) else ():
            periods = _PERIODS[budget.per]
            counts = Counter(periods(np.asarray(fired.get(rule, ()), dtype=np.int64), pack.timezone).tolist())
            looked = np.unique(periods(seen, pack.timezone)).tolist()
            odd = {p: counts[p] for p in looked if not _within(counts[p], budget)}
            if odd:
                worst = max(odd, key=lambda p: abs(odd[p] - budget.low) + abs(odd[p] - budget.high))
                what = f"{budget.low}..{budget.high}/{budget.per}"
                when = _named(worst, budget.per)
                found[f"{rule} is expected to fire {what}; {when} it fired {odd[worst]} times"] = len(odd)
    return found


def _within(count: int, budget: FiringBudget) -> bool:
    return budget.low <= count <= budget.high


def _weeks(times: Ints, timezone: str) -> Ints:
    weeks: Ints = (local_days(times, timezone) - _EPOCH_MONDAY) // 7
    return weeks


_PERIODS: Mapping[str, Callable[[Ints, str], Ints]] = {"hour": local_hours, "day": local_days, "week": _weeks}


def _named(period: int, per: str) -> str:
    match per:
        case "hour":
            return f"on {_EPOCH + timedelta(days=period // 24)} from {period % 24:02}:00"
        case "week":
            return f"in the week of {_EPOCH + timedelta(days=period * 7 + _EPOCH_MONDAY)}"
        case _:
            return f"on {_EPOCH + timedelta(days=period)}"
