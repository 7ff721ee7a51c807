"""The documentation is true: generated pages are in step, every command of the README's tour runs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.cli.reference import facts_page, functions_page

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
TOUR = [line.partition("#")[0].strip() for line in README.splitlines() if line.startswith("engine ") and "#" in line]
DATA = [line for line in README.splitlines() if line.startswith("engine ") and "--data DIR" in line]
Cli = Callable[..., Any]


def test_the_references_are_in_step_with_the_catalogue_and_the_manifests() -> None:
    assert (PROJECT / "docs" / "functions.md").read_text(encoding="utf-8") == functions_page()
    assert (PROJECT / "docs" / "facts.md").read_text(encoding="utf-8") == facts_page()


def test_every_link_between_pages_leads_somewhere() -> None:
    for page in [PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page}: {target}"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A store of its own, and no waiting between simulated ticks."""
    path = tmp_path_factory.mktemp("tour") / "tour.db"
    return {"AUTOTRADER__STORE__PATH": str(path), "AUTOTRADER__RUN__INTERVAL_SECONDS": "0"}


def test_the_commands_of_the_tour_run_in_their_order(engine_cli: Cli, store: dict[str, str], tmp_path: Path) -> None:
    assert len(TOUR) >= 10
    for command in TOUR:
        words = shlex.split(command)[1:]
        if words[0] == "init":
            words[1] = str(tmp_path / words[1])
        if words[0] == "run" and "--once" not in words:
            words += ["--trace", "none"]
        answer = engine_cli(*words, cwd=PROJECT, env=store)
        assert answer.code == 0, (command, answer.out[-500:], answer.err)


def test_the_commands_on_own_data_run(
    engine_cli: Cli, store: dict[str, str], shared_data: Path, tmp_path: Path
) -> None:
    assert len(DATA) == 2
    for command in DATA:
        words = shlex.split(command.replace("DIR", str(shared_data / "equities")).replace("out/", f"{tmp_path}/"))[1:]
        if words[0] == "run":
            words += ["--symbols", "SPY", "--from", "2011-01-03", "--to", "2011-01-04", "--trace", "none"]
        answer = engine_cli(*words, cwd=PROJECT, env=store)
        assert answer.code == 0, (command, answer.err)


def test_make_has_the_two_targets_that_the_readme_names() -> None:
    text = (PROJECT / "Makefile").read_text(encoding="utf-8")
    for target, recipe in (("run", "engine run --paper"), ("test", "pytest")):
        assert f"make {target}" in README
        body = re.search(rf"^{target}:.*\n\t(.*)$", text, re.MULTILINE)
        assert body is not None and recipe in body[1]
