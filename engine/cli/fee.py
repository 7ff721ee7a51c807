"""``engine fee``: what a trade costs at a venue, by its exact formula."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

import typer

from connectors.kalshi.fees import FeeTerms, Liquidity, Member, OrderFees, fee_terms
from connectors.kalshi.prices import PriceError, YesPrice, check_count, parse_decimal
from engine.cli import together
from engine.cli.console import print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import ConfigOption, JsonOption
from engine.settings import load_settings
from engine.settings.venues import KalshiSettings

CENTS = 100
MICRO = Decimal("0.000001")


def command(
    venue: Annotated[Literal["kalshi"], typer.Argument(metavar="VENUE", help="Only kalshi.")],
    price: Annotated[str, typer.Argument(metavar="PRICE", help="Cents from 1 (50), or dollars below 1 (0.50).")],
    count: Annotated[str, typer.Argument(metavar="COUNT", help="Contracts; 0.01 is the smallest number.")],
    maker: Annotated[bool, typer.Option("--maker", help="The order rested in the book; else it took.")] = False,
    series: Annotated[
        str | None, typer.Option("--series", metavar="S", help="Ask the venue what this series charges.")
    ] = None,
    exchange: Annotated[
        str | None,
        typer.Option("--exchange", metavar="URL", help="Practice exchange on this machine to ask instead."),
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Compute the fee of one fill. Without --series the venue's usual fee counts: `quadratic`, times 1.

    A series is asked for at the exchange of the settings (kalshi.environment, kalshi.base_url), which needs no key.
    """
    together.check(together.FEE, {"--exchange": exchange is not None, "--series": series is not None})
    at, contracts = _price(price), _count(count)
    terms, asked = FeeTerms(), None
    if series is not None:
        terms, asked = _terms_of(series, load_settings(config, {"kalshi.base_url": exchange}).kalshi)
    answer = _answer(terms, at, contracts, Liquidity.MAKER if maker else Liquidity.TAKER)
    if json:
        print_json({"venue": venue, "series": series, "asked": asked, **answer})
    else:
        print(_text(series, asked, answer))
    return ExitCode.GOOD


def _price(text: str) -> YesPrice:
    """Cents from 1 upwards, dollars below: no contract costs $1 or more, so neither can be meant for the other."""
    number = parse_decimal(text.removeprefix("$"), "PRICE")
    dollars = number / CENTS if number >= 1 and not text.startswith("$") else number
    if not 0 < dollars < 1:
        raise PriceError(f"PRICE is from 1 to 99.99 cents, or dollars between 0 and 1; {text} is neither")
    return YesPrice(dollars)


def _count(text: str) -> Decimal:
    number = parse_decimal(text, "COUNT")
    if number <= 0:
        raise PriceError(f"COUNT is contracts, more than 0; {text} is not")
    return check_count(number)


def _terms_of(series: str, kalshi: KalshiSettings) -> tuple[FeeTerms, str]:
    """What a series charges now, and the address that said so."""
    try:
        from connectors.kalshi.client import KalshiRest
    except ImportError as error:
        mend = "pip install -e '.[venues]' in the engine's folder"
        raise UserError(f"--series asks the venue, which needs more packages ({error}): {mend}") from None
    import asyncio

    from connectors.kalshi.hosts import Environment, loopback_hosts, venue_hosts

    local = kalshi.base_url
    hosts = venue_hosts(Environment(kalshi.environment)) if local is None else loopback_hosts(local)

    async def ask() -> FeeTerms:
        async with KalshiRest(hosts) as rest:
            found = await rest.markets.series(series)
            return fee_terms(found.fee_type, found.fee_multiplier)

    return asyncio.run(ask()), hosts.rest


def _answer(terms: FeeTerms, price: YesPrice, count: Decimal, liquidity: Liquidity) -> dict[str, object]:
    fee = terms.trade_fee(price, count, liquidity)
    bought = -price.dollars * count
    return {
        "price": price.dollars,
        "count": count,
        "liquidity": str(liquidity),
        "fee_type": str(terms.type),
        "fee_multiplier": terms.multiplier,
        "fee": fee,
        "fee_per_contract": (fee / count).quantize(MICRO),
        "fee_in_whole_cents": OrderFees(Member.INTERMEDIATED).fill(bought, fee).net,
    }


def _text(series: str | None, asked: str | None, answer: dict[str, object]) -> str:
    lines = [
        f"{answer['count']} × ${answer['price']:.4f}, {answer['liquidity']}: fee ${answer['fee']:.4f}, "
        f"${answer['fee_per_contract']:.4f} per contract",
        f"An account whose balance is kept in whole cents pays ${answer['fee_in_whole_cents']:.4f} when buying.",
        f"Charged as {answer['fee_type']} × {answer['fee_multiplier']:f}"
        + (f", as {asked} says of series {series}." if series else "; series differ, so name yours with --series."),
        "An event may override its series, and a market may waive fees for a while.",
    ]
    return "\n".join(lines)
