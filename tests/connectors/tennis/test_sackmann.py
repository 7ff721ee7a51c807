"""Files of players and matches: what is read, and what is wrong with them by file and line."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path

import pytest

from connectors.tennis.sackmann import Score, TennisDataError, parse_score, read_matches, read_players
from engine.market.tennis import Ending, Player, Surface

HEADER = (
    "tourney_id,tourney_name,surface,draw_size,tourney_level,tourney_date,match_num,winner_id,loser_id,score,best_of,"
    "round,w_svpt,w_1stWon,w_2ndWon,l_svpt,l_1stWon,l_2ndWon,winner_rank_points,loser_rank_points\n"
)
ROW = "2023-520,Roland Garros,Clay,128,G,20230529,101,1,2,6-3 6-4 7-5,5,R128,90,50,20,100,40,20,3000,100\n"
PLAYERS = "player_id,name_first,name_last,hand,dob,ioc,height,wikidata_id\n"


def file(folder: Path, text: str, name: str = "atp_matches_2023.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("6-4 6-4", Score(Ending.COMPLETED, 2, 0, 12, 8)),
        ("7-6(4) 3-6 7-6(10)", Score(Ending.COMPLETED, 2, 1, 17, 18)),
        ("6-7(5) 7-6(6) [10-7]", Score(Ending.COMPLETED, 2, 1, 23, 20)),
        ("6-2 0-0 RET", Score(Ending.RETIRED, 1, 0, 6, 2)),
        ("4-6 2-1 RET", Score(Ending.RETIRED, 0, 1, 6, 7)),
        ("6-4 RET+H61", Score(Ending.RETIRED, 1, 0, 6, 4)),
        ("3-2 RET", Score(Ending.RETIRED, 0, 0, 3, 2)),
        ("4-6 7-5 Def.", Score(Ending.DEFAULTED, 1, 1, 11, 11)),
        ("RET", Score(Ending.RETIRED)),
        ("W/O", Score(Ending.WALKOVER)),
        ("Walkover", Score(Ending.WALKOVER)),
    ],
)
def test_scores(text: str, score: Score) -> None:
    assert parse_score(text) == score


def test_a_match_is_read(tmp_path: Path) -> None:
    (match,) = read_matches(file(tmp_path, HEADER + ROW))
    assert (match.name, match.surface, match.begins, match.best_of) == (
        "Roland Garros", Surface.CLAY, date(2023, 5, 29), 5,
    )  # fmt: skip
    assert (match.winner, match.loser, match.winner_points, match.loser_points) == (1, 2, 3000, 100)
    assert match.points_share == pytest.approx((70 + 100 - 60) / 190)
    assert match.main_tour


def test_gzipped_files_are_read_and_unknown_is_not_zero(tmp_path: Path) -> None:
    path = tmp_path / "wta_matches_2023.csv.gz"
    row = "2023-1,Somewhere,,32,P,20230109,1,1,2,6-0 6-0,3,R32,,,,,,,,\n"
    path.write_bytes(gzip.compress((HEADER + row).encode()))
    (match,) = read_matches(path)
    assert (match.surface, match.points_share, match.winner_points) == (None, None, None)


def test_every_wrong_row_is_named_by_file_and_line(tmp_path: Path) -> None:
    rows = [
        ROW, ROW.replace("20230529", "20231329"), ROW.replace("6-3 6-4 7-5", "unknown"),
        ROW.replace("101,1,2", "101,x,2"),
        ROW.replace("101,1,2", "101,1,1"), ROW.replace(",5,R128", ",4,R128"), ROW.replace("R128", "R99"),
        ROW.replace("Clay", "Mud"), ROW.replace("101,1,2", "101,,2"),
    ]  # fmt: skip
    path = file(tmp_path, HEADER + "".join(rows))
    with pytest.raises(TennisDataError) as wrong:
        read_matches(path)
    lines = str(wrong.value).splitlines()
    assert lines[0] == "8 of 9 rows are wrong; correct or remove them"
    assert [line.removeprefix(f"{path}:") for line in lines[1:]] == [
        "3: tourney_date '20231329' is no date; write it as 20230116",
        "4: score 'unknown' is no score",
        "5: winner_id 'x' is no whole number",
        "6: winner_id and loser_id are both 1",
        "7: best_of is 4; it must be 1, 3 or 5",
        "8: round 'R99' is none of Q1, Q2, Q3, Q4, ER, RR, R256, R128, R64, R32, R16, QF, SF, BR, F",
        "9: surface 'Mud' is none of hard, clay, grass, carpet",
        "10: winner_id is missing",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "has no column tourney_id"),
        (HEADER.replace("winner_id", "winner1_id"), "doubles are not read"),
        (HEADER, "has no rows"),
        (HEADER + "2023-1,Somewhere\n", ":2: 2 fields under 20 columns"),
    ],
)
def test_files_of_another_shape_are_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(TennisDataError, match=words):
        read_matches(file(tmp_path, text))


def test_files_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    with pytest.raises(TennisDataError, match="there is no file"):
        read_matches(tmp_path / "none.csv")
    broken = tmp_path / "broken.csv.gz"
    broken.write_bytes(b"no gzip at all")
    with pytest.raises(TennisDataError, match="cannot be read"):
        read_matches(broken)
    broken.write_bytes(gzip.compress(b"x" * 10_000)[:-20])
    with pytest.raises(TennisDataError, match=r"cannot be read|no CSV"):
        read_matches(broken)


def test_players_are_read(tmp_path: Path) -> None:
    rows = "1,Carlos,Alcaraz,R,20030505,ESP,183,\n2,,Unknown,U,19000000,,,\n"
    path = file(tmp_path, PLAYERS + rows, "atp_players.csv")
    assert read_players(path) == [
        Player(1, "Carlos", "Alcaraz", date(2003, 5, 5), "ESP"), Player(2, "", "Unknown", None, ""),
    ]  # fmt: skip
