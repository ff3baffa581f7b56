"""One question to a model, as a step with its events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from functools import partial

import msgspec

from aiocrew.agent.callbacks import call_user
from aiocrew.agent.plan import AgentPlan
from aiocrew.agent.wanted_chunks import are_wanted_of, chunk_wish
from aiocrew.aio.cancelling import cancels, raise_if_cancelled_since
from aiocrew.aio.grace import with_grace
from aiocrew.aio.variables import set_back
from aiocrew.errors import BlueprintError, CallbackError, InvalidReplyError, ProviderError
from aiocrew.models.resolved import Pieces, ResolvedModel
from aiocrew.models.toll import takes_toll
from aiocrew.types.context import Here, RunContext, here
from aiocrew.types.effects import Harmless
from aiocrew.types.events import (
    LLMCallCompleted,
    LLMCallFailed,
    LLMCallSent,
    LLMCallStarted,
    LLMFirstToken,
    LLMStreamChunk,
)
from aiocrew.types.messages import Chunk, Reply, Request, Restart
from aiocrew.types.paths import Path, child

__all__ = ["ask"]


class _Question(Harmless, msgspec.Struct, frozen=True, gc=False):
    """What a model is asked, as an Effect."""

    model: ResolvedModel
    request: Request

    @property
    def label(self) -> str:
        return self.model.name

    def content(self) -> bytes:
        try:
            return msgspec.json.encode((self.model.identity, self.request))
        except UnicodeEncodeError:  # half a surrogate pair, in a tool's result
            return repr((self.model.identity, self.request)).encode("utf-8", "surrogatepass")


async def ask(plan: AgentPlan, request: Request, run: RunContext, path: Path) -> Reply:
    """Return the model's reply; raises what the model raises."""
    model, agent = plan.model.name, plan.name
    started_s = run.now_s()
    run.tell(LLMCallStarted, path, model, agent, request, plan.model.settings)
    where = Here(run, path, plan.pace)
    token = here.set(where)
    before = cancels(run.loop)
    try:
        reply = await run.steps.step(path, _body(plan, request, where), Reply, _Question(plan.model, request))
        raise_if_cancelled_since(before, run.loop)
        _check(reply, plan)
    except (Exception, asyncio.CancelledError) as error:
        status = error.status if isinstance(error, ProviderError) else None
        run.tell(LLMCallFailed, path, model, agent, repr(error), status)
        raise
    finally:
        set_back(token)
    price, ended_s = plan.model.price, run.now_s()
    # Not by `tell`: it is counted, whether anybody reads or not.
    run.readers.emit(
        LLMCallCompleted(
            run.run_id,
            path,
            ended_s,
            ended_s + run.epoch_s,
            model,
            agent,
            reply.text,
            reply.calls,
            reply.usage,
            reply.finish_reason,
            None if price is None else price.cost_usd(reply.usage),
            reply.model,
            reply.id,
        )
    )
    if plan.model.callbacks:
        await _tell_callbacks(plan.model, request, reply, run, path, ended_s - started_s)
    return reply


async def _tell_callbacks(
    model: ResolvedModel, request: Request, reply: Reply, run: RunContext, path: Path, took_s: float
) -> None:
    from aiocrew.models.call_callbacks import tell_callbacks  # few need it

    ended_s = run.runtime.clock.wall_s()

    async def tell() -> None:
        await tell_callbacks(model.callbacks, request, reply, model.name, ended_s - took_s, ended_s)

    try:
        await call_user(run, child(path, "callbacks"), f"callbacks of {model.name}", "callbacks", tell, (), type(None))
    except CallbackError as error:
        if isinstance(error.__cause__, CallbackError):
            raise error.__cause__ from error.__cause__.__cause__  # it names the very one
        raise


def _body(plan: AgentPlan, request: Request, where: Here) -> Callable[[], Awaitable[Reply]]:
    resolved = plan.model
    model, pieces = resolved.model, resolved.pieces
    in_pieces = resolved.stream or (chunk_wish.get() is not None and are_wanted_of(model))
    if in_pieces and pieces is not None:
        ask = partial(_stream, pieces, request, where.run, where.path)
    else:
        ask = partial(model.reply, request)
    return ask if resolved.admits else partial(_ask_own, resolved, request, where, ask)


def _ask_own(
    model: ResolvedModel, request: Request, where: Here, ask: Callable[[], Awaitable[Reply]]
) -> Awaitable[Reply]:
    """Ask a model that somebody else wrote: on the run's terms, and with the run's grace when it is cancelled."""
    run = where.run
    if takes_toll(where):
        from aiocrew.models.own import ask_on_terms  # few need it, and it takes a while to load

        work = ask_on_terms(model, request, where, ask)
    else:
        run.tell(LLMCallSent, where.path, 1)
        work = ask()
    return with_grace(work, run.terms.grace_s, run.loop)


async def _stream(give: Pieces, request: Request, run: RunContext, path: Path) -> Reply:
    reply: Reply | None = None
    attempt, begun = 1, False
    pieces = give(request)
    try:
        async for piece in pieces:
            if isinstance(piece, Chunk):
                if not begun:
                    begun = True
                    run.tell(LLMFirstToken, path, attempt)
                run.tell(LLMStreamChunk, path, piece.text, attempt, piece.reply_id)
            elif isinstance(piece, Restart):
                attempt, begun, reply = piece.attempt, False, None
            else:
                reply = piece
    finally:
        await _close(pieces)
    if reply is None:
        raise InvalidReplyError("the stream ended without a Reply")
    return reply


async def _close(pieces: AsyncIterator[Chunk | Restart | Reply]) -> None:
    # One that still runs was left in the middle of a piece: the garbage collector, or a closed loop, ends this
    # coroutine where it stands. To close it raises then, and the run would tell of a failure that there was not.
    is_running = getattr(pieces, "ag_running", False)
    if isinstance(pieces, AsyncGenerator) and not is_running:  # a plain iterator has nothing to close
        await pieces.aclose()


def _check(reply: object, plan: AgentPlan) -> None:
    if not isinstance(reply, Reply):
        raise BlueprintError(f"{plan.model.name}.reply() must return a Reply, not {type(reply).__name__}")
