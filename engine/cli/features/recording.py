"""A process beside a run that keeps what its rules compute, bar by bar: see ``engine.cli.features.record``."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing import get_context
from typing import Final

from engine.cli.stores import market_of
from engine.settings import Settings
from state import Mode, Store

JOIN_SECONDS: Final = 60.0  # for what is left to be written when a run has ended


class Recording:
    """It reads the run's journal in the store: no tick waits for it, and nothing that it meets stops a run."""

    def __init__(self, settings: Settings, store: Store, mode: str, run: str, tell: Callable[[str], None]) -> None:
        self._run, self._tell, self._mode = run, tell, mode
        context = get_context("spawn")  # a fork would share the database's connection and the run's threads
        self._heard, heard = context.Pipe(duplex=False)
        arguments = (store.path, market_of(settings), run, heard)
        self._process = context.Process(target=_follow, args=arguments, name=f"features of {run}")
        self._process.start()
        heard.close()
        self._over = False

    def look(self) -> None:
        """While the run goes on: say once what ended it before the run did."""
        if not self._over and not self._process.is_alive():
            self._say(self._words() or self._exit)

    def ended(self) -> None:
        """The run has ended in the store: wait for the rest to be written."""
        self._process.join(JOIN_SECONDS)
        words = None if self._over else self._words()
        if words or (not self._over and self._process.exitcode != 0):
            self._say(words or self._exit)

    @property
    def _exit(self) -> str:
        code = self._process.exitcode
        return "it is slow" if code is None else f"its process ended with {code}"

    def _words(self) -> str | None:
        """What it said, if anything."""
        try:
            return str(self._heard.recv()) if self._heard.poll() else None
        except EOFError:
            return None

    def _say(self, words: str) -> None:
        self._over = True
        self._tell(
            f"what the rules compute is no longer recorded: {words}; when that is mended, `engine features record "
            f"{self._run}{'' if self._mode == Mode.PAPER else f' --mode {self._mode}'}` makes up for it"
        )


def recording(
    settings: Settings, store: Store, mode: str, run: str, tell: Callable[[str], None]
) -> Recording | None:
    """What records beside a run, where the settings ask for it; a machine that starts no process for it is told."""
    if not settings.store.features:
        return None
    try:
        return Recording(settings, store, mode, run, tell)
    except OSError as error:
        tell(f"what the rules compute is not recorded: no process can be started for it: {error.strerror or error}")
        return None


def _follow(*arguments: object) -> None:
    """Imported by the new process alone: what it needs is not needed here."""
    from engine.cli.features.record import follow_run

    follow_run(*arguments)  # type: ignore[arg-type]
