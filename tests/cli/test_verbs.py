"""Every verb as a user runs it, on a folder that ``engine init`` made."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import VERBS
from tests.nursery import python

PROJECT = Path(__file__).parents[2]
Cli = Callable[..., Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder made by ``engine init``; one for all tests here, because making runs takes a while."""
    path = tmp_path_factory.mktemp("work") / "mine"
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [python(), "-m", "engine", "init", str(path)],
        capture_output=True, text=True, env=environment, check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "engine run --paper" in done.stdout
    return path


@pytest.fixture(scope="module")
def ran(folder: Path) -> dict[str, Any]:
    """One simulated day, run and kept."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    command = [python(), "-m", "engine", "run", "--paper", "--interval", "0", "--json", "--trace", "fired"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    found["lines"] = done.stdout.splitlines()[:-1]
    return found


def test_the_example_is_clean_tested_and_formatted(engine_cli: Cli, folder: Path) -> None:
    assert "no findings" in (engine_cli("lint", "rules", cwd=folder).out + engine_cli("lint", "rules", cwd=folder).err)
    assert engine_cli("lint", "rules", "--fail-level", "warning", cwd=folder).code == 0
    assert engine_cli("test", "rules", cwd=folder).out.endswith("passed, 0 failed\n")
    assert engine_cli("fmt", "--check", "rules", cwd=folder).code == 0


def test_init_overwrites_nothing(engine_cli: Cli, folder: Path) -> None:
    answer = engine_cli("init", folder)
    assert answer.code == 2
    assert "is not empty, and nothing is overwritten" in answer.err


def test_a_run_trades_and_says_what_it_did(ran: dict[str, Any]) -> None:
    assert ran["trades"] > 0
    assert ran["bars"] > 700
    assert re.fullmatch(r"[0-9a-f]{64}", ran["decisions_sha256"])
    assert any(" FIRED " in line for line in ran["lines"])
    assert any("filled: buy" in line for line in ran["lines"])


def test_once_shows_every_condition_of_every_rule(engine_cli: Cli, folder: Path) -> None:
    answer = engine_cli("run", "--paper", "--once", cwd=folder)
    assert answer.code == 0
    assert answer.out.count("example.crossover ") >= 2
    assert re.search(r"[✓✗] fast_average crosses above slow_average +\d", answer.out)


def test_ctrl_c_ends_a_run_cleanly(folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "AUTOTRADER__STORE__PATH": str(folder / "state" / "c.db")}
    command = [python(), "-u", "-m", "engine", "run", "--paper", "--interval", "0.05", "--trace", "full"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, env=environment, text=True) as run:
        assert run.stdout is not None
        run.stdout.readline()  # it runs
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=60)
    assert run.returncode == 0, err
    assert "stopping after this tick" in err
    assert "Decisions SHA-256" in out


def test_why_explains_an_order_and_why_not_a_silence(engine_cli: Cli, folder: Path, ran: dict[str, Any]) -> None:
    fired = next(line for line in ran["lines"] if " FIRED  buy" in line)
    order = re.search(r"\[([0-9a-f]{8})\]", fired)
    assert order is not None
    why = engine_cli("why", order[1], cwd=folder)
    assert why.code == 0
    assert "✓ fast_average crosses above slow_average" in why.out
    assert "guard example.two_positions_at_most: true" in why.out
    assert " filled " in why.out
    orders = json.loads(engine_cli("orders", "--json", "--run", ran["run"], cwd=folder).out)["orders"]
    stop = next(order for order in orders if order["leg"] == "stop")
    said = f"{stop['client_id']}: stop sell {stop['quantity']} {stop['symbol']} stop {stop['stop_price']}"
    assert engine_cli("why", stop["client_id"], cwd=folder).out.splitlines()[0] == said
    silent = engine_cli(
        "why-not", "crossover", "SPY", "--at", "09:40", "--run", ran["run"], cwd=folder,
    )  # fmt: skip
    assert "UNKNOWN" in silent.out or "SILENT" in silent.out
    command = ["why-not", "crossover", "SPY", "--at", "11:00", "--run", ran["run"], "--json"]
    asked = json.loads(engine_cli(*command, cwd=folder).out)
    assert [c["text"] for c in asked["trace"]["why"]] == [
        "fast_average crosses above slow_average", "close > fast_average", "not position.open",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["why", "zzzz"], "has no order zzzz"),
        (["why-not", "crossovr", "SPY", "--at", "10:00"], "did you mean crossover?"),
        (["why-not", "nothing_alike", "SPY", "--at", "10:00"], "its rules are example.crossover, example."),
        (["run", "--trace", "loud"], "'--trace': 'loud' is not one of 'none', 'fired', 'full'; see `engine run"),
        (["report", "performance", "--mode", "lve"], "see `engine report performance --help`"),
        (["signals", "build"], "Missing option '--source'. Choose from: csv, flow; see `engine signals build --help`"),
        (["why-not", "crossover", "XYZ", "--at", "10:00"], "did not look at XYZ; it had QQQ, SPY"),
        (["why-not", "crossover", "SPY", "--at", "03:00"], "has no tick of SPY at"),
        (["why-not", "crossover", "SPY", "--at", "noon"], "--at noon is no time; write 10:31"),
        (["run", "--paper", "--pack", "exampel"], "there is no pack `exampel`"),
        (["run", "--paper", "--param", "crossover.fst=5"], "did you mean crossover.fast?"),
        (["run", "--paper", "--param", "crossover.fast=500"], "must be at least 2 and at most 100"),
        (["run", "--paper", "--param", "crossover.risk=20"], "risk is a money; `20` is not; write it like $50"),
        (["run", "--paper", "--speed", "fast"], "--speed fast is no speed; write max, 1x or 60x"),
        (["run", "--paper", "--from", "yesterday"], "--from yesterday is no date; write it as 2011-01-03"),
        (["backtest", "example", "--data", "nowhere"], "nowhere"),
        (["functions", "emma"], "did you mean ema?"),
        (["facts", "postion"], "did you mean position"),
        (["fmt", "nowhere"], "there is no file or folder nowhere"),
        (["test", "nowhere"], "there is no file or folder nowhere"),
    ],
)
def test_a_mistake_gets_one_clear_line(
    engine_cli: Cli, folder: Path, ran: dict[str, Any], arguments: list[str], message: str
) -> None:
    answer = engine_cli(*arguments, cwd=folder)
    assert answer.code == 2, answer
    assert message in answer.err
    assert len(answer.err.strip().splitlines()) == 1


def test_a_rule_with_an_error_does_not_run_and_the_caret_says_why(engine_cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(
        "kind: strategy\nname: s\nuniverse: [SPY]\nwhen: clsoe > 5\nthen: {buy: {size: 1}}\n", encoding="utf-8"
    )
    answer = engine_cli("backtest", str(tmp_path), "--data", str(tmp_path))
    assert answer.code == 2
    assert "did you mean close?" in answer.err
    assert "^^^^^" in answer.err


def test_functions_and_facts_are_listed_and_shown(engine_cli: Cli) -> None:
    listed = engine_cli("functions").out
    assert "risk_size(risk: money" in listed
    assert "position.at_entry(x)" in listed
    shown = engine_cli("functions", "atr").out
    assert "Source: " in shown and "Formula: " in shown
    assert json.loads(engine_cli("facts", "position", "--json").out)[0]["name"].startswith("position.")


def test_fmt_rewrites_only_layout(engine_cli: Cli, tmp_path: Path) -> None:
    rule = tmp_path / "r.yaml"
    rule.write_text("kind:   strategy   # why\nname: s\nuniverse: [SPY]\nwhen: close > 5\nthen: {buy: {size: 1}}   \n")
    assert engine_cli("fmt", "--check", str(rule)).code == 1
    assert engine_cli("fmt", str(rule)).code == 0
    assert "# why" in rule.read_text()
    assert engine_cli("fmt", "--check", str(rule)).code == 0


def test_a_failing_rule_test_shows_the_trace(engine_cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(
        "kind: strategy\nname: s\nuniverse: [SPY]\nwhen: close > 5\nthen: {buy: {size: 1}}\n---\n"
        "kind: test\nname: t\nrules: [s]\ngiven: {symbol: SPY, bars(1m): {close: 1x3}}\n"
        "expect:\n  - {at: 2m, rule: s, is: fired}\n  - {at: 9m, rule: s, is: silent}\n"
    )
    answer = engine_cli("test", str(tmp_path))
    assert answer.code == 1
    assert "s was silent, not fired" in answer.out
    assert "✗ close > 5  1.00 > 5.00   short by 4.00" in answer.out
    assert "`at: 9m` is after the test's data ends" in answer.out
    report = json.loads(engine_cli("test", str(tmp_path), "--coverage", "--format", "json").out)
    assert report["uncovered"][0]["never"] == ["true", "unknown"]
    assert "<failure" in engine_cli("test", str(tmp_path), "--format", "junit").out


def test_every_verb_has_help_and_stands_in_the_readme_or_the_docs(engine_cli: Cli) -> None:
    listed = engine_cli("--help").out
    texts = "".join(p.read_text() for p in [PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")])
    for verb in VERBS:
        assert verb in listed
        assert f"engine {verb}" in texts, verb
