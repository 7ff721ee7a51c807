"""Who said a setting: a line of a file, a line of ``.env``, a variable, the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from engine.settings.toml_lines import line_of


class Layer(IntEnum):
    """Layers of settings, the weakest first."""

    DEFAULT = 0
    FILE = 1  # autotrader.toml
    OVERLAY = 2  # autotrader.<environment>.toml
    DOTENV = 3
    VARIABLE = 4
    FLAG = 5


@dataclass(frozen=True, slots=True)
class Origin:
    """``name`` is a file, or a place that needs no line. Relative paths start at ``folder`` (None: where we are)."""

    layer: Layer
    name: str
    folder: Path | None = None
    text: str | None = field(default=None, repr=False)

    def place(self, path: Sequence[str]) -> str:
        """Where the value at ``path`` stands: ``autotrader.toml:3``, ``.env:2``, ``command line``."""
        line = None if self.text is None else line_of(self.text, path)
        return f"{self.name}:{line}" if line else self.name
