"""Public trades and markets from files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.flow.markets import read_markets_file
from connectors.flow.trades import TradeFile, TradesError

GOOD = {
    "trade_id": "a", "ticker": "KXA-B", "created_time": "2026-06-15T15:48:42.609997Z", "yes_price_dollars": "0.0300",
    "count_fp": "7.77", "taker_outcome_side": "yes", "is_block_trade": False,
}  # fmt: skip


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_trades_as_the_venue_recorded_them(shared_data: Path) -> None:
    path = shared_data / "kalshi" / "recorded-demo-2026-06-11" / "trades__public_recorded.json"
    trades = list(TradeFile(path).trades())
    assert len(trades) == len(json.loads(path.read_text())["trades"])
    first = trades[0]
    assert (first.ticker, first.price, first.contracts, first.taker_yes) == ("KXPGATOUR-USO26-JDAY", 0.03, 7.77, True)
    assert first.time_ns == 1_781_538_522_609_997_000


def test_json_lines_and_csv_say_the_same(tmp_path: Path) -> None:
    told = lines(tmp_path / "t.jsonl", GOOD, GOOD | {"trade_id": "b", "is_block_trade": True})
    table = tmp_path / "t.csv"
    table.write_text(",".join(GOOD) + "\n" + ",".join(str(v) for v in GOOD.values()) + "\n", encoding="utf-8")
    file = TradeFile(told)
    assert list(file.trades()) == list(TradeFile(table).trades())
    assert file.blocks == 1


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"taker_outcome_side": "maker"}, "taker_outcome_side is 'maker'; it must be yes or no"),
        ({"yes_price_dollars": "1.00"}, "yes_price_dollars is 1.00; it must be between 0 and 1"),
        ({"yes_price_dollars": "cheap"}, "yes_price_dollars 'cheap' is no number"),
        ({"count_fp": "0"}, "count_fp is 0; it must be above 0"),
        ({"count_fp": "NaN"}, "count_fp 'NaN' is no number"),
        ({"created_time": "2026-06-15T15:48:42"}, "created_time '2026-06-15T15:48:42' is no instant"),
        ({"ticker": ""}, "ticker is missing"),
    ],
)
def test_a_wrong_trade_is_named_by_line_and_field(tmp_path: Path, other: dict[str, str], words: str) -> None:
    path = lines(tmp_path / "t.jsonl", GOOD, GOOD | other)
    with pytest.raises(TradesError) as caught:
        list(TradeFile(path).trades())
    assert str(caught.value).startswith(f"{path}:2: {words}")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("t.jsonl", "{\n", "is no JSON"),
        ("t.jsonl", "[]\n", "is no object"),
        ("t.json", "{}", "has no list `trades`"),
        ("t.csv", "ticker\n", "has no column created_time"),
    ],
)
def test_what_is_no_file_of_trades_is_refused(tmp_path: Path, name: str, text: str, words: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TradesError, match=words):
        list(TradeFile(path).trades())
    with pytest.raises(TradesError, match="there is no file of trades"):
        list(TradeFile(tmp_path / "none.csv").trades())


def test_markets_of_a_published_table(shared_data: Path) -> None:
    markets = read_markets_file(shared_data / "kalshi" / "markets-2026-02.csv")
    row = markets["KXFEDDECISION-28JAN-H26"]
    assert (row.event, row.yes_bid, row.yes_ask, row.result) == ("KXFEDDECISION-28JAN", 0.05, 0.15, None)
    assert row.ends_ns == 1_832_526_300_000_000_000, "expected_expiration_time goes before close_time"
    assert markets["KXFEDDECISION-28JAN-H25"].yes_bid is None, "an empty side is listed as 0, which is no price"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("market\nx\n", "has no column ticker"),
        ("ticker,result,settled_time\nKXA-B,yes,\n", ":2: it has a result and no settled_time"),
        ("ticker,result\nKXA-B,maybe\n", ":2: result 'maybe' is no number"),
        ("ticker,ends\nKXA-B,tomorrow\n", ":2: ends 'tomorrow' is no instant"),
    ],
)
def test_a_wrong_market_is_named_by_line_and_field(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TradesError, match=words):
        read_markets_file(path)
