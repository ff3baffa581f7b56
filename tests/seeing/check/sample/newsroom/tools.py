"""Tools of a project on aiocrew, async ones that block among them."""

import asyncio
import sqlite3
import subprocess
import time
import urllib.request as web
from time import sleep as nap

import requests
from aiocrew import BaseTool as Tool
from aiocrew import tool

session = requests.Session()


@tool
async def slow_search(query: str) -> str:
    """Search."""
    time.sleep(1)  # expect: AIC201
    nap(1)  # expect: AIC201
    found = requests.get("https://example.com", params={"q": query})  # expect: AIC202
    more = session.post("https://example.com", json={"q": query})  # expect: AIC202
    with web.urlopen("https://example.com") as page:  # expect: AIC202
        return found.text + more.text + page.read().decode()


@tool("Search")
def search(query: str) -> str:
    """Search in a thread: all of this may wait."""
    time.sleep(1)
    return requests.get("https://example.com", params={"q": query}).text


@tool
async def polite_search(query: str) -> str:
    """Search, and let others work meanwhile."""
    await asyncio.sleep(1)
    await asyncio.to_thread(time.sleep, 1)
    return await asyncio.to_thread(lambda: requests.get("https://example.com").text)


class Notes(Tool):
    name: str = "Notes"
    description: str = "Keeps notes."

    def __init__(self) -> None:
        super().__init__()
        self._notes = sqlite3.connect("notes.sqlite")

    async def _run(self, text: str) -> str:
        cursor = self._notes.cursor()
        cursor.execute("INSERT INTO notes VALUES (?)", (text,))  # expect: AIC203
        self._notes.commit()  # expect: AIC203
        return self._look(text)  # expect: AIC203

    def _look(self, text: str) -> str:
        return str(self._notes.execute("SELECT * FROM notes WHERE text = ?", (text,)).fetchone())


class Shell(Tool):
    name: str = "Shell"
    description: str = "Carries out a command."

    async def _arun(self, command: str) -> str:
        if input(f"{command}? ") != "y":  # expect: AIC205
            return "no"
        done = subprocess.run(["sh", "-c", command], capture_output=True)  # expect: AIC204
        return done.stdout.decode()

    def _run(self, command: str) -> str:
        return subprocess.run(["sh", "-c", command], capture_output=True).stdout.decode()
