"""What the YAML parser complains about, said to somebody who writes rules: the place, and the mend."""

from __future__ import annotations

import re

import yaml

from engine.language.diagnostics import Finding
from engine.ruleset.yaml_nodes import SourceFile, syntax_finding

_TAB_INDENT = re.compile(r"^ *\t[ \t]*(?=[^\s#])", re.MULTILINE)
_INDICATOR = re.compile(r"(?:^|:[ \t]+|-[ \t]+)([@`%*&|>!])")
_QUOTED_START = re.compile(r"""(?:^|:[ \t]+|-[ \t]+)("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')[ \t]*\S""")
_QUOTE_IT = 'put the whole value in quotes: key: "..."'


def explain(problem: yaml.MarkedYAMLError, file: SourceFile, base: int, document_start: int) -> Finding:
    """The finding for ``problem``, raised while parsing ``file.text[base:]``."""
    mark, context = problem.problem_mark, problem.context_mark
    at = min(base + (mark.index if mark is not None else 0), len(file.text))
    began = base + context.index if context is not None else at
    said = str(problem.problem or problem)
    tab = _tab_before(file.text, document_start, at)
    if tab is not None:
        message = "a tab indents this line; YAML allows only spaces"
        return syntax_finding(message, file.span(*tab), help="replace the tab by two spaces for each level")
    return (
        _unclosed(said, file, began, at)
        or _bad_character(said, file, at)
        or _mis_nested(said, file, at)
        or _block_header(said, file, at)
        or syntax_finding(f"this is not valid YAML: {said}", file.span(at, at + 1))
    )


def _tab_before(text: str, start: int, at: int) -> tuple[int, int] | None:
    """The tab that indents the line of the error, or the nearest such line above it."""
    end = text.find("\n", at)
    found = None
    for match in _TAB_INDENT.finditer(text, start, len(text) if end < 0 else end):
        found = match
    if found is None or text.count("\n", found.start(), at) > 1:
        return None
    tab = text.index("\t", found.start())
    return tab, tab + 1


def _unclosed(said: str, file: SourceFile, began: int, at: int) -> Finding | None:
    opener = file.text[began : began + 1]
    here = file.span(began, began + 1, "opened here")
    if ("end of stream" in said or "document indicator" in said) and opener in ("'", '"'):
        return syntax_finding(f"this quote {opener} is never closed", here, help=f"add the closing {opener}")
    if opener in ("[", "{") and ("',' or" in said):
        closer = "]" if opener == "[" else "}"
        place = file.span(at, at + 1, "the parser gave up here")
        return syntax_finding(
            f"this {opener} is not closed, or a comma is missing",
            here,
            place,
            help=f"add a comma or the closing {closer}",
        )
    return None


def _bad_character(said: str, file: SourceFile, at: int) -> Finding | None:
    character = file.text[at : at + 1]
    if "cannot start any token" in said or "alphabetic or numeric" in said or "indentation indicator equal" in said:
        begin = at if character in "@`%*&!|>" and character else _value_start(file.text, at)
        shown = file.text[begin : begin + 1]
        return syntax_finding(f"a value cannot begin with {shown}", file.span(begin, begin + 1), help=_QUOTE_IT)
    if "unknown escape" in said:
        escape = file.text[at : at + 2]
        return syntax_finding(
            f"{escape} is no escape that YAML knows",
            file.span(at, at + 2),
            help="write \\\\ for a backslash, or use ' quotes",
        )
    return None


def _value_start(text: str, at: int) -> int:
    start = text.rfind("\n", 0, at) + 1
    match = _INDICATOR.search(text, start, at + 1)
    return match.start(1) if match else at


def _mis_nested(said: str, file: SourceFile, at: int) -> Finding | None:
    here = file.span(at, at + 1)
    if "mapping values are not allowed" in said:
        line = file.text[file.text.rfind("\n", 0, at) + 1 : at]
        if re.search(r":[ \t]", line):
            return syntax_finding("a second `: ` stands in this value", here, help=_QUOTE_IT)
        return syntax_finding(
            "this key does not line up with the lines above it",
            here,
            help="keys of one mapping begin in the same column; a value ends before the next key",
        )
    if "block sequence entries are not allowed" in said:
        return syntax_finding(
            "a list cannot begin on the line of its key", here, help="put `- ` on the next line, or use [a, b]"
        )
    if "expected key" in said or "'-' indicator" in said:
        return _stray(file, at)
    return None


def _stray(file: SourceFile, at: int) -> Finding:
    start = file.text.rfind("\n", 0, at) + 1
    quoted = _QUOTED_START.search(file.text, start)
    if quoted is not None and quoted.end(1) <= at + 1:
        return syntax_finding(
            "the value begins with a quote and goes on behind it",
            file.span(quoted.start(1), at + 1),
            help="put the whole value in the other kind of quotes: '\"x\" == y'",
        )
    return syntax_finding(
        "this line does not line up with the ones above it",
        file.span(at, at + 1),
        help="indent it like its neighbours: two spaces a level",
    )


def _block_header(said: str, file: SourceFile, at: int) -> Finding | None:
    if "comment or line break" not in said:
        return None
    begin = _value_start(file.text, at)
    shown = file.text[begin : begin + 1]
    return syntax_finding(
        f"{shown} begins a block of text, so nothing may follow it on this line",
        file.span(begin, begin + 1),
        help=_QUOTE_IT,
    )
