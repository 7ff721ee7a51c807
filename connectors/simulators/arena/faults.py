"""Faults on demand: ``KIND[@SCOPE][:WHEN][=VALUE]`` with commas between them, as on the practice exchange.

SCOPE is ``primary`` or ``fallback``. WHEN is a probability (``0.05``), one request (``#3``: the third that matches) or
every so many (``%10``); without it, always. The same seed and the same requests give the same faults.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

KINDS: dict[str, tuple[float | None, str]] = {
    "5xx": (503, "the status VALUE instead of a page"),
    "429": (60, "too many requests; come back in VALUE seconds"),
    "timeout": (60, "no answer for VALUE seconds"),
    "drop": (None, "the connection closes without an answer"),
    "html": (None, "a page that asks whether you are a robot"),
    "wrong-slice": (None, "the table with style control on"),
    "few-rows": (None, "a part of the table"),
    "broken-ranks": (None, "a rank that is out of order"),
    "disagrees": (None, "a table that shows other votes than the page's data"),
    "backwards": (None, "an older table"),
    "vanished": (None, "the table without its leader"),
}
SCOPES = ("primary", "fallback")
_ENTRY = re.compile(r"([a-z0-9-]+)(?:@([a-z]+))?(?::([#%]?[0-9.]+))?(?:=([0-9.]+))?")


class FaultError(ValueError):
    """A specification that cannot be read. The text names the entry and the mend."""


@dataclass(slots=True)
class Fault:
    """One entry. ``seen`` counts the requests that its scope matches."""

    kind: str
    scope: str
    probability: float
    nth: int
    every: int
    value: float
    seen: int = 0

    def strikes(self, scope: str, random: Random) -> bool:
        if self.scope and self.scope != scope:
            return False
        self.seen += 1
        if self.nth:
            return self.seen == self.nth
        if self.every:
            return self.seen % self.every == 0
        return random.random() < self.probability


def parse_faults(spec: str) -> list[Fault]:
    """Read a specification; FaultError says which entry is wrong."""
    return [_fault(entry.strip()) for entry in spec.split(",") if entry.strip()]


def strikes(faults: Sequence[Fault], scope: str, random: Random) -> Fault | None:
    """The first fault that strikes this request; all that match count it."""
    struck = [fault for fault in faults if fault.strikes(scope, random)]
    return struck[0] if struck else None


def _fault(entry: str) -> Fault:
    match = _ENTRY.fullmatch(entry)
    if match is None:
        raise FaultError(f"fault `{entry}`: write KIND[@SCOPE][:WHEN][=VALUE], such as 5xx@primary:0.1")
    kind, scope, when, value = match.groups()
    if kind not in KINDS:
        raise FaultError(f"fault `{entry}`: there is no kind {kind}; there are {', '.join(KINDS)}")
    if scope is not None and scope not in SCOPES:
        raise FaultError(f"fault `{entry}`: there is no scope {scope}; there are {', '.join(SCOPES)}")
    usual = KINDS[kind][0]
    if value is not None and usual is None:
        raise FaultError(f"fault `{entry}`: {kind} takes no value")
    try:
        probability, nth, every = _when(when)
        number = float(value) if value is not None else usual or 0.0
    except ValueError:
        raise FaultError(f"fault `{entry}`: WHEN is a probability from 0 to 1, #N or %N, and VALUE a number") from None
    return Fault(kind, scope or "", probability, nth, every, number)


def _when(when: str | None) -> tuple[float, int, int]:
    if when is None:
        return 1.0, 0, 0
    if when[0] in "#%":
        count = int(when[1:])
        if count < 1:
            raise ValueError
        return (0.0, count, 0) if when[0] == "#" else (0.0, 0, count)
    probability = float(when)
    if not 0.0 <= probability <= 1.0:
        raise ValueError
    return probability, 0, 0
