"""What a report says of each cause, and what it tells to write instead. Pure, but for reading source lines."""

from __future__ import annotations

import linecache
from typing import Final

from aiocrew.aio.watch import Frame
from aiocrew.seeing.blame import Blame
from aiocrew.seeing.report import Cause

__all__ = [
    "INSTEAD_OF_EXECUTOR",
    "INSTEAD_OF_SLOW_CALLBACK",
    "INSTEAD_OF_SLOW_READER",
    "blocked",
    "full_executor",
    "instead_of_blocking",
    "instead_of_door",
    "instead_of_limit",
    "instead_of_needless_context",
    "instead_of_waiting",
    "slow_reader",
    "waited",
]

INSTEAD_OF_EXECUTOR: Final = (
    "make the work async; or write the tool as a plain function: aiocrew gives each call a thread of its own at once; "
    "crews need no thread: await crew.kickoff_async()"
)
INSTEAD_OF_SLOW_CALLBACK: Final = "hand the slow part on (a queue, a background task) and return at once"
INSTEAD_OF_SLOW_READER: Final = "hand each outcome on (a queue, a task of its own) and take the next one at once"

_ASYNC_FORMS: Final = (
    ("time.sleep", "await asyncio.sleep(...)"),
    ("requests.", "an async client such as aiohttp or httpx.AsyncClient"),
    ("urllib", "an async client such as aiohttp or httpx.AsyncClient"),
    ("httpx.", "httpx.AsyncClient"),
    ("sqlite3", "aiosqlite, or await asyncio.to_thread(...)"),
    ("psycopg", "psycopg's AsyncConnection, or asyncpg"),
    ("subprocess", "asyncio.create_subprocess_exec"),
)
_DATABASE: Final = ", but no more than the database allows; hold one for the query alone, not across a call"
_MORE_CONNECTIONS: Final = (
    ("aiohttp", ": aiohttp.TCPConnector(limit=...), and limit_per_host= where that is set"),
    ("httpcore", ": httpx.AsyncClient(limits=httpx.Limits(max_connections=...))"),
    ("httpcore2", ": httpx2.AsyncClient(limits=httpx2.Limits(max_connections=...))"),
    ("asyncpg", f": asyncpg.create_pool(max_size=...){_DATABASE}"),
    ("psycopg_pool", f": AsyncConnectionPool(max_size=...){_DATABASE}"),
    ("sqlalchemy", f": create_async_engine(url, pool_size=..., max_overflow=...){_DATABASE}"),
    ("redis", ": BlockingConnectionPool(max_connections=...)"),
)
"""What to write for each library whose pools are known."""
_LONGEST: Final = 80


def _code(frame: Frame) -> str:
    text = linecache.getline(frame.file, frame.line).strip()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def blocked(cause: Cause, blame: Blame, callers: str = "") -> str:
    """Return what a line did that kept a loop from going on, and on whose behalf."""
    who = {
        Cause.BLOCKING_CALLBACK: "a callback kept the event loop from going on",
        Cause.SLOW_READER: "a reader of events kept the event loop from going on",
    }.get(cause, "synchronous code kept the event loop from going on")
    code = _code(blame.frame)
    what = f": {code}" if code else ""
    if blame.doing and blame.doing.split(".")[-1] not in code:
        what += f" (in {blame.doing})"
    if not callers:
        return who + what
    is_itself = blame.caller is not None and blame.caller.frame == blame.frame
    return f"{who}{what}, {'in' if is_itself else 'called by'} {callers}"


def instead_of_blocking(cause: Cause, blame: Blame) -> str:
    """Return what to write instead of such a line."""
    code = f"{_code(blame.frame)} {blame.doing}"
    form = next((form for sign, form in _ASYNC_FORMS if sign in code), None)
    kind = "" if blame.caller is None else blame.caller.kind
    function = {"tool": "the tool", "method": "the flow's method"}.get(kind)
    plain = {
        Cause.BLOCKING_CALLBACK: f"make the {kind or 'callback'} a plain `def`: then it runs in a thread",
        Cause.SLOW_READER: "let emit() put the event into a queue, and read that elsewhere",
    }.get(
        cause,
        "make the function a plain `def` tool, which runs in a thread, or await asyncio.to_thread(...)"
        if function is None
        else f"make {function} a plain `def`, which runs in a thread, or await asyncio.to_thread(...)",
    )
    return plain if form is None else f"{form}; or {plain}"


def instead_of_door(door: str) -> str:
    """Return what to write instead of a synchronous door inside a loop."""
    return f"await crew.{door}_async(...)"


def waited(cause: Cause, what: str) -> str:
    """Return what tasks waited for."""
    if cause is Cause.CONNECTION_POOL:
        return f"requests waited for {what}"
    if cause is Cause.FULL_THREAD_POOL:
        return f"work waited for one of the {what}"
    if _is_counted(what):
        return f"tasks waited here for a {what}, which lets only so many go on at once, while calls were under way"
    return f"tasks waited here for a {what} that others held while calls were under way"


def instead_of_waiting(cause: Cause, what: str) -> str:
    """Return what to write instead of waiting there."""
    if cause is Cause.CONNECTION_POOL:
        more = next((more for library, more in _MORE_CONNECTIONS if f"{library}'s" in what), "")
        return f"give it as many connections as runs go on at once{more}"
    if cause is Cause.FULL_THREAD_POOL:
        return INSTEAD_OF_EXECUTOR
    if " inside " in what:
        return (
            f"it is {what.rpartition(' inside ')[2]} that lets one wait for another: give each run a client of its own"
        )
    if _is_counted(what):
        return (
            "let more go on at once, if what it guards can take that; to bound runs or calls of models use "
            "max_concurrency= of a batch, or LLM(limits=Limits(...))"
        )
    return (
        "hold it for the shared state alone and not across a call; to bound how much goes on at once use "
        "max_concurrency= of a batch, or LLM(limits=Limits(...))"
    )


def _is_counted(what: str) -> bool:
    return any(kind in what for kind in ("Semaphore", "CapacityLimiter"))


def full_executor(name: str, threads: int) -> str:
    """Return which executor had no thread left."""
    which = "the default executor" if name.startswith("asyncio") else f"the executor {name!r}"
    return f"work waited for one of the {threads} threads of {which}"


def instead_of_limit(limit: str) -> str:
    """Return what can be done about a limit."""
    if limit.startswith("max_"):
        return "raise it, if the provider and the machine can take more"
    if limit.startswith("Limits("):
        return "raise Limits(...) of the LLM if the provider allows more"
    if "budget" in limit:
        return "raise the budget, or set max_tokens of the LLM: less is set aside for each call then"
    return "this is the provider's own limit: a higher tier, another key or model, or fewer calls"


def slow_reader(most: int) -> str:
    """Return what a slow reader of outcomes did."""
    return f"outcomes were there that nobody took: with max_concurrency={most} no further input could begin"


def instead_of_needless_context(label: str) -> str:
    """Return how a task need not wait."""
    return f"give it async_execution=True, and context=[...] of just the tasks that it needs (task {label!r})"
