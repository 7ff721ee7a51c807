"""What is to be told to one target and when: pure, so that time, chance and network stay outside.

At most so many messages a minute go out. What comes beyond that of the common kinds is held back and told as one
summary; what somebody must know (errors, halts, gates) waits for its turn instead.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

WINDOW_SECONDS = 60.0
TRIES = 6
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0


class Kind(StrEnum):
    """What a message is about. ERRORS, HALTS and GATES are urgent: they are never told as a mere count."""

    TRADES = "trades"
    SIGNALS = "signals"
    ERRORS = "errors"
    HALTS = "halts"
    GATES = "gates"

    @property
    def urgent(self) -> bool:
        return self in _URGENT


_URGENT = frozenset({Kind.ERRORS, Kind.HALTS, Kind.GATES})


class Message(NamedTuple):
    """One message. ``title`` is a few words, ``text`` the rest; both are without secrets by the time they are here."""

    kind: Kind
    title: str
    text: str


class Outbox:
    """``put`` takes what happens, ``due`` gives what is to be sent now, ``sent`` or ``failed`` says what came of it.

    ``room`` bounds what waits. Times are seconds of a clock that only goes forward.
    """

    def __init__(self, per_minute: int, room: int = 200) -> None:
        self._per_minute, self._room = per_minute, room
        self._waiting: deque[Message] = deque()
        self._held_back: Counter[Kind] = Counter()
        self._lost: Counter[Kind] = Counter()
        self._begun: deque[float] = deque()  # when the messages of the last minute were sent first
        self._trying: Message | None = None
        self._tries = 0
        self._again = 0.0

    def put(self, message: Message) -> None:
        """Take a message. Where there is no room the oldest common one becomes a count; never waits."""
        if len(self._waiting) >= self._room:
            dropped = next((one for one in self._waiting if not one.kind.urgent), None)
            if dropped is None:
                self._held_back[message.kind] += 1
                return
            self._waiting.remove(dropped)
            self._held_back[dropped.kind] += 1
        self._waiting.append(message)

    def due(self, now: float) -> Message | None:
        """What is to be sent now; the same again until ``sent`` or ``failed``."""
        if self._trying is not None:
            return self._trying if now >= self._again else None
        if not self._may_send(now):
            self._hold_back()
            return None
        if self._held_back or self._lost:
            self._trying = self._summary()
        elif self._waiting:
            self._trying = self._waiting.popleft()
        if self._trying is not None:
            self._begun.append(now)
            self._again = now
        return self._trying

    def sent(self) -> None:
        """The message that was due has arrived."""
        self._trying, self._tries = None, 0

    def failed(self, now: float) -> bool:
        """It has not: it is due again after a pause, which doubles. False when it is given up."""
        assert self._trying is not None
        self._tries += 1
        if self._tries >= TRIES:
            self._lost[self._trying.kind] += 1
            self.sent()
            return False
        self._again = now + min(FIRST_PAUSE_SECONDS * 2 ** (self._tries - 1), LONGEST_PAUSE_SECONDS)
        return True

    def wait(self, now: float) -> float | None:
        """Seconds until something may be due; None when only a new message can change that."""
        if self._trying is not None:
            return max(0.0, self._again - now)
        if not (self._waiting or self._held_back or self._lost):
            return None
        return 0.0 if self._may_send(now) else max(0.0, self._begun[0] + WINDOW_SECONDS - now)

    @property
    def empty(self) -> bool:
        """Whether everything has been told or given up."""
        return self._trying is None and not (self._waiting or self._held_back or self._lost)

    def left(self) -> int:
        """How many messages have not arrived."""
        waiting = len(self._waiting) + (self._trying is not None)
        return waiting + self._held_back.total() + self._lost.total()

    def _may_send(self, now: float) -> bool:
        while self._begun and now >= self._begun[0] + WINDOW_SECONDS:
            self._begun.popleft()
        return len(self._begun) < self._per_minute

    def _hold_back(self) -> None:
        """There are too many: the common ones become counts, the urgent ones wait."""
        common = [one for one in self._waiting if not one.kind.urgent]
        self._held_back.update(one.kind for one in common)
        self._waiting = deque(one for one in self._waiting if one.kind.urgent)

    def _summary(self) -> Message:
        parts = [f"{_counts(self._held_back.items())} were held back" if self._held_back else "",
                 f"{_counts(self._lost.items())} could not be sent" if self._lost else ""]  # fmt: skip
        kind = next((kind for kind in (*self._held_back, *self._lost) if kind.urgent), Kind.TRADES)
        self._held_back.clear()
        self._lost.clear()
        return Message(kind, "more than can be told", "; ".join(filter(None, parts)))


def _counts(counts: Iterable[tuple[Kind, int]]) -> str:
    return ", ".join(f"{count} of {kind}" for kind, count in sorted(counts))
