"""Heat maps and line charts say what they are given, and leave open what is not known."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from engine.report.heatmap import HeatMap, heat_map
from engine.report.lines import line_chart


def boxes(svg: str, kind: str) -> list[float]:
    return [float(found) for found in re.findall(rf'<rect class="{kind}"[^>]*fill-opacity="([\d.]+)"', svg)]


def test_a_map_has_a_cell_for_each_pair_and_marks_the_best() -> None:
    cells = {(0, 0): (2.0, 3), (1, 0): (-1.0, 1), (1, 1): (4.0, 2)}
    shown = HeatMap("fast", "slow <s>", ["3", "4"], ["8", "10"], cells, (1, 1))
    drawn = heat_map(shown)
    ElementTree.fromstring(drawn)  # well-formed: names from rules are escaped
    weak, strong = boxes(drawn, "gain")
    assert 0.1 < weak < strong == 0.55
    assert boxes(drawn, "loss") == [0.1]
    assert drawn.count('class="empty"') == 1 and "no set was tried here" in drawn
    assert drawn.count('class="best"') == 1
    assert "fast 3, slow &lt;s&gt; 8: $2.00 a trade, mean of 3 sets" in drawn
    assert shown.spread == 5.0


def test_a_map_of_equal_cells_is_drawn() -> None:
    assert boxes(heat_map(HeatMap("a", "b", ["1"], ["2"], {(0, 0): (0.0, 1)}, None)), "loss") == [0.55]


def test_a_line_has_gaps_where_nothing_is_known_and_the_need_beside_it() -> None:
    drawn = line_chart("stats.trades >= 50", [1.0, None, 3.0, 4.0], ("Monday", "Friday"), 50.0, "{:g}".format)
    ElementTree.fromstring(drawn)
    paths = re.findall(r'<path class="line-a" d="([^"]*)"', drawn)
    assert [path.count(",") for path in paths] == [1, 2]
    assert drawn.count('class="even"') == 1
    assert ">50<" in drawn and ">4<" in drawn and "Monday" in drawn and "stats.trades &gt;= 50" in drawn


def test_a_line_of_nothing_is_not_drawn() -> None:
    assert line_chart("x", [None, None], ("", ""), 1.0, str) == ""
    assert 'class="dot-a"' in line_chart("x", [2.0], ("", ""), None, str)
