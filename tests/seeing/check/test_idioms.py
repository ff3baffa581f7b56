"""Mistakes as people make them with crews in services, tools and scripts, and what is like them but is none."""

from __future__ import annotations

import pytest

from aiocrew.seeing.check import check_text

SERVICE = """
class Service:
    def run(self, topic):
        return Crew(agents=[], tasks=[]).kickoff({"t": topic})
    @classmethod
    def of_class(cls, topic):
        return Crew(agents=[], tasks=[]).kickoff({"t": topic})
"""
HELPER = """
async def research(topic):
    return (await crew.kickoff_async({"t": topic})).raw
"""
PLAIN = """
def research(topic):
    return crew.kickoff({"t": topic}).raw
"""

MISTAKES = {
    "a service that FastAPI injects": (
        SERVICE + "async def f(t, s: Service = Depends(service)):\n    return s.run(t)\n",
        "AIC101",
    ),
    "a service that is annotated": (
        SERVICE + "async def f(t, s: Annotated[Service, Depends()]):\n    return s.run(t)\n",
        "AIC101",
    ),
    "a service of the module": (
        SERVICE + "service = Service()\nasync def f(t):\n    return service.run(t)\n",
        "AIC101",
    ),
    "a service beside others with such an attribute": (
        SERVICE + "async def f(t, state):\n    state.run = Service().run(t)\n",
        "AIC101",
    ),
    "what a generator goes through": (
        SERVICE + "def words(t):\n    return (word for word in Service().run(t).split())\n"
        "async def f(t):\n    return words(t)\n",
        "AIC101",
    ),
    "a generator's items that are counted": (
        "import time\ndef pause(n):\n    return sum(time.sleep(1) for _ in range(n))\nasync def f():\n    pause(2)\n",
        "AIC201",
    ),
    "a service made in place": (SERVICE + "async def f(t):\n    return Service().run(t)\n", "AIC101"),
    "a method of the class": (SERVICE + "async def f(t):\n    return Service.of_class(t)\n", "AIC101"),
    "a service that a function gives": (
        SERVICE + "def service() -> Service: ...\nasync def f(t):\n    return service().run(t)\n",
        "AIC101",
    ),
    "an inherited method": (
        SERVICE + "class Own(Service):\n    async def f(self, t):\n        return self.run(t)\n",
        "AIC101",
    ),
    "super": (
        SERVICE + "class Own(Service):\n    async def f(self, t):\n        return super().run(t)\n",
        "AIC101",
    ),
    "a background task": (
        "from fastapi import BackgroundTasks\ndef f(tasks: BackgroundTasks):\n    tasks.add_task(crew.kickoff)\n",
        "AIC405",
    ),
    "a helper for a thread": (PLAIN + "async def f(t):\n    await asyncio.to_thread(research, t)\n", "AIC405"),
    "an inner helper for an executor": (
        "async def f(loop, t):\n    def job():\n        return crew.kickoff(t)\n"
        "    await loop.run_in_executor(None, job)\n",
        "AIC405",
    ),
    "a helper for a pool": (
        PLAIN
        + "def f(topics):\n    with ThreadPoolExecutor() as pool:\n        return list(pool.map(research, topics))\n",
        "AIC405",
    ),
    "a loop in a thread": (
        "async def f(pool):\n    return pool.submit(asyncio.run, crew.kickoff_async()).result()\n",
        "AIC405",
    ),
    "a helper that runs a loop in a thread": (
        "def job():\n    return asyncio.run(crew.kickoff_async())\n"
        "async def f(pool):\n    return pool.submit(job).result()\n",
        "AIC405",
    ),
    "a thread of anyio": ("import anyio\nasync def f():\n    await anyio.to_thread.run_sync(crew.kickoff)\n", "AIC405"),
    "a thread of asgiref": (
        "from asgiref.sync import sync_to_async\nasync def f():\n    await sync_to_async(crew.kickoff)()\n",
        "AIC405",
    ),
    "asgiref in async code": (
        "from asgiref.sync import async_to_sync\nasync def f():\n    async_to_sync(crew.kickoff_async)()\n",
        "AIC104",
    ),
    "a notebook's loop": (
        "for t in topics:\n    print(await crew.kickoff_async({'t': t}))\n",
        "AIC401",
    ),
    "asyncio.run in a loop": (
        "def f(topics):\n    for t in topics:\n        print(asyncio.run(crew.kickoff_async({'t': t})))\n",
        "AIC403",
    ),
    "run_until_complete in a loop": (
        "def f(loop, topics):\n    return [loop.run_until_complete(crew.kickoff_async({'t': t})) for t in topics]\n",
        "AIC403",
    ),
    "a helper in a loop": (
        HELPER + "async def f(topics):\n    for t in topics:\n        print(await research(t))\n",
        "AIC401",
    ),
    "a helper by asyncio.run in a loop": (
        HELPER + "def f(topics):\n    return [asyncio.run(research(t)) for t in topics]\n",
        "AIC403",
    ),
    "a plain helper in a loop": (PLAIN + "def f(topics):\n    return [research(t) for t in topics]\n", "AIC403"),
    "helpers in a row": (
        HELPER + "async def f():\n    a = await research('a')\n    b = await research('b')\n    return a, b\n",
        "AIC402",
    ),
    "helpers that are gathered": (
        HELPER + "async def f(topics):\n    return await asyncio.gather(*[research(t) for t in topics])\n",
        "AIC501",
    ),
    "a lock around a helper": (
        HELPER + "lock = asyncio.Lock()\nasync def f(t):\n    async with lock:\n        return await research(t)\n",
        "AIC404",
    ),
    "a coroutine that is printed": ("async def f():\n    result = crew.akickoff()\n    print(result)\n", "AIC301"),
    "a coroutine of a script": ("result = crew.kickoff_async()\nprint(result.raw)\n", "AIC301"),
    "a session as a field": (
        "import requests\nfrom pydantic import Field\nclass T(BaseTool):\n"
        "    session: requests.Session = Field(default_factory=requests.Session)\n"
        "    async def _run(self, url):\n        return self.session.get(url)\n",
        "AIC202",
    ),
    "a client that may be given": (
        "from openai import OpenAI\nclass T(BaseTool):\n    def __init__(self, client: Optional[OpenAI] = None):\n"
        "        self.client = client or OpenAI()\n"
        "    async def _run(self, q):\n        return self.client.responses.create(input=q)\n",
        "AIC202",
    ),
    "the module of openai": ("import openai\nasync def f():\n    openai.chat.completions.create()\n", "AIC202"),
    "openai on Azure": (
        "from openai import AzureOpenAI\nasync def f():\n    AzureOpenAI().embeddings.create()\n",
        "AIC202",
    ),
    "Gemini": (
        "from google import genai\nc = genai.Client()\nasync def f():\n    c.models.generate_content()\n",
        "AIC202",
    ),
    "S3": ("import boto3\ns3 = boto3.client('s3')\nasync def f():\n    s3.get_object(Bucket='b', Key='k')\n", "AIC202"),
    "a table of DynamoDB": (
        "import boto3\ntable = boto3.resource('dynamodb').Table('t')\nasync def f():\n    table.get_item(Key={})\n",
        "AIC202",
    ),
}

