"""The routes of ``/api/v1``."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from pydantic import BaseModel

from engine.market.inputs import Requested, Wish
from engine.market.orders import Leg, Side
from engine.service.bracket import preview
from engine.service.declared import AnyTypeRoute, declared
from engine.service.desk import Desk, Json
from engine.service.door import Caller
from engine.service.models import (
    BracketBody,
    BracketPreview,
    DryRun,
    HaltBody,
    Health,
    OrderBody,
    Price,
    Quantity,
    RiskPreview,
    SideName,
    StopShare,
    Symbol,
    TargetShare,
    WishAnswer,
)
from engine.service.once import Answered, digest_of, once, unless
from engine.service.problems import ErrorAnswer, ServiceError
from engine.service.tokens import Scope

MINUTE_NS = 60_000_000_000
WHAT = {
    400: "The request cannot be read.", 401: "No token, or one that is not known.", 403: "The token lacks a scope.",
    404: "There is no such thing.", 409: "It was not done: blocked, or not possible now.",
    413: "The body is too large.", 415: "The body is no JSON by its Content-Type.", 422: "A field is wrong.",
    429: "Too many requests; see Retry-After.",
    502: "The venue failed.", 503: "It cannot be answered now; see Retry-After.",
}  # fmt: skip
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": text} for status, text in WHAT.items()
}
ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"model": WishAnswer, "description": "The engine has it, and its answer is still to come."}
}

OrderId = Annotated[
    str, Path(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z-]+$", description="Its id, or the beginning of it.")
]
Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", description="The same call under the same key is done once and answered alike."),
]
OneSymbol = Annotated[Symbol | None, Query(description="Only this symbol.")]


def make_router(desk: Desk, *, open_reads: bool) -> APIRouter:
    """``open_reads``: who comes by a name of this machine may read without a token."""
    scoped = _scopes(open_reads)
    reads, trades = Depends(scoped(Scope.READ)), Depends(scoped(Scope.TRADE))
    bearer = Depends(HTTPBearer(auto_error=False, description="Made by `engine serve token --scope read`."))
    router = APIRouter(prefix="/api/v1", responses=PROBLEMS)
    reading, acting = [bearer, reads, Depends(declared)], [bearer, trades, Depends(declared)]
    _add_diag(router, desk, reading)
    _add_reading(router, desk, reading)
    _add_previews(router, desk, reading)
    _add_orders(router, desk, acting)
    _add_bracket(router, desk, acting)
    _add_halts(router, desk, acting)
    return router


def caller_of(request: Request) -> Caller:
    """Who asks, as the door found."""
    caller: Caller = request.scope["caller"]
    return caller


def _scopes(open_reads: bool) -> Callable[[Scope], Callable[[Request], None]]:
    def scoped(scope: Scope) -> Callable[[Request], None]:
        def check(request: Request) -> None:
            require(caller_of(request), scope, open_reads=open_reads)

        return check

    return scoped


def require(caller: Caller, scope: Scope, *, open_reads: bool) -> None:
    """Raise ServiceError where a caller lacks a scope."""
    if caller.token is None:
        if scope is Scope.READ and open_reads and caller.local:
            return
        mend = f"send `Authorization: Bearer TOKEN`; `engine serve token --scope {scope}` makes one"
        raise ServiceError(401, "token_needed", f"this wants a token: {mend}")
    if scope not in caller.token.scopes:
        has = ", ".join(sorted(caller.token.scopes))
        raise ServiceError(403, "scope_needed", f"this wants a token with the scope {scope}; yours has {has}")


# -- reading -----------------------------------------------------------------------------------------------------------


def _add_diag(router: APIRouter, desk: Desk, guarded: list[Any]) -> None:
    @router.get("/diag/health", tags=["diag"], dependencies=[Depends(declared)], response_model=Health)
    def health(response: Response) -> Json:
        """Whether the store can be read and an engine runs. Wants no token; says nothing of orders or money."""
        found = desk.health()
        response.status_code = 200 if found["status"] == "ok" or found["store"] == "ok" else 503
        return found

    @router.get("/diag/providers", tags=["diag"], dependencies=guarded)
    def providers() -> Json:
        """Which venues and data providers are configured, and how their requests have ended."""
        return desk.providers()


def _add_reading(router: APIRouter, desk: Desk, guarded: list[Any]) -> None:
    @router.get("/signals", tags=["rules"], dependencies=guarded)
    def signals(symbol: OneSymbol = None) -> Json:
        """What each strategy sees now, what became of its last signal, and what would stop an order."""
        return desk.signals(symbol)

    @router.get("/config/effective", tags=["rules"], dependencies=guarded)
    def effective(symbol: OneSymbol = None) -> Json:
        """Settings and parameters in force; of one symbol with its overrides. Secrets are stars."""
        return desk.effective(symbol)

    @router.get("/orders", tags=["orders"], dependencies=guarded)
    def orders(
        symbol: OneSymbol = None,
        run: Annotated[str | None, Query(max_length=64, description="Of this run; by default of the newest.")] = None,
        only_open: Annotated[
            bool, Query(alias="open", description="Orders of the account that may still trade, of whichever run.")
        ] = False,
        limit: Annotated[int, Query(ge=1, le=1000, description="The newest so many.")] = 200,
    ) -> Json:
        """Orders: what was wanted, what filled, and where each stands."""
        return desk.orders(run=run, symbol=symbol, only_open=only_open, limit=limit)

    @router.get("/orders/{order_id}", tags=["orders"], dependencies=guarded)
    def order(order_id: OrderId) -> Json:
        """One order with its life and its fills."""
        return desk.order(order_id)

    @router.get("/positions", tags=["account"], dependencies=guarded)
    def positions(symbol: OneSymbol = None) -> Json:
        """What the account holds, with profit that is made and that is open."""
        return desk.positions(symbol)

    @router.get("/account/balances", tags=["account"], dependencies=guarded)
    def balances() -> Json:
        """Cash, profit and fees of the account, from the ledger."""
        return desk.balances()

    @router.get("/traces/{order_id}", tags=["rules"], dependencies=guarded)
    def why(order_id: OrderId) -> Json:
        """Why an order was wanted: its rule, each condition with its value, and the guards."""
        return desk.why(order_id)

    @router.get("/traces", tags=["rules"], dependencies=guarded)
    def why_not(
        rule: Annotated[str, Query(min_length=1, max_length=200, description="Name of a rule.")],
        symbol: Annotated[Symbol, Query(description="The symbol that it looked at.")],
        at: Annotated[str, Query(min_length=1, max_length=40, description="Local time: 10:31, 2024-03-05 10:31.")],
    ) -> Json:
        """What a rule saw at a tick, and why it did nothing, or something else."""
        return desk.why_not(rule, symbol, at)

    @router.get("/gates", tags=["rules"], dependencies=guarded)
    def gates() -> Json:
        """The go-live gates of every pack, condition by condition."""
        return desk.gates()

    @router.get("/halts", tags=["halts"], dependencies=guarded)
    def halts() -> Json:
        """What halts entries now."""
        return desk.halts()

    @router.get("/requests/{request_id}", tags=["orders"], dependencies=guarded, response_model=WishAnswer)
    def request(request_id: OrderId) -> Json:
        """What the engine made of a wish."""
        return desk.request(request_id)


def _add_previews(router: APIRouter, desk: Desk, guarded: list[Any]) -> None:
    @router.get("/bracket/preview", tags=["bracket"], dependencies=guarded, response_model=BracketPreview)
    def bracket_preview(
        symbol: Annotated[Symbol, Query()], qty: Annotated[Quantity, Query()],
        stop_pct: Annotated[StopShare | None, Query()] = None, tp_pct: Annotated[TargetShare | None, Query()] = None,
        price: Annotated[Price | None, Query(description="Instead of the market's price.")] = None,
        side: SideName = "buy",
    ) -> Json:  # fmt: skip
        """Stop, target and notional of a bracket, before it is placed."""
        return preview(desk, symbol, Side(side), qty, stop_pct, tp_pct, price)

    @router.get(
        "/risk/preview", tags=["bracket"], dependencies=guarded, response_model=RiskPreview, responses=ACCEPTED
    )
    def risk_preview(
        request: Request, symbol: Annotated[Symbol, Query()], qty: Annotated[Quantity, Query()],
        side: SideName = "buy", price: Annotated[Price | None, Query()] = None,
    ) -> Any:  # fmt: skip
        """What guards, sessions and limits say of an order now, and roughly what it costs. Orders nothing."""
        found = preview(desk, symbol, Side(side), qty, None, None, price)
        body = OrderBody(symbol=symbol, side=side, qty=qty, type="market" if price is None else "limit", price=price)
        wish = _enter(body, "", caller_of(request).name)._replace(dry=True)
        answered = once(desk, "", None, "", lambda name: _told(desk.wish(wish._replace(id=name)), dry=True))
        if answered.status != 200:
            return JSONResponse(answered.body, answered.status)
        told = answered.body
        figures = {name: found[name] for name in ("symbol", "qty", "price", "notional")}
        kept = {name: told.get(name) for name in ("guard", "reason", "guards")}
        return {**figures, "allowed": told.get("verdict") == "fired", **kept}

    @router.post(
        "/trade/dryrun", tags=["orders"], dependencies=guarded, response_model=WishAnswer, responses=ACCEPTED
    )
    def dryrun(request: Request, body: DryRun, key: Key = None) -> Any:
        """Decide on an order by the engine's own rules, and order nothing."""
        return _act(desk, request, body, key, lambda name, by: _told(
            desk.wish(_enter(body, name, by)._replace(dry=True)), dry=True))  # fmt: skip


