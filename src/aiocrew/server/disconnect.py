"""Work for a client that ends when the client leaves, in any route of a FastAPI, Starlette or plain ASGI app."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol, TypeAlias, cast

from aiocrew.aio.background import Background
from aiocrew.aio.stoppable import Stoppable
from aiocrew.errors import UsageError

__all__ = ["Client", "cancel_on_disconnect"]

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]


class _Request(Protocol):
    """What is needed of a Starlette or FastAPI Request."""

    @property
    def receive(self) -> Receive: ...


class Client:
    """Who waits for the answer."""

    __slots__ = ("_block", "_failure")

    def __init__(self, block: Stoppable) -> None:
        self._block = block
        self._failure: Exception | None = None

    @property
    def gone(self) -> bool:
        """Whether the client left before the block's end, so that what it awaited was cancelled."""
        return self._block.stopped and self._failure is None

    async def listen(self, receive: Receive) -> None:
        """Stop the block when the client leaves, or when that cannot be told any more."""
        try:
            await _disconnected(receive)
        except Exception as error:
            self._failure = error
        self._block.stop()

    def raise_for_failure(self) -> None:
        """Raise what the listening raised, where that stopped the block."""
        if self._failure is not None and self._block.stopped:
            raise self._failure


@asynccontextmanager
async def cancel_on_disconnect(request: _Request | Receive) -> AsyncGenerator[Client]:
    """A block in which what is awaited is cancelled as soon as the client leaves; the code after it then goes on.

        async with cancel_on_disconnect(request) as client:
            output = await crew.kickoff_async()
            return {"result": output.raw}
        return Response(status_code=499)  # reached only when the client has left: client.gone is True

    `request` is the route's Request, or an ASGI `receive`. The block swallows the one cancellation that it asked for:
    that of a caller, a timeout or a server that shuts down passes. Work that ends before the client's leaving is
    noticed keeps its result. After the block nobody listens any more.

    The body is safe: of a Request it is read at the start, where the route has not read it yet (so it may raise what
    the request's `body()` does), and `await request.json()` works inside as outside. Where only a `receive` is given,
    its owner must have read the body before. Raises UsageError where it has not been, and where the scope is no HTTP
    request; raises what `receive` raises.
    """
    receive = await _ready(request)
    block = Stoppable()
    client = Client(block)
    async with block:
        listening = Background(client.listen(receive))
        try:
            yield client
        finally:
            block.close()
            await listening.stop()
    client.raise_for_failure()


async def _ready(request: Any) -> Receive:
    """Return the request's `receive`, with nothing but the client's leaving to come."""
    scope: Any = getattr(request, "scope", None)
    if scope is not None and scope["type"] != "http":
        raise _not_http()
    receive: Any = getattr(request, "receive", request)
    if not callable(receive):
        raise UsageError(
            f"cancel_on_disconnect() takes the route's Request or an ASGI receive, not {type(request).__name__}"
        )
    if hasattr(request, "body"):
        with suppress(RuntimeError):  # read already, as a stream
            await request.body()
    return cast("Receive", receive)


async def _disconnected(receive: Receive) -> None:
    """Return when the client has left."""
    while True:
        message = await receive()
        match message["type"]:
            case "http.disconnect":
                return
            case "http.request":
                if message.get("body") or message.get("more_body"):
                    raise UsageError(
                        "the request's body has not been read, and would be lost: read it before "
                        "`async with cancel_on_disconnect(...)`"
                    )
            case _:
                raise _not_http()


def _not_http() -> UsageError:
    return UsageError(
        "cancel_on_disconnect() is for HTTP requests; the client of a websocket leaves by a message of its own, which "
        "the route receives"
    )
