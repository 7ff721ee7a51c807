"""``engine fee``: the fee of a trade, from the formula or with what a venue says of a series."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

Cli = Callable[..., Any]


def test_ten_contracts_at_fifty_cents(engine_cli: Cli) -> None:
    answer = engine_cli("fee", "kalshi", "50", "10")
    assert answer.code == 0
    assert answer.out.splitlines()[0] == "10 × $0.5000, taker: fee $0.1750, $0.0175 per contract"
    assert "quadratic × 1; series differ" in answer.out


@pytest.mark.parametrize(
    ("arguments", "fee", "in_cents"),
    [
        (["50", "10"], "0.1750", "0.1800"),
        (["0.50", "10"], "0.1750", "0.1800"),
        (["$0.5", "10"], "0.1750", "0.1800"),
        (["52.5", "1"], "0.0175", "0.0250"),
        (["25", "100"], "1.3125", "1.3200"),
        (["1", "0.01"], "0.0001", "0.0099"),
        (["50", "10", "--maker"], "0.0000", "0.0000"),
    ],
)
def test_prices_are_cents_from_one_and_dollars_below(
    engine_cli: Cli, arguments: list[str], fee: str, in_cents: str
) -> None:
    found = json.loads(engine_cli("fee", "kalshi", *arguments, "--json").out)
    assert (found["fee"], found["fee_in_whole_cents"]) == (fee, in_cents)
    assert (found["series"], found["fee_type"], found["fee_multiplier"]) == (None, "quadratic", "1")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["kalshi", "100", "1"], 2, "PRICE is from 1 to 99.99 cents"),
        (["kalshi", "0", "1"], 2, "PRICE is from 1 to 99.99 cents"),
        (["kalshi", "half", "1"], 2, "PRICE must be a decimal number"),
        (["kalshi", "50.001", "1"], 2, "at most four decimals"),
        (["kalshi", "50", "0"], 2, "COUNT is contracts, more than 0"),
        (["kalshi", "50", "-3"], 2, "COUNT is contracts, more than 0; -3 is not"),
        (["kalshi", "-0.5", "3"], 2, "PRICE is from 1"),
        (["kalshi", "50", "3", "--makr"], 2, "--maker"),
        (["kalshi", "50", "many"], 2, "COUNT must be a decimal number"),
        (["nowhere", "50", "1"], 2, "kalshi"),
        (["kalshi", "50", "1", "--exchange", "http://127.0.0.1:1"], 2, "add --series"),
        (["kalshi", "50", "1", "--series", "S", "--exchange", "http://example.com:1"], 2, "of this machine"),
        (["kalshi", "50", "1", "--series", "S", "--exchange", "http://127.0.0.1:1"], 3, "no connection to 127.0.0.1:1"),
    ],
)  # fmt: skip
def test_a_mistake_gets_one_clear_line(engine_cli: Cli, arguments: list[str], code: int, words: str) -> None:
    answer = engine_cli("fee", *arguments)
    assert (answer.code, answer.out) == (code, "")
    assert words in answer.err and answer.err.count("\n") == 1


SERIES = {
    "frequency": "weekly", "title": "T", "category": "AI", "categories": ["AI"], "tags": None,
    "settlement_sources": [], "contract_url": "", "contract_terms_url": "", "additional_prohibitions": [],
}  # fmt: skip
FEES = {"MAKERS": ("quadratic_with_maker_fees", 0.5), "FLAT": ("flat", 1)}


class Venue(BaseHTTPRequestHandler):
    """Knows two series."""

    def do_GET(self) -> None:
        ticker = self.path.removeprefix("/trade-api/v2/series/")
        known = ticker in FEES
        body: dict[str, Any] = {"error": {"code": "not_found", "message": "not found"}}
        if known:
            kind, multiplier = FEES[ticker]
            body = {"series": {**SERIES, "ticker": ticker, "fee_type": kind, "fee_multiplier": multiplier}}
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def venue() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Venue)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_venue_is_asked_what_a_series_charges(engine_cli: Cli, venue: str) -> None:
    asked = ["fee", "kalshi", "50", "100", "--maker", "--series", "MAKERS", "--exchange", venue]
    assert json.loads(engine_cli(*asked, "--json").out)["fee"] == "0.2188"
    assert f"as {venue}/trade-api/v2 says of series MAKERS" in engine_cli(*asked).out


def test_the_exchange_of_the_settings_is_asked(engine_cli: Cli, venue: str) -> None:
    said = {"AUTOTRADER__KALSHI__BASE_URL": venue}
    answer = engine_cli("fee", "kalshi", "50", "100", "--maker", "--series", "MAKERS", "--json", env=said)
    found = json.loads(answer.out)
    assert (found["fee"], found["asked"]) == ("0.2188", f"{venue}/trade-api/v2")


def test_a_silent_exchange_is_named_with_the_mend(engine_cli: Cli) -> None:
    said = {"AUTOTRADER__KALSHI__BASE_URL": "http://127.0.0.1:1"}
    answer = engine_cli("fee", "kalshi", "50", "1", "--series", "S", env=said)
    assert answer.code == 3
    assert "no connection to 127.0.0.1:1" in answer.err and "engine simulate kalshi" in answer.err


def test_a_fee_without_a_formula_is_no_zero(engine_cli: Cli, venue: str) -> None:
    answer = engine_cli("fee", "kalshi", "50", "1", "--series", "FLAT", "--exchange", venue)
    assert answer.code == 2 and "do not trade this market" in answer.err


def test_a_series_that_is_not_there(engine_cli: Cli, venue: str) -> None:
    answer = engine_cli("fee", "kalshi", "50", "1", "--series", "NONE", "--exchange", venue)
    assert answer.code == 3 and "404 not_found" in answer.err
