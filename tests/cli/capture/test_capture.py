"""Captures as a user makes and uses them: a paper run decided again, a kill, info, export, a back-test."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn")

from connectors.capture.reader import Capture
from connectors.simulators.kalshi.listings import many
from connectors.simulators.kalshi.server import Practice, PracticeServer, Setup
from connectors.simulators.kalshi.venue import Options
from state import open_store
from tests.exchange import let_in
from tests.nursery import python
from tests.running import said, stopped, wait_for

PROJECT = Path(__file__).parents[3]
RULES = PROJECT / "engine" / "cli" / "template_kalshi" / "rules"  # of the practice pack
PACK = ("--pack", "practice")
SECONDS = 1_000_000_000
EngineCli = Callable[..., Any]
Verb = Callable[..., Any]


@dataclass
class Place:
    """A working folder with a key, and a practice exchange that knows it."""

    server: PracticeServer
    folder: Path
    environment: dict[str, str]

    def start(self, *words: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(PROJECT), **self.environment}
        command = [python(), "-u", "-m", "engine", *words]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.folder, env=environment, stdout=pipe, stderr=pipe, text=True)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    practice = Practice(Setup(Options(seed=5, unlimited=True), markets=many(4, time.time_ns()), trader_rate=4.0))
    with PracticeServer(practice) as server:
        (tmp_path / "autotrader.toml").write_text(f'[rules]\npaths = ["{RULES}"]\n', encoding="utf-8")
        yield Place(server, tmp_path, let_in(server, tmp_path)[1])


def records(path: Path) -> int:
    """How many records are on disk, whole."""
    return sum(frame.records for frame in Capture(path).frames()) if path.is_file() else 0


def test_paper_runs_come_out_the_same_from_their_capture(place: Place, verb: Verb) -> None:
    command = ("run", "--venue", "kalshi", *PACK, "--trace", "fired", "--json", "--capture", "run.cap")
    with place.start(*command) as process:
        said(process, "filled:")
        place.server.do(lambda practice: practice.venue.faults.set("ws-close:#1"))  # also across a lost connection
        said(process, "FIRED", 3)
        first = stopped(process)
    assert first["connections"] == 2
    with place.start(*command) as process:  # goes on with the account of the first, and what it held
        said(process, "filled:", 2)
        second = stopped(process)

    for session, note in (("1", first), ("2", second)):
        again = verb("replay", "run.cap", *PACK, "--session", session, "--json")
        assert again.code == 0, again.err
        told = json.loads(again.out)
        same = ("decisions_sha256", "orders", "fills", "ticks")
        assert {name: told[name] for name in same} == {name: note[name] for name in same}
        assert (told["run"], told["same_as_run"]) == (note["run"], True)
        assert told["fills"] > 0
        assert told["trades"] == note["trades"] + len(note["still_open"]), "a file ends, an account goes on"
        assert [trade["net"] for trade in told["trade_list"]]
    assert "the same as in run" in verb("replay", "run.cap", *PACK, "--session", "1").out
    assert "--session chooses one" in verb("replay", "run.cap", *PACK).out
    # Other parameters are another run: not compared, and their decisions are others.
    words = ("--session", "1", "--param", "practice.lean_yes.lean=0.9", "--json")
    other = json.loads(verb("replay", "run.cap", *PACK, *words).out)
    assert other["same_as_run"] is None
    assert other["decisions_sha256"] != first["decisions_sha256"]
    # A back-test reads it, too, with its bounds and its report; without --session, all of it.
    tested = json.loads(verb("backtest", "practice", "--data", "run.cap", "--out", "report", "--json").out)
    assert tested["ticks"] == first["ticks"] + second["ticks"] + 1  # what was unknown in between is told once
    for engine in ("columns", "tick"):
        again = json.loads(verb("backtest", "practice", "--data", "run.cap", "--engine", engine, "--json").out)
        assert (again["engine"], again["fallback"]) == (engine, "")
        assert again["decisions_sha256"] == tested["decisions_sha256"]
    assert (place.folder / "report" / "report.html").is_file()
    # A paper run over it says whose prices those were: a practice exchange's are no evidence for a gate.
    words = ("--source", "replay", "--data", "run.cap", "--trace", "none", "--json")
    replayed = json.loads(verb("run", "--paper", *words, *PACK).out.splitlines()[-1])["run"]
    inputs = open_store(place.folder / "state" / "autotrader.db").snapshot(replayed, "inputs")
    assert inputs is not None
    assert inputs["source"] == "capture kalshi practice"
    by_id = verb("replay", first["run"], "--json")
    assert json.loads(by_id.out)["difference"] is None


def test_a_killed_capture_keeps_what_was_written_and_is_gone_on_with(
    place: Place, engine_cli: EngineCli, verb: Verb
) -> None:
    path = place.folder / "market.cap"
    command = ("capture", "--out", "market.cap", *PACK, "--interval", "0.5")
    with place.start(*command) as process:
        said(process, "cycle", 3)
        written = path.stat().st_size
        wait_for(lambda: path.stat().st_size > written)  # once a second
        process.kill()
        process.communicate()
    kept = records(path)
    assert kept >= 40
    whole = path.read_bytes()
    path.write_bytes(whole + whole[16:60])  # a frame that the kill had caught half way
    broken = verb("capture", "info", "market.cap", "--json")
    assert broken.code == 1
    damage = json.loads(broken.out)["damage"]
    assert (damage["offset"], damage["torn"], damage["lost_bytes"]) == (len(whole), True, 44)
    more = engine_cli(*command, "--cycles", "2", cwd=place.folder, env=place.environment)
    assert more.code == 0, more.err
    assert f"44 bytes from byte {len(whole)} on were half written" in more.err
    assert "cycle 2 of 2" in more.out
    assert path.read_bytes()[: len(whole)] == whole
    sound = verb("capture", "info", "market.cap", "--json")
    assert sound.code == 0
    told = json.loads(sound.out)
    assert [session["ended"] for session in told["sessions"]] == [False, True]
    assert told["sessions"][0]["venue"] == "kalshi"
    assert len(told["sessions"][0]["markets"]) == 4
    assert {"books", "trades", "tickers", "pulses"} <= told["counts"].keys()
    assert told["gaps"][0]["why"] == "the capture broke off"
    replayed = json.loads(verb("replay", "market.cap", *PACK, "--json").out)
    assert replayed["ticks"] > 0
    assert replayed["same_as_run"] is None


def test_markets_can_be_named_by_series_and_exported_as_parquet(
    place: Place, engine_cli: EngineCli, verb: Verb
) -> None:
    pq = pytest.importorskip("pyarrow.dataset")
    words = ("capture", "--out", "s.cap", "--series", "KXPRACTICE", "--cycles", "1", "--interval", "2", "--json")
    made = engine_cli(*words, cwd=place.folder, env=place.environment)
    assert made.code == 0, made.err
    note = json.loads(made.out)
    assert len(note["markets"]) == 4
    assert verb("capture", "export", "s.cap", "--out", "pq").code == 0
    counts = json.loads(verb("capture", "info", "s.cap", "--json").out)["counts"]
    for kind, column in (("trades", "price"), ("tickers", "last"), ("markets", "close_ns")):
        table = pq.dataset(place.folder / "pq" / f"kind={kind}", partitioning="hive").to_table()
        assert table.num_rows == counts[kind]
        assert {"ticker", "time", "time_ns", "date", column} <= set(table.column_names)
    quotes = pq.dataset(place.folder / "pq" / "kind=quotes", partitioning="hive").to_table().to_pylist()
    assert all(q["bid"] is None or q["ask"] is None or 0 < q["bid"] < q["ask"] < 1 for q in quotes)
    again = verb("capture", "export", "s.cap", "--out", "pq")
    assert (again.code, "pq is not empty" in again.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("capture", "name the file to write"),
        ("capture info", "name the capture"),
        ("capture info none.cap", "none.cap: no such file"),
        ("capture info text.cap", "this is no capture"),
        ("capture info text.cap --cycles 3", "takes no --cycles"),
        ("capture export text.cap", "name the folder to write"),
        ("replay none.cap", "none.cap: no such file"),
        ("replay --session 2", "are for a capture"),
        ("run --capture x.cap", "add --venue kalshi"),
        ("run --capture x.cap --venue kalshi --once", "leave --once out"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    tmp_path: Path, verb: Verb, words: str, expected: str
) -> None:
    (tmp_path / "text.cap").write_text("no capture", encoding="utf-8")
    answer = verb(*words.split())
    assert answer.code == 2
    assert expected in answer.err
    assert answer.err.count("\n") == 1, answer.err


def test_a_pack_is_tested_on_recorded_candles(tmp_path: Path, verb: Verb, shared_data: Path) -> None:
    (tmp_path / "autotrader.toml").write_text(f'[rules]\npaths = ["{PROJECT}/tests/packs"]\n', encoding="utf-8")
    data, market = shared_data / "kalshi" / "candles", "KXNBAGAME-25NOV05WASBOS-WAS"
    plain, again, spread = (
        json.loads(verb("backtest", "candles", "--data", data, "--symbols", market, "--json", *more).out)
        for more in (("--engine", "tick"), ("--engine", "columns"), ("--assume-spread", "0.04"))
    )
    assert plain["decisions_sha256"] == again["decisions_sha256"]
    assert (again["engine"], again["fallback"]) == ("columns", "")
    assert plain["trades"] > 0
    assert "spread assumed: none, results known: 0 of 4" in plain["data"]
    assert "spread assumed: $0.04" in spread["data"]
    assert spread["summary"]["gross"] < plain["summary"]["gross"]  # half of it is paid at every market fill
    assert any(row["exit_reason"] == "end of data" for row in plain["per_exit_reason"])


def test_a_broken_candle_is_one_line_with_its_place(tmp_path: Path, verb: Verb) -> None:
    (tmp_path / "autotrader.toml").write_text(f'[rules]\npaths = ["{PROJECT}/tests/packs"]\n', encoding="utf-8")
    rows = "ticker,timestamp,open,high,low,close,volume\nKX-A,1766534400,66,66,66,166,3\n"
    (tmp_path / "broken.csv").write_text(rows, encoding="utf-8")
    answer = verb("backtest", "candles", "--data", "broken.csv")
    assert answer.code == 2
    assert answer.err == "error: broken.csv:2: close 166: a price in cents, above 0 and below 100, is wanted\n"
