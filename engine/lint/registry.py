"""All checks, found by their files. A check is known by its code and by its name; both are accepted everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from engine.language.diagnostics import did_you_mean
from engine.lint import checks as folder
from engine.lint.check import Check


class UnknownCheckError(ValueError):
    """A code or name that no check has."""


@cache
def checks() -> tuple[Check, ...]:
    """Every check, ordered by code and name. Their modules are imported at the first call."""
    names = sorted(module.name for module in iter_modules(folder.__path__) if module.name.startswith("at"))
    found: list[Check] = [import_module(f"{folder.__name__}.{name}").CHECK for name in names]
    return tuple(sorted(found, key=lambda check: (check.code, check.name)))


@cache
def codes() -> Mapping[str, str]:
    """Code by whatever an author may write: the code itself, or a check's name."""
    return {word: check.code for check in checks() for word in (check.code, check.name)}


def code_of(word: str) -> str:
    """The code that ``word`` (a code or a name) stands for; raises UnknownCheckError with the nearest one."""
    code = codes().get(word) or codes().get(word.upper())
    if code is None:
        near = did_you_mean(word, codes())
        hint = f"did you mean {near}?" if near else "docs/lint/README.md lists them"
        raise UnknownCheckError(f"there is no check `{word}`; {hint}")
    return code


def selected(words: Iterable[str] | None) -> tuple[Check, ...]:
    """The checks that ``words`` name, or all; raises UnknownCheckError."""
    if words is None:
        return checks()
    wanted = {code_of(word) for word in words}
    return tuple(check for check in checks() if check.code in wanted)
