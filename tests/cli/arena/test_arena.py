"""``engine arena`` and ``engine simulate arena`` as a user runs them."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.cli.arena.evaluate import DEFAULT
from engine.cli.main import main
from tests.nursery import python

PROJECT = Path(__file__).parents[3]
Cli = Callable[..., Any]


class Answered(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    """The same command in this process, which is quicker; one test of each command runs it as a user would."""
    monkeypatch.chdir(tmp_path)

    def act(*words: object, env: Mapping[str, str] | None = None) -> Answered:
        for name, value in (env or {}).items():
            monkeypatch.setenv(name, value)
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return Answered(code, said.out, said.err)

    return act


@pytest.fixture
def boards(shared_data: Path) -> Path:
    return shared_data / "arena" / "leaderboard_snapshots.jsonl.gz"


def test_the_default_estimator_wins_on_the_recorded_tables(engine_cli: Cli, boards: Path) -> None:
    answer = engine_cli("arena", "evaluate", "--boards", boards.resolve(), "--json")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert told["tables"] == 129 and told["best"] == told["default"] == DEFAULT
    assert [part["days"] for part in told["horizons"]] == [1.0, 7.0, 14.0]
    for part in told["horizons"]:
        loss = {score["estimator"]: score for score in part["scores"]}
        assert loss["model"]["log_loss"] < loss["base rate"]["log_loss"] < loss["leader stays"]["log_loss"]
        assert loss["model"]["high"] < 0.0, "better than the base rate by more than chance"
        assert loss["model"]["stays_log_loss"] < loss["base rate"]["stays_log_loss"]
        assert loss["model"]["log_loss"] < loss["seed"]["log_loss"]


def test_the_evaluation_is_a_table_to_read(here: Cli, boards: Path) -> None:
    answer = here("arena", "evaluate", "--boards", boards.resolve(), "--days", 7, "--from", "2026-02-16")
    assert answer.code == 0, answer.err
    assert "who leads in 7 days: 54 questions" in answer.out and "best of the two estimators: model" in answer.out


def test_without_tables_it_says_where_they_come_from(here: Cli) -> None:
    answer = here("arena", "evaluate")
    assert answer.code == 2 and "`engine run` keeps tables there; or name a file with --boards" in answer.err
    answer = here("arena", "evaluate", "--boards", "none.jsonl")
    assert answer.code == 2 and "there is no file none.jsonl" in answer.err


def test_a_saved_page_is_shown_as_it_would_settle(engine_cli: Cli, shared_data: Path, tmp_path: Path) -> None:
    saved = shared_data / "arena" / "leaderboard_page_2026-05-07_full.html.gz"
    (tmp_path / "page.html").write_bytes(gzip.decompress(saved.read_bytes()))
    answer = engine_cli("arena", "show", "--page", saved, "--rows", 2)
    assert answer.code == 0, answer.err
    assert "357 models from its flight, votes up to 2026-05-07T14:00:00Z" in answer.out
    assert "would win now: claude-opus-4-6-thinking, decided by score" in answer.out
    told = json.loads(engine_cli("arena", "show", "--page", "page.html", "--json").out)
    assert told["settlement"]["winner"] == "claude-opus-4-6-thinking" and told["models"] == 357


def test_a_page_that_is_not_to_be_believed_is_refused(here: Cli, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<html></html>")
    answer = here("arena", "show", "--page", "page.html")
    assert answer.code == 2 and "nothing on the page says that style control is off" in answer.err


def test_a_practice_leaderboard_is_shown_until_it_is_stopped(engine_cli: Cli, boards: Path, tmp_path: Path) -> None:
    command = [python(), "-m", "engine", "simulate", "arena", "--port", "0", "--boards", str(boards.resolve()),
               "--from", "2026-03-17", "--to", "2026-03-20", "--speed", "0.001", "--fault", "few-rows@primary",
               "--json"]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said: dict[str, Any] = json.loads(process.stdout.readline())
        assert said["tables"] == 4 and said["first"].startswith("2026-03-16T21:25")
        urls = {"AUTOTRADER__ARENA__PRIMARY_URL": said["primary"], "AUTOTRADER__ARENA__FALLBACK_URL": said["fallback"]}
        answer = engine_cli("arena", "show", env=urls)
        assert answer.code == 0, answer.err
        assert "it has 40 rows" in answer.err and "the fallback is asked" in answer.err
        assert "would win now: claude-opus-4-6, decided by score" in answer.out
        assert "ambiguous" not in answer.out
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0
    answer = engine_cli("arena", "show", env=urls)
    assert answer.code == 3, "nobody answers any more"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--fault", "fire"], "there is no kind fire"),
        (["--from", "2030-01-01", "--boards", "none.jsonl"], "there is no file none.jsonl"),
    ],
)
def test_a_practice_leaderboard_that_cannot_be_says_why(
    here: Cli, boards: Path, options: list[str], words: str
) -> None:
    more = [] if "--boards" in options else ["--boards", str(boards.resolve())]
    answer = here("simulate", "arena", "--port", "0", *options, *more)
    assert answer.code == 2 and words in answer.err


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://example.org/leaderboard/text/overall-no-style-control", "needs an address on https://arena.ai"),
        ("http://arena.ai/leaderboard/text/overall-no-style-control", "needs an address on https://arena.ai"),
        ("https://arena.ai/leaderboard/text", "needs the table without style control"),
    ],
)
def test_only_the_site_and_this_machine_are_asked(here: Cli, url: str, words: str) -> None:
    answer = here("arena", "show", env={"AUTOTRADER__ARENA__PRIMARY_URL": url})
    assert answer.code == 2 and words in answer.err


def test_contracts_are_written_for_the_practice_exchange(here: Cli, boards: Path, tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    from connectors.arena.markets import read_contract
    from connectors.simulators.kalshi.scenario import read_scenario
    from engine.market.signals import MarketListing

    answer = here("arena", "markets", "--boards", boards.resolve(), "--day", "2026-02-20", "--json")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    document = read_scenario(tmp_path / "data" / "arena_markets.json")
    assert told["markets"] == len(document["markets"]) and told["table"].startswith("2026-02-20")
    names = set()
    for market in document["markets"]:
        series = market["ticker"].partition("-")[0]
        contract = read_contract(
            MarketListing(market["ticker"], market["event_ticker"], series, market["title"], market["yes_sub_title"],
                          market["rules_primary"], 0, 0)
        )  # fmt: skip
        names.add(contract.name)
    assert {"claude-opus-4-6", "Claude", "Gemini"} <= names


class TestTheChecklist:
    @pytest.fixture
    def kept(self, tmp_path: Path, boards: Path) -> Path:
        """A rules folder, and what runs of the last days would have kept."""
        (tmp_path / "autotrader.toml").write_text(
            f'[rules]\npaths = ["{PROJECT}/rules"]\n[arena]\nleast_rows = 50\n', encoding="utf-8"
        )
        folder = tmp_path / "data" / "arena"
        folder.mkdir(parents=True)
        (folder / "boards.jsonl").write_bytes(gzip.decompress(boards.read_bytes()))
        now = datetime.now(UTC)
        with (folder / "looks.jsonl").open("w", encoding="utf-8") as out:
            for n in range(500):
                at = (now - timedelta(minutes=10 * (500 - n))).isoformat()
                signals = (
                    [["new_leader", "o1-preview", "ChatGPT-4o-latest (2024-09-03)", "o1-preview"]] if n == 9 else []
                )
                out.write(json.dumps({"at": at, "url": "u", "good": n % 50 != 0, "fallback": n % 50 == 1,
                                      "signals": signals}) + "\n")  # fmt: skip
        return folder

    def items(self, here: Cli) -> dict[str, Any]:
        answer = here("report", "hardening", "--json")
        assert answer.code == 1, answer.err
        told = json.loads(answer.out)
        assert told["passed"] is False
        return {item["item"]: item for item in told["items"]}

    def test_says_what_holds_what_does_not_and_what_is_not_known(self, here: Cli, kept: Path) -> None:
        items = self.items(here)
        assert len(items) == 15
        assert items["the page can be read"]["value"] == "98.0%, 10 at the fallback"
        for name in ("the page can be read", "it was watched for days", "signals are moves of the kept tables",
                     "new leaders are those of settlement", "no signal is told twice", "caps are in the pack",
                     "the estimator is better than the base rate", "today's checks take every kept table"):  # fmt: skip
            assert items[name]["holds"] is True, items[name]
        assert items["no silent gaps between looks"]["holds"] is False, "20 minutes around each failed look"
        assert items["sizes were tried on paper fills"]["holds"] is False
        assert items["halt and resume were tried"]["holds"] is False
        assert items["an edge is left after fees, spread and slippage"]["holds"] is None

    def test_finds_signals_that_no_table_shows_and_doubles(self, here: Cli, kept: Path) -> None:
        lines = [json.loads(line) for line in (kept / "looks.jsonl").read_text().splitlines()]
        lines[20]["signals"] = lines[21]["signals"] = [["new_leader", "x", "y", "x"]]
        (kept / "looks.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        items = self.items(here)
        assert items["signals are moves of the kept tables"]["value"] == "1 of 3"
        assert items["new leaders are those of settlement"]["holds"] is False
        assert items["no signal is told twice"]["value"] == "1"

    def test_counts_a_halt_that_was_lifted(self, here: Cli, kept: Path) -> None:
        assert here("db", "init").code == 0
        assert here("halt").code == 0 and here("resume").code == 0
        assert self.items(here)["halt and resume were tried"]["holds"] is True

    def test_is_a_gate_that_live_orders_ask_for(self, here: Cli, kept: Path) -> None:
        answer = here("gate", "check", "--pack", "arena_leaderboard", "--json")
        assert answer.code == 1, answer.err
        gates = {gate["gate"]: gate for gate in json.loads(answer.out)["packs"][0]["gates"]}
        hardening = gates["arena_leaderboard.hardening"]
        assert hardening["passed"] is False
        held = {one["text"]: one["holds"] for one in hardening["requirements"]}
        assert len(held) == 15
        assert held["data: the page can be read"] is True
        assert held["limits: an edge is left after fees, spread and slippage"] is None
        other = json.loads(here("gate", "check", "--pack", "kalshi_alpha", "--json").out)["packs"][0]["gates"]
        assert not any("hardening" in gate["gate"] for gate in other)

    def test_keeps_the_daily_report_from_saying_go(self, here: Cli, kept: Path) -> None:
        assert here("db", "init").code == 0
        answer = here("report", "pm", "--pack", "arena_leaderboard", "--json")
        assert answer.code == 0, answer.err
        (found,) = json.loads(answer.out)["packs"]
        checked = json.loads(here("gate", "check", "--pack", "arena_leaderboard", "--json").out)["packs"][0]["gates"]
        assert [gate["gate"] for gate in found["gates"]] == [gate["gate"] for gate in checked]
        assert any(reason.startswith("arena_leaderboard.hardening: ") for reason in found["reasons"])

    def test_knows_nothing_before_the_first_run(self, engine_cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "autotrader.toml").write_text(f'[rules]\npaths = ["{PROJECT}/rules"]\n', encoding="utf-8")
        answer = engine_cli("report", "hardening", env={"COLUMNS": "200"})
        assert answer.code == 1, answer.err
        assert "1 of 15 items hold" in answer.out, "the caps are in the pack"
