"""The signal file beside recorded and simulated data, and what stands in for it on a simulated market."""

from __future__ import annotations

from pathlib import Path

from connectors.alpha.file import Alpha, AlphaError, read_alpha
from connectors.alpha.watch import taken
from connectors.capture.frames import is_capture
from engine.cli.console import err
from engine.cli.errors import UserError
from engine.cli.sources import asking
from engine.ruleset.rules import Ruleset
from engine.settings import Settings

NAME = "alpha"


def signals_for(settings: Settings, ruleset: Ruleset, *, simulated: bool, needed: bool) -> Alpha | None:
    """The signals that these rules trade on; None where no rule asks for any.

    Without a file a ``simulated`` market takes made-up ones; else UserError when they are ``needed``.
    """
    if not any(asking(ruleset, NAME)):
        return None
    path = settings.signals.alpha
    if not path.exists() and not needed:
        return None
    if not path.exists() and simulated:
        from connectors.simulated.contracts import example_signals

        err().print(f"there is no {path}: made-up contracts are traded on made-up signals")
        return example_signals()
    return load(path)


def recorded_signals(settings: Settings, ruleset: Ruleset, root: Path | None) -> Alpha | None:
    """The signals for recorded data; None where no rule asks for any, or where a capture holds its own."""
    if root is None or holds_signals(root):
        return None
    return signals_for(settings, ruleset, simulated=False, needed=True)


def holds_signals(root: Path) -> bool:
    """Whether recorded data tells what the signal file said then: today's file has no place in a replay of it."""
    return root.is_file() and is_capture(root)


def load(path: Path) -> Alpha:
    """The signals of a file, with a word about each row that cannot be used; UserError when there is none to use."""
    try:
        alpha = read_alpha(path)
    except AlphaError as error:
        raise UserError(str(error)) from None
    for fault in alpha.faults:
        err().print(f"{path}: {fault}; the market is left out")
    if not alpha.signals:
        raise UserError(f"{taken(path, alpha)}: there is nothing to trade; `engine signals build` makes a file")
    return alpha
