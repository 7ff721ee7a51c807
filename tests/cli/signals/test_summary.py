"""``engine signals summary`` and ``engine replay signals``: rules of one name in two packs are not one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Cli = Callable[..., Any]
PACK = "kind: pack\nname: {name}\nabout: x\nvenue: paper\ntimezone: America/New_York\ncalendar: XNYS\nuniverse: [SPY]\n"
CROSSES = "kind: strategy\nname: vwap_reclaim\nabout: x\nwhen: close > {price}\nthen: {{buy: {{size: 1}}}}\n"


def test_rules_of_one_name_in_two_packs_are_counted_apart(engine_cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "autotrader.toml").write_text('[rules]\npaths = ["rules"]\n', encoding="utf-8")
    for name, price in (("first", "1"), ("second", "1000000")):
        folder = tmp_path / "rules" / name
        folder.mkdir(parents=True)
        (folder / "pack.yaml").write_text(PACK.format(name=name), encoding="utf-8")
        (folder / "buys.yaml").write_text(CROSSES.format(price=price), encoding="utf-8")
    assert engine_cli("run", "--paper", "--interval", "0", "--trace", "none").code == 0
    logged = [json.loads(line) for line in (tmp_path / "state" / "events.jsonl").read_text().splitlines()]
    whose = {(event["pack"], event["setup"]) for event in logged if event["event"] == "signal"}
    assert whose == {("first", "VWAP_RECLAIM")}, "the other pack's rule never fires"

    (tmp_path / "rules" / "second" / "buys.yaml").write_text(CROSSES.format(price="1"), encoding="utf-8")
    assert engine_cli("run", "--paper", "--interval", "0", "--trace", "none").code == 0
    setups = json.loads(engine_cli("signals", "summary", "--json").out)["setups"]
    assert [(one["pack"], one["setup"]) for one in setups] == [("first", "VWAP_RECLAIM"), ("second", "VWAP_RECLAIM")]
    assert setups[0]["signals"]["generated"] > setups[1]["signals"]["generated"] > 0
    shown = engine_cli("signals", "summary").out
    assert shown.split()[:2] == ["pack", "setup"] and "of 2 setup(s)" in shown
    replayed = json.loads(engine_cli("replay", "signals", "--json").out)["expectancy"]
    assert {(one["pack"], one["setup"]) for one in replayed} == {
        ("first", "VWAP_RECLAIM"), ("second", "VWAP_RECLAIM"), ("", "ALL"),
    }  # fmt: skip
