"""Files to validated documents: what comes out, and what is said about every way to get a file wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.language.diagnostics import Finding, Span
from engine.ruleset import models
from engine.ruleset.load import Document, load_file, load_text
from engine.ruleset.scalars import Expr

CASES = Path(__file__).with_name("cases")
STRATEGY = "kind: strategy\nname: s\nwhen: close > 1\nthen: {buy: {size: 1}}\n"


def findings(text: str, name: str = "rules.yaml") -> tuple[Finding, ...]:
    return load_text(name, text).findings


def only(text: str, name: str = "rules.yaml") -> Finding:
    (finding,) = findings(text, name)
    return finding


def document(text: str, index: int = 0) -> Document:
    return load_text("rules.yaml", text).documents[index]


def test_one_of_every_kind_loads_without_a_finding() -> None:
    loaded = load_file(CASES / "every_kind.yaml")
    assert loaded.findings == ()
    assert all(each.sound and each.model is not None for each in loaded.documents)
    assert {each.kind for each in loaded.documents} == set(models.RULE_KINDS)
    pack = load_file(CASES / "pack.yaml")
    assert pack.findings == () and isinstance(pack.documents[0].model, models.Pack)


def test_a_strategy_arrives_as_the_author_wrote_it() -> None:
    model = load_file(CASES / "every_kind.yaml").documents[0].model
    assert isinstance(model, models.Strategy)
    assert (model.name, model.priority, model.on and model.on.seconds) == ("ema_crossover", 10, 60)
    assert model.universe == ("SPY", "QQQ")
    assert model.params["fast"].search == (Expr("10"), Expr("20"), Expr("30"))
    assert list(model.let) == ["fast_ema", "slow_ema"]
    assert model.when == (Expr("fast_ema crosses above slow_ema"), Expr("close > slow_ema"))
    assert model.then.side == "buy" and model.then.entry.fallback == "market"
    assert model.overrides["AAPL"].params == {"fast": Expr("10")}


def test_one_item_alone_is_a_list_of_one_and_an_expression_stays_one() -> None:
    loaded = load_file(CASES / "every_kind.yaml")
    fade, trail = loaded.documents[1].model, loaded.documents[3].model
    assert isinstance(fade, models.Strategy) and isinstance(trail, models.Exit)
    assert fade.when == (Expr("true"),) and fade.universe == Expr("market.volume > 1000")
    assert trail.for_ == ("ema_*",) and trail.then.close == "all"


def test_patterned_keys_are_gathered() -> None:
    model = load_file(CASES / "every_kind.yaml").documents[-1].model
    assert isinstance(model, models.Test)
    assert list(model.given.bars) == ["1m", "1m, QQQ"]
    assert list(model.given.quotes_of) == ["QQQ"]


def test_an_expression_knows_where_each_of_its_words_stands() -> None:
    loaded = load_text("f.yaml", STRATEGY.replace("close > 1", ">-\n  close\n  > slow"))
    model = loaded.documents[0].model
    assert isinstance(model, models.Strategy)
    source = model.when[0].source
    assert source is not None and source.span(8, 12) == Span("f.yaml", 5, 5, 5, 9)


def test_positions_by_path() -> None:
    found = document("kind: strategy\nname: s\nlet:\n  a: close\nwhen: a > 1\nthen:\n  buy:\n    size: 1\n")
    assert found.where(("then", "buy", "size")) == Span("rules.yaml", 8, 11, 8, 12)
    assert found.key(("let", "a")) == Span("rules.yaml", 4, 3, 4, 4)
    assert found.at(("when", 0)) is found.at(("when",))  # one condition may stand without its list
    assert found.where(("then", "buy", "limit")).line == 8  # not written: the nearest thing above it
    assert found.where(("overrides",)) == found.heading() == Span("rules.yaml", 2, 7, 2, 8)
    assert found.has(("let", "a")) and not found.has(("let", "b"))
    with pytest.raises(KeyError):
        found.at(("let", "b"))


def test_every_expression_is_listed_with_its_path() -> None:
    paths = [path for path, _ in document(STRATEGY).expressions()]
    assert paths == [("when", 0), ("then", "buy", "size")]


def test_a_misspelt_field_gets_its_neighbour_and_the_list() -> None:
    finding = only(STRATEGY + "colldown: 15m\n")
    assert (finding.code, finding.name, finding.primary.line) == ("AT004", "unknown-field", 5)
    assert "`colldown`" in finding.message and "did you mean `cooldown`?" in finding.help
    assert "Allowed here: kind, name, about, enabled" in finding.help


def test_a_misplaced_field_is_told_where_it_belongs() -> None:
    assert "belongs under `then.buy` or `then.sell`" in only(STRATEGY + "fallback: market\n").help


def test_a_field_of_nothing_known_gets_no_wild_guess() -> None:
    assert "did you mean" not in only(STRATEGY + "zzzzqq: 1\n").help


def test_a_missing_field_is_named_with_what_it_wants() -> None:
    finding = only("kind: strategy\nname: s\nwhen: a\n")
    assert (finding.code, finding.name) == ("AT008", "missing-field")
    assert "needs `then`" in finding.message and "{buy: …, sell: …}" in finding.help


@pytest.mark.parametrize(
    ("line", "message", "help"),
    [
        ("priority: 1.5", "`priority` wants a whole number, got `1.5`", ""),
        ("enabled: maybe", "`enabled` wants true or false, got `maybe`", ""),
        ('enabled: "true"', "`enabled` wants true or false", ""),
        ("on: bar(1 minute)", "wanted bar(1m), quote, signal(alpha) or every(60s), got `bar(1 minute)`", ""),
        ("on: every(0s)", "more than nothing", ""),
        ("universe: {a: 1}", "got a mapping", ""),
        ("universe: []", "empty list", "remove the line"),
        ("universe: [SP Y]", "a symbol, such as SPY", ""),
        ("params: {fast: 20}", "`fast` wants {default: …", "write {default: 20}"),
        ("params: {f-t: {default: 1}}", "a name of letters", ""),
        ("let: [a]", "`let` wants a mapping", ""),
        ("cooldown:", "`cooldown` has no value", "remove the line"),
        ("cooldown: ~", "`cooldown` has no value", "remove the line"),
        ('cooldown: ""', "`cooldown` is empty", "write an expression"),
        ("<<: {a: 1}", "no field `<<`", "merge keys"),
    ],
)
def test_a_wrong_value_says_what_was_wanted_and_what_was_got(line: str, message: str, help: str) -> None:
    finding = only(STRATEGY + line + "\n")
    assert finding.primary.line == 5
    assert message in finding.message and help in finding.help


@pytest.mark.parametrize(
    ("line", "replacement"),
    [
        ("enabled: yes", "true"),
        ("enabled: off", "false"),
        ("priority: 010", "10"),
        ("priority: 1e3", "1000"),
        ("cooldown: on", "true"),
        ("let: {a: 010}", "10"),
        ("let: {a: 1e-3}", "0.001"),
        ("about: yes", '"yes"'),
        ("about: 12:30", '"12:30"'),
        ("universe: [NO]", '"NO"'),
        ("universe: [0005]", '"0005"'),
    ],
)
def test_an_ambiguous_scalar_comes_with_its_mend(line: str, replacement: str) -> None:
    finding = only(STRATEGY + line + "\n")
    assert (finding.code, finding.name) == ("AT003", "ambiguous-scalar")
    assert [edit.replacement for edit in finding.edits] == [replacement]
    assert f"write {replacement}" == finding.help
    fixed = line.replace(finding.message.split("`")[1], replacement)
    assert findings(STRATEGY + fixed + "\n") == ()


@pytest.mark.parametrize("line", ["hours: 09:31-15:55", "hours: [9:31-12:00]", "days: sat"])
def test_clocks_are_no_ambiguity_where_a_clock_is_wanted(line: str) -> None:
    base = "kind: session\nname: s\n" + ("" if line.startswith("hours") else "hours: 10:00-11:00\n")
    assert findings(base + line + "\n") == ()


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (STRATEGY.replace("{buy: {size: 1}}", "{}"), 4, "one of these is needed: buy, sell"),
        (STRATEGY.replace("}}", "}, sell: {size: 1}}"), 4, "`buy` and `sell` cannot both be given"),
        (STRATEGY.replace("1}", "1, fallback: market}"), 4, "`within`, which is missing"),
        ("kind: exit\nname: e\nwhen: a\nthen:\n  stop: b\n  limit: c\n", 6, "`close` is missing"),
        ("kind: guard\nname: g\nfor: entries\nrequire: a\nelse: {halt: until tomorow}\n", 5, "until tomorow"),
        ("kind: guard\nname: g\nfor: entry\nrequire: a\nelse: {block: b}\n", 3, "entries, exits or all"),
        ("kind: session\nname: s\nhours: 25:00-26:00\n", 3, "there is no time of day `25:00`"),
        ("kind: session\nname: s\nhours: 10:00-10:00\n", 3, "empty"),
        ("kind: session\nname: s\nhours: 10:00-11:00\ntimezone: America/New_Yrok\n", 4, "mean America/New_York?"),
        ("kind: session\nname: s\nhours: 10:00-11:00\nlimits: {positions: -1}\n", 4, "at least 0, got `-1`"),
        ("kind: strat\nname: s\n", 1, "there is no kind `strat`"),
        ("name: s\n", 1, "does not say its `kind`"),
        ("- 1\n", 1, "a document is a mapping"),
        ("kind: pack\nname: p\nvenue: paper\ntimezone: UTC\n", 1, "stands in pack.yaml only"),
    ],
)
def test_mistakes_of_structure_point_at_their_line(text: str, line: int, message: str) -> None:
    finding = only(text)
    assert finding.primary.line == line and message in finding.message


def test_pack_yaml_holds_one_pack_and_no_rules() -> None:
    pack = "kind: pack\nname: p\nvenue: paper\ntimezone: UTC\n"
    assert "holds one document" in only(pack + "---\n" + pack, "pack.yaml").message
    assert "holds no rules" in only(STRATEGY, "a/pack.yaml").message


def test_one_pass_names_every_mistake_and_the_rest_of_the_document_stands() -> None:
    loaded = load_text(
        "f.yaml",
        "kind: strategy\nname: s\nabot: x\nenabled: yes\nparams: {a: {default: 1, mx: 2}, b: 3}\n"
        "when: [close > 1, ~]\nthen: {buy: {size: 1}}\n---\nkind: gate\nname: g\n",
    )
    assert [(each.code, each.primary.line) for each in loaded.findings] == [
        ("AT004", 3),
        ("AT003", 4),
        ("AT004", 5),
        ("AT007", 5),
        ("AT007", 6),
        ("AT008", 9),
        ("AT008", 9),
    ]
    model = loaded.documents[0].model
    assert isinstance(model, models.Strategy) and not loaded.documents[0].sound
    assert model.when == (Expr("close > 1"),) and list(model.params) == ["a"]


def test_a_wrong_alternative_is_not_called_missing_too() -> None:
    text = "kind: guard\nname: g\nfor: entries\nrequire: a\nelse: {halt: [a]}\n"
    assert [each.code for each in findings(text)] == ["AT007"]


def test_comments_come_with_the_file() -> None:
    loaded = load_text("f.yaml", STRATEGY + "# engine: ignore AT406 until 2027-01-01 -- level entry is wanted\n")
    assert [(each.text[:9], each.span.line) for each in loaded.comments] == [("# engine:", 5)]


def test_a_missing_file_is_a_finding(tmp_path: Path) -> None:
    loaded = load_file(tmp_path / "none.yaml")
    assert loaded.documents == () and "there is no file" in loaded.findings[0].message
