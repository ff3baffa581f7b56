"""One request on its way out: when each attempt may go, what it may cost, and what its answer teaches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

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
from aiocrew.types.messages import Request
from aiocrew.types.prices import Price
from aiocrew.types.terms import Bound, Purse
from aiocrew.types.usage import Usage

__all__ = ["Outgoing"]

_BYTES_A_TOKEN = 4
_USUAL_REPLY_TOKENS = 500


class Outgoing:
    """A request and its attempts. Each attempt is `admit`ted, and then it either `came` or `failed`.

    On its way through: paces, budgets, the provider's limit. In this order, so that nobody holds a slot while waiting
    for a budget.
    """

    __slots__ = ("_call", "_endpoint", "_limit", "_loop", "_request", "_stream", "_toll", "attempts", "body", "where")

    def __init__(self, endpoint: Endpoint, limit: Limit, request: Request, *, stream: bool) -> None:
        self._endpoint = endpoint
        self._limit = limit
        self._request = request
        self._stream = stream
        self.where: Here | None = here.get()
        """The step that the request belongs to."""
        loop = None if self.where is None else self.where.run.loop
        self._loop = loop or asyncio.get_running_loop()
        self._call: Call | None = None
        self._toll = Toll() if takes_toll(self.where) else None
        self.attempts = 0
        self.body = encode_request(endpoint, request, stream=stream)
        """What is to be sent."""

    @property
    def runtime(self) -> Runtime:
        return local_runtime() if self.where is None else self.where.run.runtime

    async def admit(self) -> None:
        """Return when the next attempt may go.

        Raises BudgetExceededError, and BlueprintError for a budget in dollars and a model without a price.
        """
        self.attempts += 1
        where, unbounded = self.where, blocks_a_loop.get()
        if where is None:
            call = Call(unbounded=unbounded, again=self.attempts > 1)
        else:
            terms = where.run.terms
            flow = (terms.tenant, terms.priority)
            call = Call(flow, where.run.run_id, unbounded=unbounded, again=self.attempts > 1)
            if self._toll is not None:
                await self._pay(self._toll, where, unbounded)
        if self._limit.counts_tokens:
            call.tokens = self._expected_tokens()
        if not self._limit.try_start(call, self._loop):
            try:
                await self._limit.wait(call, self._loop)
            except BaseException:
                if self._toll is not None:
                    self._toll.give_back()
                raise
        self._call = call
        if self._toll is not None:
            self._toll.sent()

    async def _pay(self, toll: Toll, where: Here, unbounded: bool) -> None:
        most = await toll.pay(where, self._loop, self._bound, unbounded=unbounded)
        if most is not None:
            endpoint = self._endpoint
            more = {limit_field(endpoint.provider, endpoint.model): most}
            self.body = encode_request(endpoint, self._request, stream=self._stream, more=more)

    async def _bound(self, purses: tuple[Purse, ...]) -> Bound:
        endpoint = self._endpoint
        reply_tokens, replies = reply_limit(endpoint.parameters)
        return Bound(
            prompt_tokens=prompt_bound(endpoint, self.body, has_tools=bool(self._request.tools)),
            reply_tokens=reply_tokens,
            model=endpoint.label,
            price=await self._price(purses),
            replies=replies,
        )

    async def _price(self, purses: tuple[Purse, ...]) -> Price | None:
        if self._endpoint.price is not None or not any(purse.counts_money for purse in purses):
            return self._endpoint.price
        return await load_price(self._endpoint.label)

    def _expected_tokens(self) -> float:
        given, replies = reply_limit(self._endpoint.parameters)
        return len(self.body) / _BYTES_A_TOKEN + replies * min(given or _USUAL_REPLY_TOKENS, _USUAL_REPLY_TOKENS)

    def came(self, usage: Usage, headers: Mapping[str, str] | None) -> None:
        """The attempt brought its reply."""
        call, self._call = self._call, None
        if call is not None:
            used = usage.prompt_tokens + usage.completion_tokens
            self._limit.accepted(call, self._loop, used or None, _told(headers))
        if self._toll is not None:
            self._toll.settle(usage)

    def failed(self, error: BaseException, headers: Mapping[str, str] | None = None) -> None:
        """The attempt brought none, because of `error`; `headers` are those of the answer, where there was one."""
        call, self._call = self._call, None
        if call is not None:
            self._tell_limit(call, error, headers)
        if self._toll is not None:
            self._toll.failed(error)

    def _tell_limit(self, call: Call, error: BaseException, headers: Mapping[str, str] | None) -> None:
        limit, loop = self._limit, self._loop
        if isinstance(error, RateLimitError) and not isinstance(error, QuotaExceededError):
            limit.rejected(call, loop, error.retry_after_s, _told(headers), self.runtime.chance())
        elif isinstance(error, OverloadedError) and error.retry_after_s is not None:
            limit.overloaded(call, loop, error.retry_after_s, self.runtime.chance())
        else:
            limit.ended(call, loop)


def _told(headers: Mapping[str, str] | None) -> Told | None:
    return None if headers is None else read_limits(headers, time.time)
