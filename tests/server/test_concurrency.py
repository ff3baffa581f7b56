"""Nothing but the provider makes a crew wait: not the default executor, not another crew's tool, not another loop."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import uvicorn
import uvloop
from fastapi import FastAPI

from aiocrew import LLM, SerperDevTool, tool
from tests.server.crews import crew_for
from tests.server.loopback import LoopbackProvider

CREWS = 200


async def test_a_call_starts_at_once_while_the_default_executor_is_full(provider: LoopbackProvider) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    end = threading.Event()
    occupied = loop.run_in_executor(None, end.wait)
    waits_in_line = loop.run_in_executor(None, end.is_set)
    try:
        llm = LLM("gpt-4o-mini", base_url=provider.by_name)  # a name, which somebody has to look up
        async with asyncio.timeout(10):  # only to fail where it would wait for ever
            assert (await crew_for("a question", llm=llm).kickoff_async()).raw == "re: a question"
        assert not occupied.done()
        assert not waits_in_line.done()
    finally:
        end.set()
    assert await waits_in_line


async def test_the_synchronous_tools_of_200_crews_run_at_the_same_time(provider: LoopbackProvider) -> None:
    all_here = threading.Barrier(CREWS)
    met: list[str] = []

    @tool("Meet")
    def meet(query: str) -> str:
        """Wait for everyone else."""
        all_here.wait(10)
        met.append(query)
        return "we are all here"

    crews = [crew_for(f"question {n}", tools=[meet]) for n in range(CREWS)]
    outputs = await asyncio.gather(*[crew.kickoff_async() for crew in crews])
    assert [output.raw for output in outputs] == [f"re: question {n}" for n in range(CREWS)]
    assert sorted(met) == sorted(output.raw.removeprefix("re: ") for output in outputs)


def in_threads(*jobs: Callable[[], object]) -> None:
    """Run every job in a thread of its own, to their ends; raises what one of them raised."""
    with ThreadPoolExecutor(len(jobs)) as threads:
        for job in [threads.submit(job) for job in jobs]:
            job.result()


def test_loops_in_several_threads_have_their_calls_in_flight_together(provider: LoopbackProvider) -> None:
    crew = crew_for("{n}", tools=[SerperDevTool()])
    inputs = [{"n": f"question {n}"} for n in range(5)]
    answers = [f"re: question {n}" for n in range(5)]

    async def on_a_loop() -> None:
        outputs = await asyncio.gather(*[crew.kickoff_async(item) for item in inputs])
        assert [output.raw for output in outputs] == answers

    def batch() -> None:
        assert [outcome.raw for outcome in crew.kickoff_for_each(inputs)] == answers

    def one_by_one() -> None:
        assert [crew.kickoff(item).raw for item in inputs] == answers

    provider.hold(until=3 * 5 + 3 * 5 + 2)
    asyncio_loops = [lambda: asyncio.run(on_a_loop())] * 3
    in_threads(*asyncio_loops, *[batch] * 3, *[one_by_one] * 2)
    assert len(provider.counts.searches) == 8 * 5
    provider.wait_for(lambda counts: counts.open == 0)


def test_two_crews_at_once_on_uvloop(provider: LoopbackProvider) -> None:
    async def scenario() -> None:
        provider.hold(until=2)
        crews = [crew_for(text, tools=[SerperDevTool()]) for text in ("left", "right")]
        outputs = await asyncio.gather(*[crew.kickoff_async() for crew in crews])
        assert [output.raw for output in outputs] == ["re: left", "re: right"]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())
    provider.wait_for(lambda counts: counts.open == 0)
    assert sorted(provider.counts.searches) == ["left", "right"]


def test_uvicorn_closes_the_connections_as_it_shuts_down(provider: LoopbackProvider) -> None:
    app = FastAPI()

    @app.get("/answer")
    async def answer() -> str:
        return (await crew_for("a question").kickoff_async()).raw

    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))

    def ask() -> None:
        client = http.client.HTTPConnection(*listening.getsockname())
        with contextlib.closing(client):
            client.request("GET", "/answer")
            assert json.load(client.getresponse()) == "re: a question"
        assert provider.counts.open == 1
        server.should_exit = True

    with socket.create_server(("127.0.0.1", 0)) as listening:
        # In this process, which lives on: a connection that nobody closes would stay open.
        in_threads(lambda: server.run([listening]), ask)
    provider.wait_for(lambda counts: counts.open == 0)
