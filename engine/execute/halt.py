"""Obeys the kill switch: looks at it at every tick, and tells the rules when it changes."""

from __future__ import annotations

from collections.abc import Callable

from engine.decide.tick import Decider
from engine.market.inputs import FOREVER_NS, OPERATOR, Halted, InputLog, Resumed, Standing


class KillSwitch:
    """Begins with what is in force at the start, ``found``, and goes on with what ``look`` says.

    ``tell`` is given one line for people whenever it changes. Every change is an input of the run.
    """

    def __init__(
        self,
        found: Standing,
        look: Callable[[], Standing],
        decider: Decider,
        log: InputLog,
        tell: Callable[[str], None],
    ) -> None:
        self._look, self._decider, self._log, self._tell = look, decider, log, tell
        self._operator, self._resumes = "", found.resumes
        for halted in found.guards:
            self._halt(halted)
        self._obey(found.operator)

    def check(self) -> None:
        """To be called before each tick."""
        now = self._look()
        if now.resumes != self._resumes:
            self._resumes = now.resumes
            self._resume(Resumed())
        self._obey(now.operator)

    def _obey(self, why: str) -> None:
        if why == self._operator:
            return
        if why:
            self._operator = why
            self._halt(Halted(FOREVER_NS, OPERATOR, why))
        else:
            # The file is gone, and nobody has said `engine resume`: what a guard has halted stays so.
            self._resume(Resumed(OPERATOR))

    def _halt(self, halted: Halted) -> None:
        self._log.input(halted)
        self._decider.halt(halted)
        by = "" if halted.by == OPERATOR else f" by {halted.by}"
        self._tell(f"entries are halted{by}: {halted.reason}; exits and cancels go on")

    def _resume(self, resumed: Resumed) -> None:
        self._operator = ""
        self._log.input(resumed)
        self._decider.resume(resumed.by)
        halts = self._decider.context.all_halts()
        if not halts:
            self._tell("entries are resumed")
        for halt in halts:
            self._tell(f"the operator's halt is lifted; entries stay halted by {halt.guard}: {halt.reason}")
