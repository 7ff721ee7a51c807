"""A result as tables on a terminal; plain aligned text in a pipe, where nothing may be cut or coloured."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from engine.report.layout import Table, tables
from engine.research.results import BacktestResult

_ENDLESS = 10_000


def print_report(result: BacktestResult, console: Console) -> None:
    """Print every table of ``result`` to ``console``."""
    for table in tables(result):
        print_table(table, console)


def print_table(table: Table, console: Console) -> None:
    """Print one table: drawn with rules on a terminal wide enough for it, as aligned plain text elsewhere."""
    if console.is_terminal:
        drawn = _drawn(table)
        # Asked for its width on an endless line: a squeezed table would cut numbers in two.
        needed = Measurement.get(console, console.options.update(width=_ENDLESS), drawn).maximum
        if needed <= console.width:
            console.print(drawn)
            console.print()
            return
    console.print(Text(plain(table)), soft_wrap=True)


def plain(table: Table) -> str:
    """The table as text: title, then columns two spaces apart, then the note; ends with a blank line."""
    lines = [table.title]
    if table.rows:
        grid = [tuple(column.title for column in table.columns), *table.rows]
        widths = [max(len(row[index]) for row in grid) for index in range(len(table.columns))]
        for row in grid:
            cells = (
                text.rjust(width) if column.numeric else text.ljust(width)
                for text, width, column in zip(row, widths, table.columns, strict=True)
            )
            lines.append(f"  {'  '.join(cells).rstrip()}")
    if table.note:
        lines.append(f"  {table.note}")
    return "\n".join(lines) + "\n"


def _drawn(table: Table) -> RichTable:
    drawn = RichTable(
        title=Text(table.title, style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        caption=Text(table.note) if table.note else None,
        caption_justify="left",
        show_header=bool(table.rows),
    )
    for column in table.columns:
        drawn.add_column(Text(column.title), justify="right" if column.numeric else "left", no_wrap=True)
    for row in table.rows:
        # Text objects: a rule name with square brackets is a name, not markup.
        drawn.add_row(*(Text(cell) for cell in row))
    return drawn
