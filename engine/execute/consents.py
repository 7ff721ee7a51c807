"""Who may send real orders: three consents, each given apart from the others, and nothing unknown counts as one.

1. The environment is ``production``.
2. The execution mode is ``live``.
3. Every pack has passed its go-live gate, and somebody has typed the phrase (or a service was started with the flag).

Without the first, live orders go to the venue's environment with mock money (Kalshi calls it demo, Tradier sandbox),
which asks for nothing more. Without ``--live`` no order goes anywhere. Pure: what is known comes in, what may be done
comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

ACCEPT_FLAG = "--yes-i-accept-real-orders"


class Destination(StrEnum):
    """Where orders may go."""

    NOWHERE = "nowhere"
    PRACTICE = "practice exchange"  # on this machine
    DEMO = "demo exchange"
    SANDBOX = "sandbox"
    PRODUCTION = "production exchange"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known when a run starts; None is unknown.

    ``live``: it was asked for with ``--live``. ``environment`` and ``execution_mode`` are the settings. ``gates``: for
    each pack that would trade, whether its gate has passed. ``typed``: what was typed when asked for the phrase;
    ``accepted``: the flag was given. ``practice``: the venue is replaced by an exchange on this machine. ``table``: the
    venue's table of the settings; ``mock``: its word for the environment with mock money.
    """

    live: bool
    environment: str | None
    execution_mode: str | None
    gates: Mapping[str, bool | None]
    typed: str | None = None
    accepted: bool = False
    practice: bool = False
    table: str = "kalshi"
    mock: str = "demo"


@dataclass(frozen=True, slots=True)
class Permission:
    """Where orders may go, which consents are given, and what is missing in words. ``refused``: do not start."""

    destination: Destination
    given: tuple[str, ...]
    missing: tuple[str, ...]
    refused: bool

    @property
    def text(self) -> str:
        """What to tell the user: where orders go, or everything that is missing for them to go out."""
        if not self.refused:
            return f"orders go {'' if self.destination is Destination.NOWHERE else 'to the '}{self.destination}"
        given = f" (given: {'; '.join(self.given)})" if self.given else ""
        return f"no orders are sent, because these consents are missing{given}:" + "".join(
            f"\n  {number}. {text}" for number, text in enumerate(self.missing, 1)
        )


def phrase(packs: Mapping[str, object]) -> str:
    """What has to be typed, letter by letter: it names the packs, so that nobody types it by habit."""
    return f"send real orders for {' and '.join(sorted(packs))}"


def permission(known: Known) -> Permission:
    """Where orders may go. Anything missing or unknown refuses a run that asked for live orders."""
    if not known.live:
        return Permission(Destination.NOWHERE, (), (), False)
    checks = [_environment(known), _execution_mode(known)]
    if known.environment != known.mock:
        checks += [*_gates(known), _confirmation(known)]
    given = tuple(text for good, text in checks if good)
    missing = tuple(text for good, text in checks if not good)
    destination = Destination.NOWHERE if missing else _destination(known)
    return Permission(destination, given, missing, bool(missing))


def needs_confirmation(known: Known) -> bool:
    """Whether the phrase is all that is missing, so that it makes sense to ask for it."""
    return permission(known).refused and not permission(_confirmed(known)).refused


def _confirmed(known: Known) -> Known:
    return replace(known, typed=None, accepted=True)


def _destination(known: Known) -> Destination:
    if known.practice:
        return Destination.PRACTICE
    if known.environment != known.mock:
        return Destination.PRODUCTION
    return Destination.SANDBOX if known.mock == "sandbox" else Destination.DEMO


Check = tuple[bool, str]


def _environment(known: Known) -> Check:
    if known.environment == known.mock:
        return True, f"the environment is {known.mock}: mock money"
    if known.environment == "production":
        return True, "the environment is production"
    return False, (
        f"environment: {_said(known.environment)} is neither {known.mock} nor production ({known.table}.environment)"
    )


def _execution_mode(known: Known) -> Check:
    if known.execution_mode == "live":
        return True, "the execution mode is live"
    return False, (
        f"execution mode: it is {_said(known.execution_mode)}, not live; "
        f"set AUTOTRADER__{known.table.upper()}__EXECUTION_MODE=live when you mean it"
    )


def _gates(known: Known) -> list[Check]:
    if not known.gates:
        return [(False, "go-live gate: there is no pack whose gate could have passed")]
    return [_gate(pack, passed) for pack, passed in sorted(known.gates.items())]


def _gate(pack: str, passed: bool | None) -> Check:
    if passed is True:
        return True, f"the go-live gate of {pack} has passed"
    gate = f"go-live gate: that of {pack}"
    if passed is False:
        return False, f"{gate} has not passed; `engine gate check --pack {pack}` says what it lacks"
    return False, (
        f"{gate} is unknown, which is not passed: it has judged neither other values by --param nor other symbols by "
        "--symbols, and a store that cannot be read shows nothing"
    )


def _confirmation(known: Known) -> Check:
    if known.accepted:
        return True, f"{ACCEPT_FLAG} was given"
    if known.gates and known.typed == phrase(known.gates):
        return True, "the phrase was typed"
    what = "nothing was typed" if known.typed is None else "something else was typed"
    return False, (
        f"confirmation: {what}; type exactly `{phrase(known.gates)}` when asked, or start a service with {ACCEPT_FLAG}"
    )


def _said(word: str | None) -> str:
    return "unknown" if word is None else word
