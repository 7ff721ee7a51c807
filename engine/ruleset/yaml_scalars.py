"""Where each character of a parsed YAML scalar stands in the file.

The YAML parser gives a scalar's value and the stretch of text it came from. Folding, escapes, indentation and
chomping lie between the two. ``character_map`` reads the raw text once more by the rules of YAML 1.1, for one
style, and keeps beside each character of the value the stretch of raw text that made it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_BREAK = re.compile(r"\r\n|\r|\n")
_PROPERTY = re.compile(r"[&!]\S*")
_HEADER = re.compile(r"[|>]([+-]?)([1-9]?)([+-]?)[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n|$)")
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r",
    "e": "\x1b", " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_CODE_POINTS = {"x": 2, "u": 4, "U": 8}


@dataclass(frozen=True, slots=True)
class CharacterMap:
    """``starts[i]:ends[i]`` is the raw text of ``value[i]``, as offsets into the raw text."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]


@lru_cache(maxsize=4096)
def character_map(raw: str, style: str, value: str) -> CharacterMap | None:
    """Map ``value`` onto ``raw``, the scalar's text in the file with its quotes or block header.

    ``style`` is ``""`` (plain), ``'``, ``"``, ``|`` or ``>``. None when the two do not agree, which the caller
    answers by pointing at the whole scalar: a caret may be wide, never wrong.
    """
    if style in ("|", ">"):
        return next((found for found in _block_maps(raw, style) if found.matches(value)), _NONE).done()
    if style == "":
        pieces = _flow(raw, 0, len(raw), _plain)
    elif style == "'":
        pieces = _flow(raw, 1, len(raw) - 1, _single)
    else:
        pieces = _flow(raw, 1, len(raw) - 1, _double)
    return pieces.done() if pieces.matches(value) else None


def skip_properties(text: str, start: int) -> int:
    """Offset of a node's content, after its anchor, its tag and what separates them."""
    while True:
        match = _PROPERTY.match(text, start)
        if match is None:
            return start
        start = match.end()
        while start < len(text) and (text[start] in " \t\r\n#"):
            if text[start] == "#":
                start = _line_end(text, start)
            else:
                start += 1


class _Pieces:
    """The value while it is put together."""

    __slots__ = ("characters", "ends", "starts")

    def __init__(self) -> None:
        self.characters: list[str] = []
        self.starts: list[int] = []
        self.ends: list[int] = []

    def add(self, character: str, start: int, end: int) -> None:
        self.characters.append(character)
        self.starts.append(start)
        self.ends.append(end)

    def copy(self, raw: str, start: int, end: int) -> None:
        self.characters.extend(raw[start:end])
        self.starts.extend(range(start, end))
        self.ends.extend(range(start + 1, end + 1))

    def breaks(self, spans: list[tuple[int, int]]) -> None:
        for start, end in spans:
            self.add("\n", start, end)

    def matches(self, value: str) -> bool:
        return "".join(self.characters) == value

    def done(self) -> CharacterMap | None:
        return None if self is _NONE else CharacterMap(tuple(self.starts), tuple(self.ends))


_NONE = _Pieces()


def _line_end(text: str, start: int) -> int:
    match = _BREAK.search(text, start)
    return len(text) if match is None else match.start()


# --- plain, single- and double-quoted -------------------------------------------------------------------------


def _plain(raw: str, at: int, pieces: _Pieces) -> int:
    pieces.add(raw[at], at, at + 1)
    return at + 1


def _single(raw: str, at: int, pieces: _Pieces) -> int:
    end = at + 2 if raw.startswith("''", at) else at + 1
    pieces.add(raw[at], at, end)
    return end


def _double(raw: str, at: int, pieces: _Pieces) -> int:
    if raw[at] != "\\":
        return _plain(raw, at, pieces)
    letter = raw[at + 1 : at + 2]
    width = _CODE_POINTS.get(letter)
    if width is None:
        pieces.add(_ESCAPES.get(letter, letter), at, at + 2)
        return at + 2
    code = int(raw[at + 2 : at + 2 + width], 16)
    pieces.add(chr(code), at, at + 2 + width)
    return at + 2 + width


