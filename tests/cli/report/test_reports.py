"""``engine report performance`` and ``engine report pm`` over runs that a store keeps."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.kalshi.manifest import KALSHI
from engine.cli.main import main
from engine.cli.rules import load_rules
from engine.market.facts import FactSpec, Manifest, Scope
from engine.market.manifest import CORE
from engine.market.orders import Fill, Leg, Order, OrderState, OrderType, OrderUpdate, Seen, Side
from engine.plan.plan import make_plan
from engine.research.calibration.outcomes import read_outcomes
from state import Mode, open_store

Cli = Callable[..., Any]
COSTS = {"fee_per_unit": "0.005", "fee_minimum": "1", "slippage_bps": "1", "latency_ms": "250"}
START, DAY = 1_767_279_600_000_000_000, 86_400_000_000_000  # 2026-01-01 10:00 in New York
FAIR = FactSpec("alpha.fair", "probability", Scope.SIGNAL, "Fair probability of YES.", "when told", True)
MAKER = FactSpec("alpha.said", "probability", Scope.SIGNAL, "Before outcomes corrected it.", "when told", True)
PACK = "kind: pack\nname: fair\nabout: x\nvenue: paper\ntimezone: America/New_York\nuniverse: [{universe}]\n"
RULES = """\
kind: strategy
name: buy
about: Buys YES where it is cheap.
on: quote
when: [alpha.fair - yes.ask >= 1%, abs(alpha.fair - alpha.said) <= 20%]
then: {buy: {size: 10}}
"""
GATE = """\
kind: gate
name: go_live
about: What must be shown.
for: fair
require:
  - stats.trades >= 50
  - stats.expectancy > $0
  - stats.cost_coverage >= 95%
"""


TAKEN_OFF = 0.04  # what an earlier correction took off what the maker of the signals had said


@dataclass(frozen=True, slots=True)
class Said:
    """What a signal said of one market, what the contract cost, and what it paid."""

    market: str
    fair: float
    price: str
    paid: int


SAID = [Said(f"KXTOP-26E{n:03}-A", 0.60 + (n % 3) / 100, "0.50", 1 if n % 5 < 3 else 0) for n in range(60)]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a pack that trades on fair probabilities, and a store with a run of it: twenty contracts a day, on
    three days, bought at 50 cents; three in five paid."""
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        manifest: Manifest = (*CORE, *KALSHI, FAIR, MAKER)
        for module in ("engine.cli.rules", "engine.cli.kept"):
            patch.setattr(f"{module}.MANIFEST", manifest)
        rules = folder / "rules" / "fair"
        rules.mkdir(parents=True)
        (rules / "pack.yaml").write_text(PACK.format(universe=", ".join(s.market for s in SAID)), encoding="utf-8")
        (rules / "rules.yaml").write_text(RULES, encoding="utf-8")
        (rules / "gate.yaml").write_text(GATE, encoding="utf-8")
        write_run(folder)
        yield folder


def write_run(folder: Path) -> None:
    loaded = load_rules([folder / "rules"])
    ruleset, symbols = loaded.ruleset, [said.market for said in SAID]
    plan = make_plan(ruleset, symbols, {})
    store = open_store(folder / "state" / "autotrader.db", Mode.PAPER)
    writer = store.begin_run(
        "paper", START, "recorded", ["fair"], symbols, ruleset.sha256, loaded.files, {},
        {s.key: s.universe for s in ruleset.strategies}, {"SPX": "SPY", "NDX": "QQQ"}, "1", conditions={},
        cash=Decimal(1000),
    )  # fmt: skip
    inputs = {"source": "replay", "derived": [], "fill_model": "central", "cash": "1000", "costs": COSTS}
    writer.snapshot(START, "inputs", inputs)
    worth = 1000.0
    for number, said in enumerate(SAID):
        time_ns = START + number // 20 * DAY + number * 60_000_000_000
        program = plan.symbols[said.market].program
        values = program.initial.copy()
        slots = {key.name: slot for key, slot in program.inputs.items() if key.what == "fact"}
        values[slots["alpha.fair"]], values[slots["alpha.said"]] = said.fair, said.fair + TAKEN_OFF
        writer.decision(
            time_ns, "fair.buy", "fair.buy", said.market, said.market, "fired", "", "", {}, ["buy"], values.tobytes()
        )
        order = Order(f"in{number}", said.market, Side.BUY, Decimal(10), OrderType.LIMIT, Leg.ENTRY, "fair.buy",
                      "fair.buy", time_ns, Decimal(said.price))  # fmt: skip
        out = Order(f"out{number}", said.market, Side.SELL, Decimal(10), OrderType.MARKET, Leg.EXIT, "fair.buy",
                    "fair.buy", time_ns + 1, reason="settled")  # fmt: skip
        writer.orders([order, out], {said.market: Seen(Decimal("0.49"), Decimal("0.02"))})
        for one, price, fee, later in ((order, said.price, "0.18", 2), (out, str(said.paid), "0", 3)):
            writer.fill(Fill(f"f{one.client_id}", one.client_id, said.market, "fair.buy", one.side, Decimal(10),
                             Decimal(price), Decimal(fee), time_ns + later, one.leg, one.reason))  # fmt: skip
            writer.update(OrderUpdate(one.client_id, OrderState.FILLED, time_ns + later))
        worth += 10 * (said.paid - float(said.price)) - 0.18
        writer.equity(time_ns + 4, worth)
    writer.end("done", time_ns + 4, {})
    store.close()


