"""A sweep that is stopped by Ctrl-C, or killed without a warning, goes on and comes to the same.

The process really dies: it sends the signal to itself at a moment that the test can name.
"""

from __future__ import annotations

import signal
import sqlite3
import textwrap
from typing import Any

import pytest


def dies(where: str, number: int, chunks: int) -> str:
    """A script that runs ``engine`` and sends itself a signal ``where`` (before or after) its n-th chunk is kept."""
    return textwrap.dedent(f"""
        import os, sys
        from state.trials import TrialLedger
        keep, left = TrialLedger.append, [{chunks}]
        def append(*what):
            if {where == "after"}:
                keep(*what)
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), {number})
            if {where == "before"}:
                keep(*what)
        TrialLedger.append = append
        from engine.cli.main import main
        sys.exit(main(sys.argv[1:]))
    """)


def kept(project: Any, part: str) -> int:
    with sqlite3.connect(project.folder / "state" / "autotrader.db") as connection:
        return int(connection.execute("SELECT count(*) FROM trials WHERE part = ?", (part,)).fetchone()[0])


@pytest.mark.parametrize(
    ("where", "chunks", "part", "there"),
    [("before", 2, "development", 5), ("after", 5, "holdout", 1)],
)
def test_a_killed_sweep_goes_on_where_it_stopped(
    project: Any, swept: Any, where: str, chunks: int, part: str, there: int, capsys: pytest.CaptureFixture[str]
) -> None:
    words = project.words("--workers", "1", "--out", "r.json")
    done = project.python(dies(where, signal.SIGKILL, chunks), *words)
    assert done.returncode == -signal.SIGKILL
    assert not (project.folder / "r.json").exists()
    assert kept(project, part) == there
    assert project.run(*words) == 0
    if part == "development":
        assert f"{there} of 19 sets are kept from before; going on with the rest" in capsys.readouterr().err
    assert kept(project, "development") == 18 and kept(project, "holdout") == 3
    assert (project.folder / "r.json").read_bytes() == (swept.folder / "r.json").read_bytes()


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(project: Any, swept: Any) -> None:
    words = project.words("--workers", "2", "--out", "r.json")
    done = project.python(dies("after", signal.SIGINT, 1), *words)
    assert done.returncode == 130
    assert done.stderr.endswith("the same command goes on with the rest\n")
    assert "Traceback" not in done.stderr
    assert 0 < kept(project, "development") < 18
    assert project.run(*project.words("--workers", "1", "--out", "r.json")) == 0
    assert (project.folder / "r.json").read_bytes() == (swept.folder / "r.json").read_bytes()
