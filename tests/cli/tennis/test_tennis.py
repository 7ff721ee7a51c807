"""``engine tennis`` and the pack tennis_value as a user runs them, on real results."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Timer
from typing import Any, NamedTuple

import pytest

pytest.importorskip("rapidfuzz")
pytest.importorskip("uvicorn")

import httpx

from connectors.alpha.file import write_alpha
from connectors.alpha.models import Signal
from connectors.simulators.kalshi.scenario import read_scenario
from connectors.simulators.kalshi.server import Practice, PracticeServer, Setup
from connectors.simulators.kalshi.venue import Options
from connectors.tennis.database import read_competitors
from engine.cli.main import main
from engine.market.tennis import Tour
from tests.exchange import let_in
from tests.nursery import python

PROJECT = Path(__file__).parents[3]
Cli = Callable[..., Any]
WEEK = ("tennis", "week", "--from", "2023-08-28", "--to", "2023-08-28")
DRY = ("run", "--pack", "tennis_value", "--dry-run", "--once", "--trace", "none")
LINE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d E[SD]T - INFO - (.*)$", re.MULTILINE)


class Answered(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def database(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The women's results, imported as a user does."""
    path = tmp_path_factory.mktemp("tennis") / "data" / "tennis.db"
    data = shared_data / "tennis"
    code = main([
        "tennis", "import", "--players", str(data / "wta_players.csv.gz"),
        "--matches", str(data / "wta_matches_202*.csv.gz"), "--out", str(path), "--json",
    ])  # fmt: skip
    assert code == 0
    return path


@pytest.fixture
def folder(tmp_path: Path, database: Path) -> Path:
    """A working folder with that database."""
    (tmp_path / "autotrader.toml").write_text(
        f'[rules]\npaths = ["{PROJECT}/rules"]\n[tennis]\ndatabase = "{database}"\n', encoding="utf-8"
    )
    return tmp_path


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """The command in this process, in that folder."""

    def act(*words: object) -> Answered:
        monkeypatch.chdir(folder)
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return Answered(code, said.out, said.err)

    return act


