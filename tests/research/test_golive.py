"""Gates over kept runs: every requirement judged, what is unknown named, and no market counted twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.rules import load_rules
from engine.market.orders import Fill, Leg, Side
from engine.research.golive import GateReport, PaperRun, judge, without_overlap
from engine.research.trades import ClosedTrade, TradeBook
from engine.ruleset.rules import Ruleset

DAY = 86_400_000_000_000
PACK = """\
kind: pack
name: alpha
about: A pack to judge.
venue: paper
timezone: America/New_York
calendar: XNYS
universe: [SPY]
"""
RULES = """\
kind: strategy
name: buyer
about: Buys.
when: close > 1
then: {buy: {size: 1}}
---
kind: strategy
name: other
about: Buys too, and is not judged.
when: close > 2
then: {buy: {size: 1}}
---
kind: gate
name: go_live
about: What it must show.
for: buyer
require:
REQUIRE
consecutive: CONSECUTIVE
"""


Linked = Callable[..., Ruleset]


@pytest.fixture
def pack(tmp_path: Path) -> Linked:
    def linked(*require: str, consecutive: int = 1) -> Ruleset:
        return ruleset_of(tmp_path, require, consecutive)

    return linked


def ruleset_of(tmp_path: Path, require: Sequence[str], consecutive: int) -> Ruleset:
    """A pack whose gate asks for these."""
    folder = tmp_path / "rules" / "alpha"
    folder.mkdir(parents=True, exist_ok=True)
    lines = "\n".join(f"  - {one}" for one in require)
    (folder / "pack.yaml").write_text(PACK, encoding="utf-8")
    text = RULES.replace("REQUIRE", lines).replace("CONSECUTIVE", str(consecutive))
    (folder / "rules.yaml").write_text(text, encoding="utf-8")
    return load_rules([tmp_path / "rules"]).ruleset


def trades(*nets: int, strategy: str = "alpha.buyer", symbol: str = "SPY") -> list[ClosedTrade]:
    book = TradeBook()
    for number, net in enumerate(nets):
        for side, price in ((Side.BUY, 100), (Side.SELL, 100 + net)):
            book.apply(Fill("", "", symbol, strategy, side, Decimal(1), Decimal(price), Decimal(0), number, Leg.EXIT))
    return book.trades


def run(
    day: int, closed: Sequence[ClosedTrade] = (), equity: Sequence[float] = (100.0,), **changes: object
) -> PaperRun:
    times = [day * DAY + number for number in range(len(equity))]
    made = PaperRun(f"r{day}", "replay", closed, times, equity, Decimal(100), fills=2 * len(closed))
    return replace(made, **changes)  # type: ignore[arg-type]


def only(ruleset: Ruleset, runs: Sequence[PaperRun]) -> GateReport:
    (report,) = judge(ruleset, "alpha", runs)
    return report


def test_each_requirement_has_its_numbers_and_its_reason(pack: Linked) -> None:
    ruleset = pack(
        "stats.trades >= 3", "stats.expectancy > $2", "stats.profit_factor >= 1.15", "stats.cost_coverage >= 95%",
        "stats.holdout_expectancy(5) > $0", "stats.largest_ticker_share <= 100%",
    )  # fmt: skip
    report = only(ruleset, [run(1, trades(1, 2)), run(2, trades(3))])
    shown = [(r.holds, r.have, r.need, r.reason) for r in report.requirements]
    assert shown == [
        (True, "3", "3", ""),
        (False, "$2.00", "$2.00", "it is $2.00"),
        (None, "unknown", "1.15", "no losing trade"),
        (None, "unknown", "95.00%", "run r1 did not keep what the spread and the slippage of its fills were"),
        (None, "unknown", "$0.00", "there are 3 closed trades"),
        (True, "100.00%", "100.00%", ""),
    ]
    assert not report.passed


def test_without_any_run_everything_is_unknown_but_the_count(pack: Linked) -> None:
    report = only(pack("stats.trades >= 0", "stats.max_drawdown <= 15%", "stats.cost_coverage >= 0%"), [])
    assert [r.holds for r in report.requirements] == [True, None, None]
    assert [r.reason for r in report.requirements] == ["", "no run counts", "no run counts"]
    assert not report.passed


def test_a_gate_that_needs_nothing_still_needs_a_run(pack: Linked) -> None:
    ruleset = pack("stats.trades >= 0")
    assert not only(ruleset, []).passed
    assert not only(ruleset, [run(1)]).passed
    assert only(ruleset, [run(1, trades(1))]).passed


def test_strategies_that_the_gate_is_not_for_do_not_count(pack: Linked) -> None:
    report = only(pack("stats.trades >= 1"), [run(1, trades(5, strategy="alpha.other"))])
    assert (report.requirements[0].holds, report.in_a_row) == (False, 0)


@given(nets=st.lists(st.lists(st.integers(-9, 9), max_size=3), max_size=6), wanted=st.integers(1, 3))
def test_judgements_in_a_row_are_those_at_the_end_of_runs_that_traded(
    tmp_path_factory: pytest.TempPathFactory, nets: list[list[int]], wanted: int
) -> None:
    ruleset = ruleset_of(tmp_path_factory.mktemp("gate"), ["stats.expectancy > $0"], wanted)
    runs = [run(day, trades(*closed)) for day, closed in enumerate(nets)]
    verdicts, total = [], 0
    for closed in nets:
        total += sum(closed)
        if closed:
            verdicts.append(total > 0)
    passed = len(verdicts) >= wanted and all(verdicts[-wanted:])
    assert only(ruleset, runs).passed == passed


def test_drawdown_goes_through_all_runs_as_one_account(pack: Linked) -> None:
    """Three runs that lose 10% each have lost 27.1%, though each began with fresh money."""
    runs = [run(day, trades(1), [100.0, 90.0]) for day in (1, 2, 3)]
    report = only(pack("stats.max_drawdown <= 15%"), runs)
    assert report.requirements[0].values[0] == pytest.approx(0.271)
    assert not report.passed
    assert only(pack("stats.max_drawdown <= 15%"), runs[:1]).passed


def test_an_account_that_other_packs_traded_on_says_nothing_of_this_ones_drawdown(pack: Linked) -> None:
    report = only(pack("stats.max_drawdown <= 15%"), [run(1, trades(1), others=("beta",))])
    assert report.requirements[0].holds is None
    assert report.requirements[0].reason == "run r1 traded beta on the same account; run this pack alone"


@pytest.mark.parametrize(("costed", "holds"), [(20, True), (19, True), (18, False), (None, None)])
def test_cost_coverage_is_the_share_of_fills_with_all_costs(
    pack: Linked, costed: int | None, holds: bool | None
) -> None:
    report = only(pack("stats.cost_coverage >= 95%"), [run(1, trades(1), fills=20, costed=costed)])
    assert report.requirements[0].holds is holds


@given(spans=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10)), max_size=8))
def test_no_stretch_of_the_market_counts_twice_and_none_is_lost_for_nothing(spans: list[tuple[int, int]]) -> None:
    runs = [
        replace(run(0), run=f"r{number}", times_ns=[start, start + length], equity=[1.0, 1.0])
        for number, (start, length) in enumerate(spans)
    ]
    counted, covered = without_overlap(runs)
    assert {r.run for r in counted} | covered.keys() == {r.run for r in runs}
    for before, after in pairwise(counted):
        assert before.span[1] < after.span[0]
    by_name = {r.run: r for r in runs}
    for left, stands_for in covered.items():
        mine, other = by_name[left].span, by_name[stands_for].span
        assert mine[0] <= other[1] and other[0] <= mine[1]
        assert other[1] - other[0] >= mine[1] - mine[0]


SHARED = "kind: pack\nname: common\nabout: x\nvenue: paper\ntimezone: UTC\n"
SHARED_GATE = "kind: gate\nname: strict\nabout: x\nfor: PATTERN\nrequire: [stats.trades >= 3]\n"


@pytest.mark.parametrize(("pattern", "gates"), [('"*.*"', 2), ("alpha.buyer", 2), ("alpha.other", 2), ("beta.*", 1)])
def test_gates_of_the_shared_pack_judge_the_strategies_that_they_are_for(
    pack: Linked, tmp_path: Path, pattern: str, gates: int
) -> None:
    for name, about in (("common", SHARED), ("beta", PACK.replace("alpha", "beta"))):
        (tmp_path / "rules" / name).mkdir(parents=True)
        (tmp_path / "rules" / name / "pack.yaml").write_text(about, encoding="utf-8")
    beta = RULES.partition("---")[0]
    (tmp_path / "rules" / "beta" / "rules.yaml").write_text(beta, encoding="utf-8")
    (tmp_path / "rules" / "common" / "gate.yaml").write_text(SHARED_GATE.replace("PATTERN", pattern), encoding="utf-8")
    ruleset = pack("stats.trades >= 1")
    assert sorted(ruleset.trading) == ["alpha", "beta"]  # the packs whose consent a live run asks for
    closed = [*trades(1, 1, 1), *trades(1, 1, 1, 1, strategy="alpha.other"), *trades(*[1] * 9, strategy="beta.buyer")]
    reports = judge(ruleset, "alpha", [run(1, closed)])
    assert [report.gate for report in reports] == ["alpha.go_live", "common.strict"][:gates]
    if gates == 2:
        seen = {'"*.*"': 7, "alpha.buyer": 3, "alpha.other": 4}[pattern]
        assert reports[1].requirements[0].values[0] == seen


@pytest.mark.parametrize(
    ("condition", "distance", "short_by"),
    [
        ("stats.trades >= 5", 2.0, "short by 2"),
        ("stats.trades <= 2", 1.0, "short by 1"),
        ("5 <= stats.trades", 2.0, "short by 2"),
        ("stats.expectancy > $2", 0.0, "equal"),  # and more is asked for
        ("stats.win_rate >= 50%", 0.0, ""),
        ("stats.profit_factor >= 1.15", None, ""),
        ("stats.trades >= 5 or stats.trades >= 6", None, ""),
    ],
)
def test_distance_is_how_far_a_condition_is_from_holding(
    pack: Linked, condition: str, distance: float | None, short_by: str
) -> None:
    (one,) = only(pack(condition), [run(1, trades(1, 2, 3))]).requirements
    assert (one.distance, one.short_by) == (distance, short_by)
    assert one.to_json()["distance"] == distance
