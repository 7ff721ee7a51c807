"""What all tests share: the real data beside the project, the command as a user runs it, and steady random tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from tests.nursery import shared_nursery

PROJECT = Path(__file__).parents[1]
TIMEOUT_SECONDS = 120

# The same examples every time: a test that fails once fails for everyone.
settings.register_profile("ci", deadline=None, derandomize=True, max_examples=35, database=None)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


EngineCli = Callable[..., Answer]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real market data; a test that needs it is skipped where it is absent."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real market data is not here: it is expected at ../shared/data beside the project")
    return folder


@pytest.fixture
def engine_cli(tmp_path: Path) -> EngineCli:
    """Runs ``engine`` as a user does, in a process of its own: ``engine_cli("lint", "rules", cwd=..., env={...})``.

    The working directory is the test's own folder unless ``cwd`` is given. Never shows a traceback, whatever happens.
    ``anew``: the interpreter begins anew, too, as what is asked depends on how it begins.
    """

    def run(
        *arguments: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        anew: bool = False,
    ) -> Answer:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRADER_")}
        path = os.pathsep.join(filter(None, [str(PROJECT), inherited.get("PYTHONPATH", "")]))
        environment = {**inherited, "PYTHONPATH": path, "COLUMNS": "120", **(env or {})}
        words, folder = [str(word) for word in arguments], cwd or tmp_path
        if anew:
            answer = _anew(words, folder, environment, stdin)
        else:
            answer = Answer(*shared_nursery().run(words, folder, environment, stdin, TIMEOUT_SECONDS))
        assert "Traceback" not in answer.err, answer.err
        return answer

    def _anew(words: list[str], folder: Path, environment: Mapping[str, str], stdin: str) -> Answer:
        done = subprocess.run(
            [sys.executable, "-m", "engine", *words], cwd=folder, env=environment, input=stdin, capture_output=True,
            text=True, encoding="utf-8", timeout=TIMEOUT_SECONDS,
        )  # fmt: skip
        return Answer(done.returncode, done.stdout, done.stderr)

    return run
