"""Options that would be ignored are refused, each with its mend; packs go to their own venue."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.cli import together
from engine.cli.main import main

PROJECT = Path(__file__).parents[2]
Cli = Callable[..., Any]


@pytest.fixture
def verb(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """In this process, in a folder of the test's own: nothing here gets as far as a market."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("AUTOTRADER_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str) -> SimpleNamespace:
        code = main(list(arguments))
        told = capsys.readouterr()
        return SimpleNamespace(code=code, out=told.out, err=told.err)

    return run


VENUE = ("--venue", "kalshi")


@pytest.mark.parametrize(
    ("options", "mend"),
    [
        (["--paper", "--live", *VENUE], "--paper and --live: orders go to the paper broker or to the venue"),
        (["--live"], "add --venue kalshi"),
        (["--exchange", "http://127.0.0.1:1"], "add --venue kalshi"),
        (["--capture", "x.cap"], "add --venue kalshi"),
        (["--capture", "x.cap", "--once", *VENUE], "leave --once out"),
        (["--fuse", "5", *VENUE], "add --live"),
        (["--yes-i-accept-real-orders", *VENUE], "add --live"),
        (["--source", "simulated", *VENUE], "leave --source out"),
        (["--data", "d", *VENUE], "leave --data out"),
        (["--speed", "1x", *VENUE], "leave --speed out"),
        (["--interval", "1", *VENUE], "leave --interval out"),
        (["--from", "2011-01-03", *VENUE], "leave --from out"),
        (["--to", "2011-01-03", *VENUE], "leave --to out"),
        (["--data", "d"], "add --source replay"),
        (["--to", "2011-01-03"], "add --source replay"),
        (["--speed", "1x", "--interval", "1"], "give one of them"),
        (["--interval", "1", "--once"], "leave --interval out"),
        (["--symbols", ""], "--symbols is given and names none"),
        (["--symbols", " , "], "--symbols is given and names none"),
    ],
)
def test_an_option_of_run_that_would_be_ignored_is_refused(verb: Cli, options: list[str], mend: str) -> None:
    told = verb("run", *options)
    assert (told.code, told.out) == (2, "")
    assert mend in told.err and told.err.count("\n") == 1


