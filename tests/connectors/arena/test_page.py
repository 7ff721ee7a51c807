"""Reading pages: the real one, each layout, and everything that must not be believed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.arena.board import Board, BoardError, Row
from connectors.arena.checks import check_sound
from connectors.arena.page import read_page
from connectors.simulators.arena.pages import LAYOUTS, Layout, Wrong, page_of, whole

SEEN = 1_778_170_000_000_000_000


@pytest.fixture
def board(make) -> Board:  # type: ignore[no-untyped-def]
    rows = [("alpha-1-thinking", "Anthropic", 1500.56, 23_616, 1), ("beta & co <2>", "Google", 1497.64, 4_000, 1),
            ("gamma", "xAI", 1480.4, 9_000, 3)]  # fmt: skip
    made = whole(make(rows))
    return replace(made, rows=(made.rows[0], replace(made.rows[1], preliminary=True), *made.rows[2:]))


def test_the_real_page_is_read_from_its_data_and_agrees_with_its_table(real_page: str) -> None:
    board = read_page(real_page, SEEN, "saved")
    check_sound(board)
    assert (board.parsed, len(board.rows), board.total) == ("flight", 357, 357)
    assert board.rows[0] == Row(
        "claude-opus-4-6-thinking", "Anthropic", 1500.56, 1, 1, 2, 1495.91, 1505.21, 23616, "Proprietary"
    )
    assert [row.model for row in board.rows if row.preliminary] == ["muse-spark", "ernie-5.1"]
    assert board.cutoff_ns == 1_778_162_400 * 10**9, "2026-05-07T14:00Z"


def test_the_real_table_alone_tells_the_same_in_whole_points(real_page: str) -> None:
    from_data = read_page(real_page, SEEN, "saved")
    from_table = read_page(real_page.replace("self.__next_f", "self.__other"), SEEN, "saved")
    check_sound(from_table)
    assert from_table.parsed == "table"
    for one, other in zip(from_data.rows, from_table.rows, strict=True):
        assert (one.model, one.rank, one.rank_ub, one.votes, one.organization, one.license, one.preliminary) == (
            other.model, other.rank, other.rank_ub, other.votes, other.organization, other.license, other.preliminary
        )  # fmt: skip
        assert abs(one.score - other.score) <= 0.51


def test_the_trimmed_page_is_sound_and_too_short(shared_data: Path) -> None:
    page = (shared_data / "arena" / "leaderboard_page_2026-05-07_trimmed.html").read_text(encoding="utf-8")
    board = read_page(page, SEEN, "trimmed")
    assert len(board.rows) == 15
    with pytest.raises(BoardError, match="it has 15 rows, and a whole table has 100 or more"):
        check_sound(board)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_columns_are_found_by_their_header_in_every_layout(layout: Layout, board: Board) -> None:
    read = read_page(page_of(board, layout), SEEN, "practice")
    check_sound(read)
    for one, other in zip(board.rows, read.rows, strict=True):
        assert (one.model, one.organization, one.license, one.votes, one.rank_ub) == (
            other.model, other.organization, other.license, other.votes, other.rank_ub
        )  # fmt: skip
    assert read.rows[0].score == (1500.56 if layout == "now" else 1501)
    assert read.rows[1].preliminary is (layout == "now"), "older layouts did not say it"


def test_columns_in_another_order_are_read_as_well(board: Board) -> None:
    """A reader that counts columns takes votes for scores, which nothing else would notice."""
    page = page_of(board, "winter")
    at = page.index("<th>")
    header = page[at : page.index("</tr>", at)].split("</th>")[:-1]
    rows = page.split("<tr>")[2:]
    turned = [[*cells[4:], *cells[:4]] for cells in (row.split("</td>")[:-1] for row in rows)]
    header = [*header[4:], *header[:4]]
    table = (
        f"<table><thead><tr>{'</th>'.join(header)}</th></tr></thead><tbody>"
        + "".join(f"<tr>{'</td>'.join(cells)}</td></tr>" for cells in turned) + "</tbody></table>"
    )  # fmt: skip
    mixed = page[: page.index("<table>")] + table
    assert [r.votes for r in read_page(mixed, SEEN, "x").rows] == [r.votes for r in board.rows]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_style_control_is_refused_in_every_layout(layout: Layout, board: Board) -> None:
    with pytest.raises(BoardError, match="style control"):
        read_page(page_of(board, layout, Wrong(style_control=True)), SEEN, "practice")


def test_a_real_table_with_style_control_on_is_refused(shared_data: Path) -> None:
    for path in sorted((shared_data / "arena" / "wrong_slice_style_control_on").glob("*.json")):
        models = json.loads(path.read_text(encoding="utf-8"))["models"]
        rows = tuple(
            Row(m["model"], m["vendor"], m["score"], m["rank"], m["rank"], m["rank"], None, None, m["votes"] or 1)
            for m in models
        )
        page = page_of(whole(Board(rows, SEEN)), "now", Wrong(style_control=True))
        with pytest.raises(BoardError, match="style control is on"):
            read_page(page, SEEN, path.name)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('\\"styleControl\\":false', '\\"styleControl\\":null', "style control is on, or the page does not say"),
        ('\\"leaderboardSlug\\":\\"overall-no-style-control\\"', '\\"leaderboardSlug\\":\\"math\\"', "wrong table"),
        ('\\"category\\":\\"overall\\"', '\\"category\\":\\"coding\\"', "wrong table: category is 'coding'"),
        ('\\"rankUpper\\"', '\\"rankUp\\"', "no 'rankUpper'"),
        ('\\"votes\\":23616', '\\"votes\\":\\"many\\"', "'many' is no whole number"),
        ('\\"votes\\":23616', '\\"votes\\":23617', "votes is 23617 in the page's data and 23616 in its table"),
        ('\\"rating\\":1500.56', '\\"rating\\":1510.56', "the score is 1510.56 in the page's data and 1501.0"),
    ],
)
def test_data_that_is_not_as_it_should_be_is_refused(old: str, new: str, words: str, board: Board) -> None:
    page = page_of(board)
    assert old in page
    with pytest.raises(BoardError, match=words):
        read_page(page.replace(old, new), SEEN, "practice")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<table>", "<div>", "no table"),
        (">Score<", ">Points<", "no column score; it has Rank,"),
        (">Votes<", ">Score<", "two columns Score"),
        ("<span>23,616</span>", "<span>n/a</span>", "row 1 of the table has the votes 'n/a'"),
        ("<span>±5</span>", "<span>5%</span>", "has the bounds '5%'"),
        ("without style control", "of all", "nothing on the page says that style control is off"),
    ],
)
def test_a_table_that_is_not_as_it_should_be_is_refused(old: str, new: str, words: str, board: Board) -> None:
    page = page_of(board, "winter")
    assert old in page
    with pytest.raises(BoardError, match=words):
        read_page(page.replace(old, new, 1), SEEN, "practice")


def test_a_page_for_robots_is_no_leaderboard() -> None:
    with pytest.raises(BoardError):
        read_page("<html><title>Just a moment...</title></html>", SEEN, "site")
