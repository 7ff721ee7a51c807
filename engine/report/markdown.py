"""A result as Markdown, for a note or a pull request."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from engine.report.layout import Table, clean, tables
from engine.research.results import BacktestResult

_SPECIAL = re.compile(r"([\\`*_\[\]|~#])")


def render_markdown(result: BacktestResult) -> str:
    """Every table of ``result`` under one heading; ends with a newline."""
    return document(f"Back-test of {result.pack}", tables(result))


def document(title: str, shown: Iterable[Table], *lines: str) -> str:
    """Tables under one heading, after ``lines`` of text; ends with a newline."""
    said = [f"{escape(clean(line))}\n" for line in lines]
    return "\n".join([f"# {escape(clean(title))}\n", *said, *(_table(table) for table in shown)])


def escape(text: str) -> str:
    """``text`` so that Markdown shows it as it is: no markup, no HTML, no cell border."""
    return _SPECIAL.sub(r"\\\1", html.escape(text, quote=False))


def _table(table: Table) -> str:
    lines = [f"## {escape(table.title)}", ""]
    if table.rows:
        lines.append(_row(column.title for column in table.columns))
        lines.append("| " + " | ".join("---:" if column.numeric else "---" for column in table.columns) + " |")
        lines.extend(_row(row) for row in table.rows)
    if table.note:
        lines.append(escape(table.note))
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(escape(cell) for cell in cells) + " |"
