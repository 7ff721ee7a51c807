"""AT103 shadowed-name: a let or parameter that hides something of the same name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from engine.language.calls import is_form
from engine.language.diagnostics import Finding, Span
from engine.language.functions import CATALOGUE
from engine.lint.check import Check, LintContext, Page
from engine.ruleset import models
from engine.ruleset.linker import SHARED
from engine.ruleset.load import Document
from engine.ruleset.rules import Ruleset

Shared = Mapping[str, tuple[str, Span]]


def run(context: LintContext) -> Iterable[Finding]:
    shared = {files.name: _definitions(d for file in files.files for d in file.documents) for files in context.packs}
    for files in context.packs:
        visible = {**shared.get(SHARED, {}), **shared[files.name]}
        for file in files.files:
            for document in file.documents:
                yield from _document(document, context.ruleset, visible)


def _document(document: Document, ruleset: Ruleset, shared: Shared) -> Iterator[Finding]:
    model = document.model
    if not isinstance(model, models.Strategy | models.Exit | models.Guard | models.Gate | models.Definitions):
        return
    own = [("params", str(name)) for name in model.params] + [("let", str(name)) for name in model.let]
    for field, name in own:
        hidden = _hidden(name, ruleset)
        spans = [document.key((field, name))]
        if not hidden and field == "let" and name in model.params:
            hidden = "a parameter of this rule"
            spans.append(document.key(("params", name), "the parameter"))
        if not hidden and name in shared and not isinstance(model, models.Definitions):
            hidden, span = shared[name]
            spans.append(span)
        if hidden:
            what = "parameter" if field == "params" else "let"
            message = f"the {what} `{name}` hides {hidden}"
            yield Finding("AT103", "shadowed-name", message, tuple(spans), help="give it a name of its own")


def _hidden(name: str, ruleset: Ruleset) -> str:
    if name in ruleset.facts:
        return f"the fact `{name}`"
    return f"the function `{name}`" if name in CATALOGUE or is_form(name) else ""


def _definitions(documents: Iterable[Document]) -> Shared:
    """What is hidden, and where it is defined, by name."""
    found: dict[str, tuple[str, Span]] = {}
    for document in documents:
        if isinstance(document.model, models.Definitions):
            for field, names in (("params", document.model.params), ("let", document.model.let)):
                for name in names:
                    span = document.key((field, str(name)), "defined here")
                    found[str(name)] = (f"the definition `{name}` of {document.name}", span)
    return found


CHECK = Check(
    "AT103",
    "shadowed-name",
    "a let or parameter has the name of a fact, a function, a parameter or a shared definition",
    Page(
        avoid="""\
kind: strategy
name: momentum
universe: [SPY]
let:
  close: ema(open, 20)
when: close > open
then:
  buy: {size: 10}
""",
        prefer="""\
kind: strategy
name: momentum
universe: [SPY]
let:
  smooth_open: ema(open, 20)
when: smooth_open > open
then:
  buy: {size: 10}
""",
        why="""\
The next reader takes the name for what it means everywhere else. A rule whose `close` is not the close, or whose `atr`
is not the function, is misread exactly when it matters.
""",
        exceptions="""\
None.
""",
    ),
    run,
)
