"""Whatever happens to a journal, it holds what it acknowledged: any sequence of calls and crashes, against a model."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocrew.aio.steps import LocalSteps
from aiocrew.batch.journal import open_journal
from aiocrew.errors import InterruptedToolError
from aiocrew.types.journal import BatchJournal, Begun, Elsewhere, Recorded
from tests.batch.journal_scenes import Counted, Doing, copied

keys, digests, paths = st.sampled_from("ab"), st.sampled_from([b"1", b"2"]), st.sampled_from(["run/0", "run/1"])
asking = st.tuples(st.just("ask"), keys, paths, st.sampled_from(["ask", "ask politely"]))
paying = st.tuples(st.just("pay"), keys, paths, st.booleans())
actions = st.one_of(
    st.tuples(st.just("begin"), keys, digests, st.booleans()),
    asking,
    paying,
    st.tuples(st.just("end"), keys, st.booleans()),
    st.tuples(st.just("give_up"), keys),
    st.just(("crash",)),
)


@dataclass
class Known:
    """What the journal must hold of one input."""

    digest: bytes = b""
    attempts: int = 0
    outcome: tuple[bytes, bool] | None = None
    steps: dict[str, tuple[str, str | None, bool]] = field(default_factory=dict)
    """By path: the effect, its result (None: it began), and whether it was announced."""


class Play:
    """Plays actions on a journal and on the model of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "0.sqlite"
        self._numbers = count(1)
        self._known: dict[str, Known] = {}
        self._going: dict[str, Any] = {}
        self._asked: set[str] = set()
        self._unfinished: set[str] = set()

    async def carry_out(self, script: list[tuple[Any, ...]]) -> None:
        rest = iter(script)
        ended = False
        while not ended:
            async with AsyncExitStack() as stack:
                journal = await stack.enter_async_context(open_journal(self._file))
                self._going.clear()
                ended = True
                for name, *how in rest:
                    if name == "crash":
                        self._file = copied(self._file, self._folder / f"{next(self._numbers)}.sqlite")
                        ended = False
                        break
                    await getattr(self, f"_{name}")(journal, *how)

    async def _begin(self, journal: BatchJournal, key: str, digest: bytes, retry_failed: bool) -> None:
        beginning = await journal.begin(key, digest, retry_failed=retry_failed)
        known = self._known.setdefault(key, Known())
        failed = known.outcome is not None and not known.outcome[1]
        if known.outcome is not None and known.digest == digest and not (failed and retry_failed):
            assert beginning == Recorded(known.outcome[0], known.attempts)
            return
        if key in self._going:
            assert isinstance(beginning, Elsewhere)
            return
        if not known.attempts or known.digest != digest or failed:
            known.attempts += 1
        if failed and retry_failed:
            known.steps = {path: step for path, step in known.steps.items() if step[1] is not None}
        known.digest, known.outcome = digest, None
        assert isinstance(beginning, Begun)
        assert beginning.attempts == known.attempts
        self._going[key] = beginning.steps(LocalSteps()), set()
        self._asked.discard(key)
        self._unfinished.discard(key)

    async def _ask(self, journal: BatchJournal, key: str, path: str, content: str) -> None:
        await self._step(key, path, Doing(content), content)

    async def _pay(self, journal: BatchJournal, key: str, path: str, is_cut_off: bool) -> None:
        if not is_cut_off:
            await self._step(key, path, Doing("pay", announced=True, repeatable=False), "pay")
            return
        await self._step(key, path, Doing("pay", announced=True, repeatable=False), "pay", cut_off=True)

    async def _step(self, key: str, path: str, effect: Doing, content: str, *, cut_off: bool = False) -> None:
        steps, seen = self._going.get(key, (None, set()))
        if steps is None or path in seen:
            return
        seen.add(path)
        self._asked.add(key)
        known = self._known[key]
        recorded = known.steps.get(path)
        body = Counted(asyncio.CancelledError() if cut_off else f"{content} {next(self._numbers)}")
        if recorded is not None and recorded[1] is not None and recorded[0] == content:
            assert await steps.step(path, body, str, effect) == recorded[1]
            assert body.times == 0
        elif recorded is not None and recorded[1] is None and not effect.repeatable:
            with pytest.raises(InterruptedToolError):
                await steps.step(path, body, str, effect)
            self._unfinished.add(key)
        elif cut_off:
            with pytest.raises(asyncio.CancelledError):
                await steps.step(path, body, str, effect)
            self._unfinished.add(key)
            known.steps[path] = (content, None, True)
        else:
            known.steps[path] = (content, await steps.step(path, body, str, effect), effect.announced)

    async def _end(self, journal: BatchJournal, key: str, ok: bool) -> None:
        if self._going.pop(key, None) is None:
            return
        outcome = str(next(self._numbers)).encode()
        await journal.end(key, outcome, ok=ok)
        known = self._known[key]
        known.outcome = outcome, ok
        if not ok and key in self._asked and key not in self._unfinished:
            known.steps = {path: step for path, step in known.steps.items() if step[2]}

    async def _give_up(self, journal: BatchJournal, key: str) -> None:
        self._going.pop(key, None)
        await journal.give_up(key)


@settings(max_examples=60)
@given(st.lists(actions, max_size=40))
def test_a_journal_holds_what_it_acknowledged(script):
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(Play(Path(folder)).carry_out(script))
