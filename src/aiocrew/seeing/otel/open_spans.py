"""The spans of a run that have begun and not ended, by path."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections import Counter
from contextvars import Token
from typing import Any

from opentelemetry import context as contexts
from opentelemetry.context import Context
from opentelemetry.trace import Span, set_span_in_context

from aiocrew.aio.variables import set_back
from aiocrew.seeing.otel.called import CalledModel
from aiocrew.types.messages import FinishReason, ToolCall, ToolSpec
from aiocrew.types.paths import Path

__all__ = ["OpenAgent", "OpenCall", "OpenSpan", "RunSpans", "Runs"]

_MANY = 1_024


class OpenSpan:
    """A span under way, which is the current one for the code that it is about."""

    __slots__ = ("above", "agent", "began_s", "context", "failed_below", "name", "span", "token")

    def __init__(
        self,
        span: Span,
        parent: Context,
        began_s: float,
        name: str,
        above: OpenSpan | None,
        agent: OpenAgent | None,
    ) -> None:
        self.span = span
        self.context = set_span_in_context(span, parent)
        self.began_s = began_s
        self.name = name
        """What it is of: a crew, an agent, a model, a tool."""
        self.above = above
        """The span of ours that it lies below; None for a run that the application started."""
        self.agent = agent
        """Who does this; None for what no agent does."""
        self.failed_below: set[str] | None = None
        """How spans below it failed: the same error is not recorded again when it passes through here."""
        self.token: Token[Context] | None = contexts.attach(self.context)

    def is_first_with(self, message: str) -> bool:
        """Return whether no span below has failed with this error, and let the one above know of it."""
        above = self.above
        if above is not None:
            above.failed_below = above.failed_below or set()
            above.failed_below.add(message)
        return self.failed_below is None or message not in self.failed_below

    def leave(self) -> None:
        """Let the span that was current before be so again, in the task that this one was begun in."""
        token, self.token = self.token, None
        if token is not None:
            # Not by `detach`, which writes an error to the log where it is called from another task.
            set_back(token)


class OpenAgent(OpenSpan):
    """An agent at work, and what it has used so far; what a co-worker does for it counts for the co-worker."""

    __slots__ = ("finish_reason", "model", "model_calls", "tool_calls", "tools", "used")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.model: CalledModel | None = None
        self.model_calls = self.tool_calls = 0
        self.used = Counter[str]()
        """Tokens, by the name of their attribute."""
        self.finish_reason: FinishReason | None = None
        """Of the last reply."""
        self.tools: tuple[ToolSpec, ...] = ()
        """What it was offered last."""


class OpenCall(OpenSpan):
    """A model call under way."""

    __slots__ = ("attempts", "chunk_s", "first_chunk_s", "model", "queued_s", "sent_s", "waited_s")

    def __init__(self, *args: Any, model: CalledModel) -> None:
        super().__init__(*args)
        self.model = model
        self.attempts = 0
        self.sent_s = self.began_s
        self.queued_s: float | None = None
        """Since when the attempt waits."""
        self.waited_s = 0.0
        self.first_chunk_s: float | None = None
        """From sending to the first piece of the reply."""
        self.chunk_s: float | None = None
        """When the last piece came, in monotonic seconds."""


class RunSpans:
    """What is open of one run."""

    __slots__ = ("_task", "asked", "began", "is_solo", "last_s", "open", "root", "tasks")

    def __init__(self, root: Path, *, is_solo: bool) -> None:
        self.root = root
        self.is_solo = is_solo
        """It is an agent's own run: the run's span is the agent's."""
        self.open: dict[Path, OpenSpan] = {}
        self.tasks: dict[Path, str] = {}
        self.asked: dict[Path, tuple[ToolCall, ...]] = {}
        """What the reply of a turn under way asks for, by the turn's path."""
        self.began: dict[Path, float] = {}
        """When guardrails and callbacks under way began."""
        self.last_s = 0.0
        """When the last event happened."""
        task = _current_task()
        self._task = None if task is None else weakref.ref(task)

    def above(self, path: Path) -> OpenSpan | None:
        """Return the innermost open span at `path` or above it."""
        at: str = path
        while at:
            found = self.open.get(Path(at))
            if found is not None:
                return found
            at = at.rpartition("/")[0]
        return None

    def take(self, path: Path) -> OpenSpan | None:
        """Return the open span at `path`, which has ended: it is kept no longer, and is no longer the current one."""
        taken = self.open.pop(path, None)
        if taken is not None:
            # First of all: whatever else fails at its end, nothing of the application's may come to lie below it.
            taken.leave()
        return taken

    def take_all(self) -> list[OpenSpan]:
        """Return all that is open, the innermost first, likewise."""
        taken = list(reversed(self.open.values()))
        self.open.clear()
        for opened in taken:
            opened.leave()
        return taken

    @property
    def is_abandoned(self) -> bool:
        """Whether its end will never be told: its task has ended, or its loop is closed."""
        if self._task is None:
            return False
        task = self._task()
        return task is None or task.done() or task.get_loop().is_closed()


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


class Runs:
    """The runs under way. Those whose end is never told are found when there are many: they are at most half of all."""

    def __init__(self) -> None:
        self._runs: dict[str, RunSpans] = {}
        self._lock = threading.Lock()
        """Runs of several loops begin and end in several threads."""
        self._enough = _MANY

    def __len__(self) -> int:
        return len(self._runs)

    def get(self, run_id: str) -> RunSpans | None:
        return self._runs.get(run_id)

    def add(self, run_id: str, run: RunSpans) -> list[RunSpans]:
        """Keep `run`; return those that were found to be abandoned, which are kept no longer."""
        with self._lock:
            self._runs[run_id] = run
            if len(self._runs) <= self._enough:
                return []
        found = self.take_abandoned()
        self._enough = max(_MANY, 2 * len(self._runs))
        return found

    def take(self, run_id: str) -> RunSpans | None:
        with self._lock:
            return self._runs.pop(run_id, None)

    def take_abandoned(self) -> list[RunSpans]:
        with self._lock:
            found = [run_id for run_id, run in self._runs.items() if run.is_abandoned]
            return [self._runs.pop(run_id) for run_id in found]
