"""Tells people when a pack's gate has changed since it was judged last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from connectors.notify.outbox import Kind
from engine.cli.notices import addresses_of, notifying
from engine.settings import Settings


def tell_changes(settings: Settings, verdicts: Mapping[str, bool]) -> None:
    """``verdicts``: whether each pack's gate passes now. Where nobody is told nothing is written down.

    A pack that is judged for the first time is no change. A note that cannot be read or written costs a message, and
    never a verdict.
    """
    if not addresses_of(settings):
        return
    note = settings.store.path.with_suffix(".gates.json")
    before = _read(note)
    changed = {pack: passed for pack, passed in verdicts.items() if before.get(pack, passed) != passed}
    if changed:
        with notifying(settings) as notifier:
            for pack, passed in changed.items():
                words = "passes now; `engine gate check` shows the figures" if passed else "passes no more"
                notifier.tell(Kind.GATES, f"gate of {pack}", f"the gate of {pack} {words}")
    with suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(before | dict(verdicts), indent=2) + "\n", encoding="utf-8")


def _read(note: Path) -> dict[str, bool]:
    try:
        told = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {pack: passed for pack, passed in told.items() if isinstance(passed, bool)} if isinstance(told, dict) else {}
