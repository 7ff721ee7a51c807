"""Listings, simulated traders, results and tapes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from connectors.simulators.kalshi.clock import SteppedClock
from connectors.simulators.kalshi.core.model import MarketStatus
from connectors.simulators.kalshi.core.units import NANOS, parse_time
from connectors.simulators.kalshi.listings import made_up, many
from connectors.simulators.kalshi.scenario import ScenarioError, read_scenario
from connectors.simulators.kalshi.server import Practice, Setup
from connectors.simulators.kalshi.venue import Options
from connectors.simulators.kalshi.world.tape import TapeError, read_tape

START = parse_time("2026-11-02T15:00:00Z")
HOUR = 3600 * NANOS


def lively(seed: int, **more: Any) -> Practice:
    return Practice(Setup(Options(seed=seed), SteppedClock(START), **more))


def story(practice: Practice) -> list[tuple[str, int, int, int]]:
    return [(t.ticker, t.price, t.count, t.time_ns) for t in practice.venue.floor.trades]


def test_books_move_and_stay_whole_with_traders() -> None:
    practice = lively(seed=4)
    floor = practice.venue.floor
    opened = {ticker: (market.book.bid, market.book.ask) for ticker, market in floor.markets.items()}
    assert all(bid and ask and bid < ask for bid, ask in opened.values())
    practice.director.step(HOUR // 12)
    moved = [t for t, market in floor.markets.items() if (market.book.bid, market.book.ask) != opened[t]]
    assert len(moved) > len(floor.markets) / 2
    assert len({ticker for ticker, *_ in story(practice)}) == len(floor.markets)
    accounts = practice.venue.exchange.accounts
    assert sum(accounts.cash.values()) + accounts.house + accounts.fees == accounts.deposited
    for market in floor.markets.values():
        assert market.book.bid is None or market.book.ask is None or market.book.bid < market.book.ask


def test_the_seed_decides_the_story_and_steps_do_not() -> None:
    whole, parts, other = lively(seed=4), lively(seed=4), lively(seed=5)
    whole.director.step(120 * NANOS)
    for _ in range(12):
        parts.director.step(10 * NANOS)
    other.director.step(120 * NANOS)
    assert story(whole) == story(parts) != story(other)


def test_two_sides_of_a_match_stay_about_a_dollar() -> None:
    practice = lively(seed=6)
    practice.director.step(HOUR // 12)
    assert practice.director.crowd is not None
    books = practice.director.crowd.books
    pair = [book.fair for ticker, book in books.items() if ticker.startswith("KXWTAMATCH")]
    assert sum(pair) == pytest.approx(1.0, abs=0.02)


def test_a_file_may_say_what_a_market_comes_to_and_no_reader_sees_it_before() -> None:
    for result, other in (("yes", "no"), ("no", "yes")):
        document = made_up(START)
        match = [m for m in document["markets"] if m["ticker"].startswith("KXATPMATCH")][:2]
        for market, told in zip(match, (result, other), strict=True):
            market["practice_result"] = told
        practice = lively(seed=8, trader_rate=0.001, markets=document)
        listed = [practice.venue.floor.markets[market["ticker"]] for market in match]
        assert not any("practice_result" in market.info for market in listed)
        practice.director.step(4 * HOUR)
        assert [market.result for market in listed] == [result, other]
    document["markets"][0]["practice_result"] = "maybe"
    with pytest.raises(ScenarioError, match="practice_result maybe is none"):
        lively(seed=8, markets=document)


def test_matches_end_and_leaderboards_close_with_one_winner_each() -> None:
    practice = lively(seed=8, trader_rate=0.001)
    for _ in range(13):
        practice.director.step(24 * HOUR)
    markets = practice.venue.floor.markets.values()
    assert {market.status for market in markets} == {MarketStatus.FINALIZED}
    winners = Counter(market.event_ticker for market in markets if market.result == "yes")
    for market in markets:
        if market.event_ticker.startswith(("KXATP", "KXWTA")):
            assert winners[market.event_ticker] == 1
        elif not market.event_ticker.startswith("KXINXU"):
            assert winners[market.event_ticker] <= 1
    strikes = [m.result for m in markets if m.event_ticker.startswith("KXINXU")]
    assert strikes == sorted(strikes, reverse=True)  # above the higher strike means above the lower one


def test_any_number_of_markets_can_be_listed() -> None:
    practice = lively(seed=1, markets=many(200, START))
    assert len(practice.venue.floor.markets) == 200
    practice.director.step(5 * NANOS)
    assert story(practice)


# Files of markets


def test_an_answer_of_get_markets_is_a_file_of_markets(tmp_path: Path, practice: Practice, ann: Any) -> None:
    file = tmp_path / "markets.json"
    file.write_text(json.dumps(ann.get("/markets")), encoding="utf-8")
    other = Practice(Setup(Options(), SteppedClock(START), read_scenario(file), trader_rate=0))
    assert other.venue.floor.markets.keys() == practice.venue.floor.markets.keys()
    grids = {ticker: market.grid for ticker, market in practice.venue.floor.markets.items()}
    assert {ticker: market.grid for ticker, market in other.venue.floor.markets.items()} == grids


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"event_ticker": "E"}, "has no 'ticker'"),
        ({"ticker": "E-A", "event_ticker": "E", "status": "finalized"}, "cannot start here"),
        ({"ticker": "E-A", "event_ticker": "E", "status": "asleep"}, "asleep"),
        ({"ticker": "E-A", "event_ticker": "E", "close_time": "tomorrow"}, "is no time"),
        ({"ticker": "E-A", "event_ticker": "E", "price_level_structure": "odd"}, "needs price_ranges"),
    ],
)
def test_a_market_that_cannot_be_listed_is_named(entry: dict[str, str], said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        Practice(Setup(clock=SteppedClock(START), markets={"markets": [entry]}))


def test_a_file_that_is_no_list_of_markets_is_named(tmp_path: Path) -> None:
    file = tmp_path / "markets.yaml"
    file.write_text("[1", encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"markets\.yaml: cannot be read"):
        read_scenario(file)
    file.write_text("a: 1", encoding="utf-8")
    with pytest.raises(ScenarioError, match="has no list `markets`"):
        read_scenario(file)


# Tapes


CANDLES = """game_id,ticker,timestamp,datetime,open,high,low,close,volume
1,KXG-1-A,1761177600,x,,,,,0
1,KXG-1-A,1761177660,x,74.0,76.0,73.0,75.0,8
1,KXG-1-A,1761177720,x,75.0,75.0,75.0,75.0,100
"""


def tape(tmp_path: Path, name: str, text: str, **more: Any) -> Practice:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return lively(seed=1, tape=read_tape(file), **more)


def test_candles_play_as_trades_that_make_the_same_candles(tmp_path: Path) -> None:
    practice = tape(tmp_path, "candles.csv", CANDLES)
    practice.director.step(180 * NANOS)
    prices = [t.price for t in practice.venue.floor.trades]
    assert prices[:4] == [7400, 7300, 7600, 7500]
    assert sum(t.count for t in practice.venue.floor.trades) == 10_800
    book = practice.venue.floor.markets["KXG-1-A"].book
    assert (book.bid, book.ask) == (7400, 7600)


def test_speed_makes_a_tape_shorter(tmp_path: Path) -> None:
    practice = tape(tmp_path, "candles.csv", CANDLES, tape_speed=60.0)
    practice.director.step(3 * NANOS)
    assert practice.director.player is not None and practice.director.player.finished


def test_a_client_in_the_way_of_a_tape_is_filled(tmp_path: Path, ann: Any) -> None:
    practice = tape(tmp_path, "candles.csv", CANDLES)
    api = type(ann)(practice, practice.make_key("ed25519"))
    api.placed("bid", "0.74", "3", ticker="KXG-1-A")
    practice.director.step(60 * NANOS)
    fills = api.get("/portfolio/fills")["fills"]
    assert fills and {fill["yes_price_dollars"] for fill in fills} == {"0.7400"}


def test_trades_play_as_recorded(tmp_path: Path) -> None:
    trades = [
        {"ticker": "KXG-1-A", "created_time": f"2026-06-15T15:48:4{second}Z", "yes_price_dollars": price,
         "count_fp": count, "taker_book_side": side}
        for second, price, count, side in ((3, "0.0300", "7.77", "bid"), (1, "0.0200", "1.00", "ask"))
    ]  # fmt: skip
    practice = tape(tmp_path, "trades.json", json.dumps({"trades": trades}))
    practice.director.step(2 * NANOS)
    played = [(t.price, t.count, t.taker_side, t.time_ns - START) for t in practice.venue.floor.trades]
    assert played == [(200, 100, "ask", 0), (300, 777, "bid", 2 * NANOS)]


def test_recorded_public_trades_play_whole(shared_data: Path) -> None:
    file = shared_data / "kalshi" / "recorded-demo-2026-06-11" / "trades__public_recorded.json"
    if not file.is_file():
        pytest.skip("the recorded public trades are not among the shared data")
    recorded = json.loads(file.read_text(encoding="utf-8"))["trades"]
    practice = lively(seed=1, tape=read_tape(file), tape_speed=1e6)
    practice.director.step(HOUR)
    assert sum(t.count for t in practice.venue.floor.trades) == sum(round(float(t["count_fp"]) * 100) for t in recorded)


QUOTES = [
    {"_ts": 1720879203, "_yes_bid": 3, "_yes_ask": 8, "_yes_price": 0, "_volume": 0},
    {"_ts": 1720879213, "_yes_bid": 4, "_yes_ask": 7, "_yes_price": 8, "_volume": 12},
    {"_ts": 1720879223, "_yes_bid": 0, "_yes_ask": 100, "_yes_price": 8, "_volume": 12},
]


def test_quote_histories_play_as_books_and_trades(tmp_path: Path) -> None:
    practice = tape(tmp_path, "quotes.json", json.dumps([{"KXG-1-A": QUOTES}]))
    book = practice.venue.floor.markets["KXG-1-A"].book
    tops = []
    for _ in range(3):
        practice.director.step(10 * NANOS if tops else 0)
        tops.append((book.bid, book.ask))
    assert tops == [(300, 800), (400, 700), (None, None)]
    assert [(t.price, t.count, t.taker_side) for t in practice.venue.floor.trades] == [(800, 1200, "bid")]


def test_the_recorded_quotes_of_2024_play_to_their_last_prices(shared_data: Path) -> None:
    file = shared_data / "kalshi" / "quotes-2024" / "market_history.json"
    if not file.is_file():
        pytest.skip("the recorded quotes of 2024 are not among the shared data")
    practice = lively(seed=1, tape=read_tape(file), tape_speed=1e5)
    practice.director.step(24 * HOUR)
    assert practice.director.player is not None and practice.director.player.finished
    histories = {t: rows for e in json.loads(file.read_text(encoding="utf-8")) for t, rows in e.items() if rows}
    markets, compared = practice.venue.floor.markets, 0
    assert markets.keys() == histories.keys()
    for ticker, rows in histories.items():
        end = max(row["_ts"] for row in rows)
        tops = {(row["_yes_bid"] * 100 or None, row["_yes_ask"] * 100) for row in rows if row["_ts"] == end}
        if all(ask < 10_000 for _, ask in tops):
            book = markets[ticker].book
            assert (book.bid, book.ask) in tops
            compared += 1
    assert compared > 30
    assert sum(market.volume for market in markets.values()) > 0


@pytest.mark.parametrize("name", ["ws__orderbook_trade_yes.jsonl", "ws__orderbook_trade_noleg.jsonl"])
def test_recorded_frames_rebuild_the_recorded_book(shared_data: Path, name: str) -> None:
    file = shared_data / "kalshi" / "recorded-demo-2026-06-11" / name
    if not file.is_file():
        pytest.skip("the recorded websocket frames are not among the shared data")
    practice = lively(seed=1, tape=read_tape(file))
    practice.director.step(60 * NANOS)
    book = practice.venue.floor.markets["KXWTACHALLENGERMATCH-26JUN11JIMLEP-LEP"].book
    size = 200 if name.endswith("yes.jsonl") else 100
    assert (book.bid, book.ask, book.size_at_best("bid"), book.size_at_best("ask")) == (4700, 5200, 300, size)


def test_a_day_of_real_candles_plays_to_its_last_price(shared_data: Path) -> None:
    files = sorted((shared_data / "kalshi" / "candles").glob("*.csv"))
    if not files:
        pytest.skip("no recorded candles among the shared data")
    records = read_tape(files[-1])
    practice = lively(seed=1, tape=records, tape_speed=3600.0)
    practice.director.step(120 * NANOS)
    market = practice.venue.floor.markets[records[0].ticker]
    traded = [record for record in records if hasattr(record, "taker")]
    assert len(practice.venue.floor.trades) == len(traded) > 100
    assert market.last_price == traded[-1].price


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.txt", "", r"\.csv"),
        ("a.csv", "x,y\n1,2\n", "has the columns"),
        ("a.csv", CANDLES.replace("74.0,76.0", "dear,76.0"), "line 3"),
        ("a.csv", CANDLES.splitlines()[0], "nothing that can be played"),
        ("a.json", "{}", "GET /markets/trades"),
        ("a.jsonl", '{"type": "orderbook_delta", "msg": {}}', "line 1"),
    ],
)
def test_a_broken_tape_is_named(tmp_path: Path, name: str, text: str, said: str) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    with pytest.raises(TapeError, match=said) as caught:
        read_tape(file)
    assert str(file) in str(caught.value)


def test_made_up_listings_are_dated_from_now() -> None:
    tickers = [market["ticker"] for market in made_up(START)["markets"]]
    assert "KXATPMATCH-26NOV02DELQUI-DEL" in tickers and len(tickers) == len(set(tickers)) == 15
