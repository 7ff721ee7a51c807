"""``engine capture info`` and ``engine capture export``."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from connectors.capture.summary import Summary, summarize
from engine.cli.console import print_json
from engine.cli.errors import ExitCode, UserError
from engine.research.results import iso_utc

SHOWN = 20  # markets and gaps that are listed; --json has all of them


def info(path: Path, as_json: bool) -> int:
    """Counts, times, markets, gaps and damage; exit code 1 when the file is damaged."""
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    summary = summarize(path)
    if as_json:
        print_json(_report(summary))
    else:
        _print(summary)
    return ExitCode.NO if summary.damage is not None else ExitCode.GOOD


def export(path: Path, folder: Path, as_json: bool) -> int:
    """Write a capture as Parquet files, by kind and day."""
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    if find_spec("pyarrow") is None:
        raise UserError("Parquet needs pyarrow; pip install -e '.[parquet]' in the engine's folder")
    from connectors.capture.export import export_parquet

    rows = export_parquet(path, folder)
    if as_json:
        print_json({"capture": path, "folder": folder, "rows": rows})
    else:
        for kind, count in rows.items():
            print(f"{folder / f'kind={kind}'}: {count} rows")
    return ExitCode.GOOD


def _report(summary: Summary) -> dict[str, Any]:
    damage = summary.damage
    return {
        "capture": summary.path, "bytes": summary.size, "sha256": summary.sha256, "frames": summary.frames,
        "counts": dict(summary.counts), "records_by_market": dict(summary.by_market),
        "sessions": [
            {
                "venue": s.head.venue, "exchange": s.head.exchange, "engine": s.head.engine, "by": s.head.by,
                "from": iso_utc(s.first_ns), "to": iso_utc(s.last_ns), "ended": s.note is not None, "note": s.note,
                "markets": list(s.head.instruments),
            }
            for s in summary.sessions
        ],
        "gaps": [
            {"session": g.session, "from": iso_utc(g.from_ns), "to": iso_utc(g.to_ns), "why": g.why}
            for g in summary.gaps
        ],
        "damage": None if damage is None else {
            "offset": damage.offset, "why": damage.why, "torn": damage.torn, "lost_bytes": damage.lost
        },
    }  # fmt: skip


def _print(summary: Summary) -> None:
    print(f"{summary.path}: {summary.size} bytes in {summary.frames} frames, sha256 {summary.sha256}")
    for number, session in enumerate(summary.sessions, 1):
        head = session.head
        end = "ended" if session.note is not None else "broke off"
        print(
            f"session {number}: {head.venue} {head.exchange}, {len(head.instruments)} markets, by {head.by}, "
            f"engine {head.engine}, {iso_utc(session.first_ns)} to {iso_utc(session.last_ns)}, {end}"
        )
    print(", ".join(f"{count} {kind}" for kind, count in summary.counts.items()))
    for ticker, count in summary.by_market.most_common(SHOWN):
        print(f"  {ticker}  {count} records")
    for gap in summary.gaps[:SHOWN]:
        print(f"gap in session {gap.session}: {iso_utc(gap.from_ns)} to {iso_utc(gap.to_ns)}: {gap.why}")
    if len(summary.gaps) > SHOWN:
        print(f"and {len(summary.gaps) - SHOWN} more gaps; --json has them")
    damage = summary.damage
    if damage is not None:
        what = "half written, as after a kill" if damage.torn else "damaged, with whole frames after it"
        print(f"{what}: from byte {damage.offset} on, {damage.lost} bytes ({damage.why}); what is before is whole")
