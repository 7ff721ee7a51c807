"""One connection's protocol without its socket: frames in, events and commands out. It has no clock of its own.

Every frame of a sequenced channel carries the next number of its subscription. A frame with an old number is a
repetition and is passed over; a number left out means lost frames, and the channel's books are fetched anew.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from connectors.kalshi.book import Book, BookError
from connectors.kalshi.events import Body, BookChanged, BookLost, MessagesMissed, Problem, Subscribed
from connectors.kalshi.models.fields import field_errors
from connectors.kalshi.models.stream import MESSAGES, DeltaMessage, SnapshotMessage
from connectors.kalshi.subscriptions import (
    SEQUENCED,
    Channel,
    Command,
    Commands,
    Live,
    Pending,
    Wanted,
    subscribe_params,
)

SNAPSHOT_TRIES = 3  # after so many the reader is told; they go on, ever more rarely
LONGEST_DOUBLING = 5

# Codes of the venue's errors: those that end one subscription, and those that the whole connection ends with.
ENDS_SUBSCRIPTION = frozenset({10, 25})
ENDS_CONNECTION = frozenset({1, 7, 9, 18, 27})


class SessionLost(Exception):
    """The connection must be made anew. The text says why."""


@dataclass(slots=True)
class Turn:
    """What one frame leads to: events for the reader, commands for the venue."""

    events: list[Body] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    sent_ms: int | None = None


@dataclass(slots=True)
class _Awaited:
    """A book without its snapshot: since when (seconds), and how often it was asked for."""

    since: float
    tries: int = 0


class Session:
    """The state of one connection. ``books`` outlive it; they are unknown when it starts. Times are steady seconds."""

    def __init__(self, wanted: Wanted, books: dict[str, Book], reply_seconds: float) -> None:
        self._wanted = wanted
        self._books = books
        self._reply_seconds = reply_seconds
        self._commands = Commands()
        self._live: dict[Channel, Live] = {}
        self._by_sid: dict[int, Live] = {}
        self._awaited: dict[str, _Awaited] = {}
        self._complete = False
        subscribed = wanted.get(Channel.ORDERBOOK) or frozenset()
        for ticker in list(books):
            if ticker in subscribed:
                books[ticker].clear()
            else:
                del books[ticker]

    # -- what we ask for

    def sync(self, now: float) -> list[Command]:
        """Commands that bring what is subscribed to what is wanted. One at a time is under way for each channel."""
        wanted = dict(self._wanted.items())
        commands = [self._towards(self._live.setdefault(c, Live(c)), t, now) for c, t in wanted.items()]
        for channel, live in self._live.items():
            if channel not in wanted and live.sid is not None and live.waiting is None:
                commands.append(self._unsubscribe(live, now))
        return [c for c in commands if c is not None]

    def probe(self, now: float) -> Command | None:
        """A harmless command that a living venue answers; None while one is under way."""
        if any(p.action == "list_subscriptions" for p in self._commands.pending.values()):
            return None
        return self._commands.make("list_subscriptions", None, None, now)

    def watch(self, now: float) -> Turn:
        """To be called now and then: asks again for snapshots that do not come. SessionLost when a reply is overdue."""
        late = self._commands.overdue(now, self._reply_seconds)
        if late is not None:
            raise SessionLost(f"no reply to `{late.action}` within {self._reply_seconds:g} s")
        turn = Turn()
        late_books = [t for t, awaited in self._awaited.items() if now - awaited.since > self._patience(awaited)]
        for ticker in late_books:
            if self._awaited[ticker].tries == SNAPSHOT_TRIES:
                turn.events.append(Problem(f"{ticker}: no snapshot of its book has come; it is still unknown"))
        self._ask_snapshots(late_books, now, turn)
        return turn

    def _patience(self, awaited: _Awaited) -> float:
        """Seconds until a snapshot is asked for again: longer each time, as for a market that is gone."""
        return self._reply_seconds * 2.0 ** min(awaited.tries, LONGEST_DOUBLING)

    def _towards(self, live: Live, tickers: frozenset[str] | None, now: float) -> Command | None:
        if live.waiting is not None or live.refused == tickers:
            return None
        if live.sid is None:
            return self._subscribe(live, tickers, now)
        if (live.tickers is None) != (tickers is None):
            return self._unsubscribe(live, now)
        if live.tickers is None or tickers is None:
            return None
        if added := tickers - live.tickers:
            self._expect_books(live, added, now)
            return self._update(live, "add_markets", added, live.tickers | added, now)
        if removed := live.tickers - tickers:
            return self._update(live, "delete_markets", removed, live.tickers - removed, now)
        return None

    def _subscribe(self, live: Live, tickers: frozenset[str] | None, now: float) -> Command:
        self._expect_books(live, tickers or frozenset(), now)
        return self._commands.make("subscribe", live, tickers, now, **subscribe_params(live.channel, tickers))

    def _update(
        self, live: Live, action: str, tickers: frozenset[str], after: frozenset[str], now: float
    ) -> Command:
        return self._commands.make(
            "update_subscription", live, after, now,
            sids=[live.sid], action=action, market_tickers=sorted(tickers),
        )  # fmt: skip

    def _unsubscribe(self, live: Live, now: float) -> Command:
        return self._commands.make("unsubscribe", live, frozenset(), now, sids=[live.sid])

    def _expect_books(self, live: Live, tickers: frozenset[str], now: float) -> None:
        if live.channel is Channel.ORDERBOOK:
            for ticker in tickers:
                self._books.setdefault(ticker, Book(ticker))
                self._awaited.setdefault(ticker, _Awaited(now))

    def _ask_snapshots(self, tickers: list[str], now: float, turn: Turn) -> None:
        live = self._live.get(Channel.ORDERBOOK)
        for ticker in tickers:
            awaited = self._awaited.setdefault(ticker, _Awaited(now))
            awaited.since, awaited.tries = now, awaited.tries + 1
        if live is not None and live.sid is not None and tickers:
            # Its reply is the snapshots themselves, which are awaited book by book.
            turn.commands.append(
                self._commands.number(
                    "update_subscription", sids=[live.sid], action="get_snapshot", market_tickers=sorted(tickers)
                )
            )

    # -- what we are told

    def receive(self, text: str | bytes, now: float) -> Turn:
        """Take one frame. SessionLost when it cannot be read or ends the connection."""
        frame = _message_of(text)
        kind, sent, sid = frame["type"], frame.get("sending_ts_ms"), frame.get("sid")
        turn = Turn(sent_ms=sent if isinstance(sent, int) else None)
        live = self._by_sid.get(sid) if isinstance(sid, int) else None
        if live is not None and live.channel in SEQUENCED and not self._in_sequence(live, frame, now, turn):
            return turn
        self._dispatch(kind, frame, live, now, turn)
        return turn

    def _in_sequence(self, live: Live, frame: dict[str, Any], now: float, turn: Turn) -> bool:
        """Whether the frame is news. Numbers left out make the channel's books unknown."""
        seq = frame.get("seq")
        if not isinstance(seq, int):
            return True
        expected, live.seq = live.seq + 1, max(live.seq, seq)
        if seq < expected:
            return False
        if seq > expected:
            turn.events.append(MessagesMissed(live.channel, seq - expected))
            if live.channel is Channel.ORDERBOOK:
                self._lose_books(sorted(live.tickers or ()), f"messages lost: {seq - expected}", now, turn)
        return True

    def _dispatch(self, kind: str, frame: dict[str, Any], live: Live | None, now: float, turn: Turn) -> None:
        if kind == "orderbook_delta":
            self._delta(frame, live, now, turn)
        elif kind == "orderbook_snapshot":
            self._snapshot(frame, live, turn)
        elif kind in MESSAGES:
            self._message(kind, frame, turn)
        elif kind == "subscribed":
            self._subscribed(frame, now, turn)
        elif kind in ("ok", "unsubscribed"):
            self._granted(frame, now, turn)
        elif kind == "error":
            self._refused(frame, live, now, turn)
        if not self._complete and self._settled():
            self._complete = True
            turn.events.append(Subscribed())

    def _settled(self) -> bool:
        """Whether every wanted channel is subscribed as wanted, or refused."""
        return all(
            (live := self._live.get(channel)) is not None
            and live.waiting is None
            and (live.refused == tickers or (live.sid is not None and live.tickers == tickers))
            for channel, tickers in self._wanted.items()
        )

    def _delta(self, frame: dict[str, Any], live: Live | None, now: float, turn: Turn) -> None:
        try:
            told = DeltaMessage.model_validate(frame.get("msg"))
        except ValidationError as error:
            turn.events.append(Problem(f"orderbook_delta: {field_errors(error)}"))
            self._lose_books(sorted((live.tickers if live else None) or ()), "a change could not be read", now, turn)
            return
        book = self._books.get(told.market_ticker)
        if live is None or book is None:
            return
        try:
            if book.delta(told.clock, told.side, told.price_dollars, told.delta_fp):
                turn.events.append(BookChanged(told.market_ticker))
        except BookError as error:
            self._lose_books([told.market_ticker], str(error), now, turn)

    def _snapshot(self, frame: dict[str, Any], live: Live | None, turn: Turn) -> None:
        try:
            told = SnapshotMessage.model_validate(frame.get("msg"))
        except ValidationError as error:
            turn.events.append(Problem(f"orderbook_snapshot: {field_errors(error)}"))
            return
        book = self._books.get(told.market_ticker)
        if live is None or book is None:
            return
        try:
            book.snapshot(told.clock, told.yes_dollars_fp, told.no_dollars_fp)
        except BookError as error:
            book.clear()
            turn.events.append(BookLost(told.market_ticker, str(error)))
            return
        self._awaited.pop(told.market_ticker, None)
        turn.events.append(BookChanged(told.market_ticker))

    def _lose_books(self, tickers: list[str], reason: str, now: float, turn: Turn) -> None:
        for ticker in tickers:
            self._books[ticker].clear()
            turn.events.append(BookLost(ticker, reason))
        self._ask_snapshots(tickers, now, turn)

    def _message(self, kind: str, frame: dict[str, Any], turn: Turn) -> None:
        try:
            turn.events.append(MESSAGES[kind].model_validate(frame.get("msg")))
        except ValidationError as error:
            turn.events.append(Problem(f"{kind}: {field_errors(error)}"))

    def _subscribed(self, frame: dict[str, Any], now: float, turn: Turn) -> None:
        found, sid = self._commands.answered(frame.get("id")), _content(frame).get("sid")
        if found is None or found.live is None:
            return
        if not isinstance(sid, int):
            raise SessionLost("a subscription was granted without its number")
        found.live.sid, found.live.seq, found.live.tickers, found.live.refused = sid, 0, found.tickers, ""
        self._by_sid[sid] = found.live
        turn.commands += self.sync(now)

    def _granted(self, frame: dict[str, Any], now: float, turn: Turn) -> None:
        found = self._commands.answered(frame.get("id"))
        if found is None:
            return
        if found.action == "list_subscriptions":
            self._compare(frame.get("msg"), now, turn)
        elif found.live is not None:
            self._take_over(found.live, found, turn)
        turn.commands += self.sync(now)

    def _take_over(self, live: Live, granted: Pending, turn: Turn) -> None:
        gone = (live.tickers or frozenset()) - (granted.tickers or frozenset())
        live.tickers, live.refused = granted.tickers, ""
        if granted.action == "unsubscribe":
            self._by_sid.pop(live.sid or 0, None)
            live.sid = None
        if live.channel is Channel.ORDERBOOK:
            for ticker in sorted(gone):
                self._awaited.pop(ticker, None)
                if self._books.pop(ticker, None) is not None:
                    turn.events.append(BookLost(ticker, "no longer subscribed"))

    def _compare(self, listed: Any, now: float, turn: Turn) -> None:
        """Subscriptions that the venue has forgotten are made again."""
        if not isinstance(listed, list):
            raise SessionLost("the list of subscriptions is no list")
        known = {entry.get("sid") for entry in listed if isinstance(entry, dict)}
        for sid, live in list(self._by_sid.items()):
            if sid not in known:
                self._drop(live, "the venue has forgotten the subscription", turn)

    def _refused(self, frame: dict[str, Any], live: Live | None, now: float, turn: Turn) -> None:
        message = _content(frame)
        code, words = message.get("code"), message.get("msg") or "no reason given"
        about = message.get("market_tickers") or message.get("market_ticker")
        found = self._commands.answered(frame.get("id"))
        if code in ENDS_SUBSCRIPTION and live is not None:
            self._drop(live, words, turn)
            turn.commands += self.sync(now)
            return
        if code in ENDS_CONNECTION or code in ENDS_SUBSCRIPTION:
            raise SessionLost(f"the venue refused a command: {words} ({code})")
        what = "a message" if found is None else f"`{found.action}`"
        if found is not None and found.live is not None:
            found.live.refused = self._wanted.get(found.live.channel)
            what += f" of {found.live.channel}"
        if about:
            what += f" ({about})"
        turn.events.append(Problem(f"the venue refused {what}: {words}", code if isinstance(code, int) else None))

    def _drop(self, live: Live, reason: str, turn: Turn) -> None:
        """A subscription has ended at the venue."""
        self._by_sid.pop(live.sid or 0, None)
        tickers = sorted(live.tickers or ())
        live.sid, live.tickers, live.seq = None, frozenset(), 0
        turn.events.append(Problem(f"{live.channel} ended: {reason}"))
        if live.channel is Channel.ORDERBOOK:
            for ticker in tickers:
                self._books[ticker].clear()
                turn.events.append(BookLost(ticker, reason))


def _message_of(text: str | bytes) -> dict[str, Any]:
    """A frame as a message with a type."""
    try:
        frame = json.loads(text, parse_float=Decimal)
    except ValueError:
        frame = None
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise SessionLost("the venue sent a frame that is no message")
    return frame


def _content(frame: dict[str, Any]) -> dict[str, Any]:
    content = frame.get("msg")
    if not isinstance(content, dict):
        raise SessionLost(f"the venue sent `{frame['type']}` without content")
    return content
