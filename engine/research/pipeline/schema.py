"""Writes ``schemas/pipeline.json`` from the models: ``python -m engine.research.pipeline.schema``."""

from __future__ import annotations

import json
from pathlib import Path

from engine.research.pipeline.records import schema

FILE = Path(__file__).parents[3] / "schemas" / "pipeline.json"


def rendered() -> str:
    """As it is checked in."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(rendered(), encoding="utf-8", newline="\n")
    print(FILE)
