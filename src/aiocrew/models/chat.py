"""A model behind the chat-completions wire: one request, as many attempts as it takes, one reply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import TYPE_CHECKING, cast

from aiocrew.admission.limits import limit_for
from aiocrew.errors import ModelTimeoutError, OverloadedError, ProviderError, RateLimitError
from aiocrew.models.endpoint import Endpoint
from aiocrew.models.failures import (
    brings_reply,
    connection_failure,
    failure,
    given_up,
    is_retryable,
    most_retries,
    timeout_failure,
    unreadable,
)
from aiocrew.models.outgoing import Outgoing, outgoing_to
from aiocrew.models.real_requests import GATE
from aiocrew.models.streaming import StreamedReply
from aiocrew.models.wire import decode_reply
from aiocrew.net.failures import NetError
from aiocrew.types.events import LLMCallRetried
from aiocrew.types.messages import Chunk, Reply, Request, Restart

if TYPE_CHECKING:
    from aiocrew.net.client import Target

__all__ = ["ChatModel", "delay_s"]

_BASE_S = 0.5
_CAP_S = 30.0
_RETRY_AFTER_CAP_S = 120.0


def delay_s(attempt: int, retry_after_s: float | None, chance: float) -> float:
    """Return how long to wait after failed attempt number `attempt` (from 1); `chance` is in [0, 1).

    Exponential with full jitter. What the provider asks for is a floor, up to two minutes, with a little jitter on top,
    so that those who were told the same do not come back together.
    """
    backoff_s = chance * min(_CAP_S, _BASE_S * 2 ** min(attempt - 1, 10))
    if retry_after_s is None:
        return backoff_s
    asked_s = min(retry_after_s, _RETRY_AFTER_CAP_S)
    return max(asked_s + chance * min(1.0, asked_s / 4), backoff_s)  # some ask for 0 s, for as long as they refuse


def _key_of(endpoint: Endpoint) -> str:
    """Return what tells accounts apart: the key, or the user's own header in place of one."""
    own = (value for name, value in endpoint.headers.items() if name.lower() in ("authorization", "api-key"))
    return endpoint.key or next(own, "")


class ChatModel:
    """A model at an endpoint. Implements RestartingModel; it may be shared by any number of runs and loops."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._limit = limit_for((endpoint.provider, endpoint.url, _key_of(endpoint), endpoint.model), endpoint.limits)
        self._target: Target | None = None

    async def reply(self, request: Request) -> Reply:
        """Return the model's reply, after as many attempts as it takes.

        Raises a ProviderError: at once when the provider would refuse the same again, else when the endpoint's retries
        are used up. BlueprintError when the endpoint's address or headers cannot be used, BudgetExceededError when a
        budget does not cover an attempt.
        """
        target = self._target or self._prepare()
        outgoing = outgoing_to(self.endpoint, self._limit, request, stream=False)
        while True:
            if GATE.closed:
                GATE.refuse(self.endpoint.label, self.endpoint.url)
            if (turn := outgoing.admit()) is not None:
                await turn
            try:
                return await self._attempt(outgoing, target)
            except ProviderError as error:
                await self._before_next(outgoing, error)

    def stream(self, request: Request) -> AsyncIterator[Chunk | Reply]:
        """Give pieces of the reply's text as they come, and the whole Reply at the end.

        Raises as `reply` does. Once a piece was given there is no further attempt: whoever joins the pieces would have
        the beginning twice.
        """
        return cast("AsyncIterator[Chunk | Reply]", self._pieces(request, restarts=False))

    def stream_with_restarts(self, request: Request) -> AsyncIterator[Chunk | Restart | Reply]:
        """Give what `stream` gives, after as many attempts as `reply` makes, and a Restart before each but the first.

        Raises as `reply` does. The chunks before a Restart are void. The Reply is made of the last attempt alone.
        """
        return self._pieces(request, restarts=True)

    async def _pieces(self, request: Request, *, restarts: bool) -> AsyncGenerator[Chunk | Restart | Reply]:
        target = self._target or self._prepare()
        outgoing = outgoing_to(self.endpoint, self._limit, request, stream=True)
        while True:
            if GATE.closed:
                GATE.refuse(self.endpoint.label, self.endpoint.url)
            if (turn := outgoing.admit()) is not None:
                await turn
            streamed, given = StreamedReply(target, outgoing.body, self.endpoint), False
            try:
                async with streamed:
                    while chunks := await streamed.chunks():
                        for chunk in chunks:
                            given = True
                            yield chunk
                    reply = await streamed.finish()
            except ProviderError as error:
                outgoing.failed(error, streamed.headers, begun=streamed.begun)
                if given and not restarts:
                    raise
                await self._before_next(outgoing, error)
            except BaseException as error:
                outgoing.failed(error)
                raise
            else:
                outgoing.came(reply.usage, streamed.headers)
                break
            if restarts:
                yield Restart(outgoing.attempts + 1)
        if reply.text and not given:
            yield Chunk(reply.text, reply.id)  # a server that does not stream
        yield reply

    async def _attempt(self, outgoing: Outgoing, target: Target) -> Reply:
        endpoint = self.endpoint
        headers: Mapping[str, str] | None = None
        status = 0
        try:
            try:
                status, headers, data = await target.post(outgoing.body, endpoint.timeout_s, self._timed_out)
            except NetError as error:
                raise connection_failure(error, endpoint) from error
            reply = self._read(status, headers, data)
        except BaseException as error:
            # A gateway that has asked its model says 200, and then what went wrong: that may be paid for.
            outgoing.failed(error, headers, begun=200 <= status < 300)
            raise
        outgoing.came(reply.usage, headers)
        return reply

    def _read(self, status: int, headers: Mapping[str, str], data: bytes) -> Reply:
        if status != 200 and not brings_reply(status, data):
            raise failure(status, headers, data, self.endpoint)
        try:
            return decode_reply(data, model=self.endpoint.label)
        except ProviderError as error:
            raise unreadable(error, status, headers, self.endpoint) from error.__cause__

    def _prepare(self) -> Target:
        # Here, because it brings aiohttp: who only writes a crew down does not wait for its import.
        from aiocrew.net.client import Target

        self._target = Target(self.endpoint.url, self.endpoint.headers)
        return self._target

    def _timed_out(self) -> ModelTimeoutError:
        return timeout_failure(self.endpoint)

    async def _before_next(self, outgoing: Outgoing, error: ProviderError) -> None:
        """Wait until the next attempt may start; raise `error` if there is none."""
        attempt = outgoing.attempts
        if not is_retryable(error):
            raise error
        if attempt > most_retries(error, self.endpoint):
            raise given_up(error, attempt)
        runtime = outgoing.runtime
        # What the provider asks to wait holds back all: this one waits with them, in its place in line.
        asked = error.retry_after_s is not None and isinstance(error, (RateLimitError, OverloadedError))
        paused_s = self._limit.paused_s(asyncio.get_running_loop()) if asked else 0.0
        wait_s = paused_s or delay_s(attempt, error.retry_after_s, runtime.chance())
        self._limit.retries += 1
        if (where := outgoing.where) is not None:
            run = where.run
            model = self.endpoint.label
            run.tell(LLMCallRetried, where.path, model, attempt, wait_s, error.message, error.status)
        if not paused_s:
            await runtime.clock.sleep(wait_s)
