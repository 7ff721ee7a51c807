"""Ctrl-C, known for what it is also where a library makes another error of it."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

AGAIN_SECONDS = 0.01


class Interrupts:
    """Within ``with``, these signals raise KeyboardInterrupt, and so does every error that comes after one of them:
    pydantic, for one, tells of an interrupted serialisation as of a fault in it. Handlers are given back at the end.
    One that is lost, as Python drops what is raised in a ``__del__`` or in some callbacks, comes again.

    A signal that the process was started to ignore stays ignored. Only a main thread hears signals.
    """

    def __init__(self, *numbers: int) -> None:
        heard = threading.current_thread() is threading.main_thread()
        self._old = {number: signal.getsignal(number) for number in numbers if heard}
        self._asked = False
        self._hook = sys.unraisablehook

    def take(self) -> None:
        """Take the signals, also again after somebody else had them."""
        for number, old in self._old.items():
            if old is not signal.SIG_IGN:
                signal.signal(number, self._stop)

    def mistaken(self, error: BaseException | None) -> bool:
        """Whether ``error`` is what somebody made of an interrupt."""
        return self._asked and isinstance(error, Exception)

    def __enter__(self) -> Interrupts:
        self.take()
        self._hook, sys.unraisablehook = sys.unraisablehook, self._dropped
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.unraisablehook = self._hook
        for number, old in self._old.items():
            signal.signal(number, old)
        if self.mistaken(error):
            raise KeyboardInterrupt from error

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        raise KeyboardInterrupt

    def _dropped(self, told: UnraisableHookArgs) -> None:
        """Python tells of an error that it drops. Here one would be dropped, too: so the signal comes later."""
        if not (self._asked and issubclass(told.exc_type, KeyboardInterrupt)):
            self._hook(told)
            return
        # To the main thread, as a system call that it waits in goes on when another one hears the signal.
        main = threading.main_thread().ident
        again = threading.Timer(AGAIN_SECONDS, signal.pthread_kill, [main, next(iter(self._old))])
        again.daemon = True
        again.start()
