"""The source in a run: what it asks, keeps, refuses and tells, against a practice leaderboard over real sockets."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from connectors.arena import manifest as facts
from connectors.arena.board import Board
from connectors.arena.fetch import Clock
from connectors.arena.keep import read_boards
from connectors.arena.manifest import ARENA
from connectors.arena.source import ArenaSource
from connectors.simulators.arena.server import ArenaServer, Showing
from engine.market.events import NANOS, Observation

HOUR = 3_600 * NANOS
THINKING, PLAIN = "KXTOPMODEL-26MAR28-THINK", "KXTOPMODEL-26MAR28-PLAIN"
CLAUDE, GROK = "KXLLM1-26MAR28-A", "KXLLM1-26MAR28-XAI"
ABSENT, OTHER = "KXTOPMODEL-26MAR28-NONE", "KXLLM1-26MAR28-OTHER"


@dataclass
class Wishes:
    """As the settings of a run."""

    primary_url: str
    fallback_url: str
    folder: Path
    interval_seconds: int = 30
    timeout_seconds: int = 5
    confirm_minutes: int = 180
    least_rows: int = 100
    seed: int = 7


@dataclass
class Stage:
    """A practice leaderboard, a source that follows all markets, and a clock that both go by."""

    server: ArenaServer
    folder: Path
    now_ns: int
    slept: list[float] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)

    def clock(self) -> Clock:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            self.now_ns += int(seconds * NANOS)

        return Clock(lambda: self.now_ns, sleep, lambda: 0.5)

    def source(self, markets: Sequence[Any]) -> ArenaSource:
        made = ArenaSource.from_settings(Wishes(*self.server.urls, self.folder), self.clock())
        made.show(markets, self.now_ns)
        made.follow([market.ticker for market in markets], self.heard.append)
        return made

    def looks(self, source: ArenaSource, *hours: float) -> dict[tuple[str, str], Observation]:
        """A look after each of these hours, and what has been told by the end."""

        async def go() -> None:
            for passed in hours:
                self.now_ns += int(passed * HOUR)
                await source.look()
                said.update({(seen.symbol, seen.name): seen for seen in source.pulse(self.now_ns)})
            await source.fetcher.close()

        said: dict[tuple[str, str], Observation] = {}
        asyncio.run(go())
        return said


@pytest.fixture
def markets(listing: Callable[..., Any]) -> list[Any]:
    names = {THINKING: "claude-opus-4-6-thinking", PLAIN: "claude-opus-4-6", ABSENT: "gpt-99", CLAUDE: "Claude",
             GROK: "Grok", OTHER: "Other"}  # fmt: skip
    return [listing(name, ticker) for ticker, name in names.items()]


@pytest.fixture
def stage(recorded: list[Board], tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """``stage(faults, boards)``: the recorded tables from 2026-03-16 on, in their own time."""
    servers: list[ArenaServer] = []
    march = [board for board in recorded if board.seen_ns >= 1_773_690_000 * NANOS]

    def start(faults: str = "", boards: Sequence[Board] = march) -> Stage:
        made = Stage(None, tmp_path / "arena", boards[0].seen_ns)  # type: ignore[arg-type]
        made.server = ArenaServer(Showing(boards, fault_spec=faults, now_ns=lambda: made.now_ns))
        made.server.__enter__()
        servers.append(made.server)
        return made

    yield start
    for server in servers:
        server.__exit__(None, None, None)


@pytest.fixture
def log() -> Iterator[list[str]]:
    lines: list[str] = []
    handler = logger.add(lambda message: lines.append(message.record["message"]), level="INFO")
    yield lines
    logger.remove(handler)


def test_every_fact_of_the_manifest_is_told_and_no_other(stage: Callable[..., Stage], markets: list[Any]) -> None:
    play = stage()
    said = play.looks(play.source(markets), 0, 50)
    assert {name for _, name in said} <= {spec.name for spec in ARENA}
    told = {name for symbol, name in said if symbol == THINKING}
    assert told >= {spec.name for spec in ARENA} - {facts.NEW_MODEL, facts.SCORE_SHIFT, facts.RANKING_CHANGE}


def test_changes_of_a_model_are_facts_of_its_markets(
    stage: Callable[..., Stage], markets: list[Any], make: Any
) -> None:
    names = ("claude-opus-4-6", "claude-opus-4-6-thinking")
    others = [(f"llama-{k}", "Meta", 1480.0 - k) for k in range(25)]
    before = make([(names[0], "Anthropic", 1500.0, 9000, 1), (names[1], "Anthropic", 1490.0, 9000, 2), *others])
    after = make([("grok-9", "xAI", 1505.0, 3000, 1), (names[0], "Anthropic", 1497.0, 9000, 1),
                  (names[1], "Anthropic", 1490.0, 9000, 3), *others], days=1)  # fmt: skip
    play = stage(boards=[before, after])
    said = play.looks(play.source(markets), 0, 25)
    value = {key: seen.value for key, seen in said.items()}
    assert value[PLAIN, facts.SCORE_SHIFT] == -3.0 and (PLAIN, facts.RANKING_CHANGE) not in value
    assert value[THINKING, facts.RANKING_CHANGE] == -1.0 and (THINKING, facts.SCORE_SHIFT) not in value
    assert value[CLAUDE, facts.SCORE_SHIFT] == -3.0, "of its best model"
    assert {value[ticker, facts.NEW_MODEL] for ticker in (PLAIN, GROK)} == {"grok-9"}
    assert value[GROK, facts.NEW_LEADER] == "grok-9" and value[GROK, facts.LEADS] is True


def test_fair_values_lead_and_gap_of_models_and_brands(stage: Callable[..., Stage], markets: list[Any]) -> None:
    play = stage()
    said = play.looks(play.source(markets), 0)
    value = {key: seen.value for key, seen in said.items()}
    assert value[PLAIN, facts.LEADS] is True and value[THINKING, facts.LEADS] is False
    assert value[PLAIN, facts.GAP] == pytest.approx(0.78) and value[THINKING, facts.GAP] == pytest.approx(-0.78)
    fair = [value[ticker, facts.FAIR] for ticker in (PLAIN, THINKING, CLAUDE, GROK)]
    assert all(isinstance(p, float) and 0.0 <= p <= 1.0 for p in fair)
    plain, thinking, claude, grok = fair
    assert plain > thinking > 0.2 and claude >= plain + thinking and grok < 0.1
    assert value[PLAIN, facts.FAIR] == value[PLAIN, facts.FAIR_MODEL]
    assert value[PLAIN, facts.FAIR_SEED] == 0.72, "65, 5 for the lead, and 15 × 0.13 for battles won"
    assert value[CLAUDE, facts.RANK_UB] == 1 and value[CLAUDE, facts.SCORE] == 1499.01
    assert value[PLAIN, facts.CHECK] == 1_774_706_400, "2026-03-28, 10:00 in New York"


def test_what_nobody_can_price_is_unknown_with_its_reason(stage: Callable[..., Stage], markets: list[Any]) -> None:
    play = stage()
    said = play.looks(play.source(markets), 0)
    assert said[ABSENT, facts.FAIR].value is None
    assert said[ABSENT, facts.FAIR].reason == "the leaderboard has no model gpt-99" == said[ABSENT, facts.WHY_NOT].value
    assert "no organisation is known for Other" in said[OTHER, facts.FAIR].reason
    assert said[PLAIN, facts.WHY_NOT].value == ""
    late = play.looks(play.source(markets), 24 * 12)
    assert "has passed" in late[PLAIN, facts.FAIR].reason


def test_an_organisation_that_nobody_knows_stops_brands_and_not_models(
    stage: Callable[..., Stage], markets: list[Any], recorded: list[Board]
) -> None:
    board = recorded[-20]
    rows = (*board.rows[:3], replace(board.rows[3], organization="NewLab"), *board.rows[4:])
    play = stage(boards=[replace(board, rows=rows)])
    said = play.looks(play.source(markets), 0)
    assert "nobody knows whose brand NewLab is" in said[CLAUDE, facts.FAIR].reason
    assert said[PLAIN, facts.FAIR].value is not None


def test_nothing_is_said_twice_and_every_look_makes_facts_younger(
    stage: Callable[..., Stage], markets: list[Any]
) -> None:
    play = stage()
    source = play.source(markets)
    first = play.looks(source, 0)
    assert source.pulse(play.now_ns) == [] and source.pulse(play.now_ns + 5 * NANOS) == []
    again = play.looks(source, 0.5)
    assert again[PLAIN, facts.FAIR].time_ns == first[PLAIN, facts.FAIR].time_ns + HOUR // 2
    assert (PLAIN, facts.LISTED) not in again and (PLAIN, facts.CHECK) not in again


def test_a_new_leader_is_one_signal_with_its_log_lines(
    stage: Callable[..., Stage], markets: list[Any], log: list[str]
) -> None:
    play = stage()
    said = play.looks(play.source(markets), 0, 0.01, 50, 0.01)
    assert log == [
        "arena_leaderboard_fetched", "parsed_html_table", "tick_no_signals",
        "arena_leaderboard_fetched", "tick_no_signals",
        "arena_leaderboard_fetched", "parsed_html_table", *["signal_generated"] * log.count("signal_generated"),
        "arena_leaderboard_fetched", "tick_no_signals",
    ]  # fmt: skip
    seen = said[PLAIN, facts.NEW_LEADER]
    assert seen.value == "claude-opus-4-6-thinking" and seen.time_ns == play.now_ns - HOUR // 100


def test_tables_and_looks_are_kept_and_a_restart_goes_on_from_them(
    stage: Callable[..., Stage], markets: list[Any]
) -> None:
    play = stage()
    play.looks(play.source(markets), 0, 0.01, 50)
    kept = read_boards(play.folder / "boards.jsonl")
    assert [board.rows[0].model for board in kept] == ["claude-opus-4-6", "claude-opus-4-6-thinking"]
    looks = [json.loads(line) for line in (play.folder / "looks.jsonl").read_text().splitlines()]
    assert [look["status"] for look in looks] == [200, 304, 200] and all(look["good"] for look in looks)
    assert ["new_leader", "claude-opus-4-6-thinking", "claude-opus-4-6", "claude-opus-4-6-thinking"] in looks[2][
        "signals"
    ]
    again = play.source(markets)
    before = {(seen.symbol, seen.name): seen for seen in again.pulse(play.now_ns)}
    assert before[PLAIN, facts.FAIR].value is None and "has not been read yet" in before[PLAIN, facts.FAIR].reason
    said = play.looks(again, 0.01)
    assert (PLAIN, facts.NEW_LEADER) not in said, "that was news in the run before"
    assert len(read_boards(play.folder / "boards.jsonl")) == 2
    assert json.loads((play.folder / "looks.jsonl").read_text().splitlines()[-1])["signals"] == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("5xx@primary,5xx@fallback=500", "status 503; .*status 500"),
        ("wrong-slice", "style control is on"),
        ("few-rows", "it has 40 rows"),
        ("broken-ranks", "ranks are broken"),
        ("disagrees", "in the page's data and"),
        ("html", "nothing on the page says|has no table"),
        ("drop", "disconnected|RemoteProtocolError"),
        ("backwards", "its votes end"),
        ("429=40", "status 429"),
    ],
)
def test_whatever_goes_wrong_the_last_table_stays_and_grows_old(
    stage: Callable[..., Stage], markets: list[Any], fault: str, words: str
) -> None:
    play = stage()
    source = play.source(markets)
    first = play.looks(source, 0)
    play.server.showing.faults.set(fault)
    after = play.looks(source, 1)
    assert (PLAIN, facts.FETCHED) not in after and after[PLAIN, facts.SUCCESS].value == 0.5, play.heard
    assert re.search(words, play.heard[-1]), play.heard
    assert after[PLAIN, facts.FAIR].time_ns == first[PLAIN, facts.FAIR].time_ns, "age counts from the last sound look"
    play.server.showing.faults.set("")
    said = play.looks(source, 0.1)
    assert said[PLAIN, facts.FETCHED].value == play.now_ns / NANOS
    assert play.heard[-1] == "the leaderboard is read again"


def test_a_page_that_is_refused_is_asked_for_at_the_fallback(stage: Callable[..., Stage], markets: list[Any]) -> None:
    play = stage("wrong-slice@primary,timeout@fallback:#9")
    said = play.looks(play.source(markets), 0)
    assert said[PLAIN, facts.FAIR].value is not None
    (look,) = [json.loads(line) for line in (play.folder / "looks.jsonl").read_text().splitlines()]
    assert look["good"] and look["fallback"]


def test_a_vanished_leader_withholds_everything_until_it_is_confirmed(
    stage: Callable[..., Stage], markets: list[Any]
) -> None:
    play = stage()
    source = play.source(markets)
    play.looks(source, 0)
    play.server.showing.faults.set("vanished")
    held = play.looks(source, 0.5)
    assert held[THINKING, facts.HELD].value is True
    assert held[THINKING, facts.FAIR].value is None and "claude-opus-4-6 vanished" in held[THINKING, facts.FAIR].reason
    still = play.looks(source, 2.0)
    assert (THINKING, facts.FAIR) not in still, "still unknown"
    said = play.looks(source, 1.5)
    assert said[THINKING, facts.HELD].value is False and said[THINKING, facts.LEADS].value is True


def test_a_run_that_goes_on_as_a_new_one_hears_everything_again(
    stage: Callable[..., Stage], markets: list[Any]
) -> None:
    play = stage()
    source = play.source(markets)
    assert not source.ready
    first = play.looks(source, 0)
    assert source.ready
    source.show(markets, play.now_ns)
    source.follow([PLAIN], play.heard.append)
    again = {(seen.symbol, seen.name): seen for seen in source.pulse(play.now_ns)}
    assert again == {key: seen for key, seen in first.items() if key[0] == PLAIN}
    assert play.looks(source, 0.1)[PLAIN, facts.FAIR].value is not None, "in another event loop"


def test_it_looks_every_half_minute_and_less_often_after_failures(
    stage: Callable[..., Stage], markets: list[Any]
) -> None:
    play = stage("5xx:#3,5xx:#4,429:#5=500,5xx:#6")
    source = play.source(markets)

    async def go() -> None:
        keeping = asyncio.ensure_future(source.keep())
        while len(play.slept) < 5:
            await asyncio.sleep(0.001)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)

    asyncio.run(go())
    assert play.slept[:5] == [30, 30, 60, 500, 30]


def test_new_markets_are_unseen_until_a_run_follows_them(
    stage: Callable[..., Stage], markets: list[Any], listing: Callable[..., Any]
) -> None:
    play = stage()
    source = play.source(markets)
    assert set(source.tickers) == {market.ticker for market in markets} and not source.unseen
    bad = listing("x", "KXTOPMODEL-26MAR28-BAD", rules="")
    source.show([*markets, listing("grok-5", "KXTOPMODEL-26MAR28-GROK"), bad], play.now_ns)
    assert list(source.unseen) == ["KXTOPMODEL-26MAR28-GROK"]
    (words,) = play.heard
    assert words.startswith("KXTOPMODEL-26MAR28-BAD is left out: the venue tells no rules of it")