def _flow(raw: str, at: int, end: int, read: object) -> _Pieces:
    """Fold lines: blanks around a break vanish, one break is a space, each further break a newline."""
    pieces = _Pieces()
    escaped_break = False
    while at < end:
        if read is _double and raw[at] == "\\" and (match := _BREAK.match(raw, at + 1)):
            at, escaped_break = match.end(), True
        if not escaped_break and raw[at] not in " \t\r\n":
            at = read(raw, at, pieces)  # type: ignore[operator]
            continue
        blanks, breaks, at = _white(raw, at, end, escaped_break)
        if breaks or escaped_break:
            folded = breaks if escaped_break else breaks[1:]
            if folded:
                pieces.breaks(folded)
            elif not escaped_break:
                pieces.add(" ", *breaks[0])
        else:
            pieces.copy(raw, *blanks)
        escaped_break = False
    return pieces


def _white(raw: str, at: int, end: int, after_break: bool) -> tuple[tuple[int, int], list[tuple[int, int]], int]:
    """A run of blanks and breaks: the blanks before the first break, the breaks, and where the run ends."""
    start, breaks = at, list[tuple[int, int]]()
    blanks = (at, at)
    while at < end and raw[at] in " \t\r\n":
        match = _BREAK.match(raw, at, end)
        if match is not None:
            breaks.append(match.span())
            at = match.end()
        else:
            at += 1
            if not breaks and not after_break:
                blanks = (start, at)
    return blanks, breaks, at


# --- literal and folded blocks --------------------------------------------------------------------------------


def _block_maps(raw: str, style: str) -> Iterator[_Pieces]:
    """One reading for each possible indentation, the likeliest first.

    An indent indicator counts from the parent's indentation, which the scalar's own text does not tell; only
    one indentation gives the parsed value back, so trying is exact.
    """
    header = _HEADER.match(raw)
    if header is None:
        return
    chomp = header[1] or header[3]
    lines = list(_lines(raw, header.end()))
    indents = [_indent(raw, start, end) for start, end, _ in lines if raw[start:end].strip(" ")]
    likely = indents[0] if indents else max((end - start for start, end, _ in lines), default=0)
    widest = max(indents, default=likely)
    for indent in dict.fromkeys([likely, *range(likely - 1, -1, -1), *range(likely + 1, widest + 1)]):
        yield _block(raw, lines, indent, chomp, literal=style == "|")


def _lines(raw: str, at: int) -> Iterator[tuple[int, int, int]]:
    """(start, end, end with its break) of each line."""
    while at < len(raw):
        match = _BREAK.search(raw, at)
        if match is None:
            yield at, len(raw), len(raw)
            return
        yield at, match.start(), match.end()
        at = match.end()


def _indent(raw: str, start: int, end: int) -> int:
    line = raw[start:end]
    return len(line) - len(line.lstrip(" "))


def _block(raw: str, lines: list[tuple[int, int, int]], indent: int, chomp: str, *, literal: bool) -> _Pieces:
    pieces = _Pieces()
    last_break: list[tuple[int, int]] = []  # the break that ended the last line with content
    empty: list[tuple[int, int]] = []  # the breaks of the empty lines since
    after_indented = False
    for start, end, next_start in lines:
        body = start + indent
        if body >= end:
            if next_start > end:
                empty.append((end, next_start))
            continue
        indented = raw[body] in " \t"
        if last_break and not literal and not after_indented and not indented:
            if not empty:
                pieces.add(" ", *last_break[0])
        else:
            pieces.breaks(last_break)
        pieces.breaks(empty)
        pieces.copy(raw, body, end)
        last_break, empty, after_indented = [(end, next_start)] if next_start > end else [], [], indented
    if chomp != "-":
        pieces.breaks(last_break)
    if chomp == "+":
        pieces.breaks(empty)
    return pieces
