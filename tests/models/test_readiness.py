"""A crew that will call out loads its HTTP client when it is written down; one that will not never loads it."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from aiocrew import LLM, Agent, Crew, Task

class Own:
    async def reply(self, request): ...

agent = Agent(role="a", goal="b", backstory="c", llm={llm})
assert "aiohttp" not in sys.modules
Crew(agents=[agent], tasks=[Task(description="d", expected_output="e", agent=agent)])
print("aiohttp" in sys.modules)
"""


@pytest.mark.parametrize(
    ("llm", "default", "loaded"),
    [
        ("None", "", True),
        ("None", "offline/demo", False),
        ("'openai/gpt-4o-mini'", "offline/demo", True),
        ("LLM('gpt-4o-mini')", "", True),
        ("LLM('offline/demo')", "", False),
        ("'offline:200ms'", "", False),
        ("Own()", "", False),
    ],
)
def test_aiohttp_is_loaded_with_the_crew_that_needs_it(
    monkeypatch: pytest.MonkeyPatch, llm: str, default: str, loaded: bool
) -> None:
    monkeypatch.setenv("MODEL", default)
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(llm=llm)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"{loaded}\n", "")


ALONE = """
import asyncio, sys, threading
from aiocrew import Agent, ModelConnectionError, LLM

loaded_in = []
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "aiohttp":
            loaded_in.append(threading.current_thread() is threading.main_thread())
sys.meta_path.insert(0, Finder())
llm = LLM("m", base_url="http://127.0.0.1:9", api_key="k", max_retries=0)
agent = Agent(role="a", goal="b", backstory="c", llm=llm)
try:
    asyncio.run(agent.kickoff_async("hello"))
except ModelConnectionError:
    print(loaded_in)
"""


def test_an_agent_by_itself_loads_it_beside_the_loop() -> None:
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[False]\n", "")
