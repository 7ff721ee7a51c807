"""Paths in, findings out: which files are looked at, what is context, what a selection leaves."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from engine.language.diagnostics import Finding, Severity, Span
from engine.lint import driver
from engine.lint.driver import LintResult, lint
from engine.lint.registry import UnknownCheckError, checks, code_of
from engine.ruleset.discover import DiscoveryError

TODAY = date(2026, 6, 1)
PACK = "kind: pack\nname: {name}\nvenue: paper\ntimezone: America/New_York\nuniverse: [SPY]\n"
STRATEGY = "kind: strategy\nname: {name}\nwhen: {when}\nthen:\n  buy: {{size: 10}}\n"


def pack(folder: Path, **files: str) -> Path:
    folder.mkdir()
    (folder / "pack.yaml").write_text(PACK.format(name=folder.name))
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def codes(result: LintResult) -> list[str]:
    """Codes of the errors, in order."""
    return [finding.code for finding in result.at_least(Severity.ERROR) if finding.code[2] in "012"]


def test_all_mistakes_of_all_files_in_one_pass_in_the_order_of_their_places(tmp_path: Path) -> None:
    pack(
        tmp_path / "one",
        b=STRATEGY.format(name="b", when="clos > 1 and close")
        + "---\nkind: exit\nname: x\nwhen: (\nthen: {close: all}\npriority: x\n",
        a="kind: strategy\nname: [\n",
    )
    result = lint([tmp_path], TODAY)
    assert codes(result) == ["AT001", "AT101", "AT202", "AT006", "AT007"]
    assert [finding.sort_key for finding in result.findings] == sorted(f.sort_key for f in result.findings)
    assert all(finding.primary.file in result.texts for finding in result.findings)


def test_one_file_of_a_pack_is_judged_with_its_pack_and_reported_alone(tmp_path: Path) -> None:
    folder = pack(
        tmp_path / "one",
        names="kind: definitions\nname: shared\nlet:\n  trend: close - ema(close, 20)\n",
        asked=STRATEGY.format(name="asked", when="trend > 1"),
        other=STRATEGY.format(name="other", when="nonsense > 1"),
    )
    result = lint([folder / "asked.yaml"], TODAY)
    assert codes(result) == []
    assert [file.path.name for file in result.files] == ["asked.yaml"]
    assert {finding.primary.file for finding in result.findings} <= {(folder / "asked.yaml").as_posix()}


def test_a_clash_with_a_file_that_was_not_asked_for_is_reported(tmp_path: Path) -> None:
    folder = pack(
        tmp_path / "one",
        a=STRATEGY.format(name="same", when="close > 1"),
        b=STRATEGY.format(name="same", when="close > 2"),
    )
    assert codes(lint([folder / "a.yaml"], TODAY)) == ["AT102"]


def test_the_shared_pack_beside_a_pack_is_context(tmp_path: Path) -> None:
    pack(tmp_path / "common", names="kind: definitions\nname: shared\nlet:\n  trend: close - oops\n")
    folder = pack(tmp_path / "one", a=STRATEGY.format(name="a", when="close > 1"))
    assert codes(lint([folder], TODAY)) == []
    assert codes(lint([tmp_path], TODAY)) == ["AT101"]
    pack(tmp_path / "two", a=STRATEGY.format(name="a", when="trend > 1"))
    assert "there is no name `trend`" not in [f.message for f in lint([tmp_path / "two"], TODAY).findings]


@pytest.mark.parametrize("kind", ["gate", "guard", "session", "exit"])
def test_a_pack_that_a_rule_names_is_context(tmp_path: Path, kind: str) -> None:
    rules = {
        "gate": "kind: gate\nname: live\nfor: other\nrequire: stats.trades > 30\n",
        "guard": "kind: guard\nname: g\nfor: entries\nstrategies: other.b\nrequire: 1 < 2\nelse: {block: x}\n",
        "session": "kind: session\nname: s\nhours: 10:00-11:00\nallow: other.*\n",
        "exit": "kind: exit\nname: e\nfor: oth*.b\nunknown: hold\nwhen: position.gain > 1\nthen: {close: 50%}\n",
    }
    pack(tmp_path / "other", b=STRATEGY.format(name="b", when="close > 1"))
    folder = pack(tmp_path / "one", a=rules[kind])
    assert codes(lint([folder], TODAY)) == []
    (tmp_path / "other" / "b.yaml").unlink()
    assert codes(lint([folder], TODAY)) == ["AT101"]


def test_a_selection_by_code_or_name_runs_nothing_else(tmp_path: Path) -> None:
    folder = pack(tmp_path / "one", a=STRATEGY.format(name="a", when="nonsense > (close - low) / (high - low)"))
    (folder / "b.yaml").write_text(STRATEGY.format(name="b", when="1 < (close - low) / (high - low)"))
    for word in ("AT207", "maybe-nonfinite", "at207"):
        assert {finding.code for finding in lint([folder], TODAY, select=[word]).findings} == {"AT207"}
    assert {f.code for f in lint([folder], TODAY, select=["AT101", "AT207"]).findings} == {"AT101", "AT207"}


def test_a_selection_leaves_suppressions_of_other_checks_alone(tmp_path: Path) -> None:
    text = STRATEGY.format(name="a", when="close > 1  # engine: ignore AT207 -- flat bars do not happen")
    folder = pack(tmp_path / "one", a=text)
    assert [f.code for f in lint([folder], TODAY, select=["AT005", "AT101"]).findings] == []
    assert [f.code for f in lint([folder], TODAY, select=["AT005", "AT207"]).findings] == ["AT005"]


def test_an_unknown_selection_names_the_nearest(tmp_path: Path) -> None:
    folder = pack(tmp_path / "one")
    with pytest.raises(UnknownCheckError, match=r"no check `unknown-nam`; did you mean unknown-name\?"):
        lint([folder], TODAY, select=["unknown-nam"])


@pytest.mark.parametrize("make", [lambda p: p / "nothing", lambda p: p])
def test_a_path_without_rules_is_an_error(tmp_path: Path, make: object) -> None:
    assert callable(make)
    with pytest.raises(DiscoveryError, match=r"there (is|are) no"):
        lint([make(tmp_path)], TODAY)


def test_a_mistake_that_no_check_passes_on_is_still_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = pack(tmp_path / "one", a=STRATEGY.format(name="a", when="nonsense > 1"))
    without = tuple(check for check in checks() if check.code != "AT101")
    monkeypatch.setattr(driver, "selected", lambda words: without)
    assert codes(lint([folder], TODAY)) == ["AT101"]


def test_warnings_count_only_where_the_level_says_so() -> None:
    span = Span("a.yaml", 1, 1, 1, 2)
    error, warning = (
        Finding("AT101", "unknown-name", "", (span,)),
        Finding("AT501", "unused-let", "", (span,), Severity.WARNING),
    )
    result = LintResult((error, warning), ())
    assert result.at_least(Severity.ERROR) == (error,)
    assert result.at_least(Severity.WARNING) == (error, warning)


def test_checks_are_errors_up_to_at4_and_warnings_from_at5_on() -> None:
    assert [c.code for c in checks() if (c.severity is Severity.WARNING) != (c.code[2] in "56")] == []


def test_codes_and_names_are_unique_and_mean_the_same() -> None:
    names = [check.name for check in checks()]
    assert len(set(names)) == len(names)
    assert [check.code for check in checks()] == sorted(check.code for check in checks())
    assert all(code_of(check.name) == code_of(check.code) == check.code for check in checks())
