"""What the verbs that make and read captures share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.assemble import Assembly, now_ns
from engine.cli.console import err
from engine.cli.version import __version__

if TYPE_CHECKING:
    from connectors.capture.writer import CaptureWriter


def open_tape(path: Path, exchange: str, by: str) -> CaptureWriter:
    """A new session in ``path``; says in one line what a kill had left half written there."""
    from connectors.capture.writer import CaptureFile, CaptureWriter

    file = CaptureFile(path)
    if file.cut is not None:
        err().print(
            f"{path}: {file.cut.lost} bytes from byte {file.cut.offset} on were half written ({file.cut.why}) and have "
            "been cut off; everything before is kept"
        )
    return CaptureWriter(file, now_ns, exchange, __version__, by)


def note_of(assembly: Assembly, run: str, decisions_sha256: str, *, live: bool, halted: bool) -> dict[str, Any]:
    """What a run leaves in the capture of its inputs, so that a replay can be held against it."""
    return {
        "run": run, "live": live, "halted": halted, "decisions_sha256": decisions_sha256,
        "conditions": terms_of(assembly),
    }  # fmt: skip


def terms_of(assembly: Assembly) -> dict[str, Any]:
    """All that decisions on paper depend on beside the inputs: the same terms, the same decisions."""
    paper = assembly.settings.paper.model_dump(mode="json")
    return {
        "ruleset_sha256": assembly.ruleset.sha256,
        "symbols": assembly.plan_symbols,
        "parameters": assembly.describe_parameters(),
        "execution": dict(assembly.execution),
        "paper": {name: str(value) for name, value in paper.items()},
    }


def differing(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The names of the terms that differ."""
    words = {"ruleset_sha256": "rules", "paper": "paper settings"}
    return [words.get(name, name) for name in now if then.get(name) != now[name]]
