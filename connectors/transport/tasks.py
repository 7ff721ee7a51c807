"""Things that are done side by side, or behind whoever uses them, and end together."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, ClassVar, Self


async def until_one_ends(*works: Coroutine[Any, Any, Any]) -> list[Exception]:
    """Do all of these until one of them is done, and end the others; returns what failed."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    return [end for end in ended if isinstance(end, Exception)]


class Background(ABC):
    """Works from ``async with`` to its end. ``name`` is the task's."""

    name: ClassVar[str]
    _runner: asyncio.Task[None] | None = None

    @abstractmethod
    async def _run(self) -> None:
        """The work; it is cancelled at the end."""

    async def __aenter__(self) -> Self:
        self._runner = asyncio.create_task(self._run(), name=self.name)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.gather(self._runner, return_exceptions=True)
