"""Asking for the page: caching, the second address, redirects, and how long to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest

from connectors.arena.fetch import Fetched, Fetcher, FetchError, pause

PRIMARY = "https://arena.ai/leaderboard/text/overall-no-style-control"
FALLBACK = "https://lmarena.ai/leaderboard/text/overall-no-style-control"
Answers = Callable[[httpx.Request], httpx.Response]


def asks(answers: Answers, times: int = 1, urls: tuple[str, ...] = (PRIMARY, FALLBACK)) -> list[Fetched | FetchError]:
    async def go() -> list[Fetched | FetchError]:
        fetcher, found = Fetcher(urls, 1.0, httpx.MockTransport(answers)), list[Fetched | FetchError]()
        for _ in range(times):
            try:
                found.append(await fetcher.fetch())
            except FetchError as error:
                found.append(error)
        await fetcher.close()
        return found

    return asyncio.run(go())


def test_the_second_look_says_what_the_first_was_told() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(dict(request.headers))
        if request.headers.get("If-None-Match") == '"one"':
            return httpx.Response(304)
        return httpx.Response(200, text="pagé", headers={"ETag": '"one"', "Last-Modified": "Sat, 01 Jan 2026"})

    first, second = asks(answer, 2)
    assert first == Fetched(PRIMARY, "pagé", 200, False) and second == Fetched(PRIMARY, None, 304, False)
    assert "if-none-match" not in asked[0] and asked[1]["if-modified-since"] == "Sat, 01 Jan 2026"
    assert "autotrader" in asked[0]["user-agent"]


def test_the_second_address_is_asked_when_the_first_fails() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503) if request.url.host == "arena.ai" else httpx.Response(200, text="page")

    assert asks(answer) == [Fetched(FALLBACK, "page", 200, True)]


def test_when_none_answers_each_reason_is_told_and_the_longest_wait() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "arena.ai":
            return httpx.Response(429, headers={"Retry-After": "77"})
        raise httpx.ConnectTimeout("slow")

    (error,) = asks(answer)
    assert isinstance(error, FetchError) and error.retry_after == 77
    assert f"{PRIMARY}: status 429" in str(error) and f"{FALLBACK}: no answer within 1 s" in str(error)


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("https://example.org/leaderboard/text/overall-no-style-control", "redirects to another host, example.org"),
        ("http://arena.ai:81/leaderboard/text/overall-no-style-control", "redirects to another host, arena.ai:81"),
        ("/leaderboard/text", "redirects to another table, /leaderboard/text"),
        (PRIMARY, "redirects without end"),
    ],
)
def test_a_redirect_to_anything_else_is_refused(to: str, words: str) -> None:
    (error,) = asks(lambda request: httpx.Response(302, headers={"Location": to}), urls=(PRIMARY,))
    assert isinstance(error, FetchError) and words in str(error)


def test_a_redirect_between_the_two_hosts_is_followed() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "lmarena.ai":
            return httpx.Response(200, text="page")
        return httpx.Response(301, headers={"Location": FALLBACK})

    assert asks(answer, urls=(PRIMARY,)) == [Fetched(PRIMARY, "page", 200, False)]


def test_a_page_without_end_is_none() -> None:
    (error,) = asks(lambda request: httpx.Response(200, content=b"x" * (17 << 20)), urls=(PRIMARY,))
    assert isinstance(error, FetchError) and "larger than 16 MiB" in str(error)


def test_pauses_grow_with_failures_and_keep_to_what_the_server_asked() -> None:
    assert pause(30, 0, 0, 0.5) == 30
    assert (pause(30, 0, 0, 0.0), pause(30, 0, 0, 1.0)) == (24.0, 36.0)
    assert [pause(30, n, 0, 0.5) for n in (1, 2, 3)] == [60, 120, 240]
    assert pause(30, 50, 0, 0.5) == 900
    assert pause(30, 0, 300, 0.5) == 300
    assert pause(3600, 5, 0, 0.5) == 3600
