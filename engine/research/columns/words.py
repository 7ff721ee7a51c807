"""Why the machine gave up in the middle of a run, in words."""

from __future__ import annotations

from engine.research.columns.machine import layout

GAVE_UP = {
    layout.TOO_LARGE: "a size, a price or an amount of money is larger than the column engine counts exactly",
    layout.TOO_FINE: "a volume or a price has more decimals than the column engine counts exactly",
    layout.STALE: "a symbol was looked at between its own bars, while a higher bar of it or a `for` was under way",
    layout.LATE_LEGS: "an entry went on filling after one of its protective orders was over",
    layout.NO_TIME: "a `within`, a cooldown or a halt has an unknown length",
    layout.INEXACT: "a rule reads pnl.realized_today, and an average entry price has no end of decimals",
}
