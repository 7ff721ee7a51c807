"""AT602 vacuous-test: a test, or a line of one, that can show nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from engine.language.diagnostics import Finding, Severity, did_you_mean
from engine.lint.check import Check, LintContext, Page
from engine.ruleset import models
from engine.ruleset.linker import PackFiles, matching
from engine.ruleset.load import Document
from engine.ruleset.models_of_tests import Bars, Given
from engine.ruleset.times import duration_seconds


def run(context: LintContext) -> Iterable[Finding]:
    keys = {files.name: _keys(files) for files in context.packs}
    everything = [key for found in keys.values() for key in found]
    for files in context.packs:
        for file in files.files:
            for document in file.documents:
                if isinstance(document.model, models.Test):
                    yield from _test(document, document.model, files.name, everything)


def _keys(files: PackFiles) -> list[str]:
    """Every rule that is named, also those with mistakes."""
    kinds = ("strategy", "exit", "guard", "session", "gate")
    return [f"{files.name}.{d.name}" for file in files.files for d in file.documents if d.name and d.kind in kinds]


def _test(document: Document, test: models.Test, pack: str, keys: Sequence[str]) -> Iterator[Finding]:
    for number, pattern in enumerate(test.rules):
        if not matching([str(pattern)], keys, pack):
            yield _no_rule(document, ("rules", number), str(pattern), pack, keys)
    loaded = matching([str(pattern) for pattern in test.rules], keys, pack)
    end = _seconds(test.given)
    for number, expectation in enumerate(test.expect):
        rule, at = str(expectation.rule), ("expect", number, "rule")
        if not matching([rule], keys, pack):
            yield _no_rule(document, at, rule, pack, keys)
        elif loaded and not matching([rule], loaded, pack):
            yield Finding(
                "AT602", "vacuous-test", f"`{rule}` is not among the rules of this test",
                (document.where(at), document.where(("rules",), "the rules of this test")),
                help=f"add {rule} to `rules`",
            )  # fmt: skip
        moment = _moment(test.given, expectation.at.after_start, expectation.at.clock)
        if end is not None and moment is not None and moment > end:
            yield Finding(
                "AT602", "vacuous-test", f"this looks at {expectation.at}, and the data ends after {_shown(end)}",
                (document.where(("expect", number, "at")), document.key(("given",), "the data")),
                help="look earlier, or give more data",
            )  # fmt: skip


def _no_rule(document: Document, path: tuple[str | int, ...], name: str, pack: str, keys: Sequence[str]) -> Finding:
    own = [key.removeprefix(f"{pack}.") for key in keys]
    near = did_you_mean(name, own)
    help = f"did you mean {near}?" if near else f"rules are {', '.join(sorted(own)) or 'none'}"
    return Finding("AT602", "vacuous-test", f"no rule is named `{name}`", (document.where(path),), help=help)


def _seconds(given: Given) -> float | None:
    """How long the data of a test lasts; None when that cannot be said from the file alone."""
    lengths = []
    for key, bars in given.bars.items():
        samples = _samples(bars)
        if samples is None:
            return None
        lengths.append(duration_seconds(key.partition(",")[0]) * samples)
    return max(lengths, default=None)


def _samples(bars: Bars) -> int | None:
    return len(bars.close.values) if bars.close is not None else None


def _moment(given: Given, after_start: float | None, clock: int | None) -> float | None:
    """Seconds from the start of the test; None for a time of day when the start is not given."""
    if clock is None or given.start is None:
        return after_start
    start = given.start.local
    seconds = clock - (start.hour * 3600 + start.minute * 60 + start.second)
    return float(seconds) if seconds >= 0 else None


def _shown(seconds: float) -> str:
    return f"{seconds / 60:g}m" if seconds >= 60 else f"{seconds:g}s"


CHECK = Check(
    "AT602",
    "vacuous-test",
    "a test that looks after its data has ended, or at a rule that is not there",
    Page(
        avoid="""\
kind: strategy
name: up_bar
universe: [SPY]
when: close > close[1]
then:
  buy: {size: 10}
---
kind: test
name: up_bar holds back when nothing moves
rules: [up_bar]
given:
  symbol: SPY
  bars(1m): {close: "500x5"}
expect:
  - {at: 60m, rule: up_bar, is: silent}
""",
        prefer="""\
kind: strategy
name: up_bar
universe: [SPY]
when: close > close[1]
then:
  buy: {size: 10}
---
kind: test
name: up_bar holds back when nothing moves
rules: [up_bar]
given:
  symbol: SPY
  bars(1m): {close: "500x5"}
expect:
  - {at: 5m, rule: up_bar, is: silent}
""",
        why="""\
A rule is silent for ever after the last bar, so such a test passes whatever the rule says. `xN` is N samples: five bars
of a minute end after five minutes. A test of a rule that is not there passes just as easily.
""",
        exceptions="""\
Data from a CSV file is not read here, and a time of day is judged only where the test says when it starts.
""",
    ),
    run,
    Severity.WARNING,
)
