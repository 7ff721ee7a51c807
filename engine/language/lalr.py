"""Runs the tables that Lark builds of the grammar: the same language, five times as fast, and without importing Lark.

Lark reads ``grammar.lark`` once and computes the LALR(1) tables; they are kept as JSON. What is saved per expression:
the eleven ``sum -> comparison -> condition -> ...`` reductions above every operand are looked up in one step, and
only the tokens that a node needs are made.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from lark import Lark
    from lark.grammar import Rule, Symbol

FORMAT = 1
END = "$END"
_ACCEPT, _REFUSE = -1_000_000, -1_000_001  # actions that are no rule
_SPACE = " \t\r\n"
Scan = Callable[[str, int], "re.Match[str] | None"]
Keep = list[tuple[int, bool]]  # which children of a rule are kept, and whether a child is a list to be spliced in
Raw = dict[str, Any]


class Token(str):
    """The text of a terminal and its offsets in the expression."""

    __slots__ = ("end_pos", "start_pos")
    start_pos: int
    end_pos: int


class _Rule(NamedTuple):
    size: int
    origin: str
    keep: Keep | None  # None: all children, as they are
    make: Callable[..., Any] | None  # None: the children themselves, as a list
    unit: bool  # the value of the one child is the value of the rule


class Tables:
    """An LALR(1) automaton. ``actions`` are by state and terminal: a state to shift to, or the complement of a rule."""

    def __init__(self, raw: Raw, builder: object) -> None:
        self._actions: list[dict[str, int]] = raw["actions"]
        self._gotos: list[dict[str, int]] = raw["gotos"]
        self._patterns: list[str] = raw["patterns"]
        self._pattern_of: list[int] = raw["pattern_of"]
        self._compiled: dict[int, Scan] = {}
        self._scans: list[Scan | None] = [None] * len(self._actions)
        self._kept = frozenset(raw["kept"])
        self._start, self._end = raw["start"], raw["end"]
        self._steps: dict[tuple[int, int, str], tuple[int, int]] = {}
        self._rules = [
            _Rule(size, origin, keep, getattr(builder, make) if make else None, unit)
            for size, origin, keep, make, unit in raw["rules"]
        ]

    def parse(self, text: str) -> Any:
        """What the builder made of ``text``; None when it is no sentence of the grammar."""
        gotos, rules, steps, scans = self._gotos, self._rules, self._steps, self._scans
        states, values = [-1, self._start], list[Any]()
        top, position = self._start, 0
        while True:
            match = (scans[top] or self._scan(top))(text, position)
            kind = END if match is None else match.lastgroup or END
            if match is None and text[position:].strip(_SPACE):
                return None
            while True:
                below = states[-2]
                step = steps.get((below, top, kind)) or self._step(below, top, kind)
                top, target = step
                states[-1] = top
                if target >= 0:
                    break
                if target == _ACCEPT:
                    return values[-1]
                if target == _REFUSE:
                    return None
                size, origin, keep, make, _ = rules[~target]
                children = values[-size:]
                del values[-size:], states[-size:]
                if keep is not None:
                    children = _kept(children, keep)
                values.append(children if make is None else make(*children))
                top = gotos[states[-1]][origin]
                states.append(top)
            assert match is not None  # END is never shifted
            start, position = match.span(kind)
            token = None
            if kind in self._kept:
                token = Token(text[start:position])
                token.start_pos, token.end_pos = start, position
            values.append(token)
            states.append(target)
            top = target

    def _scan(self, state: int) -> Scan:
        """The scanner of a state, compiled when it is first needed."""
        number = self._pattern_of[state]
        found = self._compiled.get(number)
        if found is None:
            found = self._compiled[number] = re.compile(self._patterns[number]).match
        self._scans[state] = found
        return found

    def _step(self, below: int, top: int, kind: str) -> tuple[int, int]:
        """The state after all unit reductions that ``kind`` asks for, and what is to be done then.

        ``below`` lies under the top of the stack: a unit reduction replaces the top and leaves it there.
        """
        key, target = (below, top, kind), _REFUSE
        while not (top == self._end and kind == END):
            target = self._actions[top].get(kind, _REFUSE)
            if target >= 0 or target == _REFUSE or not self._rules[~target].unit:
                break
            top = self._gotos[below][self._rules[~target].origin]
        else:
            target = _ACCEPT
        self._steps[key] = top, target
        return top, target


def _kept(children: list[Any], keep: Keep) -> list[Any]:
    found = []
    for index, splice in keep:
        if splice:
            found += children[index]
        else:
            found.append(children[index])
    return found


# -- building and keeping --------------------------------------------------------------------------------------------


def load(grammar: str, build: Callable[[], Lark], folder: Path | None, builder: object) -> Tables:
    """The tables of ``grammar``, from ``folder`` when they are there, else made by the Lark that ``build`` gives."""
    key = sha256(f"{FORMAT}\0{grammar}".encode()).hexdigest()
    file = folder / f"grammar-{key[:16]}.json" if folder is not None else None
    raw = _read(file, key) if file is not None else None
    if raw is None:
        raw = {**_tables(build()), "key": key}
        if file is not None:
            _write(file, raw)
    return Tables(raw, builder)


def _read(file: Path, key: str) -> Raw | None:
    try:
        raw = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    return raw if isinstance(raw, dict) and raw.get("key") == key else None


def _write(file: Path, raw: Raw) -> None:
    """Keep the tables; a folder that cannot be written to only costs the next start some time."""
    try:
        handle, temporary = tempfile.mkstemp(dir=file.parent, suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(raw, stream)
        Path(temporary).replace(file)
    except OSError:
        pass


def _tables(lark: Lark) -> Raw:
    parser: Any = lark.parser
    table, lexer = parser.parser._parse_table, parser.lexer
    numbers = {state: number for number, state in enumerate(table.states)}
    rules: dict[Rule, int] = {}
    actions: list[dict[str, int]] = []
    gotos: list[dict[str, int]] = []
    patterns: dict[str, int] = {}
    pattern_of: list[int] = []
    for state, row in table.states.items():
        actions.append({})
        gotos.append({})
        for symbol, (action, argument) in row.items():
            if str(action) == "Reduce":
                actions[-1][symbol] = ~rules.setdefault(argument, len(rules))
            else:
                (actions if symbol in _terminals(lark) else gotos)[-1][symbol] = numbers[argument]
        pattern_of.append(patterns.setdefault(_pattern(lexer.lexers[state]), len(patterns)))
    symbols = [symbol for rule in rules for symbol in rule.expansion]
    return {
        "actions": actions,
        "gotos": gotos,
        "patterns": list(patterns),
        "pattern_of": pattern_of,
        "kept": sorted({symbol.name for symbol in symbols if symbol.is_term and not _dropped(symbol)}),
        "rules": [_rule(rule) for rule in rules],
        "start": numbers[table.start_states["start"]],
        "end": numbers[table.end_states["start"]],
    }


def _terminals(lark: Lark) -> frozenset[str]:
    return frozenset({terminal.name for terminal in lark.terminals} | {END})


def _pattern(lexer: Any) -> str:
    """One pattern for all terminals that a state accepts, behind the space that all of them ignore."""
    scanner = lexer.scanner
    if lexer.callback or len(scanner._mres) != 1 or scanner.g_regex_flags:
        raise ValueError("the grammar has terminals that depend on one another; give the stronger one a priority")
    shown = [f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in scanner.terminals if t.name not in lexer.ignore_types]
    return f"[{_SPACE}]*(?:{'|'.join(shown) or '(?!)'})"


def _rule(rule: Rule) -> tuple[int, str, Keep | None, str, bool]:
    keep = [(index, _spliced(symbol)) for index, symbol in enumerate(rule.expansion) if not _dropped(symbol)]
    plain = len(keep) == len(rule.expansion) and not any(splice for _, splice in keep)
    inlined = rule.origin.name.startswith("_")
    single = rule.options.expand1 and not rule.alias
    if single and (len(rule.expansion) != 1 or rule.expansion[0].is_term):
        raise ValueError(f"an alternative of {rule.origin.name} needs a name (->)")
    make = "" if inlined or single else str(rule.alias or rule.origin.name)
    return len(rule.expansion), rule.origin.name, None if plain else keep, make, bool(single)


def _dropped(symbol: Symbol) -> bool:
    return bool(symbol.is_term and getattr(symbol, "filter_out", False))


def _spliced(symbol: Symbol) -> bool:
    return not symbol.is_term and symbol.name.startswith("_")
