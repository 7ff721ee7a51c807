"""Gates against strategies without edge, small; the full table is in docs/statistics.md."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from engine.cli.rules import load_rules
from engine.research.golive import gates_of
from engine.research.placebos import PLACEBOS, WITH_EDGE, Kind, PlaceboReport, Row, Share, _runs, simulate, try_placebos
from engine.research.statistics.draws import generator
from engine.ruleset.rules import Gate, Ruleset

PROJECT = Path(__file__).parents[2]
PACK = "kind: pack\nname: alpha\nabout: x\nvenue: paper\ntimezone: UTC\n"
BUYER = "kind: strategy\nname: buyer\nabout: Buys.\nuniverse: [KXA-26A-B]\nwhen: close > 0.1\nthen: {buy: {size: 1}}\n"
SEED_GATE = """\
kind: gate
name: go_live
about: The seven conditions of the first trader.
for: alpha
require:
  - stats.trades >= 300
  - stats.expectancy > $0
  - stats.profit_factor >= 1.15
  - stats.max_drawdown <= 15%
  - stats.cost_coverage >= 95%
  - stats.holdout_expectancy(100) > $0
  - stats.holdout_expectancy(200) > $0
  - stats.largest_ticker_share <= 25%
consecutive: 2
"""


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ruleset, list[Gate]]:
    """The gate of the first trader, and the strict one as it is shipped."""
    folder = tmp_path_factory.mktemp("rules")
    (folder / "alpha").mkdir()
    (folder / "common").mkdir()
    for name, text in (("pack.yaml", PACK), ("buyer.yaml", BUYER), ("gate.yaml", SEED_GATE)):
        (folder / "alpha" / name).write_text(text, encoding="utf-8")
    for file in (PROJECT / "rules" / "common").glob("*.yaml"):
        (folder / "common" / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    ruleset = load_rules([folder]).ruleset
    return ruleset, gates_of(ruleset, "alpha")


def tried(judged: tuple[Ruleset, list[Gate]], kind: Kind, strategies: int, seed: int = 1) -> Row:
    found = try_placebos(*judged, strategies, seed, lambda done: None, (kind,), ())
    return found.placebos[0]


def named(words: str) -> Kind:
    (found,) = [kind for kind in (*PLACEBOS, *WITH_EDGE) if kind.name.startswith(words)]
    return found


def test_both_gates_judge_the_pack(judged: tuple[Ruleset, list[Gate]]) -> None:
    assert [gate.key for gate in judged[1]] == ["alpha.go_live", "common.go_live_strict"]
    assert all(gate.judged == ("alpha.buyer",) for gate in judged[1])


@pytest.mark.parametrize("kind", PLACEBOS, ids=lambda kind: kind.name)
def test_the_strict_gate_stops_every_kind_of_placebo(judged: tuple[Ruleset, list[Gate]], kind: Kind) -> None:
    row = tried(judged, kind, 5 if kind.patient else 20)
    assert row.by_gate["common.go_live_strict"].rate <= 0.05
    assert row.all_gates.rate <= min(share.rate for share in row.by_gate.values())


def test_the_first_traders_gate_takes_what_a_search_found_for_an_edge(judged: tuple[Ruleset, list[Gate]]) -> None:
    row = tried(judged, named("best of 200, judged on what chose it, costs"), 20)
    assert row.by_gate["alpha.go_live"].rate >= 0.5


def test_a_real_edge_passes_so_that_the_gate_is_no_wall(judged: tuple[Ruleset, list[Gate]]) -> None:
    row = tried(judged, named("12c a contract"), 4)
    assert row.by_gate["common.go_live_strict"].passed >= 3


def test_the_same_seed_gives_the_same_strategies() -> None:
    one, again = (simulate(PLACEBOS[0], generator((1, 0, 0))) for _ in range(2))
    other = simulate(PLACEBOS[0], generator((2, 0, 0)))
    assert (one.won == again.won).all() and (one.cost == again.cost).all()
    assert not (one.cost == other.cost).all()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind("coin"), 0.0),
        (Kind("fair", fair=True), -3.0),  # half a spread of 2.5 cents, and a fee of 1.4 to 1.8 cents or so
        (Kind("late", late=True), -3.0),
        (Kind("edge", edge=0.08, history=4_000), 8.0),
        (Kind("seen", seen=True), 5.0),  # what the best of 200 shows on the data that chose it, and is not there
    ],
    ids=lambda value: value.name if isinstance(value, Kind) else "",
)
def test_strategies_make_what_their_kind_says(kind: Kind, expected: float) -> None:
    """In cents a contract, over many strategies."""
    means = []
    for number in range(60):
        of = simulate(kind, generator((3, number)))
        means.append(float((100 * of.won - of.cost - of.fee / 10).mean()))
    assert np.mean(means) == pytest.approx(expected, abs=1.0)


def test_trades_settle_their_books(judged: tuple[Ruleset, list[Gate]]) -> None:
    runs = _runs(simulate(PLACEBOS[0], generator(4)), "alpha.buyer")
    trades = [trade for run in runs for trade in run.trades]
    assert len(trades) == 400 and len({trade.symbol for trade in trades}) == 400
    assert all(trade.net == trade.gross - trade.fees for trade in trades)
    assert all(before.span[1] < after.span[0] for before, after in pairwise(runs))
    for run in runs:
        assert run.equity[-1] == pytest.approx(1_000 + float(sum(trade.net for trade in run.trades)))


def test_shares_show_how_sure_they_are() -> None:
    assert Share(0, 500).text == "0.0% [0.0%, 0.8%]"
    row = Row("a kind", {"g": Share(1, 4)}, Share(1, 4))
    report = PlaceboReport(("g",), (row,), ()).to_json()
    assert report["without_edge"] == [
        {"kind": "a kind", "gates": {"g": Share(1, 4).to_json()}, "all_gates": Share(1, 4).to_json()}
    ]
