"""Expressions: what parses, how it groups, and what is said of text that does not parse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lark import Lark

from engine.language import nodes as n
from engine.language.parser import _GRAMMAR, MAX_LENGTH, ExpressionSyntaxError, parse


def sketch(node: n.Node) -> str:
    """A node with every grouping spelt out."""
    match node:
        case n.Literal():
            return repr(node.value)
        case n.Name():
            return node.path
        case n.Call():
            parts = [sketch(a) for a in node.arguments] + [f"{k}={sketch(v)}" for k, v in node.named]
            return f"{node.function}({', '.join(parts)})"
        case n.Arithmetic():
            return f"({sketch(node.left)} {node.operator} {sketch(node.right)})"
        case n.Logic():
            return "(" + f" {node.operator} ".join(sketch(o) for o in node.operands) + ")"
        case n.Compare():
            first, *rest = node.operands
            pairs = zip(node.operators, rest, strict=True)
            return "[" + sketch(first) + "".join(f" {op} {sketch(o)}" for op, o in pairs) + "]"
    return f"{type(node).__name__}({', '.join(sketch(c) for c in node.children)})"


@pytest.mark.parametrize(
    ("text", "grouping"),
    [
        ("a + b * c", "(a + (b * c))"),
        ("a - b - c", "((a - b) - c)"),
        ("-a ^ 2", "Negative((a ^ 2.0))"),
        ("2 ^ -1", "(2.0 ^ -1.0)"),
        ("a or b and not c > 1", "(a or (b and Not([c > 1.0])))"),
        ("a and b and c", "(a and b and c)"),
        ("1 < x <= 3", "[1.0 < x <= 3.0]"),
        ("x between 1 and 2 and y", "(Between(x, 1.0, 2.0) and y)"),
        ("close > vwap() for 5m", "Held([close > vwap()], 300.0)"),
        ("a crosses above b + 1", "Crosses(a, (b + 1.0))"),
        ("close[1] > open", "[Index(close, 1.0) > open]"),
        ("if a then 1 else if b then 2 else 3", "Conditional(a, 1.0, Conditional(b, 2.0, 3.0))"),
        ('symbol not in ["SPY", "QQQ"]', "Not(Member(symbol, 'SPY', 'QQQ'))"),
        ("risk_size($50, stop_distance = 1.5 * atr(14))", "risk_size(50.0, stop_distance=(1.5 * atr(14.0)))"),
        ("notional(1, 2) > $1 or orb", "([notional(1.0, 2.0) > 1.0] or orb)"),
    ],
)
def test_operators_bind_as_the_language_says(text: str, grouping: str) -> None:
    assert sketch(parse(text)) == grouping


@pytest.mark.parametrize(
    ("text", "value"),
    [("$1_000.50", 1000.5), ("2%", 0.02), ("25bps", 0.0025), ("62c", 0.62), ("15m", 900.0), ("250ms", 0.25),
     ("09:31", 34260.0), ("15:55:30", 57330.0), ("1e-3", 0.001), ("010", 10.0), (".5", 0.5)],
)  # fmt: skip
def test_literals_have_the_value_their_unit_says(text: str, value: float) -> None:
    node = parse(text)
    assert isinstance(node, n.Literal)
    assert node.value == value


@pytest.mark.parametrize(
    ("text", "start", "end", "message", "help"),
    [
        ("a = b", 2, 3, "`=` does not compare", "did you mean ==?"),
        ("a && b", 2, 4, "`&&` is not an operator here", "write `and`"),
        ("a > ", 2, 3, "the expression stops too early", "something must follow here"),
        ("max(a, b", 3, 4, "this ( is never closed", "add )"),
        ("a)", 1, 2, "this ) closes nothing", "remove it, or add its opening"),
        ("12x > 1", 0, 3, "`12x` is not a value",
         "values look like 0.62, $50, 2%, 25bps, 62c, 15m, 09:31 or 2027-01-31"),
        ("25:00", 0, 5, "25:00 is not a time of day", "hours run 0-23, minutes and seconds 0-59"),
        ("2026-02-30", 0, 10, "2026-02-30 is not a date", ""),
        ("a crosses b", 10, 11, "`crosses` needs a direction", "`crosses above` or `crosses below`"),
        ("close > open android", 13, 20, "`android` does not fit here", "an operator such as and, >, + is wanted here"),
        ('"abc', 0, 1, "this quote is never closed", ""),
        ("f(a = 1, b)", 9, 10, "a positional argument follows a named one", "put named ones last"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_where_it_stands(text: str, start: int, end: int, message: str, help: str) -> None:
    with pytest.raises(ExpressionSyntaxError) as caught:
        parse(text)
    problem = caught.value
    assert (problem.start, problem.end, problem.message, problem.help) == (start, end, message, help)


def test_expressions_that_are_too_long_or_too_deep_are_refused() -> None:
    with pytest.raises(ExpressionSyntaxError, match="the limit is"):
        parse("a + " * MAX_LENGTH + "a")
    with pytest.raises(ExpressionSyntaxError, match="nested more than"):
        parse("(" * 5 + "-(a^" * 300 + "1" + ")" * 300 + ")" * 5)


def test_the_grammar_has_no_conflicts() -> None:
    assert Lark(_GRAMMAR.read_text(encoding="utf-8"), parser="lalr", strict=True)


@given(st.text(max_size=60) | st.text(alphabet="ab1.5$%:()[]<>=+-*/^ ,cmandorti'\"", max_size=60))
def test_any_text_parses_or_is_explained(text: str) -> None:
    try:
        node = parse(text)
    except ExpressionSyntaxError as problem:
        assert problem.message
        assert 0 <= problem.start < problem.end
    else:
        assert all(0 <= part.start <= part.end <= len(text) for part in n.walk(node))
