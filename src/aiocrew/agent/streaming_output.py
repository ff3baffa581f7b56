"""What a kickoff gives where chunks are asked for: the text as it comes, and the output at the end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextlib import closing
from types import GeneratorType, TracebackType
from typing import Any, Generic, Self, TypeVar, cast
from weakref import ReferenceType, ref

from aiocrew.agent.chunk_buffer import ChunkBuffer
from aiocrew.agent.chunks import ChunkMaker, StreamChunk, text_of
from aiocrew.agent.event_stream import RunStream
from aiocrew.aio.pulling import pulled
from aiocrew.errors import UsageError

__all__ = ["StreamingOutput"]

T = TypeVar("T")


class StreamingOutput(Generic[T]):
    """The chunks of a run: `for chunk in streaming`, or `async for`; then `streaming.result` is what the run gave.

    The run begins with the iteration. Between two chunks it goes on: a slow reader delays nothing, and loses nothing:
    10,000 chunks wait for it, then those of one reply are joined. Where the run failed, the iteration raises the error
    at its end. Leaving it early cancels the run; it has ended when the block of `with` or `async with`, or `close` or
    `aclose`, is left. It can be iterated once.
    """

    def __init__(
        self, begin: Callable[[], Coroutine[Any, Any, T]], maker: ChunkMaker, *, instead: str, door: str = "kickoff"
    ) -> None:
        """`begin` makes what carries the run out. door, instead: for the warning where a loop is blocked."""
        self._stream = RunStream(begin, ChunkBuffer(maker))
        self._words = {"door": door, "instead": instead}
        self._chunks: list[StreamChunk] = []
        self._is_taken = False
        self._pulling: ReferenceType[GeneratorType[StreamChunk, None, None]] | None = None

    def __iter__(self) -> Iterator[StreamChunk]:
        self._take()
        pulling = cast("GeneratorType[StreamChunk, None, None]", self._pulled())
        # Weak, so that it is in no circle: where a loop over it is left, it ends at once.
        self._pulling = ref(pulling)
        return pulling

    def __aiter__(self) -> AsyncIterator[StreamChunk]:
        self._take()
        return self._as_they_come()

    def _take(self) -> None:
        if self._is_taken:
            raise UsageError("a stream can be iterated once; `chunks` has what it gave")
        self._is_taken = True

    def _pulled(self) -> Generator[StreamChunk]:
        with closing(pulled(self._as_they_come(), **self._words)) as chunks:
            yield from chunks

    async def _as_they_come(self) -> AsyncGenerator[StreamChunk]:
        async with self._stream as chunks:
            async for chunk in chunks:
                self._chunks.append(chunk)
                yield chunk

    @property
    def result(self) -> T:
        """What the run gave. Raises the run's error where it failed; StreamNotEndedError, a RuntimeError, before."""
        return self._stream.output

    @property
    def is_completed(self) -> bool:
        """Whether the iteration has ended, in whichever way."""
        return self._stream.is_over

    @property
    def is_cancelled(self) -> bool:
        """Whether it was left before its end."""
        return self._stream.is_over and not self._stream.is_whole

    @property
    def chunks(self) -> list[StreamChunk]:
        """The chunks so far."""
        return list(self._chunks)

    def get_full_text(self) -> str:
        """Return the text of all chunks so far, without what a reply had given when it broke off and began again."""
        return text_of(self._chunks)

    async def aclose(self) -> None:
        """End the run where it has not ended: it is cancelled, and has ended when this returns.

        Where another task iterates, that iteration ends too. Raises UsageError inside the run itself.
        """
        self._is_taken = True
        if self._pulling is None:
            await self._stream.aclose()
        else:  # it works on another loop
            self.close()

    def close(self) -> None:
        """Do what aclose does, for code that iterates without `async`.

        Where the iteration is in another thread, or one with `async`, this does not wait for the run's end.
        """
        self._is_taken = True
        pulling = None if self._pulling is None else self._pulling()
        if pulling is None or pulling.gi_running:
            self._stream.leave()
        else:
            pulling.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
