"""What rules compute at every bar is what a run had: the same bits, from the bars alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.calendars import calendar
from engine.decide.features import Features
from engine.decide.named import named_plan
from engine.decide.tick import Decider
from engine.language.terms import walk
from engine.language.types import Varies
from engine.market.events import NANOS, Bar, Quote, Tick
from engine.market.instrument import Instrument
from engine.plan.compiled import compiled_kernel
from engine.plan.plan import Plan, make_plan
from engine.ruleset.discover import discover
from engine.ruleset.link import link
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import load_text
from engine.ruleset.rules import Ruleset

RULES = Path(__file__).parents[2] / "rules"
OPEN_NS = 1_709_649_000 * NANOS  # 2024-03-05, half past nine in New York
MINUTE = 60 * NANOS
CALENDARS = {"XNYS": calendar("XNYS")}
PACK = """\
kind: pack
name: p
venue: paper
timezone: America/New_York
calendar: XNYS
universe: [SPY, AAPL]
"""
BUY = "then: {buy: {size: 1, limit: close}}"


def rules_of(text: str) -> Ruleset:
    ruleset = link([PackFiles("p", [load_text("pack.yaml", PACK), load_text("rules.yaml", text)])])
    assert not ruleset.findings, ruleset.findings
    return ruleset


@cache
def scalper() -> Ruleset:
    found = discover([RULES])
    return link([PackFiles(p.name, p.loaded) for p in found if p.name in ("index_scalper", "common")])


def features(ruleset: Ruleset, symbol: str = "SPY", **parameters: float) -> Features:
    return Features(ruleset, Instrument(symbol), CALENDARS, parameters)


def bar(minute: int, close: float, symbol: str = "SPY", volume: float | None = 100.0) -> Bar:
    return Bar(symbol, OPEN_NS + minute * MINUTE, 60, close, close + 0.25, close - 0.25, close, volume)


def bits(values: Sequence[float]) -> list[str]:
    return [float(value).hex() for value in values]


def slots_of_run(plan: Plan) -> dict[str, int]:
    """Where a run of SPY has the values that its strategies name: a name in a condition shares what it was made of."""
    part, found = plan.symbols["SPY"], dict[str, int]()
    for rule in part.strategies:
        below = [term for condition in rule.when for term in walk(condition)]
        for name, let in rule.lets.items():
            for term in below:
                if term.args is let.args and term.op is let.op and term.type.varies is Varies.SERIES:
                    found[f"{rule.key}.{name}"] = part.program.slot(term, rule.key)
    return found


# -- the same as a run -------------------------------------------------------------------------------------------------

steps = st.lists(
    st.tuples(
        st.integers(1, 12),  # minutes to the next bar: some are missing
        st.floats(-2, 2), st.none() | st.floats(1, 1e6), st.booleans(), st.integers(0, 59),
    ),
    min_size=1, max_size=90,
)  # fmt: skip


def wave(count: int) -> list[tuple[Any, ...]]:
    """Minute after minute, up and down."""
    return [(1, math.sin(n / 5), 100.0 + n % 17, n % 3 == 0, 30) for n in range(count)]


@settings(max_examples=10)
@example(steps=wave(50), start=-10)  # over the open, and the end of the opening range
@example(steps=wave(30), start=375)  # over the close
@given(steps=steps, start=st.integers(-40, 380))
def test_values_are_the_bits_that_a_run_had(steps: list[tuple[Any, ...]], start: int) -> None:
    """A run sees quotes between bars, other symbols, and opens and closes sessions as time passes; no value differs."""
    ruleset = scalper()
    symbols = ["SPY", "SPX"]
    instruments = {symbol: Instrument(symbol) for symbol in symbols}
    plan = make_plan(ruleset, symbols)
    run = Decider(plan, instruments, CALENDARS, Decimal(100_000), kernel=compiled_kernel())
    alone = Features(ruleset, instruments["SPY"], CALENDARS, kernel=compiled_kernel())
    values, shared = run.context.states["SPY"].v, slots_of_run(plan)
    assert len(shared) > 5 and shared.keys() <= set(alone.names)
    price, minute, compared = 500.0, start, 0
    for gap, change, volume, other, second in steps:
        minute, price = minute + gap, max(price + change, 1.0)
        new = bar(minute, price, volume=volume)
        quote = Quote("SPY", new.start_ns + second * NANOS, price - 0.01, None, price + 0.01, None)
        run.tick(Tick(quote.time_ns, (quote,)))
        also = (bar(minute, price * 10, "SPX", None),) if other else ()
        run.tick(Tick(new.known_ns, (new, *also)))
        found = alone.take(new)
        assert found is not None
        said = dict(zip(alone.names, found, strict=True))
        assert bits([said[name] for name in shared]) == bits([values[slot] for slot in shared.values()])
        compared += len(shared)
    assert compared


def test_a_bar_that_is_late_or_told_twice_changes_nothing() -> None:
    ruleset = rules_of(f"kind: strategy\nname: s\nlet: {{mean: 'sma(close, 2)'}}\nwhen: close > mean\n{BUY}")
    one, other = features(ruleset), features(ruleset)
    for minute in range(4):
        assert one.take(bar(minute, 500 + minute)) == pytest.approx(other.take(bar(minute, 500 + minute)), nan_ok=True)
        assert other.take(bar(minute, 500 + minute)) is None
        assert other.take(bar(minute, 1)) is None
        assert other.take(bar(minute - 1, 1)) is None


# -- names -------------------------------------------------------------------------------------------------------------


def test_the_scalper_s_averages_bands_and_scores_have_names() -> None:
    names = features(scalper()).names
    for name in (
        "ema(close, 20)", "ema(close, 50)", "vwap()", "rvol(20)", "atr(14)", "sigma_band(-2)", "on(5m, ema(close, 20))",
        "opening_range_high(30m)", "index_scalper.regime.regime_score", "index_scalper.ema_crossover.fast_ema",
    ):  # fmt: skip
        assert name in names


def test_what_bars_do_not_make_is_left_out_with_the_reason() -> None:
    ruleset = rules_of(
        f"""\
