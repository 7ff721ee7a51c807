"""Faults on demand: what goes wrong, where, and how often; written alike for every practice venue.

``--fault`` takes entries ``KIND[@SCOPE][:WHEN][=VALUE]`` with commas between them. WHEN is a probability (``0.05``),
one event (``#3``: the third that matches) or every so many (``%10``); without it, always. The same seed and the same
requests give the same faults.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from random import Random

# Kind: what VALUE is when it is not given (None: the kind takes none), and what it does.
Kinds = Mapping[str, tuple[float | None, str]]

HTTP_KINDS: Kinds = {
    "drop-before": (None, "the connection closes, nothing was done"),
    "drop-after": (None, "the request is carried out, then the connection closes without an answer"),
    "hang": (60, "nothing is done and no answer comes for VALUE seconds"),
    "timeout": (60, "the request is carried out and no answer comes for VALUE seconds"),
    "late": (3, "the request is held up for VALUE seconds and then arrives, whether or not anyone still waits for it"),
    "slow": (1, "the answer comes VALUE seconds late"),
    "429": (None, "too many requests, nothing was done"),
    "5xx": (503, "the status VALUE, nothing was done"),
    "5xx-after": (503, "the request is carried out, then the status VALUE"),
    "html": (502, "a page of HTML with the status VALUE instead of JSON, nothing was done"),
    "html-after": (502, "the request is carried out, then a page of HTML with the status VALUE"),
}
WS_KINDS: Kinds = {
    "ws-duplicate": (None, "the frame is sent twice"),
    "ws-lose": (None, "the frame is not sent"),
    "ws-reorder": (None, "the frame is sent after the next one of its connection"),
    "ws-close": (None, "the connection breaks without a closing handshake instead of the frame"),
    "ws-half-open": (None, "from this frame on the connection is silent and deaf, and stays open"),
}

_ENTRY = re.compile(r"([a-z0-9-]+)(?:@([a-z_0-9-]+))?(?::([#%]?[0-9.]+))?(?:=(-?[0-9.]+))?")


class FaultSpecError(ValueError):
    """A specification that cannot be read. The text names the entry and the mend."""


@dataclass(slots=True)
class Rule:
    """``seen`` counts the events that the scope matches, ``fired`` those that went wrong."""

    kind: str
    scope: str
    probability: float
    nth: int
    every: int
    value: float
    seen: int = 0
    fired: int = 0

    def strikes(self, random: Random) -> bool:
        self.seen += 1
        if self.nth:
            struck = self.seen == self.nth
        elif self.every:
            struck = self.seen % self.every == 0
        else:
            struck = random.random() < self.probability
        self.fired += struck
        return struck


def _rule(entry: str, kinds: Kinds, scopes: Collection[str]) -> Rule:
    match = _ENTRY.fullmatch(entry)
    if match is None:
        raise FaultSpecError(f"fault `{entry}`: write KIND[@SCOPE][:WHEN][=VALUE], such as {next(iter(kinds))}:0.05")
    kind, scope, when, value = match.groups()
    if kind not in kinds:
        raise FaultSpecError(f"fault `{entry}`: there is no kind {kind} here; there are {', '.join(kinds)}")
    if scope is not None and scope not in scopes:
        raise FaultSpecError(f"fault `{entry}`: there is no scope {scope}; there are {', '.join(sorted(scopes))}")
    default = kinds[kind][0]
    if value is not None and default is None:
        raise FaultSpecError(f"fault `{entry}`: {kind} takes no value")
    try:
        number = float(value) if value is not None else default or 0.0
        probability, nth, every = _when(when)
    except ValueError:
        raise FaultSpecError(
            f"fault `{entry}`: WHEN is a probability from 0 to 1, #N or %N, and VALUE a number"
        ) from None
    return Rule(kind, scope or "", probability, nth, every, number)


def _when(when: str | None) -> tuple[float, int, int]:
    if when is None:
        return 1.0, 0, 0
    if when[0] in "#%":
        count = int(when[1:])
        if count < 1:
            raise ValueError
        return (0.0, count, 0) if when[0] == "#" else (0.0, 0, count)
    probability = float(when)
    if not 0 <= probability <= 1:
        raise ValueError
    return probability, 0, 0


class Faults:
    """The rules in force. The first rule that strikes wins; the others still count the event.

    ``kinds``: what can go wrong at this venue; ``scopes``: the names that may follow an @. Raises FaultSpecError for a
    ``spec`` that cannot be read, or of other things.
    """

    def __init__(self, seed: int, kinds: Kinds, scopes: Collection[str], spec: str = "") -> None:
        self._random = Random(f"faults {seed}")
        self._kinds, self._scopes = kinds, scopes
        self.rules: list[Rule] = []
        self.set(spec)

    def set(self, spec: str) -> None:
        """Replace all rules; an empty text ends all faults. Raises FaultSpecError."""
        self.rules = self.read(spec)

    def read(self, spec: str) -> list[Rule]:
        """The rules of a specification. Raises FaultSpecError."""
        return [_rule(entry.strip(), self._kinds, self._scopes) for entry in spec.split(",") if entry.strip()]

    def http(self, *names: str) -> Rule | None:
        """What happens to a request that goes by these names (its own, and read or write)."""
        return self.strike(HTTP_KINDS, names)

    def frame(self, *names: str) -> Rule | None:
        """What happens to a websocket frame of this channel and message type."""
        return self.strike(WS_KINDS, names)

    def strike(self, kinds: Kinds, names: Collection[str]) -> Rule | None:
        """The first rule of these kinds that strikes an event of these names."""
        struck = None
        for rule in self.rules:
            if rule.kind not in kinds or (rule.scope and rule.scope not in names):
                continue
            if rule.strikes(self._random) and struck is None:
                struck = rule
        return struck