# -- acting ------------------------------------------------------------------------------------------------------------


def _add_orders(router: APIRouter, desk: Desk, guarded: list[Any]) -> None:
    wish: dict[str, Any] = {"dependencies": guarded, "response_model": WishAnswer, "responses": ACCEPTED}

    @router.post("/orders/cancel_all", tags=["orders"], **wish)
    def cancel_all(request: Request, symbol: OneSymbol = None, key: Key = None) -> Any:
        """Take entry orders off the market. What protects or closes a position stays. No halt stops this."""
        return _act(desk, request, None, key, lambda name, by: _told(
            desk.wish(Requested(name, Wish.CANCEL, by, symbol or ""))), anyhow=True)  # fmt: skip

    @router.post("/orders/cancel_stale", tags=["orders"], **wish)
    def cancel_stale(
        request: Request,
        minutes: Annotated[float, Query(ge=0, le=1_000_000, description="Only orders older than that.")],
        symbol: OneSymbol = None, key: Key = None,
    ) -> Any:  # fmt: skip
        """As cancel_all, of orders that were wanted longer ago than that."""
        age_ns = int(minutes * MINUTE_NS)
        return _act(desk, request, None, key, lambda name, by: _told(
            desk.wish(Requested(name, Wish.CANCEL, by, symbol or "", age_ns=age_ns))), anyhow=True)  # fmt: skip

    @router.post("/orders/{order_id}/cancel", tags=["orders"], **wish)
    def cancel(request: Request, order_id: OrderId, key: Key = None) -> Any:
        """Take one entry order off the market."""
        def work(name: str, by: str) -> Answered:
            order = desk.order(order_id)["order"]
            whole = str(order["client_id"])
            if order["leg"] == Leg.ENTRY:
                told = desk.wish(Requested(name, Wish.CANCEL, by, orders=(whole,)))
                if told["state"] != "done" or told["orders"]:
                    return _told(told)
            raise ServiceError(
                409, "not_cancelled",
                f"{whole} is no entry order under way: it is over, or it protects or closes a position",
                details={"request": name},
            )  # fmt: skip

        return _act(desk, request, None, key, work, anyhow=True)

    @router.post("/positions/flatten", tags=["account"], **wish)
    def flatten(request: Request, symbol: OneSymbol = None, key: Key = None) -> Any:
        """Take entry orders off and close positions at the market. No guard and no halt stops this; halt first where
        rules should not enter again."""
        return _act(desk, request, None, key, lambda name, by: _told(
            desk.wish(Requested(name, Wish.FLATTEN, by, symbol or ""))), anyhow=True)  # fmt: skip


