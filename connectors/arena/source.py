"""The leaderboard as a source of signals for a run: asked for beside it, told to the rules once a second."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from loguru import logger

from connectors.arena.acceptance import Acceptance
from connectors.arena.board import Board, BoardError
from connectors.arena.book import ArenaBook
from connectors.arena.checks import check_sound
from connectors.arena.fetch import Clock, Fetched, Fetcher, FetchError, pause
from connectors.arena.keep import append, iso, read_boards
from connectors.arena.markets import SERIES
from connectors.arena.page import read_page
from connectors.arena.signals import Signal
from engine.market.events import Observation
from engine.market.signals import MarketListing

BOARDS, LOOKS = "boards.jsonl", "looks.jsonl"


class Wishes(Protocol):
    """What the settings say of the leaderboard, table ``arena``."""

    @property
    def primary_url(self) -> str: ...
    @property
    def fallback_url(self) -> str: ...
    @property
    def interval_seconds(self) -> float: ...
    @property
    def timeout_seconds(self) -> float: ...
    @property
    def confirm_minutes(self) -> float: ...
    @property
    def least_rows(self) -> int: ...
    @property
    def folder(self) -> Path: ...
    @property
    def seed(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Look:
    """How one look at the page ended. ``board`` is a table that was read, None where nothing has changed; ``error``
    says why there is none."""

    at_ns: int
    url: str = ""
    status: int = 0
    fallback: bool = False
    board: Board | None = None
    error: str = ""


@dataclass(slots=True)
class ArenaSource:
    """A ``SignalSource``. ``keep`` looks at the page and ``pulse`` tells what came of it; the two share a queue, so
    that what the rules see depends on what was seen and when, and on nothing else."""

    fetcher: Fetcher
    book: ArenaBook
    acceptance: Acceptance
    interval_seconds: float
    folder: Path | None = None  # where tables and looks are kept; None keeps none
    name: str = "arena"
    series: Collection[str] = SERIES
    _tell: Callable[[str], None] = field(default=lambda words: None)
    _followed: tuple[str, ...] = ()
    _looks: deque[Look] = field(default_factory=deque)
    _last_page: str = ""  # its hash: the same page is not read again
    _doubted: Board | None = None  # the table that is held
    _said: str = ""
    _failures: int = 0

    @classmethod
    def from_settings(cls, wishes: Wishes, clock: Clock | None = None) -> ArenaSource:
        """As the settings say, with the tables that earlier runs kept. BoardError when those cannot be read."""
        urls = [url for url in (wishes.primary_url, wishes.fallback_url) if url]
        book = ArenaBook(wishes.seed)
        kept = wishes.folder / BOARDS
        boards = read_boards(kept) if kept.exists() and kept.stat().st_size else []
        book.remember(boards)
        last = boards[-1] if boards else None
        acceptance = Acceptance(float(wishes.confirm_minutes) * 60.0, last, wishes.least_rows)
        fetcher = Fetcher(urls, float(wishes.timeout_seconds), clock=clock or Clock())
        return cls(fetcher, book, acceptance, float(wishes.interval_seconds), wishes.folder)

    # -- SignalSource --------------------------------------------------------------------------------------------------

    def show(self, listed: Sequence[MarketListing], now_ns: int) -> None:
        """All open markets of the two series."""
        before = set(self.book.why_not)
        self.book.show(listed)
        for ticker in sorted(set(self.book.why_not) - before):
            self._tell(f"{ticker} is left out: {self.book.why_not[ticker]}")

    @property
    def tickers(self) -> Collection[str]:
        return tuple(self.book.contracts)

    def follow(self, symbols: Collection[str], tell: Callable[[str], None]) -> None:
        self._followed, self._tell = tuple(symbols), tell
        self.book.told_nothing()

    @property
    def unseen(self) -> Collection[str]:
        return tuple(ticker for ticker in self.book.contracts if ticker not in self._followed)

    @property
    def ready(self) -> bool:
        """Whether the first look has ended, well or not."""
        return bool(self._looks) or self.book.success is not None

    def pulse(self, now_ns: int) -> Sequence[Observation]:
        """What has become known by ``now_ns`` and was not told yet."""
        while self._looks and self._looks[0].at_ns <= now_ns:
            self._take(self._looks.popleft())
        return self.book.events(self._followed, now_ns)

    async def keep(self) -> None:
        """Look at the page again and again, until cancelled."""
        clock = self.fetcher.clock
        try:
            while True:
                retry_after = await self.look()
                await clock.sleep(pause(self.interval_seconds, self._failures, retry_after, clock.jitter()))
        finally:
            await self.fetcher.close()

    # -- one look ------------------------------------------------------------------------------------------------------

    async def look(self) -> float:
        """Look once. What came of it is told by the next ``pulse``. Returns how long the server asked us to wait."""
        wait, errors, asked = 0.0, list[str](), ""
        for _ in self.fetcher.urls:
            try:
                fetched = await self.fetcher.fetch(after=asked)
            except FetchError as error:
                errors.append(str(error))
                wait = error.retry_after
                break
            look = await self._read(fetched)
            if not look.error:
                self._failures = 0
                self._looks.append(look)
                return 0.0
            errors.append(look.error)
            asked = fetched.url
        self._failures += 1
        self._forget()
        self._looks.append(Look(self.fetcher.clock.now_ns(), error="; ".join(error for error in errors if error)))
        return wait

    async def _read(self, fetched: Fetched) -> Look:
        """Read the page beside the run: a real one takes a quarter of a second."""
        page, at_ns = fetched.page, self.fetcher.clock.now_ns()
        size = 0 if page is None else len(page)
        logger.bind(url=fetched.url, status=fetched.status, fallback=fetched.fallback, characters=size).info(
            "arena_leaderboard_fetched"
        )
        look = Look(at_ns, fetched.url, fetched.status, fetched.fallback)
        mark = self._last_page if page is None else sha256(page.encode()).hexdigest()
        if mark and mark == self._last_page:
            return look
        if page is None:
            return replace(look, error=f"{fetched.url}: nothing has changed, it says, since a page that was not had")
        try:
            board = await asyncio.to_thread(self._sound, page, at_ns, fetched.url)
        except BoardError as error:
            return replace(look, error=str(error))
        self._last_page = mark
        logger.bind(parsed=board.parsed, rows=len(board.rows), leader=board.rows[0].model).info("parsed_html_table")
        return replace(look, board=board)

    def _sound(self, page: str, at_ns: int, url: str) -> Board:
        board = read_page(page, at_ns, url)
        check_sound(board, self.acceptance.least_rows)
        return board

    def _forget(self) -> None:
        """Ask for whole pages again, and read them: what was had was not believed."""
        self._last_page = ""
        self.fetcher.forget()

    # -- what came of it -----------------------------------------------------------------------------------------------

    def _take(self, look: Look) -> None:
        error, signals = look.error, list[Signal]()
        board = look.board
        if board is None and not error and self._doubted is not None:
            board = replace(self._doubted, seen_ns=look.at_ns)  # the same page again: one more sign that it is meant
        if board is not None:
            try:
                counted = self.acceptance.judge(board)
            except BoardError as refused:
                error = str(refused)
                self._forget()
            else:
                self._doubted = None if counted else board
                signals = self._counted(board) if counted else []
        held = self.acceptance.held
        self.book.looked(look.at_ns, held.words if held is not None else "", good=not error)
        self._say(error or (held.words if held is not None else ""))
        self._log(look, error, signals)

    def _counted(self, board: Board) -> list[Signal]:
        before = self.book.board
        signals = self.book.take(board)
        if self.folder is not None and (before is None or not board.says_the_same(before)):
            append(self.folder / BOARDS, board)
        return signals

    def _say(self, words: str) -> None:
        """Each trouble once, and its end."""
        if words != self._said:
            self._tell(words or "the leaderboard is read again")
            self._said = words

    def _log(self, look: Look, error: str, signals: Sequence[Signal]) -> None:
        for signal in signals:
            logger.bind(
                kind=signal.kind.value, model=signal.model, before=signal.before, after=signal.after
            ).info("signal_generated")  # fmt: skip
        if not signals and not error:
            logger.info("tick_no_signals")
        if error:
            logger.bind(error=error).warning("arena_leaderboard_refused")
        if self.folder is not None:
            self._keep_look(look, error, signals)

    def _keep_look(self, look: Look, error: str, signals: Sequence[Signal]) -> None:
        """One line a look: the evidence that ``engine report hardening`` is made from."""
        assert self.folder is not None
        told = {
            "at": iso(look.at_ns), "url": look.url, "status": look.status, "fallback": look.fallback,
            "good": not error, "parsed": look.board.parsed if look.board is not None else None, "error": error,
            "held": self.acceptance.held is not None,
            "signals": [[s.kind.value, s.model, s.before, s.after] for s in signals],
        }  # fmt: skip
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / LOOKS).open("a", encoding="utf-8", newline="\n") as out:
                out.write(json.dumps(told, ensure_ascii=False) + "\n")
        except OSError as failed:
            self._say(f"{self.folder / LOOKS} cannot be written: {failed.strerror}")
