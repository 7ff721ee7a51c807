"""AT502 repeated-expression: one computation written out three times in a rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field

from engine.language import nodes
from engine.language.diagnostics import Finding, Severity, TextSource
from engine.language.parser import ExpressionSyntaxError, parse
from engine.lint.check import Check, LintContext, Page
from engine.ruleset.load import Document

SIZE = 3  # nodes: shorter than that a name says no more than the expression
PLACES = 3


def run(context: LintContext) -> Iterable[Finding]:
    for files in context.packs:
        for file in files.files:
            for document in file.documents:
                if document.kind in ("strategy", "exit", "guard", "gate", "definitions"):
                    yield from _document(document)


@dataclass(slots=True)
class _Repeats:
    """Equal subtrees of one document, by number."""

    numbers: dict[Hashable, int] = field(default_factory=dict)
    size: list[int] = field(default_factory=list)
    places: list[list[tuple[TextSource, nodes.Node]]] = field(default_factory=list)
    within: list[set[int]] = field(default_factory=list)  # the larger expressions that it is a part of

    def add(self, source: TextSource, node: nodes.Node) -> int:
        children = [self.add(source, child) for child in node.children]
        key = (type(node), _rest(node), *children)
        number = self.numbers.setdefault(key, len(self.size))
        if number == len(self.size):
            self.size.append(1 + sum(self.size[child] for child in children))
            self.places.append([])
            self.within.append(set())
        self.places[number].append((source, node))
        for child in children:
            self.within[child].add(number)
        return number


def _trees(document: Document) -> Iterator[tuple[TextSource, nodes.Node]]:
    for _, expression in document.expressions():
        try:
            tree = parse(expression.text)
        except ExpressionSyntaxError:
            continue
        if expression.source is not None:
            yield expression.source, tree


def _worth_a_look(trees: list[nodes.Node]) -> bool:
    """Whether the tops of enough expressions are equal; in most documents they are not, and this is quick."""
    seen: Counter[Hashable] = Counter()
    while trees:
        node = trees.pop()
        children = node.children
        if children:
            trees.extend(children)
            if len(children) > 1 or children[0].children:  # SIZE nodes or more
                seen[(_head(node), *map(_head, children))] += 1
    return any(count >= PLACES for count in seen.values())


def _head(node: nodes.Node) -> Hashable:
    if isinstance(node, nodes.Name):
        return node.path
    if isinstance(node, nodes.Literal):
        return node.value
    if isinstance(node, nodes.Call):
        return node.function
    return type(node).__name__


def _rest(node: nodes.Node) -> Hashable:
    """What tells two nodes of a class apart besides their children."""
    match node:
        case nodes.Literal(value=value, kinds=kinds):
            return type(value), value, kinds
        case nodes.Name(path=path):
            return path
        case nodes.Call(function=function, named=named):
            return function, tuple(name for name, _ in named)
        case nodes.Arithmetic(operator=operator) | nodes.Logic(operator=operator):
            return operator
        case nodes.Compare(operators=operators):
            return operators
        case nodes.Crosses(direction=direction):
            return direction
        case _:
            return None


def _document(document: Document) -> Iterator[Finding]:
    trees = list(_trees(document))
    if not _worth_a_look([tree for _, tree in trees]):
        return
    repeats = _Repeats()
    for source, tree in trees:
        repeats.add(source, tree)
    for number, places in enumerate(repeats.places):
        if len(places) < PLACES or repeats.size[number] < SIZE:
            continue
        if any(len(repeats.places[outer]) == len(places) for outer in repeats.within[number]):
            continue  # the larger one is reported
        source, node = places[0]
        text = source.text[node.start : node.end]
        first, *others = [s.span(n.start, n.end, "" if i else "first here") for i, (s, n) in enumerate(places)]
        yield Finding(
            "AT502", "repeated-expression", f"`{text}` is written {len(places)} times in this rule",
            (first, *others), help=f"name it once under `let:`, as in `name: {text}`",
        )  # fmt: skip


CHECK = Check(
    "AT502",
    "repeated-expression",
    "the same expression at three places or more in a rule",
    Page(
        avoid="""\
kind: strategy
name: momentum
universe: [SPY]
when: close > ema(close, 20)
then:
  buy:
    size: 10
    limit: ema(close, 20)
    bracket:
      stop: ema(close, 20) * 0.99
""",
        prefer="""\
kind: strategy
name: momentum
universe: [SPY]
let:
  average: ema(close, 20)
when: close > average
then:
  buy: {size: 10, limit: average, bracket: {stop: average * 0.99}}
""",
        why="""\
Changing it means changing it everywhere, and one place is always forgotten. A name also says what it is. It costs
nothing either way: equal expressions are computed once.
""",
        exceptions="""\
Names and single values may repeat; only expressions of three parts or more count.
""",
    ),
    run,
    Severity.WARNING,
)
