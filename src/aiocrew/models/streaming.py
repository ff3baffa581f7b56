"""One attempt at a streamed reply: opened, read, closed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

from aiocrew.aio.limits import time_limit
from aiocrew.errors import ModelTimeoutError, ProviderError
from aiocrew.models.endpoint import Endpoint
from aiocrew.models.failures import brings_reply, connection_failure, failure, timeout_failure, unreadable
from aiocrew.models.wire import StreamReader
from aiocrew.net.failures import NetError
from aiocrew.types.messages import Chunk, Reply

if TYPE_CHECKING:
    from aiocrew.net.client import Streamed, Target

__all__ = ["StreamedReply"]

_AFTER_DONE_S = 0.25


class StreamedReply:
    """A reply under way. The endpoint's timeout covers the waiting for it, not what is done with it meanwhile."""

    def __init__(self, target: Target, body: bytes, endpoint: Endpoint) -> None:
        self._target, self._body, self._endpoint = target, body, endpoint
        self._left_s = endpoint.timeout_s
        self._reader = StreamReader(endpoint.label)
        self._streamed: Streamed | None = None
        self._begun = b""

    async def __aenter__(self) -> StreamedReply:
        """Send the request and wait for the answer's head; ProviderError when it is none that is wanted."""
        now_s = asyncio.get_running_loop().time
        started_s = now_s()
        try:
            self._streamed = await self._target.open(self._body, self._left_s, self._timed_out)
        except NetError as error:
            raise connection_failure(error, self._endpoint) from error
        self._left_s -= now_s() - started_s
        if self._streamed.status != 200:
            await self._check(self._streamed)
        return self

    @property
    def headers(self) -> Mapping[str, str] | None:
        """The answer's headers; None as long as there is no answer."""
        return None if self._streamed is None else self._streamed.headers

    @property
    def begun(self) -> bool:
        """Whether the answer's head says that it brings a reply."""
        return self._streamed is not None and 200 <= self._streamed.status < 300

    async def _check(self, streamed: Streamed) -> None:
        """Raise what the answer says if it brings no reply."""
        wanted = False
        try:
            self._begun = await self._read()
            wanted = brings_reply(streamed.status, self._begun)
            if not wanted:
                raise await self._refusal(streamed)
        finally:
            if not wanted:
                self._close()

    async def _refusal(self, streamed: Streamed) -> ProviderError:
        parts = [self._begun]
        while part := await self._read():
            parts.append(part)
        return failure(streamed.status, streamed.headers, b"".join(parts), self._endpoint)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    async def chunks(self) -> list[Chunk]:
        """Return the next pieces of text, at least one; none at the end."""
        while not self._reader.done and (data := self._begun or await self._read()):
            self._begun = b""
            try:
                if chunks := self._reader.feed(data):
                    return chunks
            except ProviderError as error:
                raise self._unreadable(error) from error.__cause__
        return []

    async def finish(self) -> Reply:
        """Return the whole reply. InvalidReplyError when the stream ended before it was whole."""
        assert self._streamed is not None
        if self._reader.done:
            # It said that it is over, so the last bytes are on their way: with them read the connection can be reused.
            with suppress(TimeoutError, NetError):
                async with time_limit(_AFTER_DONE_S, TimeoutError):
                    await self._streamed.rest()
        try:
            return self._reader.finish()
        except ProviderError as error:
            raise self._unreadable(error) from error.__cause__

    async def _read(self) -> bytes:
        assert self._streamed is not None
        now_s = asyncio.get_running_loop().time
        started_s = now_s()
        try:
            async with time_limit(self._left_s, self._timed_out):
                return await self._streamed.read()
        except NetError as error:
            raise connection_failure(error, self._endpoint) from error
        finally:
            self._left_s -= now_s() - started_s

    def _timed_out(self) -> ModelTimeoutError:
        return timeout_failure(self._endpoint)

    def _unreadable(self, error: ProviderError) -> ProviderError:
        assert self._streamed is not None
        return unreadable(error, self._streamed.status, self._streamed.headers, self._endpoint)

    def _close(self) -> None:
        if self._streamed is not None:
            self._streamed.close()
