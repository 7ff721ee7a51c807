"""Leaderboards on disk: one JSON object a line, added and never changed, so that a run can be replayed."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from connectors.arena.board import Board, BoardError, Row, with_rank_ub
from engine.market.events import NANOS

_DAY = timedelta(days=1)


def as_json(board: Board) -> dict[str, Any]:
    """What a line of the file says."""
    return {
        "captured_at": iso(board.seen_ns),
        "cutoff": iso(board.cutoff_ns) if board.cutoff_ns is not None else None,
        "source": board.source,
        "parsed": board.parsed,
        "total": board.total,
        "style_control": False,
        "rows": [_row_json(row) for row in board.rows],
    }


def _row_json(row: Row) -> dict[str, Any]:
    told: dict[str, Any] = {
        "model": row.model, "org": row.organization, "license": row.license, "score": row.score,
        "ci_low": row.ci_low, "ci_high": row.ci_high, "votes": row.votes, "rank": row.rank, "rank_ub": row.rank_ub,
        "rank_lower": row.rank_lower,
    }  # fmt: skip
    if row.preliminary:
        told["preliminary"] = True
    if row.release_date is not None:
        told["release_date"] = row.release_date.isoformat()
    return told


def append(path: Path, board: Board) -> None:
    """Add a table to the file, which is made where there is none. BoardError when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", newline="\n") as out:
            out.write(json.dumps(as_json(board), ensure_ascii=False, separators=(",", ":")) + "\n")
    except OSError as error:
        raise BoardError(f"{path} cannot be written: {error.strerror}") from None


def read_boards(path: Path) -> list[Board]:
    """All tables of a file (``.jsonl`` or ``.jsonl.gz``) in order of time; BoardError names the line that is wrong.

    A table of which only the day is known counts as known when that day has ended. A last line without its end, as a
    crash leaves it, is left out.
    """
    boards = list(_boards(path))
    if not boards:
        raise BoardError(f"{path} has no leaderboards")
    for earlier, later in pairwise(boards):
        if later.seen_ns < earlier.seen_ns:
            raise BoardError(f"{path}: the table of {iso(later.seen_ns)} comes after that of {iso(earlier.seen_ns)}")
    return boards


def _boards(path: Path) -> Iterator[Board]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith("\n"):
                    return
                if line.strip():
                    yield _board(line, f"{path}:{number}")
    except FileNotFoundError:
        raise BoardError(f"there is no file {path}") from None
    except (OSError, EOFError) as error:
        raise BoardError(f"{path} cannot be read: {error}") from None
    except UnicodeDecodeError:
        raise BoardError(f"{path} is not UTF-8 text") from None


def _board(line: str, where: str) -> Board:
    try:
        told = json.loads(line)
        if told["style_control"] is not False:
            raise BoardError(f"{where}: style control is on; contracts settle on the table without it")
        rows = with_rank_ub([_row(row) for row in told["rows"]])
        cutoff = told.get("cutoff")
        return Board(
            rows, _seen(told), _nanos(cutoff) if cutoff else None, str(told.get("source", "")),
            str(told.get("parsed", "file")), told.get("total"),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"has no {error}" if isinstance(error, KeyError) else f"is no leaderboard: {error}"
        raise BoardError(f"{where}: {what}") from None


def _seen(told: Mapping[str, Any]) -> int:
    captured = told.get("captured_at")
    if captured:
        return _nanos(captured)
    day = datetime.combine(date.fromisoformat(told["as_of"]), datetime.min.time(), UTC)
    return _nanos((day + _DAY).isoformat())


def _row(told: Mapping[str, Any]) -> Row:
    release = told.get("release_date")
    return Row(
        model=str(told["model"]),
        organization=str(told.get("org") or ""),
        score=float(told["score"]),
        rank=int(told["rank"]),
        rank_ub=_whole(told.get("rank_ub")),
        rank_lower=_whole(told.get("rank_lower")),
        ci_low=_number(told.get("ci_low")),
        ci_high=_number(told.get("ci_high")),
        votes=_whole(told.get("votes")),
        license=str(told.get("license") or ""),
        preliminary=bool(told.get("preliminary", False)),
        release_date=date.fromisoformat(release) if release else None,
    )


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _nanos(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no zone")
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * NANOS + since.microseconds * 1_000


def iso(time_ns: int) -> str:
    """ISO 8601 in UTC, with `Z`."""
    moment = datetime.fromtimestamp(time_ns // NANOS, UTC).replace(microsecond=time_ns % NANOS // 1_000)
    return moment.isoformat().replace("+00:00", "Z")