def write_dry_run(folder: Path) -> None:
    """A later and longer look at the same days that ordered nothing."""
    loaded = load_rules([folder / "rules"])
    store = open_store(folder / "state" / "autotrader.db", Mode.PAPER)
    writer = store.begin_run(
        "paper", START + 9 * DAY, "recorded", ["fair"], [], loaded.ruleset.sha256, loaded.files, {},
        {s.key: s.universe for s in loaded.ruleset.strategies}, {"SPX": "SPY", "NDX": "QQQ"}, "1", conditions={},
        cash=Decimal(1000),
    )  # fmt: skip
    inputs = {"source": "replay", "derived": [], "fill_model": "central", "cash": "1000", "costs": COSTS}
    writer.snapshot(START, "inputs", inputs | {"dry_run": True})
    for time_ns in (START, START + 9 * DAY):
        writer.equity(time_ns, 1000.0)
    writer.end("done", START + 9 * DAY, {})
    store.close()


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int:
    monkeypatch.chdir(folder)
    return main([str(word) for word in words])


def test_performance_is_what_was_booked(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(kept, monkeypatch, "report", "performance", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    paid = sum(said.paid for said in SAID)
    net = 10 * paid - 60 * 5 - 60 * 0.18
    assert (found["store"], found["mode"]) == ("state/autotrader.db", "paper")
    assert (found["summary"]["trades"], found["summary"]["wins"]) == (60, paid)
    assert found["summary"]["net"] == pytest.approx(net)
    assert found["summary"]["final_equity"] == pytest.approx(1000 + net)
    assert found["summary"]["break_even_win_rate"] == pytest.approx(0.518)
    assert [row["trades"] for row in found["trailing"]] == [50, 60, 60, 60]
    assert len(found["by_event"]) == 60
    assert [(row["exit_reason"], row["trades"]) for row in found["by_exit_reason"]] == [("settled", 60)]
    entry, _, every = found["costs"]
    assert (entry["leg"], entry["fills"], entry["coverage"], entry["fees"]) == ("entry", 60, 1.0, 10.8)
    assert entry["slippage"] == pytest.approx(60 * 10 * 0.01)  # a cent above the mid
    assert every["fills"] == 120


def test_performance_as_a_page_and_as_text(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(kept, monkeypatch, "report", "performance", "--html", tmp_path / "p.html") == 0
    text = capsys.readouterr().out
    for title in ("Trailing windows", "Execution costs", "By ticker", "By event", "By strategy", "By exit reason"):
        assert title in text
    assert "10 more are in --json" in text
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert "<svg" in page and "KXTOP-26E000-A" in page
    assert not re.search(r"(src|href)=|@import|url\(", page)


def test_the_daily_report_says_what_signals_were_worth(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    files = {"--output": "r.md", "--json-output": "deep/r.json", "--html": "r.html"}
    words = [word for option, file in files.items() for word in (option, str(tmp_path / file))]
    assert run(kept, monkeypatch, "report", "pm", *words) == 0
    text = capsys.readouterr().out
    report = json.loads((tmp_path / "deep" / "r.json").read_text(encoding="utf-8"))
    (found,) = report["packs"]
    quality = found["signal_quality"]
    assert (quality["closed_trades"], quality["with_a_prediction"], quality["outcomes_known"]) == (60, 60, 60)
    assert quality["predicted"] == pytest.approx(sum(s.fair for s in SAID) / 60 - 0.5 - 0.018, abs=1e-6)
    assert quality["realised"] == pytest.approx(sum(s.paid for s in SAID) / 60 - 0.5 - 0.018, abs=1e-6)
    assert quality["calibration"]["brier"] == pytest.approx(sum((s.fair - s.paid) ** 2 for s in SAID) / 60, abs=1e-6)
    assert [row["trades"] for row in quality["by_predicted_edge"]] == [40, 20]
    assert found["execution_costs"][-1]["coverage"] == 1.0
    assert "Realised edge, mean per contract" in text and f"written to {tmp_path / 'r.md'}" in text

    assert found["verdict"] == "GO"
    trades = [point["gates"][0]["requirements"][0]["have"] for point in found["gate_trajectory"]]
    assert trades == [20, 40, 60]
    assert [point["gates"][0]["requirements"][0]["holds"] for point in found["gate_trajectory"]] == [False, False, True]

    markdown = (tmp_path / "r.md").read_text(encoding="utf-8")
    assert markdown.startswith("# fair: GO\n") and "## Gate trajectory" in markdown and "| 2026-01-03 |" in markdown
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert page.count("<figure>") == 4  # three conditions over time, and the reliability diagram
    assert "default-src 'none'" in page and not re.search(r"(src|href)=|@import|url\(", page)

    outcomes = read_outcomes(tmp_path / "deep" / "r.json")  # what `engine calibrate --from` reads
    assert len(outcomes.probability) == 60 and outcomes.events == 60
    # What was corrected already must not teach the next correction.
    assert sorted(outcomes.probability) == pytest.approx(sorted(s.fair + TAKEN_OFF for s in SAID))


def test_a_dry_run_over_the_same_days_hides_no_trade(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "rules").symlink_to(kept / "rules")
    write_run(tmp_path)
    write_dry_run(tmp_path)
    assert run(tmp_path, monkeypatch, "report", "pm", "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)["packs"]
    assert found["performance"]["trades"] == 60
    assert found["execution_costs"][-1]["fills"] == 120
    assert [row["reason"] for row in found["left_out"]] == ["it was a dry run"]


def test_no_go_says_why(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rules = tmp_path / "rules" / "fair"
    rules.mkdir(parents=True)
    for file in (kept / "rules" / "fair").iterdir():
        text = file.read_text(encoding="utf-8").replace("stats.trades >= 50", "stats.trades >= 300")
        (rules / file.name).write_text(text, encoding="utf-8")
    store = kept / "state" / "autotrader.db"
    assert run(tmp_path, monkeypatch, "report", "pm", "--store", store, "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)["packs"]
    assert found["verdict"] == "NO-GO"
    assert found["reasons"] == [
        "fair.go_live: stats.trades >= 300 does not hold, it is 60",
        "fair.go_live: passed 0 of 1 judgements in a row",
    ]


def test_reports_of_a_run_as_a_user_makes_them(
    engine_cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    assert run(tmp_path, monkeypatch, "init", "mine") == 0
    assert run(folder, monkeypatch, "run", "--paper", "--interval", "0", "--trace", "none") == 0
    performance = engine_cli("report", "performance", cwd=folder)
    assert performance.code == 0, performance.err
    assert "Execution costs" in performance.out
    daily = engine_cli("report", "pm", "--output", "data/pm.md", cwd=folder)
    assert daily.code == 0, daily.err
    assert "example: NO-GO" in daily.out and "its prices were simulated" in daily.out
    assert (folder / "data" / "pm.md").read_text(encoding="utf-8").startswith("# example: NO-GO\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["performance"], "there is no paper store at state/autotrader.db"),
        (["performance", "--mode", "live"], "there is no live store at state/autotrader-live.db"),
        (["performance", "--mode", "live", "--store", "s.db"], "--store s.db is one store and --mode live another"),
        (["performance", "--html", "."], "--html . is a folder; name a file in it"),
        (["pm", "--pack", "nobody"], "there is no pack `nobody`"),
    ],
)
def test_what_cannot_be_reported_is_said_in_one_line(
    tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str],
    said: str,
) -> None:  # fmt: skip
    (tmp_path / "rules").symlink_to(kept / "rules")
    assert run(tmp_path, monkeypatch, "report", *words) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
