"""The HTML page: whole, self-contained, safe, small."""

from __future__ import annotations

import base64
import hashlib
import re
from array import array
from collections.abc import Callable
from html.parser import HTMLParser

from engine.report.html import MAX_CHARTS, MAX_LISTED_TRADES, MAX_MARKED_TRADES, render_html
from engine.research.results import BacktestResult, PriceSeries
from engine.research.trades import ClosedTrade

Results = Callable[..., BacktestResult]
Prices = Callable[..., PriceSeries]
Trades = Callable[..., ClosedTrade]

_VOID = {"meta", "br"}


class Page(HTMLParser):
    """The elements of a page, with a check that tags close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def count(self, tag: str, kind: str | None = None) -> int:
        return sum(1 for name, attrs in self.elements if name == tag and kind in (None, attrs.get("class")))

    @property
    def text(self) -> str:
        return " ".join(self.words)


def test_the_page_holds_figures_curves_marks_and_tables(result: Results, prices: Prices) -> None:
    page = Page(render_html(result(), [prices()]))
    assert page.count("svg") == 3
    assert page.count("path", "equity") == page.count("path", "fall") == page.count("path", "price") == 1
    assert page.count("path", "entry") == 2
    for words in ("0123456789abcdef" * 4, "cross.fast", "trading_window", "time_stop", "2011-01-03 09:30", "missing"):
        assert words in page.text
    assert "Exit 10 SPY at 100.1234: time_stop\n2011-01-03 09:38, held 3m\nNet $2.00\npack.cross" in page.text


def test_the_page_loads_nothing_and_runs_only_its_own_script(result: Results, prices: Prices) -> None:
    text = render_html(result(), [prices()])
    page = Page(text)
    assert not re.search(r"https?:|//\w|@import|url\(", text)
    assert all(not ({"src", "href", "srcset"} & attrs.keys()) for _, attrs in page.elements)
    assert page.count("link") == page.count("img") == page.count("iframe") == 0
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    policy = next(attrs["content"] for tag, attrs in page.elements if attrs.get("http-equiv"))
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def test_names_from_rules_and_data_are_only_ever_text(result: Results, prices: Prices, trade: Trades) -> None:
    evil = "</title></script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"
    one = result(
        pack=evil,
        data=evil,
        parameters={evil: evil},
        decisions_sha256=evil,
        trades=[trade(symbol=evil, strategy=evil, reason=evil)],
        rejected_by_guard={evil: 1},
        verdicts={evil: {"fired": 1}},
        bounds={evil: {"net": 1.0}},
        data_notes={evil: 1},
    )
    page = Page(render_html(one, [prices(symbol=evil)]))
    assert page.count("script") == 1
    assert page.count("img") == 0
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)
    assert page.text.count("<img src=x onerror=alert(1)>") >= 10


def test_half_a_million_bars_stay_small_and_keep_the_extremes(result: Results, trade: Trades) -> None:
    bars = 500_000
    many = MAX_MARKED_TRADES + 500
    one = result(points=bars, trades=[trade(number) for number in range(many)])
    one.equity[123_457] = 25_000.0
    close = array("d", (100 + (minute * 7919 % 1000) / 1000 for minute in range(bars)))
    text = render_html(one, [PriceSeries("SPY", one.equity_times_ns, close)])
    page = Page(text)
    assert len(text.encode()) < 5_000_000
    for kind in ("equity", "fall", "price"):
        path = next(attrs["d"] for tag, attrs in page.elements if tag == "path" and attrs.get("class") == kind)
        assert path is not None
        assert 1_000 < path.count("L") < 2_000
    assert page.count("path", "entry") == MAX_MARKED_TRADES
    assert f"The {MAX_MARKED_TRADES:,} trades of {many:,} with the largest net are marked." in page.text
    assert f"The first {MAX_LISTED_TRADES:,}; {many - MAX_LISTED_TRADES:,} more are in trades.csv." in page.text
    assert "$25,000" in page.text


def test_too_many_symbols_are_capped_and_it_says_so(result: Results, prices: Prices, trade: Trades) -> None:
    symbols = [f"S{number:02}" for number in range(MAX_CHARTS + 6)]
    one = result(trades=[trade(symbol=symbol) for symbol in [*symbols, "ODD"]])
    page = Page(render_html(one, [prices(symbol=symbol) for symbol in symbols]))
    assert page.count("path", "price") == MAX_CHARTS
    assert f"The {MAX_CHARTS} symbols of {len(symbols)} with the most trades are drawn." in page.text
    assert "Without a price series, not drawn: ODD." in page.text


def test_an_empty_run_still_makes_a_page(result: Results) -> None:
    page = Page(render_html(result(points=0, trades=[]), []))
    assert "The run recorded no equity." in page.text
    assert "No trades to show on a price." in page.text
    assert "unknown: no trades" in page.text
    assert "nan" not in page.text.lower().split()


def test_flat_lines_and_unknown_closes_are_drawn(result: Results) -> None:
    one = result(equity=array("d", [10_000.0] * 60))
    close = array("d", [float("nan"), *[100.0] * 59])
    text = render_html(one, [PriceSeries("SPY", one.equity_times_ns, close)])
    assert Page(text).count("path", "price") == 1
    assert "nan" not in text
