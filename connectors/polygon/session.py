"""One websocket's protocol without its socket: frames in, events and commands out. It has no clock of its own.

The server speaks first, then the key, then subscriptions. Each channel is acknowledged by name; a refusal names none,
an unknown channel is passed over in silence, and a channel that is subscribed already is not acknowledged again.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto

from connectors.polygon.errors import BadKey, NotEntitled
from connectors.polygon.events import Dropped, Event, Problem, Ready
from connectors.polygon.frames import FrameError, Message, channel_of, data_of, messages_of
from connectors.polygon.tickers import Cluster

CHANNELS_A_COMMAND = 100
MOST_SILENT = 4
FULL_SECONDS = 60.0  # connecting again sooner after too many connections only cuts off another one
_CHANNEL = re.compile(r"[A-Z]+\.\S+")

Command = dict[str, str]


class SessionLost(Exception):
    """The connection must be made anew, in ``wait`` seconds at the earliest. The text says why."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


@dataclass
class Wanted:
    """The channels of a family that are wanted, on this and every later connection."""

    cluster: Cluster
    channels: dict[str, None] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)  # neither confirmed nor refused on an earlier connection
    silent: int = 0  # connections in a row on which nothing at all was confirmed

    def add(self, channels: Iterable[str]) -> None:
        self.channels |= dict.fromkeys(channels)

    def drop(self, channel: str) -> None:
        self.channels.pop(channel, None)


@dataclass(slots=True)
class Turn:
    """What one frame leads to."""

    events: list[Event] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)


class _Stage(Enum):
    GREETING = auto()
    KEY = auto()
    ASKING = auto()  # all channels at once
    PROBING = auto()  # one by one, to learn which are refused
    LIVE = auto()


