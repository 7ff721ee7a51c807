"""The catalogue lists every figure that there is, and gates can ask for exactly the facts that it names."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

from engine.cli.statistics_page import statistics_page
from engine.language.calls import FORMS
from engine.market.manifest import STATS
from engine.research.gatefacts import FIGURES
from engine.research.placebos import PLACEBOS, WITH_EDGE
from engine.research.statistics import CurveStatistics, TradeStatistics
from engine.research.statistics.catalogue import SECTIONS

DOCS = Path(__file__).parents[3] / "docs"
ENTRIES = [one for section in SECTIONS.values() for one in section]


def test_every_fact_of_gates_is_computed_and_defined() -> None:
    facts = {spec.name for spec in STATS}
    assert facts == FIGURES.keys()
    assert facts | {name for name in FORMS if name.startswith("stats.")} == {
        one.fact.partition("(")[0] for one in ENTRIES if one.fact
    }


def test_every_figure_of_a_report_is_defined() -> None:
    names = {one.name for one in ENTRIES}
    reported = {field.name for kind in (TradeStatistics, CurveStatistics) for field in fields(kind)} - {"unknown"}
    assert reported <= names
    assert len(names) == len(ENTRIES)


def test_what_is_not_a_plain_count_or_sum_has_a_formula() -> None:
    for one in ENTRIES:
        assert one.formula or one.unit in ("count", "money"), one.name
        assert one.about.endswith("."), one.name


def test_the_page_says_it_all() -> None:
    page = statistics_page(DOCS)
    assert (DOCS / "statistics.md").read_text(encoding="utf-8").endswith(page)
    for one in ENTRIES:
        assert f"`{one.name}`" in page and one.formula in page


def test_what_was_measured_is_of_the_kinds_that_there_are() -> None:
    measured = json.loads((DOCS / "measured" / "placebo.json").read_text(encoding="utf-8"))
    for pack in measured["packs"].values():
        assert [row["kind"] for row in pack["without_edge"]] == [kind.name for kind in PLACEBOS]
        assert [row["kind"] for row in pack["with_edge"]] == [kind.name for kind in WITH_EDGE]
        for row in pack["without_edge"]:
            assert row["all_gates"]["strategies"] >= 500 and row["all_gates"]["rate"] <= 0.05
