"""Addresses of stores: what they name, what is refused, and that no password is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from state import StoreError, place_of, sibling
from state.place import PostgresPlace, halt_file_of


def test_an_address_names_a_file_or_a_schema() -> None:
    assert place_of("sqlite:///state/s.db") == Path("state/s.db")
    assert place_of("sqlite:////srv/s.db") == Path("/srv/s.db")
    place = place_of("postgresql://me@db:5433/trading?schema=mine&sslmode=require", "secret", Path("state"))
    assert place == PostgresPlace(
        "postgresql://me@db:5433/trading", "mine", (("sslmode", "require"),), "secret", Path("state/HALT")
    )
    assert str(place) == "postgresql://me@db:5433/trading?schema=mine"
    assert "secret" not in repr(place)
    assert str(place_of("postgres://db/trading")) == "postgresql://db/trading?schema=autotrader"


def test_each_mode_has_a_store_of_its_own_and_all_have_one_file_that_halts() -> None:
    file, schema = place_of("sqlite:///state/s.db"), place_of("postgresql://db/t", None, Path("state"))
    assert sibling(file, "live") == Path("state/s-live.db")
    assert str(sibling(schema, "live")) == "postgresql://db/t?schema=autotrader_live"
    assert {halt_file_of(one) for one in (file, schema, sibling(file, "demo"), sibling(schema, "demo"))} == {
        Path("state/HALT")
    }


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("mysql://db/t", "mysql is no kind of store"),
        ("state/s.db", "this is no kind of store; write sqlite:///FILE"),
        ("sqlite://s.db", "names no file"),
        ("postgresql://db", "must name its database"),
        ("postgresql://me:hunter2@db/t", "must not hold a password"),
        ("postgresql://db/t?password=hunter2", "must not hold a password"),
        ("postgresql://db/t?schema=Robert'); DROP", "is no name for a schema"),
        ("postgresql://db/t?schema=pg_mine", "is no name for a schema"),
    ],
)
def test_a_wrong_address_is_refused_and_no_password_repeated(address: str, said: str) -> None:
    with pytest.raises(StoreError, match=said) as raised:
        place_of(address)
    assert "hunter2" not in str(raised.value)