class Session:
    """The state of one connection. ``reply`` is how many seconds an answer may take; times are steady seconds."""

    def __init__(self, wanted: Wanted, key: str, now: float, reply: float) -> None:
        self._wanted, self._key, self._reply = wanted, key, reply
        self._stage = _Stage.GREETING
        self._since = now
        self._open: set[str] = set()
        self._refusals = 0
        self._probes: deque[str] = deque()
        self._probed: str | None = None

    @property
    def live(self) -> bool:
        """Whether every channel is subscribed or refused."""
        return self._stage is _Stage.LIVE

    def receive(self, frame: str | bytes, now: float) -> Turn:
        """Take one frame. SessionLost, BadKey or NotEntitled where the connection ends with it."""
        turn = Turn()
        try:
            messages = messages_of(frame)
        except FrameError as error:
            turn.events.append(Problem(str(error)))
            return turn
        for message in messages:
            if message.get("ev") == "status":
                self._status(message, now, turn)
            else:
                self._data(message, turn)
        self._go_on(now, turn)
        return turn

    def watch(self, now: float) -> Turn:
        """Look at how long an answer has been awaited."""
        turn = Turn()
        if self._stage is _Stage.LIVE or now - self._since <= self._reply:
            return turn
        if self._stage in (_Stage.GREETING, _Stage.KEY):
            raise SessionLost(f"no answer to the {'connection' if self._stage is _Stage.GREETING else 'key'}")
        if self._stage is _Stage.PROBING and self._probed is not None:
            self._unanswered(self._probed, turn)
            self._probed = None
            self._go_on(now, turn)
        elif self._refusals:
            self._probe(now, turn)
        else:
            self._blame_silence()
            for channel in sorted(self._missing()):
                self._unanswered(channel, turn)
            self._go_on(now, turn)
        return turn

    def _blame_silence(self) -> None:
        """A vendor that confirms nothing at all is slow or half gone, and its channels are not to be given up for that:
        SessionLost, until it has been so often that they must be unknown to it, every one."""
        if not self._open and self._wanted.silent < MOST_SILENT:
            self._wanted.silent += 1
            raise SessionLost("no answer to any subscription")

    # -- messages

    def _data(self, message: Message, turn: Turn) -> None:
        try:
            event = data_of(message)
        except FrameError as error:
            turn.events.append(Problem(f"not used: {error}"))
            return
        channel = channel_of(message)
        if event is not None and channel in self._wanted.channels:
            self._open.add(channel)
            turn.events.append(event)

    def _status(self, message: Message, now: float, turn: Turn) -> None:
        status, words = str(message.get("status")), str(message.get("message", ""))
        match status:
            case "connected":
                self._enter(_Stage.KEY, now)
                turn.commands.append({"action": "auth", "params": self._key})
            case "auth_success":
                self._enter(_Stage.ASKING, now)
                turn.commands += _commands("subscribe", self._wanted.channels)
            case "auth_failed":
                kind = NotEntitled if "plan" in words.lower() else BadKey
                mend = "" if kind is NotEntitled else "; check polygon.api_key (AUTOTRADER__POLYGON__API_KEY)"
                raise kind(f"websocket {self._wanted.cluster.value}: {words or status}{mend}")
            case "auth_timeout" | "auth_required" | "slow_consumer" | "force_disconnect":
                raise SessionLost(f"{status}: {words}")
            case "max_connections":
                raise SessionLost(f"{status}: {words}", FULL_SECONDS)
            case "success":
                self._confirmed(words)
            case "error":
                self._refused(words, turn)
            case _:
                turn.events.append(Problem(f"status {status}: {words}"))

    def _confirmed(self, words: str) -> None:
        if words.startswith("subscribed to:"):
            found = set(_CHANNEL.findall(words.partition(":")[2]))
            self._open |= found
            self._wanted.unanswered -= found
            self._wanted.silent = 0

    def _refused(self, words: str, turn: Turn) -> None:
        named = [channel for channel in _CHANNEL.findall(words) if channel in self._wanted.channels]
        if named:
            for channel in named:
                self._drop(channel, words, turn)
        elif self._probed is not None:
            self._drop(self._probed, words, turn)
            self._probed = None
        elif self._stage is _Stage.ASKING:
            self._refusals += 1
        else:
            turn.events.append(Problem(f"the vendor says: {words}"))

    # -- stages

    def _enter(self, stage: _Stage, now: float) -> None:
        self._stage, self._since = stage, now

    def _missing(self) -> set[str]:
        return set(self._wanted.channels) - self._open

    def _go_on(self, now: float, turn: Turn) -> None:
        """Live as soon as nothing is missing; when all that is missing was refused, ask for each by itself."""
        if self._stage not in (_Stage.ASKING, _Stage.PROBING):
            return
        missing = self._missing()
        if not missing:
            self._enter(_Stage.LIVE, now)
            turn.events.append(Ready(self._wanted.cluster, frozenset(self._wanted.channels)))
        elif self._stage is _Stage.ASKING:
            if self._refusals >= len(missing):
                self._probe(now, turn)
        elif self._probed is None or self._probed in self._open:
            self._probed = next((c for c in self._probes if c in missing), None)
            if self._probed is None:
                self._enter(_Stage.LIVE, now)
                turn.events.append(Ready(self._wanted.cluster, frozenset(self._wanted.channels)))
                return
            self._since = now
            turn.commands.append({"action": "subscribe", "params": self._probed})

    def _probe(self, now: float, turn: Turn) -> None:
        """A refusal names no channel: ask for what is missing one by one."""
        self._enter(_Stage.PROBING, now)
        self._probes = deque(sorted(self._missing()))
        self._go_on(now, turn)

    def _unanswered(self, channel: str, turn: Turn) -> None:
        """The first time the connection is to blame, the second time the channel."""
        if channel not in self._wanted.unanswered:
            self._wanted.unanswered |= self._missing()
            raise SessionLost(f"no answer to the subscription of {channel}")
        self._drop(channel, "neither confirmed nor refused, as channels are that the vendor does not know", turn)

    def _drop(self, channel: str, reason: str, turn: Turn) -> None:
        self._wanted.drop(channel)
        turn.events.append(Dropped(channel, reason or "refused without a reason"))


def _commands(action: str, channels: Iterable[str]) -> list[Command]:
    wanted = list(channels)
    parts = [wanted[start : start + CHANNELS_A_COMMAND] for start in range(0, len(wanted), CHANNELS_A_COMMAND)]
    return [{"action": action, "params": ",".join(part)} for part in parts]
