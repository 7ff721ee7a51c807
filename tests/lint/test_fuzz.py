"""Whatever stands in a rule file: lint answers with findings that point into it, and never with a traceback."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.language.diagnostics import Finding
from engine.language.functions import CATALOGUE
from engine.lint.driver import lint_packs
from engine.lint.fix import edited, fix
from engine.lint.registry import checks
from engine.market.manifest import CORE
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import LoadedFile, load_bytes, load_text

TODAY = date(2026, 6, 1)
PACK = "kind: pack\nname: p\nvenue: paper\ntimezone: America/New_York\nuniverse: [SPY]\ntimeframe: 1m\n"
SHIPPED = sorted((Path(__file__).parents[2] / "rules").glob("**/*.yaml"))
TEXTS = [
    *sorted({text for check in checks() for text in (check.page.avoid, check.page.prefer)}),
    *(path.read_text(encoding="utf-8") for path in SHIPPED),
]
FRAME = """\
kind: strategy
name: fuzzed
params:
  p: {{default: 5, min: 1, max: 9}}
let:
  x: {let}
when:
  - {when}
  - x > 1
cooldown: 5m
then:
  buy:
    size: {size}
---
kind: exit
name: leave
when: {when}
then: {{close: all}}
"""
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def lint_file(file: LoadedFile) -> tuple[Finding, ...]:
    findings = lint_packs([PackFiles("p", [load_text("pack.yaml", PACK), file])], TODAY)
    lines = file.text.count("\n") + file.text.count("\r") + 1
    for finding in findings:
        assert finding.message
        for span in (*finding.spans, *(edit.span for edit in finding.edits)):
            if span.file == "fuzz.yaml" and file.text:
                assert 1 <= span.line <= span.end_line <= lines + 1
                assert span.column >= 1
                assert (span.line, span.column) <= (span.end_line, span.end_column)
    assert list(findings) == sorted(findings, key=lambda finding: finding.sort_key)
    return findings


@quick
@given(st.binary(max_size=200))
@example(b"\xff\xfe\x00")
@example(b"kind: strategy\nkind: [strategy\n--- \n&a [*a]\n")
def test_any_bytes(data: bytes) -> None:
    lint_file(load_bytes("fuzz.yaml", data))


WORDS = """
    ( ( ) ) [ ] , + - * / ^ < > == != = and or not if then else for between in crosses above below
    1 0 -1 1e9 1e999 5000 2% 25bps 62c $50 15m 09:31 2027-01-31 'a' true na \N{SNOWMAN} $ @
    x p known or_else on age position.at_entry
"""
words = st.sampled_from([*(spec.name for spec in CORE), *CATALOGUE, *WORDS.split()])


@quick
@given(st.lists(words, max_size=12).map(" ".join), st.sampled_from(["let", "when", "size"]))
def test_any_words_as_an_expression(text: str, place: str) -> None:
    parts = {"let": "close", "when": "close > 1", "size": "10", place: "'" + text.replace("'", "''") + "'"}
    lint_file(load_text("fuzz.yaml", FRAME.format(**parts)))


@pytest.mark.parametrize("number", ["9" * 400, "1e999", "1e308", "0." + "0" * 400 + "1"])
@pytest.mark.parametrize(
    "condition",
    [
        "close > {}", "close[{}] > 1", "on({}m, close) > 1", "close > ema(close, {})", "close > 1 for {}h",
        "{}c > 2%", "${} > 1",
    ],
)  # fmt: skip
def test_numbers_beyond_all_bounds(number: str, condition: str) -> None:
    lint_file(load_text("fuzz.yaml", FRAME.format(let="close", when=condition.format(number), size=number)))
    lint_file(load_text("fuzz.yaml", FRAME.format(let=number, when="close[x] > 1 and close[p] > x", size=10)))


@pytest.mark.parametrize("trigger", ["bar({}m)", "every({}h)"])
def test_lengths_of_time_beyond_all_bounds(trigger: str) -> None:
    text = FRAME.replace("kind: strategy", f"kind: strategy\non: {trigger.format('9' * 400)}")
    found = lint_file(load_text("fuzz.yaml", text.format(let="close", when="close > 1", size=10)))
    assert ("AT007", 2) in [(finding.code, finding.primary.line) for finding in found]


facts = st.sampled_from(
    ["close", "open", "volume", "bid", "spread", "position.gain", "positions.count", "session.minutes", "p", "x"]
)
numbers = st.sampled_from(["0", "1", "2.5", "-3", "$5", "2%", "1e300", "1e-300"])
calls = st.sampled_from(
    ["ema({}, 20)", "sma({}, p)", "stdev({}, 5)", "abs({})", "highest({}, 5000)", "({})[3]", "-({})"]
)
values = st.recursive(
    facts | numbers,
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/^"), inner)
        | st.builds(str.format, calls, inner)
        | st.builds("or_else({}, {})".format, inner, inner)
        | st.builds("(if {} > {} then {} else {})".format, inner, inner, inner, inner)
    ),
    max_leaves=8,
)
conditions = st.builds("{} {} {}".format, values, st.sampled_from(["<", ">", "==", "!=", "crosses above"]), values)


@quick
@given(values, conditions, values)
def test_any_well_formed_expressions(let: str, when: str, size: str) -> None:
    lint_file(load_text("fuzz.yaml", FRAME.format(let=let, when=when, size=size)))


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """A page's example or a shipped file with lines and stretches removed, repeated, exchanged or replaced."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 3))):
        begin, end = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
        piece = draw(
            st.sampled_from(["", text[begin:end] * 2, text[begin:end][::-1], "\n", ": ", "- ", "#", "*a", "&a ", "\t"])
        )
        text = text[:begin] + piece + text[min(end, begin + 30) :]
    return text[:4000]


@quick
@given(mutations())
def test_mutated_rule_files(text: str) -> None:
    lint_file(load_text("fuzz.yaml", text))


@quick
@given(mutations())
def test_edits_of_mutated_rule_files_can_be_made(text: str) -> None:
    file = load_text("fuzz.yaml", text)
    edits = [edit for finding in lint_file(file) for edit in finding.edits if edit.span.file == "fuzz.yaml"]
    if edits and file.text:
        lint_file(load_text("fuzz.yaml", edited(file.text, edits)))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(mutations())
def test_mending_mutated_rule_files_ends_and_keeps_what_it_cannot_mend(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_bytes(text.encode())
    done = fix([path], TODAY)
    after = path.read_bytes().decode()
    assert done.applied or after == text
    assert fix([path], TODAY).applied == ()
