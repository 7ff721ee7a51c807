"""REST against scripted answers and the practice vendor: paging, failures, and where the key goes."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.polygon.errors import (
    BadAnswer,
    BadKey,
    NotEntitled,
    NotFound,
    PolygonError,
    RateLimited,
    Refused,
    Unavailable,
)
from connectors.polygon.hosts import loopback_hosts, vendor_hosts
from connectors.polygon.http import PolygonHttp
from connectors.polygon.models import Aggregate, ContractSnapshot, IndexSnapshot, MarketStatus, read
from connectors.polygon.practice import market_clock
from connectors.polygon.rest import ChainFilter, PolygonRest
from connectors.transport.clock import Clock
from connectors.transport.loopback import HostError
from engine.market.meter import REQUESTS
from tests.connectors.polygon.conftest import DAY, OPEN_NS, Start

KEY = "very-secret-key"
MINUTE = 60_000_000_000
ROW = {"o": 1, "h": 2, "l": 1, "c": 2, "v": 10.5, "t": OPEN_NS // 1_000_000}


class Script:
    """Answers in order, and keeps what was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []
        self.slept: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def ask(self, work: Callable[[PolygonRest], Any], **options: Any) -> Any:
        async def run() -> Any:
            clock = replace(Clock(), sleep=self._sleep, jitter=lambda: 1.0)
            transport = httpx.MockTransport(self)
            async with PolygonHttp(vendor_hosts(), KEY, clock=clock, transport=transport, **options) as http:
                return await work(PolygonRest(http))

        return asyncio.run(run())


def said(body: Any, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, text=body if isinstance(body, str) else json.dumps(body), headers=headers)


async def minutes(rest: PolygonRest) -> list[Aggregate]:
    return [row async for row in rest.aggregates("SPY", OPEN_NS, OPEN_NS + 10 * MINUTE)]


def test_pages_are_followed_with_the_key_in_the_header_only_and_on_our_host_only() -> None:
    later = ROW | {"t": ROW["t"] + 60_000}
    script = Script(
        said({"status": "OK", "results": [ROW], "next_url": f"https://evil.example/v2/more?cursor=abc&apiKey={KEY}"}),
        said({"status": "OK", "results": [later]}),
    )
    rows = script.ask(minutes)
    assert [row.t for row in rows] == [ROW["t"], later["t"]]
    assert rows[0].v == Decimal("10.5")
    for request in script.asked:
        assert request.url.host == "api.massive.com"
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        assert KEY not in str(request.url)
    assert str(script.asked[1].url) == "https://api.massive.com/v2/more?cursor=abc"


def test_pages_that_go_round_in_circles_are_an_error() -> None:
    page = {"status": "OK", "results": [], "next_url": "https://api.massive.com/v2/more?cursor=abc"}
    with pytest.raises(BadAnswer, match="a page that was read already"):
        Script(said(page), said(page)).ask(minutes)


def test_no_results_is_an_empty_list() -> None:
    assert Script(said({"status": "DELAYED", "resultsCount": 0})).ask(minutes) == []


@pytest.mark.parametrize(
    ("answers", "tries"),
    [
        ([said({"error": "later"}, 503)], 2),
        ([said("<html>502</html>", 502), said("<html>maintenance</html>")], 3),
        ([httpx.ReadTimeout("slow"), httpx.ConnectError("refused")], 3),
        ([said("", 429)], 2),
    ],
)
def test_what_passes_is_asked_again(answers: Sequence[Any], tries: int) -> None:
    script = Script(*answers, said({"status": "OK", "results": [ROW]}))
    assert len(script.ask(minutes)) == 1
    assert len(script.asked) == tries


def test_too_many_requests_wait_as_long_as_the_vendor_says() -> None:
    script = Script(said("", 429, **{"Retry-After": "7"}), said({"status": "OK"}))
    script.ask(minutes)
    assert 7.0 in script.slept


def test_requests_are_counted_by_what_became_of_them() -> None:
    before = Counter(REQUESTS.counts())
    script = Script(said("", 429), said("", 503), httpx.ReadTimeout("slow"), said({"status": "OK"}), said("", 404))

    async def twice(rest: PolygonRest) -> None:
        await minutes(rest)
        with pytest.raises(NotFound):
            await minutes(rest)

    script.ask(twice)
    outcomes = ("limited", "failed", "no_answer", "ok", "refused")
    assert Counter(REQUESTS.counts()) - before == {("polygon", outcome): 1 for outcome in outcomes}


