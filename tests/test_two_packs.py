"""docs/two-packs.sh as a newcomer runs it: both packs on one account, killed in the middle, settled and explained."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.nursery import python

pytest.importorskip("uvicorn")

PROJECT = Path(__file__).parents[1]
DATA = PROJECT.parent / "shared" / "data"


@pytest.mark.skipif(not (DATA / "arena").is_dir(), reason="recorded tables and matches are not beside the project")
def test_the_quick_form_runs_to_its_end(tmp_path: Path) -> None:
    run = subprocess.run(
        ["bash", str(PROJECT / "docs" / "two-packs.sh"), "--quick"], cwd=tmp_path, capture_output=True, text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHON": python()}, timeout=180, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    assert "our books agree with the account: True" in run.stdout
    assert "tennis_value.back_player" in run.stdout
    assert "== Done" in run.stdout


def test_without_recorded_data_it_says_so(tmp_path: Path) -> None:
    run = subprocess.run(
        ["bash", str(PROJECT / "docs" / "two-packs.sh")], cwd=tmp_path, capture_output=True, text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHON": python(), "DATA": str(tmp_path)}, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 0
    assert "left out: there is no recorded data" in run.stderr
