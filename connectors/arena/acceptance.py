"""From tables that were read to the table that counts: sound, newer, and confirmed where a leading model has gone."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.arena.board import Board
from connectors.arena.checks import LEAST_ROWS, check_follows, check_sound, vanished
from engine.market.events import NANOS

LEAST_LOOKS = 3


@dataclass(frozen=True, slots=True)
class Held:
    """A table that is sound and hard to believe. ``since_ns``: when it was first seen."""

    words: str
    since_ns: int


class Acceptance:
    """``judge`` each table in order of time. ``confirm_seconds``: how long a loss among the best ten must last until
    it counts; a glitch of the site took 2.5 hours. ``board`` is the last table that counts."""

    def __init__(self, confirm_seconds: float, board: Board | None = None, least_rows: int = LEAST_ROWS) -> None:
        self.board = board
        self.held: Held | None = None
        self._confirm_ns = int(confirm_seconds * NANOS)
        self.least_rows = least_rows
        self._gone: tuple[str, ...] = ()
        self._looks = 0

    def judge(self, board: Board) -> bool:
        """Whether the table counts from now on; False: it is held. BoardError: it is refused, and changes nothing."""
        check_sound(board, self.least_rows)
        if self.board is not None:
            check_follows(board, self.board)
            gone = vanished(board, self.board)
            if gone and not self._confirmed(gone, board.seen_ns):
                return False
        self.board, self.held, self._gone, self._looks = board, None, (), 0
        return True

    def _confirmed(self, gone: tuple[str, ...], now_ns: int) -> bool:
        if gone != self._gone or self.held is None:
            self._gone, self._looks = gone, 0
            words = f"{', '.join(gone)} vanished from the best ten; no table is believed until that has lasted"
            self.held = Held(words, now_ns)
        self._looks += 1
        return self._looks >= LEAST_LOOKS and now_ns - self.held.since_ns >= self._confirm_ns
