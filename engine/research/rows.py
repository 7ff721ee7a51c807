"""Rows of tables and of JSON: what every result is made of."""

from __future__ import annotations

Cell = str | int | float | None
"""None is unknown."""

Row = dict[str, Cell]
