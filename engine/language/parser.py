"""Text in, syntax tree out. Lark builds the LALR tables once; they are kept in the user's cache folder."""

from __future__ import annotations

import datetime
import math
import os
import re
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.language import nodes as n
from engine.language.lalr import Tables, Token, load
from engine.language.types import Kind

if TYPE_CHECKING:
    from lark import Lark
    from lark.exceptions import UnexpectedInput

MAX_LENGTH = 4000
MAX_DEPTH = 60
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_GRAMMAR = Path(__file__).with_name("grammar.lark")
_NUMERIC = (Kind.NUMBER, Kind.QUANTITY, Kind.PRICE, Kind.PROBABILITY)


class ExpressionSyntaxError(Exception):
    """Text that is no expression: ``message``, the offsets it concerns, and the mend in ``help``.

    ``replacement`` is what surely belongs there instead, when there is such a thing. ``unclosed``: a bracket is open at
    the end of the text.
    """

    def __init__(
        self, message: str, start: int, end: int, help: str = "", replacement: str = "", *, unclosed: bool = False
    ) -> None:
        super().__init__(message)
        self.message, self.start, self.end = message, start, max(end, start + 1)
        self.help, self.replacement, self.unclosed = help, replacement, unclosed


def parse(text: str) -> n.Node:
    """Parse one expression; raises ExpressionSyntaxError. Equal texts share one tree."""
    if len(text) > MAX_LENGTH:
        raise ExpressionSyntaxError(
            f"this expression has {len(text):,} characters, the limit is {MAX_LENGTH:,}",
            0, 1, "name its parts with `let`",
        )
    return _parse(text)


@lru_cache(maxsize=65536)
def _parse(text: str) -> n.Node:
    tree: n.Node | None = _tables().parse(text)
    if tree is None:
        raise _why_not(text)
    if len(text) > MAX_DEPTH and _depth(tree) > MAX_DEPTH:  # each level takes a character
        raise _too_deep(text)
    return tree


def _why_not(text: str) -> ExpressionSyntaxError:
    from lark.exceptions import UnexpectedInput

    try:
        _lark().parse(text)
    except UnexpectedInput as problem:
        return explain(text, problem)
    return ExpressionSyntaxError("this is not an expression", 0, len(text))


def _too_deep(text: str) -> ExpressionSyntaxError:
    return ExpressionSyntaxError(
        f"this expression is nested more than {MAX_DEPTH} levels deep", 0, len(text), "name its parts with `let`"
    )


def _depth(root: n.Node) -> int:
    deepest, stack = 0, [(root, 1)]
    while stack:
        node, depth = stack.pop()
        deepest = max(deepest, depth)
        stack.extend((child, depth + 1) for child in node.children)
    return deepest


@cache
def _tables() -> Tables:
    return load(_GRAMMAR.read_text(encoding="utf-8"), _lark, _cache_folder(), _Builder())


@cache
def _lark() -> Lark:
    """Lark itself: it builds the tables, and says what is wrong with text that does not fit them."""
    from lark import Lark

    options: dict[str, Any] = {"parser": "lalr", "maybe_placeholders": False}
    folder = _cache_folder()
    if folder is not None:
        try:
            return Lark(_GRAMMAR.read_text(encoding="utf-8"), cache=str(folder / "grammar.lark.cache"), **options)
        except OSError:
            pass  # an unwritable cache only costs start-up time
    return Lark(_GRAMMAR.read_text(encoding="utf-8"), **options)


def _cache_folder() -> Path | None:
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        folder = (Path(base) if base else Path.home() / ".cache") / "autotrader"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        return None
    return folder if os.access(folder, os.W_OK) else None


def _literal(token: Token, value: float | str | bool, *kinds: Kind) -> n.Literal:
    if value == math.inf:
        shown = token if len(token) <= 20 else f"{token[:19]}…"
        raise ExpressionSyntaxError(f"{shown} is too large", token.start_pos, token.end_pos, "values stay below 1e308")
    return n.Literal(token.start_pos, token.end_pos, value, kinds)


def _digits(text: str) -> float:
    return float(text.replace("_", ""))


class _Path(tuple[str, int, int]):
    """A dotted path with its offsets, on its way into a Name or Call."""


class _Named(tuple[str, n.Node]):
    """``name = value`` inside a call."""


