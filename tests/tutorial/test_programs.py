"""The tutorial's programs, word for word, on aiocrew: real sockets, a process for each."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from time import perf_counter

import aiohttp

from tests.server.children import run_python, under_uvicorn
from tests.server.loopback import LoopbackProvider

PROGRAMS = Path(__file__).parent / "programs"


def run(program: str, provider: LoopbackProvider | None = None) -> str:
    """Return what a program of the tutorial prints; it may not complain."""
    done = run_python(str(PROGRAMS / program), provider=provider)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def summary(topic: str) -> str:
    return f"re: Research {topic} and summarize findings in 3 bullet points."


def test_step_1_prints_the_level_of_the_api() -> None:
    assert run("version.py") == "0.80.0\n"


def test_step_2_a_crew_searches_and_answers() -> None:
    with LoopbackProvider() as provider:
        printed = run("single.py", provider)
    assert printed == summary("LangGraph 0.3 release") + "\n"
    assert len(provider.counts.asked) == 2
    assert len(provider.counts.searches) == 1


def test_step_3_three_crews_are_in_flight_together() -> None:
    topics = ["CrewAI 0.80 changelog", "LangGraph vs CrewAI 2026", "AutoGen 0.5 new features"]
    with LoopbackProvider() as provider:
        provider.hold(until=3)
        printed = run("gather.py", provider)
    assert printed == "".join(f"\n=== {topic} ===\n{summary(topic)}\n" for topic in topics)
    assert provider.counts.peak == 3


def test_step_4_results_come_in_the_order_of_the_inputs() -> None:
    topics = ["Ollama 0.6 release", "vLLM v0.7 performance", "llama.cpp GGUF v4"]
    with LoopbackProvider() as provider:
        provider.hold(until=3)
        printed = run("for_each.py", provider)
    assert printed == "".join(f"\n--- {topic} ---\n{summary(topic)}\n" for topic in topics)
    assert provider.counts.peak == 3


async def post(client: aiohttp.ClientSession, topics: list[str]) -> dict[str, str]:
    async with client.post("/research", json={"topics": topics}) as response:
        assert response.status == 200
        return (await response.json())["results"]


async def ping(client: aiohttp.ClientSession) -> str:
    async with client.get("/ping") as response:
        return await response.json()


async def test_step_5_both_topics_of_a_request_are_researched_at_once(tmp_path: Path) -> None:
    topics = ["CrewAI async", "LangGraph streaming"]
    with (
        LoopbackProvider() as provider,
        under_uvicorn("tests.tutorial.serving:app", tmp_path / "log", provider) as url,
    ):
        provider.hold(until=2)
        async with aiohttp.ClientSession(url) as client:
            assert await post(client, topics) == {topic: summary(topic) for topic in topics}


async def test_step_5_ten_requests_wait_together_and_the_other_route_goes_on(tmp_path: Path) -> None:
    topics = [f"topic {n}" for n in range(10)]
    with (
        LoopbackProvider(latency_s=0.4) as provider,
        under_uvicorn("tests.tutorial.serving:app", tmp_path / "log", provider) as url,
    ):
        async with aiohttp.ClientSession(url) as client:
            assert await ping(client) == "pong"  # the server is up: its start is in no measured time
            began_s = perf_counter()
            assert await post(client, ["alone"]) == {"alone": summary("alone")}
            one_s = perf_counter() - began_s

            began_s = perf_counter()
            posts = [asyncio.create_task(post(client, [topic])) for topic in topics]
            assert await asyncio.gather(*posts) == [{topic: summary(topic)} for topic in topics]
            assert perf_counter() - began_s < 2 * one_s
            assert provider.counts.peak == 10

            provider.hold()
            posts = [asyncio.create_task(post(client, [topic])) for topic in topics]
            await provider.seen(lambda counts: counts.in_flight == 10)
            for _ in range(20):
                assert await ping(client) == "pong"
            assert not any(one.done() for one in posts)
            provider.release()
            assert await asyncio.gather(*posts) == [{topic: summary(topic)} for topic in topics]
    log = (tmp_path / "log").read_text()
    assert "Application shutdown complete" in log
    assert not re.search("Warning|Unclosed|Traceback", log), log


def test_the_benchmark_shows_four_crews_side_by_side() -> None:
    with LoopbackProvider(latency_s=1.0) as provider:
        printed = run("benchmark.py", provider)
    speedup = re.search(r"^Speedup: ([\d.]+)x$", printed, re.MULTILINE)
    assert speedup is not None, printed
    assert float(speedup[1]) >= 3.8, printed
    assert (len(provider.counts.asked), provider.counts.peak) == (8, 4)
