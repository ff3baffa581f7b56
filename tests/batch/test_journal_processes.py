"""A journal whose processes are killed, and one that several of them share."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aiocrew.batch.journal import open_journal
from aiocrew.errors import InterruptedToolError
from aiocrew.types.journal import Begun, Elsewhere, Recorded
from tests.batch.journal_child import MOST_INPUTS
from tests.batch.journal_scenes import DIGEST, Counted, Doing, begun
from tests.server.children import ROOT

Child = subprocess.Popen[str]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "batch.sqlite"


@contextmanager
def running(does: str, file: Path) -> Iterator[Child]:
    """Run a child that `does` something; at the block's end it is killed if it is still there."""
    command = [sys.executable, "-m", "tests.batch.journal_child", does, str(file)]
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with child:
        try:
            yield child
        finally:
            child.kill()


def line(child: Child) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def rest(child: Child) -> list[str]:
    """Return the whole lines that the child still said."""
    assert child.stdout is not None
    return [said.strip() for said in child.stdout.read().splitlines(keepends=True) if said.endswith("\n")]


def kill_and_leave_a_zombie(child: Child) -> None:
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)


def go_on(child: Child) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


@pytest.mark.parametrize("lines", [1, 40, 300])
async def test_whatever_was_acknowledged_before_a_kill_is_there(file, lines):
    with running("record", file) as child:
        said = [line(child) for _ in range(lines)]
        child.kill()
        said += rest(child)
    assert "finished" not in said
    ended = {words.split()[1] for words in said if words.startswith("end")}
    steps = {tuple(words.split()[1:]) for words in said if words.startswith("step")}
    async with open_journal(file) as journal:
        for key in {key for key, _ in steps}:
            beginning = await journal.begin(key, DIGEST, retry_failed=False)
            if isinstance(beginning, Recorded):
                assert beginning == Recorded(key.encode(), 1)
                continue
            assert key not in ended
            await journal.give_up(key)
            known = await begun(journal, key)
            for number in range(3):
                value = await known.step(f"run/{number}", Counted("done again"), str, Doing("ask"))
                assert value == f"{key}/{number}" or (key, str(number)) not in steps


def test_processes_that_share_a_journal_do_no_input_twice(file):
    with running("share", file) as first, running("share", file) as second:
        children = [first, second]
        assert [line(child) for child in children] == ["open", "open"]
        for child in children:
            go_on(child)
        did = [words for child in children for words in rest(child)]
    assert sorted(did) == sorted(f"did {number}" for number in range(MOST_INPUTS))


async def test_an_input_is_elsewhere_while_its_process_lives_and_free_when_it_is_killed(file):
    async with open_journal(file) as journal:
        with running("hold", file) as child:
            assert line(child) == "begun"
            beginning = await journal.begin("a", DIGEST, retry_failed=False)
            assert isinstance(beginning, Elsewhere)
            assert beginning.owner.startswith(f"process {child.pid} on ")
            kill_and_leave_a_zombie(child)
            assert isinstance(await journal.begin("a", DIGEST, retry_failed=False), Begun)


async def test_a_process_that_ends_well_gives_its_input_up(file):
    async with open_journal(file) as journal:
        with running("hold", file) as child:
            assert line(child) == "begun"
            go_on(child)
            assert child.wait(30) == 0
        assert isinstance(await journal.begin("a", DIGEST, retry_failed=False), Begun)


async def test_a_kill_in_a_tool_that_may_not_run_twice_fails_the_input(file):
    with running("pay", file) as child:
        assert line(child) == "paying"
    pay, effect = Counted("paid"), Doing("pay", announced=True, repeatable=False)
    async with open_journal(file) as journal:
        steps = await begun(journal)
        with pytest.raises(InterruptedToolError, match=r"'doing' \(run/tool-0 of the input 'a'\) was cut off"):
            await steps.step("run/tool-0", pay, str, effect)
        await journal.end("a", b"failure", ok=False)
        steps = await begun(journal, retry_failed=True)
        assert await steps.step("run/tool-0", pay, str, effect) == "paid"
    assert pay.times == 1


def test_a_journal_that_was_killed_again_and_again_is_whole(file):
    finished = False
    for lines in (5, 40, 80, 160, 0):
        with running("record", file) as child:
            for _ in range(lines):
                line(child)
            if not lines:
                finished = "finished" in rest(child)
    assert finished

    async def outcomes() -> list[object]:
        async with open_journal(file) as journal:
            return [await journal.begin(str(number), DIGEST, retry_failed=False) for number in range(MOST_INPUTS)]

    assert asyncio.run(outcomes()) == [Recorded(str(number).encode(), 1) for number in range(MOST_INPUTS)]
