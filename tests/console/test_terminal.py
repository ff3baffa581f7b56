"""The human at the terminal, in a process of its own whose stdin is a pipe or a terminal."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import pytest

from aiocrew.console.terminal import TerminalHuman
from aiocrew.errors import UsageError
from aiocrew.types.paths import ROOT
from aiocrew.types.ports import Question

PROGRAM = """
import asyncio, os, sys
from aiocrew.console.terminal import TERMINAL
from aiocrew.types.paths import ROOT
from aiocrew.types.ports import Question

def ask(answer):
    return asyncio.ensure_future(TERMINAL.ask(Question("crew", "task", "agent", answer, "run", ROOT)))

def said(word):
    print(word, flush=True)

async def told_to_go_on():
    await asyncio.to_thread(os.read, int(sys.argv[1]), 1)
"""
"""What each program begins with. It tells how far it is by lines on stdout; questions go to stderr."""

SHOWN = "An empty line accepts it: "
PATIENCE_S = 30.0


class Child:
    """A program, what it has written, and its stdin."""

    def __init__(self, process: asyncio.subprocess.Process, stdin: int, signal: int) -> None:
        self._process = process
        self._stdin = stdin
        self._signal = signal

    def type(self, line: str) -> None:
        os.write(self._stdin, line.encode())

    def go_on(self) -> None:
        os.write(self._signal, b".")

    def hang_up(self) -> None:
        """Close stdin. A second time does nothing."""
        if self._stdin >= 0:
            os.close(self._stdin)
            self._stdin = -1

    async def line(self) -> str:
        """Return the next line of stdout."""
        assert self._process.stdout is not None
        return (await self._process.stdout.readline()).decode().strip()

    async def question(self) -> str:
        """Return what stderr shows up to the end of the next question."""
        assert self._process.stderr is not None
        return (await self._process.stderr.readuntil(SHOWN.encode())).decode()

    async def ended(self) -> tuple[int, str]:
        """Return the exit code, and what stderr showed besides."""
        assert self._process.stderr is not None
        rest = (await self._process.stderr.read()).decode()
        return await self._process.wait(), rest


@contextmanager
def ends_of(kind: str) -> Iterator[tuple[int, int]]:
    """Give the child's end of a pipe or a terminal, and ours."""
    if kind == "pipe":
        theirs, ours = os.pipe()
    else:
        pty = pytest.importorskip("pty")
        ours, theirs = pty.openpty()
    try:
        yield theirs, ours
    finally:
        with suppress(OSError):
            os.close(theirs)


@asynccontextmanager
async def running(body: str, kind: str = "pipe") -> AsyncIterator[Child]:
    with ends_of(kind) as (theirs, ours), ends_of("pipe") as (heard, signal):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            PROGRAM + body,
            str(heard),
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(heard,),
        )
    child = Child(process, ours, signal)
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield child
    finally:
        child.hang_up()
        os.close(signal)
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@pytest.mark.parametrize("kind", ["pipe", "pty"])
async def test_the_loop_goes_on_while_a_person_thinks(kind: str) -> None:
    program = """
async def main():
    asked = ask("bees")
    for _ in range(100):
        await asyncio.sleep(0)
    said("still here")
    said(repr(await asked))
asyncio.run(main())
"""
    async with running(program, kind) as child:
        assert "agent answers to 'task':\n    bees\n" in (await child.question()).replace("\r\n", "\n")
        assert await child.line() == "still here"
        child.type("more of them\n")
        assert await child.line() == "'more of them'"
        assert await child.ended() == (0, "")


async def test_questions_side_by_side_are_shown_one_after_the_other() -> None:
    program = """
async def main():
    print(await asyncio.gather(*map(ask, "abc")))
asyncio.run(main())
"""
    async with running(program) as child:
        for answer in "abc":
            shown = await child.question()
            assert f"    {answer}\n" in shown
            child.type(f"to {answer}\n")
        assert await child.line() == "['to a', 'to b', 'to c']"
        assert await child.ended() == (0, "")


async def test_lines_that_are_there_before_they_are_asked_for_are_given_in_order() -> None:
    program = """
async def main():
    for word in "abc":
        said(await ask(word))
asyncio.run(main())
"""
    async with running(program) as child:
        child.type("1\n2\n\n")
        assert [await child.line() for _ in range(3)] == ["1", "2", ""]


