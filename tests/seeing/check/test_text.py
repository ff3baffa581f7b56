"""What the checker makes of a text: places, comments, names, and what it lets be."""

from __future__ import annotations

import pytest

from aiocrew.seeing.check import Finding, check_text

HEAD = "from aiocrew import Crew\n"


def codes(source: str) -> list[str]:
    return [finding.code for finding in check_text(HEAD + source, "a.py")]


def test_a_finding_has_its_place_in_characters() -> None:
    source = HEAD + "async def f(crew):\n    x = 'é→😀'; crew.kickoff(\n        {}\n    )\n"
    (finding,) = check_text(source, "some/a.py")
    assert finding == Finding(
        path="some/a.py",
        line=3,
        column=16,
        code="AIC101",
        message="kickoff() inside async def stops the event loop, and every crew on it",
        instead="await crew.kickoff_async(...)",
        end_line=5,
        end_column=6,
    )


@pytest.mark.parametrize(
    ("comment", "is_heeded"),
    [
        ("# aiocrew: ignore", True),
        ("# aiocrew: ignore[AIC101]", True),
        ("# aiocrew: ignore[AIC501, aic101]  for a reason", True),
        ("# noqa: E501  # aiocrew:ignore[AIC101]", True),
        ("# aiocrew: ignore[AIC102]", False),
        ("# aiocrew: ignore[]", False),
        ("# aiocrew: ignore[AIC101", False),
        ("# aiocrew: ignored", False),
        ("# ignore", False),
        ("; '# aiocrew: ignore'", False),
    ],
)
def test_comments_ignore_what_they_name(comment: str, is_heeded: bool) -> None:
    assert codes(f"async def f(crew):\n    crew.kickoff() {comment}\n") == ([] if is_heeded else ["AIC101"])


def test_a_comment_counts_on_the_first_line_of_the_statement_and_on_the_findings_own() -> None:
    statement = "async def f(crew):\n    texts = [  {}\n        crew.kickoff(),  {}\n    ]  {}\n    return texts\n"
    ignore = "# aiocrew: ignore"
    assert codes(statement.format(ignore, "", "")) == []
    assert codes(statement.format("", ignore, "")) == []
    assert codes(statement.format("", "", ignore)) == ["AIC101"]


@pytest.mark.parametrize(
    "source",
    [
        "async def f(runner):\n    await runner.kickoff()\n",
        "async def f(crew):\n    def job():\n        return crew.kickoff()\n    return job\n",
        "async def f(crew):\n    return lambda: crew.kickoff()\n",
        "async def f(crew, text=crew.kickoff()):\n    return text\n",
        "def f(crew):\n    return crew.kickoff()\n",
        "import time\nclass time:\n    sleep = print\nasync def f():\n    time.sleep(1)\n",
        "async def f(time):\n    time.sleep(1)\n",
        "def input(text): ...\n@app.get('/')\nasync def f():\n    input('')\n",
        "import redis.asyncio as redis\nasync def f():\n    await redis.Redis().get('a')\n",
        "from redis import Redis\nasync def f():\n    Redis().pipeline().get('a')\n",
        "import psycopg\nasync def f():\n    c = await psycopg.AsyncConnection.connect()\n    await c.execute('')\n",
        "try:\n    import requests\nexcept ImportError:\n    requests = Fake()\nasync def f():\n    requests.get('')\n",
        "import time\n@threaded\ndef wait():\n    time.sleep(1)\nasync def f():\n    wait()\n",
        "import time\ndef pauses():\n    yield time.sleep(1)\nasync def f():\n    pauses()\n",
        "import asyncio\nasync def g(): ...\ndef run():\n    if outside():\n        asyncio.run(g())\n"
        "async def f():\n    run()\n",
    ],
    ids=[
        "awaited, of an unknown thing",
        "in an inner function",
        "in a lambda",
        "in a default, which the module evaluates",
        "in a plain function",
        "a class in the module's place",
        "a parameter in the module's place",
        "a function in the place of input",
        "an async driver",
        "a pipeline, which only collects",
        "an async connection",
        "one of two meanings",
        "a decorator, which may change it",
        "a generator, which does not begin",
        "a plain function that asks first",
    ],
)
def test_what_is_not_certain_is_not_reported(source: str) -> None:
    assert codes(source) == []


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("import time as t\nasync def f():\n    t.sleep(1)\n", "AIC201"),
        ("async def f():\n    from time import sleep as nap\n    nap(1)\n", "AIC201"),
        ("import requests\nrequests = None\nasync def f():\n    requests.get('')\n", "AIC202"),
        ("import sqlite3\nasync def f(c: sqlite3.Connection | None):\n    c.execute('')\n", "AIC203"),
        ("from pymongo import MongoClient\ndb = MongoClient()['a']\nasync def f():\n    db.b.find_one()\n", "AIC203"),
        ("from openai import OpenAI\nc = OpenAI()\nasync def f():\n    c.chat.completions.create()\n", "AIC202"),
        ("import time\ndef a():\n    b()\ndef b():\n    time.sleep(1); a()\nasync def f():\n    a()\n", "AIC201"),
        ("async def f(task):\n    task.execute_sync()\n", "AIC101"),
        ("async def f(crew):\n    return crew.kickoff_async().raw\n", "AIC301"),
    ],
)
def test_names_are_followed_through_the_module(source: str, code: str) -> None:
    assert codes(source) == [code]


def test_a_plain_function_is_told_with_the_line_in_which_it_blocks() -> None:
    source = HEAD + "import time\ndef wait():\n    time.sleep(1)\nasync def f():\n    wait()\n"
    (finding,) = check_text(source, "a.py")
    assert finding.message == "wait() stops the event loop: in line 4 it calls time.sleep()"
    assert finding.instead == "await asyncio.to_thread(wait, ...)"


def test_a_module_that_has_nothing_to_do_with_crews_is_let_be() -> None:
    assert check_text("import time\nasync def f():\n    time.sleep(1)\n", "a.py") == []


def test_line_ends_of_every_system_count_the_same() -> None:
    source = HEAD + "async def f(crew):\n    '''\f'''\n    crew.kickoff()\n"
    assert [check_text(source.replace("\n", end), "a.py")[0].line for end in ("\n", "\r\n", "\r")] == [4, 4, 4]


@pytest.mark.parametrize(
    ("source", "line", "reason"),
    [
        ("x = 1\ncrew = (\n", 2, "'(' was never closed"),
        ("crew = 1\n\0", 2, "null byte"),
        ("crew" + "(" * 300 + ")" * 300, 1, "nested"),
        ("crew = " + "-" * 50_000 + "1", 1, "nested"),
    ],
    ids=["syntax", "null bytes", "parentheses", "operators"],
)
def test_what_cannot_be_parsed_is_one_finding_with_its_line(source: str, line: int, reason: str) -> None:
    (finding,) = check_text(source, "a.py")
    assert (finding.code, finding.line) == ("AIC001", line)
    assert reason in finding.message


def test_a_long_sum_and_a_long_chain_are_read() -> None:
    source = "x = " + " + ".join(["'a'"] * 900) + "\ny = a" + ".b()" * 100 + "\nfor c in x:\n    c.kickoff(x)\n"
    assert codes(source) == ["AIC403"]
