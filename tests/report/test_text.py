"""Reports as text: terminal, pipe and Markdown."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pytest
from rich.console import Console

from engine.report.layout import duration, money, tables
from engine.report.markdown import render_markdown
from engine.report.tables import print_report
from engine.research.results import BacktestResult, OpenPosition
from engine.research.trades import ClosedTrade

Make = Callable[..., BacktestResult]


def printed(result: BacktestResult, *, terminal: bool, width: int = 140) -> str:
    stream = StringIO()
    print_report(result, Console(file=stream, force_terminal=terminal, width=width, color_system="standard"))
    return stream.getvalue()


def test_a_pipe_gets_plain_whole_lines(result: Make) -> None:
    text = printed(result(), terminal=False, width=40)
    assert "\x1b" not in text
    assert "0123456789abcdef" * 4 in text
    assert "trading_window        12" in text
    assert "Nothing odd" not in text
    row = next(line for line in text.splitlines() if line.strip().startswith("time_stop"))
    assert row.split()[:4] == ["time_stop", "1", "1", "1"]


def test_a_terminal_shows_the_same_figures(result: Make) -> None:
    text = printed(result(), terminal=True)
    assert "\x1b[1m" in text
    for table in tables(result()):
        for row in table.rows:
            assert all(cell in text for cell in row)


def test_a_narrow_terminal_cuts_no_number(result: Make) -> None:
    text = printed(result(), terminal=True, width=50)
    for table in tables(result()):
        assert all(cell in text for row in table.rows for cell in row)


def test_an_unknown_figure_gives_its_reason(result: Make) -> None:
    text = printed(result(trades=[]), terminal=False)
    assert "unknown: no trades" in text
    assert "unknown: fewer than 2 days" in text
    assert "nan" not in text.lower()
    assert "inf" not in text.lower()


def test_nothing_to_show_is_said(result: Make) -> None:
    text = printed(result(trades=[], verdicts={}, rejected_by_guard={}, parameters={}, data_notes={}), terminal=False)
    for note in ("No trades.", "No rule was evaluated.", "No entry was rejected.", "Nothing odd in the data."):
        assert note in text


def test_names_cannot_steer_a_terminal(result: Make, trade: Callable[..., ClosedTrade]) -> None:
    one = result(trades=[trade(symbol="A\x1b[2J\rB", strategy="[red]x[/red]")])
    for terminal in (False, True):
        text = printed(one, terminal=terminal)
        assert "\x1b[2J" not in text
        assert "\r" not in text
        assert "[red]x[/red]" in text


def test_markdown_names_cannot_break_a_table(result: Make, trade: Callable[..., ClosedTrade]) -> None:
    text = render_markdown(result(trades=[trade(symbol="A|B\n| C", strategy="<img src=x> `*_")], pack="a # b"))
    assert text.startswith("# Back-test of a \\# b\n")
    assert "<img" not in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    symbol = next(line for line in rows if "A\\|B" in line)
    assert symbol.startswith("| A\\|B\ufffd\\| C | 1 |")
    assert "| Per" not in text
    assert "## Per symbol\n\n| Symbol | Trades |" in text


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "$1,234.50"), (-3.0, "-$3.00"), (0.0, "$0.00"), (-0.0035, "-$0.0035")]
)
def test_money(value: float, text: str) -> None:
    assert money(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(12.4, "12s"), (90, "1m 30s"), (3600, "1h"), (86_400 * 2 + 3_700, "2d 1h"), (59.7, "1m")]
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_what_a_lasting_account_goes_on_with_is_listed_and_no_trade(result: Make) -> None:
    held = [OpenPosition("p.a", "KXU-A", 3.0, 0.2, 0.195), OpenPosition("p.b", "KXU-B", -2.0, 0.5, None)]
    made = result(still_open=held)
    assert made.to_json()["still_open"] == [
        {"rule": "p.a", "symbol": "KXU-A", "quantity": 3.0, "entry": 0.2, "mark": 0.195, "unrealised": -0.015},
        {"rule": "p.b", "symbol": "KXU-B", "quantity": -2.0, "entry": 0.5, "mark": None, "unrealised": None},
    ]
    assert made.to_json()["trades"] == result().to_json()["trades"]
    lines = printed(made, terminal=False).splitlines()
    start = lines.index("Still open")
    assert [line.split() for line in lines[start + 2 : start + 4]] == [
        ["p.a", "KXU-A", "3", "0.20", "0.195", "-$0.01"], ["p.b", "KXU-B", "-2", "0.50", "—", "—"],
    ]  # fmt: skip
    assert "Nothing is held." in printed(result(still_open=[]), terminal=False)
    assert "still_open" not in result().to_json(), "a back-test closes what is open at the end of its data"
