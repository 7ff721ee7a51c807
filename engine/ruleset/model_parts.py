"""What the models of rule files are made of: the base, markers for how a field may be written, parameters."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from engine.ruleset.scalars import Expr, Name, ParameterName, RulePattern, Symbol, Text, Written

Item = TypeVar("Item")


class OneOrMany:
    """Marks a tuple that may be written as one item alone."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler(source)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        many = handler(schema)
        many["minItems"] = 1
        return {"anyOf": [many["items"], many]}


class KeyPattern:
    """Marks a dict whose entries stand among the fields of its model, under keys that match ``pattern``.

    The first group of the pattern is the dict's key (``bars(1m)`` has ``1m``).
    """

    def __init__(self, pattern: str, shown: str) -> None:
        self.pattern, self.shown = pattern, shown


class KeyOf:
    """Marks the keys of a dict as texts of a class, so that they are checked like it and stay ``str`` for callers."""

    def __init__(self, cls: type[Written]) -> None:
        self.cls = cls

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler.generate_schema(self.cls)


NameKey = Annotated[str, KeyOf(Name)]
SymbolKey = Annotated[str, KeyOf(Symbol)]
RuleKey = Annotated[str, KeyOf(RulePattern)]
ParameterKey = Annotated[str, KeyOf(ParameterName)]
FactKey = Annotated[str, KeyOf(Text)]
Many = Annotated[tuple[Item, ...], OneOrMany()]
Count = Annotated[int, Field(ge=0)]
Rules = Many[RulePattern]
Conditions = Annotated[
    tuple[Expr, ...], OneOrMany(), Field(description="One condition, or a list of which all must hold.")
]
Let = Annotated[dict[NameKey, Expr], Field(description="Named expressions; each may use the ones above it.")]


def problem(field: str, message: str) -> PydanticCustomError:
    """An error about one field of a model, for its ``model_validator``."""
    return PydanticCustomError("rule", "{message}", {"message": message, "field": field})


class RuleModel(BaseModel):
    """Base of everything in a rule file: frozen, and no field but the ones below."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True, defer_build=True
    )
    exactly_one: ClassVar[tuple[str, ...]] = ()
    at_least_one: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _choices(self) -> RuleModel:
        for names, exact in ((self.exactly_one, True), (self.at_least_one, False)):
            if not names:
                continue
            given = [name for name in names if getattr(self, name) is not None]
            listed = ", ".join(names)
            if not given:
                raise problem("", f"one of these is needed: {listed}")
            if exact and len(given) > 1:
                raise problem(given[1], f"`{given[0]}` and `{given[1]}` cannot both be given: exactly one of {listed}")
        return self


class Param(RuleModel):
    """A number, money, duration … that can be tuned: by hand, per symbol, per session, or by a sweep."""

    default: Expr = Field(description="Its value, with its unit: 20, 1.5%, $50, 15m.")
    min: Expr | None = Field(None, description="The least it may be.")
    max: Expr | None = Field(None, description="The most it may be.")
    step: Expr | None = Field(None, description="The grid of a sweep from min to max.")
    search: tuple[Expr, ...] | None = Field(None, description="The values that a sweep tries.")
    about: Text | None = None


Params = Annotated[dict[NameKey, Param], Field(description="Parameters of this rule, by name.")]
