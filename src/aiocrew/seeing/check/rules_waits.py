"""The rules about other libraries' calls that stop the loop."""

from __future__ import annotations

from aiocrew.seeing.check.rule import Rule

__all__ = ["WAIT_RULES"]

WAIT_RULES = (
    Rule(
        code="AIC201",
        name="`time.sleep()` in async code",
        why=(
            "It stops the whole event loop, not just the tool, callback or route that calls it. Like all rules "
            "from AIC201 to AIC204 it holds for every `async def` of a module that works with crews, and for "
            "plain functions of that module that such a one calls. A tool that is a plain function may sleep: it "
            "has a thread."
        ),
        bad='''\
import time

from aiocrew import tool


@tool
async def wait_for_quota(seconds: float) -> str:
    """Wait until the quota is there again."""
    time.sleep(seconds)
    return "go on"
''',
        good='''\
import asyncio

from aiocrew import tool


@tool
async def wait_for_quota(seconds: float) -> str:
    """Wait until the quota is there again."""
    await asyncio.sleep(seconds)
    return "go on"
''',
    ),
    Rule(
        code="AIC202",
        name="Synchronous HTTP in async code",
        why=(
            "`requests`, `urllib`, the functions and the `Client` of httpx, and the synchronous clients of openai, "
            "anthropic, Groq, Together and Gemini, `litellm.completion` and the commonest calls of boto3 hold the "
            "thread until the server has answered. Use an async client, or make the tool a plain function: then it "
            "has a thread."
        ),
        bad="""\
from urllib.request import urlopen

from aiocrew import BaseTool


class PageTool(BaseTool):
    name: str = "Read a page"
    description: str = "Gives the text of a page."

    async def _run(self, url: str) -> str:
        return urlopen(url).read().decode()
""",
        good="""\
from urllib.request import urlopen

from aiocrew import BaseTool


class PageTool(BaseTool):
    name: str = "Read a page"
    description: str = "Gives the text of a page."

    def _run(self, url: str) -> str:
        return urlopen(url).read().decode()
""",
    ),
    Rule(
        code="AIC203",
        name="A synchronous database call in async code",
        why=(
            "Connecting, executing and committing wait for a disk or a server: sqlite3, psycopg, psycopg2, "
            "pymysql, MySQLdb, mysql.connector, pyodbc, SQLAlchemy's engine and session, redis, pymongo. Found "
            "where the module itself shows where the connection comes from."
        ),
        bad="""\
import sqlite3

from aiocrew import TaskOutput


async def keep(output: TaskOutput) -> None:
    with sqlite3.connect("outputs.sqlite") as outputs:
        outputs.execute("INSERT INTO outputs VALUES (?)", (output.raw,))
""",
        good="""\
import asyncio
import sqlite3

from aiocrew import TaskOutput


def insert(text: str) -> None:
    with sqlite3.connect("outputs.sqlite") as outputs:
        outputs.execute("INSERT INTO outputs VALUES (?)", (text,))


async def keep(output: TaskOutput) -> None:
    await asyncio.to_thread(insert, output.raw)
""",
    ),
    Rule(
        code="AIC204",
        name="Waiting for a process in async code",
        why="`subprocess.run` and its kin, and `os.system`, return when the other program has ended.",
        bad='''\
import subprocess

from aiocrew import tool


@tool
async def last_commit(folder: str) -> str:
    """Give the last commit of a repository."""
    return subprocess.check_output(["git", "-C", folder, "log", "-1"], text=True)
''',
        good='''\
import asyncio
import subprocess

from aiocrew import tool


@tool
async def last_commit(folder: str) -> str:
    """Give the last commit of a repository."""
    command = ["git", "-C", folder, "log", "-1"]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    said, _ = await process.communicate()
    return said.decode()
''',
    ),
    Rule(
        code="AIC205",
        name="`input()` in an async tool, callback, route or method of a flow",
        why=(
            "Until somebody has typed an answer no crew goes on. In any other `async def` it is let be: a program "
            "that talks to one person has nothing else to do."
        ),
        bad="""\
from aiocrew import TaskOutput


async def approve(output: TaskOutput) -> tuple[bool, str]:
    return input(f"{output.raw}\\nGood? ") == "y", output.raw


def settings() -> dict[str, object]:
    return dict(guardrail=approve)
""",
        good="""\
import asyncio

from aiocrew import TaskOutput


async def approve(output: TaskOutput) -> tuple[bool, str]:
    said = await asyncio.to_thread(input, f"{output.raw}\\nGood? ")
    return said == "y", output.raw


def settings() -> dict[str, object]:
    return dict(guardrail=approve)
""",
    ),
)
