"""Findings as a person reads them in a terminal: what, where with carets, why, and the mend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from engine.language.diagnostics import Finding, Severity, Span
from engine.lint.render.common import Sources, lines_of, ordered, page, visible
from engine.lint.render.snippet import Row, snippet

Paint = Callable[[str, str], str]
_STYLES = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "secondary": "\x1b[36m",
    "frame": "\x1b[34m",
    "bold": "\x1b[1m",
}
_RESET = "\x1b[0m"


def render_text(findings: Iterable[Finding], sources: Sources, *, color: bool = False) -> str:
    """All findings, an empty line between two; ``color`` adds ANSI colours and changes nothing else."""
    paint: Paint = _colored if color else lambda text, style: text
    lines = {name: lines_of(text) for name, text in sources.items()}
    return "\n\n".join("\n".join(_finding(finding, lines, paint)) for finding in ordered(findings))


def _colored(text: str, style: str) -> str:
    return f"{_STYLES[style]}{text}{_RESET}" if text.strip() else text


def _finding(finding: Finding, lines: dict[str, list[str]], paint: Paint) -> list[str]:
    severity = finding.severity.value
    snippets = [(spans, _rows(spans, finding, lines)) for spans in _by_file(finding.spans)]
    numbers = [row.number for _, rows in snippets for row in rows if row.number is not None]
    gutter = len(str(max(numbers, default=0)))
    head, *more = finding.message.split("\n")
    out = [f"{paint(f'{severity}[{finding.code}]', severity)}{paint(f': {visible(head)}', 'bold')}"]
    out += [f"{' ' * gutter}   {visible(line)}" for line in more]
    for index, (spans, rows) in enumerate(snippets):
        arrow = ":::" if index else "-->"
        first = spans[0]
        place = f"{visible(first.file)}:{first.line}:{first.column}"
        out.append(f"{' ' * gutter}{paint(arrow, 'frame')} {place}")
        if rows:
            out.append(f"{' ' * gutter} {paint('|', 'frame')}")
            out += [_row(row, gutter, finding.severity, paint) for row in rows]
        else:
            out += [
                f"{' ' * gutter} {paint('=', 'frame')} line {span.line}: {visible(span.label)}"
                for span in spans
                if span.label
            ]
    if any(rows for _, rows in snippets):
        out.append(f"{' ' * gutter} {paint('|', 'frame')}")
    explained = f"{page(finding)} ({finding.name})" if finding.code.startswith("AT") else ""
    notes = (("help", finding.help), ("witness", finding.witness), ("page", explained))
    for name, text in notes:
        out += _note(name, text, gutter, paint)
    return out


def _by_file(spans: Sequence[Span]) -> list[list[Span]]:
    """Spans by file, the file of the primary span first."""
    files: dict[str, list[Span]] = {}
    for span in spans:
        files.setdefault(span.file, []).append(span)
    return list(files.values())


def _rows(spans: Sequence[Span], finding: Finding, lines: dict[str, list[str]]) -> list[Row]:
    text = lines.get(spans[0].file)
    return snippet(text, spans, finding.primary) if text is not None else []


def _row(row: Row, gutter: int, severity: Severity, paint: Paint) -> str:
    if row.elided:
        return paint("...", "frame")
    number = str(row.number).rjust(gutter) if row.number is not None else " " * gutter
    frame = paint(f"{number} |", "frame")
    text = row.text
    if row.marks:
        text = paint(text, severity.value if row.primary else "secondary")
    return f"{frame} {text}" if text else frame


def _note(name: str, text: str, gutter: int, paint: Paint) -> list[str]:
    """``= help: …``; further lines stand under the first."""
    if not text:
        return []
    first, *more = text.split("\n")
    indent = " " * (gutter + len(name) + 5)
    return [
        f"{' ' * gutter} {paint('=', 'frame')} {paint(f'{name}:', 'bold')} {visible(first)}",
        *(f"{indent}{visible(line)}" for line in more),
    ]
