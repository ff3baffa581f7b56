"""Whose line it is that keeps a loop from going on."""

from __future__ import annotations

import asyncio
import sys

import msgspec
import pytest

from aiocrew.aio.watch import Frame
from aiocrew.seeing.blame import Owner, blame_for_block, calling_site, owner_of
from aiocrew.seeing.report import Cause
from aiocrew.types.places import PACKAGE

LOOP = [Frame(asyncio.events.__file__, 80, "_run"), Frame(asyncio.base_events.__file__, 1900, "_run_once")]
MAIN = Frame("/app/main.py", 99, "<module>")
SITE = "/usr/lib/python3/site-packages"


def ours(name: str, function: str = "f") -> Frame:
    return Frame(PACKAGE + name, 1, function)


def user(line: int = 7, function: str = "look_up") -> Frame:
    return Frame("/app/tools.py", line, function)


@pytest.mark.parametrize(
    ("inner", "cause", "line"),
    [
        ([user(), ours("tools/calling.py"), ours("agent/loop.py")], Cause.BLOCKED_LOOP, 7),
        ([user(), ours("aio/functions.py"), ours("agent/callbacks.py")], Cause.BLOCKING_CALLBACK, 7),
        ([user(), ours("types/context.py", "emit"), ours("agent/usage.py")], Cause.SLOW_READER, 7),
        ([Frame(f"{SITE}/requests/api.py", 3, "get"), user(8)], Cause.BLOCKED_LOOP, 8),
        ([user(9, "route")], Cause.BLOCKED_LOOP, 9),
        ([Frame(f"{SITE}/their_tool.py", 5, "_arun"), ours("tools/calling.py")], Cause.BLOCKED_LOOP, 5),
    ],
)
def test_the_innermost_line_of_the_users_is_to_blame(inner: list[Frame], cause: Cause, line: int) -> None:
    blame = blame_for_block((*inner, *LOOP, MAIN))
    assert blame is not None
    assert (blame.cause, blame.frame.line) == (cause, line)


@pytest.mark.parametrize(
    "inner",
    [
        [],
        [ours("agent/loop.py"), user()],
        [Frame(f"{SITE}/pydantic/main.py", 5, "validate"), ours("crew/plan.py"), user()],
        [user(), Frame(f"{SITE}/aiohttp/connector.py", 5, "connect"), ours("net/exchange.py")],
        [Frame(f"{SITE}/uvicorn/protocol.py", 5, "data_received")],
        [
            user(function="connect"),
            Frame(asyncio.selector_events.__file__, 651, "_sock_connect"),
            Frame(f"{SITE}/asyncpg/connect_utils.py", 5, "_connect_addr"),
            user(),
            ours("tools/calling.py"),
        ],
    ],
)
def test_nobody_is_to_blame_for_what_aiocrew_and_the_loop_do_themselves(inner: list[Frame]) -> None:
    assert blame_for_block((*inner, *LOOP, MAIN)) is None


def test_files_belong_to_whom_they_belong() -> None:
    assert owner_of(asyncio.__file__) is Owner.STANDARD
    assert owner_of("<frozen importlib._bootstrap>") is Owner.STANDARD
    assert owner_of(msgspec.__file__) is Owner.LIBRARY
    assert owner_of(PACKAGE + "crew/crew.py") is Owner.OURS
    assert owner_of(__file__) is Owner.USER


async def test_a_site_has_the_lines_that_await_and_ends_at_the_loop() -> None:
    async def inner() -> list[str]:
        return [frame.function for frame in calling_site(sys._getframe(0)).lines]

    async def outer() -> list[str]:
        return await inner()

    async def in_a_task() -> list[str]:
        return await asyncio.ensure_future(outer())

    assert (await outer())[:3] == ["inner", "outer", "test_a_site_has_the_lines_that_await_and_ends_at_the_loop"]
    assert await in_a_task() == ["inner", "outer"]
