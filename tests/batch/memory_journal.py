"""A journal in memory, that says what it was asked."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from types import TracebackType

from aiocrew.types.journal import Beginning, Begun, Elsewhere, Recorded
from aiocrew.types.ports import Steps

__all__ = ["MemoryJournal"]


class MemoryJournal(AbstractAsyncContextManager["MemoryJournal"]):
    """`elsewhere` holds the keys that another process is doing."""

    def __init__(self) -> None:
        self.records: dict[str, tuple[bytes, bytes, bool]] = {}
        self.attempts: dict[str, int] = {}
        self.elsewhere: set[str] = set()
        self.claimed: dict[str, bytes] = {}
        self.given_up: list[str] = []
        self.asked: list[str] = []
        self.wrapped: list[Steps] = []
        self.opened = self.closed = 0

    async def __aenter__(self) -> MemoryJournal:
        self.opened += 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.closed += 1
        assert not self.claimed, "closed with claims that nobody gave up"

    async def begin(self, key: str, digest: bytes, *, retry_failed: bool) -> Beginning:
        self.asked.append(key)
        if key in self.elsewhere:
            return Elsewhere("process 1 on another-host")
        assert key not in self.claimed
        if key in self.records:
            known, outcome, ok = self.records[key]
            if known == digest and (ok or not retry_failed):
                return Recorded(outcome, self.attempts[key])
        self.claimed[key] = digest
        self.attempts[key] = self.attempts.get(key, 0) + 1
        return Begun(self.attempts[key], self._steps)

    def _steps(self, inner: Steps) -> Steps:
        self.wrapped.append(inner)
        return inner

    async def end(self, key: str, outcome: bytes, *, ok: bool, timed_out: bool = False) -> None:
        self.records[key] = (self.claimed.pop(key), outcome, ok)

    async def give_up(self, key: str) -> None:
        del self.claimed[key]
        self.given_up.append(key)
