"""One progress bar over several passes of the same data."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType

from engine.cli.console import Advance, progress
from engine.market.events import MarketSource


class PassesBar:
    """Shows how far all passes together are. A source that cannot tell its progress counts when it is done."""

    def __init__(self, passes: Sequence[str]) -> None:
        self._passes = list(passes)
        self._stack = ExitStack()
        self._advance: Advance = lambda done: None
        self._shown = 0.0

    def __enter__(self) -> PassesBar:
        self._advance = self._stack.enter_context(progress("back-test", float(len(self._passes))))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def notice(self, name: str, source: MarketSource) -> None:
        """Told now and then by the back-test: which pass, and the source that it reads."""
        share = getattr(source, "progress", None)
        done = self._passes.index(name) + (float(share()) if share is not None else 0.0)
        if done > self._shown:
            self._advance(done - self._shown)
            self._shown = done