def test_results_are_imported_and_the_licence_is_said(
    engine_cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wta_players.csv").write_text("player_id,name_first,name_last\n1,Ada,Okonjo\n2,Lea,Ribeira\n")
    header = (
        "tourney_id,tourney_name,surface,tourney_level,tourney_date,match_num,winner_id,loser_id,score,best_of,round\n"
    )
    row = "2023-1,Nowhere,Clay,P,20230102,1,1,2,6-0 6-0,3,F\n"
    (tmp_path / "wta_matches_2023.csv").write_text(header + row)
    words = ("tennis", "import", "--players", "wta_players.csv", "--matches", "wta_matches_*.csv")
    answer = engine_cli(*words, cwd=tmp_path)
    assert answer.code == 0, answer.err
    assert "WTA: 2 players, 1 matches" in answer.out
    assert "NonCommercial-ShareAlike" in answer.out
    assert (tmp_path / "data" / "tennis.db").is_file()
    (tmp_path / "wta_matches_2024.csv").write_text(header + row.replace("6-0 6-0", "?"))
    monkeypatch.chdir(tmp_path)

    def refusal(*asked: str) -> str:
        assert main(asked) == 2
        return capsys.readouterr().err

    assert "wta_matches_2024.csv:2: score '?' is no score" in refusal(*words)
    (tmp_path / "wta_matches_2024.csv").write_text(header + row)
    assert "is in wta_matches_2023.csv already" in refusal(*words)
    (tmp_path / "wta_matches_2024.csv").write_text(header + row.replace(",1,1,2,", ",2,1,9,"))
    assert "has player 9, who is in none of wta_players.csv" in refusal(*words)
    assert "names no file" in refusal(*words[:-1], "none*.csv")


def test_the_model_is_judged(here: Cli, folder: Path, shared_data: Path) -> None:
    data = shared_data / "tennis"
    words = (
        "tennis", "evaluate", "--tour", "wta", "--players", data / "wta_players.csv.gz",
        "--matches", data / "wta_matches_201[678].csv.gz", "--from", "2018-09-24", "--to", "2018-12-31",
    )  # fmt: skip
    answer = here(*words, "--html", "model.html")
    assert answer.code == 0, answer.err
    assert "Reliability of the model" in answer.out
    assert "<svg" in (folder / "model.html").read_text(encoding="utf-8")
    told = json.loads(here(*words, "--json").out)
    assert told["matches"] > 300
    assert told["log_loss"] < 0.67
    assert {"accuracy", "brier", "ece", "variants", "reliability"} <= set(told)
    early = here(*words[:-4], "--from", "2016-01-01", "--to", "2016-12-31")
    assert early.code == 1
    assert "500 are needed" in early.err


def test_a_match_is_priced_and_a_name_that_is_not_sure_is_refused(here: Cli) -> None:
    words = ("tennis", "match", "--tour", "wta", "--on", "2023-09-01")
    told = json.loads(here(*words, "I. Swiatek", "Gauff Coco", "--json").out)
    first, second = told["players"]
    assert (first["name"], second["name"]) == ("Iga Swiatek", "Coco Gauff")
    assert first["probability"] > 0.6
    assert first["probability"] + second["probability"] == pytest.approx(1)
    assert told["rated_until"] < "2023-09-01"
    nobody = here(*words, "Swiatek", "Coco Gauff")
    assert nobody.code == 1
    assert "no active player is called Swiatek" in nobody.err
    missing = here("tennis", "match", "--tour", "atp", "A B", "C D")
    assert missing.code == 2
    assert "has no ATP matches" in missing.err


def test_a_past_week_becomes_markets_that_end_as_the_matches_did(here: Cli, folder: Path) -> None:
    answer = here(*WEEK, "--json")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    document = read_scenario(folder / told["out"])
    assert len(document["markets"]) == told["markets"] == 2 * told["matches"] > 60
    events: dict[str, list[str]] = {}
    for market in document["markets"]:
        events.setdefault(market["event_ticker"], []).append(market["practice_result"])
    assert all(sorted(results) == ["no", "yes"] for results in events.values())


@pytest.fixture
def exchange(here: Cli, folder: Path) -> Iterator[tuple[PracticeServer, str, dict[str, str]]]:
    """The practice exchange with a day of the US Open of 2023, and the variables that name it."""
    assert here(*WEEK, "--json").code == 0
    setup = Setup(Options(seed=5, unlimited=True), markets=read_scenario(folder / "data" / "tennis_week.json"))
    with PracticeServer(Practice(setup)) as server:
        user, environment = let_in(server, folder)
        yield server, user, {**environment, "AUTOTRADER__TENNIS__AS_OF": "2023-08-28"}


def test_a_look_at_the_venue_is_told_in_the_lines_of_the_former_trader(
    engine_cli: Cli, folder: Path, exchange: tuple[PracticeServer, str, dict[str, str]], database: Path
) -> None:
    server, user, environment = exchange
    parameters = ("--param", "enough_volume.min_volume=0", "--param", "back_player.max_size=5")
    answer = engine_cli(*DRY, "--venue", "kalshi", *parameters, cwd=folder, env=environment)
    assert answer.code == 0, answer.err
    lines = LINE.findall(answer.out)
    assert lines[0] == "Starting market scan..."
    assert re.fullmatch(r"Found \d+ tradable opportunities", lines[1])
    orders = [line for line in lines if line.startswith("[DRY RUN] Would place order: {'ticker': 'KXWTAMATCH-")]
    assert orders
    assert all("'side': 'yes', 'action': 'buy', 'count': " in line for line in orders)
    assert lines[-1] == f"Placed {len(orders)} trades in this scan"
    assert len(orders) == len({line.split("'")[3].rpartition("-")[0] for line in orders}), "one bet a match"
    assert "tennis markets have a price" in answer.err
    books = httpx.get(f"{server.control_url}/books", headers=server.control_headers).json()
    assert not [order for order in books["orders"] if order["user_id"] == user]
    assert len(read_competitors(database, Tour.WTA)) > 60, "who is who is remembered"


def test_a_capture_of_two_sources_is_decided_again_as_it_was(
    here: Cli, folder: Path, exchange: tuple[PracticeServer, str, dict[str, str]]
) -> None:
    server, _, environment = exchange
    told = httpx.get(f"{server.rest_url}/markets", params={"status": "open"}).json()["markets"]
    now = datetime.now(UTC)
    signals = [
        Signal(ticker=market["ticker"], fair_yes_probability=0.97, confidence=0.9, as_of=now,
               expiry=now + timedelta(hours=1), source="test")
        for market in told[:2]
    ]  # fmt: skip
    write_alpha(folder / "data" / "alpha_signals.json", signals, now)
    packs = ("--pack", "tennis_value", "--pack", "kalshi_alpha", "--param", "tennis_value.enough_volume.min_volume=0",
             "--param", "kalshi_alpha.max_positions.most_positions=200")  # fmt: skip
    words = ("run", "--paper", "--venue", "kalshi", "--trace", "fired", "--capture", "two.cap", "--json", *packs)
    run = subprocess.Popen(
        [python(), "-u", "-m", "engine", *words], cwd=folder, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
    )  # fmt: skip
    overdue = Timer(60, run.kill)
    overdue.start()
    missing = {"back_player", "buy_yes"}
    assert run.stdout is not None
    while missing and (line := run.stdout.readline()):
        missing -= {name for name in missing if name in line and "FIRED" in line}
    run.send_signal(signal.SIGINT)
    note = json.loads(run.communicate(timeout=60)[0].splitlines()[-1])
    overdue.cancel()
    assert not missing
    (folder / "data" / "alpha_signals.json").unlink()  # what both sources said is in the capture
    again = here("replay", "two.cap", *packs, "--json")
    assert again.code == 0, again.err
    replayed = json.loads(again.out)
    same = ("decisions_sha256", "orders", "fills", "ticks")
    assert {name: replayed[name] for name in same} == {name: note[name] for name in same}
    assert replayed["same_as_run"] is True
    assert {rule["rule"] for rule in replayed["per_rule"]} == {"tennis_value.back_player", "kalshi_alpha.buy_yes"}


def test_without_a_venue_made_up_matches_are_traded(engine_cli: Cli, here: Cli, folder: Path) -> None:
    answer = engine_cli(*DRY, "--param", "back_player.min_value=2%", cwd=folder)
    assert answer.code == 0, answer.err
    lines = LINE.findall(answer.out)
    assert lines[:2] == ["Starting market scan...", "Found 1 tradable opportunities"]
    assert lines[2].startswith("[DRY RUN] Would place order: {'ticker': 'KXSIMTENNIS-24MAR05")
    assert lines[3].startswith("  Opportunity: Will ")
    assert re.fullmatch(r"  Value edge: \d+\.\d%", lines[4])
    assert re.fullmatch(r"  Expected value: \d+\.\d%", lines[5])
    assert lines[6] == "Placed 1 trades in this scan"
    told = [line[:23] for line in answer.out.splitlines() if "FIRED" in line or " - INFO - " in line]
    assert set(told) == {"2024-03-05 12:00:00 EST"}, "one look, by one clock"
    stricter = here(*DRY, "--param", "back_player.min_value=20%")
    assert LINE.findall(stricter.out)[-1] == "Placed 0 trades in this scan"


def test_without_a_database_the_mend_is_said(engine_cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "autotrader.toml").write_text(f'[rules]\npaths = ["{PROJECT}/rules"]\n', encoding="utf-8")
    answer = engine_cli("tennis", "week", "--from", "2023-05-01", cwd=tmp_path)
    assert answer.code == 2
    assert "there is no tennis database" in answer.err
    assert "`engine tennis import` makes one" in answer.err
