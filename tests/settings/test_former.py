"""Variables of the traders that came before: what is taken, what is not, and that no password is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.settings import SettingsError, read_settings
from engine.settings.fields import field_at
from engine.settings.former import UNREAD

NAME = "AUTOTRADER__DATABASE__URL"


@pytest.mark.parametrize(
    ("address", "file"),
    [
        ("sqlite:////data/autotrader_paper.db", "/data/autotrader_paper.db"),
        ("sqlite:///data/paper.db", "data/paper.db"),
        ("sqlite+pysqlite:////data/with%20space.db", "/data/with space.db"),
        ("data/paper.db", "data/paper.db"),
    ],
)
def test_a_file_is_the_path_of_the_store_whatever_weaker_layers_say(tmp_path: Path, address: str, file: str) -> None:
    main = tmp_path / "autotrader.toml"
    main.write_text('[store]\npath = "other.db"\nurl = "postgresql://me@db/trading"\n')
    loaded = read_settings(main, environment={NAME: address})
    assert (loaded.settings.store.path, loaded.settings.store.url) == (Path(file), None)
    assert loaded.origins["store.path"] == f"environment variable {NAME}"


def test_a_relative_file_in_dotenv_starts_at_its_folder(tmp_path: Path) -> None:
    (tmp_path / "autotrader.toml").write_text("")
    (tmp_path / ".env").write_text(f"{NAME}=sqlite:///data/paper.db\n")
    (tmp_path / ".env").chmod(0o644)  # no secret is in it
    assert read_settings(tmp_path, environment={}).settings.store.path == tmp_path / "data" / "paper.db"


def test_a_database_is_the_address_of_the_store_and_its_password_is_kept_apart(tmp_path: Path) -> None:
    address = "postgresql+psycopg2://me:se%2Fcret@db:5432/trading?sslmode=require"
    loaded = read_settings(environment={NAME: address})
    store = loaded.settings.store
    assert store.url == "postgresql://me@db:5432/trading?sslmode=require"
    assert store.password is not None and store.password.get_secret_value() == "se/cret"
    assert "se/cret" not in str(loaded)


@pytest.mark.parametrize(
    "address", [
        "sqlite://", "sqlite:///:memory:", "mysql://me:secret@db/x",
        "postgresql://me:secret@db:port", "postgresql://me:secret@[db/x", " ",
    ],
)  # fmt: skip
def test_what_names_no_store_is_said_without_its_password(address: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(environment={NAME: address})
    assert NAME in str(caught.value) and "secret" not in str(caught.value) and len(caught.value.mistakes) == 1


def test_two_variables_that_say_one_thing_are_a_mistake() -> None:
    with pytest.raises(SettingsError, match=f"AUTOTRADER__STORE__PATH and {NAME} both say store.path; keep one"):
        read_settings(environment={NAME: "a.db", "AUTOTRADER__STORE__PATH": "b.db"})


def test_a_password_in_an_open_dotenv_is_refused(tmp_path: Path) -> None:
    (tmp_path / "autotrader.toml").write_text("")
    (tmp_path / ".env").write_text(f"{NAME}=postgresql://me:secret@db/trading\n")
    (tmp_path / ".env").chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        read_settings(tmp_path, environment={})


def test_every_variable_that_is_not_read_names_a_setting_of_ours() -> None:
    for name, dotted in UNREAD.items():
        assert field_at(tuple(dotted.split("."))) is not None, name
        assert read_settings(environment={name: "anything"}).hints, name
        assert not read_settings(environment={name: ""}).hints, "not set"


def test_one_that_stands_in_dotenv_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "autotrader.toml").write_text("")
    (tmp_path / ".env").write_text("# mine\nTRADIER_ENV=sandbox\n")
    (hint,) = read_settings(tmp_path, environment={}).hints
    assert hint == f"TRADIER_ENV ({tmp_path}/.env:2): not read here; say AUTOTRADER__TRADIER__ENVIRONMENT"


@given(st.text())
def test_any_address_is_taken_or_is_one_line_of_mistake(address: str) -> None:
    try:
        store = read_settings(environment={NAME: address}).settings.store
    except SettingsError as error:
        assert all(NAME in line for line in error.mistakes)
    else:
        assert store.url is None or store.url.startswith("postgresql://")
