"""Tells people what happens, from threads of its own: who tells it something never waits for a network."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence

from connectors.notify.outbox import Kind, Message, Outbox
from connectors.notify.redact import Redactor
from connectors.notify.targets import Target

MOST_CHARACTERS = 1_500  # Discord takes 2,000 with the title


class Notifier:
    """``kinds``: what is told; the rest is let go. ``problem`` hears, in words without addresses, when a target fails
    and when it is back. Every target has its own thread and outbox, so that one that is down holds up no other."""

    def __init__(
        self, targets: Sequence[Target], kinds: Collection[Kind], per_minute: int, redact: Redactor,
        problem: Callable[[str], None] = lambda words: None, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._kinds, self._redact = frozenset(kinds), redact
        self._posts = [_Post(target, Outbox(per_minute), problem, redact, clock) for target in targets]

    def tell(self, kind: Kind, title: str, text: str) -> None:
        """Take a message and return at once."""
        if kind in self._kinds and self._posts:
            message = Message(kind, self._redact(title), _shortened(self._redact(text)))
            for post in self._posts:
                post.put(message)

    def close(self, patience_seconds: float = 5.0) -> int:
        """Wait that long for what is still to be told; returns how many messages did not arrive."""
        until = time.monotonic() + patience_seconds
        for post in self._posts:
            post.close()
        return sum(post.join(max(0.0, until - time.monotonic())) for post in self._posts)


def _shortened(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 2] + " …"


class _Post:
    """One target with its thread, which begins with the first message."""

    def __init__(
        self, target: Target, outbox: Outbox, problem: Callable[[str], None], redact: Redactor,
        clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self._target, self._outbox, self._problem, self._redact, self._clock = target, outbox, problem, redact, clock
        self._changed = threading.Condition()
        self._closing = self._down = False
        self._thread: threading.Thread | None = None

    def put(self, message: Message) -> None:
        with self._changed:
            self._outbox.put(message)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=f"notify {self._target.name}", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()

    def join(self, seconds: float) -> int:
        if self._thread is not None:
            self._thread.join(seconds)
        with self._changed:
            return self._outbox.left()

    def _work(self) -> None:
        while True:
            with self._changed:
                now = self._clock()
                message = self._outbox.due(now)
                if message is None:
                    if self._closing and self._outbox.empty:
                        return
                    self._changed.wait(self._outbox.wait(now))
                    continue
            arrived = self._send(message)
            with self._changed:
                if arrived:
                    self._outbox.sent()
                else:
                    self._outbox.failed(self._clock())
            if self._down == arrived:
                self._down = not arrived
                self._problem(f"notifications to {self._target.name} {'are back' if arrived else 'fail'}")

    def _send(self, message: Message) -> bool:
        try:
            return self._target.send(message)
        except Exception:  # whatever a library for a hundred services may raise; it may hold an address
            return False
