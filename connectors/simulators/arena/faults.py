"""What can go wrong at the practice leaderboard, and where; written as for the other practice venues."""

from __future__ import annotations

from connectors.simulators.faults import Kinds

KINDS: Kinds = {
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
