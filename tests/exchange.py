"""A user of a practice exchange, as an engine in a test's folder knows it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from connectors.simulators.files import write_private

if TYPE_CHECKING:
    from connectors.simulators.kalshi.server import PracticeServer

PREFIX = "AUTOTRADER__KALSHI__"


def let_in(server: PracticeServer, folder: Path, **more: str) -> tuple[str, dict[str, str]]:
    """Make a user, with a key in ``folder``. Returns the user's id, and the variables that lead an engine to the
    exchange as that user; ``more`` are further settings of the venue: ``EXECUTION_MODE="live"``."""
    made = server.do(lambda practice: practice.make_key("ed25519"))
    key = folder / "key.pem"
    write_private(key, made.pem)
    values = {"API_KEY_ID": made.key_id, "PRIVATE_KEY_PATH": str(key), "BASE_URL": server.url, **more}
    return made.user, {f"{PREFIX}{name}": value for name, value in values.items()}
