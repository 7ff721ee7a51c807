"""Prices from Polygon and orders to Tradier: what the settings may join, and the feed that joins the two."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest

pytest.importorskip("websockets")

from engine.cli.errors import UserError
from engine.cli.venues.joined import JoinedFeed
from engine.cli.venues.tradier import tradier_port
from engine.market.events import MarketEvent, Quote
from engine.market.venue import Batch, LinkDown, LinkUp, Missed, News
from engine.settings import Settings

LOCAL = "http://127.0.0.1:9"


class Told:
    """A feed that tells these batches, and then nothing."""

    def __init__(self, *batches: Batch) -> None:
        self._batches = list(batches)
        self.taker_rates: Mapping[str, Decimal] = {}

    async def batch(self) -> Batch:
        if not self._batches:
            await asyncio.Event().wait()
        return self._batches.pop(0)

    def pulse(self, now_ns: int) -> Sequence[MarketEvent]:
        return ()

    def behind(self) -> bool:
        return False

    def known(self) -> bool:
        return True

    def whole(self, now_ns: int) -> Sequence[MarketEvent]:
        return ()

    async def keep_terms(self, tell: Any) -> None: ...


def told(market: Sequence[Batch], account: Sequence[Batch]) -> list[Batch]:
    """What the joined feed tells of these."""

    async def listen() -> list[Batch]:
        async with JoinedFeed(Told(*market), Told(*account), lambda: 50) as feed:
            return [await feed.batch() for _ in range(len(market) + len(account))]

    return asyncio.run(listen())


def test_nothing_of_either_is_lost_and_the_link_is_up_while_both_are() -> None:
    quote = Quote("SPY", 40, 1.0, 1.0, 1.1, 1.0)
    market = [Batch(40, [quote], [LinkUp(40)]), Batch(60, [], [LinkDown(60, "gone")]), Batch(70, [], [LinkUp(70)])]
    account = [Batch(41, [], [LinkUp(41)]), Batch(61, [], [Missed(61, "a thing")])]
    found = told(market, account)
    assert [event for batch in found for event in batch.events] == [quote]
    news: list[News] = [one for batch in found for one in batch.news]
    assert sum(isinstance(one, Missed) for one in news) == 1
    ups = [index for index, one in enumerate(news) if isinstance(one, LinkUp)]
    downs = [index for index, one in enumerate(news) if isinstance(one, LinkDown)]
    assert len(ups) == len(downs) + 1, "it ends connected"
    assert all(batch.time_ns >= 50 for batch in found), "never behind the clock of the run"


def test_the_account_alone_is_not_a_connection() -> None:
    found = told([], [Batch(41, [], [LinkUp(41)])])
    assert [batch.news for batch in found] == [[]]


@pytest.mark.parametrize(
    ("tradier", "polygon", "said"),
    [
        ({"base_url": LOCAL}, {}, "only one of the two is a practice one"),
        ({}, {"base_url": LOCAL}, "only one of the two is a practice one"),
        ({}, {"delayed": True}, "15 minutes old"),
        ({}, {"api_key": None}, "AUTOTRADER__POLYGON__API_KEY"),
    ],
)
def test_what_cannot_be_joined_is_said(tradier: dict[str, Any], polygon: dict[str, Any], said: str) -> None:
    settings = Settings.model_validate({
        "tradier": {"access_token": "t", "account_id": "VA1", "market_data": "polygon", **tradier},
        "polygon": {"api_key": "k", **polygon},
    })  # fmt: skip
    with pytest.raises(UserError, match=said):
        tradier_port(settings)
