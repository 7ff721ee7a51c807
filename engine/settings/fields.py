"""The fields of the models by dotted key, and what a variable's text means for one."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from engine.settings.models import Settings


def field_at(path: tuple[str, ...]) -> FieldInfo | None:
    """The model's field at ``(section, key)``."""
    section = Settings.model_fields.get(path[0])
    if len(path) != 2 or section is None or not isinstance(section.annotation, type):
        return None
    assert issubclass(section.annotation, BaseModel)
    fields = section.annotation.model_fields.items()
    return next((field for name, field in fields if (field.alias or name) == path[1]), None)


def is_secret(field: FieldInfo) -> bool:
    """Whether its value is never shown, and never said in a file that is shared or on a command line."""
    return SecretStr in set(_plain(field.annotation))


def from_text(text: str, wanted: FieldInfo) -> object:
    """The value that a variable's text means for that field: text as it is, lists by comma, the rest as in TOML.

    What is none of these stays text, so that the model says what it wanted instead.
    """
    kinds = set(_plain(wanted.annotation))
    if kinds & {str, Path, SecretStr}:
        return text
    if list in kinds and not text.lstrip().startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    try:
        return tomllib.loads(f"value = {text}", parse_float=Decimal)["value"]
    except tomllib.TOMLDecodeError:
        return text


def _plain(annotation: Any) -> Iterator[type]:
    """The plain types of an annotation: ``str`` for a choice of words, ``list`` for a list of anything."""
    origin = get_origin(annotation)
    if origin is Literal:
        yield from {type(choice) for choice in get_args(annotation)}
    elif origin is Annotated:
        yield from _plain(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for part in get_args(annotation):
            yield from _plain(part)
    else:
        yield origin or annotation
