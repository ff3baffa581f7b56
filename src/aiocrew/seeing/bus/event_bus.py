"""CrewAI's event bus: programs register handlers, and are told what every run of the process does."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from aiocrew.aio.pool import run_in_thread
from aiocrew.errors import NotBuiltError, UsageError
from aiocrew.seeing.bus.base_event import BaseEvent
from aiocrew.seeing.bus.lanes import Lanes
from aiocrew.seeing.bus.letter import LOG, Handler, Letter, Reader, Receipt, context_of_handlers
from aiocrew.seeing.bus.run_reader import RunReader
from aiocrew.seeing.bus.wording import WORDINGS
from aiocrew.seeing.recorder import reading
from aiocrew.types.context import here

__all__ = ["BaseEventListener", "EventBus", "crewai_event_bus"]

HandlerT = TypeVar("HandlerT", bound=Handler)

_FLUSH_S = 30.0
_TOLD = frozenset(wording.cls for wording in WORDINGS.values())


class EventBus:
    """Handlers by the class of event that they are for; one for a class is told of its subclasses too.

    A handler is called with (source, event). A plain one runs in a thread, an async one on the event loop of the run
    that it is told of; neither is waited for. The plain handlers of one module are called one after another, in the
    order in which things happened, and so are its async handlers for one run. What a handler raises is logged. Handlers
    slower than the events by more than 10,000 of them miss some, which the log tells. What a handler itself emits, or
    starts, is told beside the others, in an order of its own: so a handler may wait for it.

    The runs of the process are read only while there is a handler for an event of theirs: those that begin meanwhile.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._registered: tuple[tuple[type, Reader], ...] = ()
        self._heard: dict[type, tuple[Reader, ...]] = {}
        self._lanes = Lanes()
        self._reader = RunReader(lambda cls: bool(self._readers_of(cls)), self._tell)
        self._reading: ExitStack | None = None

    # Registering

    def on(self, *event_types: type, depends_on: Any = None) -> Callable[[HandlerT], HandlerT]:
        """Give a decorator that registers a handler for these classes and returns it.

        Raises UsageError for what is no class; NotBuiltError for `depends_on`.
        """
        if depends_on is not None:
            raise NotBuiltError(
                "depends_on is not built: the plain handlers of one module are called in the order in which they are "
                "registered, so register the one that the other depends on first"
            )
        if not event_types:
            raise UsageError("on() needs a class of events: @crewai_event_bus.on(CrewKickoffStartedEvent)")

        def registered(handler: HandlerT) -> HandlerT:
            for event_type in event_types:
                self.register_handler(event_type, handler)
            return handler

        return registered

    def register_handler(self, event_type: type, handler: Handler) -> None:
        """Have `handler` told of events of `event_type`; once, however often it is registered.

        Raises UsageError when they are no class and no function.
        """
        checked: Any = event_type
        if not isinstance(checked, type) or not callable(handler):
            raise UsageError(f"a handler is a function, for a class of events; not {handler!r} for {event_type!r}")
        known = (event_type, Reader.of(handler))
        with self._lock:
            if known not in self._registered:
                self._register((*self._registered, known))

    def off(self, event_type: type, handler: Handler) -> None:
        """Have `handler` told of events of `event_type` no more. What is on its way to it arrives."""
        gone = (event_type, Reader.of(handler))
        with self._lock:
            self._register(tuple([known for known in self._registered if known != gone]))

    @contextmanager
    def scoped_handlers(self) -> Generator[None]:
        """Forget, at the end of the block, the handlers that were registered in it.

        Within the block those from outside are told nothing; that holds for the whole process.
        """
        with self._lock:
            outside = self._registered
            self._register(())
        try:
            yield
        finally:
            with self._lock:
                self._register(outside)

    def _register(self, readers: tuple[tuple[type, Reader], ...]) -> None:
        self._registered = readers
        self._heard = {}
        wanted = any(issubclass(told, event_type) for told in _TOLD for event_type, _ in readers)
        if wanted and self._reading is None:
            self._reading = ExitStack()
            self._reading.enter_context(reading(self._reader, everywhere=True))
        elif not wanted and self._reading is not None:
            self._reading.close()
            self._reading = None
            self._reader.forget()

    def handlers_of(self, cls: type) -> list[Handler]:
        """Return who is told of events of this class, in the order in which they were registered."""
        return [reader.handler for reader in self._readers_of(cls)]

    def _readers_of(self, cls: type) -> tuple[Reader, ...]:
        heard = self._heard
        readers = heard.get(cls)
        if readers is None:
            found = [reader for event_type, reader in self._registered if issubclass(cls, event_type)]
            readers = heard[cls] = tuple([known for at, known in enumerate(found) if known not in found[:at]])
        return readers

    # Telling

    def emit(self, source: Any, event: Any) -> Future[None] | None:
        """Tell the handlers of an event of the program's own; return at once.

        Returns a future that is done when all handlers are through, whether they failed or not; None without handlers.
        In a tool or callback the event gets the id and the path of the run, and async handlers run on the run's loop.
        Without any loop, they have one of their own.
        """
        readers = self._readers_of(event.__class__)
        if not readers:
            return None
        receipt, under_way, loop, group = Receipt(len(readers)), here.get(), _running_loop(), ""
        if under_way is not None:
            loop, group = loop or under_way.run.loop, self._reader.top_of(under_way.run.run_id)
            if isinstance(event, BaseEvent) and event.run_id is None:
                event.run_id, event.path = under_way.run.run_id, under_way.path
        self._post(readers, source, event, loop, group, receipt)
        return receipt.future

    async def aemit(self, source: Any, event: Any) -> None:
        """Tell the handlers of an event of the program's own; return when all are through."""
        future = self.emit(source, event)
        if future is not None:
            await asyncio.wrap_future(future)

    def _tell(self, source: Any, event: BaseEvent, group: str) -> None:
        self._post(self._readers_of(type(event)), source, event, asyncio.get_running_loop(), group, None)

    def _post(
        self,
        readers: tuple[Reader, ...],
        source: Any,
        event: Any,
        loop: asyncio.AbstractEventLoop | None,
        group: str,
        receipt: Receipt | None,
    ) -> None:
        for reader in readers:
            self._lanes.post(Letter(reader, source, event, context_of_handlers(), receipt), loop, group)

    # Waiting

    def flush(self, timeout: float | None = _FLUSH_S) -> bool:
        """Block until the handlers are through with all that was told before; False after `timeout` seconds.

        Also False when async handlers are to run on the very loop that this blocks: there, `await aflush()`.
        """
        through = self._lanes.flush(timeout)
        if not through and _running_loop() is not None:
            LOG.warning(
                "flush() blocks the event loop that async handlers run on, so they are not through: await aflush()"
            )
        return through

    async def aflush(self, timeout: float | None = _FLUSH_S) -> bool:
        """Return when the handlers are through with all that was told before; False after `timeout` seconds."""
        return await run_in_thread(self._lanes.flush, timeout)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


crewai_event_bus = EventBus()
"""The process's bus."""


class BaseEventListener(ABC):
    """Handlers that belong together. Making an instance registers them, for as long as the process lives."""

    verbose: bool = False

    def __init__(self) -> None:
        super().__init__()
        self.setup_listeners(crewai_event_bus)

    @abstractmethod
    def setup_listeners(self, crewai_event_bus: EventBus) -> None:
        """Register the handlers: functions with `@crewai_event_bus.on(...)`."""
