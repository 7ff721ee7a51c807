"""``engine functions``: what the rule language can compute."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.console import print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import JsonOption
from engine.language.calls import FORMS
from engine.language.catalogue import Function
from engine.language.diagnostics import did_you_mean
from engine.language.functions import CATALOGUE


def command(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One function, in full.")] = None,
    json: JsonOption = False,
) -> int:
    """List the functions of the rule language, or show one with formula, source and example."""
    if name is None:
        _list(json)
        return ExitCode.GOOD
    if name in FORMS:
        form = FORMS[name]
        print_json({"name": name, "signature": form.signature, "about": form.about}) if json else print(
            f"{form.signature}\n  {form.about}"
        )
        return ExitCode.GOOD
    function = CATALOGUE.get(name)
    if function is None:
        close = did_you_mean(name, [*CATALOGUE, *FORMS])
        hint = f"did you mean {close}?" if close else "see `engine functions`"
        raise UserError(f"there is no function `{name}`; {hint}")
    print_json(_as_json(function)) if json else print(_in_full(function))
    return ExitCode.GOOD


def _list(json: bool) -> None:
    if json:
        forms = [{"name": n, "signature": f.signature, "about": f.about} for n, f in FORMS.items()]
        print_json({"functions": [_as_json(f) for f in CATALOGUE.values()], "forms": forms})
        return
    families = dict.fromkeys(f.family for f in CATALOGUE.values())
    for family in families:
        print(family)
        for function in CATALOGUE.values():
            if function.family == family:
                print(f"  {function.signature}")
    print("special forms")
    for form in FORMS.values():
        print(f"  {form.signature}")


def _in_full(function: Function) -> str:
    lines = [function.signature, f"  {function.about}"]
    lines += [f"  Formula: {function.formula}", f"  Source: {function.source}"]
    lines += [f"  {p.name}: {p.about}" for p in function.parameters]
    if function.implicit:
        lines.append(f"  Reads: {', '.join(function.implicit)}")
    lines += [f"  Example: {e.expression}" for e in function.examples]
    return "\n".join(lines)


def _as_json(function: Function) -> dict[str, object]:
    return {
        "name": function.name, "family": function.family, "signature": function.signature, "about": function.about,
        "formula": function.formula, "source": function.source, "reads": list(function.implicit),
        "examples": [e.expression for e in function.examples],
    }  # fmt: skip
