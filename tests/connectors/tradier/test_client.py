"""The client against the practice Tradier over real sockets, and against answers of the kinds that Tradier gives."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import date
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.tradier.client import TradierRest
from connectors.tradier.errors import (
    AlreadyFinal,
    BadAnswer,
    NoSuchOrder,
    NotAuthorized,
    NotSent,
    OrderRefused,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    Unavailable,
)
from connectors.tradier.hosts import loopback_hosts
from connectors.tradier.orders import Action, Duration, OptionLeg, Part, Type, multileg, oco, otoco, single
from connectors.transport.clock import Clock
from connectors.transport.loopback import HostError
from connectors.transport.turns import asking
from engine.market.meter import REQUESTS
from engine.market.venue import Outcome, Urgency
from tests.connectors.steps import Steps

EXAMPLES = Path("../shared/data/tradier/examples")


def run(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(work())


def limit(symbol: str, side: Action, quantity: int, price: str, **more: Any) -> Part:
    return Part(symbol, side, quantity, Type.LIMIT, D(price), **more)


async def nothing(seconds: float) -> None:
    pass


def passing() -> Clock:
    """A clock on which time passes by waiting alone."""
    now = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    return Clock(monotonic=lambda: now, sleep=sleep)


def answering(*answers: tuple[int, str], clock: Clock | None = None) -> tuple[TradierRest, list[httpx.Request]]:
    """A client whose requests get these answers in turn, the last one for ever."""
    asked: list[httpx.Request] = []
    left = list(answers)

    def act(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        status, text = left.pop(0) if len(left) > 1 else left[0]
        return httpx.Response(status, text=text)

    rest = TradierRest(
        loopback_hosts("http://127.0.0.1:1"), "secret-token", "sandbox", "VA1", transport=httpx.MockTransport(act),
        clock=clock or passing(),
    )  # fmt: skip
    return rest, asked


def test_market_data(desk: Any) -> None:
    async def work() -> None:
        async with desk.client() as rest:
            quotes = await rest.quotes(["SPY", "NOPE"])
            assert quotes.unknown == ("NOPE",)
            assert quotes.found["SPY"].bid_size % 100 == 0  # told in hundreds, and read as shares
            clock = await rest.clock()
            assert (clock.state, clock.next_state, clock.next_change) == ("open", "postmarket", "16:00")
            days = {day.date: day for day in await rest.calendar(2026, 11)}
            assert days[date(2026, 11, 26)].open is None  # Thanksgiving
            half = days[date(2026, 11, 27)].open
            assert (half.end_ns - half.start_ns) // 10**9 == 3.5 * 3600
            expiries = await rest.expirations("SPY", strikes=True)
            chain = await rest.chain("SPY", expiries[0].date)
            assert {q.contract.type for q in chain} == {"call", "put"}
            assert all(-1 <= q.contract.greeks.delta <= 1 for q in chain)
            assert await rest.strikes("SPY", expiries[0].date) == list(expiries[0].strikes)
            bars = await rest.timesales("SPY", open_only=True)
            assert len(bars) == 10 and bars[1].start_ns - bars[0].start_ns == 60 * 10**9
            assert all(bar.low <= bar.open <= bar.high for bar in bars)
            assert (await rest.history("SPY", start=date(2026, 11, 20)))[0].date == date(2026, 11, 20)
            assert await rest.timesales("NOPE") == [] and await rest.history("NOPE") == []
            assert (await rest.profile()).accounts[0].number == "VA00000001"

    run(work)


def test_a_bracket_from_preview_to_its_end(desk: Any) -> None:
    desk.quote("SPY", "500.00", "500.02")

    async def work() -> None:
        async with desk.client() as rest:
            form = otoco(
                limit("SPY", Action.BUY, 10, "500.02"), limit("SPY", Action.SELL, 10, "502", duration=Duration.GTC),
                Part("SPY", Action.SELL, 10, Type.STOP, stop=D(498), duration=Duration.GTC), tag="e-1",
            )  # fmt: skip
            assert (await rest.preview(form)).good and await rest.orders() == []
            made = await rest.place(form)
            (root,) = await rest.orders()
            assert (root.id, root.tag, root.order_class, root.side) == (made.id, "e-1", "otoco", "")
            assert [(leg.status, leg.executed) for leg in root.legs] == [("filled", 10), ("open", 0), ("open", 0)]
            assert [(p.symbol, p.quantity, p.cost) for p in await rest.positions()] == [("SPY", 10, D("5000.2"))]
            stop = root.legs[2]
            await rest.modify(stop.id, stop=D(499))
            assert (await rest.order(stop.id)).stop == 499
            desk.quote("SPY", "498.90", "498.92")
            done = await rest.order(made.id)
            assert [leg.status for leg in done.legs] == ["filled", "canceled", "filled"] and done.status == "filled"
            assert done.legs[2].average == D("498.9")
            assert await rest.positions() == []
            assert (await rest.balances()).total_cash == D("99988.8")
            with pytest.raises(AlreadyFinal) as found:
                await rest.cancel(made.id)
            assert found.value.state == "filled" and found.value.meaning is Outcome.GONE

    run(work)


def test_option_and_spread_orders(desk: Any) -> None:
    async def work() -> None:
        async with desk.client() as rest:
            expiry = (await rest.expirations("SPY"))[2].date
            calls = [q for q in await rest.chain("SPY", expiry, greeks=False) if q.contract.type == "call"][10:12]
            first, second = calls
            buy = Part("SPY", Action.BUY_TO_OPEN, 1, Type.LIMIT, first.ask, option=first.symbol)
            await rest.place(single(buy, "o-1"))
            legs = [OptionLeg(Action.SELL_TO_CLOSE, 1, first.symbol), OptionLeg(Action.BUY_TO_OPEN, 1, second.symbol)]
            await rest.place(multileg("SPY", legs, Type.MARKET, None, Duration.DAY, "m-1"))
            assert {p.symbol: p.quantity for p in await rest.positions()} == {second.symbol: 1}
            spread = (await rest.orders())[1]
            assert spread.order_class == "multileg" and [leg.status for leg in spread.legs] == ["filled", "filled"]

    run(work)


def test_more_orders_than_a_page_shows_by_default(desk: Any) -> None:
    async def work() -> None:
        async with desk.client() as rest:
            for number in range(30):
                await rest.place(single(limit("F", Action.BUY, 1, "1"), f"n-{number}"))
            assert [order.tag for order in await rest.orders()] == [f"n-{number}" for number in range(30)]
            plain = await rest.http.read("/accounts/VA00000001/orders")
            assert len(plain["orders"]["order"]) == 25 and "tag" not in plain["orders"]["order"][0]

    run(work)


def test_refusals_say_why_and_prove_that_nothing_was_done(desk: Any) -> None:
    desk.quote("SPY", "500.00", "500.02")

    async def work() -> None:
        async with desk.client() as rest:
            with pytest.raises(OrderRefused) as found:
                await rest.place(single(limit("SPY", Action.SELL, 1, "510")))
            assert found.value.reasons == ("UnexpectedSellOrder",)
            with pytest.raises(OrderRefused) as found:
                await rest.place(single(limit("SPY", Action.BUY, 1_000_000, "500")))
            assert found.value.reasons == ("Backoffice rejected override of the order.", "InitialMargin")
            with pytest.raises(RequestRefused, match="tag: contains invalid characters"):
                await rest.place({**single(limit("SPY", Action.BUY, 1, "400")), "tag": "a_b"})
            with pytest.raises(NoSuchOrder):
                await rest.order("7")
            assert await rest.orders() == []
        async with desk.client(token="wrong") as rest:
            with pytest.raises(NotAuthorized, match=r"access_token and tradier\.environment"):
                await rest.balances()

    run(work)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Part("SPY", Action.BUY, 0),
        lambda: Part("SPY", Action.BUY, 1, Type.LIMIT),
        lambda: Part("SPY", Action.BUY_TO_OPEN, 1),
        lambda: Part("SPY", Action.BUY, 1, duration=Duration.GTC),
        lambda: Part("SPY", Action.BUY, 1, Type.STOP, stop=D(1), duration=Duration.PRE),
        lambda: oco(limit("A", Action.SELL, 1, "2"), limit("A", Action.SELL, 1, "3")),
        lambda: oco(limit("A", Action.SELL, 1, "2"), Part("B", Action.SELL, 1, Type.STOP, stop=D(1))),
        lambda: otoco(Part("A", Action.BUY, 1), limit("A", Action.SELL, 1, "2"), limit("A", Action.SELL, 1, "2")),
        lambda: single(limit("A", Action.BUY, 1, "1"), "under_score"),
    ],
)
def test_what_no_market_takes_is_not_even_sent(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError):
        make()


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (401, '{"fault":{"faultstring":"Access Token expired","detail":{"errorcode":"x"}}}', NotAuthorized),
        (429, "Quota Violation. Expiry 1369168800001", RateLimited),
        (200, "Quota Violation. Expiry 1369168800001", RateLimited),
        (200, '{"errors":{"error":["Backoffice rejected override of the order.","InitialMargin"]}}', OrderRefused),
        (200, '{"errors":{"error":"OmsUnavailable"}}', OrderRefused),
        (400, "Invalid parameter, duration: gtx.", RequestRefused),
        (401, "Unauthorized Account: VA1", NoSuchOrder),
        (400, "order already in finalized state: canceled", AlreadyFinal),
        (502, "<html>Bad Gateway</html>", OutcomeUnknown),
        (200, "<html>maintenance</html>", OutcomeUnknown),
        (404, "<html>gone</html>", OutcomeUnknown),
        (500, '{"fault":{"faultstring":"Datastore Error"}}', OutcomeUnknown),
        (200, '{"order":{"status":"ok"}}', OutcomeUnknown),
        (200, '{"order":', OutcomeUnknown),
    ],
)
def test_what_an_answer_to_an_order_proves(status: int, text: str, kind: type[Exception]) -> None:
    rest, asked = answering((status, text))
    with pytest.raises(kind) as found:
        run(lambda: rest.place(single(limit("SPY", Action.BUY, 1, "1"), "t-1")))
    assert type(found.value) is kind
    assert len(asked) == 1  # an order is never sent again
    assert "secret-token" not in str(found.value)


def test_reads_are_repeated_and_writes_are_not() -> None:
    rest, asked = answering((502, "<html>"), (200, "<html>"), (200, '{"positions":"null"}'))
    assert run(rest.positions) == []
    assert len(asked) == 3
    rest, asked = answering((503, "busy"))
    with pytest.raises(Unavailable):
        run(rest.positions)
    assert len(asked) == 3
    assert asked[0].headers["Accept"] == "application/json"


def test_requests_are_counted_by_what_became_of_them() -> None:
    answers = [(429, "Quota Violation. Expiry 1"), (503, "busy"), (200, '{"positions":"null"}'), (400, "wrong")]
    rest, _ = answering(*answers)
    before = Counter(REQUESTS.counts())
    assert run(rest.positions) == []
    with pytest.raises(RequestRefused):
        run(rest.positions)
    outcomes = ("limited", "failed", "ok", "refused")
    assert Counter(REQUESTS.counts()) - before == {("tradier", outcome): 1 for outcome in outcomes}


def test_a_request_without_an_answer_is_counted() -> None:
    def fails(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow")

    rest = TradierRest(
        loopback_hosts("http://127.0.0.1:1"), "secret-token", "sandbox", "VA1", transport=httpx.MockTransport(fails),
        clock=Clock(sleep=nothing),
    )  # fmt: skip
    before = Counter(REQUESTS.counts())
    with pytest.raises(OutcomeUnknown):
        run(lambda: rest.place(single(limit("SPY", Action.BUY, 1, "1"), "t-1")))
    assert Counter(REQUESTS.counts()) - before == {("tradier", "no_answer"): 1}


def test_a_field_that_cannot_be_read_is_named() -> None:
    rest, _ = answering((200, '{"positions":{"position":{"symbol":"SPY","quantity":"many","cost_basis":1}}}'))
    with pytest.raises(BadAnswer, match=r"positions\.position\.quantity is 'many' and no number"):
        run(rest.positions)
    rest, _ = answering((200, '{"nothing":1}'))
    with pytest.raises(BadAnswer, match="no `positions`"):
        run(rest.positions)


def test_the_rate_window_is_kept_before_the_venue_has_to_refuse() -> None:
    steps = Steps()
    rest, asked = answering((200, '{"positions":"null"}'), clock=Clock(monotonic=steps.monotonic, sleep=steps.sleep))

    async def positions() -> None:
        for _ in range(43):
            await rest.positions()

    async def work() -> None:
        reading = asyncio.create_task(positions())
        await steps.to(59.0)
        assert len(asked) == 42  # of 60: the others are kept for what is more urgent
        await steps.to(60.0)
        await reading
        assert len(asked) == 43

    run(work)
    rest, asked = answering((200, '{"order":{"id":1,"status":"ok"}}'))

    async def orders() -> None:
        with asking(Urgency.REDUCE):
            for _ in range(61):
                await rest.place(single(limit("SPY", Action.BUY, 1, "1")))

    with pytest.raises(RateLimited):
        run(orders)
    assert len(asked) == 60  # the last was not sent: it would have had to wait longer than an order may


def test_nobody_listens() -> None:
    async def work() -> None:
        async with TradierRest(loopback_hosts("http://127.0.0.1:1"), "t", "sandbox", "VA1") as rest:
            await rest.place(single(limit("SPY", Action.BUY, 1, "1")))

    with pytest.raises(NotSent, match="engine simulate tradier"):
        run(work)


def test_tokens_go_to_this_machine_only() -> None:
    for address in ("http://example.com:80", "https://127.0.0.1:1", "http://127.0.0.1", "http://a@127.0.0.1:1"):
        with pytest.raises(HostError):
            loopback_hosts(address)


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the published examples are not on this machine")
def test_published_examples_are_read() -> None:
    def body(name: str) -> str:
        return json.dumps(json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))["body"])

    rest, _ = answering((200, body("orders_list")))
    assert [order.id for order in run(rest.orders)][:2] == ["228175", "228749"]
    rest, _ = answering((200, body("orders_single_is_object")))
    assert run(rest.orders)[0].average == D("115.83")
    rest, _ = answering((200, body("orders_empty")))
    assert run(rest.orders) == []
    rest, _ = answering((200, body("oco_parent_observed_shape")))
    parent = run(lambda: rest.order("16710952"))
    assert (parent.side, parent.tag, [leg.status for leg in parent.legs]) == ("", "my-tag", ["filled", "canceled"])
    rest, _ = answering((200, body("balances_margin")))
    assert run(rest.balances).stock_power == D("12727.72")
    rest, _ = answering((200, body("quotes_premarket_null_ohlc")))
    quote = run(lambda: rest.quotes(["AMZN"])).found["AMZN"]
    assert quote.open is None and quote.bid_size == 200
    rest, _ = answering((200, body("timesales_empty")))
    assert run(lambda: rest.timesales("SPY")) == []
