"""Leaderboards for tests: small ones made by hand, and the recorded ones beside the project."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from connectors.arena.board import Board, Row
from connectors.arena.keep import read_boards
from engine.market.events import NANOS
from engine.market.signals import MarketListing

DAY = 86_400 * NANOS
NOON = 1_774_000_000 * NANOS  # 2026-03-20, about 09:47 UTC

MakeBoard = Callable[..., Board]


@pytest.fixture
def make() -> MakeBoard:
    """``make([("a", "Org", 1500.4), ...], days=1)``: rows by falling score, with votes and Rank (UB) if given."""

    def board(rows: Sequence[tuple[Any, ...]], days: float = 0.0, **more: Any) -> Board:
        made = []
        for place, (model, organization, score, *rest) in enumerate(rows, 1):
            votes, rank_ub = (*rest, None, None)[:2]
            made.append(
                Row(model, organization, score, place, rank_ub or place, max(place, rank_ub or 1), score - 5, score + 5,
                    votes or 20_000)
            )  # fmt: skip
        return Board(tuple(made), NOON + int(days * DAY), **more)

    return board


@pytest.fixture
def listing() -> Callable[..., MarketListing]:
    """A market as the venue lists it."""

    def market(
        yes: str, ticker: str = "KXTOPMODEL-26MAR28-AAA", when: str = "Mar 28, 2026 at 10:00 AM ET", **more: Any
    ) -> MarketListing:
        rules = f"If {yes} is the top-ranked AI model on {when}, then the market resolves to Yes."
        told = {
            "title": "Top AI model this week?",
            "yes": yes,
            "rules": rules,
            "event": ticker.rpartition("-")[0],
            **more,
        }
        return MarketListing(ticker=ticker, series=ticker.partition("-")[0], open_ns=0, close_ns=NOON + 8 * DAY, **told)

    return market


@pytest.fixture(scope="session")
def recorded(shared_data: Path) -> list[Board]:
    """129 leaderboards of 2024-06 to 2026-04."""
    return read_boards(shared_data / "arena" / "leaderboard_snapshots.jsonl.gz")


@pytest.fixture(scope="session")
def real_page(shared_data: Path) -> str:
    """The page of 2026-05-07, whole."""
    with gzip.open(shared_data / "arena" / "leaderboard_page_2026-05-07_full.html.gz", "rt", encoding="utf-8") as page:
        return page.read()
