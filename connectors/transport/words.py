"""Words for messages about answers and failures."""

from __future__ import annotations

SHOWN_CHARACTERS = 300


def shorten(text: str) -> str:
    """The beginning of ``text`` on one line."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_CHARACTERS else line[:SHOWN_CHARACTERS] + "…"


def words_of(error: BaseException) -> str:
    """What an error says; its kind where it says nothing, as many of the network do."""
    return str(error) or type(error).__name__