def test_a_plan_of_five_a_minute_is_kept_to() -> None:
    script = Script(*(said({"status": "OK"}) for _ in range(6)))

    async def six(rest: PolygonRest) -> None:
        for _ in range(6):
            await minutes(rest)

    script.ask(six, per_minute=5)
    assert len(script.slept) == 1 and 11 < script.slept[0] <= 12


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (401, {"status": "ERROR", "error": "Unknown API Key"}, BadKey, "AUTOTRADER__POLYGON__API_KEY"),
        (403, {"status": "NOT_AUTHORIZED", "message": "You are not entitled"}, NotEntitled, "not entitled"),
        (200, {"status": "NOT_AUTHORIZED", "message": "no plan"}, NotEntitled, "no plan"),
        (404, {"status": "NOT_FOUND", "message": "Ticker not found."}, NotFound, "Ticker not found."),
        (400, {"status": "ERROR", "error": "Could not parse from"}, Refused, "Could not parse from"),
        (429, "", RateLimited, "requests_per_minute"),
        (500, "", Unavailable, "without a reason"),
    ],
)
def test_every_failure_has_its_type_and_shows_no_key(
    status: int, body: Any, kind: type[PolygonError], words: str
) -> None:
    with pytest.raises(kind, match="GET /v2/aggs") as caught:
        Script(*(said(body, status) for _ in range(4))).ask(minutes)
    assert words in str(caught.value) and KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (ROW | {"o": "1"}, "results.0.o: must be a number, not '1'"),
        (ROW | {"c": 0}, "results.0.c: must be above zero"),
        ({k: v for k, v in ROW.items() if k != "h"}, "results.0.h: Field required"),
        (ROW | {"t": 1.5}, "results.0.t: must be a whole number"),
    ],
)
def test_a_wrong_field_is_named(row: Any, field: str) -> None:
    with pytest.raises(BadAnswer) as caught:
        Script(*(said({"status": "OK", "results": [row]}) for _ in range(4))).ask(minutes)
    assert field in str(caught.value)


def test_the_key_goes_to_the_vendor_or_to_this_machine_only() -> None:
    assert loopback_hosts("http://127.0.0.1:8801").stream == "ws://127.0.0.1:8801"
    for address in ("http://example.com:80", "https://127.0.0.1:1", "http://u:p@127.0.0.1:1", "http://127.0.0.1"):
        with pytest.raises(HostError):
            loopback_hosts(address)
    with pytest.raises(HostError):
        vendor_hosts("example.com")


def test_the_clock_of_a_delayed_plan_is_as_late_as_its_data() -> None:
    now, late = (asyncio.run(market_clock(vendor_hosts(), delayed=delayed)) for delayed in (False, True))
    assert abs(now.now_ns() - late.now_ns() - 15 * MINUTE) < MINUTE
    assert vendor_hosts(delayed=True).stream == "wss://delayed.massive.com"


def test_the_spec_s_own_examples_are_read(shared_data: Path) -> None:
    file = shared_data / "polygon" / "massive_rest_subset.json"
    if not file.is_file():
        pytest.skip("the vendor's specification is not here")
    paths = json.loads(file.read_text(), parse_float=Decimal)["paths"]

    def example(path: str) -> Any:
        return paths[path]["get"]["responses"]["200"]["content"]["application/json"]["example"]

    chain = example("/v3/snapshot/options/{underlyingAsset}")["results"]
    assert read(ContractSnapshot, chain[0], "spec").day.volume == 868
    aggs = example("/v2/aggs/ticker/{stocksTicker}/range/{multiplier}/{timespan}/{from}/{to}")["results"]
    assert read(Aggregate, aggs[0], "spec").o == Decimal("74.06")
    rows = [read(IndexSnapshot, row, "spec") for row in example("/v3/snapshot/indices")["results"]]
    assert [row.error for row in rows] == [None, "NOT_FOUND", "NOT_ENTITLED"]
    assert read(MarketStatus, example("/v1/marketstatus/now"), "spec").market == "extended-hours"


def test_the_practice_vendor_is_read_whole(start: Start) -> None:
    with start(OPEN_NS + 100 * MINUTE, refused=frozenset({"I:NDX"})) as practice:

        async def look() -> None:
            rest = practice.rest()
            async with rest.http:
                rows = [row async for row in rest.aggregates("I:SPX", OPEN_NS, OPEN_NS + 100 * MINUTE)]
                assert len(rows) == 100 and rows[0].v is None
                near = ChainFilter(DAY, DAY, Decimal(500), Decimal(700))
                chain = await rest.chain("SPY", near)
                assert {row.details.expiration_date for row in chain} == {DAY}
                assert len(chain) == 82
                everything = await rest.chain("SPY")
                assert len(everything) > 250, "more than one page"
                assert len({row.details.ticker for row in everything}) == len(everything)
                assert len(await rest.contracts("SPX")) == len(everything)
                assert [row.ticker for row in await rest.tickers(market="indices")] == ["I:NDX", "I:SPX"]
                assert (await rest.market_status()).market == "open"
                assert await rest.holidays() == []
                values = {row.ticker: row for row in await rest.indices(["I:SPX", "I:NDX", "I:NONE"])}
                assert values["I:SPX"].value and values["I:NDX"].error == "NOT_ENTITLED"
                assert values["I:NONE"].error == "NOT_FOUND"
                quote = await rest.last_quote("SPY")
                assert quote.bid is not None and quote.ask is not None and quote.bid < quote.ask
                with pytest.raises(NotEntitled):
                    await rest.chain("I:NDX")
                assert [row async for row in rest.aggregates("NONE", OPEN_NS, OPEN_NS + MINUTE)] == []

        asyncio.run(look())
