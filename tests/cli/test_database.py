"""The verbs on a store in PostgreSQL, as a user with a settings file and a password in the environment runs them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.cli.main import main
from engine.market.marketdata import BarRow, TickRow
from state.marketdata import open_market_data
from tests import postgres

NOW = 1_709_649_000_000_000_000
Cli = Callable[..., Any]


class Answer(NamedTuple):
    """What a verb printed."""

    out: str
    err: str


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    if missing := postgres.why_not():
        pytest.skip(missing)
    with postgres.running() as started:
        yield started


def test_a_user_moves_to_a_database_and_back(
    server: postgres.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, url = tmp_path / "mine", server.url("mine")
    monkeypatch.setenv("AUTOTRADER__STORE__PASSWORD", postgres.PASSWORD)

    def engine(*words: object, code: int = 0) -> Answer:
        """In this process, because most verbs take less time than their start."""
        assert main([str(word) for word in words]) == code
        said = Answer(*capsys.readouterr())
        assert postgres.PASSWORD not in said.out + said.err
        return said

    engine("init", folder)
    monkeypatch.chdir(folder)
    run = ("run", "--paper", "--interval", "0", "--trace", "none", "--json")
    first = json.loads(engine(*run).out.splitlines()[-1])
    data = open_market_data(folder / "state" / "autotrader-market.db")
    data.upsert_ticks([TickRow("SPY", NOW + n, Decimal(n) / 4, None, "x", 0) for n in range(9)])
    data.upsert_bars([BarRow("SPY", NOW, *map(Decimal, "5645"), None, None, "x")])  # type: ignore[call-arg, arg-type]
    data.close()

    moved = engine("data", "copy", "--from", "sqlite:///state/autotrader.db", "--to", url, "--json")
    tables = json.loads(moved.out)["stores"]
    with sqlite3.connect(folder / "state" / "autotrader.db") as file:
        fills = file.execute("SELECT count(*) FROM fills").fetchone()[0]
    assert fills and {"table": "fills", "rows": fills} in [
        {"table": one["table"], "rows": one["rows"]} for one in tables["paper"]
    ]
    assert [one["rows"] for one in tables["market"] if one["table"] == "ticks"] == [9]
    again = engine("data", "copy", "--from", "sqlite:///state/autotrader.db", "--to", url, code=2)
    assert "is not empty" in again.err

    settings = folder / "autotrader.toml"
    settings.write_text(settings.read_text().replace("[store]", f'[store]\nurl = "{url}"'))
    assert engine("db", "migrate").out.count("up to date, nothing to do") == 2
    assert json.loads(engine("positions", "--json").out)["run"] == json.loads(
        engine("positions", "--run", first["run"], "--json").out
    )["run"]
    assert f"store: {url} (paper)" in engine("orders").out
    assert engine("db", "check").out == f"{url} (paper): sound\n"
    second = json.loads(engine(*run).out.splitlines()[-1])
    assert second["run"] != first["run"]
    assert engine("replay").out
    order = json.loads(engine("orders", "--json").out)["orders"][0]["client_id"]
    assert order in engine("why", order).out
    assert engine("report", "performance").out
    assert "entries are halted" in engine("halt", "--why", "noise").out
    assert (folder / "state" / "HALT").exists()
    assert "lifted" in engine("resume").out
    engine("db", "backup", tmp_path / "copy.dump")
    assert (tmp_path / "copy.dump").stat().st_size > 1000
    assert json.loads(engine("db", "alerts", "--json").out)["store"] == url
    assert "tables, ledger, orders, fills and inputs agree" in engine("doctor").out
    assert "url" in engine("config").out
    engine("data", "export", "--out", tmp_path / "out", "--symbols", "SPY")
    assert len(list((tmp_path / "out").rglob("*.parquet"))) == 2

    day = ("--from", "2024-03-05", "--to", "2024-03-05")
    engine("data", "export", "--as", "flatfiles", "--out", tmp_path / "bars", *day)
    assert len(list((tmp_path / "bars").rglob("*.csv.gz"))) == 1
    assert "--source is for --as flatfiles" in engine("data", "export", "--out", "x", "--source", "y", code=2).err

    back = engine("data", "copy", "--from", url, "--to", "sqlite:///back/autotrader.db")
    assert back.out.count("are the same in") == 2
    assert (folder / "back" / "autotrader.db").exists()


def test_a_database_that_is_not_there_is_one_line(engine_cli: Cli, tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    nowhere = {"AUTOTRADER__STORE__URL": "postgresql://me@127.0.0.1:1/trading"}
    answer = engine_cli("orders", env=nowhere)
    assert answer.code == 3
    assert "postgresql://me@127.0.0.1:1/trading?schema=autotrader cannot be reached" in answer.err
    halted = engine_cli("halt", "--why", "stop", env=nowhere)
    assert halted.code == 0
    assert "because its store could not be written" in halted.err
    assert (tmp_path / "state" / "HALT").read_text() == "stop\n"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://me:hunter2@db/trading", "store.url holds a password: take it out"),
        ("mysql://db/trading", "store.url names no database"),
    ],
)
def test_a_wrong_address_is_a_mistake_of_the_settings(engine_cli: Cli, tmp_path: Path, url: str, said: str) -> None:
    (tmp_path / "autotrader.toml").write_text(f'[store]\nurl = "{url}"\n')
    answer = engine_cli("config")
    assert answer.code == 2
    assert said in answer.err
    assert "hunter2" not in answer.err + answer.out


def test_migrate_says_what_it_did_and_does_it_once(engine_cli: Cli, tmp_path: Path) -> None:
    first = json.loads(engine_cli("db", "migrate", "--json").out)["stores"]
    assert [(row["kind"], row["migrated"][0]) for row in first] == [("paper", 1), ("market data", 1)]
    again = engine_cli("db", "migrate")
    assert again.out == (
        "state/autotrader.db (paper): up to date, nothing to do\n"
        "state/autotrader-market.db (market data): up to date, nothing to do\n"
    )
    assert engine_cli("db", "check").out == "state/autotrader.db (paper): sound\n"
    nothing = engine_cli("data", "export", "--out", tmp_path / "out", "--as", "flatfiles")
    assert (nothing.code, nothing.out) == (1, f"bars_1m: 0 rows in {tmp_path / 'out'}\n")
    same = "sqlite:///state/autotrader.db"
    assert "name the same store" in engine_cli("data", "copy", "--from", same, "--to", same).err
    missing = engine_cli("data", "copy", "--from", "sqlite:///not.db", "--to", same)
    assert missing.code == 2
    assert missing.err == "error: there is no store of paper, demo, live or market data at not.db\n"
