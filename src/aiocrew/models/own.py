"""A model of one's own, asked on a run's terms: it has no limit to learn, but paces and budgets bind it, too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiocrew.aio.door import blocks_a_loop
from aiocrew.models.bounds import request_bound
from aiocrew.models.prices import load_price
from aiocrew.models.resolved import ResolvedModel
from aiocrew.models.toll import Toll
from aiocrew.types.context import Here
from aiocrew.types.events import LLMCallQueued, LLMCallSent
from aiocrew.types.messages import Reply, Request
from aiocrew.types.terms import Bound, Purse
from aiocrew.types.usage import Usage

__all__ = ["ask_on_terms"]

_NOT_REPORTED = Usage()


async def ask_on_terms(
    model: ResolvedModel, request: Request, where: Here, ask: Callable[[], Awaitable[Reply]]
) -> Reply:
    """Return what `ask` gives, once paces and budgets let it go.

    Nothing limits the length of its reply: what it reports is what counts, all that was set aside where it reports
    nothing. Raises BudgetExceededError, and BlueprintError for a budget in dollars and a model without a price.
    """

    async def bound(purses: tuple[Purse, ...]) -> Bound:
        price = model.price
        if price is None and any(purse.counts_money for purse in purses):
            price = await load_price(model.name)
        return Bound(prompt_tokens=request_bound(request), reply_tokens=None, model=model.name, price=price)

    def waits_for(limit: str) -> None:
        where.run.tell(LLMCallQueued, where.path, limit, 1)

    toll = Toll()
    await toll.pay(where, asyncio.get_running_loop(), bound, waits_for, unbounded=blocks_a_loop.get())
    toll.sent()
    where.run.tell(LLMCallSent, where.path, 1)
    try:
        reply = await ask()
        # What is no Reply is refused by who asked; until then no hold may outlive its call.
        toll.settle(getattr(reply, "usage", _NOT_REPORTED))
    except BaseException as error:
        toll.failed(error)
        raise
    return reply
