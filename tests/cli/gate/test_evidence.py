"""Which kept runs count for a gate, and that each other one says why it does not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from engine.cli.gate.evidence import gather
from engine.cli.rules import LoadedRules, load_rules
from engine.settings import Settings
from state import Store

PROJECT = Path(__file__).parents[3]
PACK = "kind: pack\nname: alpha\nabout: x\nvenue: paper\ntimezone: America/New_York\ncalendar: XNYS\nuniverse: [SPY]\n"
BUYER = "kind: strategy\nname: buyer\nabout: Buys.\nwhen: close > 1\nthen: {buy: {size: 1}}\n"
GATE = "kind: gate\nname: go_live\nabout: x\nfor: buyer\nrequire: [stats.trades >= 1]\n"
COSTS = {"fee_per_unit": "0", "fee_minimum": "0", "slippage_bps": "1", "latency_ms": "250"}
INPUTS = {"source": "replay", "derived": [], "fill_model": "central", "cash": "100", "costs": COSTS}
Cli = Callable[..., Any]


class NothingTried:
    """A trial ledger without a trial."""

    def distinct(self, pack: str) -> list[Any]:
        return []


class Kept:
    """What a store keeps, as ``gather`` reads it: runs by id with their inputs, rules, fills and equity."""

    trials = NothingTried()

    def __init__(self, *runs: dict[str, Any]) -> None:
        self._runs = runs

    def runs(self) -> list[dict[str, Any]]:
        return list(self._runs)

    def _of(self, run_id: str) -> dict[str, Any]:
        return next(run for run in self._runs if run["id"] == run_id)

    def fills_before(self, run_id: str) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", self._of(run_id).get("before", []))

    def snapshot(self, run_id: str, name: str) -> dict[str, Any] | None:
        assert name == "inputs"
        return cast("dict[str, Any] | None", self._of(run_id)["inputs"])

    def ruleset(self, sha256: str) -> dict[str, dict[str, str]]:
        return next(run["files"] for run in self._runs if run["ruleset_sha"] == sha256)

    def fills(self, run_id: str) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", self._of(run_id)["fills"])

    def equity(self, run_id: str) -> list[tuple[int, float]]:
        return cast("list[tuple[int, float]]", self._of(run_id)["equity"])


@pytest.fixture
def rules(tmp_path: Path) -> LoadedRules:
    folder = tmp_path / "rules" / "alpha"
    folder.mkdir(parents=True)
    for name, text in (("pack.yaml", PACK), ("buyer.yaml", BUYER), ("gate.yaml", GATE)):
        (folder / name).write_text(text, encoding="utf-8")
    return load_rules([tmp_path / "rules"])


def kept(rules: LoadedRules, **changes: Any) -> dict[str, Any]:
    run = {
        "id": "r1", "mode": "paper", "status": "done", "packs": ["alpha"], "parameters": {},
        "universe": {"alpha.buyer": ["SPY"]}, "execution": {"SPX": "SPY", "NDX": "QQQ"},
        "ruleset_sha": rules.ruleset.sha256, "files": rules.files, "inputs": INPUTS,
        "equity": [(1, 100.0), (2, 101.0)],
        "fills": [fill("buy", "100", 1), fill("sell", "102", 2)],
    }  # fmt: skip
    return run | changes


def fill(side: str, price: str, time_ns: int, **costs: str | None) -> dict[str, Any]:
    return {
        "fill_id": f"f{time_ns}", "client_id": "c", "symbol": "SPY", "strategy": "alpha.buyer", "side": side,
        "quantity": "1", "price": price, "fee": "0.5", "time_ns": time_ns, "leg": "entry", "reason": "", **costs,
    }  # fmt: skip


def gathered(rules: LoadedRules, *runs: dict[str, Any]) -> Any:
    return gather(cast("Store", Kept(*runs)), rules, "alpha", Settings())


def test_a_paper_run_on_recorded_prices_by_todays_rules_counts(rules: LoadedRules) -> None:
    found = gathered(rules, kept(rules))
    (run,) = found.counted
    assert (run.run, run.market, run.span, run.fills, run.others) == ("r1", "replay", (1, 2), 2, ())
    assert [trade.net for trade in run.trades] == [1]
    assert found.left_out == {}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"mode": "live"}, "it was no paper run but live"),
        ({"status": "running"}, "it is still running"),
        ({"inputs": None}, "it does not say where its prices came from"),
        ({"inputs": INPUTS | {"source": "simulated"}}, "its prices were simulated"),
        ({"inputs": INPUTS | {"source": "kalshi practice"}}, "its prices were a practice exchange's"),
        (
            {"inputs": INPUTS | {"source": "kalshi demo"}},
            "its prices were those of the demo exchange, where money is not real",
        ),
        (
            {"inputs": INPUTS | {"source": "candles kalshi, spread assumed"}},
            "its bid and ask were assumed (market.assumed_spread)",
        ),
        ({"inputs": INPUTS | {"derived": ["SPY"]}}, "the prices of SPY were simulated from an index"),
        ({"inputs": INPUTS | {"fill_model": "optimistic"}}, "its fills were optimistic"),
        (
            {"inputs": INPUTS | {"costs": None}},
            "it is older than this check and does not say what its fills cost; run it again",
        ),
        (
            {"inputs": INPUTS | {"costs": COSTS | {"latency_ms": "0"}}},
            "its orders took no time (paper.latency_ms was 0); set it to 1 or more, and run again",
        ),
        (
            {"inputs": INPUTS | {"costs": COSTS | {"slippage_bps": "0"}}},
            "its fills of SPY had no slippage (paper.slippage_bps was 0); set it above 0, and run again",
        ),
        ({"parameters": {"alpha.buyer.n": 2.0}}, "it tried other values of alpha.buyer.n"),
        ({"parameters": {"common.daily_loss.most": 2.0}}, "it tried other values of common.daily_loss.most"),
        ({"universe": {"alpha.buyer": ["QQQ"]}}, "it looked at other symbols than the pack"),
        ({"execution": {"SPX": "VOO", "NDX": "QQQ"}}, "it ordered other symbols than today's settings would"),
        ({"equity": []}, "it saw no tick"),
    ],
)
def test_a_run_that_shows_something_else_does_not_count(rules: LoadedRules, changes: dict[str, Any], why: str) -> None:
    found = gathered(rules, kept(rules, **changes))
    assert (found.counted, found.left_out) == ([], {"r1": why})


def test_contracts_pay_the_quotes_and_the_fee_of_their_market_whatever_slippage_is_set(rules: LoadedRules) -> None:
    conditions = {"instruments": [{"symbol": "SPY", "kind": "binary"}]}
    without = INPUTS | {"costs": COSTS | {"slippage_bps": "0.0"}}
    assert len(gathered(rules, kept(rules, inputs=without, conditions=conditions)).counted) == 1
    shares = {"instruments": [{"symbol": "SPY", "kind": "equity"}]}
    assert gathered(rules, kept(rules, inputs=without, conditions=shares)).counted == []


def test_the_costs_of_the_run_count_and_not_todays_settings(rules: LoadedRules) -> None:
    today = Settings.model_validate({"paper": {"slippage_bps": 0, "latency_ms": 0}})
    assert len(gather(cast("Store", Kept(kept(rules))), rules, "alpha", today).counted) == 1


def test_a_crashed_run_counts_because_leaving_it_out_would_hide_its_losses(rules: LoadedRules) -> None:
    assert len(gathered(rules, kept(rules, status="crashed")).counted) == 1


def test_runs_of_other_packs_are_not_mentioned(rules: LoadedRules) -> None:
    assert gathered(rules, kept(rules, packs=["beta"])).left_out == {}


@pytest.mark.parametrize(
    ("file", "text", "counts"),
    [
        ("buyer.yaml", BUYER.replace("> 1", "> 2"), False),
        ("gate.yaml", GATE.replace(">= 1", ">= 2"), True),
        ("tests/t.yaml", "kind: test\nname: a test\n", True),
        ("more.yaml", BUYER.replace("buyer", "second"), False),
    ],
)
def test_only_rules_that_decide_must_be_the_same(rules: LoadedRules, file: str, text: str, counts: bool) -> None:
    files = {"alpha": rules.files["alpha"] | {file: text}}
    found = gathered(rules, kept(rules, ruleset_sha="other", files=files))
    assert bool(found.counted) == counts
    assert found.left_out == ({} if counts else {"r1": f"its rules were others: alpha/{file}"})


def test_the_same_days_count_once(rules: LoadedRules) -> None:
    again = kept(rules, id="r2", equity=[(1, 100.0), (3, 99.0)])
    found = gathered(rules, kept(rules), again)
    assert [run.run for run in found.counted] == ["r2"]
    assert found.left_out == {"r1": "its days are in run r2, which is as long or longer"}


def test_costs_are_covered_where_the_store_keeps_all_three(rules: LoadedRules) -> None:
    whole, part = {"spread": "0.02", "slippage": "0"}, {"spread": "0.02", "slippage": None}
    fills = [fill("buy", "100", 1, **whole), fill("sell", "101", 2, **part)]
    assert gathered(rules, kept(rules, fills=fills)).counted[0].costed == 1
    nothing = [fill("buy", "100", 1, spread="0", slippage="0.00") | {"fee": "0"}, fill("sell", "101", 2, **whole)]
    assert gathered(rules, kept(rules, fills=nothing)).counted[0].costed == 1  # what cost nothing at all is not known
    assert gathered(rules, kept(rules)).counted[0].costed is None  # a store without these columns does not know


def test_what_a_settled_market_paid_is_a_trades_end_and_no_fill_whose_costs_are_missing(rules: LoadedRules) -> None:
    """Else a pack that holds contracts to the end could never cover the costs of half of its fills."""
    bought = fill("buy", "0.5", 1, spread="0.02", slippage="0.01")
    paid = fill("sell", "1", 2, spread=None, slippage=None) | {"fill_id": "settlement/SPY/alpha.buyer"}
    (run,) = gathered(rules, kept(rules, fills=[bought, paid])).counted
    assert (run.fills, run.costed, len(run.trades)) == (1, 1, 1)


@pytest.fixture(scope="module")
def replayed(
    tmp_path_factory: pytest.TempPathFactory, shared_data: Path
) -> tuple[Path, Callable[[str], dict[str, str]]]:
    """A folder with the index scalper, for stores with real January days in them."""
    folder = tmp_path_factory.mktemp("gate")
    text = f'[rules]\npaths = ["{PROJECT / "rules"}"]\n[market]\nsource = "replay"\ndata = "{shared_data}/equities"\n'
    (folder / "autotrader.toml").write_text(text, encoding="utf-8")
    return folder, lambda name: {"AUTOTRADER__STORE__PATH": str(folder / f"{name}.db")}


def test_the_gate_is_judged_over_runs_on_real_bars(
    engine_cli: Cli, replayed: tuple[Path, Callable[[str], dict[str, str]]]
) -> None:
    folder, store = replayed
    for first, last in (("2011-01-03", "2011-01-04"), ("2011-01-04", "2011-01-04")):
        span = ("--from", first, "--to", last)
        ran = engine_cli("run", "--paper", *span, "--trace", "none", "--json", cwd=folder, env=store("a"))
        assert ran.code == 0, ran.err
    answer = engine_cli("gate", "check", "--pack", "index_scalper", "--json", cwd=folder, env=store("a"))
    assert answer.code == 1
    (said,) = json.loads(answer.out)["packs"]
    gate, strict = said["gates"]
    assert (said["passed"], gate["gate"], gate["consecutive"]) == (False, "index_scalper.go_live", 2)
    assert len(gate["requirements"]) == 8
    assert {one["holds"] for one in gate["requirements"]} <= {True, False, None}
    assert all(one["reason"] for one in gate["requirements"] if one["holds"] is not True)
    assert all(one["distance"] > 0 for one in gate["requirements"] if one["holds"] is False)
    assert all(one["distance"] == 0 for one in gate["requirements"] if one["holds"] is True)
    assert (strict["gate"], strict["passed"]) == ("common.go_live_strict", False)
    reasons = {one["text"]: one["reason"] for one in strict["requirements"]}
    assert reasons["stats.overfitting <= 0.2"].startswith("the ledger holds no trial of this pack")
    (run,) = said["runs"]
    assert (run["market"], run["first"][:10], run["last"][:10]) == ("replay", "2011-01-03", "2011-01-05")  # in UTC
    assert run["trades"] == gate["requirements"][0]["have"] > 0
    assert [out["reason"].startswith("its days are in run ") for out in said["left_out"]] == [True]
    shown = engine_cli("gate", "check", cwd=folder, env=store("a"))
    assert shown.code == 1
    assert re.search(r"stats.trades >= 300 +\d+ +300 +false +short by \d+", shown.out)
    assert "index_scalper.go_live: not passed" in shown.out
    assert "1 of 2 kept runs" in shown.out


def test_a_gate_that_is_met_passes(engine_cli: Cli, shared_data: Path, tmp_path: Path) -> None:
    assert engine_cli("init", "mine").code == 0
    folder = tmp_path / "mine"
    gate = "kind: gate\nname: go_live\nabout: x\nfor: example\nrequire: [stats.trades >= 1]\n"
    (folder / "rules" / "example" / "gate.yaml").write_text(gate, encoding="utf-8")
    span = ("--from", "2011-01-03", "--to", "2011-01-04", "--trace", "none")
    data = ("--source", "replay", "--data", shared_data / "equities")
    assert engine_cli("run", "--paper", *data, *span, cwd=folder).code == 0
    answer = engine_cli("gate", "check", "--pack", "example", cwd=folder)
    assert answer.code == 0, answer.out
    assert "example.go_live: passed" in answer.out


def test_a_run_on_real_bars_whose_fills_cost_nothing_opens_no_gate(
    engine_cli: Cli, shared_data: Path, tmp_path: Path
) -> None:
    assert engine_cli("init", "mine").code == 0
    folder = tmp_path / "mine"
    gate = "kind: gate\nname: go_live\nabout: x\nfor: example\nrequire: [stats.trades >= 1]\n"
    (folder / "rules" / "example" / "gate.yaml").write_text(gate, encoding="utf-8")
    run = ("run", "--paper", "--source", "replay", "--data", shared_data / "equities", "--trace", "none")
    span = ("--from", "2011-01-03", "--to", "2011-01-04")
    free = {"AUTOTRADER__PAPER__SLIPPAGE_BPS": "0", "AUTOTRADER__PAPER__FEE_MINIMUM": "0"}
    assert engine_cli(*run, *span, cwd=folder, env=free).code == 0
    answer = engine_cli("gate", "check", "--pack", "example", cwd=folder)
    assert answer.code == 1, answer.out
    assert "had no slippage (paper.slippage_bps was 0); set it above 0, and run again" in " ".join(answer.out.split())


def test_simulated_days_open_no_gate_and_a_pack_without_a_gate_does_not_pass(engine_cli: Cli, tmp_path: Path) -> None:
    assert engine_cli("init", "mine").code == 0
    folder = tmp_path / "mine"
    assert engine_cli("run", "--paper", "--interval", "0", "--trace", "none", cwd=folder).code == 0
    without = engine_cli("gate", "check", "--pack", "example", cwd=folder)
    assert (without.code, "example has no gate" in without.out) == (1, True)
    gate = "kind: gate\nname: go_live\nabout: x\nfor: example\nrequire: [stats.trades >= 1]\n"
    (folder / "rules" / "example" / "gate.yaml").write_text(gate, encoding="utf-8")
    answer = engine_cli("gate", "check", "--pack", "example", cwd=folder)
    assert answer.code == 1
    assert "does not count: its prices were simulated" in answer.out
    wrong = engine_cli("gate", "check", "--pack", "exampel", cwd=folder)
    assert (wrong.code, "did you mean example?" in wrong.err) == (2, True)


def test_a_position_that_an_earlier_run_opened_is_one_trade_of_the_run_that_closed_it(rules: LoadedRules) -> None:
    run = kept(rules, before=[fill("buy", "100", 1)], fills=[fill("sell", "103", 2)])
    (counted,) = gathered(rules, run).counted
    assert [(trade.opened_ns, trade.net) for trade in counted.trades] == [(1, 2)]
    assert counted.fills == 1


def test_an_account_on_which_another_pack_still_held_something_says_nothing_of_drawdown(rules: LoadedRules) -> None:
    """``--pack`` leaves the other pack out of this run, and what it had opened before goes on moving the account."""
    stranger = fill("buy", "100", 1) | {"strategy": "beta.buyer", "symbol": "QQQ"}
    by_hand = fill("buy", "100", 1) | {"strategy": "service.manual", "symbol": "QQQ"}
    run = kept(rules, before=[stranger, by_hand])
    (counted,) = gathered(rules, run).counted
    assert counted.others == ("beta", "service.manual")
    assert [trade.net for trade in counted.trades] == [1]
