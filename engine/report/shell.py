"""What every HTML page of ours is made of: a head that allows nothing from outside, sections, and drawn tables."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from html import escape

from engine.report.layout import Column, Table, clean
from engine.report.page import SCRIPT, STYLE


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page of ``parts``, which are HTML; ``title`` is text."""
    return "".join((_head(escape(clean(title))), *parts, f"</main><script>{SCRIPT}</script></body></html>\n"))


def _head(title: str) -> str:
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{title}</title><style>{STYLE}</style></head>\n<body><main>"
    )


def header(title: str, *lines: str) -> str:
    """The heading of a page, with lines of text below it."""
    below = "".join(f"<p>{escape(clean(line))}</p>" for line in lines)
    return f"<header><h1>{escape(clean(title))}</h1>{below}</header>"


def tiles(shown: Iterable[tuple[str, str, str]]) -> str:
    """Figures shown first: name, value as text, and tone (``won-text``, ``lost-text``, ``unknown`` or empty)."""
    found = (f'<div><dt>{escape(name)}</dt><dd class="{tone}">{escape(text)}</dd></div>' for name, text, tone in shown)
    return f'<dl class="tiles">{"".join(found)}</dl>'


def section(table: Table) -> str:
    """A table under its title."""
    return f"<section><h2>{escape(table.title)}</h2>{drawn(table)}</section>"


def drawn(table: Table) -> str:
    """A table and its note, without the title."""
    parts = []
    if table.rows:
        head = "".join(f'<th scope="col"{_aligned(column)}>{escape(column.title)}</th>' for column in table.columns)
        body = "".join(
            "<tr>"
            + "".join(
                f"<td{_aligned(column)}>{escape(cell)}</td>" for column, cell in zip(table.columns, row, strict=True)
            )
            + "</tr>"
            for row in table.rows
        )
        kind = ' class="pairs"' if len(table.columns) == 2 else ""
        parts.append(
            f'<div class="wide"><table{kind}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        )
    if table.note:
        parts.append(f"<p>{escape(table.note)}</p>")
    return "".join(parts)


def _aligned(column: Column) -> str:
    return ' class="number"' if column.numeric else ""
