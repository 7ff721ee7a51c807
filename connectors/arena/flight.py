"""The table in the data that the page carries for its own scripts (Next.js "flight" data), with all decimals."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.arena.board import BoardError, Row
from engine.market.events import NANOS

ARENA, SLICE, CATEGORY = "text", "overall-no-style-control", "overall"
_PUSH = re.compile(r"self\.__next_f\.push\((\[1,.*?\])\)</script>", re.DOTALL)
_OBJECT = '"leaderboard":{'
_DECODER = json.JSONDecoder()


class Flight:
    """What the data says: ``rows``, the votes' ``cutoff_ns``, and how many models there are in ``total``."""

    def __init__(self, rows: tuple[Row, ...], cutoff_ns: int | None, total: int | None) -> None:
        self.rows, self.cutoff_ns, self.total = rows, cutoff_ns, total


def read_flight(page: str) -> Flight | None:
    """The table in a page's data; None where the page carries none. BoardError for the wrong table or a broken one."""
    told = next(_leaderboards(page), None)
    if told is None:
        return None
    _right_slice(told)
    try:
        rows = tuple(_row(entry) for entry in told["entries"])
        cutoff, total = told.get("voteCutoffISOString"), told.get("totalModels")
        return Flight(rows, _nanos(cutoff) if cutoff else None, None if total is None else int(total))
    except KeyError as missing:
        raise BoardError(f"an entry of the page's data has no {missing}") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise BoardError(f"an entry of the page's data is not as it was: {error}") from None


def _leaderboards(page: str) -> Iterator[Mapping[str, Any]]:
    """The objects called leaderboard that have entries."""
    data = "".join(_pieces(page))
    start = data.find(_OBJECT)
    while start >= 0:
        try:
            told, _ = _DECODER.raw_decode(data, start + len(_OBJECT) - 1)
        except ValueError:
            told = None
        if isinstance(told, dict) and isinstance(told.get("entries"), list):
            yield told
        start = data.find(_OBJECT, start + 1)


def _pieces(page: str) -> Iterator[str]:
    for found in _PUSH.finditer(page):
        try:
            piece = json.loads(found[1])
        except ValueError:
            continue  # not the data of this page; without the table, the table of the page itself is read
        if len(piece) == 2 and isinstance(piece[1], str):
            yield piece[1]


def _right_slice(told: Mapping[str, Any]) -> None:
    """Contracts settle on text, overall, without style control; nothing else will do, whatever the address was."""
    params = told.get("params")
    params = params if isinstance(params, dict) else {}
    if params.get("styleControl") is not False:
        raise BoardError("style control is on, or the page does not say; contracts settle on the table without it")
    for what, have, need in (
        ("arena", told.get("arenaSlug"), ARENA),
        ("leaderboard", told.get("leaderboardSlug"), SLICE),
        ("category", params.get("category"), CATEGORY),
    ):
        if have != need:
            raise BoardError(f"it is the wrong table: {what} is {have!r} and must be {need!r}")


def _row(entry: Mapping[str, Any]) -> Row:
    return Row(
        model=_text(entry["modelDisplayName"]),
        organization=_text(entry["modelOrganization"] or ""),
        score=float(entry["rating"]),
        rank=_whole(entry["rank"]),
        rank_ub=_whole(entry["rankUpper"]),
        rank_lower=_whole(entry["rankLower"]),
        ci_low=float(entry["ratingLower"]),
        ci_high=float(entry["ratingUpper"]),
        votes=_whole(entry["votes"]),
        license=str(entry.get("license") or ""),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is no whole number")
    return value


def _nanos(text: str) -> int:
    since = datetime.fromisoformat(text).astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * NANOS
