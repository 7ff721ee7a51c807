"""Every sentence about a wrong setting, in the words of the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from engine.language.diagnostics import did_you_mean
from engine.settings.fields import field_at, is_secret

Path = tuple[str, ...]
NOT_SHOWN = "what is there (it is not shown)"
_WANTED = {
    "string_type": "must be text, in quotes",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": 'must be a list, such as ["SPY", "QQQ"]',
    "dict_type": 'must be a table, such as {SPX = "SPY"}',
}
_BOUNDS = {
    "greater_than": ("gt", "must be more than"),
    "greater_than_equal": ("ge", "must be at least"),
    "less_than": ("lt", "must be less than"),
    "less_than_equal": ("le", "must be at most"),
}


def explain(problem: ErrorDetails, root: type[BaseModel]) -> str:
    """One sentence for one validation error of the model ``root``."""
    path = tuple(str(step) for step in problem["loc"])
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        return unknown_key(path, root)
    field = field_at(path[:2])
    got = NOT_SHOWN if field is not None and is_secret(field) else _shown(problem["input"])
    return f"{_key(problem['loc'])} {_sentence(kind, context, problem, got)}"


def secret_here(dotted: str, variable: str) -> str:
    """A secret where others will see it."""
    return f"{dotted} is a secret and is not said here; set {variable} in the environment or in .env"


def consent_in_overlay(dotted: str) -> str:
    """The two settings that decide about real orders must not hang on one word."""
    if dotted == "kalshi.environment":
        return f"{dotted} chooses this file and is not said in it; say it in autotrader.toml, .env or a variable"
    return f"{dotted} is a consent of its own and does not follow from the environment; say it in .env or a variable"


def unknown_key(path: Path, root: type[BaseModel], shown: Callable[[Path], str] = ".".join) -> str:
    """``unknown key paper.csh; did you mean paper.cash?``, or what there is when nothing is close."""
    sections: list[Path] = [(section,) for section in root.model_fields]
    keys: list[Path] = [(section, key) for (section,) in sections for key in _keys(root, section)]
    close = did_you_mean(".".join(path), [".".join(one) for one in (keys if len(path) > 1 else sections)])
    if close is None and len(path) > 1:  # the right key in the wrong section
        close = next((".".join(one) for one in keys if one[-1] == path[-1]), None)
    if path in sections:
        return f"{shown(path)} names a section; add a key: {', '.join(shown(one) for one in keys if one[0] == path[0])}"
    named = f"unknown key {shown(path)}" if len(path) > 1 else f"unknown section {shown(path)}"
    if close is not None:
        return f"{named}; did you mean {shown(tuple(close.split('.')))}?"
    siblings = [one for one in keys if one[0] == path[0]] if len(path) > 1 else []
    return f"{named}; there are {', '.join(shown(one) for one in siblings or sections)}"


def _keys(root: type[BaseModel], section: str) -> list[str]:
    model = root.model_fields[section].annotation
    assert isinstance(model, type) and issubclass(model, BaseModel)
    return [field.alias or name for name, field in model.model_fields.items()]


def _key(loc: tuple[int | str, ...]) -> str:
    """``market.symbols[1]``"""
    head = ".".join(str(step) for step in loc[:2])
    return head + "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in loc[2:])


def _sentence(kind: str, context: Mapping[str, Any], problem: ErrorDetails, got: str) -> str:
    if kind == "literal_error":
        wanted = str(context["expected"]).replace("'", '"')
        close = did_you_mean(str(problem["input"]), re.findall(r'"(\w+)"', wanted))
        return f"must be {wanted}, not {got}" + (f"; did you mean {_shown(close)}?" if close else "")
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"{words} {context[name]}, not {got}"
    if kind in _WANTED:
        return f"{_WANTED[kind]}, not {got}"
    if kind == "value_error":
        own = str(context["error"])
        return f"{own}, not {got}" if own.startswith("must") else f"{got} {own}" if own.startswith("is") else own
    if kind == "string_pattern_mismatch":
        return f"must be a word without spaces, not {got}"
    if kind == "too_short":
        return "must not be empty"
    return f"cannot be {got}: {problem['msg']}"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
