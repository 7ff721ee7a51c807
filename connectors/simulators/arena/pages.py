"""Tables as pages, in each layout that the site has had, and wrong in the ways that it has been."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import escape
from typing import Any, Literal

from connectors.arena.board import Board, Row, printed
from engine.market.events import NANOS

Layout = Literal["2025", "winter", "now"]
LAYOUTS: tuple[Layout, ...] = ("2025", "winter", "now")
WHOLE = 120  # rows that a page has at least; recorded tables keep the best 50 or 60
STEP = 1.5  # points between two rows that were made up
CUTOFF_HOURS = 3  # before a table was seen, where the recording does not say up to when votes count
_SHORT = 40  # rows of a page that is only a part
_PIECE = 60_000  # characters of data in one script


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a page."""

    style_control: bool = False
    few_rows: bool = False
    broken_ranks: bool = False
    without_leader: bool = False
    disagrees: bool = False  # its table with its data


def whole(board: Board) -> Board:
    """The table filled up below with models that are made up, and with the moment up to which votes count."""
    rows = list(board.rows)
    for number in range(len(rows) + 1, WHOLE + 1):
        score = round(rows[-1].score - STEP, 2)
        place = Row(
            f"made-up-model-{number:03}", "Practice", score, number, number, number, score - 6.0, score + 6.0, 3_000,
            "Made up",
        )  # fmt: skip
        rows.append(place)
    cutoff = board.cutoff_ns or board.seen_ns - CUTOFF_HOURS * 3600 * NANOS
    return replace(board, rows=tuple(rows), cutoff_ns=cutoff, total=len(rows))


def page_of(board: Board, layout: Layout = "now", wrong: Wrong | None = None) -> str:
    """A page that shows ``board``, which should be ``whole``. Only the newest layout carries data for scripts."""
    wrong = wrong or Wrong()
    rows = _spoilt(board.rows, wrong)
    style = "with" if wrong.style_control else "without"
    shown = [replace(rows[0], votes=(rows[0].votes or 0) + 7), *rows[1:]] if wrong.disagrees else rows
    data = _flight(rows, board, wrong) if layout == "now" else ""
    day = datetime.fromtimestamp((board.cutoff_ns or board.seen_ns) // NANOS, UTC)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charSet="utf-8"/>'
        "<title>LLM Leaderboard - Best Text &amp; Chat AI Models Compared</title>"
        f'<meta name="description" content="Text models ranked by overall performance ({style} style control)."/>'
        f"</head><body><h1>Text Arena</h1><div><span>{day:%b} {day.day}, {day.year}</span>"
        f"<span>{len(rows)}<!-- --> models</span></div>{_table(shown, layout)}{data}</body></html>"
    )


def _spoilt(rows: Sequence[Row], wrong: Wrong) -> list[Row]:
    left = list(rows[1:] if wrong.without_leader else rows)
    if wrong.without_leader:
        left = [replace(row, rank=place, rank_ub=min(row.rank_ub or place, place)) for place, row in enumerate(left, 1)]
    if wrong.few_rows:
        left = left[:_SHORT]
    if wrong.broken_ranks:
        left[1] = replace(left[1], rank=left[1].rank + 40)
    return left


# -- the table ---------------------------------------------------------------------------------------------------------

_HEADERS: dict[Layout, tuple[str, ...]] = {
    "2025": ("Rank (UB)", "Rank (StyleCtrl)", "Model", "Score", "95% CI (±)", "Votes", "Organization", "License"),
    "winter": ("Rank", "Rank Spread", "Model", "Score", "95% CI (±)", "Votes", "Organization", "License"),
    "now": ("Rank", "Rank Spread", "Model", "Score", "Votes", "Price $/M", "Context"),
}


def _table(rows: Sequence[Row], layout: Layout) -> str:
    head = "".join(f'<th><button type="button">{escape(name)}<svg><path></path></svg></button></th>'
                   for name in _HEADERS[layout])  # fmt: skip
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in _cells(row, layout))}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cells(row: Row, layout: Layout) -> list[str]:
    model = f'<a href="https://example.org" title="{escape(row.model)}"><span>{escape(row.model)}</span></a>'
    score, votes = f"<span>{printed(row.score)}</span>", f"<span>{row.votes or 1:,}</span>"
    low, high = _bounds(row)
    spread = f"<span>{row.rank_ub}</span><svg><path></path></svg><span>{row.rank_lower or row.rank}</span>"
    if layout == "now":
        mark = "<span>Preliminary</span>" if row.preliminary else ""
        logo = f"<svg><title>{escape(row.organization)}</title><path></path></svg>"
        below = f"<span>{escape(row.organization)} · {escape(row.license)}</span>"
        return [
            f"<span>{row.rank}</span>", spread, f"<div>{logo}{model}{below}</div>",
            f"{score}<span>±{high}</span>{mark}", votes, "<span>$5<!-- --> / <!-- -->$25</span>",
            "<span>1M</span>",
        ]  # fmt: skip
    bounds = f"<span>+{high}/-{low}</span>" if layout == "2025" else f"<span>±{high}</span>"
    first = [f"<span>{row.rank_ub}</span>", f"<span>{row.rank}</span>"]
    if layout == "winter":
        first = [f"<span>{row.rank}</span>", spread]
    return [*first, model, score, bounds, votes, escape(row.organization), escape(row.license)]


def _bounds(row: Row) -> tuple[int, int]:
    """How far below and above, as printed; at least 1."""
    low = row.score - row.ci_low if row.ci_low is not None else 5.0
    high = row.ci_high - row.score if row.ci_high is not None else 5.0
    return max(1, printed(low)), max(1, printed(high))


# -- the data for scripts ----------------------------------------------------------------------------------------------


def _flight(rows: Sequence[Row], board: Board, wrong: Wrong) -> str:
    slug = "overall" if wrong.style_control else "overall-no-style-control"
    told = {
        "arena": {"slug": "text", "title": "Text", "categories": "$Q1c"},
        "leaderboard": {
            "arenaSlug": "text", "leaderboardSlug": slug,
            "params": {"category": "overall", "styleControl": wrong.style_control},
            "category": {"name": "overall"}, "entries": [_entry(row) for row in rows],
            "voteCutoffISOString": _iso(board.cutoff_ns or board.seen_ns), "totalModels": len(rows),
        },
    }  # fmt: skip
    text = "b:" + json.dumps(["$", "$L1b", None, told], separators=(",", ":")) + "\n"
    pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    return "".join(f"<script>self.__next_f.push({_pushed(piece)})</script>" for piece in pieces)


def _pushed(piece: str) -> str:
    return json.dumps([1, piece], separators=(",", ":")).replace("</", "<\\/")


def _entry(row: Row) -> dict[str, Any]:
    return {
        "rank": row.rank, "rankUpper": row.rank_ub, "rankLower": row.rank_lower or max(row.rank, row.rank_ub or 1),
        "modelDisplayName": row.model, "rating": row.score,
        "ratingUpper": row.ci_high if row.ci_high is not None else row.score + 5.0,
        "ratingLower": row.ci_low if row.ci_low is not None else row.score - 5.0,
        "votes": row.votes or 1, "modelOrganization": row.organization, "license": row.license, "releaseType": None,
    }  # fmt: skip


def _iso(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // NANOS, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
