"""The practice leaderboard: tables in their time, caching, and faults as asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from connectors.arena.board import Board, Row
from connectors.arena.page import read_page
from connectors.simulators.arena.server import ArenaServer, Showing
from connectors.simulators.faults import FaultSpecError

SECOND = 10**9


def board(score: float, seconds: int) -> Board:
    return Board((Row("a", "A", score, 1, 1, 1, score - 5, score + 5, 9000),), (1_700_000_000 + seconds) * SECOND)


@dataclass
class Time:
    now: int = 5_000 * SECOND


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def server(time: Time) -> Iterator[ArenaServer]:
    boards = [board(1500.0, 0), board(1501.0, 100), board(1502.0, 200)]
    with ArenaServer(Showing(boards, speed=10.0, now_ns=lambda: time.now)) as started:
        yield started


def score(server: ArenaServer) -> float:
    return read_page(httpx.get(server.urls[0]).text, 1, "x").rows[0].score


def test_tables_come_as_many_times_as_fast_and_the_last_stays(server: ArenaServer, time: Time) -> None:
    shown = []
    for seconds in (0, 9.9, 10.1, 19.9, 20.1, 9999):
        time.now = 5_000 * SECOND + int(seconds * SECOND)
        shown.append(score(server))
    assert shown == [1500, 1500, 1501, 1501, 1502, 1502]


def test_what_has_not_changed_is_not_sent_again(server: ArenaServer, time: Time) -> None:
    first = httpx.get(server.urls[0])
    tag = {"If-None-Match": first.headers["ETag"]}
    again = httpx.get(server.urls[0], headers=tag)
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert httpx.get(server.urls[1], headers=tag).status_code == 304, "the fallback shows the same"
    time.now += 11 * SECOND
    assert httpx.get(server.urls[0], headers=tag).status_code == 200
    assert httpx.get(server.urls[0].rpartition("/")[0]).status_code == 404


def test_faults_strike_where_and_when_they_should(server: ArenaServer) -> None:
    server.showing.faults.set("5xx@primary:#2=500,429@fallback=7")
    assert [httpx.get(server.urls[0]).status_code for _ in range(3)] == [200, 500, 200]
    refused = httpx.get(server.urls[1])
    assert refused.status_code == 429 and refused.headers["Retry-After"] == "7"


def test_no_answer_is_no_answer(server: ArenaServer) -> None:
    server.showing.faults.set("drop:#1,timeout:#2=60")
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(server.urls[0])
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(server.urls[0], timeout=0.05)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("fire", "there is no kind fire"),
        ("5xx@third", "there is no scope third"),
        ("5xx:2", "a probability from 0 to 1"),
        ("5xx:#0", "a probability from 0 to 1"),
        ("drop=5", "drop takes no value"),
        ("5xx!", "write KIND"),
    ],
)
def test_a_fault_that_cannot_be_read_is_named(spec: str, words: str) -> None:
    with pytest.raises(FaultSpecError, match=words):
        Showing([board(1500.0, 0)], fault_spec=spec)


def test_chance_is_the_seeds() -> None:
    def struck(seed: int) -> list[bool]:
        showing = Showing([board(1500.0, 0)], fault_spec="5xx:0.5", seed=seed)
        return [showing.struck("primary") is not None for _ in range(30)]

    assert struck(1) == struck(1) != struck(2) and 5 < sum(struck(1)) < 25
