"""The report folder."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from engine.report.write import ReportError, write_report
from engine.research.results import BacktestResult, PriceSeries


def test_the_folder_holds_four_files_that_agree(
    result: Callable[..., BacktestResult], prices: Callable[..., PriceSeries], tmp_path: Path
) -> None:
    one, out = result(), tmp_path / "new" / "report"
    paths = write_report(one, [prices()], out)
    assert sorted(path.name for path in paths) == ["report.html", "report.md", "summary.json", "trades.csv"]
    assert sorted(out.iterdir()) == sorted(paths)
    told = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert told == json.loads(json.dumps(one.to_json()))
    with (out / "trades.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == told["trades"]
    assert sum(Decimal(row["net"]) for row in rows) == sum(trade.net for trade in one.trades)
    assert rows[1]["exits"] == "time_stop 10@100.1234"
    assert rows[0]["opened"] == "2011-01-03T14:30:00Z"
    assert rows[0]["mid_at_entry"] == ""
    for name in ("report.html", "report.md"):
        assert one.decisions_sha256 in (out / name).read_text(encoding="utf-8")


def test_a_file_in_the_way_is_one_clear_error(result: Callable[..., BacktestResult], tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    with pytest.raises(ReportError, match=r"cannot write the report to .*taken: .*; name a folder"):
        write_report(result(), [], taken)
    assert taken.read_text() == "mine"
