"""One symbol with everything that a tick needs for it, laid out when a run begins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.decide.clock import Clock
from engine.decide.feeds import PortfolioFeed, PositionFeed
from engine.decide.portfolio import PositionKey
from engine.decide.symbol import SymbolState
from engine.plan.program import Watches
from engine.ruleset.rules import Strategy, TriggerKind


@dataclass(slots=True)
class Watch:
    """One strategy on one symbol, ready to be looked at: where its conditions stand and what triggers it."""

    strategy: Strategy
    slots: tuple[int, ...]
    bit: int
    kind: TriggerKind
    position_feed: PositionFeed | None
    position_key: PositionKey
    universe_slot: int | None


@dataclass(slots=True, eq=False)
class Desk:
    """One symbol with everything that a tick needs for it.

    ``watches``: the strategies that it triggers; ``first`` the slots of their first conditions, as one array;
    ``feeding`` those that read their own position; ``entry_watches`` the conditions of all of them.
    """

    state: SymbolState
    rank: int
    clock: Clock
    portfolio_feed: PortfolioFeed | None
    watches: list[Watch]
    first: np.ndarray
    feeding: list[Watch]
    has_frames: bool
    entry_watches: Watches
    computed_ns: int = -1
    version: int = -1  # of the account, when its facts were last brought up to date
