"""What a batch has come to so far: a reader of its events and of its outcomes, in numbers and in a line."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from aiocrew.cli.inputs import InputStream
from aiocrew.cli.words import Failures, clock_time, dollars
from aiocrew.types.context import here
from aiocrew.types.events import CrewKickoffCompleted, CrewKickoffFailed, Event, LLMCallCompleted
from aiocrew.types.outputs import FailedRun, Outcome

__all__ = ["BatchCounts"]

_RATE_OVER_S = 10.0


class BatchCounts:
    """Counts for one batch; `inputs` is where it takes them from.

    It is changed by the thread of the event loop and may be looked at by any other. Tokens and cost are those of the
    outcomes, also of those that a journal had.
    """

    def __init__(self, inputs: InputStream, now_s: float) -> None:
        self._inputs = inputs
        self._began_s = now_s
        self._looks: deque[tuple[float, int]] = deque([(now_s, 0)])
        self._calls_here = 0
        self._ended_here = 0
        self._ran = 0
        self.failures = Failures()
        self.ok = 0
        self.failed = 0
        self.unfinished = 0
        """Inputs that the batch cut off, or did not come to."""
        self.calls = 0
        self.tokens = 0
        self.cost_usd: float | None = 0.0
        """None once the cost of one outcome is not known."""

    @property
    def done(self) -> int:
        return self.ok + self.failed

    @property
    def in_flight(self) -> int:
        """How many inputs are under way."""
        return self._inputs.given - self.done - self.unfinished

    @property
    def recorded(self) -> int:
        """How many outcomes the journal had; exact once all of them were taken."""
        return max(0, self._ran - self._ended_here)

    def emit(self, event: Event) -> None:
        match event:
            case LLMCallCompleted():
                self._calls_here += 1
            case CrewKickoffFailed(cancelled=True):
                pass
            case CrewKickoffCompleted() | CrewKickoffFailed():
                self._ended_here += here.get() is None  # one inside another is a tool's
            case _:
                pass

    def take(self, outcome: Outcome) -> None:
        """Count an outcome."""
        usage, cost_usd = outcome.token_usage, outcome.cost_usd
        self.calls += usage.successful_requests
        self.tokens += usage.total_tokens
        self.cost_usd = None if self.cost_usd is None or cost_usd is None else self.cost_usd + cost_usd
        if not isinstance(outcome, FailedRun):
            self.ok += 1
            self._ran += 1
        elif outcome.status == "failed":
            self.failed += 1
            self._ran += outcome.attempts > 0
            self.failures.take(outcome.error)
        else:
            self.unfinished += 1

    def state(self, now_s: float) -> str:
        """Return one line on how it stands."""
        total = self._inputs.total
        parts = [
            f"{self.done:,} done" if total is None else f"{self.done:,} of {total:,} done",
            f"{self.failed:,} failed",
            f"{self.in_flight:,} in flight",
            f"{self._rate(now_s):,.1f} calls a second",
            *self.used(),
        ]
        left_s = self._left_s(now_s)
        return ", ".join(parts if left_s is None else [*parts, f"{clock_time(left_s)} left"])

    def used(self) -> Iterator[str]:
        """Give what the outcomes used, in words; the cost where it is known."""
        yield f"{self.tokens:,} tokens"
        if self.cost_usd is not None:
            yield dollars(self.cost_usd)

    def _rate(self, now_s: float) -> float:
        """Return the calls a second over the last seconds."""
        self._looks.append((now_s, self._calls_here))
        while len(self._looks) > 2 and self._looks[0][0] < now_s - _RATE_OVER_S:
            self._looks.popleft()
        since_s, calls = self._looks[0]
        return (self._calls_here - calls) / max(now_s - since_s, 1e-6)

    def _left_s(self, now_s: float) -> float | None:
        # By what was run here: what the journal had came at once.
        if self._inputs.total is None or not self._ended_here:
            return None
        return max(0, self._inputs.total - self.done) * (now_s - self._began_s) / self._ended_here
