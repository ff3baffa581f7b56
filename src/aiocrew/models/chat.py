"""A model behind the chat-completions wire: one request, as many attempts as it takes, one reply."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from aiocrew.admission.limits import limit_for
from aiocrew.aio.door import blocks_a_loop
from aiocrew.aio.runtime import local_runtime
from aiocrew.errors import ModelTimeoutError, ProviderError
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
from aiocrew.models.streaming import StreamedReply
from aiocrew.models.wire import decode_reply, encode_request
from aiocrew.net.failures import NetError
from aiocrew.types.context import Runtime, here
from aiocrew.types.events import LLMCallRetried
from aiocrew.types.messages import Chunk, Reply, Request

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


class ChatModel:
    """A model at an endpoint. Implements StreamingModel; it may be shared by any number of runs and loops."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._limit = limit_for((endpoint.provider, endpoint.url, endpoint.key, endpoint.model), endpoint.max_in_flight)
        self._target: Target | None = None

    async def reply(self, request: Request) -> Reply:
        """Return the model's reply, after as many attempts as it takes.

        Raises a ProviderError: at once when the provider would refuse the same again, else when the endpoint's retries
        are used up. BlueprintError when the endpoint's address or headers cannot be used.
        """
        body = encode_request(self.endpoint, request, stream=False)
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._attempt(body)
            except ProviderError as error:
                await self._before_next(attempt, error)

    async def stream(self, request: Request) -> AsyncIterator[Chunk | Reply]:
        """Give pieces of the reply's text as they come, and the whole Reply at the end.

        Raises as `reply` does. Once a piece was given there is no further attempt: it would begin anew.
        """
        body = encode_request(self.endpoint, request, stream=True)
        attempt, given = 0, False
        while True:
            attempt += 1
            try:
                async with (
                    self._limit.slot(unbounded=blocks_a_loop.get()),
                    StreamedReply(self._target or self._prepare(), body, self.endpoint) as streamed,
                ):
                    while chunks := await streamed.chunks():
                        for chunk in chunks:
                            given = True
                            yield chunk
                    reply = await streamed.finish()
            except ProviderError as error:
                if given:
                    raise
                await self._before_next(attempt, error)
            else:
                break
        if reply.text and not given:
            yield Chunk(reply.text)  # a server that does not stream
        yield reply

    async def _attempt(self, body: bytes) -> Reply:
        endpoint = self.endpoint
        target = self._target or self._prepare()
        async with self._limit.slot(unbounded=blocks_a_loop.get()):
            try:
                status, headers, data = await target.post(body, endpoint.timeout_s, self._timed_out)
            except NetError as error:
                raise connection_failure(error, endpoint) from error
        if status != 200 and not brings_reply(status, data):
            raise failure(status, headers, data, endpoint)
        try:
            return decode_reply(data, model=endpoint.label)
        except ProviderError as error:
            raise unreadable(error, status, headers, endpoint) from error.__cause__

    def _prepare(self) -> Target:
        # Here, because it brings aiohttp: who only writes a crew down does not wait for its import.
        from aiocrew.net.client import Target

        self._target = Target(self.endpoint.url, self.endpoint.headers)
        return self._target

    def _timed_out(self) -> ModelTimeoutError:
        return timeout_failure(self.endpoint)

    async def _before_next(self, attempt: int, error: ProviderError) -> None:
        """Wait until the next attempt may start; raise `error` if there is none."""
        if not is_retryable(error):
            raise error
        if attempt > most_retries(error, self.endpoint):
            raise given_up(error, attempt)
        runtime = _runtime()
        wait_s = delay_s(attempt, error.retry_after_s, runtime.chance())
        if (where := here.get()) is not None:
            run = where.run
            model = self.endpoint.label
            run.emit(LLMCallRetried(run.run_id, where.path, run.now_s(), model, attempt, wait_s, error.message))
        await runtime.clock.sleep(wait_s)


def _runtime() -> Runtime:
    where = here.get()
    return local_runtime() if where is None else where.run.runtime