class _Builder:
    """Builds nodes while the tables are run; one method per alternative of the grammar."""

    def number(self, token: Token) -> n.Node:
        return _literal(token, _digits(token), *_NUMERIC)

    def money(self, token: Token) -> n.Node:
        return _literal(token, _digits(token[1:]), Kind.MONEY, Kind.PRICE)

    def cents(self, token: Token) -> n.Node:
        return _literal(token, _shifted(token[:-1], 2), Kind.PROBABILITY, Kind.PRICE, Kind.MONEY)

    def percent(self, token: Token) -> n.Node:
        return _literal(token, _shifted(token[:-1], 2), Kind.RATIO, Kind.PROBABILITY)

    def bps(self, token: Token) -> n.Node:
        return _literal(token, _shifted(token[:-3], 4), Kind.RATIO)

    def duration(self, token: Token) -> n.Node:
        return _literal(token, parse_duration(token), Kind.DURATION)

    def clock(self, token: Token) -> n.Node:
        seconds = parse_clock(token)
        if seconds is None:
            raise ExpressionSyntaxError(
                f"{token} is not a time of day", token.start_pos, token.end_pos,
                "hours run 0-23, minutes and seconds 0-59",
            )
        return _literal(token, seconds, Kind.CLOCK)

    def date(self, token: Token) -> n.Node:
        try:
            day = datetime.date.fromisoformat(token)
        except ValueError:
            raise ExpressionSyntaxError(f"{token} is not a date", token.start_pos, token.end_pos) from None
        return _literal(token, float(day.toordinal()), Kind.DATE)

    def text(self, token: Token) -> n.Node:
        return _literal(token, str(token[1:-1]), Kind.TEXT)

    def true(self, token: Token) -> n.Node:
        return _literal(token, True, Kind.BOOL)

    def false(self, token: Token) -> n.Node:
        return _literal(token, False, Kind.BOOL)

    def path(self, *words: Token) -> _Path:
        return _Path((".".join(words), words[0].start_pos, words[-1].end_pos))

    def name(self, path: _Path) -> n.Node:
        text, start, end = path
        return n.Name(start, end, text)

    def named(self, word: Token, value: n.Node) -> _Named:
        return _Named((str(word), value))

    def call(self, path: _Path, *rest: Any) -> n.Node:
        text, start, _ = path
        *arguments, closing = rest
        positional = tuple(a for a in arguments if not isinstance(a, _Named))
        named = tuple((a[0], a[1]) for a in arguments if isinstance(a, _Named))
        seen_named = False
        for argument in arguments:
            if isinstance(argument, _Named):
                seen_named = True
            elif seen_named:
                raise ExpressionSyntaxError(
                    "a positional argument follows a named one", argument.start, argument.end, "put named ones last"
                )
        return n.Call(start, closing.end_pos, text, positional, named)

    def group(self, opening: Token, inner: n.Node, closing: Token) -> n.Node:
        return inner

    def index(self, series: n.Node, offset: n.Node, closing: Token) -> n.Node:
        return n.Index(series.start, closing.end_pos, series, offset)

    def minus(self, sign: Token, operand: n.Node) -> n.Node:
        if isinstance(operand, n.Literal) and isinstance(operand.value, float):
            kinds = tuple(k for k in operand.kinds if k not in (Kind.CLOCK, Kind.DATE))
            if kinds:
                return n.Literal(sign.start_pos, operand.end, -operand.value, kinds)
        return n.Negative(sign.start_pos, operand.end, operand)

    def arithmetic(self, left: n.Node, operator: Token, right: n.Node) -> n.Node:
        return n.Arithmetic(left.start, right.end, str(operator), left, right)

    def negate(self, word: Token, operand: n.Node) -> n.Node:
        return n.Not(word.start_pos, operand.end, operand)

    def both(self, left: n.Node, right: n.Node) -> n.Node:
        return _logic("and", left, right)

    def either(self, left: n.Node, right: n.Node) -> n.Node:
        return _logic("or", left, right)

    def compare(self, *parts: Any) -> n.Node:
        operands, operators = parts[::2], tuple(str(o) for o in parts[1::2])
        return n.Compare(operands[0].start, operands[-1].end, operators, tuple(operands))

    def between(self, operand: n.Node, low: n.Node, high: n.Node) -> n.Node:
        return n.Between(operand.start, high.end, operand, low, high)

    def member(self, operand: n.Node, *rest: Any) -> n.Node:
        *options, closing = rest
        return n.Member(operand.start, closing.end_pos, operand, tuple(options))

    def not_member(self, operand: n.Node, *rest: Any) -> n.Node:
        *options, closing = rest
        inside = n.Member(operand.start, closing.end_pos, operand, tuple(options))
        return n.Not(inside.start, inside.end, inside)

    def crosses(self, left: n.Node, direction: Token, right: n.Node) -> n.Node:
        return n.Crosses(left.start, right.end, str(direction), left, right)

    def held(self, condition: n.Node, duration: n.Node) -> n.Node:
        return n.Held(condition.start, duration.end, condition, duration)

    def conditional(self, word: Token, condition: n.Node, yes: n.Node, no: n.Node) -> n.Node:
        return n.Conditional(word.start_pos, no.end, condition, yes, no)


