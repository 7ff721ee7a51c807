"""`engine flatten` where a venue lets few requests through and many entries rest: what reduces goes first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn")

from connectors.simulators.files import write_private
from connectors.simulators.kalshi.core.order import NewOrder
from connectors.simulators.kalshi.core.units import parse_count, parse_price
from connectors.simulators.kalshi.server import Practice as KalshiPractice
from connectors.simulators.kalshi.server import PracticeServer as KalshiServer
from connectors.simulators.kalshi.server import Setup as KalshiSetup
from connectors.simulators.kalshi.venue import Options as KalshiOptions
from connectors.simulators.tradier.core.orders import Price
from connectors.simulators.tradier.server import ACCOUNT, Practice, PracticeServer, Setup, start_of
from connectors.simulators.tradier.venue import Options

ENTRIES = 70  # of 60 requests a minute
SPEED = 30.0
WINDOW_NS = 60 * 10**9
TICKER = "KXT-26-A"
BOOK = {"yes_dollars": [["0.4000", "10.00"]], "no_dollars": [["0.5500", "10.00"]]}
MARKETS = {
    "markets": [{"ticker": TICKER, "event_ticker": "KXT-26", "status": "active", "orderbook_fp": BOOK}],
}


@pytest.fixture
def tradier() -> Iterator[PracticeServer]:
    """A practice Tradier with 20 SPY held, a stop and a target for them, and entries that rest, half of them brackets
    whose legs sleep."""

    def act(practice: Practice) -> None:
        venue = practice.venue
        venue.director.hold("SPY", Price(Decimal("600.00"), Decimal("600.05"), Decimal(600), Decimal(1000)))
        leg = {"symbol": "SPY", "quantity": "20", "duration": "gtc"}
        sell = {f"{name}[{n}]": value for n in (0, 1) for name, value in {**leg, "side": "sell"}.items()}
        part = {"symbol": "SPY", "quantity": "1", "duration": "day"}
        bracket = {f"{name}[{n}]": value for n in (0, 1, 2) for name, value in part.items()}
        bracket |= {"side[0]": "buy", "type[0]": "limit", "price[0]": "500", "side[1]": "sell", "type[1]": "stop",
            "stop[1]": "450", "side[2]": "sell", "type[2]": "limit", "price[2]": "550"}  # fmt: skip
        single = {"class": "equity", **part, "side": "buy", "type": "limit", "price": "500"}
        forms = [
            {"class": "equity", **part, "quantity": "20", "side": "buy", "type": "limit", "price": "600.10"},
            {"class": "oco", "tag": "held", **sell, "type[0]": "stop", "stop[0]": "590", "type[1]": "limit",
             "price[1]": "640"},
            *({"class": "otoco", **bracket, "tag": f"e-{n}"} if n % 2 else {**single, "tag": f"e-{n}"}
              for n in range(ENTRIES)),
        ]  # fmt: skip
        for form in forms:
            venue.exchange.place(form, venue.now())

    options = Options(cash=Decimal(1_000_000), read_lag_ms=60)
    with PracticeServer(Practice(Setup(start_of(date(2026, 11, 20), -10), SPEED, options))) as server:
        server.do(act)
        yield server


def test_on_tradier_it_is_flat_before_the_first_of_many_entries_is_cancelled(
    tradier: PracticeServer, tmp_path: Path, engine_cli: Callable[..., Any]
) -> None:
    prefix = "AUTOTRADER__TRADIER__"
    environment = {
        f"{prefix}ACCESS_TOKEN": tradier.practice.token, f"{prefix}ACCOUNT_ID": ACCOUNT,
        f"{prefix}BASE_URL": tradier.url,
    }  # fmt: skip
    done = engine_cli("flatten", "--venue", "tradier", cwd=tmp_path, env=environment)
    assert (done.code, "closed 20 SPY" in done.out) == (0, True), done.out + done.err
    assert "the venue lets no more requests through for now" in done.err

    exchange = tradier.practice.venue.exchange
    assert not exchange.held and all(order.over for order in exchange.orders.values())
    flat_ns = exchange.trades[-1].time_ns
    ended = sorted(o.changed_ns for o in exchange.orders.values() if o.tag.startswith("e-"))
    assert flat_ns < ended[0] and ended[-1] - ended[0] > WINDOW_NS / 2, "cancels go on in the next window"


def test_on_kalshi_it_is_flat_before_the_first_of_many_entries_is_cancelled(
    tmp_path: Path, engine_cli: Callable[..., Any]
) -> None:
    with KalshiServer(KalshiPractice(KalshiSetup(KalshiOptions(seed=1), markets=MARKETS, trader_rate=0))) as server:
        made = server.do(lambda practice: practice.make_key("ed25519"))
        write_private(tmp_path / "key.pem", made.pem)

        def act(practice: KalshiPractice) -> None:
            exchange = practice.venue.exchange
            for side, price, count in [("bid", "0.45", "3"), ("ask", "0.90", "3"), *[("bid", "0.10", "1")] * 140]:
                wanted = NewOrder(TICKER, side, parse_count(count), parse_price(price))
                exchange.place(made.user, wanted, practice.venue.now())

        server.do(act)
        prefix = "AUTOTRADER__KALSHI__"
        environment = {
            f"{prefix}API_KEY_ID": made.key_id, f"{prefix}PRIVATE_KEY_PATH": str(tmp_path / "key.pem"),
            f"{prefix}BASE_URL": server.rest_url.removesuffix("/trade-api/v2"),
        }  # fmt: skip
        done = engine_cli("flatten", cwd=tmp_path, env=environment)
        assert (done.code, f"closed 3 {TICKER}" in done.out) == (0, True), done.out + done.err
        mine = [o for o in server.practice.venue.exchange.floor.orders.values() if o.user == made.user]
        assert not any(order.resting for order in mine) and len(mine) == 143
        closing = mine[-1]
        assert closing.created_ns < min(o.updated_ns for o in mine[2:142])