@pytest.mark.parametrize(
    "verb_rules", [("run", together.RUN), ("fee", together.FEE), ("simulate kalshi", together.SIMULATE)]
)
def test_the_tables_name_options_that_there_are(
    verb: Cli, verb_rules: tuple[str, together.Together], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    name, rules = verb_rules
    help_text = verb(*name.split(), "--help").out
    for option in {word.split()[0] for rule in rules for word in (rule.option, rule.other)}:
        assert option in help_text, option


def test_what_is_no_part_of_a_rule_breaks_none() -> None:
    names = {word for rule in together.RUN for word in (rule.option, rule.other)}
    together.check(together.RUN, dict.fromkeys(names, False))
    live = {"--live", "--venue", "--venue kalshi", "--exchange", "--fuse", "--yes-i-accept-real-orders"}
    together.check(together.RUN, {name: name in live for name in names})


@pytest.fixture
def packs(tmp_path: Path) -> None:
    """A pack for paper, with a mistake in a rule of it, and the practice pack for Kalshi."""
    for pack, source in (("paper", "template/rules/example"), ("kalshi", "template_kalshi/rules/practice")):
        shutil.copytree(PROJECT / "engine" / "cli" / source, tmp_path / "rules" / pack)


@pytest.mark.usefixtures("packs")
def test_on_a_venue_only_its_own_packs_run_and_the_others_are_named(verb: Cli) -> None:
    told = verb("run", *VENUE)
    assert "pack example is left out: it is for paper; --pack example would run it" in told.err
    assert "AUTOTRADER__KALSHI__API_KEY_ID" in told.err, "the next thing that is missing"
    assert "left out" not in verb("run", *VENUE, "--pack", "practice").err


@pytest.mark.usefixtures("packs")
def test_a_mistake_in_a_pack_for_elsewhere_stops_no_run_here(verb: Cli, tmp_path: Path) -> None:
    (tmp_path / "rules" / "paper" / "crossover.yaml").write_text("kind: strategy\nname: broken\n")
    assert "have errors and cannot run" not in verb("run", *VENUE).err
    assert "have errors and cannot run" in verb("run", *VENUE, "--pack", "example").err


@pytest.mark.usefixtures("packs")
def test_without_a_pack_for_the_venue_the_others_are_named(verb: Cli, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "rules" / "kalshi")
    told = verb("run", *VENUE)
    assert told.code == 2
    assert "no pack in rules is for kalshi: choose --pack example" in told.err
    assert "engine init DIR --venue kalshi" in told.err


@pytest.mark.usefixtures("packs")
def test_the_flag_for_services_is_refused_where_no_phrase_is_asked_for(
    verb: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTRADER__KALSHI__EXECUTION_MODE", "live")
    told = verb("run", "--live", *VENUE, "--yes-i-accept-real-orders")
    assert told.code == 2
    assert "the environment is demo, which has mock money and asks for no phrase; leave it out" in told.err


@pytest.mark.parametrize("text", ["1e400", "1e15", "-1", "nan"])
def test_no_money_setting_is_beyond_counting(verb: Cli, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("AUTOTRADER__PAPER__CASH", text)
    told = verb("config", "validate")
    assert told.code == 2 and "paper.cash" in told.err and "Traceback" not in told.err


def test_the_practice_pack_is_clean_tested_and_formatted(verb: Cli, tmp_path: Path) -> None:
    assert verb("init", "mine", "--venue", "kalshi").code == 0
    rules = str(tmp_path / "mine" / "rules")
    assert verb("lint", rules, "--fail-level", "warning").code == 0
    assert verb("test", rules).out.endswith("passed, 0 failed\n")
    assert verb("fmt", "--check", rules).code == 0


ZONED = """\
kind: pack
name: {name}
venue: paper
timezone: {zone}
universe: [SPY]
"""
ZONED_RULES = """\
kind: strategy
name: buy
on: bar(1m)
when: time_of_day > 15:30
cooldown: 1m
then: {buy: {size: 1}}
---
kind: exit
name: out
when: position.age > 5m
then: {close: all}
"""


def test_packs_of_several_timezones_do_not_share_a_run(verb: Cli, tmp_path: Path) -> None:
    for name, zone in (("here", "America/New_York"), ("there", "Europe/Berlin")):
        (tmp_path / "rules" / name).mkdir(parents=True)
        (tmp_path / "rules" / name / "pack.yaml").write_text(ZONED.format(name=name, zone=zone), encoding="utf-8")
        (tmp_path / "rules" / name / "rules.yaml").write_text(ZONED_RULES, encoding="utf-8")
    refused = verb("run", "--paper", "--once")
    assert refused.code == 2
    assert "here is in America/New_York, there is in Europe/Berlin; give them one, or run them apart" in refused.err
    assert verb("run", "--paper", "--once", "--pack", "there").code == 0


def test_a_run_is_told_by_the_clocks_of_its_pack(verb: Cli, tmp_path: Path) -> None:
    (tmp_path / "rules" / "there").mkdir(parents=True)
    (tmp_path / "rules" / "there" / "pack.yaml").write_text(
        ZONED.format(name="there", zone="Europe/Berlin"), encoding="utf-8"
    )
    (tmp_path / "rules" / "there" / "rules.yaml").write_text(ZONED_RULES, encoding="utf-8")
    (tmp_path / "autotrader.toml").write_text("[run]\ninterval_seconds = 0\n", encoding="utf-8")
    ran = verb("run", "--paper", "--pack", "there")
    assert ran.code == 0, ran.err
    fired = next(line for line in ran.out.splitlines() if "there.buy SPY  FIRED" in line)
    moment = fired[: len("2024-03-05 15:31")]
    assert moment[-5:] == "15:31"  # time_of_day > 15:30, as the rule says
    assert "(Europe/Berlin)" in ran.out
    assert "FIRED" in verb("why-not", "there.buy", "SPY", "--at", moment).out


def test_a_symbol_that_is_asked_for_and_not_in_the_data_is_refused(verb: Cli, tmp_path: Path) -> None:
    (tmp_path / "rules" / "here").mkdir(parents=True)
    (tmp_path / "rules" / "here" / "pack.yaml").write_text(
        ZONED.format(name="here", zone="America/New_York"), encoding="utf-8"
    )
    (tmp_path / "rules" / "here" / "rules.yaml").write_text(ZONED_RULES, encoding="utf-8")
    (tmp_path / "data").mkdir()
    lines = [
        "ticker,volume,open,close,high,low,window_start,transactions",
        "SPY,100,500,500.1,500.2,499.9,1709649000000000000,1",
        "SPY,100,500,500.1,500.2,499.9,1710167400000000000,1",  # four sessions lie between
    ]
    (tmp_path / "data" / "day.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    refused = verb("backtest", "here", "--data", "data", "--symbols", "SPY,SPYX")
    assert refused.code == 2
    assert "--symbols: data has nothing of SPYX; did you mean SPY?" in refused.err
    ran = verb("backtest", "here", "--data", "data", "--symbols", "SPY")
    assert ran.code == 0, ran.err
    assert "trading days of XNYS without data" in ran.out
    assert "Nothing odd in the data." not in ran.out


RESTING_RULES = """\
kind: strategy
name: hope
on: bar(1m)
when: not position.open
cooldown: 1h
then: {buy: {size: 1, limit: close - 20%, within: 5m}}
---
kind: exit
name: out
when: position.age > 5m
then: {close: all}
"""


def test_an_entry_that_nobody_met_does_not_end_without_a_word(verb: Cli, tmp_path: Path) -> None:
    (tmp_path / "rules" / "here").mkdir(parents=True)
    (tmp_path / "rules" / "here" / "pack.yaml").write_text(
        ZONED.format(name="here", zone="America/New_York"), encoding="utf-8"
    )
    (tmp_path / "rules" / "here" / "rules.yaml").write_text(RESTING_RULES, encoding="utf-8")
    (tmp_path / "autotrader.toml").write_text("[run]\ninterval_seconds = 0\n", encoding="utf-8")
    ran = verb("run", "--paper")
    assert ran.code == 0, ran.err
    order = next(line for line in ran.out.splitlines() if "FIRED" in line).partition("[")[2][:8]
    assert f"expired: {order}: its time is over" in ran.out
