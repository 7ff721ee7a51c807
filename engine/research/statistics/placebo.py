"""The strategy against placebos of itself: the same events with the sign of each result drawn by a coin."""

from __future__ import annotations

import numpy as np

from engine.research.statistics.bootstrap import MIN_EVENTS
from engine.research.statistics.draws import signs
from engine.research.statistics.events import EventResults

DRAWS = 2_000


def placebo_p_value(events: EventResults, seed: int, draws: int = DRAWS) -> float | None:
    """Share of placebos that do at least as well as the strategy: (1 + #{s* >= s}) / (1 + draws), so never zero.

    A placebo flips the sign of each event's net result with chance 1/2; s is the sum. The sum of squares is that of the
    strategy, so s orders placebos as Student's t does, which keeps the test fair for results of unequal size. None
    below `MIN_EVENTS` events or where nothing was won or lost. R. A. Fisher, "The Design of Experiments", 1935, section
    21; B. Phipson and G. Smyth, Statistical Applications in Genetics and Molecular Biology 9(1), 2010 (the added ones).
    """
    size = float(np.abs(events.net).sum())
    if len(events.net) < MIN_EVENTS or not size > 0:
        return None
    own = float(events.net.sum())
    as_good = 0
    for drawn in signs(len(events.net), draws, seed):
        # A hair's breadth below counts as equal: sums of the same numbers in another order differ by rounding.
        as_good += int((drawn @ events.net >= own - 1e-12 * size).sum())
    return (1 + as_good) / (1 + draws)