kind: strategy
name: s
let:
  middle: or_else(mid, last)
  cash: account.cash
  gain: position.gain
  five: 2 + 3
  spy_only: symbol in ["SPY"]
  day: weekday
  late: time_of_day crosses above 15:00
  rsi_low: rsi(close, 3) < 30
when:
  - rsi_low and late and spy_only and day == "mon" and five > 4 and middle > $1 and cash > $1 and gain > $0
{BUY}
"""
    )
    found = features(ruleset)
    assert found.names == ("p.s.rsi_low", "rsi(close, 3)")
    assert found.left_out == {
        "p.s.middle": "reads mid", "p.s.cash": "reads account.cash", "p.s.gain": "reads position.gain",
        "p.s.five": "stays the same", "p.s.spy_only": "stays the same", "p.s.day": "is a text",
        "p.s.late": "waits for time_of_day between bars",
    }  # fmt: skip


def test_a_symbol_has_the_parameters_that_it_runs_with() -> None:
    ruleset = rules_of(
        f"""\
kind: strategy
name: s
params: {{n: {{default: 3}}}}
let: {{mean: "ema(close, n)"}}
when: close > mean
{BUY}
overrides: {{AAPL: {{params: {{n: 5}}}}}}
"""
    )
    assert features(ruleset).names == ("p.s.mean", "ema(close, 3)")
    assert features(ruleset, "AAPL").names == ("p.s.mean", "ema(close, 5)")
    assert features(ruleset, **{"p.s.n": 7}).names == ("p.s.mean", "ema(close, 7)")
    assert features(ruleset, "QQQ").names == (), "which no rule looks at"


def test_numbers_that_differ_have_names_that_differ() -> None:
    ruleset = rules_of(
        "kind: strategy\nname: s\nwhen: close > max(sigma_band(1.00000001), sigma_band(1.00000002)) "
        f"and close > on(90m, opening_range_high(45m))\n{BUY}"
    )
    assert features(ruleset).names == (
        "sigma_band(1.00000001)", "sigma_band(1.00000002)", "on(90m, opening_range_high(45m))"
    )  # fmt: skip


def test_what_a_session_sets_is_as_the_run_has_it() -> None:
    ruleset = rules_of(
        f"""\
kind: strategy
name: s
params: {{least: {{default: 1, min: 0, max: 9}}}}
let:
  lively: close / close[1] > least
  since: bars_since(close / open > least)
when: lively and since > 1
{BUY}
---
kind: session
name: late
hours: 09:33-09:35
set: {{s.least: 0.5}}
"""
    )
    found = features(ruleset)
    assert found.left_out == {"p.s.since": "remembers what it made of p.s.least, which a session sets"}
    at = found.names.index("p.s.lively")
    values = [row[at] for minute in range(6) if (row := found.take(bar(minute, 500))) is not None]
    assert math.isnan(values[0])
    # The bar of 09:32 ends at 09:33, when the window opens; that of 09:34 at 09:35, when it closes.
    assert values[1:] == [0, 1, 1, 0, 0]


def test_definitions_that_no_rule_uses_have_their_values_too() -> None:
    ruleset = rules_of(
        f"""\
kind: definitions
name: d
let: {{slow: "on(3m, sma(close, 2))"}}
---
kind: strategy
name: s
when: close > $1
{BUY}
"""
    )
    found = features(ruleset)
    assert found.names == ("p.d.slow", "on(3m, sma(close, 2))")
    rows = [found.take(bar(minute, 500 + minute)) for minute in range(6)]
    assert rows[-1] == [(502 + 505) / 2] * 2
    assert all(row is not None and math.isnan(row[0]) for row in rows[:5])


def test_a_plan_of_names_computes_nothing_else() -> None:
    plan, slots, _ = named_plan(scalper(), "SPY")
    (part,) = plan.symbols.values()
    assert not part.strategies and not part.held_by
    assert set(slots.values()) <= set(range(len(part.program.initial)))
    assert not [key for key in part.program.inputs if key.name.startswith(("position.", "account.", "options."))]