NO_MISTAKES = {
    "an unknown base before the one that blocks": SERVICE
    + "class Own(Other, Service): ...\nasync def f(t):\n    return Own().run(t)\n",
    "a method that is overridden": SERVICE
    + "class Own(Service):\n    async def run(self, t): ...\nasync def f(t):\n    return await Own().run(t)\n",
    "a kickoff of the class's own": "class Job:\n    def kickoff(self): ...\n"
    "async def f(job: Job):\n    job.kickoff()\n",
    "bases in a circle": "class A(B): ...\nclass B(A): ...\nclass C(C): ...\n"
    "async def f(b: B, c: C):\n    b.run(); c.run()\n",
    "a plain map": "def f(topics):\n    return list(map(crew.kickoff, topics))\n",
    "the map of a table": "def f(table):\n    return table.map(crew.kickoff)\n",
    "processes": (
        "from concurrent.futures import ProcessPoolExecutor\n"
        "def f(topics):\n    with ProcessPoolExecutor() as pool:\n        return list(pool.map(crew.kickoff, topics))\n"
    ),
    "a thread for another loop": (
        "import threading\ndef job():\n    asyncio.run(serve())\ndef f():\n    threading.Thread(target=job).start()\n"
    ),
    "a thread for what waits for a database, too": (
        "import sqlite3\ndef keep(t):\n    text = crew.kickoff(t).raw\n    sqlite3.connect('a').execute(text)\n"
        "async def f(t):\n    await asyncio.to_thread(keep, t)\n"
    ),
    "a task that is only made under a lock": (
        HELPER + "lock = asyncio.Lock()\nasync def f(tasks, t):\n    async with lock:\n"
        "        tasks.append(asyncio.create_task(crew.kickoff_async(t)))\n        tasks.append(research(t))\n"
    ),
    "helpers that catch what fails": (
        "async def research(t):\n    try:\n        return await crew.kickoff_async({'t': t})\n    except ValueError:\n"
        "        return None\n"
        "async def f(topics):\n    return await asyncio.gather(*[research(t) for t in topics])\n"
    ),
    "helpers that need each other": HELPER
    + "async def f(topics):\n    text = ''\n    for t in topics:\n        text = await research(t + text)\n",
    "a helper that a decorator may change": "@cached"
    + HELPER
    + "async def f(topics):\n    return [await research(t) for t in topics]\n",
    "helpers that are gathered, with results": HELPER
    + "async def f(topics):\n    await asyncio.gather(*[research(t) for t in topics], return_exceptions=True)\n",
    "a generator": "def outputs(t):\n    yield crew.kickoff(t)\n"
    "def f(topics):\n    for t in topics:\n        for output in outputs(t):\n            print(output)\n",
    "a generator's items": "import time\ndef outputs(topics):\n    return (crew.kickoff({'t': t}) for t in topics)\n"
    "def pauses(n):\n    pauses = (time.sleep(1) for _ in range(n))\n    return pauses\n"
    "async def f(topics):\n    return outputs(topics), pauses(2)\n",
    "a method in whose place another is put": SERVICE
    + "service = Service()\nservice.run = quick\nasync def f(t):\n    return service.run(t)\n",
    "a method of the class in whose place another is put": SERVICE
    + "Service.run = quick\nclass Own(Service): ...\nasync def f(t):\n    return Own().run(t)\n",
    "a method that a test replaces": SERVICE
    + "async def f(monkeypatch, t):\n    monkeypatch.setattr(Service, 'run', quick)\n    return Service().run(t)\n",
    "runs that need each other, and a group of exceptions": "async def f(topics):\n    for t in topics:\n        try:\n"
    "            last = await crew.kickoff_async({'t': t, 'last': last})\n"
    "        except* ValueError:\n            pass\n",
    "helpers that catch a group of exceptions": (
        "async def research(t):\n    try:\n        return await crew.kickoff_async({'t': t})\n    except* ValueError:\n"
        "        pass\n"
        "async def f(topics):\n    return await asyncio.gather(*[research(t) for t in topics])\n"
    ),
    "a coroutine of a script that another module awaits": "result = crew.kickoff_async()\n",
    "a coroutine that is handed on": "result = crew.kickoff_async()\nasyncio.run(result)\n",
    "a client that may be another one": (
        "from openai import OpenAI\nasync def f(client=None):\n    (client or OpenAI()).responses.create()\n"
    ),
    "an async client": "from openai import AsyncOpenAI\nasync def f():\n    await AsyncOpenAI().responses.create()\n",
    "what boto3 makes without asking": (
        "import boto3\nasync def f():\n    return boto3.client('s3').generate_presigned_url('get_object')\n"
    ),
    "a plain route": "@app.get('/')\ndef f():\n    return crew.kickoff()\n",
    "a file": "async def f(path):\n    return open(path).read()\n",
}