async def test_two_loops_in_two_threads_share_the_terminal() -> None:
    program = """
import threading
async def main(word):
    said(f"{word} {await ask(word)}")
threads = [threading.Thread(target=lambda word=word: asyncio.run(main(word))) for word in "ab"]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
    async with running(program) as child:
        lines = []
        for n in range(2):
            await child.question()
            child.type(f"{n}\n")
            lines.append(await child.line())
        assert sorted(line.split()[0] for line in lines) == ["a", "b"]
        assert [line.split()[1] for line in lines] == ["0", "1"]


@pytest.mark.parametrize("waits_already", [True, False])
async def test_the_line_of_a_cancelled_question_goes_to_the_next_one(waits_already: bool) -> None:
    program = f"""
async def main():
    first = ask("first")
    await asyncio.sleep(0)
    second = ask("second") if {waits_already} else None
    await told_to_go_on()
    first.cancel()
    await asyncio.wait([first])
    second = second or ask("second")
    said(await second)
    said(first.cancelled())
asyncio.run(main())
"""
    async with running(program) as child:
        assert "    first\n" in await child.question()
        child.go_on()
        assert "    second\n" in await child.question()
        child.type("for the second\n")
        assert await child.line() == "for the second"
        assert await child.line() == "True"
        assert await child.ended() == (0, "")


async def test_a_question_that_is_cancelled_before_it_is_shown_is_never_shown() -> None:
    program = """
async def main():
    tasks = [ask(word) for word in "abc"]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.wait([tasks[1]])
    said("cancelled")
    for task in (tasks[0], tasks[2]):
        said(await task)
asyncio.run(main())
"""
    async with running(program) as child:
        shown = []
        assert await child.line() == "cancelled"
        for line in ("1\n", "2\n"):
            shown.append(await child.question())
            child.type(line)
            assert await child.line() == line.strip()
        assert "    b\n" not in "".join(shown)
        assert await child.ended() == (0, "")


@pytest.mark.parametrize("kind", ["pipe", "pty"])
async def test_a_process_ends_at_once_though_nobody_answers(kind: str) -> None:
    program = """
async def main():
    asked = ask("bees")
    await asyncio.sleep(0)
    said("asked")
asyncio.run(main())
"""
    async with running(program, kind) as child:
        assert await child.line() == "asked"
        code, rest = await child.ended()
        assert (code, "Traceback" in rest, "Fatal" in rest) == (0, False, False)


async def test_at_the_end_of_stdin_every_question_says_what_to_do() -> None:
    program = """
async def main():
    for outcome in await asyncio.gather(ask("a"), ask("b"), return_exceptions=True):
        said(type(outcome).__name__)
    try:
        await ask("later")
    except Exception as error:
        said(error)
asyncio.run(main())
"""
    async with running(program) as child:
        child.hang_up()
        assert [await child.line(), await child.line()] == ["UsageError", "UsageError"]
        assert "give RunOptions(human=...)" in await child.line()


async def test_what_stands_in_an_answer_does_not_drive_the_terminal() -> None:
    async with running('asyncio.run(TERMINAL.ask(Question("c", "t", "a", "x\\x1b[2Jy", "r", ROOT)))') as child:
        assert "x\\x1b[2Jy" in await child.question()
        child.type("\n")
        assert await child.ended() == (0, "")


class Refusing:
    """stdin as a test runner has it."""

    def readline(self) -> str:
        raise OSError("reading from stdin while output is captured")


@pytest.mark.parametrize("stdin", [None, Refusing()])
async def test_a_stdin_that_cannot_be_read_fails_each_question_and_no_other_hangs(
    stdin: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", stdin)
    human = TerminalHuman()
    for _ in range(2):
        with pytest.raises(UsageError, match="cannot be read"):
            await human.ask(Question("c", "t", "a", "bees", "r", ROOT))


async def test_a_closed_stderr_keeps_nobody_from_answering(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed:
        def write(self, text: str) -> int:
            raise ValueError("I/O operation on closed file")

    class Typed:
        def readline(self) -> str:
            return "yes\n"

    monkeypatch.setattr("sys.stderr", Closed())
    monkeypatch.setattr("sys.stdin", Typed())
    assert await TerminalHuman().ask(Question("c", "t", "a", "bees", "r", ROOT)) == "yes"