def _logic(operator: str, left: n.Node, right: n.Node) -> n.Node:
    operands: list[n.Node] = []
    for side in (left, right):
        if isinstance(side, n.Logic) and side.operator == operator:
            operands.extend(side.operands)
        else:
            operands.append(side)
    return n.Logic(left.start, right.end, operator, tuple(operands))


def _shifted(digits: str, places: int) -> float:
    """``digits`` divided by a power of ten through the decimal text, so that 62c is exactly 0.62."""
    return float(f"{digits}e-{places}")


def parse_duration(text: str) -> float:
    """Seconds of ``15m``, ``10s``, ``250ms``, ``2h``, ``1d``; raises ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration such as 10s, 15m, 2h or 1d")
    return float(match[1]) * SECONDS[match[2]]


def parse_clock(text: str) -> float | None:
    """Seconds since midnight of ``09:31`` or ``15:55:30``; None when it is no time of day."""
    parts = [int(part) for part in text.split(":")]
    hours, minutes, seconds = (*parts, 0)[:3]
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    return float(hours * 3600 + minutes * 60 + seconds)


def explain(text: str, problem: UnexpectedInput) -> ExpressionSyntaxError:
    """One clear sentence for the mistakes people make."""
    from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedToken

    if isinstance(problem, UnexpectedEOF) or (isinstance(problem, UnexpectedToken) and problem.token.type == "$END"):
        return _explain_end(text)
    if isinstance(problem, UnexpectedToken):
        token = problem.token
        start = token.start_pos or 0
        return _explain_token(text, token, start, token.end_pos or start, problem.accepts or problem.expected)
    assert isinstance(problem, UnexpectedCharacters)
    at = problem.pos_in_stream or 0
    return _explain_character(text, at)


def _explain_end(text: str) -> ExpressionSyntaxError:
    end = len(text.rstrip())
    if not text.strip():
        return ExpressionSyntaxError("an expression is missing here", 0, 1)
    for opening, closing in (("(", ")"), ("[", "]")):
        if text.count(opening) > text.count(closing):
            at = text.rindex(opening)
            said = f"this {opening} is never closed"
            return ExpressionSyntaxError(said, at, at + 1, f"add {closing}", unclosed=True)
    return ExpressionSyntaxError("the expression stops too early", max(end - 1, 0), end, "something must follow here")


_WORDS = {
    "&&": "and", "&": "and", "||": "or", "|": "or", "!": "not", "=>": ">=", "=<": "<=", "<>": "!=", "**": "^",
}  # fmt: skip


def _explain_token(
    text: str, token: str, start: int, end: int, expected: Sequence[str] | set[str]
) -> ExpressionSyntaxError:
    if token == "=":
        return ExpressionSyntaxError("`=` does not compare", start, end, "did you mean ==?", "==")
    if token in (")", "]") and text[:end].count(token) > text[:end].count("(" if token == ")" else "["):
        return ExpressionSyntaxError(f"this {token} closes nothing", start, end, "remove it, or add its opening")
    if token in ("above", "below"):
        return ExpressionSyntaxError(
            f"`{token}` stands only after `crosses`", start, end,
            f"write `a crosses {token} b`, or `a {'>' if token == 'above' else '<'} b`",
        )
    if token in _WORDS:
        return _other_operator(text, token, start)
    if "DIRECTION" in expected and len(set(expected)) == 1:
        return ExpressionSyntaxError("`crosses` needs a direction", start, end, "`crosses above` or `crosses below`")
    return ExpressionSyntaxError(f"`{token}` does not fit here", start, end, _fitting(expected))


def _other_operator(text: str, wrong: str, start: int) -> ExpressionSyntaxError:
    """An operator of another language."""
    right, end = _WORDS[wrong], start + len(wrong)
    before = " " if right.isalpha() and start and not text[start - 1].isspace() else ""
    after = " " if right.isalpha() and not text[end : end + 1].isspace() else ""
    return ExpressionSyntaxError(
        f"`{wrong}` is not an operator here", start, end, f"write `{right}`", f"{before}{right}{after}"
    )


def _fitting(expected: Sequence[str] | set[str]) -> str:
    return "a value is wanted here" if "NUMBER" in expected else "an operator such as and, >, + is wanted here"


def _explain_character(text: str, at: int) -> ExpressionSyntaxError:
    for wrong in _WORDS:
        if text.startswith(wrong, at):
            return _other_operator(text, wrong, at)
    if text[at] in "\"'":
        return ExpressionSyntaxError("this quote is never closed", at, at + 1)
    number = re.match(r"[\d.][\w.%:]*", text[at:])
    if number:
        return ExpressionSyntaxError(
            f"`{number[0]}` is not a value", at, at + number.end(),
            "values look like 0.62, $50, 2%, 25bps, 62c, 15m, 09:31 or 2027-01-31",
        )
    return ExpressionSyntaxError(f"`{text[at]}` has no meaning in an expression", at, at + 1)
