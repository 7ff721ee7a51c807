"""The structure of ``kind: test``: a small world, and what each rule must do in it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from engine.ruleset.model_parts import FactKey, KeyPattern, ParameterKey, RuleModel, Rules, problem
from engine.ruleset.scalars import Comparison, Expr, FactValue, RulePattern, Series, Symbol, Text
from engine.ruleset.times import Moment, Timestamp


class Bars(RuleModel):
    """Bars of a test. What is left out of open, high and low is the close; without ``volume`` it is unknown.

    ``_`` in ``close`` is a minute without a bar; in another column a value that is unknown.
    """

    exactly_one = ("close", "file")
    close: Series | None = Field(None, description="Closes, one for each bar.")
    open: Series | None = Field(None, description="Opens; by default the closes.")
    high: Series | None = Field(None, description="Highs; by default the closes.")
    low: Series | None = Field(None, description="Lows; by default the closes.")
    volume: Series | None = Field(None, description="Volumes; by default unknown.")
    file: Text | None = Field(
        None, description="A CSV file beside the rule file: time, open, high, low, close, volume."
    )


class Quotes(RuleModel):
    """Quotes of a test, one for each bar."""

    bid: Series = Field(description="Bids, one for each bar.")
    ask: Series = Field(description="Asks, one for each bar.")


class TestAccount(RuleModel):
    cash: Expr | None = Field(None, description="Money not in positions.")
    equity: Expr | None = Field(None, description="Cash and the value of all positions.")


class TestPosition(RuleModel):
    """A position that is open when the test starts."""

    strategy: RulePattern
    symbol: Symbol | None = None
    quantity: Expr = Field(description="Negative when short.")
    entry: Expr = Field(description="Price paid per unit.")
    opened: Moment | None = Field(None, description="How long before the start, or at what time of day.")
    stop: Expr | None = Field(None, description="Price of its protective stop.")
    target: Expr | None = Field(None, description="Price of its profit target.")


class Given(RuleModel):
    """The world of a test. ``bars(1m)`` are bars of ``symbol``; ``bars(1m, QQQ)`` of another one."""

    symbol: Symbol | None = None
    start: Timestamp | None = Field(
        None, description="Wall clock in the pack's zone; by default a plain session's open."
    )
    bars: Annotated[
        dict[str, Bars], KeyPattern(r"bars\((\d+(?:ms|s|m|h|d)(?:, *[A-Za-z0-9^][A-Za-z0-9^._:/-]*)?)\)", "bars(1m)")
    ] = Field(default_factory=dict)
    quotes: Quotes | None = None
    quotes_of: Annotated[
        dict[str, Quotes], KeyPattern(r"quotes\(([A-Za-z0-9^][A-Za-z0-9^._:/-]*)\)", "quotes(SPY)")
    ] = Field(default_factory=dict)
    facts: dict[FactKey, FactValue] = Field(
        default_factory=dict, description="Facts by name: a series, one value, or _."
    )
    ages: dict[FactKey, Expr] = Field(
        default_factory=dict, description="How old a signal's fact is whenever it is told: {alpha.fair: 2h}."
    )
    account: TestAccount | None = None
    position: TestPosition | None = None
    params: dict[ParameterKey, Expr] = Field(default_factory=dict, description="Other values for parameters.")


class ExpectedOrder(RuleModel):
    """What must be true of an order; what is left out is not looked at."""

    symbol: Symbol | None = None
    quantity: Comparison | None = None
    limit: Comparison | None = None
    stop: Comparison | None = None
    target: Comparison | None = None


class Expectation(RuleModel):
    """What one rule must do at one moment."""

    at: Moment
    rule: RulePattern
    verdict: Literal["fired", "silent", "unknown", "blocked", "cooling"] = Field(
        alias="is", description="What the rule did at that moment."
    )
    symbol: Symbol | None = None
    because: Text | None = Field(None, description="The condition that decided, or the guard that blocked.")
    buy: ExpectedOrder | None = None
    sell: ExpectedOrder | None = None
    close: ExpectedOrder | None = None

    @model_validator(mode="after")
    def _orders_only_when_fired(self) -> Expectation:
        for name in ("buy", "sell", "close"):
            if getattr(self, name) is not None and self.verdict != "fired":
                raise problem(name, f"a rule that is {self.verdict} wants no order, so `{name}` cannot hold")
        return self


class Test(RuleModel):
    """A unit test of rules, run by ``engine test``."""

    __test__ = False  # for pytest: a model, no test class
    kind: Literal["test"]
    name: Text
    about: Text | None = None
    rules: Rules = Field(description="The rules under test, by name or glob.")
    given: Given
    expect: tuple[Expectation, ...] = Field(min_length=1, description="What must happen, moment by moment.")