def _add_bracket(router: APIRouter, desk: Desk, guarded: list[Any]) -> None:
    @router.post(
        "/bracket/place", tags=["bracket"], dependencies=guarded, response_model=WishAnswer, responses=ACCEPTED
    )
    def place(request: Request, body: BracketBody, key: Key = None) -> Any:
        """Order an entry with its stop and target, through the guards, the kill switch and the broker of the engine
        that runs: a paper run orders on paper, a live run at its venue."""
        if body.force:
            require(caller_of(request), Scope.FORCE, open_reads=False)
        return _act(desk, request, body, key, lambda name, by: _told(
            desk.wish(_enter(body, name, by)._replace(
                stop_ratio=body.stop_pct, target_ratio=body.tp_pct, force=body.force))))  # fmt: skip


def _add_halts(router: APIRouter, desk: Desk, guarded: list[Any]) -> None:
    anyhow = APIRouter(route_class=AnyTypeRoute, responses=PROBLEMS)

    @anyhow.post("/halt", tags=["halts"], dependencies=guarded)
    def halt(request: Request, body: HaltBody | None = None, key: Key = None) -> Any:
        """Stop all entries of every engine of this folder. Exits and cancels go on. The body may be left out, and is
        read as JSON whatever its Content-Type says."""
        reason = body.reason if body is not None else ""
        return _act(
            desk, request, body, key, lambda name, by: Answered(200, desk.halt(reason or f"by {by}")), anyhow=True
        )

    router.include_router(anyhow)

    @router.post("/resume", tags=["halts"], dependencies=guarded)
    def resume(request: Request, key: Key = None) -> Any:
        """Lift halts of people and of guards."""
        return _act(desk, request, None, key, lambda name, by: Answered(200, desk.resume()))

    @router.get("/audit", tags=["halts"], dependencies=guarded)
    def audit(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Json:
        """Who did what with which token, the newest first."""
        return desk.audit(limit)


def _enter(body: OrderBody, name: str, by: str) -> Requested:
    stop: Decimal | None = getattr(body, "stop_pct", None)
    target: Decimal | None = getattr(body, "tp_pct", None)
    return Requested(name, Wish.ENTER, by, body.symbol, Side(body.side), body.qty, body.price, stop, target)


def _act(
    desk: Desk, request: Request, body: BaseModel | None, key: str | None, work: Callable[[str, str], Answered],
    *, anyhow: bool = False,
) -> Response:  # fmt: skip
    """Do something once, after it has been noted who asked for it. ``anyhow``: it takes risk away, and is done although
    neither can be written down."""
    caller, path = caller_of(request).name, request.url.path

    def noted(name: str) -> Answered:
        said = {} if body is None else body.model_dump(mode="json", exclude_none=True)
        with unless(anyhow):
            desk.note(caller, f"POST {path}", {"request": name, "query": dict(request.query_params), "body": said})
        return work(name, caller)

    query = "&".join(f"{name}={value}" for name, value in sorted(request.query_params.multi_items()))
    answered = once(desk, caller, key, digest_of("POST", path, query, body), noted, anyhow=anyhow)
    headers = {"Idempotent-Replayed": "true"} if answered.repeated else None
    return JSONResponse(answered.body, answered.status, headers)


def _told(told: Json, *, dry: bool = False) -> Answered:
    """A wish that was blocked or refused is an error, unless it was only asked what would become of it."""
    if told["state"] == "taken":
        return Answered(202, told)
    if told["state"] == "lost":
        raise ServiceError(409, "lost", str(told.get("reason")), details=told)
    if told.get("verdict") != "fired" and not dry:
        guard = f"{told['guard']}: " if told.get("guard") else ""
        raise ServiceError(409, str(told.get("verdict")), f"{guard}{told.get('reason')}", details=told)
    return Answered(200, told)
