"""Who is told: every address is one that can be told, and the package for it is there."""

from __future__ import annotations

from engine.cli.checks.check import Check, fail, ok
from engine.cli.errors import UserError
from engine.cli.notices import addresses_of, targets
from engine.settings import Settings

NAME = "notifications"


def check_notices(settings: Settings) -> list[Check]:
    """Nothing where nobody is to be told; no message is sent."""
    if not addresses_of(settings):
        return []
    try:
        found = targets(settings)
    except UserError as error:
        words, _, mend = str(error).partition("; ")
        return [fail(NAME, words, mend or "correct AUTOTRADER__NOTIFY__URLS or AUTOTRADER__DISCORD__WEBHOOK_URL")]
    names = ", ".join(target.name for target in found)
    return [ok(NAME, f"{', '.join(settings.notify.kinds) or 'nothing'} to {names}; `engine notify test` tries them")]
