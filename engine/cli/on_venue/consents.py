"""Asks for the consents to live orders. What they are stands in ``engine.execute.consents``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from engine.cli.console import err, is_terminal
from engine.cli.errors import ExitCode, UserError
from engine.cli.gate.verb import pack_verdict
from engine.cli.venues.port import VenueConsents
from engine.execute.consents import ACCEPT_FLAG, Known, Permission, needs_confirmation, permission, phrase
from engine.settings import Settings
from state import StoreError

Ask = Callable[[str], str]


def require_permission(
    settings: Settings, consents: VenueConsents, packs: Sequence[str], parameters: Mapping[str, float], *, live: bool,
    accepted: bool, ask: Ask | None,
) -> Permission:  # fmt: skip
    """Where the orders of a run may go, before anything is connected.

    ``consents``: what the venue's settings say. ``live``: asked for with ``--live``; ``parameters``: other values given
    by ``--param``; ``accepted``: the flag for services; ``ask`` shows a question and returns the line typed, None where
    nobody can type. Raises UserError with exit code 4 that names every missing consent.
    """
    judged = live and consents.environment == "production"
    known = Known(
        live, consents.environment, consents.execution_mode,
        {pack: _gate_passed(settings, pack, parameters) for pack in packs} if judged else {},
        accepted=accepted, practice=consents.practice, table=consents.table, mock=consents.mock,
    )  # fmt: skip
    if accepted and not judged:
        raise UserError(
            f"{ACCEPT_FLAG}: the environment is {consents.environment}, which has mock money and asks for no phrase; "
            "leave it out"
        )
    if ask is not None and needs_confirmation(known):
        known = replace(known, typed=ask(f"Real orders with real money. Type `{phrase(known.gates)}` to go on: "))
    got = permission(known)
    if got.refused:
        raise UserError(got.text, ExitCode.STOPPED)
    return got


def typed_on_terminal() -> Ask | None:
    """Asks on the terminal; None where standard input is none, so that no pipe can consent by accident."""
    return _ask if is_terminal(sys.stdin) else None


def _ask(question: str) -> str:
    err().print(question, end="", markup=False)
    return sys.stdin.readline().removesuffix("\n")


def _gate_passed(settings: Settings, pack: str, parameters: Mapping[str, float]) -> bool | None:
    """None is unknown: other values of its parameters than the gate has judged, or a store that cannot be read."""
    if any(key.startswith(f"{pack}.") for key in parameters):
        return None
    try:
        return pack_verdict(settings, pack).passed
    except StoreError:
        return None
