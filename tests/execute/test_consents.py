"""No consent missing, no consent guessed: real orders need all of them, in every combination."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.execute.consents import ACCEPT_FLAG, Destination, Known, needs_confirmation, permission, phrase

ENVIRONMENTS = ("demo", "production", "prod", "Production", "", None)
MODES = ("paper", "live", "LIVE", "", None)
GATES: tuple[dict[str, bool | None], ...] = (
    {}, {"alpha": True}, {"alpha": False}, {"alpha": None}, {"alpha": True, "beta": True},
    {"alpha": True, "beta": False}, {"alpha": None, "beta": True},
)  # fmt: skip
TYPED = (None, "", "y", "yes", "exact", "wrong case", "padded")


def typed_as(how: str | None, gates: dict[str, bool | None]) -> str | None:
    exact = phrase(gates)
    return {"exact": exact, "wrong case": exact.upper(), "padded": f" {exact}"}.get(how or "", how)


ALL = [
    Known(live, environment, mode, gates, typed_as(how, gates), flag, practice)
    for live, environment, mode, gates, how, flag, practice in product(
        (False, True), ENVIRONMENTS, MODES, GATES, TYPED, (False, True), (False, True)
    )
]
SANDBOX = [
    replace(known, table="tradier", mock="sandbox", environment="sandbox" if known.environment == "demo" else "demo")
    for known in ALL if known.environment in ("demo", "")
]  # fmt: skip


def test_real_orders_need_every_consent_in_every_combination() -> None:
    reached = set()
    for known in ALL + SANDBOX:
        got = permission(known)
        typed = bool(known.gates) and known.typed == "send real orders for " + " and ".join(known.gates)
        everything = (
            known.live and known.environment == "production" and known.execution_mode == "live"
            and len(known.gates) > 0 and all(passed is True for passed in known.gates.values())
            and (typed or known.accepted)
        )  # fmt: skip
        real = got.destination is Destination.PRODUCTION
        assert real == (everything and not known.practice), known
        reached.add(got.destination)
    assert reached == set(Destination)


def test_another_venues_mock_money_is_not_this_ones() -> None:
    sandbox = Known(True, "sandbox", "live", {}, table="tradier", mock="sandbox")
    assert permission(sandbox).destination is Destination.SANDBOX
    mixed = permission(replace(sandbox, environment="demo"))
    assert mixed.refused
    assert "demo is neither sandbox nor production (tradier.environment)" in mixed.text
    assert "AUTOTRADER__TRADIER__EXECUTION_MODE" in permission(replace(sandbox, execution_mode="paper")).text


def test_demo_goes_to_demo_only_and_paper_goes_nowhere() -> None:
    for known in ALL:
        got = permission(known)
        if known.environment == "demo":
            assert got.destination in (Destination.NOWHERE, Destination.DEMO, Destination.PRACTICE)
        if known.execution_mode != "live" or not known.live:
            assert got.destination is Destination.NOWHERE
        if known.practice:
            assert got.destination in (Destination.NOWHERE, Destination.PRACTICE)
    assert permission(Known(True, "demo", "live", {})).destination is Destination.DEMO
    assert permission(Known(True, "production", "paper", {"alpha": True}, accepted=True)).refused


def test_refused_exactly_when_live_was_asked_for_and_something_is_missing() -> None:
    for known in ALL:
        got = permission(known)
        assert got.refused == bool(got.missing)
        assert got.refused == (known.live and got.destination is Destination.NOWHERE)


def test_the_text_names_each_missing_consent_and_no_given_one() -> None:
    for known in ALL:
        got = permission(known)
        if not got.refused:
            continue
        text = got.text
        for word, missing in {
            "environment:": known.environment not in ("demo", "production"),
            "execution mode:": known.execution_mode != "live",
            "confirmation:": known.environment != "demo"
            and not known.accepted and not (known.gates and known.typed == phrase(known.gates)),
            "go-live gate:": known.environment != "demo"
            and (not known.gates or not all(p is True for p in known.gates.values())),
        }.items():  # fmt: skip
            assert (f"{word} " in text) == missing, (known, text)
        for pack, passed in known.gates.items():
            if known.environment != "demo":
                assert (f"that of {pack} " in text) == (passed is not True)


@given(st.text())
def test_only_the_exact_phrase_confirms(text: str) -> None:
    known = Known(True, "production", "live", {"alpha": True}, typed=text)
    assert permission(known).refused == (text != "send real orders for alpha")


def test_the_phrase_of_one_pack_does_not_serve_for_another() -> None:
    typed = phrase({"alpha": True})
    assert permission(Known(True, "production", "live", {"beta": True}, typed=typed)).refused
    assert permission(Known(True, "production", "live", {"alpha": True, "beta": True}, typed=typed)).refused


def test_the_phrase_is_asked_for_only_when_it_is_all_that_is_missing() -> None:
    assert needs_confirmation(Known(True, "production", "live", {"alpha": True}))
    assert not needs_confirmation(Known(True, "production", "live", {"alpha": False}))
    assert not needs_confirmation(Known(True, "production", "live", {"alpha": True}, accepted=True))
    assert not needs_confirmation(Known(True, "demo", "live", {"alpha": True}))
    assert not needs_confirmation(Known(False, "production", "live", {"alpha": True}))


@pytest.mark.parametrize("passed", [False, None])
def test_the_flag_is_no_gate(passed: bool | None) -> None:
    got = permission(Known(True, "production", "live", {"alpha": passed}, accepted=True))
    assert got.refused and got.missing == (got.missing[0],) and "alpha" in got.text and ACCEPT_FLAG in got.text
