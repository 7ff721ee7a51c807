"""The checker: units are types, unknown names get suggestions, nothing can look ahead, all mistakes in one pass."""

from __future__ import annotations

from typing import Any

import pytest

from engine.language.diagnostics import Span
from engine.language.types import Kind, Varies
from engine.market.facts import Scope

Check = Any


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("close + open", Kind.PRICE),
        ("close - open", Kind.PRICE),
        ("close / open", Kind.NUMBER),
        ("close * volume", Kind.MONEY),
        ("close * 2%", Kind.PRICE),
        ("mid + 2bps", Kind.PRICE),
        ("account.cash / close", Kind.QUANTITY),
        ("account.cash / volume", Kind.PRICE),
        ("now - now", Kind.DURATION),
        ("now + 5m", Kind.TIME),
        ("62c - 55c", Kind.RATIO),
        ("1 + 2%", Kind.NUMBER),
        ("time_of_day - 09:30", Kind.DURATION),
        ("if close > open then close else open", Kind.PRICE),
        ("position.at_entry(atr(14))", Kind.PRICE),
        ("risk_size($50, stop_distance = 1.5 * atr(14))", Kind.QUANTITY),
        ("on(5m, ema(close, fast))", Kind.PRICE),
        ("max(close, 5)", Kind.PRICE),
        ("or_else(bid, close)", Kind.PRICE),
        ("age(bid)", Kind.DURATION),
    ],
)
def test_arithmetic_that_makes_sense_has_the_kind_it_should(check: Check, text: str, kind: Kind) -> None:
    checker = check(text)
    assert checker.findings == []
    assert checker.result.type.kind is kind


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("account.cash > 62%", "AT201", "`>` between money and ratio makes no sense"),
        ("close > 2%", "AT201", "`>` between price and ratio makes no sense"),
        ("position.gain_ratio > 2", "AT201", "`>` between ratio and number makes no sense"),
        ("close + volume", "AT201", "`+` between price and quantity makes no sense"),
        ("account.cash > 5", "AT201", "`>` between money and number makes no sense"),
        ("time_of_day > 15m", "AT201", "`>` between clock and duration makes no sense"),
        ("if close > open then close else volume", "AT201", "`if … else` between price and quantity makes no sense"),
        ("close and open > 1", "AT202", "`and` wants bool, this is a price"),
        ('ema("x", 5)', "AT202", None),
        ("ema(close, volume)", "AT202", None),
        ("ema(close)", "AT202", "ema: `length` is missing"),
        ("ema(close, 5, 6)", "AT202", "ema: 3 arguments given, 2 wanted"),
        ("ema(close, 0)", "AT203", "`length` of ema is 0, it must be between 1 and 5000"),
        ("ema(close, 2.5)", "AT203", "`length` of ema is 2.5, it must be a whole number"),
        ("ema(close, bars_since(close > open))", "AT204", None),
        ("close == na", "AT205", "nothing equals unknown, not even itself"),
        ("close[-1] > open", "AT402", "a negative offset would read the future"),
        ("settlement.value > $0", "AT402", "`settlement.value` is known only once the market has settled"),
        ("order.quantity > 5", "AT101", "`order.quantity` is not available here"),
        ("stats.trades > 5", "AT101", "`stats.trades` is not available here"),
    ],
)
def test_what_makes_no_sense_is_one_finding(check: Check, text: str, code: str, message: str | None) -> None:
    (finding,) = check(text).findings
    assert finding.code == code
    if message is not None:
        assert finding.message == message


def test_a_unit_mismatch_points_at_both_sides_and_offers_the_conversion(check: Check) -> None:
    (finding,) = check("account.cash > bid").findings
    assert finding.spans == (
        Span("rule.yaml", 1, 1, 1, 13, "this is a money"),
        Span("rule.yaml", 1, 16, 1, 19, "this is a price"),
    )
    assert "multiply the price by a quantity" in finding.help


def test_an_unknown_name_suggests_a_close_one_and_only_a_close_one(check: Check) -> None:
    (near,) = check("clsoe > open").findings
    assert near.help == "did you mean close?"
    (far,) = check("zzzzqq > open").findings
    assert "did you mean" not in far.help


def test_all_mistakes_of_an_expression_are_found_in_one_pass(check: Check) -> None:
    findings = check("clsoe > 1 and account.cash > 2% and ema(close, 0) > close").findings
    assert [f.code for f in findings] == ["AT101", "AT201", "AT203"]


def test_a_circle_of_lets_is_printed_whole(check: Check) -> None:
    (finding,) = check("a > 1", lets={"a": "b + 1", "b": "a"}).findings
    assert finding.code == "AT104"
    assert finding.message == "these definitions need one another: a → b → a"


def test_a_time_of_day_needs_a_zone(check: Check) -> None:
    codes = {f.code for f in check("time_of_day > 09:31", zoned=False).findings}
    assert codes == {"AT206"}


def test_a_let_is_computed_in_the_timeframe_where_it_is_used(check: Check) -> None:
    term = check("on(5m, smooth) > smooth", lets={"smooth": "ema(close, 5)"}).result
    assert [side.seconds for side in term.args] == [300, 60]


def test_a_lower_timeframe_than_the_rule_s_is_refused(check: Check) -> None:
    (finding,) = check("on(30s, close) > open").findings
    assert finding.code == "AT203"


def test_series_parameters_and_constants_are_told_apart(check: Check) -> None:
    assert check("close").result.type.varies is Varies.SERIES
    assert check("fast * 2").result.type.varies is Varies.PARAMETER
    assert check("2 * 3").result.type.varies is Varies.CONSTANT


def test_facts_of_a_position_do_not_exist_in_a_gate(check: Check) -> None:
    (finding,) = check("position.gain > $1", scopes=frozenset({Scope.STATS})).findings
    assert finding.message == "`position.gain` is not available here"


@pytest.mark.parametrize("text", ["close > $5", "close > 500", "(high - low) / close > 2%", "volume > 1000"])
def test_sensible_comparisons_are_not_complained_about(check: Check, text: str) -> None:
    assert check(text).findings == []
