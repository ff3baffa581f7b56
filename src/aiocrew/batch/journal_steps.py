"""Steps behind a journal: what was finished is not done again."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar, cast

import msgspec

from aiocrew.aio.variables import set_back
from aiocrew.batch.journal_rows import Claimed, JournalRows
from aiocrew.batch.journal_thread import JournalThread
from aiocrew.errors import InterruptedToolError, JournalError
from aiocrew.types.context import active_runtime
from aiocrew.types.paths import Path
from aiocrew.types.ports import Branch, Branches, Effect, Steps

__all__ = ["InputProgress", "JournalSteps", "as_json"]

T = TypeVar("T")

_PLAIN = {type(None), bool, float, str}
_INTEGERS = range(-(2**63), 2**64)
"""Larger ones come back from JSON as floats."""


@dataclass(slots=True)
class InputProgress:
    """How far this process came with an input."""

    claimed: Claimed
    asked: bool = False
    """A step was asked for."""
    failed: int = 0
    """Steps that failed, or are under way. One that was cut off did not fail: then something beside it did."""
    interrupted: list[Path] = field(default_factory=list[Path])
    """Steps that were cut off before, and may not be done again unless the user says so."""
    lost: JournalError | None = None
    """Why a step could not be recorded, or not be read."""

    @property
    def replays(self) -> bool:
        """Whether a failure came of what steps gave: the recorded results would lead to it again."""
        return self.asked and not self.failed


class JournalSteps:
    """Gives the recorded result of a step that is still the same; carries out any other and records its result.

    A result is durable before the run goes on. Failures are not recorded, nor what does not come back equal from JSON:
    such a step is done again. What runs inside a step (a crew that a tool kicks off) is a part of it and is not
    recorded by itself. A step whose effect cannot be told from another one is done again, too.
    """

    def __init__(self, inner: Steps, thread: JournalThread, progress: InputProgress, journal: str) -> None:
        self._inner = inner
        self._thread = thread
        self._progress = progress
        self._journal = journal

    async def step(
        self, path: Path, body: Callable[[], Awaitable[T]], returns: type[T], effect: Effect | None = None
    ) -> T:
        """Give what the port says. Raises InterruptedToolError where it is not known how an effect that may not be
        repeated ended, JournalError, and what `body` raises.
        """
        progress = self._progress
        progress.asked = True
        progress.failed += 1  # as long as nothing else is known
        try:
            value = await self._known_or_done(path, body, returns, effect)
        except asyncio.CancelledError:
            progress.failed -= 1
            raise
        progress.failed -= 1
        return value

    async def _known_or_done(
        self, path: Path, body: Callable[[], Awaitable[T]], returns: type[T], effect: Effect | None
    ) -> T:
        claimed = self._progress.claimed
        digest = claimed.digest if effect is None else _digest(effect)
        known = claimed.steps.pop(path, None)
        if known is not None and known.result is not None and digest and known.digest == digest:
            return self._read(path, known.result, returns)
        announced = effect is not None and effect.announced
        if effect is not None and announced:
            if known is not None and known.result is None and not effect.repeatable:
                raise self._interrupted(path, effect.label)
            await self._announce(path, digest)
        value = await self._carry_out(path, body, returns, effect)
        result = as_json(value, returns)
        if result is not None and digest:
            await self._ask(lambda rows: rows.keep(claimed, path, digest, result, announced=announced))
        return value

    def branches(self, specs: Iterable[Branch[T]] = ()) -> AbstractAsyncContextManager[Branches[T]]:
        return self._inner.branches(specs)

    async def _announce(self, path: Path, digest: bytes) -> None:
        claimed = self._progress.claimed
        try:
            await self._ask(lambda rows: rows.keep(claimed, path, digest, None, announced=True))
        except asyncio.CancelledError:  # it will not begin after all
            self._thread.post(lambda rows: rows.drop_beginning(claimed, path))
            raise

    async def _carry_out(
        self, path: Path, body: Callable[[], Awaitable[T]], returns: type[T], effect: Effect | None
    ) -> T:
        apart = partial(self._apart, body)
        if effect is None or not effect.announced:
            return await self._inner.step(path, apart, returns, effect)
        try:
            return await self._inner.step(path, apart, returns, effect)
        except Exception:  # a tool that raised has ended; how one ended that was cancelled, nobody knows
            await self._ask(lambda rows: rows.drop_beginning(self._progress.claimed, path))
            raise

    async def _apart(self, body: Callable[[], Awaitable[T]]) -> T:
        # A run inside this step has paths of its own that are equal to this run's.
        runtime = active_runtime.get()
        if runtime is None:
            return await body()
        token = active_runtime.set(replace(runtime, steps=self._inner))
        try:
            return await body()
        finally:
            set_back(token)

    async def _ask(self, work: Callable[[JournalRows], None]) -> None:
        try:
            await self._thread.ask(work)
        except JournalError as error:
            self._progress.lost = error
            raise

    def _read(self, path: Path, result: bytes, returns: type[Any]) -> Any:
        try:
            return msgspec.json.decode(result, type=Any if returns is object else returns)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            self._progress.lost = JournalError(
                f"the journal {self._journal!r}: what it has of the step {path} of the input "
                f"{self._progress.claimed.key!r} is no {returns.__name__}; it is damaged, or was written by another "
                "version of aiocrew. Go back to a copy of it, or give a new path to begin again",
                path=self._journal,
            )
            raise self._progress.lost from error

    def _interrupted(self, path: Path, tool: str) -> InterruptedToolError:
        self._progress.interrupted.append(path)
        return InterruptedToolError(
            f"a call of the tool {tool!r} ({path} of the input {self._progress.claimed.key!r}) was cut off, and the "
            "tool has idempotent=False. Look whether it took effect; then retry_failed=True runs it again",
            tool=tool,
        )


def as_json(value: object, returns: type[Any]) -> bytes | None:
    """Return `value` as JSON that reads back as an equal value of the type `returns`, or None where there is none.

    `object` as the type stands for None, texts, numbers, and lists and dicts of these.
    """
    try:
        if returns is object and not _is_plain(value):
            return None
        encoded = msgspec.json.encode(value)
        back = msgspec.json.decode(encoded, type=Any if returns is object else returns)
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError):
        return None
    return encoded if back == value else None


def _is_plain(value: object) -> bool:
    # By the exact type: an enum's member is equal to its number, but is not what comes back.
    kind = type(value)
    if kind is list:
        return all(map(_is_plain, cast("list[object]", value)))
    if kind is dict:
        items = cast("dict[object, object]", value).items()
        return all(type(name) is str and _is_plain(held) for name, held in items)
    return kind in _PLAIN or (kind is int and value in _INTEGERS)


def _digest(effect: Effect) -> bytes:
    """Return a digest of what `effect` is about to do; empty where that cannot be told."""
    try:
        content = effect.content()
    except UnicodeEncodeError:  # half a surrogate pair: models do write them
        return b""
    return hashlib.blake2b(content, digest_size=16).digest()