HEAD = "import asyncio\nfrom concurrent.futures import ThreadPoolExecutor\nfrom typing import Annotated, Optional\n"
CREW = "from crewai import Crew\nfrom crewai.tools import BaseTool\ncrew = Crew(agents=[], tasks=[])\n"


@pytest.mark.parametrize(("program", "code"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_found(program: str, code: str) -> None:
    assert [finding.code for finding in check_text(HEAD + CREW + program, "a.py")] == [code]


@pytest.mark.parametrize("program", NO_MISTAKES.values(), ids=NO_MISTAKES.keys())
def test_what_is_none_is_let_be(program: str) -> None:
    assert [finding.message for finding in check_text(HEAD + CREW + program, "a.py")] == []


def test_a_crew_of_another_module_is_known_by_its_inputs() -> None:
    program = "from crews import news\nasync def f(topic):\n    return news.kickoff(inputs={'t': topic})\n"
    assert [finding.code for finding in check_text(program, "a.py")] == ["AIC101"]
    assert check_text(program.replace("inputs=", ""), "a.py") == []


def test_what_to_write_instead_of_a_helper_names_it() -> None:
    loop = "def f(topics):\n    return [research(t) for t in topics]\n"
    (finding,) = check_text(HEAD + CREW + PLAIN + loop, "a.py")
    gathered = "await asyncio.gather(*[research(t) for t in topics], return_exceptions=True)"
    assert finding.instead == f"make research an async function, and in another: {gathered}"
    (finding,) = check_text(HEAD + CREW + HELPER + loop.replace("research(t)", "asyncio.run(research(t))"), "a.py")
    assert finding.instead == f"in one async function, run once: {gathered}"
