"""One request on its way out: when each attempt may go, what it may cost, and what its answer teaches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping

import msgspec

from aiocrew.admission.call import Call
from aiocrew.admission.headers import Told, read_limits
from aiocrew.admission.limits import Limit
from aiocrew.aio.door import blocks_a_loop
from aiocrew.aio.runtime import local_runtime
from aiocrew.errors import OverloadedError, QuotaExceededError, RateLimitError
from aiocrew.models.bounds import limit_field, prompt_bound, reply_limit
from aiocrew.models.endpoint import Endpoint
from aiocrew.models.prices import load_price
from aiocrew.models.toll import Toll, takes_toll
from aiocrew.models.wire import encode_request
from aiocrew.types.context import Here, Runtime, here
from aiocrew.types.events import LLMCallQueued, LLMCallSent
from aiocrew.types.messages import Request
from aiocrew.types.prices import Price
from aiocrew.types.terms import Bound, Purse
from aiocrew.types.usage import Usage

__all__ = ["Outgoing", "outgoing_to"]

_BYTES_A_TOKEN = 4
_USUAL_REPLY_TOKENS = 500
_NO_FLOW = ("", 0)
_DEARER_TIERS = frozenset({"priority", "scale", "performance", "fast"})


class Outgoing(msgspec.Struct, gc=False):
    """A request and its attempts. Each attempt is `admit`ted, and then it either `came` or `failed`.

    On its way through: paces, budgets, the provider's limit. In this order, so that nobody holds a slot while waiting
    for a budget.
    """

    endpoint: Endpoint
    limit: Limit
    request: Request
    streamed: bool
    where: Here | None
    """The step that the request belongs to."""
    loop: asyncio.AbstractEventLoop
    toll: Toll | None
    body: bytes
    """What is to be sent."""
    attempts: int = 0
    call: Call | None = None
    """The attempt that is under way."""

    @property
    def runtime(self) -> Runtime:
        return local_runtime() if self.where is None else self.where.run.runtime

    def admit(self) -> Awaitable[None] | None:
        """Begin the next attempt. It may go when what this returns has been awaited; at once where that is nothing.

        Awaiting raises BudgetExceededError, and BlueprintError for a budget in dollars and a model without a price.
        """
        self.attempts += 1
        where, unbounded = self.where, blocks_a_loop.get()
        if where is None:
            call = Call(_NO_FLOW, "", unbounded)
        else:
            call = Call(where.run.terms.flow, where.run.run_id, unbounded)
        call.again = self.attempts > 1
        if self.toll is not None and where is not None:
            return self._by_toll(call, self.toll, where)
        if not self._start(call):
            return self._wait(call)
        self._tell_sent()
        return None

    async def _by_toll(self, call: Call, toll: Toll, where: Here) -> None:
        try:
            await self._pay(toll, where, call.unbounded)
            if self._start(call):
                self._tell_sent()
            else:
                await self._wait(call)
        except BaseException:
            toll.give_back()
            raise
        toll.sent()

    def _start(self, call: Call) -> bool:
        if self.limit.counts_tokens:
            given, replies = reply_limit(self.endpoint.parameters)
            call.reply_tokens = replies * min(given or _USUAL_REPLY_TOKENS, _USUAL_REPLY_TOKENS)
            call.tokens = len(self.body) / _BYTES_A_TOKEN + call.reply_tokens
        if self.limit.try_start(call, self.loop):
            self.call = call
            return True
        return False

    async def _wait(self, call: Call) -> None:
        if self.where is not None and self.where.run.readers.sinks:
            limit = self.limit
            self._tell_queued(limit.label_for(self.endpoint.label), is_ramp=limit.is_ramping)
        await self.limit.wait(call, self.loop)
        self.call = call
        self._tell_sent()

    def _tell_queued(self, limit: str, *, is_ramp: bool = False) -> None:
        if self.where is not None:
            self.where.run.tell(LLMCallQueued, self.where.path, limit, self.attempts, is_ramp)

    def _tell_sent(self) -> None:
        if self.where is not None:
            self.where.run.tell(LLMCallSent, self.where.path, self.attempts)

    async def _pay(self, toll: Toll, where: Here, unbounded: bool) -> None:
        most = await toll.pay(where, self.loop, self._bound, self._tell_queued, unbounded=unbounded)
        if most is not None:
            endpoint = self.endpoint
            more = {limit_field(endpoint.provider, endpoint.model): most}
            self.body = encode_request(endpoint, self.request, stream=self.streamed, more=more)

    async def _bound(self, purses: tuple[Purse, ...]) -> Bound:
        endpoint = self.endpoint
        reply_tokens, replies = reply_limit(endpoint.parameters)
        return Bound(
            prompt_tokens=prompt_bound(endpoint, self.body, has_tools=bool(self.request.tools)),
            reply_tokens=reply_tokens,
            model=endpoint.label,
            price=await self._price(purses),
            replies=replies,
        )

    async def _price(self, purses: tuple[Purse, ...]) -> Price | None:
        endpoint = self.endpoint
        if endpoint.price is not None or not any(purse.counts_money for purse in purses):
            return endpoint.price
        if endpoint.parameters.get("service_tier") in _DEARER_TIERS:
            return None  # the list is that of the standard tier
        return await load_price(endpoint.label)

    def came(self, usage: Usage, headers: Mapping[str, str] | None) -> None:
        """The attempt brought its reply."""
        call, self.call = self.call, None
        if call is not None:
            used = usage.prompt_tokens + usage.completion_tokens
            self.limit.accepted(call, self.loop, used or None, _told(headers), usage.completion_tokens)
        if self.toll is not None:
            self.toll.settle(usage)

    def failed(self, error: BaseException, headers: Mapping[str, str] | None = None, *, begun: bool = False) -> None:
        """The attempt brought none, because of `error`; `headers` are those of the answer, where there was one.

        begun: the answer had begun as one that brings a reply.
        """
        call, self.call = self.call, None
        if call is not None:
            self._tell_limit(call, error, headers)
        if self.toll is not None:
            self.toll.failed(error, begun=begun)

    def _tell_limit(self, call: Call, error: BaseException, headers: Mapping[str, str] | None) -> None:
        limit, loop = self.limit, self.loop
        if isinstance(error, RateLimitError) and not isinstance(error, QuotaExceededError):
            limit.rejected(call, loop, error.retry_after_s, _told(headers), self.runtime.chance())
        elif isinstance(error, OverloadedError) and error.retry_after_s is not None:
            limit.overloaded(call, loop, error.retry_after_s, self.runtime.chance())
        else:
            limit.ended(call, loop)


def outgoing_to(endpoint: Endpoint, limit: Limit, request: Request, *, stream: bool) -> Outgoing:
    """Return `request`, ready for its first attempt."""
    where = here.get()
    return Outgoing(
        endpoint,
        limit,
        request,
        stream,
        where,
        asyncio.get_running_loop(),  # not the run's: a tool in a thread may have one of its own
        Toll() if takes_toll(where) else None,
        encode_request(endpoint, request, stream=stream),
    )


def _told(headers: Mapping[str, str] | None) -> Told | None:
    return None if headers is None else read_limits(headers, time.time)
